"""The two sweeps over a recorded graph, mirror images of each other: the only lines that know broadcasting.

The reverse sweep takes cotangents from outputs to inputs and sums them down to the shape of each input; the forward
sweep takes tangents from inputs to outputs and repeats them up. Both keep their values in a dict of their own, never on
nodes: sweeps may nest without confusing each other's perturbations. Both run on arrays, or, with `create_graph`, on
Tensors, which records the sweep itself and makes derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.context import ANOMALY, CONTEXT, STRONG, context
from tensorgrad.errors import AnomalyError
from tensorgrad.ops import astype, broadcast_to, sum_to
from tensorgrad.places import here, told
from tensorgrad.primitive import identity
from tensorgrad.tensor import HOOKS, Cotangent, Flow, Node, Tangent, Tensor, wrap
from tensorgrad.walks import leading_to, oldest, reachable, readable
from tensorgrad.writes import last_write

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

    Plain products come first. Only if a NaN reaches a result the sweep is run again with those of `strong`.

    Args:
        seeds: the cotangent of each output, an array or, with `create_graph`, a Tensor.
        targets: the nodes whose cotangents are wanted; only what leads to them is computed.
        create_graph: run the rules on Tensors, so that the result can be differentiated again.
        retain_graph: keep the saved values; otherwise they are freed at the end.
        closed: take the targets for leaves: do not go on behind them.
        edges: extended by the contribution along every edge, where given.

    Raises:
        AutogradError: a node's saved values have been freed by an earlier sweep.
        InPlaceError: a saved value has been written since.
        AnomalyError: under anomaly detection, a contribution is not finite.
    """
    sweep = _Reverse(targets, closed)
    anomaly = context().special & ANOMALY
    since = oldest(targets)
    order = reachable(seeds.keys(), expanded=create_graph, since=since)
    if not anomaly:
        found = sweep.run(order, seeds, create_graph, edges)
    if anomaly or any(map(_spoilt, found.values())):
        order = reachable(seeds.keys(), expanded=True, since=since)
        record: EdgeRecord = []
        with _strong(create_graph):
            found = sweep.run(order, {n: _boxed(g) for n, g in seeds.items()}, True, record)
        if anomaly:
            _check_finite(record)
        found = {node: _unmarked(g) if create_graph else g.array for node, g in found.items()}
        if edges is not None:
            edges[:] = [(node, parent, gx if create_graph else gx.array) for node, parent, gx in record]
    if not retain_graph:
        sweep.free()
    return found


class _Reverse:
    """One reverse sweep, or two: what it is after, and what it must remember."""

    def __init__(self, targets: Collection[Node] | None, closed: bool) -> None:
        self.wanted = None if targets is None else set(targets)
        self.closed = closed
        self.hooked: dict[Node, Tensor] = {}
        self.visited: list[Node] = []

    def run(
        self, order: list[Node], seeds: Mapping[Node, Any], boxed: bool, edges: EdgeRecord | None
    ) -> dict[Node, Any]:
        """Return the cotangents that are wanted; `boxed`: the rules run on Tensors."""
        wanted, needed = self.wanted, None if self.wanted is None else leading_to(self.wanted, order)
        self.visited, closed = [], self.closed
        grads = {n: g for n, g in seeds.items() if needed is None or n in needed}
        get, take, visit, hooks = grads.get, grads.pop, self.visited.append, HOOKS or None  # the hot path
        tensor_node, unchanged, newest, careful = Node, identity, last_write[0], context().special & STRONG
        found: dict[Node, Any] = {}
        for node in reversed(order):
            if (g := take(node, None)) is None:
                continue
            if hooks is not None and node in hooks:
                g = self._hook(node, g, boxed)
            if (node.owner is not None) if wanted is None else (node in wanted):
                found[node] = g
                if closed:
                    continue
            if (primitive := node.primitive) is None:
                continue
            visit(node)
            saved = node.saved
            if saved is None or boxed or newest > node.serial:
                saved, g = readable(node, boxed), Cotangent.of(g) if careful else g
            alike, shape, dtype = primitive.kind == "elementwise", node.shape, node.dtype  # rules give what is like y
            rules = primitive.vjps.rules(g, saved, node) if primitive.together else primitive.vjps
            for parent, rule in zip(node.inputs, rules):  # noqa: B905 - rules may be endless
                if parent.__class__ is not tensor_node or not parent.tracked or rule is None:
                    continue  # a number, a constant, an argument without derivative
                if needed is not None and parent not in needed:
                    continue
                gx = g if rule is unchanged else rule(g, saved, node)
                if (shape if alike else gx.shape) != parent.shape or (dtype if alike else gx.dtype) is not parent.dtype:
                    gx = _fitted(gx, parent)
                if edges is not None:
                    edges.append((node, parent, gx))
                known = get(parent)
                grads[parent] = gx if known is None else known + gx
        return found

    def _hook(self, node: Node, g: Any, boxed: bool) -> Any:
        """Return what the hooks of `node` make of `g`; each is called once, also where the sweep is run again."""
        if node not in self.hooked:
            if _spoilt(g) and not context().special & STRONG:
                return g  # the second run will call them, with what is right
            value = _boxed(g)
            for hook in list(HOOKS[node].values()):
                result = hook(value)
                value = value if result is None else _boxed(result)
            self.hooked[node] = value
        value = self.hooked[node]
        return value if boxed else value.array

    def free(self) -> None:
        """Drop the saved values of what has been visited, and leave word where that was."""
        place = here()
        for node in self.visited:
            if node.saved:
                node.saved = None
                node.freed = place


def _boxed(g: Any) -> Tensor:
    return g if isinstance(g, Tensor) else wrap(g)


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
        if not np.isfinite(gx.array).all():
            assert node.primitive is not None
            kind = "nan" if np.isnan(gx.array).any() else "infinite"
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
