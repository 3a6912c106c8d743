"""Arrays read row by row: sums and maxima of many short rows, and the arithmetic of the softmax of each.

NumPy starts its loop anew for every row, which takes longer than the maximum of a few numbers. The kernels are those of
fused forms: forward -> (value, residuals), adjoint -> cotangents; `functions.composed` states the compositions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import BLOCK, ones_of, row_major, total
from tensorgrad.base.watched import is_watched

LEAN = 2
"""How many times as many rows as columns make it worth while to turn them."""


def row_sums(x: Array) -> Array:
    """Return the sums of the last axis, kept, of floats: products with ones where rows are short, as `total` has them.

    >>> row_sums(np.ones((2, 3)))
    array([[3.],
           [3.]])
    """
    n = x.shape[-1]
    if n > BLOCK:
        return total(x, axis=-1, keepdims=True)
    sums: Array = (row_major(x).reshape(-1, n) @ ones_of(n, x.dtype)).reshape(*x.shape[:-1], 1)
    return sums


def row_maxima(x: Array) -> Array:
    """Return the maxima of the last axis, kept: many short rows are turned first, and compared all at once.

    >>> row_maxima(np.arange(6.0).reshape(2, 3))
    array([[2.],
           [5.]])
    """
    n = x.shape[-1]
    if is_watched(x) or x.size < LEAN * n * n:
        return row_major(np.max(x, axis=-1, keepdims=True))
    maxima: Array = np.maximum.reduce(np.ascontiguousarray(x.reshape(-1, n).T), axis=0).reshape(*x.shape[:-1], 1)
    return maxima


def _exponentials(x: Array, axis: int, *, hidden: bool = False) -> tuple[Array, Array, Array]:
    """Return ``x - max(x)`` over `axis`, row-major, its exponentials, and their sums, kept.

    With `hidden`, what is minus infinity throughout has zeros as exponentials, and not NaN.
    """
    x = row_major(x)
    highest = row_maxima(x) if axis == x.ndim - 1 else np.max(x, axis=axis, keepdims=True)
    shifted = x - (np.where(highest == -np.inf, 0, highest) if hidden else highest)
    e = np.exp(shifted)
    return shifted, e, _sums(e, axis)


def _sums(x: Array, axis: int) -> Array:
    return row_sums(x) if axis == x.ndim - 1 else total(x, axis=axis, keepdims=True)


def softmax(x: Array, *, axis: int) -> tuple[Array, tuple[Any, ...]]:
    """Return ``exp(x) / sum(exp(x))`` over `axis`, which is not negative, and what the adjoint reads."""
    _, e, sums = _exponentials(x, axis)
    e /= sums
    return e, (e, axis)


def shares(x: Array) -> tuple[Array, tuple[Any, ...]]:
    """Return what `softmax` does over the last axis, but zeros in rows of nothing but minus infinity."""
    _, e, sums = _exponentials(x, x.ndim - 1, hidden=True)
    e /= np.where(sums == 0, 1, sums)
    return e, (e, x.ndim - 1)


def softmax_adjoint(g: Array, residuals: tuple[Any, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangent of `x`: ``y * (g - sum(g * y))``."""
    y, axis = residuals
    dx = g * y
    dx -= y * _sums(dx, axis)
    return (dx,)


def log_softmax(x: Array, *, axis: int) -> tuple[Array, tuple[Any, ...]]:
    """Return ``x - log(sum(exp(x)))`` over `axis`, which is not negative, and the softmax as a fraction."""
    y, e, sums = _exponentials(x, axis)
    y -= np.log(sums)
    return y, (e, sums, axis)


def log_softmax_adjoint(g: Array, residuals: tuple[Any, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangent of `x`: ``g - softmax(x) * sum(g)``."""
    e, sums, axis = residuals
    dx = e * (_sums(g, axis) / sums)
    return (np.subtract(g, dx, out=dx),)
