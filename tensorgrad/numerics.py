"""Sums and means that are right in float32 and float16, and fast.

NumPy adds the rows of a tall float32 array one after the other: the mean of a million rows of 0.1 comes out as
0.100958. Here tall axes are added in blocks, half precision is accumulated in single, and the commonest case of
training, the sum over a batch of rows, is a product with a vector of ones, which BLAS does in half the time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array

_reduce: Callable[..., Array] = np.add.reduce  # NumPy's stubs do not know that both axis and keepdims may vary
BLOCK = 512  # rows added naively before the partial sums are added: the error grows with this, not with the height


def normalized(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Return `axis` as a tuple of distinct non-negative axes; NumPy's AxisError (an IndexError) otherwise.

    >>> normalized(-1, 3), normalized(None, 2)
    ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    if ndim == 0 and all(a in (0, -1) for a in axes):
        return ()  # PyTorch: a 0-d tensor may be reduced over its imaginary axis
    result = tuple(int(a) + ndim if a < 0 else int(a) for a in axes)
    for a, given in zip(result, axes, strict=True):
        if not 0 <= a < ndim:
            raise np.exceptions.AxisError(int(given), ndim)
    if len(set(result)) != len(result):
        raise ValueError(f"axis {axis} names an axis twice")
    return result


@lru_cache(maxsize=256)
def _ones(n: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def total(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """Return the sum of `x` over `axis`, in its own dtype for floats.

    >>> float(total(np.full((1_000_000, 1), 0.1, np.float32), 0)[0]) / 1e6  # doctest: +ELLIPSIS
    0.1000...
    """
    if type(x) is not np.ndarray or x.dtype.kind != "f":
        return np.sum(x, axis=axis, keepdims=keepdims)
    if x.dtype.itemsize == 2:
        return total(x.astype(np.float32), axis, keepdims).astype(x.dtype)
    if x.ndim < 2:
        return _reduce(x, axis=axis, keepdims=keepdims)
    if x.ndim == 2 and axis in (0, (0,)) and x.shape[0] <= BLOCK:
        row = _ones(x.shape[0], x.dtype) @ x
        return row[None] if keepdims else row
    for a in normalized(axis, x.ndim):
        if a != x.ndim - 1 and x.shape[a] > BLOCK:
            x = _folded(x, a)
    return _reduce(x, axis=axis, keepdims=keepdims)


def _folded(x: Array, axis: int) -> Array:
    """Add blocks of `axis` until at most BLOCK sums are left."""
    while (n := x.shape[axis]) > BLOCK:
        parts = np.add.reduceat(x, range(0, n, BLOCK), axis=axis)
        x = parts
    return x


def average(x: Array, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """Return the mean of `x` over `axis`; half precision is summed and divided in single, where it cannot overflow."""
    if x.dtype.kind == "f" and x.dtype.itemsize == 2:
        return average(x.astype(np.float32), axis, keepdims).astype(x.dtype)
    y = total(x, axis, keepdims)
    if not y.size:
        return y
    n = x.size // y.size
    return y / n if n else np.full_like(y, np.nan)  # as PyTorch: the mean of nothing is NaN
