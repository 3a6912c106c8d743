"""The search along a line for a point that satisfies the strong Wolfe conditions.

``f(t) <= f(0) + c1 * t * f'(0)`` and ``|f'(t)| <= c2 * |f'(0)|``: the function has become small, and flat, enough.

Source: Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's
minFunc, which PyTorch has too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tensorgrad.base.dtypes import Array

C1, C2 = 1e-4, 0.9
NARROWEST = 1e-9  # of the bracket, times the largest element of the direction


class Point(NamedTuple):
    """A trial: how far along the line, the value and the gradient there, and the slope along the line."""

    t: float
    value: float
    gradient: Array
    slope: float


Evaluate = Callable[[float], Point]


def strong_wolfe(evaluate: Evaluate, start: Point, t: float, largest: float, most: int) -> Point:
    """Return a point that satisfies the conditions, or the best that was found.

    Args:
        evaluate: returns the point at a distance.
        start: the point at the distance 0.
        t: the first distance to try.
        largest: the largest absolute value of an element of the direction.
        most: how many trials may follow the first.
    """
    low, high, trials, found = _bracketed(evaluate, start, t, most)
    stuck = False
    while not found and trials <= most and abs(high.t - low.t) * largest >= NARROWEST:
        t, stuck = _inside(low, high, stuck)
        new = evaluate(t)
        trials += 1
        if _is_too_high(new, start) or new.value >= low.value:
            low, high = sorted((low, new), key=lambda point: point.value)
        else:
            found = _is_flat(new, start)
            if not found and new.slope * (high.t - low.t) >= 0:
                high = low
            low = new
    return low


def _is_too_high(point: Point, start: Point) -> bool:
    return point.value > start.value + C1 * point.t * start.slope


def _is_flat(point: Point, start: Point) -> bool:
    return abs(point.slope) <= -C2 * start.slope


def _bracketed(evaluate: Evaluate, start: Point, t: float, most: int) -> tuple[Point, Point, int, bool]:
    """Return two points with a good one between them, the lower first, the trials, and whether the first is good."""
    before, new, trials = start, evaluate(t), 1
    while trials <= most:
        if _is_too_high(new, start) or (trials > 2 and new.value >= before.value):
            break
        if _is_flat(new, start):
            return new, new, trials, True
        if new.slope >= 0:
            break
        t = interpolated(before, new, (new.t + 0.01 * (new.t - before.t), new.t * 10))
        before, new = new, evaluate(t)
        trials += 1
    else:
        before = start
    low, high = (before, new) if before.value <= new.value else (new, before)
    return low, high, trials, False


def _inside(low: Point, high: Point, stuck: bool) -> tuple[float, bool]:
    """Return where to look between two points, and whether that is close to an end for the first time."""
    first, last = sorted((low.t, high.t))
    t = interpolated(low, high)
    margin = 0.1 * (last - first)
    if min(last - t, t - first) >= margin:
        return t, False
    if stuck or not first < t < last:
        return (last - margin if abs(t - last) < abs(t - first) else first + margin), False
    return t, True


def interpolated(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Return where the cubic through two points, with their slopes, is least, within `bounds` (None: between them).

    >>> interpolated(Point(0.0, 1.0, None, -2.0), Point(3.0, 4.0, None, 4.0))
    1.0
    """
    low, high = bounds or tuple(sorted((a.t, b.t)))
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square: Any = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)
