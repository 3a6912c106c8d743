"""Along which edges a gradient flows back, and its numbers where they are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tensorgrad.graph import Gradients, Graph
from tensorgrad.graph.gradients import Seed
from tensorgrad.graph.recomputing import plainly, refilled

from .noise import Noise, suspects
from .summaries import Numbers

Seeds = list[Array | None]
"""The gradient of every output; None for one into which nothing flows back."""


@dataclass(frozen=True)
class Flows:
    """`edges`: the (target, slot) along which a gradient flows; `seeds`: what enters at an output, by its place.

    `starts` are the places of those outputs, also where no numbers are known, and `lost` says why they are not. `noise`
    has the rounding errors, where a gradient may be nothing else; `numbers` what is told of the gradients.
    """

    edges: AbstractSet[tuple[int, int]] = frozenset()
    gradients: Gradients = field(default_factory=lambda: Gradients({}, {}))
    seeds: Mapping[int, Array] = field(default_factory=dict)
    noise: Noise = field(default_factory=Noise)
    starts: AbstractSet[int] = frozenset()
    numbers: Numbers = field(default_factory=Numbers)
    lost: str = ""

    @classmethod
    def of(cls, graph: Graph, seeds: Seeds) -> Flows:
        """Return what flows back through `graph`; without numbers where values have been freed or overwritten."""
        entering = {place: seed for place, seed in enumerate(seeds) if seed is not None}
        edges = _flowing(graph, [graph.outputs[place] for place in entering])
        try:
            with plainly(), refilled(graph):
                gradients = graph.gradients(seeds)
                numbers = Numbers([*gradients.nodes.values(), *gradients.edges.values(), *entering.values()])
                small = suspects(graph, gradients, numbers)
                noise = Noise.of(graph, seeds, gradients, small) if small else Noise()
        except (AutogradError, InPlaceError) as error:  # the arrows are known, the numbers are not
            why = "has been written since" if isinstance(error, InPlaceError) else "was freed by backward()"
            told = f"gradients have no numbers: what they are computed of {why}" if edges else ""
            return cls(edges, starts=entering.keys(), lost=told)
        return cls(edges | gradients.edges.keys(), gradients, entering, noise, entering.keys(), numbers)


def _flowing(graph: Graph, starts: Iterable[int]) -> set[tuple[int, int]]:
    """Return the (target, slot) of the edges along which a gradient may flow back from the nodes `starts`."""
    live = {*starts}
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


def seeds_of(graph: Graph, seed: Seed) -> Seeds:
    """Return the gradient of every output that requires one: ones, unless `seed` says what flows back into which.

    Of a backward pass, whose outputs are gradients, it is the first alone, as for `Graph.backward`.

    Raises:
        ShapeError: a seed has not the shape of its output, or there are more or fewer of them than outputs.
    """
    ends = [graph.nodes[index] for index in graph.outputs]
    if seed is None:
        wanted = [node.requires_grad and (graph.order == 0 or i == 0) for i, node in enumerate(ends)]
        return [np.ones(node.shape, node.dtype) if w else None for node, w in zip(ends, wanted, strict=True)]
    several = isinstance(seed, list | tuple)
    given: Sequence[Any] = seed if isinstance(seed, list | tuple) else [seed, *[None] * (len(ends) - 1)][: len(ends)]
    if len(given) != len(ends):
        raise ShapeError(f"{len(given)} seeds of a drawing with {len(ends)} outputs: give one for each, None for none")
    found: Seeds = []
    for node, part in zip(ends, given, strict=True):
        array = None if part is None else np.array(part.array if isinstance(part, Tensor) else part)
        if array is not None and array.shape != node.shape:
            which = "an output" if several else "its first output"
            raise ShapeError(f"a seed of a drawing is the gradient of {which}, of shape {list(node.shape)}, but it has "
                             f"shape {list(array.shape)}")  # fmt: skip
        found.append(array if node.requires_grad else None)
    return found
