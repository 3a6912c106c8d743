"""Intervals of real numbers, an array of lower and one of upper bounds, and rounding outward.

The sum, product, quotient or root that NumPy gives is off by at most half of a unit in the last place, and such a unit
is at most ``2 u |y|``: a double that is as far from y, or farther, is not between y and the exact number. All is
computed in double, whatever the dtype of the run: single and half precision are exact in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError

UNIT = 2.0**-53
"""Half of the distance from 1 to the next double: what one rounding errs by, relative."""

LEAST = float(np.finfo(np.float64).tiny)
"""The least double in which a product has all its places; what is smaller errs by less than it."""

SMALL = 2.0**-960
_LEASTS = np.array((-LEAST, LEAST))
_LARGEST = float(np.finfo(np.float64).max)
_EXACT_WHOLE = 1 << 53


Exact = Callable[[], Array]
"""Whether bounds are exact, along the axes of `Interval.ends`, asked where they are small."""


@final
class Interval:
    """For every element, all real numbers from `low` to `high`; infinite where nothing bounds them.

    Args:
        low: an array, a tensor or a number, of any shape; its floats become float64, without rounding.
        high: as `low`, of its shape; None for the point `low` itself.

    Booleans and whole numbers keep their dtype: from what is certain to what is possible.

    Raises:
        ArgumentError: a bound that is NaN, a lower bound above the upper one, shapes that differ, complex numbers.

    >>> x = Interval([1.0, 2.0], [1.5, 2.0])
    >>> x.width, 1.2 in Interval(1.0, 1.5), x.contains([1.1, 2.0])
    (array([0.5, 0. ]), True, True)
    """

    __slots__ = ("_bounded", "_ends", "high", "low")

    low: Array
    high: Array
    _ends: Array | None
    _bounded: bool | None

    def __init__(self, low: Any, high: Any = None) -> None:
        self.low = _bound(low)
        self.high = self.low if high is None else _bound(high)
        if self.low.shape != self.high.shape:
            raise ArgumentError(f"the bounds of an Interval have shapes {self.low.shape} and {self.high.shape}")
        if not np.all(self.low <= self.high):
            raise ArgumentError("an Interval needs low <= high in every element, and no NaN")
        self._ends = self._bounded = None

    @property
    def ends(self) -> Array:
        """Both bounds along a first axis, so that what is done to each is done at once; of a point, one alone."""
        if self._ends is None:
            self._ends = self.low[None] if self.is_point else np.array((self.low, self.high))
        return self._ends

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both bounds."""
        return self.low.shape

    @property
    def is_point(self) -> bool:
        """Whether it is known to hold one number for each element."""
        return self.low is self.high

    @property
    def is_bounded(self) -> bool:
        """Whether there are two bounds for every element; looked at once."""
        if self._bounded is None:
            self._bounded = bounded(self.low) and (self.is_point or bounded(self.high))
        return self._bounded

    @property
    def width(self) -> Array:
        """``high - low``, rounded up: an array of their shape, 0 for a point, infinite where there is no bound."""
        if self.is_point:
            return np.zeros(self.shape)
        with np.errstate(all="ignore"):
            width: Array = np.nextafter(self.high * 1.0 - self.low, np.inf)
        return np.where(self.low == self.high, 0.0, width)

    @property
    def middle(self) -> Array:
        """A double inside, half way; 0 where there is no bound on either side."""
        if self.is_point:
            return self.low
        with np.errstate(all="ignore"):
            found: Array = np.clip(self.low / 2 + self.high / 2, self.low, self.high)
        return np.where(np.isnan(found), 0.0, found)

    @property
    def finite(self) -> Array:
        """Whether there are two bounds: an array of booleans."""
        found: Array = np.isfinite(self.low) & np.isfinite(self.high)
        return found

    def contains(self, value: Any) -> bool:
        """Return whether every element of `value`, an array or a number, or an Interval, lies inside."""
        other = value if isinstance(value, Interval) else Interval(value)
        return bool(np.all(self.low <= other.low) and np.all(other.high <= self.high))

    __contains__ = contains

    def distance(self, value: Any) -> Array:
        """Return how far the farthest number inside is from each element of `value`, rounded up."""
        found = Interval(value).low
        with np.errstate(all="ignore"):
            far: Array = np.nextafter(np.maximum(found - self.low, self.high - found), np.inf)
        return np.where((self.low == found) & (self.high == found), 0.0, far)

    def __repr__(self) -> str:
        return f"Interval({self.low.tolist()}, {self.high.tolist()})"


def _bound(x: Any) -> Array:
    found = np.asarray(getattr(x, "array", x))
    if found.dtype.kind not in "biuf":
        raise ArgumentError(f"an Interval holds real numbers, found {found.dtype}")
    found = np.array(found, np.float64) if found.dtype.kind == "f" else np.array(found)
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise ArgumentError("a bound of an Interval is NaN")
    return found


def between(low: Any, high: Any) -> Interval:
    """Return the interval of these bounds, as they are: NaN is no bound, and beyond the doubles lies the last one."""
    made = Interval.__new__(Interval)
    made._ends = made._bounded = None
    if low is high:
        low = np.asarray(low)
        if bounded(low):
            made.low = made.high = low
            made._bounded = True
            return made
        high = low.copy()
    low, high = np.asarray(low), np.asarray(high)
    if not bounded(low):
        low = np.where(np.isnan(low), -np.inf, np.minimum(low, _LARGEST))
    if not bounded(high):
        high = np.where(np.isnan(high), np.inf, np.maximum(high, -_LARGEST))
    made.low, made.high = low, high
    return made


