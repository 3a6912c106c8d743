"""What surrounds the two sweeps of `sweep`: which nodes they visit, hooks, anomalies, and numbers that are not finite.

Plain products come first. Behind a choice (``where``, a maximum, a rectifier) they may answer 0 times infinity with NaN
although nothing depends on that value. Only if a choice was made on the way and a NaN reaches a result, the sweep is
run again, from the first choice on, with the products of `strongzeros`, in which an exact zero wins.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import Place, here, told
from tensorgrad.base.context import ANOMALY, BATCHING, STRONG, TRACING, context, within
from tensorgrad.base.watched import watching
from tensorgrad.engine.batched import array_of
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.primitive import PRIMITIVES, Rule, always
from tensorgrad.engine.tensor import ANY_HOOK, HOOKS, Node, Tensor, leaf, tick, wrap
from tensorgrad.engine.tracedarrays import Traced
from tensorgrad.errors import AnomalyError

from . import quick, sweep
from .hooks import after_hooks
from .modes import enable_grad
from .order import leading_to, reachable
from .strongzeros import Cotangent, Tangent, unmarked

_vdot = np.vdot
_primitive = attrgetter("primitive")
_Choices = tuple[frozenset[Any], frozenset[str], frozenset[Any]]
_known_choices: dict[frozenset[Any], _Choices] = {}  # by what a graph is made of
_MOST_GRAPHS = 256

Contributions = list[tuple[Node, Node, Any]]
"""(consumer, source, the contribution that flows back between them), the operands of a consumer in their order."""


def reverse(
    seeds: Mapping[Node, Any],
    *,
    targets: Collection[Node] | None = None,
    create_graph: bool = False,
    retain_graph: bool = True,
    closed: bool = False,
    edges: Contributions | None = None,
) -> dict[Node, Any]:
    """Return the cotangent of every node in `targets` (None: of every node that has a living owner).

    Args:
        seeds: the cotangent of each output, an array or, with `create_graph`, a Tensor.
        targets: the nodes whose cotangents are wanted; only what leads to them is computed.
        create_graph: run the rules on Tensors, so that the result can be differentiated again.
        retain_graph: keep the saved values; otherwise they are freed as soon as they cannot be needed any more.
        closed: take the targets for leaves: do not go on behind them.
        edges: extended by the contribution along every edge, where given.

    While a function is traced, the rules run on Tensors in any case: what they compute is part of the trace.

    Raises:
        AutogradError: a node's saved values have been freed by an earlier sweep.
        InPlaceError: a saved value has been written since.
        AnomalyError: under anomaly detection, a contribution is not finite.
    """
    special = context().special
    if special & TRACING and not create_graph:
        boxed = {node: tensor_of(g) for node, g in seeds.items()}
        found = reverse(boxed, targets=targets, create_graph=True, closed=closed, edges=edges)
        return {node: _array(g) for node, g in found.items()}
    run = _Reverse(None if targets is None else set(targets), closed, edges, None if retain_graph else here(2))
    if special & ANOMALY:
        run.edges = record = [] if edges is None else edges
        run.start = _Start(dict(seeds), {}, 0, midway=False)
        run.again(create_graph)
        _check_finite(record)
    else:
        whole = create_graph or bool(special & BATCHING)  # a fused form has no rule for batches
        order = reachable(seeds.keys(), expanded=whole, targets=targets)
        run.choices, hidden, hooked = _to_watch(order)
        if hidden:
            run.start = _Start(dict(seeds), {}, 0, midway=False)
        plain = not (create_graph or hidden or hooked or edges is not None or special & STRONG)
        if _swept(run, order, seeds, create_graph, plain):
            run.again(create_graph)
    if run.visited:
        run.free()
    if create_graph:
        _recorded[0] = tick()
    return run.found


def _swept(run: _Reverse, order: list[Node], seeds: Mapping[Node, Any], create_graph: bool, plain: bool) -> bool:
    """Let `run` sweep over `order`, and return whether it must run again, for a NaN that a choice may have hidden.

    Forward has warned of what is not finite; behind a choice there is nothing to warn of.
    """
    with np.errstate(all="ignore"):
        try:
            run.sweep(order, seeds, create_graph, plain)
            return run.start is not None and any(map(_spoilt, run.found.values()))
        except _Spoilt:
            return True


_recorded = [0]  # when a sweep was recorded last


def last_recorded() -> int:
    """Return when a sweep was recorded last: another number than before, if one was since; every one in a trace is."""
    return _recorded[0]


def _to_watch(order: list[Node]) -> tuple[frozenset[Any], bool, bool]:
    """Return what a sweep over `order` must watch: choices behind which it may have to be run again, and two answers.

    A rectifier hides minus infinity only, which takes an operation that is singular somewhere to make. The answers:
    may `order` hold a recorded sweep, whose cotangents are values here, so that any product may hide; are there hooks?
    """
    primitives = frozenset(map(_primitive, order))
    known = _known_choices.get(primitives)
    choices, singular, lasting = _choices(primitives) if known is None else known
    if not singular or (singular == {"pow"} and not _may_leave(order)):
        choices = lasting
    hidden, hooked, last = False, False, _recorded[0]
    if last:
        hidden = last > next((n.serial for n in order if n.primitive is not None), math.inf)
    if ANY_HOOK:
        hooked = any(node in HOOKS for node in order)
    return choices, hidden, hooked


def _choices(primitives: frozenset[Any]) -> _Choices:
    """Return the choices among `primitives`, what is singular, and the choices that hide more than minus infinity.

    It is kept where all are the library's own: others may hold what belongs to the user.
    """
    known = [p for p in primitives if p is not None]
    choices = frozenset([p for p in known if p.hides])
    singular = frozenset([p.name for p in known if p.singular] if choices else ())
    found = choices, singular, frozenset([p for p in choices if p.hides != "-inf"])
    if all(p.kind == "fused" or PRIMITIVES.data.get(p.name) is p for p in known):
        if len(_known_choices) >= _MOST_GRAPHS:
            _known_choices.clear()
        _known_choices[primitives] = found
    return found


def _may_leave(order: list[Node]) -> bool:
    """Return whether powers in `order`, oldest nodes first, may give infinite values or slopes that a rectifier hides.

    Whole ones, from 1 on, have finite slopes where a rectifier gives 0, but before one they soon leave the dtype.
    """
    whole = False
    for node in order:
        if (primitive := node.primitive) is None:
            continue
        if primitive.name == "pow":
            exponent = node.inputs[-1]
            if not (isinstance(exponent, int | float) and exponent >= 1 and exponent % 1 == 0):
                return True
            whole = True
        elif whole and primitive.hides == "-inf":
            return True
    return False


class _Spoilt(Exception):  # noqa: N818 - no error: it ends the first run
    """A NaN behind a choice has come to a function of the user's: the second run calls it, with what is right."""


