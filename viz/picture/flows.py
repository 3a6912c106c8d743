"""Along which edges a gradient flows back, and its numbers where they are known."""

from __future__ import annotations

from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tensorgrad.graph import Gradients, Graph

from .noise import Noise, may_be_noisy
from .values import plainly


@dataclass(frozen=True)
class Flows:
    """`edges`: the (target, slot) along which a gradient flows; `seeds`: what enters at an output, by its place.

    `noise` has the rounding errors, where a gradient may be nothing else.
    """

    edges: AbstractSet[tuple[int, int]] = frozenset()
    gradients: Gradients = field(default_factory=lambda: Gradients({}, {}))
    seeds: Mapping[int, Array] = field(default_factory=dict)
    noise: Noise = field(default_factory=Noise)

    @classmethod
    def of(cls, graph: Graph, seed: Tensor | Array | None) -> Flows:
        """Return what flows back through `graph`; without numbers where values have been freed or overwritten.

        Raises:
            ShapeError: `seed` has not the shape of the first output.
        """
        seed = None if seed is None else np.array(seed.array if isinstance(seed, Tensor) else seed)
        edges, seeds = _flowing(graph), _seeds(graph, seed)
        try:
            with plainly():
                gradients = graph.gradients(seed)
                noise = Noise.of(graph, seed, gradients) if may_be_noisy(graph, gradients) else Noise()
        except (AutogradError, InPlaceError):  # the arrows are known, the numbers are not
            return cls(edges)
        return cls(edges | gradients.edges.keys(), gradients, seeds, noise)


def _flowing(graph: Graph) -> set[tuple[int, int]]:
    """Return the (target, slot) of the edges along which a gradient may flow back from the outputs."""
    live = {index for index in graph.outputs if graph.nodes[index].requires_grad}
    flows = set()
    for node in reversed(graph.nodes):
        if node.index not in live:
            continue
        known = PRIMITIVES.get(node.op)  # of an operation whose derivative the user wrote, nothing is known
        rules = known.vjps if known else (True,) * len(node.operands)
        for slot, (operand, rule) in enumerate(zip(node.operands, rules, strict=False)):  # rules may be endless
            if operand.source is None or operand.detached or rule is None:
                continue
            if graph.nodes[operand.source].requires_grad:
                live.add(operand.source)
                flows.add((node.index, slot))
    return flows


def _seeds(graph: Graph, array: Array | None) -> dict[int, Array]:
    """Return the gradient that enters at the first output, by its place: the sweep starts there alone."""
    node = graph.nodes[graph.outputs[0]] if graph.outputs else None
    if node is None or not node.requires_grad:
        return {}
    if array is None:
        return {0: np.ones(node.shape, node.dtype)}
    if array.shape != node.shape:
        raise ShapeError(f"the seed of a drawing is the gradient of its first output, of shape {list(node.shape)}, but "
                         f"it has shape {list(array.shape)}")  # fmt: skip
    return {0: array}
