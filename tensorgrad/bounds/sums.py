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

from .interval import UNIT, Interval, between, moved, outward, point, real, rounded, whole
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
        low = forward(x.low, **params)
        high = low if x.is_point else forward(x.high, **params)
        if (most := terms(x.shape, low, params)) <= 1 or x.low.dtype.kind in "iu":
            return between(low, high)
        if x.low.dtype.kind == "b":
            return enclosed(real(x), **params)
        sizes = np.abs(x.low) if x.is_point else np.maximum(-x.low, x.high)  # of the one that is farther from 0
        return around(low, high, _part(most) * forward(sizes, **params))

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
    (m, sizes, r), (k, others, s) = _middle_and_radius(real(a)), _middle_and_radius(real(b))
    n = a.shape[-1]
    found = np.matmul(m, k)
    part = _part(n + 2.0)  # of ``sizes @ others``, which goes into one of the products
    if s is None:
        e = np.matmul(part * sizes if r is None else part * sizes + r, others)
    else:
        e = np.matmul(sizes, part * others + s)
        if r is not None:
            e += np.matmul(r, others + s)
    e *= 1 + 4 * (n + 8) * UNIT
    return around(found, found, e)


def around(low: Array, high: Array, error: Array) -> Interval:
    """Return the interval from `error` below the one to as far above the other, rounded outward."""
    ends = np.empty((2, *np.shape(low)))
    np.subtract(low, error, out=ends[0, ...])
    np.add(high, error, out=ends[1, ...])
    return rounded(ends)


def _middle_and_radius(x: Interval) -> tuple[Array, Array, Array | None]:
    """Return numbers near `x`, their sizes, and how far its ends are from them, rounded up; None for no distance.

    None of them is so small that a product of two would have no place.
    """
    m = x.middle if x.is_point or not x.is_bounded else (x.low + x.high) * 0.5
    sizes, exact = np.abs(m), x.is_point
    if sizes.size and not sizes.min() >= _NO_SMALLER and (tiny := (sizes < _NO_SMALLER) & (sizes > 0)).any():
        m, sizes, exact = np.where(tiny, 0.0, m), np.where(tiny, 0.0, sizes), False
    if exact:
        return m, sizes, None
    r = np.maximum(m - x.low, x.high - m)
    r *= 1 + 4 * UNIT
    if r.size and not r.min() >= _NO_SMALLER:
        r = np.where(r > 0, np.maximum(r, _NO_SMALLER), r)
    return m, sizes, r


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
