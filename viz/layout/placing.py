"""The two passes: Graphviz places vertices and black edges; the red twins are laid parallel to them.

Red edges given to Graphviz as edges of their own tangle: twenty crossing pairs on the graph of BatchNorm. Laid out by
the forward edges alone and doubled afterwards, the same graph has none.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.text import shaped, width

from .dot import ARROW, FRAME_SIZE, LABEL_SIZE, RADIUS, for_layout, look, outlined
from .labels import Box, Room, place_pair, placed
from .lanes import HEAVY, lanes
from .operands import order_notes
from .render import render
from .scene import Arrow, Frame, Note, Scene
from .splines import Point, Spline, between, parallel, parse, sampled

GAP = 3.5  # between an arrow and the middle of its pair
_NAME_SIZE = 18.0
_SHAPE_SIZE = 12.0


@dataclass
class Plan:
    """Where the first pass put everything, in points with y upwards."""

    centers: dict[str, Point]
    splines: list[Spline]
    frames: dict[str, dict[str, str]]
    frame_titles: list[Box]


def placed_scene(
    picture: Picture,
    labels: Sequence[tuple[str, str]],
    rankdir: str,
    dims: Mapping[int, str],
    title: str,
    timeout: float,
    *,
    narrow: int = 0,
) -> Scene:
    """Return the picture with its places; TensorgradError if Graphviz takes longer than `timeout` seconds.

    Where it has to fit a page, ranks stand closer, and leaves beside what reads them; `narrow` is then the number of
    spaces at each side of a label, of which more make room for all.
    """
    plan = first_pass(picture, labels, rankdir, timeout, narrow=narrow)
    room = _taken(picture, plan)
    pairs = [_twins(edge, spline) for edge, spline in zip(picture.edges, plan.splines, strict=True)]
    for pair in pairs:
        for spline in pair:
            room.line(sampled(spline, 12))
    notes = _notes(picture, plan, room, rankdir, dims)
    notes += order_notes(picture, [pair[0] for pair in pairs], room, rankdir == "LR")
    arrows: list[Arrow] = []
    for edge, pair, texts in zip(picture.edges, pairs, labels, strict=True):
        named = list(zip(pair, texts, strict=False))
        for kind, (spline, text), center in zip(("fwd", "bwd"), named, place_pair(room, named), strict=False):
            arrows.append(Arrow(edge, kind, (spline,), text, () if center is None else (center,), LABEL_SIZE))
    notes += _headings(plan, notes, title, picture.caption)
    modules = {module.id: module for vertex in picture.vertices for module in vertex.around}
    frames = [
        Frame(modules[id], (_bounds(frame),), _point(frame["lp"]), FRAME_SIZE) for id, frame in plan.frames.items()
    ]
    outlines = [outlined(vertex, plan.centers[vertex.id]) for vertex in picture.vertices]
    return Scene(tuple(outlines), tuple(frames), tuple(arrows), tuple(notes), ARROW)


def first_pass(
    picture: Picture, labels: Sequence[tuple[str, str]], rankdir: str, timeout: float, *, narrow: int
) -> Plan:
    """Return what `dot` makes of the forward edges."""
    found_lanes = lanes(picture, narrow=narrow > 0)
    dot, heavy = for_layout(picture, labels, rankdir, found_lanes, narrow=narrow), found_lanes.effort > HEAVY
    found = json.loads(render(dot, engine="dot", format="json", timeout=timeout, heavy=heavy))
    objects: dict[str, dict[str, Any]] = {o["name"]: o for o in found.get("objects", [])}
    splines = {edge["id"]: parse(edge["pos"]) for edge in found.get("edges", []) if "id" in edge}
    modules = {module.id: module for vertex in picture.vertices for module in vertex.around}
    frames = {id: {side: objects[f"cluster_{id}"][side] for side in ("bb", "lp")} for id in modules}
    return Plan(
        {vertex.id: _point(objects[vertex.id]["pos"]) for vertex in picture.vertices},
        [splines[f"e{k}"] for k in range(len(picture.edges))],
        frames,
        [Box.around(_point(frames[id]["lp"]), (width(m.label, 14.0) / 2, 9.0)) for id, m in modules.items()],
    )


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def _twins(edge: EdgeRecord, spline: Spline) -> list[Spline]:
    """Return the black spline and, reversed, its red twin; the black one alone stays in the middle."""
    return [spline] if edge.backward is None else [parallel(spline, GAP), parallel(spline, -GAP)[::-1]]


def _taken(picture: Picture, plan: Plan) -> Room:
    room = Room()
    for vertex in picture.vertices:
        shape = look(vertex)
        if vertex.kind != "output":
            half = shape.half[0] + 1.5, shape.half[1] + 1.5
            room.take(Box.around(plan.centers[vertex.id], half), half[0] if shape.round else 0.0)
    for title in plan.frame_titles:
        room.take(title)
    for left, bottom, right, top in map(_bounds, plan.frames.values()):
        corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
        for a, b in itertools.pairwise(corners):
            steps = int(math.dist(a, b) // 4) + 1
            room.line(between(a, b, i / steps) for i in range(steps))
    return room


def _bounds(frame: Mapping[str, str]) -> tuple[float, float, float, float]:
    left, bottom, right, top = map(float, frame["bb"].split(","))
    return left, bottom, right, top


def _notes(picture: Picture, plan: Plan, room: Room, rankdir: str, dims: Mapping[int, str]) -> list[Note]:
    """Return the texts at the two ends of the graph, and the shapes of what goes in and comes out."""
    across = rankdir == "LR"
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
            notes += _shape_note(room, vertex, center, shaped(vertex.shape, dims))
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


def _shape_note(room: Room, vertex: Vertex, center: Point, text: str) -> list[Note]:
    half = look(vertex).half
    beside = half[0] + 4 + width(text, _SHAPE_SIZE) / 2
    candidates = [(0.0, half[1] + 10), (0.0, -half[1] - 10), (beside * 0.8, half[1]), (-beside * 0.8, half[1])]
    places = [(center[0] + x, center[1] + y) for x, y in candidates]
    return placed(room, f"shape_{vertex.id}", text, _SHAPE_SIZE, "shape", places)


def _fault_note(room: Room, vertex: Vertex, center: Point) -> list[Note]:
    """Return the red text at a vertex in which a search for a mistake begins: it is placed before all others."""
    if not vertex.mark:
        return []
    half = look(vertex).half
    rises = [half[1] + 13, -half[1] - 13, half[1] + 29, -half[1] - 29, half[1] + 45]
    shifts = [0.0, half[0] * 0.7, -half[0] * 0.7]
    places = [(center[0] + x, center[1] + y) for y in rises for x in shifts]
    return placed(room, f"fault_{vertex.id}", vertex.mark, LABEL_SIZE, "fault", places)


def _headings(plan: Plan, notes: Sequence[Note], title: str, caption: str) -> list[Note]:
    """Return the title above everything and the caption below it."""
    points = [*plan.centers.values(), *(p for spline in plan.splines for p in spline), *(n.center for n in notes)]
    bounds = map(_bounds, plan.frames.values())
    points += [corner for left, bottom, right, top in bounds for corner in ((left, bottom), (right, top))]
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
