"""Which operand comes first where it matters: they enter in their order, from above, or from the left.

Where the layout has it otherwise, or one arrow is several arguments of a box, small numbers stand at the arrowheads; at
the first and the last alone where all enter the other way round.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from tensorgrad.viz.picture.model import EdgeRecord, Picture

from .labels import Room, placed
from .scene import Note
from .splines import Line, Point, Spline, left_of, moved, sampled

_SIZE = 10.0
_LOWER = 2.0  # so much below another arrow one ends that is seen to come after it


def order_notes(picture: Picture, splines: Sequence[Spline], room: Room, across: bool) -> list[Note]:
    """Return the numbers at the black arrows, whose `splines` are given in the order of the edges."""
    entering: dict[str, list[tuple[EdgeRecord, Spline]]] = defaultdict(list)
    for edge, spline in zip(picture.edges, splines, strict=True):
        if edge.places and picture.vertex[edge.head].asymmetric:
            entering[edge.head].append((edge, spline))
    notes = []
    for arrows in entering.values():
        arrows.sort(key=lambda arrow: arrow[0].places)
        told = arrows
        if all(len(edge.places) == 1 for edge, _ in arrows):
            ends = [spline[-1][1] if across else -spline[-1][0] for _, spline in arrows]  # how far above, or left
            told = [] if _falls(ends) else [arrows[0], arrows[-1]] if _falls(ends[::-1]) else arrows
        notes += [note for edge, spline in told if len(arrows) > 1 for note in _number(edge, spline, room)]
    return notes


def _falls(heights: Sequence[float]) -> bool:
    """Return whether each is seen to be below the one before: of many that rise, the first and the last tell it."""
    return all(b + _LOWER <= a for a, b in itertools.pairwise(heights))


def _number(edge: EdgeRecord, spline: Spline, room: Room) -> list[Note]:
    text = ", ".join(map(str, edge.places))
    return placed(room, f"slot_{edge.id}", text, _SIZE, "slot", _beside(spline))


def _beside(spline: Spline) -> Iterator[Point]:
    """Yield places beside the end of an arrow, on either side, best first."""
    line = Line(sampled(spline))
    total = max(line.ways[-1], 1.0)
    for back in (17.0, 24.0, 31.0, 38.0, 46.0, 54.0, 70.0, 90.0, 115.0, 140.0, 170.0, 210.0, 260.0, 320.0, 400.0):
        point, direction = line.halfway(max(0.0, 1 - back / total))
        yield from (moved(point, left_of(direction), side) for side in (8.0, -15.0))
