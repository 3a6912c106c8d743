"""From a picture to a scene: the places of everything, the red twins parallel to the black arrows, and the texts.

Red arrows placed as edges of their own tangle: twenty crossing pairs on the graph of BatchNorm. Laid beside the black
ones, the same graph has none. Where a text finds no place of its own, room is made, and everything is placed again.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tensorgrad.viz.picture.edgetexts import at_tap
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.text import shaped, width

from . import levels as nested
from .columns import Measure
from .dot import ARROW, FRAME_SIZE, LABEL_SIZE, NOTE_SIZE, RADIUS, look, outlined
from .labels import Box, Room, half_of, place_pair, placed
from .operands import order_notes
from .scene import Arrow, Frame, Note, Scene
from .splines import Point, Spline, dense, evenly, lines, parallel

GAP = 3.5  # between an arrow and the middle of its pair
_NAME_SIZE = 18.0
_TRIES, _MORE, _FEW = 4, 26.0, 800  # how often room is made for texts that have none, how much; with so few arrows


@dataclass
class Plan:
    """Where everything is, in points with y upwards: of every arrow the middle of its pair; what it is a plan of."""

    picture: Picture
    centers: dict[str, Point]
    splines: list[Spline]
    frames: list[Frame]
    taps: dict[int, Point]


def placed_scene(
    picture: Picture,
    labels: Sequence[tuple[str, str]],
    rankdir: str,
    dims: Mapping[int, str],
    title: str,
    *,
    narrow: bool = False,
) -> Scene:
    """Return the picture with its places.

    Where it has to fit a page (`narrow`), columns stand closer, and leaves beside what reads them.
    """
    room, taps = Measure(labels, rankdir == "LR", narrow, dims=dims), set[int]()
    scene, crowded = _placed(picture, labels, room, taps, title)
    for _ in range(_TRIES if len(picture.edges) <= _FEW else 0):
        if not crowded:
            break
        joined = {(picture.edges[k].tail, picture.edges[k].head) for k in crowded}
        crowded = {k for k, edge in enumerate(picture.edges) if (edge.tail, edge.head) in joined}
        room = replace(room, more={k: room.more.get(k, 0.0) + _MORE * (k in crowded) for k in {*room.more, *crowded}})
        again, left = _placed(picture, labels, room, taps, title)
        if len(left) <= len(crowded):
            scene, crowded = again, left
    return scene


def _placed(
    picture: Picture,
    labels: Sequence[tuple[str, str]],
    measure: Measure,
    taps: set[int],
    title: str,
) -> tuple[Scene, set[int]]:
    """Return the picture with its places, and the arrows whose texts have none of their own."""
    plan = planned(picture, labels, measure, taps)
    picture = plan.picture
    room = _taken(picture, plan)
    pairs = [_twins(edge, spline) for edge, spline in zip(picture.edges, plan.splines, strict=True)]
    both = [spline for pair in pairs for spline in pair]
    room.line(dense(both))
    along = iter(lines(both))
    ways = [[next(along) for _ in pair] for pair in pairs]
    marks = _marks(picture, plan.taps)
    tapped = {k: _tapped(picture.edges[k], labels[k], center, room, marks) for k, center in plan.taps.items()}
    notes = _notes(picture, plan, room, measure, marks)
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


def planned(picture: Picture, labels: Sequence[tuple[str, str]], measure: Measure, taps: set[int]) -> Plan:
    """Return where everything is; what is a tap is added to `taps`."""
    across = measure.across
    ways = nested.Plan.of(picture, labels, measure)
    ways.taps |= taps
    part = ways.laid()
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
    """Return frames that arrows enter from above with their titles beside these."""
    x, y = dense(splines)
    found = []
    for frame in frames:
        left, _, right, top = frame.corners[0]
        half = half_of(frame.module.label, FRAME_SIZE)[0]
        near = x[(top - 2 * FRAME_SIZE < y) & (y < top) & (left < x) & (x < right)]
        middles = [(left + right) / 2, left + half + 8, right - half - 8]
        met = [np.count_nonzero(abs(near - middle) < half + 2 * GAP) for middle in middles]
        found.append(replace(frame, title=(middles[met.index(min(met))], frame.title[1])))
    return found


Marks = Mapping[tuple[str, str], str]
"""Short names, v1 and so on, of values without a name that taps carry: by the vertex that gives them and their name."""


def _marks(picture: Picture, taps: Collection[int]) -> Marks:
    carried = {(e.tail, e.forward) for e in (picture.edges[k] for k in taps) if not e.named}
    order = {vertex.id: i for i, vertex in enumerate(picture.vertices)}
    return {key: f"v{n}" for n, key in enumerate(sorted(carried, key=lambda key: (order[key[0]], key[1])), 1)}


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


def _twins(edge: EdgeRecord, spline: Spline) -> list[Spline]:
    """Return the black spline and, reversed, its red twin; the black one alone stays in the middle."""
    return [spline] if edge.backward is None else [parallel(spline, GAP), parallel(spline, -GAP)[::-1]]


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


def _notes(picture: Picture, plan: Plan, room: Room, measure: Measure, marks: Marks) -> list[Note]:
    """Return the texts at the two ends of the graph, and the shapes of what goes in and comes out."""
    across = measure.across
    depth = {
        vertex.id: plan.centers[vertex.id][0 if across else 1] * (1 if across else -1) for vertex in picture.vertices
    }
    start = min(depth.values(), default=0.0)
    flows = {edge.tail for edge in picture.edges if edge.backward is not None}
    results = {edge.tail for edge in picture.edges if edge.head.startswith("out")}
    notes = [note for vertex in picture.vertices for note in _fault_note(room, vertex, plan.centers[vertex.id])]
    for vertex in picture.vertices:
        center = plan.centers[vertex.id]
        if vertex.kind == "output":
            back = any(edge.head == vertex.id and edge.backward is not None for edge in picture.edges)
            notes += _name_pair(room, vertex, center, 6.0, "right" if across else "below", back)
            continue
        if vertex.leaf and depth[vertex.id] <= start + 1 and not vertex.around:
            notes += _name_pair(
                room, vertex, center, look(vertex).half[0] + 10, "left" if across else "above", vertex.id in flows
            )
        if vertex.shape is not None and (vertex.leaf or vertex.id in results):
            notes += _shape_note(room, vertex, center, "shape", shaped(vertex.shape, measure.dims))
        told = nested.total(vertex, any(picture.edges[k].tail == vertex.id for k in plan.taps))
        notes += _shape_note(room, vertex, center, "total", told) if told else []
    shown = {note.id for note in notes}
    for k in plan.taps:  # a tap is read by the name that stands at its source
        source = picture.vertex[picture.edges[k].tail]
        if not source.leaf and f"name_{source.id}" not in shown:
            shown.add(f"name_{source.id}")
            forward = picture.edges[k].forward
            name = marks.get((source.id, forward), forward)
            notes += _shape_note(room, source, plan.centers[source.id], "name", name)
    return notes


def _name_pair(room: Room, vertex: Vertex, center: Point, gap: float, side: str, back: bool) -> list[Note]:
    """Return a value's name and below it, in red, that of its gradient, at one side of `center`."""
    texts = [("name", vertex.label, 11.5)] + ([("bwd", f"d{vertex.label}", -11.5)] if back else [])
    longest = max(width(text, _NAME_SIZE) for _, text, _ in texts)
    shift = {"left": -gap - longest / 2, "right": gap + longest / 2}.get(side, 0.0)
    rise = {"above": gap + 22, "below": -gap - 22}.get(side, 0.0)
    found: list[Note] = []
    for kind, text, up in texts:
        place = center[0] + shift, center[1] + rise + (up if back else 0)
        found += placed(room, f"{kind}_{vertex.id}", text, _NAME_SIZE, kind, [place])
    return found


