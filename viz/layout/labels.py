"""Where texts go: beside their arrow or circle, never on a node or on another text."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tensorgrad.viz.picture.text import width

from .dot import LABEL_SIZE
from .scene import Note
from .splines import Point, Spline, halfway, left_of, moved, sampled

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
_CELL = 40.0


@dataclass(frozen=True)
class Box:
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


@dataclass
class Room:
    """What is taken: boxes that no text may meet, circles among them exactly, and lines that it had better not meet."""

    boxes: dict[tuple[int, int], list[tuple[Box, float]]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[tuple[int, int], list[Point]] = field(default_factory=lambda: defaultdict(list))

    def take(self, box: Box, radius: float = 0.0) -> None:
        """Keep texts off `box`, or off the circle of `radius` in it."""
        for cell in box.cells():
            self.boxes[cell].append((box, radius))

    def line(self, points: Iterable[Point]) -> None:
        """Keep texts off these points of a line if possible."""
        for point in points:
            self.lines[int(point[0] // _CELL), int(point[1] // _CELL)].append(point)

    def is_free(self, box: Box) -> bool:
        """Return whether `box` meets nothing that is taken."""
        return not any(_touches(box, *taken) for cell in box.cells() for taken in self.boxes[cell])

    def is_struck(self, text: str, center: Point | None, size: float) -> bool:
        """Return whether a text has no place, or a line goes through the one that it has."""
        half = width(text, size) / 2, size * 0.5
        return center is None or self.crossed(Box.around(center, half)) > 0

    def crossed(self, box: Box) -> int:
        """Return how many points of lines are in `box`."""
        return sum(
            box.left < x < box.right and box.bottom < y < box.top for cell in box.cells() for x, y in self.lines[cell]
        )


def _touches(box: Box, taken: Box, radius: float) -> bool:
    if not radius or not box.meets(taken):
        return box.meets(taken)
    x, y = (taken.left + taken.right) / 2, (taken.bottom + taken.top) / 2
    dx, dy = max(box.left - x, 0.0, x - box.right), max(box.bottom - y, 0.0, y - box.top)
    return dx * dx + dy * dy < radius * radius


def place_pair(room: Room, arrows: list[tuple[Spline, str]]) -> list[Point | None]:
    """Return the centres of the labels of an arrow and its twin, each on the left of its own direction, and take them.

    Both stand at the same place along the edge where that is free, otherwise each for itself; None where no place is.
    """
    choices = [list(_choices(spline, text, reverse=i == 1)) for i, (spline, text) in enumerate(arrows)]
    together = _best(room, ([c[i][1] for c in choices if c] for i in range(len(_FRACTIONS))))
    return [_taken(room, options, together) for options in choices]


def _best(room: Room, choices: Iterable[list[Box]]) -> int | None:
    """Return which of `choices` is free and covers least, the first of such; None if none is free."""
    costs = [(cost, i) for i, boxes in enumerate(choices) if (cost := _cost(room, boxes)) is not None]
    return min(costs)[1] if costs else None


def _taken(room: Room, options: list[tuple[Point, Box]], which: int | None = None) -> Point | None:
    """Take the box at place `which` of `options`, the best if None, and return its centre; None if no box is free."""
    best = _best(room, ([box] for _, box in options)) if which is None else which
    if best is None or not options:
        return None
    room.take(options[best][1])
    return options[best][0]


def half_of(text: str, size: float) -> Point:
    """Return half of the room that is kept for a text: for wide letters, whichever they are."""
    return max(width(text, size), 0.57 * len(text) * size) / 2, size * 0.6


def _choices(spline: Spline, text: str, *, reverse: bool) -> Iterator[tuple[Point, Box]]:
    """Yield centre and box of a label at every fraction, counted from the same end for an arrow and its twin."""
    if not text:
        return
    half, points = half_of(text, LABEL_SIZE), sampled(spline)
    for fraction in _FRACTIONS:
        point, direction = halfway(points, 1 - fraction if reverse else fraction)
        normal = left_of(direction)
        reach = abs(normal[0]) * half[0] + abs(normal[1]) * half[1] + (2 if abs(normal[0]) < 0.2 else 3)
        center = moved(point, normal, reach)
        yield center, Box.around(center, half)


def _cost(room: Room, boxes: list[Box]) -> int | None:
    """Return how many points of lines the boxes cover; None if one meets something taken, or another of them."""
    if any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[:i]) or not all(map(room.is_free, boxes)):
        return None
    return sum(map(room.crossed, boxes))


def placed(room: Room, id: str, text: str, size: float, kind: str, candidates: Iterable[Point]) -> list[Note]:
    """Return the note at the first best of the centres at which it is free, and take it; none if it is free at none."""
    half = half_of(text, size)
    point = _taken(room, [(center, Box.around(center, half)) for center in candidates])
    return [] if point is None else [Note(id, text, point, size, kind)]
