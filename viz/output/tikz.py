"""The positioned picture as TikZ: compiled alone, or in a document, whose font its texts then have."""

from __future__ import annotations

from collections.abc import Iterator

from tensorgrad.viz.layout.scene import Arrow, Pen, Scene
from tensorgrad.viz.layout.splines import Point, Spline, cut_end, head_corners
from tensorgrad.viz.layout.themes import Theme

from .latex import latex
from .paper import check_room

_HEAD = r"""%% Needs TikZ, amsmath. In a document: \usepackage{standalone,tikz}, and \input this file, or copy it.
%% pdflatex, or xelatex where a name holds letters that TeX does not know.
\documentclass{article}
\usepackage[paperwidth=%.2fbp,paperheight=%.2fbp,margin=0bp]{geometry}
\usepackage{amsmath,amssymb,tikz}
\pagestyle{empty}\parindent=0pt\topskip=0pt
\begin{document}%%
"""


def tikz_text(scene: Scene, theme: Theme) -> str:
    """Return a LaTeX document that holds `scene` as one `tikzpicture` of its size in points of PostScript (bp).

    Raises:
        TensorgradError: it is larger than TeX's largest length.
    """
    left, bottom, right, top = scene.bounds()
    # Lengths, and places as well, which are seen from the origin.
    check_room((max(right - left, -left, right), max(top - bottom, -bottom, top)), "tex")
    printer = _Printer(theme, scene.head)
    head = _HEAD.rstrip() % (right - left, top - bottom)
    lines = [r"\begin{tikzpicture}[x=1bp,y=1bp,line cap=butt,every node/.style={inner sep=0pt,outer sep=0pt}]"]
    lines += [rf"\definecolor{{tg{role}}}{{HTML}}{{{value[1:].upper()}}}" for role, value in printer.colours.items()]
    paper = ",fill=tgground" if "ground" in printer.colours else ""
    lines.append(rf"\path[use as bounding box{paper}] {_at((left, bottom))} rectangle {_at((right, top))};")
    tail = [r"\end{tikzpicture}%", r"\end{document}", ""]
    return "\n".join([head, *lines, *printer.body(scene), *tail])


class _Printer:
    def __init__(self, theme: Theme, head: float) -> None:
        self.theme = theme
        self.head = head
        self.colours = {role: value for role, value in theme.colours.items() if value != "none"}

    def body(self, scene: Scene) -> Iterator[str]:
        """Yield the commands that draw: frames lie below arrows, arrows below circles."""
        for frame in scene.frames:
            pen = Pen("grey", frame.size / 14, "dashed")
            for left, bottom, right, top in frame.corners:
                corners = f"rounded corners={frame.size * 12 / 14:.1f}bp"
                yield rf"\draw[{self.stroke(pen)},{corners}] {_at((left, bottom))} rectangle {_at((right, top))};"
            yield self.text(frame.module.label, frame.title, frame.size, "mute")
        for arrow in scene.arrows:
            yield from self.arrow(arrow)
        for outline in scene.outlines:
            if outline.vertex.kind == "output":
                continue
            (x, y), (w, h) = outline.center, outline.half
            fill = ",fill=tgfill" if "fill" in self.colours else ""
            if outline.vertex.heat is not None:
                fill = f",fill={_mixed(self.theme.filling(outline.vertex.heat))}"
            path = rf"{_at((x, y))} circle [radius={w:.2f}]"
            if not outline.round:
                fill += f",rounded corners={min(12 * outline.scale, h / 2):.1f}bp"
                path = f"{_at((x - w, y - h))} rectangle {_at((x + w, y + h))}"
            yield rf"\draw[{self.stroke(outline.pen)}{fill}] {path};"
            for text, center in outline.lines:
                yield self.text(text, center, outline.size, "ink")
        for note in scene.notes:
            yield self.text(note.text, note.center, note.size, note.role)

    def arrow(self, arrow: Arrow) -> Iterator[str]:
        body, tip = cut_end(arrow.pieces[-1], self.head)
        for piece in (*arrow.pieces[:-1], body):
            yield rf"\draw[{self.stroke(arrow.pen)}] {_curve(piece)};"
        corners = " -- ".join(map(_at, head_corners(body, tip)))
        yield rf"\fill[tg{arrow.pen.role}] {corners} -- cycle;"
        for center in arrow.centers:
            yield self.text(arrow.label, center, arrow.size, arrow.pen.role)

    def stroke(self, pen: Pen) -> str:
        dash = {"dashed": ",dash pattern=on 5bp off 2bp", "dotted": ",dash pattern=on 1bp off 3bp"}.get(pen.dash, "")
        return f"tg{pen.role},line width={pen.width:.2f}bp{dash}"

    def text(self, text: str, center: Point, size: float, role: str) -> str:
        font = rf"\fontsize{{{size:.2f}bp}}{{{size * 1.2:.2f}bp}}\selectfont"
        shown = latex(text, italic=self.theme.italic) if text.strip() else ""
        return rf"\node[text=tg{role},font={font}] at {_at(center)} {{{shown}}};"


def _mixed(colour: str) -> str:
    """Return a colour as TikZ reads it where it is used once.

    >>> _mixed("#ff9a3c")
    '{rgb,255:red,255;green,154;blue,60}'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _at(point: Point) -> str:
    return f"({point[0]:.2f},{point[1]:.2f})"


def _curve(spline: Spline) -> str:
    cubics = [spline[i : i + 3] for i in range(1, len(spline), 3)]
    return _at(spline[0]) + "".join(f" .. controls {_at(a)} and {_at(b)} .. {_at(c)}" for a, b, c in cubics)
