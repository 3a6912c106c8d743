"""Narrower bounds of one number, from what each rounding on the way to it can have done to it, and no more.

Plain intervals forget that one error may enter twice, and cancel: over six layers they grow a million times as wide
as the error. With d_i for what the rounding of operation i has added to its value, the computed number is a function
of all d_i, and the exact one is that function at 0. By the mean value theorem they differ by ``sum_i (dy/dv_i) d_i``,
with slopes somewhere between the two runs: the adjoints are computed as intervals over boxes that hold both runs, so
that there is no remainder to neglect.

Source: the running error analysis of Wilkinson 1963 with the slopes enclosed; Rall 1981, section 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.bounds.interval import LEAST, UNIT, Interval, between, met, outward, point, real
from tensorgrad.bounds.powers import add, size
from tensorgrad.graph import Graph, GraphNode
from tensorgrad.graph.enclosing import of_node


class Run(NamedTuple):
    """A graph with what each of its operations rounds: `boxes` hold the exact and the computed run, and all between."""

    graph: Graph
    boxes: Sequence[Interval]
    errors: Sequence[Array | None]


@np.errstate(all="ignore")
def run_of(graph: Graph) -> Run | None:
    """Return what the operations of `graph` round; None where something in it is not known, or lies at a jump."""
    boxes: list[Interval] = []
    values: list[Interval] = []
    errors: list[Array | None] = []
    for node in graph.nodes:
        value = node.value
        if value is None or value.dtype.kind == "c" or not np.isfinite(value).all():
            return None
        local, exact = of_node(node, values, graph.nodes)[0], point(value)
        box = of_node(node, boxes, graph.nodes)[0]
        error = None if node.is_leaf else _error(local, exact)
        if error is not None and value.dtype.kind == "f":
            box = outward(box.low - error, box.high + error)
        if not box.finite.all() or (_may_jump(node) and not np.array_equal(box.low, box.high)):
            return None
        if node.op == "atan2" and (box.width > 3).any():
            return None
        boxes.append(box)
        values.append(exact)
        errors.append(error)
    return Run(graph, boxes, errors)


_JUMPING = frozenset({
    "ceil", "floor", "floor_divide", "fmod", "remainder", "round", "share", "sign", "step", "ties", "trunc",
})  # fmt: skip


def _may_jump(node: GraphNode) -> bool:
    return node.dtype.kind != "f" or node.op in _JUMPING


def _error(local: Interval, value: Interval) -> Array | None:
    """Return what `value`, as computed, differs from what exact arithmetic gives of the same arguments, at most."""
    found = real(local).distance(real(value).low)
    return found if found.any() else None


@np.errstate(all="ignore")
def sharpened(run: Run, output: int, element: tuple[int, ...]) -> Interval | None:
    """Return the bounds of one element of an output of the graph; None where they cannot be had in this way."""
    graph, boxes, errors = run
    index = graph.outputs[output]
    node = graph.nodes[index]
    if not node.requires_grad:
        return None
    seed = np.zeros(node.shape, node.dtype)
    seed[element] = 1
    passes = graph.with_backward([seed if i == output else None for i in range(len(graph.outputs))])
    intervals = list(boxes)
    for later in passes.nodes[len(boxes) :]:
        intervals.append(of_node(later, intervals, passes.nodes)[0])
    slopes = _slopes(graph, passes.along, intervals)
    slopes[index].append(point(seed))
    total = 0.0
    for i, error in enumerate(errors):
        if error is None or i > index:
            continue
        if not slopes[i] and not graph.nodes[i].requires_grad:
            return None  # it has a part in the result that nobody differentiates
        total += _weighed(slopes[i], error)
    assert node.value is not None
    value = np.asarray(node.value[element], np.float64)
    return outward(value - total * (1 + 1e-9), value + total * (1 + 1e-9)) if np.isfinite(total) else None


def _slopes(
    graph: Graph, along: Mapping[tuple[int, int], int], intervals: Sequence[Interval]
) -> dict[int, list[Interval]]:
    """Return what flows back to each node of `graph`: a part for every use of its value."""
    found: dict[int, list[Interval]] = defaultdict(list)
    for edge in graph.edges():
        if (place := along.get((edge.target, edge.slot))) is not None:
            found[edge.source].append(intervals[place])
    return found


def _weighed(slopes: Sequence[Interval], error: Array) -> float:
    """Return how far an error moves the result, by the sum of `slopes`, rounded up."""
    if not slopes:
        return 0.0
    total = slopes[0]
    for part in slopes[1:]:
        total = add(total, part)
    sizes = size(total).high
    products = sizes * error
    small = np.count_nonzero((products < LEAST) & (sizes > 0) & (error > 0))  # they may have no place
    return float(products.sum() * (1 + 4 * (sizes.size + 4) * UNIT) + small * LEAST)


def narrowed(plain: Sequence[Interval], graph: Graph) -> list[Interval]:
    """Return what is left of `plain`, the bounds of the outputs of `graph`, when each element is looked at alone."""
    run = run_of(graph)
    return list(plain) if run is None else [_narrowed(x, run, i) for i, x in enumerate(plain)]


def _narrowed(plain: Interval, run: Run, output: int) -> Interval:
    low, high = plain.low.copy(), plain.high.copy()
    for element in np.ndindex(*plain.shape):
        found = sharpened(run, output, element)
        if found is not None:
            both = met(found, between(low[element], high[element]))
            low[element], high[element] = both.low, both.high
    return between(low, high)
