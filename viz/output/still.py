"""The positioned picture as SVG that stands still: no style sheet, no script, every colour an attribute."""

from __future__ import annotations

import math
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from tensorgrad.viz.layout.scene import Arrow, Corners, Frame, Note, Outline, Pen, Scene
from tensorgrad.viz.layout.splines import Point, Spline, cut_end, heading, left_of, moved
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.text import clean

_BASELINE = 0.3  # of the font's size, below the middle of a text
_CORNER = 12.0  # radius of a frame's or a box's corners, at most
_BEND = 0.4477  # of it, how far a control point of a quarter of a circle stands from the corner
_DASHES = {"dashed": "5,2", "dotted": "1,3"}


def still_svg(scene: Scene, theme: Theme, *, unit: str = "pt") -> str:
    """Return `scene` as one SVG element of its size in points, in groups that have the ids of what they show."""
    left, bottom, right, top = scene.bounds()
    wide, high = right - left, top - bottom
    printer = _Printer(theme, scene.head)
    groups = [*map(printer.frame, scene.frames), *map(printer.arrow, scene.arrows), *map(printer.note, scene.notes)]
    groups += [printer.outline(outline) for outline in scene.outlines if outline.vertex.kind != "output"]
    ground = "" if theme.ground == "none" else f'<rect width="100%" height="100%" fill="{theme.ground}"/>\n'
    body = "\n".join(groups)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.2f}{unit}" height="{high:.2f}{unit}" '
        f'viewBox="0.00 0.00 {wide:.2f} {high:.2f}">\n{ground}'
        f'<g id="graph0" class="graph" transform="translate({-left:.2f} {top:.2f})">\n{body}\n</g>\n</svg>\n'
    )


class _Printer:
    def __init__(self, theme: Theme, head: float) -> None:
        self.theme = theme
        self.head = head

    def frame(self, frame: Frame) -> str:
        """Return the dashed frame of a module, in every row that it stands in."""
        pen = Pen("grey", frame.size / 14, "dashed")
        lines = [self.path(rounded(corners, frame.size * _CORNER / 14), pen, "none") for corners in frame.corners]
        title = self.text(frame.module.label, frame.title, frame.size, "mute")
        return _group(frame.module.id, "cluster module", [*lines, title])

    def outline(self, outline: Outline) -> str:
        """Return a circle or a box with its label."""
        (x, y), (w, h) = outline.center, outline.half
        stroke, leaf, heat = self.stroke(outline.pen), outline.vertex.leaf, outline.vertex.heat
        fill = self.theme.filling(heat)
        stroke += f' style="fill:{fill}"' if heat is not None else ""
        if outline.round:
            shape = f'<ellipse fill="{fill}" {stroke} cx="{_n(x)}" cy="{_n(-y)}" rx="{_n(w)}" ry="{_n(h)}"/>'
        else:
            path = rounded((x - w, y - h, x + w, y + h), min(_CORNER * outline.scale, h / 2))
            shape = f'<path fill="{fill}" {stroke} d="{path}"/>'
        lines = [self.text(text, center, outline.size, "ink", name=leaf) for text, center in outline.lines]
        return _group(outline.vertex.id, f"node {outline.classes}", [shape, *lines])

    def note(self, note: Note) -> str:
        """Return a text that stands free."""
        text = self.text(note.text, note.center, note.size, note.role, name=note.kind in {"name", "bwd"})
        return _group(note.id, f"node note {note.kind}", [text])

    def arrow(self, arrow: Arrow) -> str:
        """Return the pieces of an arrow, its head and its label."""
        body, tip = cut_end(arrow.pieces[-1], self.head)
        colour = self.theme.colour(arrow.pen.role)
        lines = [self.path(curve(piece), arrow.pen, "none") for piece in (*arrow.pieces[:-1], body)]
        corners = " ".join(f"{_n(x)},{_n(-y)}" for x, y in head_corners(body, tip))
        head = f'<polygon fill="{colour}" stroke="{colour}" stroke-width="{_n(arrow.scale)}" points="{corners}"/>'
        texts = [self.text(arrow.label, center, arrow.size, arrow.pen.role, name=True) for center in arrow.centers]
        return _group(arrow.id, f"edge {arrow.classes}", [*lines, head, *texts])

    def stroke(self, pen: Pen) -> str:
        dash = f' stroke-dasharray="{_DASHES[pen.dash]}"' if pen.dash in _DASHES else ""
        width = "" if pen.width == 1 else f' stroke-width="{_n(pen.width)}"'
        return f'stroke="{self.theme.colour(pen.role)}"{width}{dash}'

    def path(self, d: str, pen: Pen, fill: str) -> str:
        return f'<path fill="{fill}" {self.stroke(pen)} d="{d}"/>'

    def text(self, text: str, center: Point, size: float, role: str, *, name: bool = False) -> str:
        x, y = center
        slant = ' font-style="italic"' if name and self.theme.italic else ""
        return (
            f'<text xml:space="preserve" text-anchor="middle" x="{_n(x)}" y="{_n(_BASELINE * size - y)}" '
            f'font-family={quoteattr(self.theme.font)} font-size="{size:.2f}"{slant} '
            f'fill="{self.theme.colour(role)}">{escape(clean(text, 1000))}</text>'
        )


def _group(id: str, classes: str, elements: Iterable[str]) -> str:
    inside = "\n".join(elements)
    return f'<g id="{id}" class="{classes}">\n<title>{id}</title>\n{inside}\n</g>'


def _n(number: float) -> str:
    return f"{round(number, 2) + 0.0:g}" if abs(number) < 1000 else f"{number:.2f}"


def _at(point: Point) -> str:
    return f"{_n(point[0])},{_n(-point[1])}"


def curve(spline: Spline) -> str:
    """Return the path of `spline`.

    >>> curve([(0, 0), (1, 0), (2, 0), (3, 1)])
    'M0,0C1,0 2,0 3,-1'
    """
    return f"M{_at(spline[0])}C{' '.join(map(_at, spline[1:]))}"


def rounded(corners: Corners, radius: float) -> str:
    """Return the path of a rectangle whose corners are rounded."""
    left, bottom, right, top = corners
    path: Spline = []
    turns: list[tuple[Point, Point, Point]]
    turns = [((left, bottom), (1, 0), (0, -1)), ((right, bottom), (0, 1), (1, 0)),
             ((right, top), (-1, 0), (0, 1)), ((left, top), (0, -1), (-1, 0))]  # fmt: skip
    for corner, on, before in turns:
        start, end = moved(corner, before, -radius), moved(corner, on, radius)
        bends = moved(corner, before, -radius * _BEND), moved(corner, on, radius * _BEND)
        path += [start, *bends, end] if not path else [path[-1], start, start, *bends, end]
    return curve([*path, path[-1], path[0], path[0]])


def head_corners(body: Spline, tip: Point) -> list[Point]:
    """Return the triangle from the end of an arrow's line to its tip."""
    way = heading(body[-1], tip)
    length, side = math.dist(body[-1], tip), left_of(way)
    return [moved(body[-1], side, 0.35 * length), tip, moved(body[-1], side, -0.35 * length)]
