"""The two sweeps over a recorded graph, mirror images of each other: the only lines that know broadcasting.

The reverse sweep takes cotangents from outputs to inputs and sums them down to the shape of each input; the forward
sweep takes tangents from inputs to outputs and repeats them up. Both keep their values in a dict of their own, never on
nodes: sweeps may nest without confusing each other's perturbations. Both run on arrays, or, with `create_graph`, on
Tensors, which records the sweep itself and makes derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import Any

from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.fused import expand
from tensorgrad.ops import astype, broadcast_to, sum_to
from tensorgrad.primitive import identity
from tensorgrad.tensor import Node, linked
from tensorgrad.writes import last_write, written_since

_serial = attrgetter("serial")

EdgeRecord = list[tuple[Node, Node, Any]]
"""(consumer, source, the contribution that flows back between them), the operands of a consumer in their order."""


def reachable(roots: Collection[Node], expanded: bool = False) -> list[Node]:
    """Return the tracked nodes from which `roots` were computed, in the order of their creation.

    `expanded` replaces fused nodes by their compositions first.
    """
    order = list(roots)
    seen = set(order)
    mark, push = seen.add, order.append
    for node in order:  # grows while it is walked
        for parent in node.inputs:
            if parent.__class__ is Node and parent.tracked and parent not in seen:
                mark(parent)
                push(parent)
    if expanded and expand(order):
        return reachable(roots)
    order.sort(key=_serial)
    return order


def reverse(
    seeds: Mapping[Node, Any],
    *,
    targets: Collection[Node] | None = None,
    create_graph: bool = False,
    retain_graph: bool = True,
    edges: EdgeRecord | None = None,
) -> dict[Node, Any]:
    """Return the cotangent of every node in `targets` (None: of every node that has a living owner).

    Args:
        seeds: the cotangent of each output, an array or, with `create_graph`, a Tensor.
        targets: the nodes whose cotangents are wanted; only what leads to them is computed.
        create_graph: run the rules on Tensors, so that the result can be differentiated again.
        retain_graph: keep the saved values; otherwise each node frees its own as soon as its rules have run.
        edges: extended by the contribution along every edge, where given.

    Raises:
        AutogradError: a node's saved values have been freed by an earlier sweep.
    """
    order = reachable(seeds.keys(), expanded=create_graph)
    wanted, needed = (None, None) if targets is None else (set(targets), _leading_to(set(targets), order))
    grads: dict[Node, Any] = dict(seeds)
    get, take, tensor_node, unchanged, newest = grads.get, grads.pop, Node, identity, last_write[0]  # the hot path
    found: dict[Node, Any] = {}
    for node in reversed(order):
        if (g := take(node, None)) is None:
            continue
        if (node.owner is not None) if wanted is None else (node in wanted):
            found[node] = g
        if (primitive := node.primitive) is None:
            continue
        saved = node.saved
        if saved is None or create_graph or newest > node.serial:
            saved = _readable(node, create_graph)
        alike, shape, dtype = primitive.kind == "elementwise", node.shape, node.dtype  # what its rules return is like y
        rules = primitive.vjps if alike or primitive.composed is None else primitive.vjps.rules(g, saved)
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
        if not retain_graph and node.saved:
            node.saved = None
    return found


def _fitted(gx: Any, parent: Node) -> Any:
    """Return the cotangent `gx` in the shape and dtype of the value it belongs to: broadcasting is undone here."""
    if gx.shape != parent.shape:
        gx = sum_to(gx, shape=parent.shape)
    return gx if gx.dtype == parent.dtype else astype(gx, dtype=parent.dtype)


def _readable(node: Node, create_graph: bool) -> tuple[Any, ...]:
    """Return the saved values of `node`, as Tensors of its graph for `create_graph`; an error if not valid."""
    assert node.primitive is not None
    if node.saved is None:
        raise AutogradError(
            f"Trying to backward through the graph a second time: the saved values of {node.primitive.name} have "
            f"already been freed by an earlier backward() or grad(). Specify retain_graph=True there if you need a "
            f"second pass"
        )
    for value in node.saved:
        if written_since(value, node.serial):
            raise InPlaceError(
                f"one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"{node.primitive.name} saved a value of shape {list(value.shape)} that was written before backward; "
                f"write the result to a new tensor, or change it after backward()"
            )
    return relinked(node) if create_graph else node.saved


def _leading_to(targets: set[Node], order: list[Node]) -> set[Node]:
    """Return the nodes of `order` (creation order) that are in `targets` or computed from one."""
    needed = set(targets)
    for node in order:
        for parent in node.inputs:
            if parent.__class__ is Node and parent in needed:
                needed.add(node)
                break
    return needed


def relinked(node: Node) -> tuple[Any, ...]:
    """Return the saved values of `node` as Tensors that stand where they stood in the graph."""
    if not node.saved:
        return ()
    y, *xs = node.saved
    return (
        None if y is None else linked(y, node),
        *(linked(x, i) if i.__class__ is Node and x is not None else x for x, i in zip(xs, node.inputs, strict=True)),
    )


def forward(tangents: Mapping[Node, Any], outputs: Collection[Node], *, create_graph: bool = False) -> dict[Node, Any]:
    """Return the tangent of every node in `outputs` that depends on `tangents`; arguments as for `reverse`."""
    known: dict[Node, Any] = dict(tangents)
    for node in reachable(outputs, expanded=True):
        if node in known or node.primitive is None:
            continue
        saved = _readable(node, create_graph)
        sum_of_parts = None
        for parent, rule in zip(node.inputs, node.primitive.jvps):  # noqa: B905 - rules may be endless
            t = known.get(parent) if parent.__class__ is Node else None
            if t is None or rule is None:
                continue
            ty = rule(t, saved, node)
            if ty.shape != node.shape:
                ty = broadcast_to(ty, shape=node.shape)
            if ty.dtype is not node.dtype and ty.dtype != node.dtype:
                ty = astype(ty, dtype=node.dtype)
            sum_of_parts = ty if sum_of_parts is None else sum_of_parts + ty
        if sum_of_parts is not None:
            known[node] = sum_of_parts
    return {node: known[node] for node in outputs if node in known}
