"""What functions of one number give of intervals: by the ends where they are monotone, by their slope elsewhere.

A function whose slope is nowhere steeper than L gives of all numbers around m at most ``f(m) - L r`` to ``f(m) + L r``.
What NumPy computes is taken to be off by at most `FUNCTION_PLACES` units in the last place, and the library's own
functions by what stands here; `tests/test_bounds.py` compares both with sixty digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from tensorgrad.base.dtypes import Array

from . import interval
from .interval import Interval, between, each_end, outward, real, united, within
from .powers import FUNCTION_PLACES, cut, holds_zero, size

OfArray = Callable[[Array], Array]
Enclosure = Callable[..., Interval]

OWN_PLACES = 32.0
"""How many units in the last place the library's own functions may err by here, of 1 where they cross 0."""


def rising(
    function: OfArray,
    domain: tuple[float, float] = (-np.inf, np.inf),
    values: tuple[float, float] = (-np.inf, np.inf),
    places: float = FUNCTION_PLACES,
    *,
    turned: bool = False,
) -> Enclosure:
    """Return the enclosure of a function that rises (falls, if `turned`) on its `domain`, with values in `values`."""

    def enclosed(x: Interval) -> Interval:
        x = within(real(x), *domain)
        ends = x.ends[::-1] if turned else x.ends
        return within(interval.rounded(function(ends), places, lambda: ends == 0), *values)

    return enclosed


falling = partial(rising, turned=True)


def stepping(function: OfArray) -> Enclosure:
    """Return the enclosure of a function that never falls, and whose values are exact: `floor`, `sign`."""
    return lambda x: each_end(function, real(x))


def sloping(
    function: OfArray, steepest: float, values: tuple[float, float] = (-np.inf, np.inf), places: float = OWN_PLACES
) -> Enclosure:
    """Return the enclosure of a function with slopes of at most `steepest`; it errs by `places` of 1, at most."""

    def enclosed(x: Interval) -> Interval:
        x = real(x)
        m = x.middle
        y = function(m)
        r = steepest * (0.0 if x.is_point else np.maximum(x.high - m, m - x.low)) + places * 2.0**-52
        r = r * (1 + 2.0**-50)
        found = outward(y - r, y + r)
        return within(found, *values)

    return enclosed


def _waving(function: OfArray, slope: OfArray) -> Enclosure:
    """Return the enclosure of the sine or the cosine: by the ends where its `slope`, a wave as well, has no zero."""
    around = sloping(function, 1.0, (-1.0, 1.0), FUNCTION_PLACES)
    up, down = rising(function, values=(-1.0, 1.0)), falling(function, values=(-1.0, 1.0))

    def enclosed(x: Interval) -> Interval:
        x = real(x)
        if x.is_point:
            return up(x)
        m = x.middle
        steep, reach = slope(m), np.maximum(x.high - m, m - x.low) * (1 + 1e-15) + 1e-15
        ends = united(up(x), down(x))
        plain, sure = around(x), np.abs(steep) > reach
        return between(np.where(sure, ends.low, plain.low), np.where(sure, ends.high, plain.high))

    return enclosed


sine = _waving(np.sin, np.cos)
cosine = _waving(np.cos, np.sin)


def tangent(x: Interval) -> Interval:
    """Return the tangent: it rises where the cosine has no zero."""
    c, found = cosine(x), rising(np.tan)(x)
    return cut(found, holds_zero(c))


def hyperbolic_cosine(x: Interval) -> Interval:
    """Return the hyperbolic cosine, which rises with ``|x|``."""
    return rising(np.cosh, values=(1.0, np.inf))(size(x))


def log_of_sum(function: Callable[[Array, Array], Array]) -> Enclosure:
    """Return the enclosure of the logarithm of a sum of two powers: it rises with each; its error is one of a and b."""

    def enclosed(a: Interval, b: Interval) -> Interval:
        a, b = real(a), real(b)
        low, high = function(a.low, b.low), function(a.high, b.high)
        unit = FUNCTION_PLACES * 2.0**-52
        return outward(
            low - unit * (1 + np.maximum(np.abs(a.low), np.abs(b.low))),
            high + unit * (1 + np.maximum(np.abs(a.high), np.abs(b.high))),
        )

    return enclosed


def angle(a: Interval, b: Interval) -> Interval:
    """Return the angle of the point (b, a): by the corners, away from where it jumps by a full turn."""
    a, b = real(a), real(b)
    ends = [np.arctan2(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    found = within(outward(low, high, FUNCTION_PLACES), -np.pi * (1 + 1e-15), np.pi * (1 + 1e-15))
    across = (a.low <= 0) & (a.high >= 0) & (b.low <= 0)
    turn = np.nextafter(np.pi, 4)
    return between(np.where(across, -turn, found.low), np.where(across, turn, found.high))


def rounded(x: Interval, *, decimals: int = 0) -> Interval:
    """Return `x` rounded half to even: with decimals, to a step that may be the next one."""
    found = stepping(lambda v: np.round(v, decimals))(x)
    step = 10.0**-decimals if decimals else 0.0
    return found if not step else outward(found.low - step, found.high + step)


def entropy(function: OfArray) -> Enclosure:
    """Return the enclosure of ``-x log(x)``, which rises to 1 / e, there, and falls behind."""

    def enclosed(x: Interval) -> Interval:
        x = real(x)
        top = 1 / math.e
        ends = [function(np.maximum(v, 0.0)) for v in (x.low, x.high)]
        made = np.array((np.minimum(*ends), np.maximum(*ends)))
        found = interval.rounded(made, OWN_PLACES, lambda: x.low == 0)
        over = (x.low <= top + 1e-15) & (x.high >= top - 1e-15)
        found = between(found.low, np.where(over, np.nextafter(top, 1), found.high))
        return cut(found, x.low < 0)

    return enclosed


def log_of_gamma(function: OfArray) -> Enclosure:
    """Return the enclosure of the logarithm of the gamma function of positive numbers: it has one least value."""
    lowest, least = 1.4616321449683622, -0.12148629053584961

    def enclosed(x: Interval) -> Interval:
        x = real(x)
        ends = [function(np.maximum(v, 0.0)) for v in (x.low, x.high)]
        low, high = np.minimum(*ends), np.maximum(*ends)
        low = np.where((x.low <= lowest + 1e-7) & (x.high >= lowest - 1e-7), np.minimum(low, least), low)
        found = _crossing(low, high)
        return cut(found, x.low <= 0)

    return enclosed


def _crossing(low: Array, high: Array) -> Interval:
    """Return the interval of what errs by places of 1 where it is smaller than that."""
    unit = OWN_PLACES * 2.0**-52
    return outward(low - unit * np.maximum(np.abs(low), 1.0), high + unit * np.maximum(np.abs(high), 1.0))


def of_positive(function: OfArray, sign: int) -> Enclosure:
    """Return the enclosure of a function that rises (falls, where `sign` is -1) for x > 0, and errs by places of 1."""

    def enclosed(x: Interval) -> Interval:
        x = real(x)
        ends = [function(np.maximum(v, 0.0)) for v in ((x.low, x.high) if sign > 0 else (x.high, x.low))]
        return cut(_crossing(*ends), x.low <= 0)

    return enclosed


def even(function: OfArray, sign: int) -> Enclosure:
    """Return the enclosure of an even function that rises (falls, where `sign` is -1) with ``|x|``."""
    made = rising(function, places=OWN_PLACES) if sign > 0 else falling(function, places=OWN_PLACES)
    return lambda x: made(size(x))
