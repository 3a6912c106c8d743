"""The texts beside circles: names at both ends, shapes, sums, names that taps are read by, faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from tensorgrad.viz.picture.model import Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import shaped, width

from .dot import LABEL_SIZE, NOTE_SIZE, look
from .labels import Room, placed
from .scene import Note
from .splines import Point, moved

_NAME_SIZE = 18.0
_OUTWARDS = (0.0, 8.0, 16.0, 32.0, 64.0, 128.0)  # how much farther a name stands where something is in its place
MANY = 4  # uses of one value

Marks = Mapping[tuple[str, str], str]
"""What taps say in place of a name: by the vertex that gives the value, and its name."""


def told_apart(picture: Picture) -> Marks:
    """Return the names of leaves that others bear as well, with the paths of their modules: ``0.W`` and ``2.W``.

    Where two networks have the same paths, what these are called stands before them: ``generator.0.W``. The value of a
    module has the name of that.
    """
    alike: dict[str, list[Vertex]] = defaultdict(list)
    for vertex in picture.vertices:
        if vertex.leaf and vertex.around:
            alike[vertex.label].append(vertex)
    same = [vertex for vertices in alike.values() if len(vertices) > 1 for vertex in vertices]
    homes = {v.id: next((call for call in reversed(v.around) if not call.is_function), None) for v in same}
    short = {v.id: _joined(home.named, v.label) for v in same if (home := homes[v.id])}
    counts = Counter(short.values())
    found = {
        (v.id, v.label): short[v.id] if counts[short[v.id]] == 1 else _joined(home.root, short[v.id])
        for v in same
        if (home := homes[v.id])
    }
    return {key: mark for key, mark in found.items() if mark != key[1]} | _of_modules(picture)


def _of_modules(picture: Picture) -> dict[tuple[str, str], str]:
    """Return the names of values that open modules give out: that of the module, where it gives out one alone."""
    readers: dict[str, list[tuple[ModuleCall, ...]]] = defaultdict(list)
    for edge in picture.edges:
        readers[edge.tail].append(picture.vertex[edge.head].around)
    given: dict[ModuleCall, list[tuple[str, str]]] = defaultdict(list)
    for edge in picture.edges:
        call = next((call for call in reversed(picture.vertex[edge.tail].around) if not call.is_function), None)
        key = (edge.tail, edge.forward)
        leaves = call is not None and not edge.named and all(call not in around for around in readers[edge.tail])
        if call is not None and leaves and call.named and key not in given[call]:
            given[call].append(key)
    words = Counter(call.word for call, keys in given.items() if keys)
    return {
        keys[0]: call.word
        for call, keys in given.items()
        if len(keys) == 1 and words[call.word] == 1 and not call.named.rpartition(".")[2].isdigit()
    }


def _joined(*parts: str) -> str:
    return ".".join(filter(None, parts))


def marks_of(picture: Picture, taps: Collection[int]) -> Marks:
    """Return what `taps` say of what has no name, v1 and so on in the order of computation, and what is told apart."""
    apart = told_apart(picture)
    carried = {(e.tail, e.forward) for e in (picture.edges[k] for k in taps) if not e.named} - apart.keys()
    order = {vertex.id: i for i, vertex in enumerate(picture.vertices)}
    short = {key: f"v{n}" for n, key in enumerate(sorted(carried, key=lambda key: (order[key[0]], key[1])), 1)}
    return {**apart, **short}


def shapes_of(picture: Picture, dims: Mapping[int, str]) -> dict[str, str]:
    """Return the shapes that stand beside circles, those of what goes in and comes out, by vertex."""
    results = {edge.tail for edge in picture.edges if edge.head.startswith("out")}
    return {
        vertex.id: shaped(vertex.shape, dims)
        for vertex in picture.vertices
        if vertex.shape is not None and (vertex.leaf or vertex.id in results)
    }


Beside = Mapping[str, list[tuple[str, str]]]
"""What stands beside every vertex that has such texts: "shape", "total" or "name", and the text."""


def beside(picture: Picture, taps: Collection[int], dims: Mapping[int, str]) -> Beside:
    """Return the texts that stand beside circles, for which levels keep room.

    They are the shapes of what goes in and comes out, of how many parts a gradient is the sum where arrows do not show
    it, and the name by which the taps of a value are read.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    shapes = shapes_of(picture, dims)
    tapped = {picture.edges[k].tail: picture.edges[k].forward for k in sorted(taps, reverse=True)}
    marks = marks_of(picture, taps)
    for vertex in picture.vertices:
        if vertex.id in shapes:
            found[vertex.id].append(("shape", shapes[vertex.id]))
        if vertex.leaf and vertex.parts >= (2 if vertex.id in tapped else MANY):
            found[vertex.id].append(("total", f"d{vertex.label} = Σ of {vertex.parts}"))
        if vertex.id in tapped and not vertex.leaf:
            name = tapped[vertex.id]
            found[vertex.id].append(("name", marks.get((vertex.id, name), name)))
    return found


def notes_of(picture: Picture, centers: Mapping[str, Point], told: Beside, room: Room, across: bool) -> list[Note]:
    """Return the texts at the two ends of the graph and those `told` beside circles, with their places, now taken."""
    depth = {vertex.id: centers[vertex.id][0] if across else -centers[vertex.id][1] for vertex in picture.vertices}
    start = min(depth.values(), default=0.0)
    flows = {edge.tail for edge in picture.edges if edge.backward is not None}
    notes = [note for vertex in picture.vertices for note in _fault_note(room, vertex, centers[vertex.id])]
    for vertex in picture.vertices:
        center = centers[vertex.id]
        if vertex.kind == "output":
            back = any(edge.head == vertex.id and edge.backward is not None for edge in picture.edges)
            notes += _name_pair(room, vertex, center, 6.0, "right" if across else "below", back)
        elif vertex.leaf and depth[vertex.id] <= start + 1 and not vertex.around:
            gap = look(vertex).half[0] + 10
            notes += _name_pair(room, vertex, center, gap, "left" if across else "above", vertex.id in flows)
        for kind, text in told.get(vertex.id, ()):
            notes += _shape_note(room, vertex, center, kind, text)
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
        out = {"left": (-1, 0), "right": (1, 0), "above": (0, 1), "below": (0, -1)}[side]
        places = [moved(place, out, far) for far in _OUTWARDS]
        found += placed(room, f"{kind}_{vertex.id}", text, _NAME_SIZE, kind, places)
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
