"""The positioned picture as SVG: still, for paper, or one self-contained file that is a viewer as well.

What many elements share stands once, on the group around them, and what hovering tells stands once, as a title, which
is also the name that a screen reader reads. All else that a viewer needs, its script finds out: without style and
script the picture is whole.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tensorgrad.base.caching import remembered
from tensorgrad.viz.layout.scene import Arrow, Frame, Note, Outline, Pen, Scene
from tensorgrad.viz.layout.splines import Point, cut_end
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import clean

from .browser import MAP, packed, resource

_KEYS = "The arrow keys replay it, with Shift they move it; + - scale, / searches, Escape shows it whole."
_MANY = 100  # vertices, among which one may lose one's way
_BASELINE = 0.3  # of the font's size, below the middle of a text
_LARGE = 10.0  # points: half a point to the side is not seen of such a text
_CORNER = 12.0  # radius of a frame's or a box's corners, at most
_DASHES = {"dashed": "5,2", "dotted": "1,3"}
_SAME_DIGITS = re.compile(r"^#(\w)\1(\w)\2(\w)\3$")
_KEY = "\0"  # in no text: stands for what tells the ids of two drawings apart, until all of this one is written


def still_svg(scene: Scene, theme: Theme) -> str:
    """Return `scene` as one SVG element of its size in points, without style sheet and script."""
    ground = "" if theme.ground == "none" else f'<rect width="100%" height="100%" fill="{theme.ground}"/>\n'
    width, height = (f"{side:.2f}pt" for side in _sides(scene))
    size = _attributes(width=width, height=height)
    return f"<svg{size}{_rest(scene, theme)}>\n{ground}{_body(scene, theme, {})}\n</svg>\n".replace(_KEY, "")


@dataclass(frozen=True)
class Shown:
    """A scene with what each element tells, by its id, and the ids of the frames that are folded at first."""

    scene: Scene
    told: Mapping[str, str]
    folded: tuple[str, ...] = ()


class Beside(NamedTuple):
    """What stands before the script and after it, and the other scenes that the picture comes to show."""

    before: str = ""
    after: str = ""
    scenes: Sequence[Scene] = ()


def layers_svg(shown: Shown, theme: Theme) -> str:
    """Return the elements of a picture as a viewer has them, alone."""
    return f"<g>{''.join(_Writer(shown.scene, theme, shown.told).layers())}</g>".replace(_KEY, "")


def viewer_svg(
    shown: Shown,
    theme: Theme,
    title: str,
    description: str,
    look: str = "",
    inside: Shown | None = None,
    beside: Beside | None = None,
) -> str:
    """Return a picture as SVG with style, script, title and description; `look` is added to the style sheet.

    `inside` is the picture with all boxes open, from which the viewer takes what is in one that is opened; `beside`
    what another script needs.
    """
    beside = beside or Beside()
    scene, parts = shown.scene, _parts(shown.scene).union(*map(_parts, beside.scenes))
    if inside is not None:
        parts |= _parts(inside.scene) | {"opening"}
    style, script = resource("viewer.css", parts), resource("viewer.js", parts)
    size = [f"{side * 4 / 3:.0f}" for side in _sides(scene)]
    before = (
        f'<svg{_attributes(width=size[0], height=size[1])}{_rest(scene, theme)} class="tg" tabindex="0" '
        f'role="graphics-document document" aria-labelledby="title-{_KEY}" aria-describedby="desc-{_KEY}">\n'
        f'<title id="title-{_KEY}">{_text(title)}</title>\n'
        f'<desc id="desc-{_KEY}">{_text(f"{description} {_KEYS}")}</desc>\n<style>{style}{look}</style>\n'
        f"{_body(scene, theme, shown.told)}\n"
    )
    after = (
        f"{MAP * ('minimap' in parts)}{beside.before}\n<script><![CDATA[{script}]]></script>{beside.after}\n</svg>\n"
    )
    key = hashlib.sha256((before + after).encode()).hexdigest()[:8]
    store = "" if inside is None else _store(inside, theme, key)
    return before.replace(_KEY, key) + store + after


def _store(inside: Shown, theme: Theme, key: str) -> str:
    """Return what is behind closed boxes: the open picture, packed, its size, and which frames begin folded."""
    text = "\n".join(_Writer(inside.scene, theme, inside.told).layers()).replace(_KEY, key)
    size = f"[{','.join(map(_n, _sides(inside.scene)))}]"
    at = _attributes(class_="store", data_frames=",".join(f"#{id}" for id in inside.folded), data_size=size)
    return f"<metadata{at}>{packed(text)}</metadata>\n"


def _parts(scene: Scene) -> frozenset[str]:
    """Return the parts of the viewer that a picture can use."""
    vertices = [outline.vertex for outline in scene.outlines]
    marked = any(vertex.fault or vertex.mark for vertex in vertices)
    found = {
        "frames": bool(scene.frames),
        "folding": bool(scene.frames) and not scene.wrapped,
        "marks": marked or any(arrow.edge.fault for arrow in scene.arrows),
        "numbers": any(vertex.numbers for vertex in vertices),
        "orders": any(vertex.order for vertex in vertices),
        "minimap": sum(vertex.kind != "output" for vertex in vertices) > _MANY,
    }
    return frozenset(part for part, wanted in found.items() if wanted)


def _sides(scene: Scene) -> tuple[float, float]:
    left, bottom, right, top = scene.bounds()
    return right - left, top - bottom


def _rest(scene: Scene, theme: Theme) -> str:
    size = next((arrow.size for arrow in scene.arrows), 13.0)
    shared = _attributes(font_family=theme.font.replace('"', "'"), font_size=_short(size), text_anchor="middle")
    box = f"0 0 {' '.join(map(_n, _sides(scene)))}"
    return f"{_attributes(viewBox=box, xmlns='http://www.w3.org/2000/svg')}{shared}"


def _body(scene: Scene, theme: Theme, told: Mapping[str, str]) -> str:
    heads = "".join(_head(kind, theme.colour(role), scene.head) for kind, role in (("fwd", "ink"), ("bwd", "red")))
    return "\n".join([f'{heads}\n<g class="view">', *_Writer(scene, theme, told).layers(), "</g>"])


def _head(kind: str, colour: str, size: float) -> str:
    half = _short(0.35 * size)
    at = _attributes(markerUnits="userSpaceOnUse", orient="auto", overflow="visible")
    path = _attributes(
        class_="mb" if kind == "bwd" else None, fill=_colour(colour), d=f"M0,-{half} {_short(size)},0 0,{half}z"
    )
    return f'<marker id="{kind}-{_KEY}"{at}><path{path}/></marker>'


@remembered(256)
def _colour(colour: str) -> str:
    """Return a colour in short.

    >>> _colour("#112233"), _colour("#c8102e"), _colour("none")
    ('#123', '#c8102e', 'none')
    """
    return _SAME_DIGITS.sub(r"#\1\2\3", colour)


@remembered(4096)
def _n(number: float) -> str:
    """Return a number in tenths of a point.

    >>> _n(3.04), _n(-0.04)
    ('3', '0')
    """
    return f"{round(number, 1) + 0.0:.1f}".removesuffix(".0")


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _most(numbers: Iterable[float]) -> float:
    """Return the most frequent of `numbers`; 0 if there are none."""
    return next((number for number, _ in Counter(numbers).most_common(1)), 0.0)


@remembered(4096)
def _text(text: str) -> str:
    return html.escape(clean(text, 4000), quote=False)


@remembered(8192)  # a picture that is drawn again has the same elements
def _attributes(**attributes: str | float | None) -> str:
    """Return attributes as they stand in a tag: numbers short, None left out, `_` for `-`."""
    told = ""
    for name, value in attributes.items():
        if value is not None:
            told += f' {_written(name)}="{_n(value) if isinstance(value, float) else _quoted(value)}"'
    return told


@remembered(256)
def _written(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


@remembered(4096)
def _quoted(value: str) -> str:
    return html.escape(value, quote=False).replace('"', "&quot;")


@dataclass
class _Writer:
    """Writes the elements of a scene."""

    scene: Scene
    theme: Theme
    told: Mapping[str, str]
    notes: dict[str, list[Note]] = field(default_factory=dict)

    def layers(self) -> Iterator[str]:
        """Yield headings, arrows, then frames and vertices, in the order of computation.

        In that order they are read and reached; the arrows lie below the frames, so that a closed one covers them.
        """
        heads = [note for note in self.scene.notes if note.beside]
        for note in self.scene.notes:
            if not note.beside:
                self.notes.setdefault(note.id.partition("_")[2], []).append(note)
        if heads:
            yield f"<g{_attributes(fill=self.colour('ink'))}>{''.join(map(self.note, heads))}</g>"
        step = {o.vertex.id: i for i, o in enumerate(self.scene.outlines) if o.vertex.kind != "output"}
        forward = [arrow for arrow in self.scene.arrows if arrow.kind == "fwd"]
        back = [arrow for arrow in self.scene.arrows if arrow.kind == "bwd"]
        forward.sort(key=lambda arrow: max(step.get(arrow.edge.tail, -1), step.get(arrow.edge.head, -1)))
        # From the last to the first; what arrives at one vertex by its subscript.
        back.sort(key=lambda arrow: (-step[arrow.ends[1]], len(arrow.edge.backward or ""), arrow.edge.backward))
        for role, arrows in itertools.groupby([*forward, *back], key=lambda arrow: arrow.pen.role):
            colour, head = self.colour(role), f"url(#{'bwd' if role == 'red' else 'fwd'}-{_KEY})"
            yield f"<g{_attributes(fill=colour, stroke=colour, marker_end=head)}>"
            yield "".join(map(self.arrow, arrows))
            yield "</g>"
        sizes = {"font_size": _short(self.usual_size), "stroke_width": _short(self.usual_width)}
        yield f"<g{_attributes(fill=self.colour('ink'), **sizes)}>"
        yield from self.vertices()
        yield "</g>"

    def colour(self, role: str) -> str:
        return _colour(self.theme.colour(role))

    @cached_property
    def usual_size(self) -> float:
        """The size of most labels in vertices and of most notes at them, which the group around all of them tells."""
        notes = [note.size for note in self.scene.notes if not note.beside and note.kind != "slot"]
        return _most([*(outline.size for outline in self.scene.outlines if outline.lines), *notes])

    @cached_property
    def usual_width(self) -> float:
        """The width of most of their lines."""
        return _most(outline.pen.width for outline in self.scene.outlines if outline.lines)

    def vertices(self) -> Iterator[str]:
        frames, known = {frame.module: frame for frame in self.scene.frames}, set()
        for outline in self.scene.outlines:
            around = outline.vertex.around
            for depth, module in enumerate(around):
                if module not in known:
                    known.add(module)
                    yield self.frame(frames[module], around[:depth])
            free = outline.vertex.kind == "output"  # without a circle: its notes stand for it
            owner = {"data_of": outline.vertex.id, "data_in": self.inside(around) if free else None}
            notes = [self.note(note, self.usual_size, **owner) for note in self.notes.pop(outline.vertex.id, ())]
            yield "".join([*([] if free else [self.outline(outline, around)]), *notes])

    def inside(self, modules: Iterable[ModuleCall]) -> str | None:
        """Return the frames that hide an element when they are closed; None if there are none."""
        return None if self.scene.wrapped else " ".join(module.id for module in modules) or None

    @cached_property
    def origin(self) -> Point:
        """The left upper corner, y upwards, so that what stands in between is written without decimals: level arrows.

        They are at both sides of the middle of their pair, 3.5 points from it, which is at whole points.
        """
        left, _, _, top = self.scene.bounds()
        return math.floor(left), math.ceil(top) + 0.5

    def at(self, point: Point) -> Point:
        """Return `point` as seen from the left upper corner, y downwards."""
        return _seen_from(self.origin, point)

    def label(
        self, text: str, center: Point, size: float, usual: float | None, role: str = "ink", *, name: bool = False
    ) -> str:
        """Return a text; `usual` is the size that the group around it tells, `name` that it may be slanted."""
        x, y = self.at((center[0], center[1] - _BASELINE * size))
        if size >= _LARGE:
            x, y = float(round(x)), float(round(y))
        style = "" if role == "ink" else _attributes(fill=self.colour(role))
        style += "" if size == usual else f' font-size="{_short(size)}"'
        style += ' font-style="italic"' if name and self.theme.italic else ""
        return f'<text x="{_n(x)}" y="{_n(y)}"{style}>{_text(text)}</text>'

    def title(self, id: str) -> str:
        if not self.told:
            return ""
        lines = self.told[id].split("\n")  # more than one: see `brief`
        told = _text(lines[0]) if len(lines) == 1 else "\n".join(map(_text, lines))
        return f"<title>{told}</title>"

    def pen(self, pen: Pen, usual: float) -> str:
        """Return the attributes of a line, but for its colour and the width that the group around it tells."""
        width = "" if pen.width == usual else f' stroke-width="{_short(pen.width)}"'
        return f'{width} stroke-dasharray="{_DASHES[pen.dash]}"' if pen.dash in _DASHES else width

    def arrow(self, arrow: Arrow) -> str:
        back = arrow.kind == "bwd"
        at = f' id="{arrow.id}" class="edge {arrow.classes}"'
        at += "" if back else f' data-ends="{" ".join(arrow.ends)}"'
        path = _path(tuple(map(tuple, arrow.pieces)), self.scene.head, self.origin)
        usual = self.scene.arrows[0].size
        texts = [
            self.label(arrow.label, center, arrow.size, usual, name=True) for center in arrow.centers if arrow.label
        ]
        if not back:  # the number at the arrowhead
            texts += [self.note(note) for note in self.notes.get(arrow.edge.id, ()) if note.kind == "slot"]
        inside = f"{path}{''.join(texts)}".replace("<text ", '<text stroke="none" ')
        return f"<g{at}{self.pen(arrow.pen, 1.0)}>{self.title(arrow.id)}{inside}</g>"

    def outline(self, outline: Outline, around: Iterable[ModuleCall]) -> str:
        (x, y), (w, h), vertex = self.at(outline.center), outline.half, outline.vertex
        fill, pen = _colour(self.theme.filling(vertex.heat)), outline.pen
        style = f"{_attributes(fill=fill, stroke=self.colour(pen.role))}{self.pen(pen, self.usual_width)}"
        style += "" if vertex.heat is None else _attributes(style=f"fill:{fill}")  # whatever the style sheet says
        if outline.round:
            shape = f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(w)}"{style}/>'
        else:
            sides = {"width": 2 * w, "height": 2 * h, "rx": min(_CORNER * outline.scale, h / 2)}
            shape = f"<rect{_attributes(x=x - w, y=y - h, **sides)}{style}/>"
        usual = self.usual_size
        texts = [self.label(text, center, outline.size, usual, name=vertex.leaf) for text, center in outline.lines]
        at = _attributes(id=vertex.id, class_=f"node {outline.classes}", data_in=self.inside(around))
        return f"<g{at}>{self.title(vertex.id)}{shape}{''.join(texts)}</g>"

    def frame(self, frame: Frame, around: Iterable[ModuleCall]) -> str:
        """Return the dashed frame of a module, in every row that it stands in."""
        pen = Pen("grey", frame.size / 14, "dashed")
        style = f"{_attributes(fill='none', stroke=self.colour(pen.role))}{self.pen(pen, self.usual_width)}"
        boxes = ""
        for left, bottom, right, top in frame.corners:
            x, y = self.at((left, top))
            sides = {"width": right - left, "height": top - bottom, "rx": frame.size * _CORNER / 14}
            boxes += f"<rect{_attributes(x=x, y=y, **sides)}{style}/>"
        text = self.label(frame.module.label, frame.title, frame.size, None, "mute")
        text = text.replace("</text>", '<tspan display="none"> [+]</tspan></text>')  # as a box closed when drawn
        kind = "module" if self.scene.wrapped else "cluster module"
        at = _attributes(id=frame.module.id, class_=kind, data_in=self.inside(around))
        return f"<g{at}>{self.title(frame.module.id)}{boxes}{text}</g>"

    def note(self, note: Note, usual: float | None = None, **owner: str | None) -> str:
        text = self.label(note.text, note.center, note.size, usual, note.role, name=note.slanted)
        kinds = f"note{' head' * note.beside} {note.kind}"
        return f"<g{_attributes(class_=kinds, **owner)}>{text}</g>"


def _seen_from(origin: Point, point: Point) -> Point:
    return point[0] - origin[0], origin[1] - point[1]


@remembered(4096)  # a picture that is drawn again has the same arrows
def _path(pieces: tuple[tuple[Point, ...], ...], head: float, origin: Point) -> str:
    """Return the path of an arrow from tail to head, whose `head` is drawn by itself, as seen from `origin`."""
    body = [*pieces[:-1], cut_end([*pieces[-1]], head)[0]]
    bent = None if all(map(_straight, body)) else "none"
    return f'<path{_attributes(fill=bent)} d="{"".join(_line(piece, origin) for piece in body)}"/>'


def _line(spline: Sequence[Point], origin: Point) -> str:
    """Return the path of `spline`; one piece where it is straight, and that a cubic as all are: one rule reads them.

    What bends it stands at whole points, but for what is level with an end, or upright to it.
    """
    points = [_seen_from(origin, point) for point in spline]
    points = points[:2] + points[-2:] if _straight(points) else points
    ends = [[_n(side) for side in point] for point in points]
    for i, point in enumerate(points):
        if i % 3:
            near = ends[i - 1 if i % 3 == 1 else i + 1]
            ends[i] = [at if at in near else str(round(side)) for at, side in zip(ends[i], point, strict=True)]
    pairs = [",".join(pair) for pair in ends]
    return f"M{pairs[0]}C{' '.join(pairs[1:])}"


def _straight(points: Sequence[Point]) -> bool:
    """Return whether no point is further than a twentieth of a point from the line from the first to the last."""
    (x, y), (right, bottom) = points[0], points[-1]
    across, down = right - x, bottom - y
    most = 0.05 * max(abs(across), abs(down), 1e-9)
    return all(abs((px - x) * down - (py - y) * across) <= most for px, py in points)
