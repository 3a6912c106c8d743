"""What a picture of a graph passes over."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence

from tensorgrad.engine.reads import nodes_in
from tensorgrad.engine.tensor import COPIES, Node
from tensorgrad.engine.traces import LEAF
from tensorgrad.ops.selection import MISSING


def shown(node: Node, recorded: Container[Node]) -> Node:
    """Return a node of a graph; where it is not shown itself, the one whose value it takes."""
    while node not in recorded:
        node = node.inputs[-1]
    return node


def takes_a_value(node: Node) -> bool:
    """Return whether `node` is the value that it reads last, and nobody has asked for it."""
    return node.primitive is MISSING or node in COPIES


def flowed_to(end: Node) -> set[Node]:
    """Return the nodes that a gradient of `end` may come to: leaves that a traced function has made end its way."""
    order = [end] if end.tracked else []
    seen = {*order}
    for node in order:  # grows while it is walked
        for source in node.inputs if node.primitive is not LEAF else ():
            if isinstance(source, Node) and source.tracked and source not in seen:
                seen.add(source)
                order.append(source)
    return seen


def pictured(recorded: Sequence[Node], ends: Collection[Node], known: Container[Node] = ()) -> list[Node]:
    """Return those of `recorded` that a picture of the graph to `ends` shows; those that are `known` have a name.

    What is the same number, a copy that nobody asked for, or with a slope that is unknown where another value says so,
    is passed over, with what only that reads: nobody wrote it. An end is not, where what it takes has a name. The
    numbers that a leaf was made with are the leaf.
    """
    whole, needed = set(recorded), set(ends)
    found = []
    for node in reversed(recorded):
        if node not in needed:
            continue
        over = takes_a_value(node) and not _has_to_be(node, ends)
        read = node.inputs[-1:] if over else (*node.inputs, *nodes_in(node.params))
        if node.primitive is LEAF and read[0].primitive is None and read[0] not in known:
            read = ()
        needed.update(shown(source, whole) for source in read if isinstance(source, Node))
        if not over:
            found.append(node)
    return found[::-1]


def _has_to_be(node: Node, ends: Collection[Node]) -> bool:
    source = node.inputs[-1]
    return bool(node.called) or (node in ends and (source.primitive is None or source in ends))
