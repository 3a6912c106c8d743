"""What a picture of the graph is recorded from, in a file of its own: copies, which later writes do not reach."""

from __future__ import annotations

from typing import Any

import numpy as np


def copied(value: Any) -> Any:
    """Return a copy of a plain array in the same memory order; what is repeated stays repeated."""
    if not isinstance(value, np.ndarray):
        return value
    if 0 not in value.strides:
        return np.array(value, order="K")
    once = value[tuple([slice(0, 1) if stride == 0 else slice(None) for stride in value.strides])]
    copy = np.copy(once, order="K")
    return copy if copy.shape == value.shape else np.broadcast_to(copy, value.shape)
