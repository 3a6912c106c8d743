"""Where no central difference converges: either side alone, which tells a kink and a jump from what nothing can decide.

A one-sided difference ``(f(t) - f(0)) / t`` is off by a series in t; three halvings remove its first three terms. Where
both sides converge to one number, that is the derivative (``relu(x)**2`` at 0); to two, it is a kink; where the
function itself does not come back to its value in the middle, a jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tensorgrad.base.dtypes import Array

EPS = float(np.finfo(np.float64).eps)
NOTHING = 2.0**-44  # as a share of outputs, a slope that is nothing: they show it by their rounding only
APART = 10.0  # times the errors of both sides: two slopes
JUMP_STEPS = 8  # over so many halvings a jump keeps its height
JUMP_KEPT, JUMP_LEAST = 1e-3, 1e-6  # but for this share of it; and has this share of the outputs, beyond rounding


@dataclass(frozen=True)
class Slope:
    """A numerical derivative.

    Attributes:
        value: the derivative in the unit of the outputs.
        error: what `value` may be off by; infinite if nothing converged.
        state: "converged"; "rough" where the error is too large for a verdict but a complex step may be compared with
            it; "kink" where the sides have two slopes, or the function jumps; "undecided" where nothing converges;
            "not finite" where the function itself is NaN or infinite.
        sides: the slopes to the left and to the right: extrapolated on a kink, else over the smallest step made.
        method: "differences" or "complex step".
        moved: which outputs moved at all.
        nothing: a slope that is nothing, beside those over the largest steps and beside what rounding does.
    """

    value: float
    error: float
    state: str
    sides: tuple[float, float] = (math.nan, math.nan)
    method: str = "differences"
    moved: Array | None = field(default=None, compare=False, repr=False)
    nothing: float = field(default=0.0, compare=False)

    @property
    def converged(self) -> bool:
        """Whether `value` may be compared with anything."""
        return self.state == "converged"

    @property
    def exact(self) -> bool:
        """Whether `value` is known to its own rounding errors, however large the outputs."""
        return self.method == "complex step"


@dataclass(frozen=True)
class Step:
    """The differences over one step.

    Attributes:
        t: the step that was meant.
        central: the slope over both sides.
        left, right: that over one.
        noise: what rounding of the outputs does to any of them.
        size: the largest sum of the outputs that move, weighted, of the three points.
    """

    t: float
    central: float
    left: float
    right: float
    noise: float
    size: float

    @property
    def bend(self) -> float:
        """The slope of the right side minus that of the left."""
        return self.right - self.left


def halving(steps: list[Step | None]) -> list[Step] | None:
    """Return `steps` if all were made and each is half of the one before, else None."""
    made = [s for s in steps if s is not None]
    if len(made) < len(steps) or any(2 * b.t != a.t for a, b in pairwise(made)):
        return None
    return made


def by_sides(steps: list[Step | None], enough: Callable[[float, float], float], smallest: float = 1.0) -> Slope:
    """Return what the one-sided slopes say: "converged", "kink" or "undecided".

    Args:
        steps: the ladder, from large to small.
        enough: of a slope and the size of the outputs, the error that is small enough.
        smallest: the step at which the function may begin to change its nature: two slopes that are seen over larger
            ones only may meet beside the point.
    """
    made = [s for s in steps if s is not None]
    if not made:
        return Slope(math.nan, math.inf, "undecided")
    last = (made[-1].left, made[-1].right)
    left, right = _limit(steps, "left"), _limit(steps, "right")
    if _believed(left, made, enough) and _believed(right, made, enough):
        error, apart = max(left.error, right.error), abs(right.slope - left.slope)
        if apart <= APART * (left.error + right.error):
            return Slope((left.slope + right.slope) / 2, max(error, apart), "converged", last)
        near = all(limit.steps[-1].t < smallest for limit in (left, right))
        return Slope(math.nan, math.inf, "kink" if near else "undecided", (left.slope, right.slope))
    return Slope(math.nan, math.inf, "kink" if _jumps(made) else "undecided", last)


@dataclass(frozen=True)
class _Limit:
    """The slope of one side at a step of 0, its error, and the four steps that it was found with."""

    side: str
    slope: float
    error: float
    steps: tuple[Step, ...] = ()


def _limit(steps: list[Step | None], side: str) -> _Limit:
    """Return the limit of which the error is least."""
    found = []
    for k in range(len(steps) - 3):
        four = halving(steps[k : k + 4])
        if four is None:
            continue
        a, b, c, d = (float(getattr(s, side)) for s in four)
        once = (2 * b - a, 2 * c - b, 2 * d - c)
        coarse, fine = (4 * once[1] - once[0]) / 3, (4 * once[2] - once[1]) / 3
        value = (8 * fine - coarse) / 7
        error = max(abs(value - fine), abs(value - coarse), 7 * four[-1].noise)
        found.append(_Limit(side, value, error, tuple(four)))
    if not found:
        return _Limit(side, 0.0, math.inf)
    # a spread may be small by luck: that of the next window, which is noisier, counts too
    later = [max(one.error, next_.error / 4) for one, next_ in pairwise([*found, found[-1]])]
    k = int(np.argmin(later))
    return replace(found[k], error=later[k])


def _believed(limit: _Limit, made: list[Step], enough: Callable[[float, float], float]) -> bool:
    """Return whether the error of `limit` is small, and no smaller step leads elsewhere: to a kink further in."""
    if not limit.steps or limit.error > enough(limit.slope, limit.steps[0].size):
        return False
    off = max(abs(getattr(s, limit.side) - limit.slope) for s in limit.steps) + APART * limit.error
    smaller = [s for s in made if s.t < limit.steps[-1].t]
    return all(abs(getattr(s, limit.side) - limit.slope) <= off + APART * s.noise for s in smaller)


def _jumps(made: list[Step]) -> bool:
    """Return whether the function, over the smallest steps, keeps away from its value in the middle.

    On one side or on both, but not by the same height: that would be a spike, which may be as smooth as it is thin.
    """
    first, last = made[-min(JUMP_STEPS, len(made))], made[-1]
    heights = [(getattr(first, side) * first.t, getattr(last, side) * last.t) for side in ("left", "right")]
    least = max(JUMP_LEAST * last.size, APART * last.noise * last.t)
    kept = [abs(now) > least and abs(then - now) <= JUMP_KEPT * abs(now) for then, now in heights]
    left, right = -heights[0][1], heights[1][1]
    spike = all(kept) and abs(left - right) <= JUMP_KEPT * abs(right)
    return len(made) >= JUMP_STEPS and any(kept) and not spike
