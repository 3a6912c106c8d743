"""Derivatives of a function of one number by extrapolated central differences, with an estimate of their error.

A central difference ``(f(t) - f(-t)) / 2t`` is off by a series in ``t**2``; two halvings of the step and Richardson's
extrapolation remove its first two terms. Large steps suffer from what is left of the series, small ones from rounding,
and where a relu bends inside the step no extrapolation helps. So every step of a long ladder is tried, each three
neighbours vote, and the place where they agree best is taken: their disagreement is the error estimate.

A central difference says nothing about what lies exactly in its middle: across a bend it converges to the mean of both
sides, across a spike to the slope of the plain around it. The difference of the two one-sided slopes tells: it goes to
0 with the step where the function is smooth. Where it does not, `sides` looks at either side alone.

Source: Richardson 1911; Ridders 1982, Advances in Engineering Software 4, 75-76.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .sides import EPS, NOTHING, Slope, Step, by_sides, halving

Probe = Callable[[float], tuple[float, Array]]
"""t -> (the step that was really made, the outputs there as a float64 vector); rounding changes small steps."""

LARGEST_STEP = 2.0**-3
STEPS_BELOW_SCALE = 26  # 2**-26: a central difference of step h loses eps / h, here half of all digits

# A window is believed if its error is below one of these shares: of the slope itself, or of the outputs and of their
# slopes over the largest steps (a slope of nearly 0 cannot be known relative to itself, nor outputs of nearly 0 tell
# how large it is). A rule wrong by 1e-6 of itself must stand out, so 1e-7 is not too much.
OF_SLOPE, OF_OUTPUTS = 1e-7, 1e-9
# A slope that outputs show only by their rounding errors, over steps as large as the argument, is nothing.
OF_NOISE, BURIED = 256.0, 4.0
UNDERFLOW = 2.0**-1000  # an error that is nothing, next to where numbers are only 5e-324 apart
ROUGHLY = 1e-4  # of the slope: not enough to pass anything
AHEAD = 2.0**-13  # the step that is looked at before a search ends early
FAR = 10.0  # times the errors: another slope
NOISE = 2.0
GRAIN = 8.0  # rounding errors: so small a change is one of rounding
CLOSEST, BENDS = 2.0**-46, 0.5  # the step that a kink must show in, and the share of it that must be seen there
UPPER = 3  # steps that count as the largest
GOOD_ENOUGH = 1e-10  # two more windows are looked at, then the search ends


class _Window:
    """Three steps, each half of the one before, extrapolated; the factors are those of series in t**2.

    Attributes:
        value: the slope at a step of 0.
        spread: by how much the last extrapolations disagree.
        noise: what rounding does to `value`.
        bent: whether the two sides do not meet in the middle, whose difference is a series in t, t**3.
    """

    def __init__(self, a: Step, b: Step, c: Step) -> None:
        coarse, fine = (4 * b.central - a.central) / 3, (4 * c.central - b.central) / 3
        self.value = (16 * fine - coarse) / 15
        self.spread = max(abs(self.value - fine), abs(self.value - coarse))
        self.noise = NOISE * max(a.noise, c.noise / 4)  # (64 c - 20 b + a) / 45, and c's noise is four times a's
        self.size = max(a.size, c.size)
        self.last = c.t
        self.off = max(abs(s.central - self.value) for s in (a, b, c))
        bend_coarse, bend_fine = 2 * b.bend - a.bend, 2 * c.bend - b.bend
        bend = (8 * bend_fine - bend_coarse) / 7
        unsure = 4 * max(abs(bend - bend_fine), abs(bend - bend_coarse))
        grows = abs(c.bend) > abs(a.bend) + 64 * a.noise and (a.bend < b.bend < c.bend or a.bend > b.bend > c.bend)
        self.bent = abs(bend) > unsure + 64 * a.noise or grows


def slope(
    probe: Probe,
    weights: Array,
    smallest: float = 1.0,
    blur: float = 0.0,
    largest: float = LARGEST_STEP,
    noise: Array | float = 0.0,
    aside: Array | float = 0.0,
    concerned: Array | None = None,
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
        aside: by how much that grows over a step of 1.
        concerned: which outputs depend on t, also where they are flat; None: those that move, all if none does.

    >>> found = slope(lambda t: (t, np.exp(np.array([1.0 + t]))), np.ones(1))
    >>> found.state, abs(found.value - math.e) <= 10 * found.error < 1e-8
    ('converged', True)
    >>> slope(lambda t: (t, np.maximum(np.array([t]), 0.0)), np.ones(1)).state
    'kink'
    >>> slope(lambda t: (t, np.sqrt(np.array([t]))), np.ones(1)).state
    'undecided'
    """
    with np.errstate(all="ignore"):  # a step may leave the domain of a logarithm; it is then not used
        middle = probe(0.0)[1]
        if not np.isfinite(middle).all():
            return Slope(math.nan, math.inf, "not finite")
        noises = [np.abs(weights) * np.broadcast_to(n, weights.shape) for n in (noise, aside)]
        moved = np.zeros(middle.shape, dtype=bool) if concerned is None else concerned.copy()
        ladder = _Ladder(probe, weights, middle, blur, (noises[0], noises[1]), min(1.0, smallest), moved)
        return ladder.searched(list(exponents(largest, smallest)))


