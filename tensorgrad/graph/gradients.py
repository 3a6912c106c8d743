"""The names of what a backward pass computes: dx, and dx₁, dx₂ for the parts that add up to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from tensorgrad.autograd.careful import Contributions
from tensorgrad.engine.tensor import Node, Tensor, node_of

from .notation import numbered, superscript
from .passing import shown


def derivative(name: str, order: int) -> str:
    """Return the name of the gradient of the value `name` in the backward pass of this order.

    >>> derivative("x", 1), derivative("x", 2)
    ('dx', 'd²x')
    """
    return f"d{name}" if order == 1 else f"d{superscript(str(order))}{name}"


def contributions(record: Contributions, index: Mapping[Node, int]) -> Iterator[tuple[tuple[int, int], Node, Any]]:
    """Yield for every recorded contribution the edge ``(target, slot)``, the node it flows to, and its value."""
    slots: dict[tuple[Node, Node], Iterator[int]] = {}
    for node, source, g in record:
        if node not in index:  # passed over: what flows on from it has come along the edges to it
            continue
        if (node, source) not in slots:
            slots[node, source] = iter(_places(node, source))
        yield (index[node], next(slots[node, source])), shown(source, index), g


def _places(node: Node, source: Node) -> list[int]:
    """Return as which operands `node` reads `source` and has a derivative."""
    primitive = node.primitive
    assert primitive is not None
    rules = repeat(True) if primitive.together else primitive.vjps
    pairs = zip(node.inputs, rules, strict=False)  # rules may be endless
    return [i for i, (operand, rule) in enumerate(pairs) if operand is source and rule is not None]


def gradient_names(
    found: Mapping[Node, Tensor],
    contributions: Iterable[tuple[Node, Tensor]],
    names: Mapping[Node, str],
    own: Collection[Node],
    order: int,
) -> tuple[dict[Node, str], dict[Node, str]]:
    """Return the names of the contributions and of their sums; what flows on unchanged keeps its first name.

    `names` has one for every value. The gradients of values in `own` come first, then those of values whose name, and
    so theirs, was made up.
    """
    flowing: dict[Node, list[Node]] = {}
    for source, g in contributions:
        flowing.setdefault(source, []).append(node_of(g))
    result: dict[Node, str] = {}
    made_up: dict[Node, str] = {}
    for source in sorted(flowing, key=lambda source: source not in own):
        nodes, known = flowing[source], result if source in own else made_up
        for i, node in enumerate(nodes, 1):
            name = derivative(names[source], order)
            known.setdefault(node, numbered(name, i) if len(nodes) > 1 else name)
    for source, g in found.items():
        (result if source in own else made_up).setdefault(node_of(g), derivative(names[source], order))
    return {n: name for n, name in result.items() if n not in names}, made_up
