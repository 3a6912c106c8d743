"""The intervals of a whole graph: its values one after the other, and those of its backward pass.

What a graph recorded is evaluated anew, in exact arithmetic as far as intervals tell: the exact value of everything
that was computed lies inside, rounding and all. A choice that Python made while the function ran, ``if x.sum() > 0``,
stays the one of the run; what a generator drew is a number that was given.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.bounds.interval import Interval, between, met, point, real, spread, united, whole
from tensorgrad.bounds.ofnumpy import NOT_ENCLOSED, of_numpy
from tensorgrad.bounds.powers import add, cut
from tensorgrad.bounds.selecting import reached
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
    rising: Mapping[int, int] | None = None,
) -> Bounds:
    """Return the bounds of all nodes of `passes`, where `given` has intervals in the place of the numbers of leaves.

    Nothing is known of what a node in `rewritten` gives, which read memory that had been written without a record, nor
    of gradients where there is one, or where one may be `changed` on its way, at the node and for the reason given.
    What is `rising` with another value lies between what is computed of the ends of that.
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
            base = (rising or {}).get(node.index)
            if base is not None and not rewritten and not intervals[base].is_point:
                found, why = met(real(found), _risen(node.index, base, intervals, passes.nodes)), ""
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
    own = [
        intervals[o.source] if o.source is not None else _number(o.constant) for o in node.operands if not o.parameter
    ]
    params = _resolved(node.params, intervals) if len(own) < len(node.operands) else node.params
    if params is None:
        answer = _anywhere(node, own, intervals)
    else:
        answer = _reached(node, own, nodes) or _enclosed(node.primitive, own, params)
    if answer is None:
        why = _why(node) if params is not None else "it depends on a place that is not certain"
    found, why = (whole(node.shape), why) if answer is None else (answer, _unbounded(node, answer, own))
    if found.shape != node.shape:
        found = spread(found, node.shape)
    if node.dtype.kind == "f":
        return real(found), why
    fits = in_dtype(found, node.dtype)
    return (fits, why) if fits is not None else (whole(node.shape), why or f"it may lie beyond {node.dtype}, and wrap")


class _Anew(Sequence[Interval]):
    """The intervals of a graph, where one is another, and what comes after it is evaluated anew as it is asked for."""

    def __init__(self, intervals: Sequence[Interval], nodes: Sequence[GraphNode], place: int, other: Interval) -> None:
        self.intervals, self.nodes, self.known = intervals, nodes, {place: other}
        self.place = place

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, i: Any) -> Any:
        if i < self.place:
            return self.intervals[i]
        if i not in self.known:
            self.known[i] = of_node(self.nodes[i], self, self.nodes)[0]
        return self.known[i]


def _risen(index: int, base: int, intervals: Sequence[Interval], nodes: Sequence[GraphNode]) -> Interval:
    """Return what is around a value that never falls when an element of the one at `base` rises."""
    low, high = (
        real(_Anew(intervals, nodes, base, point(v))[index]) for v in (intervals[base].low, intervals[base].high)
    )
    return between(low.low, high.high)


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
        return NOT_ENCLOSED.get(node.op, "NumPy computed it of an array")
    return UNENCLOSED.get(node.op, "it is no operation of the library's")


def _reached(node: GraphNode, own: Sequence[Interval], nodes: Sequence[GraphNode]) -> Interval | None:
    """Return whether elements are equal to the largest or least up to them, where that is asked; else None."""
    sources = [o.source for o in node.operands]
    if node.op != "eq" or len(sources) != 2 or sources[1] is None:
        return None
    other = nodes[sources[1]]
    sign = {"maximum.accumulate": 1, "minimum.accumulate": -1}.get(other.op)
    if sign is None or not other.operands or other.operands[0].source != sources[0] or "axis" not in other.params:
        return None
    return reached(own[0], sign=sign, axis=other.params["axis"])


def _unbounded(node: GraphNode, found: Interval, own: Sequence[Interval]) -> str:
    """Return why `found`, which is known, has no bounds although what it is computed from has; empty where it does."""
    if node.dtype.kind != "f" or not found.low.size or found.is_bounded:
        return ""
    gone = ~found.finite
    for x in own:
        if x.shape == found.shape or not x.shape:
            gone = gone & x.finite
        elif not x.finite.all():
            return ""  # it may be because of that
    return (
        f"{_POLES.get(node.op, 'it may leave the doubles, or has a pole there')}{_told_of(own)}" if gone.any() else ""
    )


