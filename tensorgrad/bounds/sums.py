"""What sums of intervals are, and products that sum over an axis.

The sum of n doubles that NumPy gives, in whatever order it adds them, errs by at most ``n u / (1 - n u)`` times the sum
of their sizes; so does a product of rows and columns (Higham 2002, section 4.2). A product of matrices of intervals is
that of their middles, and of their middles and radii as sizes (Rump 1999, "Fast and parallel interval arithmetic").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .interval import UNIT, Interval, each_end, moved, outward, point, real, rounded, whole
from .powers import add, div

Linear = Callable[..., Array]


def moving(forward: Linear) -> Callable[..., Interval]:
    """Return the enclosure of what moves elements, or repeats them: the bounds go with them."""
    return lambda x, **params: moved(lambda v: forward(v, **params), x)


def adding(forward: Linear, terms: Callable[..., float]) -> Callable[..., Interval]:
    """Return the enclosure of what adds elements up, each once: no factor but 1.

    Args:
        terms: how many an element of a result is the sum of, of the argument's shape, a result and the parameters.
    """

    def enclosed(x: Interval, **params: Any) -> Interval:
        found = each_end(lambda v: forward(v, **params), x)
        if (most := terms(x.shape, found.low, params)) <= 1:
            return found
        if x.low.dtype.kind != "f":
            return enclosed(real(x), **params) if x.low.dtype.kind == "b" else found
        below = _part(most) * forward(np.abs(x.low), **params)
        above = below if x.is_point else _part(most) * forward(np.abs(x.high), **params)
        return outward(found.low - below, found.high + above)

    return enclosed


def evenly(shape: tuple[int, ...], result: Array, params: Mapping[str, Any]) -> float:
    """Return how many elements of `shape` go to each one of `result`."""
    return math.prod(shape) / max(np.size(result), 1)


def counted(forward: Linear) -> Callable[..., float]:
    """Return the `terms` of what `forward` adds up: what it gives of ones."""
    return lambda shape, result, params: float(forward(np.ones(shape), **params).max(initial=0.0))


def _part(terms: float) -> float:
    """Return what part of the sum of the sizes, as computed, the sum of so many `terms` may err by."""
    return 1.1 * terms * UNIT if terms * UNIT <= 0.01 else np.inf


def averaging(total: Callable[..., Interval], count: Callable[..., int]) -> Callable[..., Interval]:
    """Return the enclosure of a mean: the sum, divided by how many there are."""

    def enclosed(x: Interval, **params: Any) -> Interval:
        n = count(x.shape, params.get("axis"))
        if not n:
            return whole(total(x, **params).shape)
        return div(total(real(x), **params), point(float(n)))

    return enclosed


def matmul(a: Interval, b: Interval) -> Interval:
    """Return the product of matrices ``a @ b``."""
    (m, r), (k, s) = _middle_and_radius(real(a)), _middle_and_radius(real(b))
    n = a.shape[-1]
    found, sizes, others = np.matmul(m, k), np.abs(m), np.abs(k)
    part = _part(n + 2.0)  # of ``sizes @ others``, which goes into one of the products
    if s is None:
        e = np.matmul(part * sizes if r is None else part * sizes + r, others)
    else:
        e = np.matmul(sizes, part * others + s)
        if r is not None:
            e += np.matmul(r, others + s)
    e *= 1 + 4 * (n + 8) * UNIT
    return rounded(np.array((found - e, found + e)))


def _middle_and_radius(x: Interval) -> tuple[Array, Array | None]:
    """Return numbers near `x`, and how far its ends are from them, rounded up; None for no distance.

    Neither is so small that a product of two would have no place.
    """
    m = x.middle
    tiny = (np.abs(m) < _NO_SMALLER) & (m != 0)
    if tiny.any():
        m = np.where(tiny, 0.0, m)
    elif x.is_point:
        return m, None
    r = np.maximum(m - x.low, x.high - m) * (1 + 4 * UNIT)
    return m, np.where(r > 0, np.maximum(r, _NO_SMALLER), r)


_NO_SMALLER = 2.0**-500


def linear(a: Interval, b: Interval) -> Interval:
    """Return ``a @ b.T``, of vectors a, too."""
    return matmul(a, moved(np.transpose, b))


def affine(a: Interval, b: Interval, c: Interval) -> Interval:
    """Return ``a @ b.T + c``."""
    return add(linear(a, b), c)


def cumsum(forward: Linear) -> Callable[..., Interval]:
    """Return the enclosure of running sums."""

    def enclosed(x: Interval, *, axis: int, reverse: bool) -> Interval:
        x = real(x)
        n = float(x.shape[axis])
        ends = [forward(v, axis=axis, reverse=reverse) for v in (x.low, x.high)]
        errors = [_part(n) * forward(np.abs(v), axis=axis, reverse=reverse) for v in (x.low, x.high)]
        return outward(ends[0] - errors[0], ends[1] + errors[1])

    return enclosed
