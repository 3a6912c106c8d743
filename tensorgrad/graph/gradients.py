"""The names of what a backward pass computes: dx, and dx₁, dx₂ for the parts that add up to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tensorgrad.engine.tensor import Node, Tensor, node_of

from .notation import numbered, superscript


def derivative(name: str, order: int) -> str:
    """Return the name of the gradient of the value `name` in the backward pass of this order.

    >>> derivative("x", 1), derivative("x", 2)
    ('dx', 'd²x')
    """
    return f"d{name}" if order == 1 else f"d{superscript(str(order))}{name}"


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
