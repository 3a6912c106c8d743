"""The positioned picture: outlines, frames, arrows and texts with their places, from which every file is printed.

Coordinates are points (1/72 inch) with y upwards. Nothing here knows of files or colours: a pen says what it is for,
and a theme says what that looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tensorgrad.base.caching import soon_made
from tensorgrad.viz.picture.model import EdgeRecord, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .splines import Point, Spline

PAD = 10.8  # free paper around everything
_THINNEST = 0.4  # of a line in print

Corners = tuple[float, float, float, float]
"""Left, bottom, right and top of a rectangle."""


@soon_made
@dataclass(frozen=True)
class Pen:
    """How a line is drawn: `role` "ink", "red" or "grey"; its width; `dash` "solid", "dashed" or "dotted"."""

    role: str
    width: float
    dash: str = "solid"


@soon_made
@dataclass(frozen=True)
class Note:
    """A text that stands free: its place (centre), font size, and class.

    That is "name" of a value or "bwd" of its gradient, "shape", "slot" (the number of an operand), "fault"; or, above
    and below the picture, "title", "caption", "legend" or, of gradients, "legend bwd".
    """

    id: str
    text: str
    center: Point
    size: float
    kind: str

    @property
    def of(self) -> str:
        """The id of what it stands beside; empty for what stands beside the whole picture."""
        return self.id.partition("_")[2]

    @property
    def role(self) -> str:
        """What colour it has."""
        return {"bwd": "red", "legend bwd": "red", "fault": "red", "slot": "mute"}.get(self.kind, "ink")

    @property
    def slanted(self) -> bool:
        """Whether it is written as names are."""
        return self.kind in {"name", "bwd", "legend", "legend bwd"}

    @property
    def beside(self) -> bool:
        """Whether it stands above or below the whole picture."""
        return self.kind in {"title", "caption", "legend", "legend bwd"}


@soon_made
@dataclass(frozen=True)
class Outline:
    """A circle (`round`) or a rounded box around the label of a vertex: centre, half its sides, font size."""

    vertex: Vertex
    center: Point
    half: Point
    size: float
    round: bool
    scale: float = 1.0

    @cached_property
    def pen(self) -> Pen:
        """Red where a search for a mistake begins or leads through, and in a backward pass; grey outside the graph."""
        vertex = self.vertex
        if vertex.kind == "break":
            return Pen("grey", max(1.3 * self.scale, _THINNEST), "dashed")
        if not (vertex.fault or vertex.mark or vertex.order):
            return Pen("ink", max(1.3 * self.scale, _THINNEST))
        dash = "dashed" if vertex.fault is not None and not vertex.fault.first else "solid"
        return Pen("red", max((4 if vertex.mark else 2) * self.scale, _THINNEST), dash)

    @property
    def classes(self) -> str:
        """The words that the style sheet knows."""
        fault = self.vertex.fault
        told = ["numbered"] if self.vertex.numbers else []
        return " ".join([self.vertex.kind, *([fault.classes] if fault else []), *passes(self.vertex.order), *told])

    @cached_property
    def lines(self) -> list[tuple[str, Point]]:
        """The lines of the label with the middle of each; an arrow's end has none."""
        if self.vertex.kind == "output":
            return []
        texts = self.vertex.face.split("\n")
        x, y = self.center
        return [(text, (x, y + 1.2 * self.size * ((len(texts) - 1) / 2 - i))) for i, text in enumerate(texts)]

    def filled(self, least: float) -> Outline:
        """Return it with its label as large as `least` as far as the circle has room."""
        room = max((width(text, 1.0) for text, _ in self.lines), default=0.0)
        fitting = min(least, (2 * self.half[0] - 2 * self.scale) / room) if room else 0.0
        return replace(self, size=max(self.size, fitting))


def passes(order: int) -> list[str]:
    """Return the class of what a backward pass computes, by its order."""
    return [f"d{min(order, 2)}"] if order else []


@soon_made
@dataclass(frozen=True)
class Arrow:
    """An arrow forward ("fwd") or back ("bwd"): its pieces from tail to head, and where its label stands.

    There are several pieces where rows are wrapped; the head is at the end of the last one.
    """

    edge: EdgeRecord
    kind: str
    pieces: tuple[Spline, ...]
    label: str
    centers: tuple[Point, ...]
    size: float
    scale: float = 1.0

    @property
    def id(self) -> str:
        """The name of the element."""
        return f"{'b' if self.kind == 'bwd' else 'f'}{self.edge.id}"

    @property
    def ends(self) -> tuple[str, str]:
        """The ids of where it begins and where its head is."""
        edge = self.edge
        return (edge.head, edge.tail) if self.kind == "bwd" else (edge.tail, edge.head)

    @cached_property
    def pen(self) -> Pen:
        """Red for a gradient: dashed if it is zero, dotted and thick if it is not finite."""
        back = self.kind == "bwd"
        wrong, zero = back and self.edge.fault is not None, back and (self.edge.faint or self.edge.is_zero)
        dash = "dotted" if wrong else "dashed" if zero or self.edge.outside else "solid"
        return Pen("red" if back or self.edge.order else "ink", max((3 if wrong else 1) * self.scale, _THINNEST), dash)

    @property
    def classes(self) -> str:
        """The words that the style sheet knows."""
        words = [self.kind]
        if self.kind == "bwd" and self.edge.fault is not None:
            words.append(self.edge.fault.classes)
        elif self.kind == "bwd" and self.edge.is_zero:
            words.append("zero")
        return " ".join([*words, *passes(self.edge.order)])


