"""Bounds of what a function gives, and of its gradients: at numbers, or wherever in intervals its inputs lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.context import OPENED, context, within
from tensorgrad.bounds import Interval
from tensorgrad.create.creation import tensor
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.graph import Bounds, Graph
from tensorgrad.graph.gradients import Seed

from .sharpening import narrowed


@dataclass(frozen=True, eq=False, repr=False)
class Enclosure:
    """What `enclose` has found.

    Attributes:
        values: an interval for each output, of its shape.
        gradients: one for each input, of its shape: of the first output (times `seed`); None for one without gradient.
        bounds: those of every value on the way, see `Bounds`.
    """

    values: tuple[Interval, ...]
    gradients: tuple[Interval | None, ...]
    bounds: Bounds

    def __repr__(self) -> str:
        return f"Enclosure(values={self.values!r}, gradients={self.gradients!r})"


def enclose(function: Callable[..., Any], *inputs: Any, seed: Seed = None, sharp: bool = False) -> Enclosure:
    """Return intervals that are proved to hold the values of `function` at `inputs`, and its gradients.

    They hold what exact arithmetic gives for these very numbers, whatever rounding has done; a `Function` of the user's
    is what its `forward` computes, so that its own `backward` has no say. Where an input is an `Interval`, they hold
    what is computed of every number inside: all that a gradient can be while x moves by so much.

    Args:
        function: of tensors; it is traced once, at the middle of intervals (elsewhere inside, if a matrix is singular
            there), and other ways that it may take are not.
        inputs: tensors, arrays, numbers or Intervals, in float64 for the tightest ones, of the shapes that it wants.
        seed: the cotangent of the first output, of its shape; ones by default.
        sharp: look at each element of the results alone, with what every rounding on the way can have done to it: a
            hundred times narrower behind a few layers, at the price of a sweep for each; at numbers only.

    Returns:
        Intervals in the shapes of the outputs and of the inputs; the whole line where nothing is known, `bounds` says
        why.

    Raises:
        ArgumentError: the function reads a value, as ``if x > 0`` does, while an input is an Interval: it might take
            another way elsewhere; or it returns no tensor.

    Source: interval arithmetic with outward rounding, Moore 1966; Rump 1999 for products of matrices.

    >>> import tensorgrad as tg
    >>> found = enclose(lambda x: x.exp().sum(), Interval([0.0, 1.0], [0.01, 1.01]))
    >>> gradient = found.gradients[0]
    >>> gradient.contains(np.exp([0.005, 1.005])), bool((gradient.width < 0.03).all())
    (True, True)
    """
    with within(flags=context().flags | OPENED):
        graph = _traced(function, inputs)
        places = {node.argument: node.index for node in graph.nodes if node.argument is not None}
        wide = {places[i]: x for i, x in enumerate(inputs) if isinstance(x, Interval) and i in places}
        found = graph.bounds(seed, wide)
        if wide and found.breaks:
            read = found.breaks[0]
            raise ArgumentError(f"bounds over an Interval hold for one way through the function only: {read.text}")
        values = [found[i] for i in found.outputs]
        slopes = {leaf: found[i] for leaf, i in found.gradients.items()}
        if sharp and not wide and not found.unknown:
            values = narrowed(values, graph)
            if slopes:
                slopes = dict(zip(slopes, narrowed(list(slopes.values()), graph.backward(seed)), strict=True))
    gradients = [slopes.get(places[i]) if i in places else None for i in range(len(inputs))]
    return Enclosure(tuple(values), tuple(gradients), found)


def _traced(function: Callable[..., Any], inputs: Sequence[Any]) -> Graph:
    """Return the graph of `function` at numbers inside of intervals: the middles, others where those are singular."""
    try:
        return Graph.trace(function, *map(_tensor, inputs))
    except np.linalg.LinAlgError:
        if not any(isinstance(x, Interval) for x in inputs):
            raise
        return Graph.trace(function, *(_tensor(_irregular(x) if isinstance(x, Interval) else x) for x in inputs))


def _irregular(x: Interval) -> Interval:
    """Return numbers inside of `x` that are no two the same part of the way up."""
    parts = (np.arange(1, x.low.size + 1) * ((np.sqrt(5) - 1) / 2) % 1.0).reshape(x.shape)
    found = np.clip(x.low * (1 - parts) + x.high * parts, x.low, x.high)
    return Interval(np.where(np.isfinite(found), found, x.middle))


def _tensor(x: Any) -> Tensor:
    """Return what the function is given for the input `x`: a number inside of an interval."""
    if isinstance(x, Tensor):
        return x
    value = x.middle if isinstance(x, Interval) else np.asarray(x)
    return tensor(value, requires_grad=value.dtype.kind == "f")
