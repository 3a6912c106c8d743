"""Finding the way through a recorded graph: which nodes a sweep visits, and what they saved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import Any

from tensorgrad.base.callsite import told
from tensorgrad.engine.fused import expand
from tensorgrad.engine.shared_memory import check_unexposed
from tensorgrad.engine.tensor import Node, linked
from tensorgrad.engine.tracedtensors import followed
from tensorgrad.engine.traces import running
from tensorgrad.engine.writes import check_unwritten, last_write
from tensorgrad.errors import AutogradError

_serial = attrgetter("serial")


def reachable(roots: Collection[Node], expanded: bool = False, targets: Collection[Node] | None = None) -> list[Node]:
    """Return the tracked nodes from which `roots` were computed, in the order of their creation.

    `expanded` replaces fused nodes by their compositions first. Nodes older than all `targets`, whose share in `roots`
    is asked for (None: that of all), are left out: they were not computed from one, and may be many.
    """
    since = min(map(_serial, targets)) if targets else 0
    order = list(roots)
    seen = set(order)
    for node in order:  # grows while it is walked
        for parent in node.inputs:
            if parent.__class__ is Node and parent.tracked and parent not in seen:
                seen.add(parent)
                if parent.serial >= since:
                    order.append(parent)
    if expanded and expand(order):
        return reachable(roots, targets=targets)
    order.sort(key=_serial)
    return order


def ends(roots: Iterable[Node], start: float) -> Iterator[Node]:
    """Yield the leaves, and the nodes older than `start`, from which `roots` were computed."""
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for node in order:  # grows while it is walked
        if node.primitive is None or node.serial < start:
            yield node
            continue
        for parent in node.inputs:
            if isinstance(parent, Node) and parent.tracked and parent not in seen:
                seen.add(parent)
                order.append(parent)


def leading_to(targets: set[Node], order: list[Node]) -> set[Node]:
    """Return the nodes of `order` (creation order) that are in `targets` or computed from one."""
    needed = set(targets)
    for node in order:
        for parent in node.inputs:
            if parent.__class__ is Node and parent in needed:
                needed.add(node)
                break
    return needed


def readable(node: Node, boxed: bool, back: bool = False) -> tuple[Any, ...]:
    """Return the saved values of `node`, as Tensors of its graph where `boxed`; an error if not valid.

    On the way `back` nothing is read but what the rules of tracked operands do; a trace has saved all.
    """
    assert node.primitive is not None
    if node.saved is None:
        raise AutogradError(
            f"Trying to backward through the graph a second time: the saved values of {node.primitive.name} (recorded "
            f"at {told(node.place)}) have already been freed by the backward pass at {told(node.freed)}. Specify "
            f"retain_graph=True there if you need a second pass"
        )
    if last_write[0] > node.serial:
        check_unwritten(node)
        check_unexposed(node)
    if not boxed or node.primitive.together:
        return node.saved
    if running() is None:
        return _relinked(node, node.saved)
    saved = node.saved
    if back and saved:
        keep = node.primitive.keeps(tuple([i.__class__ is Node and i.tracked for i in node.inputs]))
        saved = keep((*saved, None)) if keep else ()
    return tuple(map(followed, _relinked(node, saved)))


def _relinked(node: Node, saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the `saved` values of `node` as Tensors that stand where they stood in the graph."""
    if not saved:
        return ()
    y, *xs = saved
    return (
        None if y is None else linked(y, node),
        *(linked(x, i) if i.__class__ is Node and x is not None else x for x, i in zip(xs, node.inputs, strict=True)),
    )
