"""Assignment to a part of an array, as a function: what an in-place write does to the history of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.kinds import primitive
from tensorgrad.ops.shapes import broadcast_to, getitem, scatter


def region(shape: Any, index: Any) -> Any:
    """Return the shape of ``x[index]`` for `x` of `shape`."""
    return np.broadcast_to(np.empty(()), shape)[index].shape


@primitive(
    (lambda g, index: assign(g, 0.0, index=index), lambda g, index: getitem(g, index=index)),
    (
        lambda t, index: assign(t, 0.0, index=index),
        lambda t, y_shape, index: scatter(broadcast_to(t, shape=region(y_shape, index)), index=index, shape=y_shape),
    ),
    symbol="[ ]=",
    hides="any",
    samples="assign",
)
def assign(a: Any, b: Any, *, index: Any) -> Any:
    """Return a copy of `a` with `b`, broadcast, at `index`, which names no element twice."""
    y = np.array(a) if isinstance(a, np.generic) else a.copy()  # NumPy answers 0-d arithmetic with a scalar
    y[index] = b
    return y
