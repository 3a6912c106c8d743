"""The formulas of a picture's arrows: of the value on the black one, of the gradient on the red one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Graph, Passes

from .expressions import Expressions
from .model import EdgeRecord, Picture
from .values import plainly


def with_formulas(picture: Picture, graph: Graph, names: Sequence[str], seed: Tensor | Array | None) -> Picture:
    """Return `picture` with what its arrows carry written out; not what is computed in a closed module.

    Without the formulas of the gradients where values have been freed or overwritten, from which they follow.
    """
    kinds = {vertex.id: vertex.kind for vertex in picture.vertices}
    passes = Passes(graph.nodes, graph.names(), [], {})
    if any(edge.backward for edge in picture.edges):
        with contextlib.suppress(AutogradError, InPlaceError), plainly():
            passes = graph.with_backward(seed)
    told = Expressions.of_passes(passes, names, graph.outputs)
    edges = []
    for edge in picture.edges:
        source, place = _source(graph, edge)
        forward = "" if kinds[edge.tail] == "box" else told.of(source)
        known = "box" not in (kinds[edge.tail], kinds[edge.head]) and edge.backward and place in passes.along
        edges.append(replace(edge, formulas=(forward, told.of(passes.along[place]) if known else "")))
    return replace(picture, edges=edges)


def _source(graph: Graph, edge: EdgeRecord) -> tuple[int, tuple[int, int]]:
    """Return the node whose value `edge` carries, and which use of it that is."""
    if edge.id.startswith("out"):
        return graph.outputs[edge.slot], (-1, edge.slot)
    target, slot = map(int, edge.id.split("_"))
    source = graph.nodes[target].operands[slot].source
    assert source is not None
    return source, (target, slot)