def exponents(largest: float, smallest: float) -> Iterator[int]:
    """Yield the binary exponents of the steps, falling: a ladder below `largest`, another below `smallest`.

    >>> list(exponents(2.0**-3, 1.0)) == list(range(-3, -27, -1))
    True
    """
    top = math.floor(math.log2(largest))
    scale = max(math.floor(math.log2(max(smallest, 2.0**-1000))), -1000)
    upper = range(top, min(-STEPS_BELOW_SCALE, top - 4) - 1, -1)
    lower = range(min(scale - 3, top), scale - STEPS_BELOW_SCALE - 1, -1)
    yield from sorted({*upper, *(lower if scale < 0 else ())}, reverse=True)


class _Ladder:
    """The steps that were made on the way down, and what they say."""

    def __init__(
        self,
        probe: Probe,
        weights: Array,
        middle: Array,
        blur: float,
        noises: tuple[Array, Array],
        smallest: float,
        moved: Array,
    ) -> None:
        self.probe, self.weights, self.middle, self.blur, self.noises = probe, weights, middle, blur, noises
        self.smallest, self.moved = smallest, moved
        self.ahead: Step | None = None
        self.flat = True
        self.steps: list[Step | None] = []
        self.windows: list[_Window | None] = []

    def searched(self, ladder: Sequence[int]) -> Slope:
        """Return the slope: of the best window, of both sides where none is good enough, or that there is none."""
        for e in ladder:
            self.steps.append(self._step(2.0**e))
            self.windows.append(_window(self.steps[-3:]))
            if self._settled() and self._holds_further_in():
                break
        self._grain()
        k, error = self._best()
        window = self.windows[k]
        known = self.flat or (window is not None and error <= self._enough(window.value, window.size))
        if window is None or not math.isfinite(error) or not known:
            aside = by_sides(self.steps, self._enough, self.smallest)
            if aside.state == "kink" and not self._bends_here(aside):
                return self._further_in(ladder)
            if aside.state == "undecided" and window is not None and error <= ROUGHLY * abs(window.value):
                aside = Slope(window.value, error, "rough", aside.sides)
        else:
            aside = Slope(window.value, error, "converged", _last_sides(self.steps))
        return replace(aside, moved=self.moved, nothing=max(NOTHING * self._steepest(), BURIED * self._noise(1.0)))

    def _grain(self) -> None:
        """Take the least change of the outputs for the noise of all steps, where smaller ones show none.

        Not where that is a number one may step to from far, as the bound of a relu: where it is a rounding error of
        1, or of the outputs far away, as in a ``1 - cos(x)`` that NumPy computes.
        """
        moved = [s for s in self.steps if s is not None and (s.left or s.right)]
        flat = [s for s in self.steps if s is not None and not (s.left or s.right)]
        if not moved or not flat or flat[0].t > moved[-1].t:
            return
        last = self._least_that_moves(flat[0].t, moved[-1])
        grain = last.t * max(abs(last.left), abs(last.right))
        unit = float(np.abs(self.weights)[self._counted].sum())
        if EPS * unit / GRAIN <= grain <= GRAIN * EPS * (unit + max(s.size for s in moved)):
            self.steps = [s and replace(s, noise=max(s.noise, grain / s.t)) for s in self.steps]
            self.windows = [_window(self.steps[max(0, k - 2) : k + 1]) for k in range(len(self.steps))]

    def _least_that_moves(self, flat: float, moved: Step) -> Step:
        """Return the least step that moves outputs, between `flat`, which does not, and `moved`, which does."""
        low, high = math.frexp(flat)[1], math.frexp(moved.t)[1]
        while high - low > 1:
            step = self._step(2.0 ** ((low + high) // 2 - 1))
            if step is None:
                return moved
            if step.left or step.right:
                moved, high = step, (low + high) // 2
            else:
                low = (low + high) // 2
        return moved

    def _bends_here(self, found: Slope) -> bool:
        """Return whether a step as small as numbers allow still shows a kink or a jump, or rounding hides it.

        What lies at a distance of 1e-8 looks like a kink over all larger steps.
        """
        step = self._step(CLOSEST * self.smallest)
        if step is None:
            return True
        return abs(step.bend) + FAR * step.noise >= BENDS * abs(found.sides[1] - found.sides[0])

    def _further_in(self, ladder: Sequence[int]) -> Slope:
        """Return what steps say that are smaller than those of `ladder`, all of which led across a kink nearby."""
        self.steps, self.windows, self.ahead = [], [], None
        for e in range(ladder[-1] - 1, math.floor(math.log2(CLOSEST * self.smallest)) - 1, -1):
            self.steps.append(self._step(2.0**e))
            self.windows.append(_window(self.steps[-3:]))
        k, error = self._best()
        window = self.windows[k]
        if window is None or not error <= self._enough(window.value, window.size):
            return Slope(math.nan, math.inf, "undecided", _last_sides(self.steps), moved=self.moved)
        return Slope(window.value, error, "converged", _last_sides(self.steps), moved=self.moved)

    def _best(self) -> tuple[int, float]:
        """Return the window with the least error, and that; no smaller step leads elsewhere."""
        errors = [_error(self.windows, k) for k in range(len(self.windows))]
        for k in np.argsort(errors, kind="stable"):
            window = self.windows[k]
            if window is None or self._agrees(window, errors[k]):
                return int(k), errors[k]
        return 0, math.inf

    def _agrees(self, window: _Window, error: float) -> bool:
        """Return whether the smaller steps agree with `window`: a staircase is a slope from afar."""
        further = [s for s in (*self.steps, self.ahead) if s is not None and s.t < window.last]
        return all(abs(s.central - window.value) <= window.off + FAR * (error + s.noise) for s in further)

    def _holds_further_in(self) -> bool:
        """Return whether one step far ahead, which is made once, agrees with the best window."""
        made = [s for s in self.steps if s is not None]
        if self.ahead is None and made[-1].t > AHEAD * self.smallest:
            self.ahead = self._step(AHEAD * self.smallest)
        return self._settled(agreeing=True)

    def _enough(self, value: float, size: float) -> float:
        scale = max(size, self._steepest())
        return max(OF_SLOPE * abs(value), OF_OUTPUTS * scale, OF_NOISE * self._noise(1.0), UNDERFLOW)

    def _steepest(self) -> float:
        """Return the largest slope over the largest steps: how much outputs change that are 0 in the middle."""
        first = [s for s in self.steps if s is not None][:UPPER]
        return max((abs(slope) for s in first for slope in (s.left, s.right)), default=0.0)

    def _settled(self, agreeing: bool = False) -> bool:
        """Return whether a window is good enough and has been looked at twice again; with which smaller steps agree."""
        for k in range(len(self.windows) - 2):
            window, error = self.windows[k], _error(self.windows, k)
            good = window is not None and error <= GOOD_ENOUGH * max(abs(window.value), window.size)
            if window and good and (not agreeing or self._agrees(window, error)):
                return True
        return False

    def _noise(self, t: float) -> float:
        """Return what rounding inside the function does to the sum of the outputs that move, at the step `t`."""
        middle, aside = (float(n[self._counted].sum()) for n in self.noises)
        return middle + t * aside

    @property
    def _counted(self) -> Any:
        """The outputs that move; all where none does, as in ``(x + 1e16) - 1e16``."""
        return self.moved if self.moved.any() else slice(None)

    def _step(self, t: float) -> Step | None:
        """Return the differences at the step `t`, None if the function is not finite there.

        Outputs that never move carry no rounding errors either: a large constant beside a small result does no harm.
        """
        up, right = self.probe(t)
        down, left = self.probe(-t)
        middle, weights = self.middle, self.weights
        other = right.shape != middle.shape or left.shape != middle.shape  # a mask that selects more elements there
        if other or not (np.isfinite(right).all() and np.isfinite(left).all()) or not up or not down:
            return None
        changed = (right != left) | (right != middle)
        self.flat &= not changed.any()
        self.moved |= changed
        sizes = np.maximum(np.maximum(np.abs(right), np.abs(left)), np.abs(middle))
        size = float((np.abs(weights) * sizes)[self._counted].sum())
        central = float(weights @ (right - left)) / (up - down)
        r, s = float(weights @ (right - middle)) / up, float(weights @ (middle - left)) / -down
        noise = (max(EPS * size, self._noise(t)) + EPS * self.blur * abs(central)) / t
        return Step(t, central, s, r, noise, size)


def _window(steps: list[Step | None]) -> _Window | None:
    taken = halving(steps)
    return _Window(*taken) if taken and len(taken) == 3 else None


def _error(windows: list[_Window | None], k: int) -> float:
    """Return the error of window `k`; its own spread may be small by luck, so that the next two, noisier ones count."""
    window = windows[k]
    if window is None or window.bent:
        return math.inf
    later = [(i, w) for i, w in enumerate(windows[k + 1 : k + 3], 2) if w is not None]
    return max([window.spread, window.noise, *(w.spread / 2.0**i for i, w in later)])


def _last_sides(steps: list[Step | None]) -> tuple[float, float]:
    """Return the one-sided slopes over the smallest step."""
    step = next((s for s in reversed(steps) if s is not None), None)
    return (math.nan, math.nan) if step is None else (step.left, step.right)