class _Start(NamedTuple):
    """What is known where a second run begins: cotangents, what had been found by then, and how many edges."""

    cotangents: dict[Node, Any]
    found: dict[Node, Any]
    edges: int
    midway: bool  # whether the cotangents were computed, not given


@dataclass(eq=False, repr=False, slots=True)
class _Reverse:
    """One reverse sweep: what it is after, what it has found, and what it takes to run a part of it again."""

    wanted: set[Node] | None
    closed: bool
    edges: Contributions | None
    freeing: Place | None  # where in the script saved values are dropped; None to keep them
    found: dict[Node, Any] = field(default_factory=dict)
    choices: frozenset[Any] = frozenset()
    start: _Start | None = None
    visited: list[Node] = field(default_factory=list)  # whose rules have run, or do so next; to be freed
    hooked: dict[Node, Tensor] = field(default_factory=dict)  # what hooks have made
    ruled: dict[Node, list[Rule | None]] = field(default_factory=dict)  # what functions of the user's have answered

    def sweep(self, order: list[Node], seeds: Mapping[Node, Any], boxed: bool, plain: bool = False) -> None:
        """Add to `found` the cotangents that are wanted, and to `edges` what flows back along each."""
        needed = None if self.wanted is None else leading_to(self.wanted, order)
        if needed is not None:
            seeds = {node: g for node, g in seeds.items() if node in needed}
        if (watch := watching()) is not None:
            watch.swept([n for n in order if needed is None or any(p in needed for p in n.inputs if type(p) is Node)])
        if plain:
            quick.reverse(order, seeds, self, needed)
            return
        with enable_grad() if boxed else nullcontext():
            for edge in sweep.reverse(order, seeds, self, needed, boxed):
                if self.edges is not None:
                    self.edges.append(edge)

    def arrive(self, node: Node, g: Any, grads: Mapping[Node, Any]) -> Any:
        """Return the cotangent `g` of `node` as its rules take it: what hooks make of it, marked in a careful run."""
        if self.start is None:
            self.free()
        wanted = (node.owner is not None) if self.wanted is None else (node in self.wanted)
        if wanted and self.closed:  # the sweep outside goes on, and calls the hooks
            self.found[node] = g
            return None
        if ANY_HOOK and node in HOOKS:
            g = self._after_hooks(node, g)
        if wanted:
            self.found[node] = g
        if self.start is None and node.primitive in self.choices:
            self.begin(node, g, grads)
        return Cotangent.of(g) if context().special & STRONG else g

    def rules(self, node: Node, g: Any, saved: Any) -> Iterable[Any]:
        """Return the rules of `node`, which is freed in the end; what the user wrote is called once (see `_once`)."""
        assert node.primitive is not None
        self.visited.append(node)
        rules: Iterable[Any] = node.primitive.vjps
        if node.primitive.kind == "function":
            rules = self._once(node, g, saved)
        elif node.primitive.together:
            rules = node.primitive.vjps.rules(g, saved, node)
        return rules

    def _once(self, node: Node, g: Any, saved: Any) -> list[Rule | None]:
        """Return the rules of a function that the user wrote, called once, also where the sweep is run again.

        Only where it made a NaN itself it is called again, with products in which an exact zero wins.
        """
        assert node.primitive is not None
        strong = bool(context().special & STRONG)
        if node not in self.ruled:
            if not strong and self.start is not None and _spoilt(g):
                raise _Spoilt
            rules: list[Rule | None] = node.primitive.vjps.rules(g, saved, node)
            if strong or self.start is None or any(rule and _spoilt(rule(g, saved, node)) for rule in rules):
                return rules
            self.ruled[node] = rules
        if not strong:
            return self.ruled[node]
        return [rule and always(tensor_of(rule(g, saved, node))) for rule in self.ruled[node]]

    def begin(self, node: Node, g: Any, grads: Mapping[Node, Any]) -> None:
        """Note that the first choice is reached: from here on, saved values may be needed by a second run."""
        self.start = _Start({**grads, node: g}, dict(self.found), len(self.edges or ()), midway=True)

    def free(self) -> None:
        """Drop the saved values of what has been visited."""
        if self.freeing is not None:
            for node in self.visited:
                if node.saved:
                    node.saved, node.freed = None, self.freeing
            self.visited.clear()

    def again(self, create_graph: bool) -> None:
        """Run from `start` on with strong products."""
        assert self.start is not None
        seeds, earlier, count, midway = self.start
        self.found = {}
        if self.edges is not None:
            del self.edges[count:]
        order = reachable(seeds.keys(), expanded=True, targets=self.wanted)
        with _strong():
            self.sweep(order, {n: _started(g, midway) for n, g in seeds.items()}, boxed=True)
        unboxed = unmarked if create_graph else _array
        self.found = {**earlier, **{n: unboxed(g) for n, g in self.found.items()}}
        if self.edges is not None:
            self.edges[count:] = [(n, parent, unboxed(gx)) for n, parent, gx in self.edges[count:]]

    def _after_hooks(self, node: Node, g: Any) -> Any:
        """Return what the hooks of `node` make of `g`; each is called once, also where the sweep is run again."""
        value = self.hooked.get(node)
        if value is None:
            if self.start is not None and _spoilt(g) and not context().special & STRONG:
                raise _Spoilt
            self.hooked[node] = value = after_hooks(HOOKS[node], tensor_of(g))
        return value if isinstance(g, Tensor) else value.array


