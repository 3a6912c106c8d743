"""Derivatives of a function of one number by extrapolated central differences, with an estimate of their error.

A central difference ``(f(t) - f(-t)) / 2t`` is off by a series in ``t**2``; two halvings of the step and Richardson's
extrapolation remove its first two terms. Large steps suffer from what is left of the series, small ones from rounding,
and where a relu bends inside the step no extrapolation helps. So every step of a long ladder is tried, each three
neighbours vote, and the place where they agree best is taken: their disagreement is the error estimate.

A central difference says nothing about a bend exactly in its middle: it converges, to the mean of both sides. The
difference of the two one-sided slopes tells: it goes to 0 with the step where the function is smooth.

Source: Richardson 1911; Ridders 1982, Advances in Engineering Software 4, 75-76.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tensorgrad.base.dtypes import Array

Probe = Callable[[float], tuple[float, Array]]
"""t -> (the step that was really made, the outputs there as a float64 vector); rounding changes small steps."""

EPS = float(np.finfo(np.float64).eps)

LARGEST_STEP = 2.0**-3
SMALLEST_STEP = 2.0**-60
STEPS_BELOW_SCALE = 26  # 2**-26: a central difference of step h loses eps / h, here half of all digits

# A window is believed if its error is below one of these shares: of the slope itself, or of the outputs (a slope of
# nearly 0 cannot be known relative to itself). A rule wrong by 1e-6 of itself must stand out, so 1e-7 is not too much.
OF_SLOPE, OF_OUTPUTS = 1e-7, 1e-9
OF_NOISE = (
    256.0  # a slope that outputs show only by their rounding errors, over steps as large as the argument, is nothing
)
ROUGHLY = 1e-4  # of the slope: not enough to pass anything
GOOD_ENOUGH = 1e-10  # two more windows are looked at, then the search ends


@dataclass(frozen=True)
class Slope:
    """A numerical derivative.

    Attributes:
        value: the derivative in the unit of the outputs.
        error: what `value` may be off by; infinite if nothing converged.
        state: "converged"; "rough" where the error is too large for a verdict but a complex step may be compared with
            it; "kink" where no step gave an answer, as at a bend or a jump; "not finite" where the
            function itself is NaN or infinite.
        sides: the slopes to the left and to the right over the smallest step that was made.
        method: "differences" or "complex step".
        moved: which outputs moved at all.
    """

    value: float
    error: float
    state: str
    sides: tuple[float, float] = (math.nan, math.nan)
    method: str = "differences"
    moved: Array | None = field(default=None, compare=False, repr=False)

    @property
    def converged(self) -> bool:
        """Whether `value` may be compared with anything."""
        return self.state == "converged"


@dataclass(frozen=True)
class _Step:
    central: float  # the slope over both sides
    bend: float  # the slope of the right side minus that of the left
    noise: float  # what rounding of the outputs does to either


@dataclass(frozen=True)
class _Window:
    """Three steps, each half of the one before, extrapolated."""

    value: float
    spread: float
    noise: float
    bent: bool


def slope(
    probe: Probe,
    weights: Array,
    smallest: float = 1.0,
    blur: float = 0.0,
    largest: float = LARGEST_STEP,
    noise: Array | float = 0.0,
) -> Slope:
    """Return d/dt of ``sum(weights * outputs(t))`` at t = 0.

    Args:
        probe: gives the outputs at a step; called with 0 first, then with pairs of opposite steps below 1.
        weights: one number for each output.
        smallest: the step at which the function may begin to change its nature, 1 or less: where an argument of 1e-6
            is moved by t itself, a logarithm is defined only for steps below 1e-6.
        blur: the size of the arguments in the unit of t, where their rounding is not part of the step that `probe`
            returns, because there are several.
        largest: the first step of the ladder.
        noise: what rounding inside the function does to each output, where that is known to be more than a rounding of
            the output itself.

    >>> found = slope(lambda t: (t, np.exp(np.array([1.0 + t]))), np.ones(1))
    >>> found.state, abs(found.value - math.e) <= 10 * found.error < 1e-8
    ('converged', True)
    >>> slope(lambda t: (t, np.maximum(np.array([t]), 0.0)), np.ones(1)).state
    'kink'
    """
    with np.errstate(all="ignore"):  # a step may leave the domain of a logarithm; it is then not used
        middle = probe(0.0)[1]
        if not np.isfinite(middle).all():
            return Slope(math.nan, math.inf, "not finite")
        return _searched(
            probe, weights, middle, smallest, blur, largest, np.abs(weights) * np.broadcast_to(noise, weights.shape)
        )


def _searched(
    probe: Probe, weights: Array, middle: Array, smallest: float, blur: float, largest: float, noise: Array
) -> Slope:
    steps: list[_Step | None] = []
    windows: list[_Window | None] = []
    moved = np.zeros(middle.shape, dtype=bool)
    last = max(2.0**-STEPS_BELOW_SCALE * min(1.0, smallest), SMALLEST_STEP)
    t = largest
    last = min(last, t / 16)  # a short ladder, where one was asked for, still has a few windows
    while t >= last:
        step, moved = _step(probe, weights, middle, moved, t, blur, noise)
        steps.append(step)
        windows.append(_window(steps[-3:]))
        size = float(np.abs(weights * middle)[moved].sum())
        value, error = _best(windows)
        if _settled(windows, GOOD_ENOUGH * max(abs(value), size)):
            break
        t /= 2
    enough = max(OF_SLOPE * abs(value), OF_OUTPUTS * size, OF_NOISE * float(noise[moved].sum()))
    if error > enough or not math.isfinite(error):
        rough = error <= ROUGHLY * abs(value)
        return Slope(value, error if rough else math.inf, "rough" if rough else "kink", _sides(steps), moved=moved)
    return Slope(value, error, "converged", _sides(steps), moved=moved)


def _sides(steps: list[_Step | None]) -> tuple[float, float]:
    """Return the one-sided slopes over the smallest step."""
    step = next((s for s in reversed(steps) if s is not None), None)
    return (math.nan, math.nan) if step is None else (step.central - step.bend / 2, step.central + step.bend / 2)


def _step(
    probe: Probe, weights: Array, middle: Array, moved: Array, t: float, blur: float, noise: Array
) -> tuple[_Step | None, Array]:
    """Return the differences at the step `t`, None if the function is not finite there, and which outputs ever moved.

    Outputs that never move carry no rounding errors either: a large constant beside a small result does no harm.
    """
    up, right = probe(t)
    down, left = probe(-t)
    other = right.shape != middle.shape or left.shape != middle.shape  # a mask that selects more elements there
    if other or not (np.isfinite(right).all() and np.isfinite(left).all()) or up == down:
        return None, moved
    moved = moved | (right != left)
    size = float((np.abs(weights) * np.maximum(np.abs(right), np.abs(left)))[moved].sum())
    central = float(weights @ (right - left)) / (up - down)
    bend = float(weights @ (right - middle)) / up - float(weights @ (middle - left)) / -down if up and down else 0.0
    return _Step(central, bend, (EPS * (size + blur * abs(central)) + float(noise[moved].sum())) / t), moved


def _window(steps: list[_Step | None]) -> _Window | None:
    """Return the extrapolation of three steps; the factors are those of series in t**2, and in t, t**3 for the bend."""
    if len(steps) < 3 or steps[0] is None or steps[1] is None or steps[2] is None:
        return None
    a, b, c = steps[0], steps[1], steps[2]
    coarse, fine = (4 * b.central - a.central) / 3, (4 * c.central - b.central) / 3
    value = (16 * fine - coarse) / 15
    bend_coarse, bend_fine = 2 * b.bend - a.bend, 2 * c.bend - b.bend
    bend = (8 * bend_fine - bend_coarse) / 7
    bend_error = 4 * max(abs(bend - bend_fine), abs(bend - bend_coarse)) + 64 * a.noise
    spread = max(abs(value - fine), abs(value - coarse))
    # (64 c - 20 b + a) / 45, and c's noise is four times a's
    return _Window(value, spread, 7 * a.noise, abs(bend) > bend_error)


def _error(windows: list[_Window | None], k: int) -> float:
    """Return the error of window `k`; its own spread may be small by luck, so that the next two, noisier ones count."""
    window = windows[k]
    if window is None or window.bent:
        return math.inf
    later = [(i, w) for i, w in enumerate(windows[k + 1 : k + 3], 2) if w is not None]
    return max([window.spread, window.noise, *(w.spread / 2.0**i for i, w in later)])


def _best(windows: list[_Window | None]) -> tuple[float, float]:
    """Return value and error of the window with the least error."""
    errors = [_error(windows, k) for k in range(len(windows))]
    k = int(np.argmin(errors))
    window = windows[k]
    return (0.0, math.inf) if window is None else (window.value, errors[k])


def _settled(windows: list[_Window | None], enough: float) -> bool:
    """Return whether a window is good enough and has been looked at twice again."""
    return any(_error(windows, k) <= enough for k in range(len(windows) - 2))
