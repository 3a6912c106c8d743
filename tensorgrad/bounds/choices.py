"""What comparisons and choices of intervals are. An interval of booleans goes from what is certain to what may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .interval import Interval, between, each_end, outward, real, united, whole

Compared = Callable[[Interval, Interval], Interval]


def less(a: Interval, b: Interval) -> Interval:
    """Return whether ``a < b``."""
    if a is b:
        return _answer(*(np.zeros(a.shape, bool),) * 2)
    a, b = real(a), real(b)
    return _answer(a.high < b.low, a.low < b.high)


def less_equal(a: Interval, b: Interval) -> Interval:
    """Return whether ``a <= b``."""
    if a is b:
        return _itself(a)
    a, b = real(a), real(b)
    return _answer(a.high <= b.low, a.low <= b.high)


def greater(a: Interval, b: Interval) -> Interval:
    """Return whether ``a > b``."""
    return less(b, a)


def greater_equal(a: Interval, b: Interval) -> Interval:
    """Return whether ``a >= b``."""
    return less_equal(b, a)


def equal(a: Interval, b: Interval) -> Interval:
    """Return whether ``a == b``."""
    if a is b:
        return _itself(a)
    a, b = real(a), real(b)
    return _answer((a.low == b.high) & (a.high == b.low), (a.low <= b.high) & (b.low <= a.high))


def _itself(x: Interval) -> Interval:
    """Return whether `x` is equal to itself: wherever it is known to be a number."""
    return _answer(x.finite, np.ones(x.shape, bool))


def unequal(a: Interval, b: Interval) -> Interval:
    """Return whether ``a != b``."""
    return negated(equal(a, b))


def _answer(certain: Array, possible: Array) -> Interval:
    return between(certain, certain if np.array_equal(certain, possible) else possible)


def negated(x: Interval) -> Interval:
    """Return whether each element is zero; of booleans, "not"."""
    if x.low.dtype.kind == "b":
        low = ~x.high
        return between(low, low if x.is_point else ~x.low)
    return equal(x, between(np.zeros(()), np.zeros(())))


def positive(x: Interval) -> Interval:
    """Return whether each element is above zero."""
    return greater(x, _ZERO)


_ZERO = between(np.zeros(()), np.zeros(()))


def inverted(x: Interval) -> Interval:
    """Return "not" of booleans; of the bits of a whole number with a sign, ``-1 - x``."""
    if x.low.dtype.kind == "b":
        return negated(x)
    return between(low := -1 - x.high, low if x.is_point else -1 - x.low)


def both(a: Interval, b: Interval) -> Interval:
    """Return "and" of booleans; of whole numbers, which has none but their common bits."""
    if _boolean(a, b):
        return _answer(a.low & b.low, a.high & b.high)
    a, b = real(a), real(b)
    most = np.where(a.low < 0, b.high, np.where(b.low < 0, a.high, np.minimum(a.high, b.high)))
    some = (a.low < 0) & (b.low < 0)
    return between(np.where(some, -np.inf, 0.0), np.where(some, np.inf, most))


def either(a: Interval, b: Interval) -> Interval:
    """Return "or" of booleans; of whole numbers, the whole line."""
    return _answer(a.low | b.low, a.high | b.high) if _boolean(a, b) else _endless(a, b)


def one_of_two(a: Interval, b: Interval) -> Interval:
    """Return "either, not both" of booleans; of whole numbers, the whole line."""
    return either(both(a, negated(b)), both(negated(a), b)) if _boolean(a, b) else _endless(a, b)


def _boolean(a: Interval, b: Interval) -> bool:
    return a.low.dtype.kind == b.low.dtype.kind == "b"


def _endless(a: Interval, b: Interval) -> Interval:
    return whole(np.broadcast_shapes(a.shape, b.shape))


def truth(x: Interval) -> Interval:
    """Return whether elements are other than zero: a -1 is, and so is a 1."""
    return x if x.low.dtype.kind == "b" else unequal(x, _ZERO)


def where(c: Interval, a: Interval, b: Interval) -> Interval:
    """Return `a` where `c` certainly holds, `b` where it cannot, and what is around both elsewhere."""
    c = truth(c)
    if "f" in (a.low.dtype.kind, b.low.dtype.kind):
        a, b = real(a), real(b)
    if c.is_point:
        low = np.where(c.low, a.low, b.low)
        return between(low, low if a.is_point and b.is_point else np.where(c.low, a.high, b.high))
    mixed = united(a, b)
    return between(
        np.where(c.low, a.low, np.where(c.high, mixed.low, b.low)),
        np.where(c.low, a.high, np.where(c.high, mixed.high, b.high)),
    )


def extreme(function: Callable[[Array, Array], Array]) -> Compared:
    """Return the enclosure of the larger, or the smaller, of two."""

    def enclosed(a: Interval, b: Interval) -> Interval:
        if "f" in (a.low.dtype.kind, b.low.dtype.kind):
            a, b = real(a), real(b)
        return each_end(function, a, b)

    return enclosed


def share(a: Interval, b: Interval) -> Interval:
    """Return the part of a maximum that belongs to `a`: 1 where it is larger, 0 where it is smaller, 1/2 at a tie."""
    a, b = real(a), real(b)
    more, tie = greater(a, b), equal(a, b)
    low = np.where(more.low, 1.0, np.where(tie.low, 0.5, 0.0))
    high = np.where(tie.low, 0.5, np.where(more.high, 1.0, np.where(tie.high, 0.5, 0.0)))
    return between(low, high)


def clipped(x: Interval, *, low: Any = None, high: Any = None) -> Interval:
    """Return `x` limited to [low, high]."""
    return each_end(lambda v: np.clip(v, low, high), x)


def inside(x: Interval, *, low: Any, high: Any) -> Interval:
    """Return whether each element lies in [low, high], None being no bound."""
    x = real(x)
    above = _answer(*(np.full(x.shape, True),) * 2) if low is None else less_equal(_of(low), x)
    below = _answer(*(np.full(x.shape, True),) * 2) if high is None else less_equal(x, _of(high))
    return both(above, below)


def _of(x: Any) -> Interval:
    found = np.asarray(x, np.float64)
    return between(found, found)


def ties(x: Interval, y: Interval, *, axis: Any = None, keepdims: Any = False) -> Interval:
    """Return the part of an extremum that each element of `x` is: of all, of none, or a share of equal ones."""
    x, y = real(x), real(y)
    axes = tuple(range(len(x.shape))) if axis is None else axis
    most = [v if keepdims or not x.shape else np.expand_dims(v, axes) for v in (y.low, y.high)]
    possible = (x.low <= most[1]) & (x.high >= most[0])
    count = possible.sum(axis=axis, keepdims=True)
    alike = np.broadcast_to(most[0] == most[1], x.shape) & (x.low == x.high) | ~possible
    sure = alike.all(axis=axis, keepdims=True) | (count == 1)
    part = 1 / np.maximum(count, 1)
    part = outward(part, part)
    low = np.where(sure & possible, np.where(count == 1, 1.0, part.low), 0.0)
    high = np.where(sure, np.where(count == 1, 1.0, part.high), 1.0)
    return between(low, np.where(possible, high, 0.0))


def reduced(function: Callable[..., Array]) -> Callable[..., Interval]:
    """Return the enclosure of the largest, or the least, over axes."""
    return lambda x, **params: each_end(lambda v: function(v, **params), x)


def place_of(sign: int, function: Callable[..., Array]) -> Callable[..., Interval]:
    """Return the enclosure of where the largest is (with -1, the least): one place where no other may be it."""

    def enclosed(x: Interval, *, axis: Any = None, keepdims: Any = False) -> Interval:
        x = real(x)
        found = function(x.middle, axis=axis, keepdims=keepdims)
        if x.is_point:
            return between(found, found)
        low, high = (x.low, x.high) if sign > 0 else (-x.high, -x.low)
        best = low.max(axis=axis, keepdims=True, initial=-np.inf)
        rivals = (high >= best).sum(axis=axis, keepdims=keepdims)
        n = x.low.size if axis is None else x.shape[axis]
        if (rivals <= 1).all():
            return between(found, found)
        return between(np.where(rivals > 1, 0, found), np.where(rivals > 1, n - 1, found))

    return enclosed
