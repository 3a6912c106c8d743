"""The two sweeps over a recorded graph, mirror images of each other: the chain rule, and nothing else.

The reverse sweep takes cotangents from outputs to inputs and sums them down to the shape of each input; the forward
sweep takes tangents from inputs to outputs and repeats them up: no rule knows about broadcasting. Both keep their
values in a dict of their own, never on nodes, so that sweeps may nest; and run on arrays or, `boxed`, on Tensors, which
records the sweep itself and makes derivatives of any order. What surrounds a sweep stands in `careful`, and meets it in
`arrive`; the quicker form of the reverse sweep for steps of training in `quick`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from tensorgrad.base.dtypes import DType
from tensorgrad.engine.tensor import COPIES, Node, Tensor
from tensorgrad.engine.tracedtensors import unasked
from tensorgrad.ops import astype, broadcast_to, sum_to

from .order import readable


class Run(Protocol):
    """What surrounds a reverse sweep."""

    def arrive(self, node: Node, g: Any, grads: Mapping[Node, Any]) -> Any:
        """Return what to go on with, None to stop: `g`, of `node`, is complete, those in `grads` are not."""

    def rules(self, node: Node, g: Any, saved: Any) -> Iterable[Any]:
        """Return the rules of `node`, one for each of its inputs."""


def reverse(
    order: list[Node], seeds: Mapping[Node, Any], run: Run, needed: Collection[Node] | None, boxed: bool
) -> Iterator[tuple[Node, Node, Any]]:
    """Yield every edge of `order`, that of creation, backwards: consumer, source, and what flows back between them.

    Equation: ``grads[x] = sum over the operations y = f(.., x, ..) of (dy/dx)' grads[y]``; `needed` (None: all) are the
    nodes whose cotangents are computed.
    """
    grads = dict(seeds)
    for node in reversed(order):
        g = grads.pop(node, None)
        if g is not None:
            g = run.arrive(node, g, grads)
        if g is None or not any(receives(parent, needed) for parent in node.inputs):
            continue
        saved = readable(node, boxed, back=True)
        for parent, rule in zip(node.inputs, run.rules(node, g, saved)):  # noqa: B905 - rules may be endless
            if rule is not None and receives(parent, needed):
                gx = fitted(rule(g, saved, node), parent)
                grads[parent] = grads[parent] + gx if parent in grads else gx
                yield node, parent, gx


def receives(parent: Any, needed: Collection[Node] | None) -> bool:
    """Return whether a cotangent flows to this operand: it is no number, no constant, and asked for."""
    return isinstance(parent, Node) and parent.tracked and (needed is None or parent in needed)


def fitted(gx: Any, parent: Node) -> Any:
    """Return the cotangent `gx` in the shape and dtype of the value it belongs to: broadcasting is undone here."""
    if gx.shape != parent.shape:
        gx = sum_to(gx, shape=parent.shape)
    return gx if gx.dtype == parent.dtype else _converted(gx, parent.dtype)


def forward(
    order: list[Node], tangents: Mapping[Node, Any], mark: Callable[[Any], Any], boxed: bool
) -> dict[Node, Any]:
    """Return the tangent of every node in `order` that depends on `tangents`.

    Equation: ``t[y] = sum over the arguments x of (dy/dx) t[x]``. A rule takes a tangent as `mark` makes it.
    """
    known = dict(tangents)
    for node in order:
        if node in known or node.primitive is None:
            continue
        saved, total = readable(node, boxed), None
        for parent, rule in zip(node.inputs, node.primitive.jvps):  # noqa: B905 - rules may be endless
            if rule is not None and isinstance(parent, Node) and parent in known:
                ty = repeated(rule(mark(known[parent]), saved, node), node)
                total = ty if total is None else total + ty
        if total.__class__ is Tensor and node in COPIES and node.primitive.kind == "multilinear":
            total = unasked(total)  # a copy, too
        if total is not None:
            known[node] = total
    return known


def repeated(ty: Any, node: Node) -> Any:
    """Return the tangent `ty` in the shape and dtype of the value of `node`: broadcasting is followed here."""
    if ty.shape != node.shape:
        ty = broadcast_to(ty, shape=node.shape)
    return ty if ty.dtype == node.dtype else _converted(ty, node.dtype)


def _converted(v: Any, dtype: DType) -> Any:
    """Return `v` in `dtype`; of a complex one its real part, where it belongs to a real value."""
    return astype(v.real if v.dtype.kind == "c" and dtype.kind != "c" else v, dtype=dtype)
