"""What is done to a picture once it stands: its formulas, and leaves read everywhere drawn beside each reader."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Graph, Passes

from .expressions import Expressions
from .model import EdgeRecord, Picture, Vertex
from .values import plainly

MANY = 12


def with_formulas(
    picture: Picture,
    graph: Graph,
    names: Sequence[str],
    seed: Tensor | Array | None,
    dims: Mapping[int, str] | None,
) -> Picture:
    """Return `picture` with what its arrows carry written out; not what is computed in a closed module.

    Without the formulas of the gradients where values have been freed or overwritten, from which they follow.
    """
    passes = Passes(graph.nodes, graph.names(), [], {})
    if any(edge.backward for edge in picture.edges):
        with contextlib.suppress(AutogradError, InPlaceError), plainly():
            passes = graph.with_backward(seed)
    told = Expressions.of_passes(passes, names, graph.outputs, dims)
    edges = []
    for edge in picture.edges:
        source, place = _source(graph, edge)
        boxed = [picture.vertex[end].kind == "box" for end in (edge.tail, edge.head)]
        known = not any(boxed) and edge.backward and place in passes.along
        gradient = told.of(passes.along[place]) if known else ""
        edges.append(replace(edge, formulas=("" if boxed[0] else told.of(source), gradient)))
    return replace(picture, edges=edges)


def _source(graph: Graph, edge: EdgeRecord) -> tuple[int, tuple[int, int]]:
    """Return the node whose value `edge` carries, and which use of it that is."""
    if edge.id.startswith("out"):
        return graph.outputs[edge.slot], (-1, edge.slot)
    target, slot = map(int, edge.id.split("_"))
    source = graph.nodes[target].operands[slot].source
    assert source is not None
    return source, (target, slot)


def with_leaves_beside_readers(picture: Picture, many: int = MANY) -> Picture:
    """Return `picture` with a copy for each use of a leaf that is used more than `many` times.

    A hundred long edges from one circle show nothing, and cost Graphviz minutes: each crosses every rank between its
    ends.
    """
    uses: dict[str, list[EdgeRecord]] = defaultdict(list)
    for edge in picture.edges:
        uses[edge.tail].append(edge)
    copies: dict[EdgeRecord, EdgeRecord] = {}
    vertices: list[Vertex] = []
    for vertex in picture.vertices:
        read = uses[vertex.id]
        if not vertex.leaf or len(read) <= many:
            vertices.append(vertex)
            continue
        for k, edge in enumerate(read):
            copies[edge] = replace(edge, tail=f"{vertex.id}_{k}")
            vertices.append(replace(vertex, id=copies[edge].tail, around=picture.vertex[edge.head].around))
    return Picture(vertices, [copies.get(edge, edge) for edge in picture.edges], picture.caption)