def held(ends: Array, *, finite: bool | None = None) -> Interval:
    """Return the interval of these `ends`, known to be all `finite`, or once those of an interval."""
    made = Interval.__new__(Interval)
    made.low, made._ends, made._bounded = ends[0, ...], ends, finite
    made.high = made.low if len(ends) == 1 else ends[1, ...]
    return made


def spanned(ends: Array) -> Interval:
    """Return `between` of both bounds along a first axis, or of a point alone."""
    if bounded(ends):
        return held(ends, finite=True)
    return between(low := ends[0, ...], low if len(ends) == 1 else ends[1, ...])


def bounded(x: Array) -> bool:
    """Return whether all of `x` is finite: the sum of its squares says so in a moment, if it is."""
    if x.dtype.kind != "f":
        return True
    flat = x.reshape(-1)
    return math.isfinite(np.dot(flat, flat)) or bool(np.isfinite(x).all())


def aligned(a: Interval, b: Interval) -> tuple[Array, Array]:
    """Return the `ends` of both with as many axes: elements meet those that they meet without the first one."""
    x, y = a.ends, b.ends
    if x.ndim < y.ndim:
        x = x.reshape(len(x), *(1,) * (y.ndim - x.ndim), *x.shape[1:])
    elif y.ndim < x.ndim:
        y = y.reshape(len(y), *(1,) * (x.ndim - y.ndim), *y.shape[1:])
    return x, y


def spread(x: Interval, shape: tuple[int, ...]) -> Interval:
    """Return `x` in a larger shape."""
    if x.shape == shape:
        return x
    ends = x.ends.reshape(len(x.ends), *(1,) * (len(shape) - len(x.shape)), *x.shape)
    return held(np.broadcast_to(ends, (len(ends), *shape)), finite=x.is_bounded or None)


def point(x: Any) -> Interval:
    """Return `x` itself, an array or a number, in double: what is no number is no bound."""
    found = np.asarray(x)
    if found.dtype.kind == "c":
        return whole(found.shape)
    if found.dtype.kind == "f":
        found = found.astype(np.float64)
    return between(found, found)


def whole(shape: tuple[int, ...]) -> Interval:
    """Return the whole line, for each element of `shape`."""
    return between(np.full(shape, -np.inf), np.full(shape, np.inf))


def real(x: Interval) -> Interval:
    """Return `x` as floats: booleans and whole numbers as what they are in sums and products."""
    if x.low.dtype.kind == "f":
        return x
    found = each_end(lambda v: v.astype(np.float64), x)
    large = max(float(np.abs(v).max(initial=0.0)) for v in (found.low, found.high)) >= _EXACT_WHOLE
    return outward(found.low, found.high) if large else found


def outward(low: Array, high: Array, places: float = 0.5) -> Interval:
    """Return the interval from before `low` to behind `high`, as `rounded`."""
    return rounded(np.asarray(low)[None] if low is high else np.array((low, high)), places)


def rounded(ends: Array, places: float = 0.5, exact: Exact | None = None) -> Interval:
    """Return the interval from before the lower to behind the upper of `ends`, which NumPy has computed.

    Each is off by at most so many units in the last `places`, or half of one, rounded to the nearest; where it is too
    small to have as many, by less than `LEAST`, but not where it is `exact`. Sums always are there: they need no
    `exact`.
    """
    return spanned(widened(ends, places, exact))


def widened(ends: Array, places: float = 0.5, exact: Exact | None = None) -> Array:
    """Return two ends, moved outward by what `ends`, one or two, may be off: see `rounded`."""
    sizes = np.abs(ends)
    unsure = None
    if exact is not None and sizes.size and not np.minimum.reduce(sizes, axis=None) >= SMALL:
        unsure = (sizes < SMALL) & ~exact()
    far: Array = np.multiply(sizes, _parts(places, ends.ndim), out=sizes if len(ends) == 2 else None)
    far += ends
    if unsure is not None and unsure.any():
        far += unsure * _LEASTS.reshape(2, *(1,) * (ends.ndim - 1))
    return far


@remembered()
def _parts(places: float, ndim: int) -> Array:
    """Return what part of itself a number is moved down, and up, along the first of so many axes."""
    part = (2 * places + 1) * UNIT
    return np.array((-part, part)).reshape(2, *(1,) * (ndim - 1))


def moved(function: Callable[..., Any], x: Interval) -> Interval:
    """Return what `function`, which puts elements elsewhere, gives of the lower and of the upper bounds."""
    made = Interval.__new__(Interval)
    made.low, made._ends, made._bounded = function(x.low), None, x._bounded or None
    made.high = made.low if x.is_point else function(x.high)
    return made


def each_end(function: Callable[..., Any], *xs: Interval) -> Interval:
    """Return what `function`, which never falls and is exact, gives of the lower and of the upper bounds.

    Of points it is called once, and gives a point.
    """
    low = function(*[x.low for x in xs])
    return between(low, low if all(x.is_point for x in xs) else function(*[x.high for x in xs]))


def within(x: Interval, low: float = -np.inf, high: float = np.inf) -> Interval:
    """Return the part of `x` in ``[low, high]``, where it is known to lie; what is outside becomes the nearer end."""
    ends = x.ends
    if low != -np.inf:
        ends = np.maximum(ends, low)
    if high != np.inf:
        ends = np.minimum(ends, high)
    return x if ends is x.ends else held(ends, finite=x._bounded or None)


def united(a: Interval, b: Interval) -> Interval:
    """Return the interval around both."""
    return between(np.minimum(a.low, b.low), np.maximum(a.high, b.high))


def met(a: Interval, b: Interval) -> Interval:
    """Return what two enclosures of the same numbers have in common."""
    return between(np.maximum(a.low, b.low), np.minimum(a.high, b.high))
