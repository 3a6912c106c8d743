"""What a graph consists of: operations and leaves, and the uses of their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.context import Scope
from tensorgrad.dtypes import Array, DType
from tensorgrad.fused import expand
from tensorgrad.places import Place
from tensorgrad.primitive import Primitive
from tensorgrad.tensor import Node, Tensor


class Edge(NamedTuple):
    """One use of a value: the node that made it, the node that reads it, and as which operand."""

    source: int
    target: int
    slot: int


class Operand(NamedTuple):
    """An operand of a node: the index of the node that made it, or None and the scalar constant."""

    source: int | None
    constant: Any


@dataclass(frozen=True, eq=False)
class GraphNode:
    """One operation, or a leaf: `op` is a primitive's name, or "input", "parameter" or "constant".

    `value` is None where nobody kept it. `owner` is the tensor that a leaf stands for, if it lives. `place` is where
    the user's script stood, and `order` tells which pass made the node: 0 for the forward pass, 1 for the backward
    pass, 2 for the backward pass through that.
    """

    index: int
    op: str
    symbol: str
    operands: tuple[Operand, ...]
    params: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: DType
    scope: Scope | None
    name: str | None
    requires_grad: bool
    value: Array | None
    place: Place | None
    order: int
    primitive: Primitive | None
    owner: Tensor | None

    @property
    def is_leaf(self) -> bool:
        """Whether nothing computes it."""
        return self.op in ("input", "parameter", "constant")


@dataclass(frozen=True)
class Gradients:
    """The result of a reverse sweep: per edge ``(target, slot)`` the contribution, per node the sum of them."""

    edges: Mapping[tuple[int, int], Array]
    nodes: Mapping[int, Array]


def behind(roots: Iterable[Node]) -> list[Node]:
    """Return the nodes behind `roots`, constants included and fused ones expanded, in the order of their creation."""
    found = _all(roots)
    return _all(roots) if expand(found) else found


def _all(roots: Iterable[Node]) -> list[Node]:
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for node in order:
        for parent in node.inputs:
            if isinstance(parent, Node) and parent not in seen:
                seen.add(parent)
                order.append(parent)
    return sorted(order, key=lambda node: node.serial)


def described(
    recorded: list[Node], inputs: Mapping[Node, str], names: Mapping[Node, str], orders: Mapping[Node, int]
) -> list[GraphNode]:
    """Return the description of every node; `inputs` and `names` give names to those that have none."""
    index = {node: i for i, node in enumerate(recorded)}
    values = _leaf_values(recorded)
    found = []
    for node in recorded:
        name = node.name or inputs.get(node) or names.get(node)
        if node.primitive is not None:
            op, symbol = node.primitive.name, node.primitive.symbol
            value = node.saved[0] if node.saved else None
        else:
            op = "input" if node in inputs else "parameter" if node.tracked else "constant"
            symbol, value = name or "", values.get(node)
        operands = tuple(Operand(index[i], None) if isinstance(i, Node) else Operand(None, i) for i in node.inputs)
        found.append(
            GraphNode(
                index[node], op, symbol, operands, node.params, node.shape, node.dtype, node.scope, name, node.tracked,
                value, node.place, orders.get(node, 0), node.primitive, _owner(node),
            )
        )  # fmt: skip
    return found


def _owner(node: Node) -> Tensor | None:
    return node.owner() if node.primitive is None and node.owner is not None else None


def _leaf_values(recorded: list[Node]) -> dict[Node, Array]:
    """Return the values of the leaves: as they were traced, or those of living tensors, or what operations kept.

    An operation may have kept a value in the dtype in which its operands met, which is all that it read of it.
    """
    kept: dict[Node, Array] = {}
    for node in recorded:
        for source, value in zip(node.inputs, (node.saved or ())[1:], strict=False):
            fits = isinstance(source, Node) and value is not None and value.shape == source.shape
            if fits and (source not in kept or value.dtype == source.dtype):
                kept[source] = value
    found: dict[Node, Array] = {}
    for node in recorded:
        if node.primitive is None:
            owner = _owner(node)
            if node.saved:
                found[node] = node.saved[0]
            elif owner is not None:
                found[node] = owner.array
            elif node in kept:
                found[node] = kept[node].astype(node.dtype, copy=False)
    return found


def overwritten(recorded: list[Node]) -> Node | None:
    """Return the first operation that read another value than was recorded: it had been written unrecorded."""
    for node in recorded:
        for source, value in zip(node.inputs, (node.saved or ())[1:], strict=False):
            made = source.saved[0] if isinstance(source, Node) and source.saved else None
            if made is None or value is None or made.dtype != value.dtype:
                continue
            if not np.array_equal(made, value, equal_nan=True):
                return node
    return None