def _started(g: Any, midway: bool) -> Tensor:
    """Return the cotangent `g` as the second run starts with it.

    What a sweep on arrays has found by then may be 0 as a function's value is, so it counts as depending on a leaf.
    """
    x = tensor_of(g)
    if midway and x is not g:
        x.tracked = True
        leaf(x)
    return x


def tensor_of(g: Any) -> Tensor:
    """Return the cotangent `g` as a Tensor."""
    return g if isinstance(g, Tensor) else wrap(asarray(g))  # NumPy's sum of two arrays without axes is a number


def _itself(t: Any) -> Any:
    return t


def _array(g: Tensor) -> Any:
    return g.array


def _spoilt(g: Any) -> bool:
    """Return whether `g` holds a NaN; the product with itself is the quickest way to see."""
    array: Any = array_of(g.array if isinstance(g, Tensor) else g)
    if type(array) is Traced:
        array = array.value  # which sweep is run is not part of what is recorded
    total = _vdot(array, array)
    return bool(total != total)  # noqa: PLR0124 - NaN is what differs from itself


@contextmanager
def _strong() -> Iterator[None]:
    """Context manager: products are strong; they are recorded, for the graph tells where a zero comes from."""
    with within(grad=True, special=(context().special | STRONG) & ~ANOMALY), np.errstate(all="ignore"):
        yield  # what the plain sweep warned of is dealt with here


def _check_finite(record: Contributions) -> None:
    for node, parent, gx in record:
        array = gx.array if isinstance(gx, Tensor) else gx
        if not np.isfinite(array).all():
            assert node.primitive is not None
            kind = "nan" if np.isnan(array).any() else "infinite"
            raise AnomalyError(
                f"Function '{node.primitive.name}Backward' returned {kind} values in its "
                f"{node.inputs.index(parent)}th output; the forward operation was recorded at {told(node.place)}"
            )


def forward(tangents: Mapping[Node, Any], outputs: Collection[Node], *, create_graph: bool = False) -> dict[Node, Any]:
    """Return the tangent of every node in `outputs` that depends on `tangents`; arguments as for `reverse`."""
    if context().special & TRACING and not create_graph:
        known = forward({node: tensor_of(t) for node, t in tangents.items()}, outputs, create_graph=True)
        return {node: _array(t) for node, t in known.items()}
    order = reachable(outputs, expanded=True, targets=tangents)
    if (watch := watching()) is not None:
        watch.swept(order)
    with np.errstate(all="ignore"):  # as in `reverse`
        known = sweep.forward(order, tangents, Tangent.of if context().special & STRONG else _itself, create_graph)
    found = {node: known[node] for node in outputs if node in known}
    if any(map(_spoilt, found.values())):
        with _strong():
            known = sweep.forward(order, {n: tensor_of(t) for n, t in tangents.items()}, Tangent.of, True)
        found = {node: (unmarked if create_graph else _array)(known[node]) for node in found}
    return found
