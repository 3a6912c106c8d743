"""Plane geometry of edges: Bézier splines as Graphviz writes them, their parallels, lengths and ends.

A spline is a list of ``3 k + 1`` points: `k` cubic pieces, each sharing its last point with the next. Coordinates are
points (1/72 inch) with y upwards, as in Graphviz.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array

Number = TypeVar("Number", float, Array)
Point = tuple[float, float]
Spline = list[Point]

STEPS = 24  # straight pieces by which the length of one cubic is measured: exact to about 0.1 %


def between(a: Point, b: Point, t: float) -> Point:
    """Return the point at the fraction `t` of the way from `a` to `b`.

    >>> between((0, 0), (4, 2), 0.5)
    (2.0, 1.0)
    """
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t)


def moved(a: Point, direction: Point, length: float) -> Point:
    """Return `a` moved by `length` times `direction`."""
    return (a[0] + direction[0] * length, a[1] + direction[1] * length)


def heading(a: Point, b: Point) -> Point:
    """Return the unit vector from `a` to `b`; east where the two coincide."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if length > 1e-9 else (1.0, 0.0)


def left_of(direction: Point) -> Point:
    """Return `direction` turned left by a right angle."""
    return (-direction[1], direction[0])


def pos_text(spline: Spline, arrow: float) -> str:
    """Return the `pos` attribute of `spline` with an arrowhead of length `arrow` at its end."""
    body, tip = cut_end(spline, arrow)
    return " ".join([f"e,{at(tip)}", *map(at, body)])


def at(point: Point) -> str:
    """Return a point as Graphviz writes it.

    >>> at((1.04, -0.04))
    '1.0,0.0'
    """
    return ",".join(f"{round(c, 1) + 0.0:.1f}" for c in point)


def pieces(spline: Spline) -> list[Spline]:
    """Return the cubics of `spline`, four points each."""
    return [spline[i : i + 4] for i in range(0, len(spline) - 1, 3)]


def divided(cubic: Spline, t: float) -> tuple[Spline, Spline]:
    """Return the two cubics that `cubic` is made of before and after its parameter `t` (de Casteljau)."""
    a, b, c, d = cubic
    ab, bc, cd = between(a, b, t), between(b, c, t), between(c, d, t)
    abc, bcd = between(ab, bc, t), between(bc, cd, t)
    middle = between(abc, bcd, t)
    return [a, ab, abc, middle], [middle, bcd, cd, d]


def parallel(spline: Spline, distance: float) -> Spline:
    """Return `spline` moved by `distance` to its left, each control point along the normal there.

    >>> parallel([(0, 0), (1, 0), (2, 0), (3, 0)], 2.0)
    [(0.0, 2.0), (1.0, 2.0), (2.0, 2.0), (3.0, 2.0)]
    """
    result: Spline = []
    for a, b, c, d in pieces(spline):
        first = left_of(heading(a, b) if b != a else heading(a, d))
        last = left_of(heading(c, d) if d != c else heading(a, d))
        middle = left_of(heading(b, c)) if c != b else first
        inner = [heading((0, 0), (n[0] + middle[0], n[1] + middle[1])) for n in (first, last)]
        result += [] if result else [moved(a, first, distance)]
        result += [moved(b, inner[0], distance), moved(c, inner[1], distance), moved(d, last, distance)]
    return result


def met(end: Point, way: Point, center: Point, radius: float) -> Point:
    """Return the point of a circle that is nearest to `end` on the line through it along `way`, or nearest to `end`.

    >>> met((-4.0, 3.0), (1.0, 0.0), (0.0, 0.0), 5.0), met((-4.5, 3.0), (1.0, 0.0), (0.0, 0.0), 5.0)
    ((-4.0, 3.0), (-4.0, 3.0))
    """
    dx, dy = end[0] - center[0], end[1] - center[1]
    along = dx * way[0] + dy * way[1]
    under = along * along - dx * dx - dy * dy + radius * radius
    if under < 0:
        return moved(center, heading(center, end), radius)
    steps = (-along - math.sqrt(under), -along + math.sqrt(under))
    return moved(end, way, min(steps, key=abs))


def sampled(spline: Spline, steps: int = STEPS) -> list[Point]:
    """Return points on `spline`, `steps` for each cubic and the first."""
    ways = [j / steps for j in range(1, steps + 1)]
    found = [spline[0]]
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in pieces(spline):
        found += [(_divided(ax, bx, cx, dx, t), _divided(ay, by, cy, dy, t)) for t in ways]
    return found


