"""The positioned picture as SVG: still, for paper, or one self-contained file that is a viewer as well.

What many elements share stands once, on the group around them, and what hovering tells stands once, as a title, which
is also the name that a screen reader reads. All else that a viewer needs, its script finds out: without style and
script the picture is whole.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tensorgrad.viz.layout.scene import Arrow, Frame, Note, Outline, Pen, Scene
from tensorgrad.viz.layout.splines import Point
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.nesting import ModuleCall

from .browser import MAP, packed, resource
from .tags import attributes, escaped, hundredths, path_of, seen_from, short_colour, tenths

_KEYS = "The arrow keys replay it, with Shift they move it; + - scale, / searches, Escape shows it whole."
_MANY = 100  # vertices, among which one may lose one's way
_BASELINE = 0.3  # of the font's size, below the middle of a text
_LARGE = 10.0  # points: half a point to the side is not seen of such a text
_CORNER = 12.0  # radius of a frame's or a box's corners, at most
_DASHES = {"dashed": "5,2", "dotted": "1,3"}
_KEY = "\0"  # in no text: stands for what tells the ids of two drawings apart, until all of this one is written
_TITLE = "\1"  # at both sides of the id of what a title is to be put in


def still_svg(scene: Scene, theme: Theme) -> str:
    """Return `scene` as one SVG element of its size in points, without style sheet and script."""
    ground = "" if theme.ground == "none" else f'<rect width="100%" height="100%" fill="{theme.ground}"/>\n'
    width, height = (f"{side:.2f}pt" for side in _sides(scene))
    size = attributes(width=width, height=height)
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
    text = "".join(_Writer(shown.scene, theme, bool(shown.told)).layers())
    return f"<g>{_titled(text.split(_TITLE), shown.told)}</g>".replace(_KEY, "")


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
        f'<svg{attributes(width=size[0], height=size[1])}{_rest(scene, theme)} class="tg" tabindex="0" '
        f'role="graphics-document document" aria-labelledby="title-{_KEY}" aria-describedby="desc-{_KEY}">\n'
        f'<title id="title-{_KEY}">{escaped(title)}</title>\n'
        f'<desc id="desc-{_KEY}">{escaped(f"{description} {_KEYS}")}</desc>\n<style>{style}{look}</style>\n'
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
    text = _layers(inside.scene, theme, inside.told).replace(_KEY, key)
    size = f"[{','.join(map(tenths, _sides(inside.scene)))}]"
    at = attributes(class_="store", data_frames=",".join(f"#{id}" for id in inside.folded), data_size=size)
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
    shared = attributes(font_family=theme.font.replace('"', "'"), font_size=hundredths(size), text_anchor="middle")
    box = f"0 0 {' '.join(map(tenths, _sides(scene)))}"
    return f"{attributes(viewBox=box, xmlns='http://www.w3.org/2000/svg')}{shared}"


def _body(scene: Scene, theme: Theme, told: Mapping[str, str]) -> str:
    heads = "".join(_head(kind, theme.colour(role), scene.head) for kind, role in (("fwd", "ink"), ("bwd", "red")))
    return f'{heads}\n<g class="view">\n{_layers(scene, theme, told)}\n</g>'


def _layers(scene: Scene, theme: Theme, told: Mapping[str, str]) -> str:
    """Return the elements of `scene`, written once for all pictures of these places, into which each puts its titles.

    A picture with other numbers may have other colours and dashes besides, and other texts.
    """
    zeros = [arrow.edge.faint + 2 * arrow.edge.is_zero for arrow in scene.arrows]
    texts = *(note.text for note in scene.notes), *(arrow.label for arrow in scene.arrows)
    key = theme, bool(told), *texts, *(outline.vertex.heat for outline in scene.outlines), *zeros
    pieces = scene.written.get(key)
    if pieces is None:
        scene.written.clear()
        pieces = scene.written[key] = "\n".join(_Writer(scene, theme, bool(told)).layers()).split(_TITLE)
    return _titled(pieces, told)


def _titled(pieces: Sequence[str], told: Mapping[str, str]) -> str:
    """Return what a `_Writer` has written, the title of every element in the place of its id."""
    found = [*pieces]
    for i in range(1, len(found), 2):
        lines = told[found[i]].split("\n")  # more than one: see `brief`
        found[i] = escaped(lines[0]) if len(lines) == 1 else "\n".join(map(escaped, lines))
    return "".join(found)


def _head(kind: str, colour: str, size: float) -> str:
    half = hundredths(0.35 * size)
    at = attributes(markerUnits="userSpaceOnUse", orient="auto", overflow="visible")
    path = attributes(
        class_="mb" if kind == "bwd" else None,
        fill=short_colour(colour),
        d=f"M0,-{half} {hundredths(size)},0 0,{half}z",
    )
    return f'<marker id="{kind}-{_KEY}"{at}><path{path}/></marker>'


def _most(numbers: Iterable[float]) -> float:
    """Return the most frequent of `numbers`; 0 if there are none."""
    return next((number for number, _ in Counter(numbers).most_common(1)), 0.0)


@dataclass
class _Writer:
    """Writes the elements of a scene, with places for what is `told` of them, if it is."""

    scene: Scene
    theme: Theme
    told: bool
    notes: dict[str, list[Note]] = field(default_factory=dict)

    def layers(self) -> Iterator[str]:
        """Yield headings, arrows, then frames and vertices, in the order of computation.

        In that order they are read and reached; the arrows lie below the frames, so that a closed one covers them.
        """
        heads = [note for note in self.scene.notes if note.beside]
        for note in self.scene.notes:
            if not note.beside:
                self.notes.setdefault(note.of, []).append(note)
        if heads:
            yield f"<g{attributes(fill=self.colour('ink'))}>{''.join(map(self.note, heads))}</g>"
        step = {o.vertex.id: i for i, o in enumerate(self.scene.outlines) if o.vertex.kind != "output"}
        forward = [arrow for arrow in self.scene.arrows if arrow.kind == "fwd"]
        back = [arrow for arrow in self.scene.arrows if arrow.kind == "bwd"]
        forward.sort(key=lambda arrow: max(step.get(arrow.edge.tail, -1), step.get(arrow.edge.head, -1)))
        # From the last to the first; what arrives at one vertex by its subscript.
        back.sort(key=lambda arrow: (-step[arrow.ends[1]], len(arrow.edge.backward or ""), arrow.edge.backward))
        for role, arrows in itertools.groupby([*forward, *back], key=lambda arrow: arrow.pen.role):
            colour, head = self.colour(role), f"url(#{'bwd' if role == 'red' else 'fwd'}-{_KEY})"
            yield f"<g{attributes(fill=colour, stroke=colour, marker_end=head)}>"
            yield "".join(map(self.arrow, arrows))
            yield "</g>"
        sizes = {"font_size": hundredths(self.usual_size), "stroke_width": hundredths(self.usual_width)}
        yield f"<g{attributes(fill=self.colour('ink'), **sizes)}>"
        yield from self.vertices()
        yield "</g>"

    def colour(self, role: str) -> str:
        return short_colour(self.theme.colour(role))

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
        return seen_from(self.origin, point)

    def label(
        self, text: str, center: Point, size: float, usual: float | None, role: str = "ink", *, name: bool = False
    ) -> str:
        """Return a text; `usual` is the size that the group around it tells, `name` that it may be slanted."""
        x, y = self.at((center[0], center[1] - _BASELINE * size))
        if size >= _LARGE:
            x, y = float(round(x)), float(round(y))
        style = "" if role == "ink" else attributes(fill=self.colour(role))
        style += "" if size == usual else f' font-size="{hundredths(size)}"'
        style += ' font-style="italic"' if name and self.theme.italic else ""
        return f'<text x="{tenths(x)}" y="{tenths(y)}"{style}>{escaped(text)}</text>'

    def title(self, id: str) -> str:
        return f"<title>{_TITLE}{id}{_TITLE}</title>" if self.told else ""

    def pen(self, pen: Pen, usual: float) -> str:
        """Return the attributes of a line, but for its colour and the width that the group around it tells."""
        width = "" if pen.width == usual else f' stroke-width="{hundredths(pen.width)}"'
        return f'{width} stroke-dasharray="{_DASHES[pen.dash]}"' if pen.dash in _DASHES else width

    def arrow(self, arrow: Arrow) -> str:
        back = arrow.kind == "bwd"
        at = f' id="{arrow.id}" class="edge {arrow.classes}"'
        at += "" if back else f' data-ends="{" ".join(arrow.ends)}"'
        path = path_of(tuple(map(tuple, arrow.pieces)), self.scene.head, self.origin)
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
        fill, pen = short_colour(self.theme.filling(vertex.heat)), outline.pen
        style = f"{attributes(fill=fill, stroke=self.colour(pen.role))}{self.pen(pen, self.usual_width)}"
        style += "" if vertex.heat is None else attributes(style=f"fill:{fill}")  # whatever the style sheet says
        if outline.round:
            shape = f'<circle cx="{tenths(x)}" cy="{tenths(y)}" r="{tenths(w)}"{style}/>'
        else:
            sides = {"width": 2 * w, "height": 2 * h, "rx": min(_CORNER * outline.scale, h / 2)}
            shape = f"<rect{attributes(x=x - w, y=y - h, **sides)}{style}/>"
        usual = self.usual_size
        texts = [self.label(text, center, outline.size, usual, name=vertex.leaf) for text, center in outline.lines]
        at = attributes(id=vertex.id, class_=f"node {outline.classes}", data_in=self.inside(around))
        return f"<g{at}>{self.title(vertex.id)}{shape}{''.join(texts)}</g>"

    def frame(self, frame: Frame, around: Iterable[ModuleCall]) -> str:
        """Return the dashed frame of a module, in every row that it stands in."""
        pen = Pen("grey", frame.size / 14, "dashed")
        style = f"{attributes(fill='none', stroke=self.colour(pen.role))}{self.pen(pen, self.usual_width)}"
        boxes = ""
        for left, bottom, right, top in frame.corners:
            x, y = self.at((left, top))
            sides = {"width": right - left, "height": top - bottom, "rx": frame.size * _CORNER / 14}
            boxes += f"<rect{attributes(x=x, y=y, **sides)}{style}/>"
        text = self.label(frame.module.label, frame.title, frame.size, None, "mute")
        text = text.replace("</text>", '<tspan display="none"> [+]</tspan></text>')  # as a box closed when drawn
        kind = "module" if self.scene.wrapped else "cluster module"
        at = attributes(id=frame.module.id, class_=kind, data_in=self.inside(around))
        return f"<g{at}>{self.title(frame.module.id)}{boxes}{text}</g>"

    def note(self, note: Note, usual: float | None = None, **owner: str | None) -> str:
        text = self.label(note.text, note.center, note.size, usual, note.role, name=note.slanted)
        kinds = f"note{' head' * note.beside} {note.kind}"
        return f"<g{attributes(class_=kinds, **owner)}>{text}</g>"
