"""What sums of intervals are, and products that sum over an axis.

The sum of n doubles that NumPy gives, in whatever order it adds them, errs by at most ``n u / (1 - n u)`` times the sum
of their sizes; so does a product of rows and columns (Higham 2002, section 4.2). A product of matrices of intervals is
that of their middles, and of their middles and radii as sizes (Rump 1999, "Fast and parallel interval arithmetic").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .interval import UNIT, Interval, each_end, outward, point, real, whole
from .powers import add, cut, div

Linear = Callable[..., Array]


def adding(forward: Linear) -> Callable[..., Interval]:
    """Return the enclosure of what moves elements, repeats them or adds them up, each once: no factor but 1.

    How many an element of the result is the sum of is what it gives of ones.
    """

    def enclosed(x: Interval, **params: Any) -> Interval:
        if x.low.dtype.kind == "b" and forward(np.ones(x.shape), **params).max(initial=0) > 1:
            x = real(x)
        found = each_end(lambda v: forward(v, **params), x)
        if x.low.dtype.kind != "f":
            return found
        most = float(forward(np.ones(x.shape), **params).max(initial=0.0))
        if most <= 1:
            return found
        with np.errstate(all="ignore"):
            below = _error(forward(np.abs(x.low), **params), most)
            above = below if x.is_point else _error(forward(np.abs(x.high), **params), most)
            return outward(found.low - below, found.high + above)

    return enclosed


def _error(sizes: Array, terms: float) -> Array:
    """Return what the sum of so many `terms` may err by, of which `sizes` is the sum of the sizes, as computed."""
    if terms * UNIT > 0.01:
        return np.full(np.shape(sizes), np.inf)
    return 1.1 * terms * UNIT * sizes


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
    with np.errstate(all="ignore"):
        found, sizes, others = np.matmul(m, k), np.abs(m), np.abs(k)
        e = _error(np.matmul(sizes, others), n + 2.0)
        if s is not None:
            e += np.matmul(sizes, s) * (1 + 4 * (n + 4) * UNIT)
        if r is not None:
            e += np.matmul(r, others if s is None else others + s) * (1 + 4 * (n + 4) * UNIT)
        e *= 1 + 8 * UNIT
        return cut(outward(found - e, found + e), ~np.isfinite(e))


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
    with np.errstate(all="ignore"):
        r = np.maximum(m - x.low, x.high - m) * (1 + 4 * UNIT)
        return m, np.where(r > 0, np.maximum(r, _NO_SMALLER), r)


_NO_SMALLER = 2.0**-500


def linear(a: Interval, b: Interval) -> Interval:
    """Return ``a @ b.T``, of vectors a, too."""
    return matmul(a, each_end(np.transpose, b))


def affine(a: Interval, b: Interval, c: Interval) -> Interval:
    """Return ``a @ b.T + c``."""
    return add(linear(a, b), c)


def cumsum(forward: Linear) -> Callable[..., Interval]:
    """Return the enclosure of running sums."""

    def enclosed(x: Interval, *, axis: int, reverse: bool) -> Interval:
        x = real(x)
        n = float(x.shape[axis])
        with np.errstate(all="ignore"):
            ends = [forward(v, axis=axis, reverse=reverse) for v in (x.low, x.high)]
            errors = [_error(forward(np.abs(v), axis=axis, reverse=reverse), n) for v in (x.low, x.high)]
            return outward(ends[0] - errors[0], ends[1] + errors[1])

    return enclosed
