"""The curves of arrows: straight, bent once, and by a lane."""

from __future__ import annotations

import math

from .splines import Point, Spline, between

_BEND = 36.0  # how high the bends of arrows are that turn beside each other


def joined(*lines: Spline) -> Spline:
    """Return lines, each of which begins where the one before ends, as one."""
    found: Spline = []
    for line in lines:
        found += line[1:] if found and line else line
    return found


def chord(a: Point, b: Point) -> Spline:
    """Return the straight line from `a` to `b`."""
    return [a, between(a, b, 1 / 3), between(a, b, 2 / 3), b]


def by_lane(a: Point, lane: float, b: Point) -> Spline:
    """Return the curve from `a` to `b`, level at both, that runs up or down at `lane`."""
    way = b[1] - a[1]
    bend = math.copysign(min(abs(way) / 2, _BEND), way)
    c, d = (lane, a[1] + bend), (lane, b[1] - bend)
    first = [a, (a[0] + 0.55 * (lane - a[0]), a[1]), (lane, a[1] + 0.45 * bend), c]
    last = [d, (lane, b[1] - 0.45 * bend), (b[0] + 0.55 * (lane - b[0]), b[1]), b]
    return joined(first, chord(c, d) if abs(d[1] - c[1]) > 0.1 else [], last)


def swung(a: Point, along: Point, b: Point, ahead: Point) -> Spline:
    """Return the curve from `a` to `b` with these directions there; it does not leave what is between them."""
    wide, long = abs(b[0] - a[0]), math.dist(a, b) / 3 if along[1] or ahead[1] else abs(b[0] - a[0]) / 2
    first, last = (min(long, 0.9 * wide / max(abs(way[0]), 0.1)) for way in (along, ahead))
    return [
        a,
        (a[0] + along[0] * first, a[1] + along[1] * first),
        (b[0] - ahead[0] * last, b[1] - ahead[1] * last),
        b,
    ]


def turned(a: Point, along: Point, b: Point) -> Spline:
    """Return the curve from `a`, which leaves in the direction `along`, to `b`, where it is level."""
    wide, high = abs(b[0] - a[0]), abs(b[1] - a[1])
    reach = (
        0.5 * wide if abs(along[1]) < 1e-9 else min(0.55 * high / abs(along[1]), 0.9 * wide / max(abs(along[0]), 0.1))
    )
    side = 1 if b[0] > a[0] else -1
    return [a, (a[0] + along[0] * reach, a[1] + along[1] * reach), (b[0] - side * 0.5 * wide, b[1]), b]
