"""The two sweeps over a recorded graph, mirror images of each other: the chain rule, and the only lines that know
broadcasting.

The reverse sweep takes cotangents from outputs to inputs and sums them down to the shape of each input; the forward
sweep takes tangents from inputs to outputs and repeats them up. Both keep their values in a dict of their own, never on
nodes: sweeps may nest without confusing each other's perturbations. Both run on arrays, or, `boxed`, on Tensors, which
records the sweep itself and makes derivatives of any order.

What surrounds a sweep stands in `careful`: which nodes it visits, hooks, and what is done about numbers that are not
finite. The two meet in `arrive`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tensorgrad.base.callsite import Place
from tensorgrad.engine.primitive import identity
from tensorgrad.engine.tensor import Node
from tensorgrad.engine.writes import last_write
from tensorgrad.ops import astype, broadcast_to, sum_to

from .order import leading_to, readable

Arrive = Callable[[Node, Any, Mapping[Node, Any]], Any]
"""Shown a node, its cotangent, which is complete, and those that are not yet; returns the cotangent to go on with."""

EdgeRecord = list[tuple[Node, Node, Any]]
"""(consumer, source, the contribution that flows back between them), the operands of a consumer in their order."""


def pull_back(
    order: list[Node],
    seeds: Mapping[Node, Any],
    found: dict[Node, Any],
    wanted: set[Node] | None = None,
    *,
    boxed: bool = False,
    closed: bool = False,
    freeing: Place | None = None,
    edges: EdgeRecord | None = None,
    arrive: Arrive | None = None,
) -> None:
    """Add to `found` the cotangent of every node in `wanted` (None: of every node that has a living owner).

    Equation: ``grads[x] = sum over the operations y = f(.., x, ..) of (dy/dx)' grads[y]``, in the reverse of `order`,
    that of creation. With `closed`, nothing goes on behind what is wanted. `freeing` is where saved values are dropped
    as soon as they cannot be needed any more. `edges` is extended by the contribution along every edge.
    """
    needed = None if wanted is None else leading_to(wanted, order)
    grads = {node: g for node, g in seeds.items() if needed is None or node in needed}
    newest = last_write[0]
    for node in reversed(order):
        if (g := grads.pop(node, None)) is None:
            continue
        if arrive is not None:
            g = arrive(node, g, grads)
        if (node.owner is not None) if wanted is None else (node in wanted):
            found[node] = g
            if closed:
                continue
        if (primitive := node.primitive) is None:
            continue
        saved = node.saved
        if saved is None or boxed or newest > node.serial:
            saved = readable(node, boxed)
        alike, shape, dtype = primitive.kind == "elementwise", node.shape, node.dtype  # rules give what is like y
        rules = primitive.vjps.rules(g, saved, node) if primitive.together else primitive.vjps
        for parent, rule in zip(node.inputs, rules):  # noqa: B905 - rules may be endless
            if parent.__class__ is not Node or not parent.tracked or rule is None:
                continue  # a number, a constant, an argument without derivative
            if needed is not None and parent not in needed:
                continue
            gx = g if rule is identity else rule(g, saved, node)
            if (shape if alike else gx.shape) != parent.shape or (dtype if alike else gx.dtype) is not parent.dtype:
                gx = fitted(gx, parent)
            if edges is not None:
                edges.append((node, parent, gx))
            grads[parent] = gx if (known := grads.get(parent)) is None else known + gx
        if freeing is not None and saved:
            node.saved, node.freed = None, freeing


def fitted(gx: Any, parent: Node) -> Any:
    """Return the cotangent `gx` in the shape and dtype of the value it belongs to: broadcasting is undone here."""
    if gx.shape != parent.shape:
        gx = sum_to(gx, shape=parent.shape)
    return gx if gx.dtype == parent.dtype else astype(gx, dtype=parent.dtype)


def push_forward(
    order: list[Node],
    tangents: Mapping[Node, Any],
    *,
    boxed: bool = False,
    mark: Callable[[Any], Any] | None = None,
) -> dict[Node, Any]:
    """Return the tangents of all nodes that depend on those of `tangents`.

    Equation: ``t[y] = sum over the arguments x of (dy/dx) t[x]``, in the `order` of creation. `mark` is what a careful
    sweep makes of a tangent before a rule takes it.
    """
    known: dict[Node, Any] = dict(tangents)
    for node in order:
        if node in known or node.primitive is None:
            continue
        saved = readable(node, boxed)
        total = None
        for parent, rule in zip(node.inputs, node.primitive.jvps):  # noqa: B905 - rules may be endless
            t = known.get(parent) if parent.__class__ is Node else None
            if t is None or rule is None:
                continue
            ty = rule(t if mark is None else mark(t), saved, node)
            if ty.shape != node.shape:
                ty = broadcast_to(ty, shape=node.shape)
            if ty.dtype is not node.dtype and ty.dtype != node.dtype:
                ty = astype(ty, dtype=node.dtype)
            total = ty if total is None else total + ty
        if total is not None:
            known[node] = total
    return known