def _shape_note(room: Room, vertex: Vertex, center: Point, kind: str, text: str) -> list[Note]:
    """Return a text beside a vertex: above it if that is free."""
    half = look(vertex).half
    beside = half[0] + 4 + width(text, NOTE_SIZE) / 2
    candidates = [(0.0, half[1] + 10), (0.0, -half[1] - 10), (beside * 0.8, half[1]), (-beside * 0.8, half[1]),
                  (beside * 0.8, -half[1]), (-beside * 0.8, -half[1]), (beside, half[1] + 10),
                  (-beside, half[1] + 10), (beside, -half[1] - 10), (-beside, -half[1] - 10), (0.0, half[1] + 25),
                  (0.0, -half[1] - 25)]  # fmt: skip
    if kind in {"total", "name"}:
        candidates += [
            (-1.6 * beside, -half[1]),
            (1.6 * beside, -half[1]),
            (-1.6 * beside, half[1]),
            (0.0, -half[1] - 40),
        ]
    places = [(center[0] + x, center[1] + y) for x, y in candidates]
    return placed(room, f"{kind}_{vertex.id}", text, NOTE_SIZE, "bwd" if kind == "total" else kind, places)


def _fault_note(room: Room, vertex: Vertex, center: Point) -> list[Note]:
    """Return the red text at a vertex in which a search for a mistake begins: it is placed before all others."""
    if not vertex.mark:
        return []
    half = look(vertex).half
    rises = [half[1] + 13, -half[1] - 13, half[1] + 29, -half[1] - 29, half[1] + 45]
    beside = width(vertex.mark, LABEL_SIZE) / 2 + 8  # of an arrow that arrives in the middle
    shifts = [0.0, half[0] * 0.7, -half[0] * 0.7, beside, -beside]
    places = [(center[0] + x, center[1] + y) for y in rises for x in shifts]
    return placed(room, f"fault_{vertex.id}", vertex.mark, LABEL_SIZE, "fault", places)


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
