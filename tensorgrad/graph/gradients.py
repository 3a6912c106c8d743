"""The names of what a backward pass computes: dx, and dx₁, dx₂ for the parts that add up to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.careful import Contributions
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Node, Tensor, node_of
from tensorgrad.engine.traces import Break
from tensorgrad.errors import AutogradError

from .notation import numbered, superscript
from .passing import shown

Seed = Tensor | Array | Sequence[Tensor | Array | None] | None
"""What flows back into the outputs: the gradient of the first, ones for None; or, in a list, that of each, None for
none."""


class Swept(NamedTuple):
    """What a backward pass of a graph has left: the gradients of `leaves`, and what it takes to describe it.

    It began at `seeds`, whose nodes have the names `starts`; `recorded` is what led to the `outputs`, with the forward
    pass; `parts` what flowed along each edge.
    """

    leaves: Sequence[Node]
    outputs: Sequence[Tensor]
    seeds: Sequence[Tensor]
    recorded: Sequence[Node]
    orders: Mapping[Node, int]
    parts: Sequence[tuple[tuple[int, int], Node, Any]]
    starts: dict[Node, str]
    names: dict[Node, str]
    made_up: dict[Node, str]
    met: Sequence[Break]


def seeds_of(seed: Seed, outputs: Sequence[Tensor], ends: Sequence[Node]) -> dict[Node, Array]:
    """Return the cotangents where a backward pass starts: at the nodes, `ends`, of what requires a gradient.

    Raises:
        AutogradError: a seed has not the shape of its output, or there are more or fewer of them than outputs.
    """
    several = isinstance(seed, list | tuple)
    given: Sequence[Any] = seed if isinstance(seed, list | tuple) else [seed]
    if several and len(given) != len(outputs):
        raise AutogradError(
            f"{len(given)} seeds for {len(outputs)} outputs: give one for each, None where nothing flows back"
        )
    found: dict[Node, Array] = {}
    for part, y, end in zip(given, outputs, ends, strict=False):
        if not y.tracked or (several and part is None):
            continue
        start = np.ones_like(y.array) if part is None else part.array if isinstance(part, Tensor) else np.asarray(part)
        if start.shape != y.shape:
            raise AutogradError(f"the seed has shape {start.shape}, the output {tuple(y.shape)}")
        found[end] = found[end] + start if end in found else start
    return found


def derivative(name: str, order: int) -> str:
    """Return the name of the gradient of the value `name` in the backward pass of this order.

    >>> derivative("x", 1), derivative("x", 2)
    ('dx', 'd²x')
    """
    return f"d{name}" if order == 1 else f"d{superscript(str(order))}{name}"


def contributions(record: Contributions, index: Mapping[Node, int]) -> Iterator[tuple[tuple[int, int], Node, Any]]:
    """Yield for every recorded contribution the edge ``(target, slot)``, the node it flows to, and its value."""
    consumer: Node | None = None
    slots: Iterator[int] = iter(())
    for node, source, g in record:
        if node not in index:  # passed over: what flows on from it has come along the edges to it
            continue
        if node is not consumer:
            consumer, slots = node, _slots(node)
        for slot in slots:
            if node.inputs[slot] is source:
                yield (index[node], slot), shown(source, index), g
                break


def _slots(node: Node) -> Iterator[int]:
    """Yield the places of the operands of `node` that it has a derivative for."""
    primitive = node.primitive
    assert primitive is not None
    if primitive.together:
        return iter(range(len(node.inputs)))
    pairs = zip(range(len(node.inputs)), primitive.vjps, strict=False)  # rules may be endless
    return (i for i, rule in pairs if rule is not None)


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
