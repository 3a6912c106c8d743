"""The names of what a backward pass computes: dx, and dx1, dx2 for the parts that add up to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tensorgrad.tensor import Node, Tensor, node_of

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def derivative(name: str, order: int) -> str:
    """Return the name of the gradient of the value `name` in the backward pass of this order.

    >>> derivative("x", 1), derivative("x", 2)
    ('dx', 'd²x')
    """
    return f"d{name}" if order == 1 else f"d{str(order).translate(SUPERSCRIPT)}{name}"


def gradient_names(
    found: Mapping[Node, Tensor],
    contributions: Iterable[tuple[Node, Tensor]],
    names: Mapping[Node, str],
    own: Collection[Node],
    order: int,
) -> dict[Node, str]:
    """Return the names of the contributions and of their sums; what flows on unchanged keeps its first name.

    `names` has one for every value, and goes for the values in `own` before it goes for those whose name was made up.
    """
    flowing: dict[Node, list[Node]] = {}
    for source, g in contributions:
        flowing.setdefault(source, []).append(node_of(g))
    result: dict[Node, str] = {}
    for source in sorted(flowing, key=lambda source: source not in own):
        nodes = flowing[source]
        for i, node in enumerate(nodes, 1):
            result.setdefault(node, derivative(names[source], order) + (str(i) if len(nodes) > 1 else ""))
    for source, g in found.items():
        result.setdefault(node_of(g), derivative(names[source], order))
    return {node: name for node, name in result.items() if node not in names}
