"""The intervals of a whole graph: its values one after the other, and those of its backward pass.

What a graph recorded is evaluated anew, in exact arithmetic as far as intervals tell: the exact value of everything
that was computed lies inside, rounding and all. A choice that Python made while the function ran, ``if x.sum() > 0``,
stays the one of the run; what a generator drew is a number that was given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.bounds.interval import Interval, between, point, real, spread, whole
from tensorgrad.bounds.ofnumpy import of_numpy
from tensorgrad.bounds.powers import cut
from tensorgrad.bounds.table import UNENCLOSED, enclosure, in_dtype
from tensorgrad.engine.numpycalls import Draw
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.reads import Read
from tensorgrad.engine.tensor import Constant
from tensorgrad.engine.traces import DETACH, LEAF, Break
from tensorgrad.errors import ArgumentError
from tensorgrad.ops.selection import MISSING

from .nodes import GraphNode, Passes

_ITSELF = (DETACH, LEAF)


@dataclass(frozen=True, eq=False, repr=False)
class Bounds:
    """An interval for every value of a graph and of its backward pass, by the index of its node or by its name.

    Attributes:
        nodes: the operations and leaves of both passes.
        names: a name for each, as in `Graph.names`.
        intervals: what holds the exact value of each node.
        outputs: the indices of the results.
        gradients: the index of the gradient of each leaf that has one, by the index of the leaf.
        unknown: why there is the whole line where there is, by index; what is computed from that is not listed.
        breaks: what Python read of the run, whose way the bounds are of.
    """

    nodes: Sequence[GraphNode]
    names: Sequence[str]
    intervals: Sequence[Interval]
    outputs: Sequence[int]
    gradients: Mapping[int, int]
    unknown: Mapping[int, str]
    breaks: Sequence[Break]

    def _index(self, which: int | str) -> int:
        if isinstance(which, int):
            return which
        if which not in self.names:
            raise ArgumentError(f"no value of this graph is called {which!r}; there are {', '.join(self.names)}")
        return self.names.index(which)

    def __getitem__(self, which: int | str) -> Interval:
        return self.intervals[self._index(which)]

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)

    def error(self, which: int | str) -> float:
        """Return what the computed value errs by at most, of all elements: 0.0 for an exact one, inf where unknown."""
        index = self._index(which)
        value, found = self.nodes[index].value, self.intervals[index]
        if value is None or value.dtype.kind == "c" or not np.isfinite(value).all():
            return float("inf") if value is None or value.size else 0.0
        return float(real(found).distance(value.astype(np.float64)).max(initial=0.0))

    def digits_lost(self, which: int | str) -> float:
        """Return how many decimal digits of the largest element may be wrong, beyond the rounding of its dtype.

        0.0 where it is exact, or no worse than rounded once; inf where nothing is known.
        """
        index = self._index(which)
        value, error = self.nodes[index].value, self.error(index)
        if not error:
            return 0.0
        if value is None or value.dtype.kind != "f":
            return float("inf")
        largest = float(np.abs(value).max(initial=0.0))
        if not largest or not np.isfinite(error):
            return float("inf")
        return max(0.0, float(np.log10(error / (largest * float(np.finfo(value.dtype).eps)))))

    def __repr__(self) -> str:
        bounded = sum(bool(x.finite.all()) for x in self.intervals)
        return f"Bounds({bounded} of {len(self)} values bounded, {len(self.gradients)} gradients)"

    def text(self) -> str:
        """Return a line for every value: its name, what made it, what it errs by at most, and the digits lost."""
        lines = []
        for node, name in zip(self.nodes, self.names, strict=True):
            why = f"  {self.unknown[node.index]}" if node.index in self.unknown else ""
            lost = self.digits_lost(node.index)
            lines.append(f"{name}: {node.op}, within {self.error(node.index):.1e}, {lost:.1f} digits lost{why}")
        return "\n".join(lines)


def bounds_of(
    passes: Passes,
    outputs: Sequence[int],
    given: Mapping[int, Interval] | None = None,
    rewritten: Collection[int] = (),
    changed: Mapping[int, str] | None = None,
) -> Bounds:
    """Return the bounds of all nodes of `passes`, where `given` has intervals in the place of the numbers of leaves.

    Nothing is known of what a node in `rewritten` gives, which read memory that had been written without a record, nor
    of gradients where there is one, or where one may be `changed` on its way, at the node and for the reason given.
    """
    intervals: list[Interval] = []
    unknown: dict[int, str] = {}
    with np.errstate(all="ignore"):
        for node in passes.nodes:
            known = (given or {}).get(node.index)
            # a copy: one interval for two leaves is two numbers, and the same object would be one
            if known is not None:
                found, why = between(known.low, known.high), ""
            else:
                found, why = of_node(node, intervals, passes.nodes)
            if node.index in rewritten:
                found, why = whole(node.shape), _REWRITTEN
            if why:
                unknown[node.index] = f"{node.op} at {told(node.place)}: {why}"
            intervals.append(found)
    lost = {**(changed or {}), **dict.fromkeys(rewritten, _REWRITTEN)}
    for index in passes.gradients if lost else ():
        cause, why = next(reversed(lost.items()))
        intervals[index] = whole(intervals[index].shape)
        unknown[index] = f"{passes.nodes[cause].op} at {told(passes.nodes[cause].place)}: {why}"
    gradients = dict(zip(passes.leaves, passes.gradients, strict=True))
    return Bounds(passes.nodes, passes.names, intervals, outputs, gradients, unknown, tuple(passes.breaks))


_REWRITTEN = "its value was written without a record, through .detach() or .data or under no_grad()"


def of_node(node: GraphNode, intervals: Sequence[Interval], nodes: Sequence[GraphNode]) -> tuple[Interval, str]:
    """Return the interval of a node, and why it is the whole line where nothing better is known.

    Whoever calls, silences NumPy's warnings: what is not finite is no bound, and said so. `nodes` are all of the graph,
    with their values in the run.
    """
    if node.dtype.kind == "c":
        return whole(node.shape), "there are no intervals of complex numbers"
    if node.primitive is None:
        return _of_leaf(node)
    if isinstance(node.primitive.forward, Draw) or (node.dtype.kind != "f" and _as_in_run(node, intervals, nodes)):
        return _of_leaf(node)  # what was drawn was given; of whole numbers and booleans all is exact
    params = _resolved(node.params, intervals) if node.params else node.params
    if params is None:
        found, why = whole(node.shape), "it depends on a place that is not certain"
    else:
        own = [
            intervals[o.source] if o.source is not None else _number(o.constant)
            for o in node.operands
            if not o.parameter
        ]
        answer = _enclosed(node.primitive, own, params)
        found, why = (whole(node.shape), _why(node)) if answer is None else (answer, "")
    if found.shape != node.shape:
        found = spread(found, node.shape)
    if node.dtype.kind == "f":
        return real(found), why
    fits = in_dtype(found, node.dtype)
    return (fits, why) if fits is not None else (whole(node.shape), why or f"it may lie beyond {node.dtype}, and wrap")


def _as_in_run(node: GraphNode, intervals: Sequence[Interval], nodes: Sequence[GraphNode]) -> bool:
    """Return whether all that `node` reads is whole numbers or booleans, certain, and those that the run has read."""
    for source in (o.source for o in node.operands):
        if source is None:
            continue
        found, value = intervals[source], nodes[source].value
        certain = found.is_point or np.array_equal(found.low, found.high)
        if nodes[source].dtype.kind == "f" or not certain or value is None or not np.array_equal(found.low, value):
            return False
    return True


def _enclosed(primitive: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval | None:
    if primitive in _ITSELF:
        return own[-1]
    if primitive is MISSING:
        return cut(real(own[1]), np.broadcast_to(own[0].high != 0, own[1].shape))
    if primitive.kind == "numpy":
        return of_numpy(primitive, own, params)
    made = enclosure(primitive)
    return None if made is None else made(*own, **params)


def _why(node: GraphNode) -> str:
    assert node.primitive is not None
    if node.primitive.kind == "function":
        return "a Function of the user's, of which nothing is known"
    if node.primitive.kind == "numpy":
        return "NumPy computed it of an array"
    return UNENCLOSED.get(node.op, "it is no operation of the library's")


def _of_leaf(node: GraphNode) -> tuple[Interval, str]:
    if node.value is None:
        return whole(node.shape), "its value was not kept"
    if node.value.dtype.kind == "f" and not np.isfinite(node.value).all():
        found = np.where(np.isfinite(node.value), node.value, 0.0)
        return cut(point(found), ~np.isfinite(node.value)), "it is not finite"
    return point(node.value), ""


def _number(constant: Any) -> Interval:
    value = float(constant) if isinstance(constant, Constant) else constant
    return whole(()) if value is None or isinstance(value, complex) else point(value)


def _resolved(params: Any, intervals: Sequence[Interval]) -> Any:
    """Return `params` with the values of what has a node of its own; None where one of them is not certain."""
    if type(params) is Read and params.index is not None:
        found = intervals[params.index]
        if not np.array_equal(found.low, found.high):
            return None
        value: Array = np.asarray(params)
        return found.low.astype(value.dtype)
    if type(params) in (tuple, list):
        parts = [_resolved(part, intervals) for part in params]
        lost = any(p is None and q is not None for p, q in zip(parts, params, strict=True))
        return None if lost else type(params)(parts)
    if type(params) is dict:
        made = {key: _resolved(part, intervals) for key, part in params.items()}
        return None if any(made[k] is None and params[k] is not None for k in made) else made
    return params
