"""What is done to a picture once it stands: its formulas, and how many arrows meet where."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Graph, Passes

from .expressions import Expressions
from .model import EdgeRecord, Picture, Vertex
from .values import plainly


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


def finished(picture: Picture, taps: Collection[int] = ()) -> Picture:
    """Return `picture` with the number of arrows at every vertex, and of parts that add up to its gradient.

    `taps` are arrows that reach their heads alone: where they come from, they take no room.
    """
    drawn = [edge for k, edge in enumerate(picture.edges) if k not in taps]
    into, out = Counter(edge.head for edge in picture.edges), Counter(edge.tail for edge in drawn)
    parts = Counter(edge.tail for edge in picture.edges if edge.backward is not None)
    twins: dict[str, tuple[int, int]] = {}
    for (tail, head), count in Counter((edge.tail, edge.head) for edge in drawn).items():
        for end, whole in ((tail, out[tail]), (head, into[head])):
            twins[end] = max(twins.get(end, (1, 0)), (count, whole - count))
    return replace(picture, vertices=[
        Vertex(**{**vars(v), "arms": into[v.id], "parts": parts[v.id], "twins": most, "beside": more})
        for v in picture.vertices for most, more in [twins.get(v.id, (1, 0))]
    ])  # fmt: skip
