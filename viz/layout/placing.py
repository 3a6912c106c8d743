"""From a picture to a scene: the places of everything, the red twins parallel to the black arrows, and the texts.

Red arrows placed as edges of their own tangle: twenty crossing pairs on the graph of BatchNorm. Laid beside the black
ones, the same graph has none. Where a text finds no place of its own, room is made, and everything is placed again.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tensorgrad.viz.picture.edgetexts import at_tap
from tensorgrad.viz.picture.model import EdgeRecord, Picture
from tensorgrad.viz.picture.text import width

from . import levels as nested
from .columns import Measure
from .dot import ARROW, FRAME_SIZE, LABEL_SIZE, RADIUS, look, outlined
from .labels import Box, Room, half_of, place_pair
from .notes import Marks, beside, marks_of, notes_of
from .operands import order_notes
from .scene import Arrow, Frame, Note, Scene
from .splines import Point, Spline, dense, evenly, heading, lines, met, parallel

GAP = 3.5  # between an arrow and the middle of its pair
Circle = tuple[Point, float]  # its middle and its radius
_TRIES, _MORE, _FEW = 4, 26.0, 800  # how often room is made for texts that have none, how much; with so few arrows


@dataclass
class Plan:
    """Where everything is, in points with y upwards: of every arrow the middle of its pair; what it is a plan of."""

    picture: Picture
    centers: dict[str, Point]
    splines: list[Spline]
    frames: list[Frame]
    taps: dict[int, Point]


def sought_scene(picture: Picture, room: Measure, title: str) -> Scene:
    """Return the picture with its places."""
    taps = set[int]()
    scene, crowded = _placed(picture, room, taps, title)
    for _ in range(_TRIES if len(picture.edges) <= _FEW else 0):
        if not crowded:
            break
        joined = {(picture.edges[k].tail, picture.edges[k].head) for k in crowded}
        crowded = {k for k, edge in enumerate(picture.edges) if (edge.tail, edge.head) in joined}
        room = replace(room, more={k: room.more.get(k, 0.0) + _MORE * (k in crowded) for k in {*room.more, *crowded}})
        again, left = _placed(picture, room, taps, title)
        if len(left) <= len(crowded):
            scene, crowded = again, left
    return scene


def _placed(picture: Picture, measure: Measure, taps: set[int], title: str) -> tuple[Scene, set[int]]:
    """Return the picture with its places, and the arrows whose texts have none of their own."""
    plan, labels = planned(picture, measure, taps), measure.labels
    picture = plan.picture
    room = _taken(picture, plan)
    rounds = {v.id: (plan.centers[v.id], shape.half[0]) for v in picture.vertices if (shape := look(v)).round}
    pairs = [
        _twins(edge, spline, rounds.get(edge.tail) if k not in plan.taps else None, rounds.get(edge.head))
        for k, (edge, spline) in enumerate(zip(picture.edges, plan.splines, strict=True))
    ]
    both = [spline for pair in pairs for spline in pair]
    room.line(dense(both))
    along = iter(lines(both))
    ways = [[next(along) for _ in pair] for pair in pairs]
    marks = marks_of(picture, plan.taps)
    tapped = {k: _tapped(picture.edges[k], labels[k], center, room, marks) for k, center in plan.taps.items()}
    told_beside = beside(picture, plan.taps, measure.dims)
    notes = notes_of(picture, plan.centers, told_beside, room, measure.across)
    notes += order_notes(picture, [pair[0] for pair in pairs], room, measure.across)
    arrows: dict[int, list[Arrow]] = {}
    crowded: set[int] = set()
    more = measure.more  # what had no place comes first now, and what has many places last
    for k in sorted(range(len(pairs)), key=lambda k: (k not in more, bool(more) and _is_bent(plan.splines[k]))):
        edge, pair, texts = picture.edges[k], pairs[k], labels[k]
        named = list(zip(ways[k], texts, strict=False))
        told = tapped.get(k) or list(zip([text for _, text in named], place_pair(room, named), strict=True))
        if k not in tapped and any(text and room.is_struck(text, center, LABEL_SIZE) for text, center in told):
            crowded.add(k)
        for kind, spline, (text, center) in zip(("fwd", "bwd"), pair, told, strict=False):
            arrow = Arrow(edge, kind, (spline,), text, () if center is None else (center,), LABEL_SIZE)
            arrows.setdefault(k, []).append(arrow)
    notes += _headings(plan, notes, title, picture.caption)
    outlines = [outlined(vertex, plan.centers[vertex.id]) for vertex in picture.vertices]
    drawn = tuple(arrow for k in sorted(arrows) for arrow in arrows[k])
    return Scene(tuple(outlines), tuple(plan.frames), drawn, tuple(notes), ARROW), crowded


def planned(picture: Picture, measure: Measure, taps: set[int]) -> Plan:
    """Return where everything is; what is a tap is added to `taps`."""
    across = measure.across
    ways = nested.Plan.of(picture, measure.labels, measure)
    ways.taps |= taps
    part = ways.laid()
    if ways.sums:
        other = replace(nested.Plan.of(picture, measure.labels, measure), stacked=True, taps=set(taps))
        stack = other.laid()
        if stack.cost(across) < part.cost(across):
            ways, part = other, stack
    taps |= ways.taps

    def at(p: Point) -> Point:
        return (p[0], -p[1]) if across else (p[1], -p[0])

    frames = []
    for module, x0, y0, x1, y1 in part.frames.values():
        corners = at((x0, y0)), at((x1, y1))
        xs, ys = ([p[i] for p in corners] for i in (0, 1))
        box = min(xs), min(ys), max(xs), max(ys)
        frames.append(Frame(module, (box,), ((box[0] + box[2]) / 2, box[3] - FRAME_SIZE * 0.8), FRAME_SIZE))
    splines = [list(map(at, part.pieces[k])) for k in range(len(picture.edges))]
    return Plan(
        ways.picture,
        {id: at(p) for id, p in part.centers.items()},
        splines,
        frames if across else _beside_arrows(frames, splines),
        {k: at(p) for k, p in part.taps.items()},
    )


def _beside_arrows(frames: Sequence[Frame], splines: Sequence[Spline]) -> list[Frame]:
    """Return frames that arrows enter from above with their titles beside these, or between two of them."""
    x, y = dense(splines)
    found = []
    for frame in frames:
        left, _, right, top = frame.corners[0]
        half = half_of(frame.module.label, FRAME_SIZE)[0]
        near = x[(top - 2 * FRAME_SIZE < y) & (y < top) & (left < x) & (x < right)]
        middles = [(left + right) / 2, left + half + 8, right - half - 8]
        between = ((a + b) / 2 for a, b in itertools.pairwise([left, *np.unique(near), right]))

        def met(middle: float, near: Any = near, half: float = half) -> int:
            return int(np.count_nonzero(abs(near - middle) < half + 2 * GAP))

        middle = next((x for x in itertools.chain(middles, between) if not met(x)), min(middles, key=met))
        found.append(replace(frame, title=(middle, frame.title[1])))
    return found


def _tapped(
    edge: EdgeRecord, told: tuple[str, str], center: Point, room: Room, marks: Marks
) -> list[tuple[str, Point | None]]:
    """Return the texts of a tap, one above the other, which are then taken."""
    texts = at_tap(edge, told, marks.get((edge.tail, edge.forward)))
    found: list[tuple[str, Point | None]] = []
    for i, text in enumerate(texts):
        place = center[0], center[1] + LABEL_SIZE * 0.58 * (len(texts) - 1 - 2 * i)
        room.take(Box.around(place, (width(text, LABEL_SIZE) / 2, LABEL_SIZE * 0.58)))
        found.append((text, place))
    return found


def _is_bent(spline: Spline) -> bool:
    """Return whether a line is not level, nor upright."""
    return min(max(p[i] for p in spline) - min(p[i] for p in spline) for i in (0, 1)) > 1


def _twins(edge: EdgeRecord, spline: Spline, tail: Circle | None, head: Circle | None) -> list[Spline]:
    """Return the black spline and, reversed, its red twin; the black one alone stays in the middle.

    Those of a pair go on, or stop, where they meet the circles at their ends, if there are any.
    """
    if edge.backward is None:
        return [spline]
    pair = []
    for line in (parallel(spline, GAP), parallel(spline, -GAP)):
        if head is not None:
            line[-1] = met(line[-1], heading(line[-2], line[-1]), *head)
        if tail is not None:
            line[0] = met(line[0], heading(line[1], line[0]), *tail)
        pair.append(line)
    return [pair[0], pair[1][::-1]]


def _taken(picture: Picture, plan: Plan) -> Room:
    room, borders = Room(), list[tuple[Point, Point]]()
    for vertex in picture.vertices:
        shape = look(vertex)
        if vertex.kind != "output":
            half = shape.half[0] + 1.5, shape.half[1] + 1.5
            room.take(Box.around(plan.centers[vertex.id], half), half[0] if shape.round else 0.0)
    for frame in plan.frames:
        room.take(Box.around(frame.title, (half_of(frame.module.label, FRAME_SIZE)[0], 9.0)))
        left, bottom, right, top = frame.corners[0]
        borders += itertools.pairwise([(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)])
    room.line(evenly(borders, 4.0))
    return room


def _headings(plan: Plan, notes: Sequence[Note], title: str, caption: str) -> list[Note]:
    """Return the title above everything and the caption below it."""
    points = [*plan.centers.values(), *(p for spline in plan.splines for p in spline), *(n.center for n in notes)]
    boxes = [frame.corners[0] for frame in plan.frames]
    points += [corner for left, bottom, right, top in boxes for corner in ((left, bottom), (right, top))]
    if not points:
        return []
    middle = (min(x for x, _ in points) + max(x for x, _ in points)) / 2
    top = max(y for _, y in points) + RADIUS + 26
    bottom = min(y for _, y in points) - RADIUS - 22
    headings = [
        Note("title", title, (middle, top), 18.0, "title"),
        Note("caption", caption, (middle, bottom), LABEL_SIZE, "caption"),
    ]
    return [note for note in headings if note.text]
