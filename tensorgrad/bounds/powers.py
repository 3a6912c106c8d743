"""What sums, products, quotients and powers of intervals are: for every element, all that the operation can give.

An operation of the same value twice, as ``x * x``, is one of one number: operands that are the same object.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .interval import (
    SMALL,
    Interval,
    aligned,
    between,
    bounded,
    each_end,
    held,
    point,
    real,
    rounded,
    spanned,
    spread,
    united,
    widened,
    within,
)

FUNCTION_PLACES = 8.0
"""How many units in the last place the elementary functions of NumPy may err by here; it is said to be 4."""


def add(a: Interval, b: Interval) -> Interval:
    """Return ``a + b``."""
    x, y = aligned(real(a), real(b))
    return rounded(x + y)


def negative(x: Interval) -> Interval:
    """Return ``-x``."""
    x = real(x)
    return held(-x.ends[::-1], finite=x._bounded or None)


def sub(a: Interval, b: Interval) -> Interval:
    """Return ``a - b``."""
    if a is b:
        return point(np.zeros(a.shape))
    x, y = aligned(real(a), real(b))
    return rounded(x - y[::-1])


def mul(a: Interval, b: Interval) -> Interval:
    """Return ``a * b``."""
    if a is b:
        return square(a)
    a, b = real(a), real(b)
    for x, y in ((a, b), (b, a)):
        if (factor := _one_number(x)) is not None:
            return spread(_times(y, factor), _common(a, b))
    pairs = _at_corners(np.multiply, a, b)
    far = widened(_extremes(pairs), exact=lambda: _places_kept(pairs, _at_corners(_any_zero, a, b)))
    if bounded(far):
        return held(far, finite=True)
    zero = _at_corners(_any_zero, a, b)
    pairs = np.where(zero, 0.0, pairs)  # 0 times no bound is 0: the numbers inside are finite
    return rounded(_extremes(pairs), exact=lambda: _places_kept(pairs, zero))


def _common(a: Interval, b: Interval) -> tuple[int, ...]:
    """Return the shape in which both meet."""
    return a.shape if a.shape == b.shape else np.broadcast_shapes(a.shape, b.shape)


def _any_zero(x: Array, y: Array) -> Array:
    found: Array = (x == 0) | (y == 0)
    return found


def _one_number(x: Interval) -> float | None:
    """Return the number that all elements of `x` are, where it is seen at once that they are."""
    low = x.low
    alike = x.is_point and low.size and (low.size == 1 or not any(low.strides))
    return float(low.flat[0]) if alike else None


def _times(x: Interval, factor: float) -> Interval:
    """Return `x` times one number: powers of two from 1 on round nothing."""
    if not factor:
        return point(np.zeros(x.shape))
    ends = x.ends if factor > 0 else x.ends[::-1]
    made = ends * factor
    if abs(factor) >= 1 and abs(math.frexp(factor)[0]) == 0.5:
        return spanned(made)
    return rounded(made, exact=lambda: ends == 0)


def _at_corners(function: Callable[[Array, Array], Array], a: Interval, b: Interval) -> Array:
    """Return what `function` gives of each pair of ends, along a first axis: one, two or four."""
    x, y = aligned(a, b)
    if len(x) == 1 or len(y) == 1:
        return function(x, y)
    found = function(x[:, None], y)
    return found.reshape(4, *found.shape[2:])


def _extremes(pairs: Array) -> Array:
    """Return the least and the largest of the rows, or the only one."""
    if len(pairs) == 1:
        return pairs
    found = np.empty((2, *pairs.shape[1:]))
    if len(pairs) == 2:
        np.minimum(pairs[0], pairs[1], out=found[0, ...])
        np.maximum(pairs[0], pairs[1], out=found[1, ...])
    else:
        np.minimum.reduce(pairs, axis=0, out=found[0, ...])
        np.maximum.reduce(pairs, axis=0, out=found[1, ...])
    return found


def _places_kept(pairs: Array, exact: Array) -> Array:
    """Return whether no pair of ends is so small that it has lost places, along a first axis of length 1."""
    kept: Array = np.logical_and.reduce((np.abs(pairs) >= SMALL) | exact, axis=0, keepdims=True)
    return kept


def size(x: Interval) -> Interval:
    """Return ``|x|``."""
    ends = real(x).ends
    if len(ends) == 1:
        return held(np.abs(ends))
    found = np.maximum(ends, -ends[::-1])
    np.maximum(found[0], 0.0, out=found[0, ...])
    return held(found)


def square(x: Interval) -> Interval:
    """Return ``x * x``, which is not below 0."""
    ends = size(x).ends
    return within(rounded(ends * ends, exact=lambda: ends == 0), 0.0)


def div(a: Interval, b: Interval) -> Interval:
    """Return ``a / b``: the whole line where b may be 0."""
    a, b = real(a), real(b)
    if number := _one_number(b):
        ends = a.ends if number > 0 else a.ends[::-1]
        return spread(rounded(ends / number, exact=lambda: ends == 0), _common(a, b))
    if _one_number(a) == 1:
        return spread(inverse(b), _common(a, b))
    pairs = _at_corners(np.divide, a, b)
    ends = _extremes(pairs)
    if not bounded(ends):  # no bound over no bound: a number over a number, which is anything of its sign
        ends = np.array([np.where(np.isnan(ends[i]), end, ends[i]) for i, end in ((0, -np.inf), (-1, np.inf))])
    found = rounded(ends, exact=lambda: _places_kept(pairs, _at_corners(_zero_or_endless, a, b)))
    return cut(found, holds_zero(b))


def _zero_or_endless(x: Array, y: Array) -> Array:
    found: Array = (x == 0) | np.isinf(y)
    return found


def inverse(b: Interval) -> Interval:
    """Return ``1 / b``: the whole line where b may be 0."""
    ends = real(b).ends[::-1]
    found = rounded(1.0 / ends, exact=lambda: np.isinf(ends))
    return cut(found, holds_zero(b))


def cut(x: Interval, gone: Array) -> Interval:
    """Return `x`, the whole line where it is `gone`."""
    if not gone.any():
        return x
    return between(np.where(gone, -np.inf, x.low), np.where(gone, np.inf, x.high))


def root(x: Interval) -> Interval:
    """Return the square root of what of `x` has one."""
    return within(rounded(np.sqrt(within(real(x), 0.0).ends)), 0.0)


def power(a: Interval, b: Interval) -> Interval:
    """Return ``a ** b``: of any a where b is one whole number, of positive ones else."""
    a, b = real(a), real(b)
    if _one_number(b) == 2:
        return spread(square(a), _common(a, b))
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
    made = _extremes(_at_corners(np.power, a, b))
    return within(rounded(made, FUNCTION_PLACES, lambda: (made == 0) & (aligned(a, b)[0][-1:] == 0)), 0.0)


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
    x, y = aligned(a, b)
    made = np.hypot(x, y)
    return within(rounded(made, FUNCTION_PLACES, lambda: made == 0), 0.0)


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
