"""Operations that are not to be seen: what reads them is drawn as reading what they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph, GraphNode
from tensorgrad.graph.arranging import served

from .model import EdgeRecord, Picture, Vertex
from .text import clean

Hide = Iterable[str] | Callable[[GraphNode], bool]
"""What is hidden: names of operations and kinds of leaves, "break", or what decides for each node of the graph."""


def without_hidden(picture: Picture, graph: Graph, hide: Hide) -> Picture:
    """Return `picture` without what `hide` names, and with a caption that says how much that is.

    An arrow over what is hidden says what its tail says: the value that goes in there, and the gradient that comes back
    from there. Where several arrows leave what is hidden, their parts of that gradient are not known, and not told.
    Over a hidden break it stays dashed: what goes there is no value of the graph.

    Raises:
        TensorgradError: no node answers to a word in `hide`, or all do.
    """
    hidden = _hidden(picture, graph, hide)
    edges = list(picture.edges)
    for vertex in hidden:
        edges = _bridged(edges, vertex.id)
    gone = {vertex.id for vertex in hidden}
    kept = [vertex for vertex in picture.vertices if vertex.id not in gone]
    read = {end for edge in edges for end in (edge.tail, edge.head)} | {v.id for v in kept if v.kind != "output"}
    shown = replace(picture, vertices=[v for v in kept if v.id in read], edges=edges)
    if not shown.vertices:
        raise TensorgradError(f"hide= leaves nothing to draw of {len(picture.vertices)} circles: hide fewer of them")
    return shown.captioned(f"{len(gone)} hidden") if gone else shown


def _hidden(picture: Picture, graph: Graph, hide: Hide) -> list[Vertex]:
    """Return the circles that are not to be seen, in the order of computation."""
    shown = served(graph).shown
    nodes = {f"n{node.index}": graph.nodes[shown.get(node.index, node.index)] for node in graph.nodes}
    circles = [vertex for vertex in picture.vertices if vertex.id in nodes]
    if callable(hide):
        return [vertex for vertex in circles if hide(nodes[vertex.id])]
    words = {hide} if isinstance(hide, str) else set(hide)
    unknown = sorted(words - {node.op for node in graph.nodes} - {"break"})
    if unknown:
        known = ", ".join(dict.fromkeys(node.op for node in graph.nodes))
        raise TensorgradError(f"hide={unknown[0]!r} is no operation of this graph, which has: {clean(known, 400)}")
    marks = [vertex for vertex in picture.vertices if vertex.kind == "break" and "break" in words]
    return [*(vertex for vertex in circles if nodes[vertex.id].op in words), *marks]


def _bridged(edges: list[EdgeRecord], id: str) -> list[EdgeRecord]:
    """Return the arrows with every way through the vertex `id` as one arrow."""
    into, out = [edge for edge in edges if edge.head == id], [edge for edge in edges if edge.tail == id]
    found = []
    for edge in edges:
        if edge.tail == id:
            found += [_joined(before, edge, alone=len(out) == 1) for before in into]
        elif edge.head != id:
            found.append(edge)
    return found


def _joined(before: EdgeRecord, after: EdgeRecord, *, alone: bool) -> EdgeRecord:
    flows = before.backward is not None and after.backward is not None
    known = (
        before if alone else replace(before, backward="", gradient=None, fault=None, formulas=(before.formulas[0], ""))
    )
    return replace(
        known if flows else replace(known, backward=None, gradient=None),
        target=after.target, head=after.head, slot=after.slot, places=after.places, id=f"{before.id}_{after.id}",
        outside=before.outside or after.outside,
    )  # fmt: skip
