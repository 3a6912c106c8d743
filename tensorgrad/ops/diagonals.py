"""The diagonal of the last two axes, and its adjoint: zeros with a given diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import room
from tensorgrad.base.watched import call_watched, is_watched
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.kinds import multilinear


@multilinear(
    lambda g, x_shape, offset: embedded(g, offset=offset, shape=x_shape[-2:]),
    symbol="diag",
    hides="any",
    samples="diagonal",
    batch=leading,
)
def diagonal(x: Any, *, offset: Any = 0) -> Any:
    """Return a view of the elements (..., i, i + offset) of `x`."""
    return call_watched(_diagonal, x, offset) if is_watched(x) else _diagonal(x, offset)


def _diagonal(x: Array, offset: int) -> Array:
    y = np.diagonal(x, offset, -2, -1)
    if x.flags.writeable:
        y.flags.writeable = True  # NumPy protects what has been writable memory of `x` all along
    return y


@multilinear(lambda g, offset: diagonal(g, offset=offset), symbol="diagᵀ", samples="embedded", batch=leading)
def embedded(x: Any, *, offset: Any, shape: Any) -> Any:
    """Return matrices of `shape` that have `x` on the diagonal `offset` and zeros elsewhere."""
    y = room(np.zeros, (*x.shape[:-1], *shape), x.dtype, x)
    rows = np.arange(x.shape[-1]) - min(offset, 0)
    y[..., rows, rows + offset] = x
    return y