_POLES = {
    "div": "what it divides by may be 0", "pow": "its base may be 0, or below", "inv": "the matrix may be singular",
    "solve": "the matrix may be singular", "logabsdet": "the matrix may be singular",
    "cholesky": "the matrix may not be positive definite", "even_power": "its base may be 0",
    "odd_power": "its base may be 0", "direction": "the length may be 0", "tan": "it may have a pole there",
    **dict.fromkeys(("log", "log2", "log10", "log1p"), "its argument may be where it is infinite"),
    **dict.fromkeys(("atanh", "erfinv", "ndtri", "lgamma", "digamma", "polygamma"), "its argument may be at a pole"),
}  # fmt: skip


def _told_of(own: Sequence[Interval]) -> str:
    ranges = [real(x) for x in own if x.low.size]
    told_ranges = [f"{float(x.low.min()):.4g} to {float(x.high.max()):.4g}" for x in ranges]
    return f": the arguments go from {', '.join(told_ranges)}" if told_ranges else ""


def _of_leaf(node: GraphNode) -> tuple[Interval, str]:
    if node.value is None:
        return whole(node.shape), "its value was not kept"
    if (found := point(node.value)).is_bounded:
        return found, ""
    return cut(point(np.where(np.isfinite(node.value), node.value, 0.0)), ~np.isfinite(node.value)), "it is not finite"


def _number(constant: Any) -> Interval:
    value = float(constant) if isinstance(constant, Constant) else constant
    return whole(()) if value is None or isinstance(value, complex) else point(value)


_MOST = 10_000_000
"""Elements that are read from all places together that one index may be."""


def _anywhere(node: GraphNode, own: Sequence[Interval], intervals: Sequence[Interval]) -> Interval | None:
    """Return what a reading from, or a sum at, a place gives that is not certain; None where nothing is known of it."""
    open_ = [intervals[o.source] for o in node.operands if o.parameter and o.source is not None]
    open_ = [x for x in open_ if not np.array_equal(x.low, x.high)]
    if node.op not in ("getitem", "scatter") or len(open_) != 1 or open_[0].low.dtype.kind == "b":
        return None
    at = open_[0]
    if not at.is_bounded:
        return None
    count = int((at.high - at.low).max()) + 1
    if node.primitive is None or count * max(math.prod(node.shape), own[0].low.size) > _MOST:
        return None
    found = None
    for k in range(count):
        read = own[0] if node.op == "getitem" else _part(real(own[0]), at, k)
        made = None if read is None else _enclosed(node.primitive, [read], _resolved(node.params, intervals, k))
        if made is None:
            return None
        found = made if found is None else united(found, made) if node.op == "getitem" else add(found, made)
    return found


def _part(g: Interval, at: Interval, k: int) -> Interval | None:
    """Return what of `g` may be put `k` places behind the first that it may be put: all, or some of it, or nothing."""
    if at.shape != g.shape:
        return None
    some, sure = at.low + k <= at.high, (at.low == at.high) & (k == 0)
    maybe = united(g, point(np.zeros(g.shape)))
    return between(
        np.where(sure, g.low, np.where(some, maybe.low, 0.0)), np.where(sure, g.high, np.where(some, maybe.high, 0.0))
    )


def _resolved(params: Any, intervals: Sequence[Interval], behind: int | None = None) -> Any:
    """Return `params` with the values of what has a node of its own; None where one of them is not certain.

    Or, of such a one, those so many places `behind` the first that it may be.
    """
    if type(params) is Read and params.index is not None:
        found = intervals[params.index]
        if behind is None and not np.array_equal(found.low, found.high):
            return None
        value: Array = np.asarray(params)
        return (found.low if not behind else np.minimum(found.low + behind, found.high)).astype(value.dtype)
    if type(params) in (tuple, list):
        parts = [_resolved(part, intervals, behind) for part in params]
        lost = any(p is None and q is not None for p, q in zip(parts, params, strict=True))
        return None if lost else type(params)(parts)
    if type(params) is dict:
        made = {key: _resolved(part, intervals, behind) for key, part in params.items()}
        return None if any(made[k] is None and params[k] is not None for k in made) else made
    return params
