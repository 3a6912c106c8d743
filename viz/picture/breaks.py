"""Values that Python read, and that are numbers to the program from then on: a mark where each left the graph.

Where such a number comes back as an operand, and is one that nobody writes by chance, an arrow leads there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tensorgrad.engine.traces import CHOICE, Break
from tensorgrad.graph import Graph

from .model import EdgeRecord, Picture, Vertex
from .text import clean, number
from .tooltips import script_line

_LONGEST = 24  # characters of what was done, and of what came out
_DIGITS = 6  # that a number has which nobody writes by chance


def with_breaks(picture: Picture, graph: Graph) -> Picture:
    """Return `picture` with a mark at every value that Python read, and a caption that tells their lines."""
    found = graph.reads() if graph.order == 0 else []
    if not found:
        return picture
    names = picture.names
    holders = {index: vertex for vertex in picture.vertices for index in vertex.members}
    marks: dict[str, list[Vertex]] = defaultdict(list)
    edges: list[EdgeRecord] = []
    for i, (read, index) in enumerate(found):
        if index in holders:
            assert index is not None
            mark = _mark(i, read, holders[index])
            marks[holders[index].id].append(mark)
            edges += [_into(mark, index, holders[index], graph, names[index]), *_back(mark, read, graph, holders)]
    vertices = [v for vertex in picture.vertices for v in (vertex, *marks[vertex.id])]
    place = {vertex.id: i for i, vertex in enumerate(vertices)}
    edges = [edge for edge in edges if place[edge.tail] < place[edge.head]]
    lines = clean(", ".join(dict.fromkeys(filter(None, (script_line(read.place) for read, _ in found)))), 100)
    often = sum(read.times for read, _ in found)
    count = f"{often} value{'s' * (often > 1)}"
    shown = replace(picture, vertices=vertices, edges=[*picture.edges, *edges])
    return shown.captioned(f"Python read {count} ({lines}): what depends on that is of this run")


def _mark(i: int, read: Break, source: Vertex) -> Vertex:
    """Return the mark of the read number `i`: what was done, what came out, and the line."""
    known = _number(read)
    came = read.value if known is None else number(known)
    what = "if" if read.what == CHOICE else read.what.partition(",")[0]
    what += "()" * what.startswith(".")
    often = f", … ×{read.times}" if read.times > 1 else ""
    label = f"{clean(what, _LONGEST)} → {clean(came, _LONGEST)}{often}\n{script_line(read.place)}"
    told = clean(f"left the graph: {read._replace(value=came).text}", 400)
    return Vertex(f"break{i}", "break", label, None, source.around, told)


def _into(mark: Vertex, index: int, source: Vertex, graph: Graph, name: str) -> EdgeRecord:
    """Return the arrow from the value that was read, `name`."""
    node = graph.nodes[index]
    named = node.name is not None or node.is_leaf or index in graph.outputs
    return EdgeRecord(
        source.label, mark.label, 0, name, node.shape, None, None, source.id, mark.id, node.value,
        str(node.dtype), named, f"{mark.id}_in",
    )  # fmt: skip


def _back(mark: Vertex, read: Break, graph: Graph, holders: Mapping[int, Vertex]) -> Iterator[EdgeRecord]:
    """Yield the arrows to what computes with the number that was read."""
    known = _number(read)
    if known is None or len(read.value.strip("-0.")) < _DIGITS:
        return
    for node in graph.nodes:
        for slot, operand in enumerate(node.operands):
            if operand.source is None and type(operand.constant) in (int, float) and operand.constant == known:
                head = holders[node.index]
                yield EdgeRecord(
                    mark.label, head.label, slot, number(known), (), None, None, mark.id, head.id, None, "", True,
                    f"{mark.id}_{node.index}_{slot}", outside=True,
                )  # fmt: skip


def _number(read: Break) -> float | None:
    try:
        return float(read.value)
    except ValueError:
        return None
