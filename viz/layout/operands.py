"""Which operand comes first where it matters: the one whose arrow enters above, or left, of the other one's.

Where the layout has it otherwise, a small 1 and 2 stand at the arrowheads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tensorgrad.viz.picture.model import EdgeRecord, Picture

from .labels import Room, placed
from .scene import Note
from .splines import Spline, halfway, left_of, lengths, moved, sampled

_SIZE = 10.0


def order_notes(picture: Picture, splines: Sequence[Spline], room: Room, across: bool) -> list[Note]:
    """Return the numbers at the black arrows, whose `splines` are given in the order of the edges."""
    entering: dict[str, list[tuple[EdgeRecord, Spline]]] = defaultdict(list)
    for edge, spline in zip(picture.edges, splines, strict=True):
        if picture.vertex[edge.head].asymmetric:
            entering[edge.head].append((edge, spline))
    notes = []
    for arrows in entering.values():
        ends = [spline[-1] for _, spline in sorted(arrows, key=lambda arrow: arrow[0].slot)]
        places = [y if across else -x for x, y in ends]  # how far above, or left, each arrow ends
        if len(arrows) == 2 and places[0] < places[1] + 2:
            notes += [note for edge, spline in arrows for note in _number(edge, spline, room)]
    return notes


def _number(edge: EdgeRecord, spline: Spline, room: Room) -> list[Note]:
    points = sampled(spline)
    total = lengths(points)[-1]
    places = []
    for back in (17.0, 24.0, 31.0):
        point, direction = halfway(points, max(0.0, 1 - back / max(total, 1.0)))
        places += [moved(point, left_of(direction), side) for side in (8.0, -15.0)]
    return placed(room, f"slot_{edge.id}", str(edge.slot + 1), _SIZE, "slot", places)
