"""The positioned picture as SVG: still, for paper, or one self-contained file that is a viewer as well.

What many elements share stands once, on the group around them, and what hovering tells stands once, as a title, which
is also the name that a screen reader reads. All else that a viewer needs, its script finds out: without style and
script the picture is whole.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tensorgrad.viz.layout.scene import Arrow, Frame, Note, Outline, Pen, Scene
from tensorgrad.viz.layout.splines import Point, Spline, cut_end
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import clean

from .browser import BAR, CSS, MAP, SCRIPT

_KEYS = (
    "The arrow keys replay the computation step by step, Escape shows it whole; + - 0 1 scale it, "
    "Shift with arrow keys moves it, / searches."
)
_MANY = 100  # vertices, among which one may lose one's way
_BASELINE = 0.3  # of the font's size, below the middle of a text
_CORNER = 12.0  # radius of a frame's or a box's corners, at most
_DASHES = {"dashed": "5,2", "dotted": "1,3"}
_KEY = "\0"  # in no text: stands for what tells the ids of two drawings apart, until all of this one is written


def still_svg(scene: Scene, theme: Theme) -> str:
    """Return `scene` as one SVG element of its size in points, without style sheet and script."""
    left, bottom, right, top = scene.bounds()
    ground = "" if theme.ground == "none" else f'<rect width="100%" height="100%" fill="{theme.ground}"/>\n'
    size = _attributes(width=f"{right - left:.2f}pt", height=f"{top - bottom:.2f}pt")
    return f"<svg{size}{_rest(scene, theme)}>\n{ground}{_body(scene, theme, {})}\n</svg>\n".replace(_KEY, "")


def viewer_svg(
    scene: Scene, theme: Theme, title: str, description: str, told: Mapping[str, str], look: str = ""
) -> str:
    """Return `scene` as SVG with style, script, title and description.

    `told` holds what each element tells, by its id; `look` is added to the style sheet.
    """
    left, bottom, right, top = scene.bounds()
    size = _attributes(width=f"{(right - left) * 4 / 3:.0f}", height=f"{(top - bottom) * 4 / 3:.0f}")
    large = sum(outline.vertex.kind != "output" for outline in scene.outlines) > _MANY
    svg = (
        f'<svg{size}{_rest(scene, theme)} class="tg" tabindex="0" role="graphics-document document" '
        f'aria-labelledby="tg-title-{_KEY}" aria-describedby="tg-desc-{_KEY}">\n'
        f'<title id="tg-title-{_KEY}">{_text(title)}</title>\n'
        f'<desc id="tg-desc-{_KEY}">{_text(f"{description} {_KEYS}")}</desc>\n<style>{CSS}{look}</style>\n'
        f"{_body(scene, theme, told)}\n{MAP * large}{BAR}\n<script><![CDATA[{SCRIPT}]]></script>\n</svg>\n"
    )
    return svg.replace(_KEY, hashlib.sha256(svg.encode()).hexdigest()[:8])


def _rest(scene: Scene, theme: Theme) -> str:
    left, bottom, right, top = scene.bounds()
    size = next((arrow.size for arrow in scene.arrows), 13.0)
    box = f"0 0 {right - left:.2f} {top - bottom:.2f}"
    shared = _attributes(font_family=theme.font, font_size=size, text_anchor="middle")
    return f"{_attributes(viewBox=box, xmlns='http://www.w3.org/2000/svg')}{shared}"


def _body(scene: Scene, theme: Theme, told: Mapping[str, str]) -> str:
    left, _, _, top = scene.bounds()
    writer = _Writer(scene, theme, told, (left, top))
    heads = "".join(_head(kind, theme.colour(role), scene.head) for kind, role in (("fwd", "ink"), ("bwd", "red")))
    return "\n".join([f'<defs>{heads}</defs>\n<g class="view">', *writer.layers(), "</g>"])


def _head(kind: str, colour: str, size: float) -> str:
    sides = _attributes(markerWidth=size, markerHeight=0.7 * size, viewBox="0 0 80 56", refY=28.0)
    return (
        f'<marker id="tg-{kind}-{_KEY}" markerUnits="userSpaceOnUse" orient="auto"{sides}>'
        f'<path class="m{kind[0]}" fill="{colour}" stroke="none" d="M0,0 80,28 0,56z"/></marker>'
    )


def _n(number: float) -> str:
    """Return a number in tenths of a point.

    >>> _n(3.04), _n(-0.04)
    ('3', '0')
    """
    return f"{round(number, 1) + 0.0:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return html.escape(clean(text, 4000), quote=False)


def _attributes(**attributes: str | float | None) -> str:
    """Return attributes as they stand in a tag: numbers short, None left out, `_` for `-`."""
    shown = {k: _n(v) if isinstance(v, float) else v for k, v in attributes.items() if v is not None}
    return "".join(f' {k.rstrip("_").replace("_", "-")}="{html.escape(v)}"' for k, v in shown.items())


@dataclass
class _Writer:
    """Writes the elements of a scene whose left upper corner, y upwards, is `origin`."""

    scene: Scene
    theme: Theme
    told: Mapping[str, str]
    origin: Point
    notes: dict[str, list[Note]] = field(default_factory=dict)

    def layers(self) -> Iterator[str]:
        """Yield headings, arrows, then frames and vertices, in the order of computation.

        In that order they are read and reached; the arrows lie below the frames, so that a closed one covers them.
        """
        for note in self.scene.notes:
            self.notes.setdefault(note.id.partition("_")[2], []).append(note)
        yield from (self.note(note) for note in self.notes.pop("", ()))
        step = {o.vertex.id: i for i, o in enumerate(self.scene.outlines) if o.vertex.kind != "output"}
        forward = [arrow for arrow in self.scene.arrows if arrow.kind == "fwd"]
        back = [arrow for arrow in self.scene.arrows if arrow.kind == "bwd"]
        forward.sort(key=lambda arrow: max(step[end] for end in arrow.ends if end in step))
        # From the last to the first; what arrives at one vertex by its subscript.
        back.sort(key=lambda arrow: (-step[arrow.ends[1]], len(arrow.edge.backward or ""), arrow.edge.backward))
        for kind, role, arrows in (("fwd", "ink", forward), ("bwd", "red", back)):
            yield f"<g{self.colours(role)}{_attributes(marker_end=f'url(#tg-{kind}-{_KEY})')}>"
            yield from map(self.arrow, arrows)
            yield "</g>"
        yield f"<g{self.colours('ink')}>"
        yield from self.vertices()
        yield "</g>"

    def colours(self, role: str) -> str:
        return _attributes(fill=self.theme.colour(role), stroke=self.theme.colour(role))

    def vertices(self) -> Iterator[str]:
        frames, known = {frame.module: frame for frame in self.scene.frames}, set()
        for outline in self.scene.outlines:
            around = outline.vertex.around
            for depth, module in enumerate(around):
                if module not in known:
                    known.add(module)
                    yield self.frame(frames[module], around[:depth])
            if outline.vertex.kind != "output":
                yield self.outline(outline, around)
            owner = {"data_of": outline.vertex.id, "data_in": self.inside(around)}
            yield from (self.note(note, **owner) for note in self.notes.pop(outline.vertex.id, ()))

    @cached_property
    def wrapped(self) -> bool:
        """Whether it stands in rows, for paper: then no frame folds."""
        divided = [frame.corners for frame in self.scene.frames] + [arrow.pieces for arrow in self.scene.arrows]
        return any(len(parts) > 1 for parts in divided)

    def inside(self, modules: Iterable[ModuleCall]) -> str | None:
        """Return the frames that hide an element when they are closed; None if there are none."""
        return None if self.wrapped else " ".join(module.id for module in modules) or None

    def at(self, point: Point) -> Point:
        """Return `point` as seen from the left upper corner, y downwards."""
        return point[0] - self.origin[0], self.origin[1] - point[1]

    def label(self, text: str, center: Point, size: float, role: str = "", *, name: bool = False) -> str:
        """Return a text; `role` is its colour where that is not the one of the layer, `name` that it may be slanted."""
        x, y = self.at(center)
        usual = next((arrow.size for arrow in self.scene.arrows), 13.0)
        style = {"fill": self.theme.colour(role) if role else None, "stroke": "none"}
        style |= {"font_size": None if size == usual else f"{size:.2f}".rstrip("0").rstrip(".")}
        slant = "italic" if name and self.theme.italic else None
        return f"<text{_attributes(x=x, y=y + _BASELINE * size, **style, font_style=slant)}>{_text(text)}</text>"

    def title(self, id: str) -> str:
        return f"<title>{_text(self.told[id])}</title>" if self.told else ""

    def pen(self, pen: Pen, role: str) -> dict[str, str | None]:
        """Return the attributes of a line, but for a colour that is the layer's and a width of one point."""
        return {
            "stroke": None if pen.role == role else self.theme.colour(pen.role),
            "stroke_width": None if pen.width == 1 else f"{pen.width:.2f}".rstrip("0").rstrip("."),
            "stroke_dasharray": _DASHES.get(pen.dash),
        }

    def arrow(self, arrow: Arrow) -> str:
        back = arrow.kind == "bwd"
        body = [*arrow.pieces[:-1], cut_end(arrow.pieces[-1], self.scene.head)[0]]
        style = self.pen(arrow.pen, "red" if back else "ink")
        if style["stroke"]:
            style |= {"fill": style["stroke"], "marker_end": f"url(#tg-bwd-{_KEY})"}
        tail, head = arrow.ends
        at = _attributes(id=arrow.id, class_=f"edge {arrow.classes}", data_tail=tail, data_head=head, **style)
        path = f'<path fill="none" d="{"".join(map(self.line, body))}"/>'
        texts = [self.label(arrow.label, center, arrow.size, name=True) for center in arrow.centers if arrow.label]
        if not back:  # the number at the arrowhead
            texts += [self.note(note) for note in self.notes.get(arrow.edge.id, ()) if note.kind == "slot"]
        return f"<g{at}>{self.title(arrow.id)}{path}{''.join(texts)}</g>"

    def line(self, spline: Spline) -> str:
        """Return the path of `spline`; one piece where it is straight."""
        points = [self.at(point) for point in spline]
        pairs = [f"{_n(x)},{_n(y)}" for x, y in (points[:2] + points[-2:] if _straight(points) else points)]
        return f"M{pairs[0]}C{' '.join(pairs[1:])}"

    def outline(self, outline: Outline, around: Iterable[ModuleCall]) -> str:
        (x, y), (w, h), vertex = self.at(outline.center), outline.half, outline.vertex
        fill = self.theme.filling(vertex.heat)
        style = {"fill": fill, **self.pen(outline.pen, "ink")}
        style |= {"style": f"fill:{fill}"} if vertex.heat is not None else {}  # whatever the style sheet says
        if outline.round:
            shape = f"<circle{_attributes(cx=x, cy=y, r=w, **style)}/>"
        else:
            sides = {"width": 2 * w, "height": 2 * h, "rx": min(_CORNER * outline.scale, h / 2)}
            shape = f"<rect{_attributes(x=x - w, y=y - h, **sides, **style)}/>"
        texts = [self.label(text, center, outline.size, name=vertex.leaf) for text, center in outline.lines]
        at = _attributes(id=vertex.id, class_=f"node {outline.classes}", data_id=vertex.id, data_in=self.inside(around))
        return f"<g{at}>{self.title(vertex.id)}{shape}{''.join(texts)}</g>"

    def frame(self, frame: Frame, around: Iterable[ModuleCall]) -> str:
        """Return the dashed frame of a module, in every row that it stands in."""
        style = {"fill": "none", **self.pen(Pen("grey", frame.size / 14, "dashed"), "ink")}
        boxes = ""
        for left, bottom, right, top in frame.corners:
            x, y = self.at((left, top))
            sides = {"width": right - left, "height": top - bottom, "rx": frame.size * _CORNER / 14}
            boxes += f"<rect{_attributes(x=x, y=y, **sides, **style)}/>"
        text = self.label(frame.module.label, frame.title, frame.size, "mute")
        text = text.replace("</text>", '<tspan display="none"> [+]</tspan></text>')  # as a box closed when drawn
        kind = "module" if self.wrapped else "cluster module"
        at = _attributes(id=frame.module.id, class_=kind, data_in=self.inside(around))
        return f"<g{at}>{self.title(frame.module.id)}{boxes}{text}</g>"

    def note(self, note: Note, **owner: str | None) -> str:
        at = _attributes(id=note.id, class_=f"note {note.kind}", **owner)
        role = "ink" if note.role == "ink" and note.kind == "slot" else note.role
        return f"<g{at}>{self.label(note.text, note.center, note.size, role, name=note.kind in {'name', 'bwd'})}</g>"


def _straight(points: Spline) -> bool:
    """Return whether no point is further than a twentieth of a point from the line from the first to the last."""
    (x, y), (right, bottom) = points[0], points[-1]
    across, down = right - x, bottom - y
    away = max(abs((px - x) * down - (py - y) * across) for px, py in points)
    return away <= 0.05 * max(abs(across), abs(down), 1e-9)
