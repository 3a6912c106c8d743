"""What sums, products, quotients and powers of intervals are: for every element, all that the operation can give.

An operation of the same value twice, as ``x * x``, is one of one number: operands that are the same object.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .interval import SMALL, Interval, between, each_end, outward, point, real, united, within

FUNCTION_PLACES = 8.0
"""How many units in the last place the elementary functions of NumPy may err by here; it is said to be 4."""


def add(a: Interval, b: Interval) -> Interval:
    """Return ``a + b``."""
    a, b = real(a), real(b)
    with np.errstate(all="ignore"):
        low = a.low + b.low
        return outward(low, low if a.is_point and b.is_point else a.high + b.high)


def negative(x: Interval) -> Interval:
    """Return ``-x``."""
    x = real(x)
    low = -x.high
    return between(low, low if x.is_point else -x.low)


def sub(a: Interval, b: Interval) -> Interval:
    """Return ``a - b``."""
    if a is b:
        return point(np.zeros(a.shape))
    return add(a, negative(b))


def mul(a: Interval, b: Interval) -> Interval:
    """Return ``a * b``."""
    if a is b:
        return square(a)
    a, b = real(a), real(b)
    with np.errstate(all="ignore"):
        pairs = _corners(a, b)
        ends = [x * y for x, y in pairs]
        low, high = _extremes(ends)
        if not np.isfinite(low + high).all():  # 0 times no bound is 0: the numbers inside are finite
            ends = [np.where((x == 0) | (y == 0), 0.0, end) for (x, y), end in zip(pairs, ends, strict=True)]
            low, high = _extremes(ends)
        return outward(low, high, exact=lambda: _unless(ends, [(x != 0) & (y != 0) for x, y in pairs]))


def _corners(a: Interval, b: Interval) -> list[tuple[Array, Array]]:
    """Return the pairs of ends of two intervals, each once."""
    if a.is_point and b.is_point:
        return [(a.low, b.low)]
    if a.is_point or b.is_point:
        return [(a.low, b.low), (a.high, b.high)]
    return [(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]


def _unless(ends: list[Array], rounded: list[Array]) -> tuple[Array, Array]:
    """Return where the extremes of `ends` are exact: where none that may have been `rounded` is small."""
    small = np.logical_or.reduce([r & (np.abs(y) < SMALL) for y, r in zip(ends, rounded, strict=True)])
    return ~small, ~small


def _extremes(ends: list[Array]) -> tuple[Array, Array]:
    if len(ends) == 1:
        return ends[0], ends[0]
    low, high = np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[1])
    for end in ends[2:]:
        low = np.minimum(low, end, out=low if low.ndim else None)
        high = np.maximum(high, end, out=high if high.ndim else None)
    return low, high


def size(x: Interval) -> Interval:
    """Return ``|x|``."""
    x = real(x)
    if x.is_point:
        return each_end(np.abs, x)
    turned = -x.high
    return between(np.maximum(np.maximum(x.low, turned), 0.0), -np.minimum(x.low, turned))


def square(x: Interval) -> Interval:
    """Return ``x * x``, which is not below 0."""
    x = size(x)
    with np.errstate(all="ignore"):
        low = x.low * x.low
        high = low if x.is_point else x.high * x.high
        return within(outward(low, high, exact=lambda: (x.low == 0, x.high == 0)), 0.0)


def div(a: Interval, b: Interval) -> Interval:
    """Return ``a / b``: the whole line where b may be 0."""
    a, b = real(a), real(b)
    if a.is_point and (a.low == 1).all():
        found = inverse(b)
        return found if found.shape == np.broadcast_shapes(a.shape, b.shape) else add(mul(a, found), point(0.0))
    with np.errstate(all="ignore"):
        pairs = _corners(a, b)
        ends = [x / y for x, y in pairs]
        low, high = _extremes(ends)
        if not np.isfinite(low).all() or not np.isfinite(high).all():
            # no bound over no bound: a number over a number, which is anything of its sign
            low, high = (
                np.where(np.isnan(low) | np.isnan(high), end, v) for v, end in ((low, -np.inf), (high, np.inf))
            )
        found = outward(low, high, exact=lambda: _unless(ends, [(x != 0) & np.isfinite(y) for x, y in pairs]))
    return cut(found, holds_zero(b))


def inverse(b: Interval) -> Interval:
    """Return ``1 / b``: the whole line where b may be 0."""
    b = real(b)
    with np.errstate(all="ignore"):
        low = 1.0 / b.high
        high = low if b.is_point else 1.0 / b.low
        found = outward(low, high, exact=lambda: (np.isinf(b.high), np.isinf(b.low)))
    return cut(found, holds_zero(b))


def cut(x: Interval, gone: Array) -> Interval:
    """Return `x`, the whole line where it is `gone`."""
    if not gone.any():
        return x
    return between(np.where(gone, -np.inf, x.low), np.where(gone, np.inf, x.high))


def root(x: Interval) -> Interval:
    """Return the square root of what of `x` has one."""
    x = within(real(x), 0.0)
    low = np.sqrt(x.low)
    return within(outward(low, low if x.is_point else np.sqrt(x.high)), 0.0)


def power(a: Interval, b: Interval) -> Interval:
    """Return ``a ** b``: of any a where b is one whole number, of positive ones else."""
    a, b = real(a), real(b)
    if b.is_point and (b.low == 2).all():
        found = square(a)
        return found if found.shape == np.broadcast_shapes(a.shape, b.shape) else add(found, mul(b, point(0.0)))
    n = b.low
    odd = np.remainder(n, 2) == 1
    exact = (n == np.floor(n)) & (b.low == b.high)
    positive = _of_positive(a, b)
    if not exact.any() or not (a.low <= 0).any():
        return cut(positive, np.broadcast_to(a.low < 0, positive.shape) | ((a.low <= 0) & (b.low <= 0)))
    even = _of_positive(size(a), b)
    left, right = _of_positive(negative(a), b), positive
    turned = negative(left)
    both = between(
        np.where(a.low < 0, np.where(n > 0, turned.low, -np.inf), right.low),
        np.where(a.high > 0, right.high, np.where(n > 0, -left.low, np.inf)),
    )
    below = a.high < 0
    both = between(np.where(below, turned.low, both.low), np.where(below, turned.high, both.high))
    found = between(np.where(odd, both.low, even.low), np.where(odd, both.high, even.high))
    pole = (n < 0) & holds_zero(a)
    zeroth = exact & (n == 0)
    found = between(np.where(zeroth, 1.0, found.low), np.where(zeroth, 1.0, found.high))
    return cut(found, pole | (~exact & (a.low < 0)) | (~exact & (a.low <= 0) & (b.low <= 0)))


def _of_positive(a: Interval, b: Interval) -> Interval:
    """Return ``a ** b`` of what of `a` is not negative: monotone in each, so that corners are the extremes."""
    a = within(a, 0.0)
    with np.errstate(all="ignore"):
        low, high = _extremes([x**y for x, y in _corners(a, b)])
    return within(outward(low, high, FUNCTION_PLACES, lambda: (a.low == 0, a.high == 0)), 0.0)


def even_power(x: Interval, *, p: float = 3.0) -> Interval:
    """Return ``|x| ** p``."""
    found = _of_positive(size(x), point(float(p)))
    return cut(found, holds_zero(x)) if p < 0 else found


def odd_power(x: Interval, *, p: float = 3.0) -> Interval:
    """Return ``sign(x) * |x| ** p``, 0 at 0."""
    x = real(x)
    right, left = _of_positive(x, point(float(p))), _of_positive(negative(x), point(float(p)))
    if p > 0:
        return between(
            np.where(x.low < 0, -left.high, right.low),
            np.where(x.high > 0, right.high, -left.low),
        )
    zero = (x.low == 0) & (x.high == 0)
    below = x.high < 0
    found = between(np.where(below, -left.high, right.low), np.where(below, -left.low, right.high))
    found = between(np.where(zero, 0.0, found.low), np.where(zero, 0.0, found.high))
    return cut(found, holds_zero(x) & ~zero)


def holds_zero(x: Interval) -> Array:
    """Return whether 0 lies inside: an array of booleans."""
    x = real(x)
    found: Array = (x.low <= 0) & (x.high >= 0)
    return found


def hypot(a: Interval, b: Interval) -> Interval:
    """Return ``sqrt(a * a + b * b)``."""
    a, b = size(a), size(b)
    low = np.hypot(a.low, b.low)
    with np.errstate(all="ignore"):
        high = low if a.is_point and b.is_point else np.hypot(a.high, b.high)
    return within(outward(low, high, FUNCTION_PLACES, lambda: (low == 0, high == 0)), 0.0)


def direction(a: Interval, b: Interval) -> Interval:
    """Return ``a / b``, 0 where b is 0."""
    found = div(a, b)
    zero = np.broadcast_to((real(b).low == 0) & (real(b).high == 0), found.shape)
    if not zero.any():
        return found
    return between(np.where(zero, 0.0, found.low), np.where(zero, 0.0, found.high))


def floor_div(a: Interval, b: Interval) -> Interval:
    """Return ``floor(a / b)``."""
    return each_end(np.floor, div(a, b))


def remainder(a: Interval, b: Interval) -> Interval:
    """Return ``a - floor(a / b) * b``, which lies between 0 and b."""
    return _rest(a, b, np.floor, united(point(np.zeros(b.shape)), real(b)))


def fmod(a: Interval, b: Interval) -> Interval:
    """Return ``a - trunc(a / b) * b``, smaller than b."""
    return _rest(a, b, np.trunc, united(negative(size(b)), size(b)))


def _rest(a: Interval, b: Interval, cut: Any, most: Interval) -> Interval:
    quotient = div(a, b)
    n = cut(quotient.low)
    sure = (n == cut(quotient.high)) & np.isfinite(n)
    n = np.where(sure, n, 0.0)
    found = sub(a, mul(point(n), b))
    return between(np.where(sure, found.low, most.low), np.where(sure, found.high, most.high))