@dataclass(frozen=True)
class Frame:
    """The dashed frame of an open module: its corners in every row that it stands in, and the middle of its title."""

    module: ModuleCall
    corners: tuple[Corners, ...]
    title: Point
    size: float


@dataclass(frozen=True)
class Scene:
    """All that is drawn, with its places; `head` is the length of an arrow's head, `pad` the paper around it all.

    `paper` is the rectangle to draw on, where it is not just what everything needs.
    """

    outlines: tuple[Outline, ...]
    frames: tuple[Frame, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[Note, ...]
    head: float
    pad: float = PAD
    paper: Corners | None = None

    def texts(self) -> Iterator[tuple[str, Point, float]]:
        """Yield every text with its middle and its size."""
        for outline in self.outlines:
            yield from ((text, center, outline.size) for text, center in outline.lines if text)
        for note in self.notes:
            yield note.text, note.center, note.size
        for arrow in self.arrows:
            yield from ((arrow.label, center, arrow.size) for center in arrow.centers)
        for frame in self.frames:
            yield frame.module.label, frame.title, frame.size

    def bounds(self) -> Corners:
        """Return the paper: the smallest rectangle around everything, with free paper on all sides, or another."""
        return self._everything if self.paper is None else self.paper

    def within(self, needed: Corners, written: dict[Hashable, Sequence[str]]) -> Scene:
        """Return it with what is known of its places: how much paper they need, from its bounds, and their texts."""
        vars(self).update(_everything=needed, written=written)
        return self

    @cached_property
    def written(self) -> dict[Hashable, Sequence[str]]:
        """What has been written of it last, by the look: that of other numbers at the same places, too."""
        return {}

    @cached_property
    def _everything(self) -> Corners:
        xs = [x for arrow in self.arrows for piece in arrow.pieces for x, _ in piece]
        ys = [y for arrow in self.arrows for piece in arrow.pieces for _, y in piece]
        for frame in self.frames:
            for left, bottom, right, top in frame.corners:
                xs += left, right
                ys += bottom, top
        for (x, y), (w, h) in self._filled():
            xs += x - w, x + w
            ys += y - h, y + h
        xs, ys = xs or [0.0], ys or [0.0]
        return min(xs) - self.pad, min(ys) - self.pad, max(xs) + self.pad, max(ys) + self.pad

    def _filled(self) -> Iterator[tuple[Point, Point]]:
        yield from ((outline.center, outline.half) for outline in self.outlines)
        yield from ((center, (width(text, size) / 2, size * 0.6)) for text, center, size in self.texts())

    def smallest_text(self) -> float:
        """Return the size of the smallest text, in points; infinite without any."""
        return min((size for text, _, size in self.texts() if text.strip()), default=float("inf"))

    @cached_property
    def wrapped(self) -> bool:
        """Whether it stands in rows."""
        divided = [frame.corners for frame in self.frames] + [arrow.pieces for arrow in self.arrows]
        return any(len(parts) > 1 for parts in divided)

    @property
    def wide(self) -> float:
        """The width of the paper that it needs, in points."""
        left, _, right, _ = self.bounds()
        return right - left

    def legible(self) -> Scene:
        """Return the picture with secondary texts as large as those on arrows, labels as far as circles have room."""
        least = max((arrow.size for arrow in self.arrows), default=0.0)
        notes = tuple(replace(note, size=max(note.size, least)) for note in self.notes)
        return replace(self, notes=notes, outlines=tuple(outline.filled(least) for outline in self.outlines))

    def moved(self, way: Point) -> Scene:
        """Return the picture somewhere else."""
        return self._mapped(lambda p: (p[0] + way[0], p[1] + way[1]), 1.0)

    def scaled(self, by: float) -> Scene:
        """Return the picture `by` times as large, its texts and lines as well."""
        return self._mapped(lambda p: (p[0] * by, p[1] * by), by)

    def _mapped(self, at: Callable[[Point], Point], by: float) -> Scene:
        def corners(box: Corners) -> Corners:
            return *at(box[:2]), *at(box[2:])

        return Scene(
            tuple(replace(o, center=at(o.center), half=(o.half[0] * by, o.half[1] * by), size=o.size * by,
                          scale=o.scale * by) for o in self.outlines),
            tuple(replace(f, corners=tuple(map(corners, f.corners)), title=at(f.title), size=f.size * by)
                  for f in self.frames),
            tuple(replace(a, pieces=tuple(list(map(at, piece)) for piece in a.pieces),
                          centers=tuple(map(at, a.centers)), size=a.size * by, scale=a.scale * by)
                  for a in self.arrows),
            tuple(replace(n, center=at(n.center), size=n.size * by) for n in self.notes),
            self.head * by,
            self.pad * by,
        )  # fmt: skip
