"""The two sweeps over a recorded graph, mirror images of each other: the only lines that know broadcasting.

The reverse sweep takes cotangents from outputs to inputs and sums them down to the shape of each input; the forward
sweep takes tangents from inputs to outputs and repeats them up. Both keep their values in a dict of their own, never on
nodes: sweeps may nest without confusing each other's perturbations. Both run on arrays, or, with `create_graph`, on
Tensors, which records the sweep itself and makes derivatives of any order.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.callsite import Place, here, told
from tensorgrad.base.context import ANOMALY, CONTEXT, STRONG, context
from tensorgrad.engine.primitive import identity
from tensorgrad.engine.tensor import ANY_HOOK, HOOKS, Cotangent, Flow, Node, Tangent, Tensor, tick, wrap
from tensorgrad.engine.writes import last_write
from tensorgrad.errors import AnomalyError
from tensorgrad.ops import astype, broadcast_to, sum_to

from .order import leading_to, oldest, reachable, readable

vdot = np.vdot

EdgeRecord = list[tuple[Node, Node, Any]]
"""(consumer, source, the contribution that flows back between them), the operands of a consumer in their order."""


def reverse(
    seeds: Mapping[Node, Any],
    *,
    targets: Collection[Node] | None = None,
    create_graph: bool = False,
    retain_graph: bool = True,
    closed: bool = False,
    edges: EdgeRecord | None = None,
) -> dict[Node, Any]:
    """Return the cotangent of every node in `targets` (None: of every node that has a living owner).

    Plain products come first. Only if a choice was made on the way and a NaN reaches a result, the sweep is run again
    from the first choice on, with the products of `strong`.

    Args:
        seeds: the cotangent of each output, an array or, with `create_graph`, a Tensor.
        targets: the nodes whose cotangents are wanted; only what leads to them is computed.
        create_graph: run the rules on Tensors, so that the result can be differentiated again.
        retain_graph: keep the saved values; otherwise they are freed as soon as they cannot be needed any more.
        closed: take the targets for leaves: do not go on behind them.
        edges: extended by the contribution along every edge, where given.

    Raises:
        AutogradError: a node's saved values have been freed by an earlier sweep.
        InPlaceError: a saved value has been written since.
        AnomalyError: under anomaly detection, a contribution is not finite.
    """
    sweep = _Reverse(targets, closed, None if retain_graph else here(2), edges)
    since = oldest(targets)
    if context().special & ANOMALY:
        record = sweep.edges = [] if edges is None else edges
        sweep.start = dict(seeds)
        sweep.again(since, create_graph)
        _check_finite(record)
    else:
        order = reachable(seeds.keys(), expanded=create_graph, since=since)
        if _recorded[0] and _recorded[0] > next((n.serial for n in order if n.primitive is not None), math.inf):
            sweep.start = dict(seeds)  # the cotangents of a recorded sweep are values here: any product may hide
        sweep.run(order, seeds, create_graph)
        if sweep.start is not None and (sweep.skipped or any(map(_spoilt, sweep.found.values()))):
            sweep.again(since, create_graph)
    sweep.free()
    if create_graph:
        _recorded[0] = tick()
    return sweep.found


_recorded = [0]  # when a sweep was recorded last


class _Reverse:
    """One reverse sweep: what it is after, what it has found, and what it takes to run a part of it again."""

    def __init__(
        self, targets: Collection[Node] | None, closed: bool, place: Place | None, edges: EdgeRecord | None
    ) -> None:
        self.wanted = None if targets is None else set(targets)
        self.closed = closed
        self.place = place  # where the saved values are freed; None to keep them
        self.edges = edges
        self.found: dict[Node, Any] = {}
        self.kept: list[Node] = []  # nodes to be freed at the end
        self.start: dict[Node, Any] | None = None  # the cotangents that are known when the first choice is reached
        self.before: tuple[dict[Node, Any], int] = ({}, 0)  # what had been found by then, and how many edges
        self.hooked: dict[Node, Tensor] = {}
        self.skipped = False
        self.tame: bool | None = None  # whether no operation is singular anywhere, once that has been asked

    def run(self, order: list[Node], seeds: Mapping[Node, Any], boxed: bool) -> None:  # noqa: C901, PLR0912 - see below
        """Add to `found` the cotangents that are wanted; `boxed`: the rules run on Tensors.

        One function although it branches much: for small arrays a call in it costs as much as the arithmetic.
        """
        wanted, needed = self.wanted, None if self.wanted is None else leading_to(self.wanted, order)
        found, edges, place, watching = self.found, self.edges, self.place, self.start is None
        hooks, newest = bool(ANY_HOOK), last_write[0]
        grads = {n: g for n, g in seeds.items() if needed is None or n in needed}
        for node in reversed(order):
            if (g := grads.pop(node, None)) is None:
                continue
            if hooks:
                g = self._hooked(node, g, boxed)
            if (node.owner is not None) if wanted is None else (node in wanted):
                found[node] = g
                if self.closed:
                    continue
            if (primitive := node.primitive) is None:
                continue
            if primitive.hides and watching:
                watching = not self._starts(node, g, grads, order)
            saved = node.saved
            if saved is None or boxed or newest > node.serial:
                saved, g = readable(node, boxed), _marked(g)
            alike, shape, dtype = primitive.kind == "elementwise", node.shape, node.dtype  # rules give what is like y
            rules = primitive.vjps.rules(g, saved, node) if primitive.together else primitive.vjps
            for parent, rule in zip(node.inputs, rules):  # noqa: B905 - rules may be endless
                if parent.__class__ is not Node or not parent.tracked or rule is None:
                    continue  # a number, a constant, an argument without derivative
                if needed is not None and parent not in needed:
                    continue
                gx = g if rule is identity else rule(g, saved, node)
                if (shape if alike else gx.shape) != parent.shape or (dtype if alike else gx.dtype) is not parent.dtype:
                    gx = _fitted(gx, parent)
                if edges is not None:
                    edges.append((node, parent, gx))
                grads[parent] = gx if (known := grads.get(parent)) is None else known + gx
            if place is not None and saved:
                if watching:
                    node.saved, node.freed = None, place
                else:
                    self.kept.append(node)

    def _starts(self, node: Node, g: Any, grads: Mapping[Node, Any], order: list[Node]) -> bool:
        """Return whether `node` is a choice that may hide something, from which the sweep may have to run again.

        A rectifier hides minus infinity only, which takes an operation that is singular somewhere to make.
        """
        assert node.primitive is not None
        if node.primitive.hides == "-inf":
            if self.tame is None:
                self.tame = not any(p is not None and p.singular for p in {n.primitive for n in order})
            if self.tame:
                return False
        self.start = {**grads, node: g}
        self.before = dict(self.found), len(self.edges or ())
        return True

    def again(self, since: float, create_graph: bool) -> None:
        """Run from `start` on with strong products."""
        assert self.start is not None
        earlier, count = self.before
        self.found, self.kept = {}, []
        order = reachable(self.start.keys(), expanded=True, since=since)
        with _strong(create_graph):
            if self.edges is not None:
                del self.edges[count:]
            self.run(order, {n: _boxed(g) for n, g in self.start.items()}, boxed=True)
        unboxed = _unmarked if create_graph else _array
        self.found = {**earlier, **{n: unboxed(g) for n, g in self.found.items()}}
        if self.edges is not None:
            self.edges[count:] = [(n, parent, unboxed(gx)) for n, parent, gx in self.edges[count:]]

    def free(self) -> None:
        """Free what was kept for a second run."""
        if self.place is not None:
            for node in self.kept:
                node.saved, node.freed = None, self.place

    def _hooked(self, node: Node, g: Any, boxed: bool) -> Any:
        """Return what the hooks of `node` make of `g`; each is called once, also where the sweep is run again."""
        if node not in HOOKS:
            return g
        if node not in self.hooked:
            if self.start is not None and _spoilt(g) and not context().special & STRONG:
                self.skipped = True
                return g  # the second run calls them, with what is right
            value = _boxed(g)
            for hook in list(HOOKS[node].values()):
                result = hook(value)
                value = value if result is None else _boxed(result)
            self.hooked[node] = value
        value = self.hooked[node]
        return value if boxed else value.array


def _boxed(g: Any) -> Tensor:
    return g if isinstance(g, Tensor) else wrap(g)


def _marked(g: Any) -> Any:
    """Return the cotangent `g` as the rules of a careful sweep take it."""
    return Cotangent.of(g) if context().special & STRONG else g


def _array(g: Tensor) -> Any:
    return g.array


def _unmarked(g: Tensor) -> Tensor:
    if not isinstance(g, Flow):
        return g
    y = wrap(g.array)
    y.node, y.tracked = g.node, g.tracked
    return y


def _spoilt(g: Any) -> bool:
    """Return whether `g` holds a NaN; the product with itself is the quickest way to see."""
    array = g.array if isinstance(g, Tensor) else g
    total = vdot(array, array)
    return bool(total != total)  # noqa: PLR0124 - NaN is what differs from itself


@contextmanager
def _strong(create_graph: bool) -> Iterator[None]:
    """Context manager: products are strong, and are recorded if asked for."""
    mode = context()
    token = CONTEXT.set(replace(mode, grad=create_graph, special=(mode.special | STRONG) & ~ANOMALY))
    try:
        with np.errstate(all="ignore"):  # what the plain sweep warned of is dealt with here
            yield
    finally:
        CONTEXT.reset(token)


def _check_finite(record: EdgeRecord) -> None:
    for node, parent, gx in record:
        array = gx.array if isinstance(gx, Tensor) else gx
        if not np.isfinite(array).all():
            assert node.primitive is not None
            kind = "nan" if np.isnan(array).any() else "infinite"
            raise AnomalyError(
                f"Function '{node.primitive.name}Backward' returned {kind} values in its "
                f"{node.inputs.index(parent)}th output; the forward operation was recorded at {told(node.place)}"
            )


def _fitted(gx: Any, parent: Node) -> Any:
    """Return the cotangent `gx` in the shape and dtype of the value it belongs to: broadcasting is undone here."""
    if gx.shape != parent.shape:
        gx = sum_to(gx, shape=parent.shape)
    return gx if gx.dtype == parent.dtype else astype(gx, dtype=parent.dtype)


def forward(tangents: Mapping[Node, Any], outputs: Collection[Node], *, create_graph: bool = False) -> dict[Node, Any]:
    """Return the tangent of every node in `outputs` that depends on `tangents`; arguments as for `reverse`."""
    order = reachable(outputs, expanded=True, since=oldest(tangents))
    found = _pushed(order, tangents, outputs, create_graph)
    if any(map(_spoilt, found.values())):
        with _strong(create_graph):
            found = _pushed(order, {n: _boxed(t) for n, t in tangents.items()}, outputs, True)
        found = {node: _unmarked(t) if create_graph else t.array for node, t in found.items()}
    return found


def _pushed(order: list[Node], tangents: Mapping[Node, Any], outputs: Collection[Node], boxed: bool) -> dict[Node, Any]:
    known: dict[Node, Any] = dict(tangents)
    careful = context().special & STRONG
    for node in order:
        if node in known or node.primitive is None:
            continue
        saved = readable(node, boxed)
        sum_of_parts = None
        for parent, rule in zip(node.inputs, node.primitive.jvps):  # noqa: B905 - rules may be endless
            t = known.get(parent) if parent.__class__ is Node else None
            if t is None or rule is None:
                continue
            ty = rule(Tangent.of(t) if careful else t, saved, node)
            if ty.shape != node.shape:
                ty = broadcast_to(ty, shape=node.shape)
            if ty.dtype is not node.dtype and ty.dtype != node.dtype:
                ty = astype(ty, dtype=node.dtype)
            sum_of_parts = ty if sum_of_parts is None else sum_of_parts + ty
        if sum_of_parts is not None:
            known[node] = sum_of_parts
    return {node: known[node] for node in outputs if node in known}
