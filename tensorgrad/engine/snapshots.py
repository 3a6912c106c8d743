"""What a picture of the graph is recorded from, in a file of its own: copies, which later writes do not reach."""

from __future__ import annotations

from typing import Any

import numpy as np

from .shared_memory import plain
from .tensor import Node, Tensor, node_of


def traced(x: Tensor) -> Node:
    """Return the node of an operand for a picture: leaves keep a copy, and what was written unrecorded is a new one."""
    node = node_of(x)
    # NaN that is still there was not written
    if node.saved and not x.tracked and not np.array_equal(node.saved[0], x.array, equal_nan=True):
        x.node = None
        node = node_of(x)
    if node.primitive is None and not node.saved:
        node.saved = (copied(x.array),)
    return node


def copied(value: Any) -> Any:
    """Return a copy of an array in the same memory order; what is repeated stays repeated."""
    if not isinstance(value, np.ndarray):
        return value
    once = value[tuple([slice(0, 1) if stride == 0 else slice(None) for stride in value.strides])]
    copy = np.copy(plain(once), order="K")
    return copy if copy.shape == value.shape else np.broadcast_to(copy, value.shape)
