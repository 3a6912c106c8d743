"""Where texts go: beside their arrow or circle, never on a node or on another text."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.viz.picture.text import width

from .dot import LABEL_SIZE
from .scene import Note
from .splines import Line, Point, between, heading, left_of, moved

_FRACTIONS = (
    0.5,
    0.42,
    0.58,
    0.34,
    0.66,
    0.26,
    0.74,
    0.18,
    0.82,
    0.1,
    0.9,
    0.46,
    0.54,
    0.38,
    0.62,
    0.3,
    0.7,
    0.22,
    0.78,
)  # of the way along the arrow, best first
_FARTHER = (5.0, 10.0, 15.0)  # from the arrow, where texts beside it are struck: less than to where another may run
_STRIP = 1.6  # half as wide as what is free between an arrow and a text farther off: lines are points three apart
_AROUND = (12.0, 24.0, 36.0, 48.0, 60.0, 80.0, 100.0)
_WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0.8, 0.6), (-0.8, 0.6), (0.8, -0.6), (-0.8, -0.6))
_CELL = 40.0


class Box(NamedTuple):
    """A rectangle that a text or a vertex fills: left, bottom, right, top."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, center: Point, half: Point) -> Box:
        """Return the box with this centre and half its width and height."""
        return cls(center[0] - half[0], center[1] - half[1], center[0] + half[0], center[1] + half[1])

    def meets(self, other: Box) -> bool:
        """Return whether two boxes share a point inside."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def cells(self) -> Iterator[tuple[int, int]]:
        """Yield the squares of the grid that the box touches."""
        across = range(int(self.left // _CELL), int(self.right // _CELL) + 1)
        return itertools.product(across, range(int(self.bottom // _CELL), int(self.top // _CELL) + 1))


class Room:
    """What is taken: boxes that no text may meet, circles among them exactly, and lines that it had better not meet."""

    def __init__(self) -> None:
        self._boxes: dict[tuple[int, int], list[tuple[Box, float]]] = defaultdict(list)
        self._points = np.empty((2, 0))  # of lines, from left to right
        self._across: list[float] = []  # how far to the right each is

    def take(self, box: Box, radius: float = 0.0) -> None:
        """Keep texts off `box`, or off the circle of `radius` in it."""
        for cell in box.cells():
            self._boxes[cell].append((box, radius))

    def line(self, *points: Array) -> None:
        """Keep texts off these points of lines, each of shape (2, n), if possible."""
        found = np.concatenate([self._points, *points], axis=1)
        self._points = found[:, np.argsort(found[0])]
        self._across = self._points[0].tolist()

    def is_free(self, box: Box) -> bool:
        """Return whether `box` meets nothing that is taken."""
        known = self._boxes
        return not any(_touches(box, *taken) for cell in box.cells() if cell in known for taken in known[cell])

    def is_struck(self, text: str, center: Point | None, size: float) -> bool:
        """Return whether a text has no place, or a line goes through the one that it has."""
        half = width(text, size) / 2, size * 0.5
        return center is None or self.crossed(Box.around(center, half)) > 0

    def crossed(self, box: Box) -> int:
        """Return how many points of lines are in `box`."""
        y = self._points[1, bisect_right(self._across, box.left) : bisect_left(self._across, box.right)]
        return int(np.count_nonzero((box.bottom < y) & (y < box.top)))


def _touches(box: Box, taken: Box, radius: float) -> bool:
    if not radius or not box.meets(taken):
        return box.meets(taken)
    x, y = (taken.left + taken.right) / 2, (taken.bottom + taken.top) / 2
    dx, dy = max(box.left - x, 0.0, x - box.right), max(box.bottom - y, 0.0, y - box.top)
    return dx * dx + dy * dy < radius * radius


Spot = tuple[Point, Box]
"""Where a text may stand: its centre, and the box that it then fills."""


def place_pair(room: Room, arrows: list[tuple[Line, str]]) -> list[Point | None]:
    """Return the centres of the labels of an arrow and its twin, each on the left of its own direction, and take them.

    Both stand at the same place along the edge where that is free, otherwise each for itself, and where lines run
    through all places beside its arrow, a little farther off; None where no place is.
    """
    told = [(line, half_of(text, LABEL_SIZE), i == 1) for i, (line, text) in enumerate(arrows) if text]
    spots, cost = _best(room, ([_spot(*label, at) for label in told] for at in _FRACTIONS))
    if cost == 0:
        each = [[center] for center in _taken(room, spots)]
    else:
        each = [_taken(room, _best(room, _farther(room, *label))[0]) for label in told]
    centers = iter(each)
    return [next(iter(next(centers)), None) if text else None for _, text in arrows]


def _farther(room: Room, line: Line, half: Point, reverse: bool) -> Iterator[list[Spot]]:
    """Yield the places beside an arrow, and those farther off between which and the arrow nothing is."""
    for off in (0.0, *_FARTHER):
        for at in _FRACTIONS:
            center, box = _spot(line, half, reverse, at, off)
            point, _ = line.halfway(1 - at if reverse else at)
            near = moved(point, heading(point, center), 2.0 + _STRIP)
            strip = Box.around(
                between(near, center, 0.5),
                (abs(center[0] - near[0]) / 2 + _STRIP, abs(center[1] - near[1]) / 2 + _STRIP),
            )
            if not off or (room.is_free(strip) and not room.crossed(strip)):
                yield [(center, box)]


def _best(room: Room, choices: Iterable[list[Spot]]) -> tuple[list[Spot], int]:
    """Return those of `choices` that are free and cover least, the first of such, and how much; -1 if none is free."""
    best, least = list[Spot](), -1
    for places in choices:
        cost = _cost(room, [box for _, box in places])
        if cost is not None and (cost < least or least < 0):
            best, least = places, cost
        if least == 0:
            break
    return best, least


def _taken(room: Room, spots: list[Spot]) -> list[Point]:
    """Take the places of some texts, and return their centres."""
    for _, box in spots:
        room.take(box)
    return [center for center, _ in spots]


def half_of(text: str, size: float) -> Point:
    """Return half of the room that is kept for a text: for wide letters, whichever they are."""
    return max(width(text, size), 0.57 * len(text) * size) / 2, size * 0.6


def _spot(line: Line, half: Point, reverse: bool, fraction: float, off: float = 0.0) -> Spot:
    """Return where a label stands at `fraction`, which is counted from the same end for an arrow and its twin.

    It is `off` farther than beside its arrow.
    """
    point, direction = line.halfway(1 - fraction if reverse else fraction)
    normal = left_of(direction)
    reach = abs(normal[0]) * half[0] + abs(normal[1]) * half[1] + (2 if abs(normal[0]) < 0.2 else 3)
    center = moved(point, normal, reach + off)
    return center, Box.around(center, half)


def _cost(room: Room, boxes: list[Box]) -> int | None:
    """Return how many points of lines the boxes cover; None if one meets something taken, or another of them."""
    if any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[:i]) or not all(map(room.is_free, boxes)):
        return None
    return sum(map(room.crossed, boxes))


def placed(room: Room, id: str, text: str, size: float, kind: str, candidates: Iterable[Point]) -> list[Note]:
    """Return the note at the first best of the centres at which it is free, and take it; none if it is free at none.

    Where lines run through all of these, it stands somewhere around the first.
    """
    half = half_of(text, size)
    spots, _ = _best(room, ([(center, Box.around(center, half))] for center in _with_ring(candidates)))
    return [Note(id, text, center, size, kind) for center in _taken(room, spots)]


def _with_ring(centers: Iterable[Point]) -> Iterator[Point]:
    """Yield these places, and then those around the first of them."""
    first: Point | None = None
    for center in centers:
        first = first or center
        yield center
    if first is not None:
        yield from (moved(first, way, far) for far in _AROUND for way in _WAYS)