def lines(splines: Iterable[Spline]) -> list[Line]:
    """Return `splines` as lines through their points: each one's are those of `sampled`, to the last bit."""
    splines = list(splines)
    if not splines:
        return []
    cubics = np.array([cubic for spline in splines for cubic in pieces(spline)])
    a, b, c, d = cubics.transpose(1, 0, 2)[..., None]
    points = _divided(a, b, c, d, np.arange(1, STEPS + 1) / STEPS)
    runs = zip(*(points[:, axis].ravel().tolist() for axis in (0, 1)), strict=True)
    return [Line([s[0], *itertools.islice(runs, len(s) // 3 * STEPS)]) for s in splines]


def dense(splines: Iterable[Spline], apart: float = 3.0) -> Array:
    """Return points on `splines`, at most so far `apart`, of shape (2, n)."""
    cubics = np.array([cubic for spline in splines for cubic in pieces(spline)]).reshape(-1, 4, 2)
    steps = (_long(np.diff(cubics, axis=1)).sum(1) // apart).astype(int) + 1
    a, b, c, d = np.repeat(cubics, steps + 1, axis=0).transpose(1, 2, 0)
    points: Array = _divided(a, b, c, d, _counted(steps + 1) / np.repeat(steps, steps + 1))
    return points


def evenly(sides: Iterable[tuple[Point, Point]], apart: float) -> Array:
    """Return points on straight lines from one point to another, at most so far `apart`, of shape (2, n); no ends."""
    ends = np.array(list(sides)).reshape(-1, 2, 2)
    steps = (_long(ends[:, 1] - ends[:, 0]) // apart).astype(int) + 1
    a, b = np.repeat(ends, steps, axis=0).transpose(1, 2, 0)
    points: Array = a + (b - a) * (_counted(steps) / np.repeat(steps, steps))
    return points


def _long(ways: Array) -> Array:
    found: Array = np.sqrt(ways[..., 0] ** 2 + ways[..., 1] ** 2)
    return found


def _counted(counts: Array) -> Array:
    """Return 0, 1 and so on, so many times as each of `counts` says."""
    found: Array = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return found


def _divided(a: Number, b: Number, c: Number, d: Number, t: Number) -> Number:
    """Return one coordinate of the point at which `divided` divides a cubic, and that alone; or those of many.

    >>> _divided(0, 1, 2, 6, 0.5) == divided([(0, 0), (1, 0), (2, 0), (6, 0)], 0.5)[0][3][0]
    True
    """
    b, c, d = a + (b - a) * t, b + (c - b) * t, c + (d - c) * t
    b, c = b + (c - b) * t, c + (d - c) * t
    point: Number = b + (c - b) * t
    return point


def lengths(points: list[Point]) -> list[float]:
    """Return the way from the first of `points` to each of them."""
    return list(itertools.accumulate(itertools.starmap(math.dist, itertools.pairwise(points)), initial=0.0))


def cut_end(spline: Spline, length: float) -> tuple[Spline, Point]:
    """Return `spline` without the last `length` of its way, and where it ended; a twentieth of it stays at least."""
    most = 0.95 * math.dist(spline[0], spline[-1])  # and more where it is bent
    rest = length if length < most else min(length, 0.95 * lengths(sampled(spline))[-1])
    cubics, end = pieces(spline), spline[-1]
    for k in range(STEPS * len(cubics) - 1, -1, -1):
        whole, t = divmod(k / STEPS, 1.0)
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = cubics[int(whole)]
        start = _divided(ax, bx, cx, dx, t), _divided(ay, by, cy, dy, t)
        step = math.dist(start, end)
        if step >= rest:
            break
        rest, end = rest - step, start
    place = (k + 1 - (rest / step if step else 0.0)) / STEPS
    last = min(int(place), len(cubics) - 1)
    return spline[: 3 * last + 1] + divided(cubics[last], min(place - last, 1.0))[0][1:], spline[-1]


def _piece(ways: list[float], wanted: float) -> tuple[int, float]:
    """Return the number, from 1, of the piece of a line that lies `wanted` along it, and the fraction of that piece."""
    k = min(max(1, bisect_left(ways, wanted)), len(ways) - 1)
    step = ways[k] - ways[k - 1]
    return k, (wanted - ways[k - 1]) / step if step else 0.0


class Line:
    """A line through points, of which `ways` are how far along it they are."""

    def __init__(self, points: list[Point]) -> None:
        self.points, self.ways = points, lengths(points)

    def halfway(self, fraction: float) -> tuple[Point, Point]:
        """Return the point at `fraction` of its length, and the direction there."""
        k, rest = _piece(self.ways, self.ways[-1] * fraction)
        a, b = self.points[k - 1 : k + 1]
        return between(a, b, rest), heading(a, b)


def head_corners(body: Spline, tip: Point) -> list[Point]:
    """Return the triangle from the end of an arrow's line to its tip."""
    way = heading(body[-1], tip)
    length, side = math.dist(body[-1], tip), left_of(way)
    return [moved(body[-1], side, 0.35 * length), tip, moved(body[-1], side, -0.35 * length)]
