"""Where a factor is zero whatever the values are: because of a mask, a constant, or an index that left the place out.

Such a zero ends the dependence on what it is multiplied with. Another one, as that of ``2 * norm(x)`` at 0, is the
value of a function there and says nothing about the product. The graph tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.engine.batched import somewhere
from tensorgrad.engine.dispatch import computed
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import Node, Tensor

DEPTH = 100
"""How many operations back the origin of a zero is looked for; beyond, it counts as the value of a function."""

_NOWHERE = np.zeros((), bool)


def exact_zeros(x: Any) -> Any:
    """Return where `x`, a Tensor or what NumPy takes, is 0 whatever the values are that it was computed from.

    >>> from tensorgrad.engine.tensor import wrap
    >>> exact_zeros(wrap(np.array([0.0, 2.0]))).tolist()
    [True, False]
    """
    values = x.array if isinstance(x, Tensor) else asarray(x)
    zero = values == 0  # False is 0
    if values.dtype.kind == "b" or not isinstance(x, Tensor) or not x.tracked or not somewhere(zero):
        return zero
    return zero & _closed(x.node, {}, DEPTH)


def _closed(node: Any, known: dict[Node, Any], depth: int) -> Any:
    """Return where nothing but 0 can come out of `node`."""
    if depth == 0 or node.primitive is None:
        return _NOWHERE
    if node not in known:
        known[node] = _of_operation(node, known, depth)
    return known[node]


def _of_operation(node: Node, known: dict[Node, Any], depth: int) -> Any:
    assert node.primitive is not None
    name = node.primitive.name
    if name in _OF_ONE:
        return _operand(node, 0, known, depth - 1)
    if name not in _OF_SEVERAL and node.primitive.kind != "multilinear":
        return _NOWHERE
    closed = [_operand(node, i, known, depth - 1) for i in range(len(node.inputs))]
    if name in _OF_SEVERAL:
        return _OF_SEVERAL[name](*closed)
    # their coefficients are not negative, so what is open adds up to more than 0; an index leaves places out
    opened = [np.where(np.broadcast_to(c, i.shape), 0.0, 1.0) for c, i in zip(closed, node.inputs, strict=True)]
    return computed(node.primitive, opened, node.params) == 0


_OF_ONE = {"neg", "div"}
_OF_SEVERAL: dict[str, Callable[..., Any]] = {
    "mul": lambda a, b: a | b,
    "add": lambda a, b: a & b,
    "sub": lambda a, b: a & b,
    "where": lambda c, a, b: np.where(c, b, a),  # a condition that is 0 chooses b
}


def _operand(node: Node, i: int, known: dict[Node, Any], depth: int) -> Any:
    x = node.inputs[i]
    if not isinstance(x, Node):
        return np.asarray(x == 0)
    if x.tracked:
        return _closed(x, known, depth)
    if x.primitive is None and x.saved:  # what flows in a careful sweep, and is constant, or is traced: its value
        return asarray(x.saved[0] == 0)
    value = node.saved[i + 1] if node.saved else None
    return _NOWHERE if value is None else asarray(value == 0)
