"""The complex step: a numerical derivative without a difference of nearly equal numbers.

For a function that is analytic and real on the real line, ``f(x + ih) = f(x) + ih f'(x) + O(h**2)``: the imaginary part
divided by a step as small as 1e-30 is the derivative to rounding error. Which functions are analytic when they are run
on complex arrays is not asked of anybody: the step is believed where it agrees with the real differences, which have
an error estimate of their own. A function that refuses complex numbers, or drops their imaginary part, is left to them.

Source: Squire and Trapp 1998, SIAM Review 40, 110-112.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tensorgrad.base.context import STEPPING, context, within
from tensorgrad.base.dtypes import Array

from .shaking import SMALLEST
from .sides import EPS, Slope

STEP = 2.0**-100  # its square is lost beside anything; divided by, it costs no digit
FINER = 2.0**-140
SHORTEST = 2.0**-960  # digits are lost below
INEXACT = 4.0  # the error of an imaginary part, at most, in that of the real part

AGREEMENT = 10.0  # times the estimated error of the differences


def refined(
    found: Slope, probe: Callable[[complex], Array], weights: Array, middle: Array, smallest: float = 1.0
) -> Slope:
    """Return `found` with the value and error of a complex step, or as it is where that does not agree with it.

    Args:
        found: the slope by differences.
        probe: gives the outputs, a vector, at an imaginary step.
        weights: one number for each output.
        middle: the outputs themselves. Where the real part of an output is another, what is computed on the way, as the
            logarithm in a complex power, is not exact, and the imaginary part is not either.
        smallest: the step at which the function may begin to change its nature: the imaginary one is nothing beside it.

    >>> found = Slope(2.7182818, 1e-7, "converged")
    >>> refined(found, lambda t: np.exp(np.array([1 + t])), np.ones(1), np.exp([1.0])).value == math.e
    True
    >>> refined(found, lambda t: np.abs(np.array([1 + t])), np.ones(1), np.ones(1)).method
    'differences'
    """
    if found.state not in ("converged", "rough"):
        return found
    step, finer = (max(s * smallest, SHORTEST) for s in (STEP, FINER))
    outputs = _outputs(probe, step, weights)
    if outputs is None:
        return found
    value, error = _slope(outputs, step, weights)
    with np.errstate(all="ignore"):
        off = np.abs(outputs.real - middle) / np.abs(middle)
        error += INEXACT * float(np.abs(weights * outputs.imag / step) @ np.where(np.isfinite(off), off, 0.0))
    size = float(np.abs(weights * outputs.real).sum())
    if abs(value - found.value) > AGREEMENT * (found.error + error + EPS * size) or error > found.error > 0:
        return found
    if 0 < abs(value) <= found.error:  # it may be what is left of the series, as of x * abs(x) at 0
        again = _outputs(probe, finer, weights)
        if again is None:
            return found
        error = max(error, abs(_slope(again, finer, weights)[0] - value))
    moved = outputs.imag != 0 if found.moved is None else found.moved | (outputs.imag != 0)
    return replace(found, value=value, error=error, state="converged", method="complex step", moved=moved)


def _slope(outputs: Array, step: float, weights: Array) -> tuple[float, float]:
    """Return the slope of the weighted sum, and its rounding error, by relative and, next to 0, by absolute steps."""
    parts = weights * outputs.imag / step
    return math.fsum(parts.tolist()), EPS * float(np.abs(parts).sum()) + 4 * SMALLEST / step


def _outputs(probe: Callable[[complex], Array], step: float, weights: Array) -> Array | None:
    """Return the outputs at an imaginary `step`, None where they are not complex, or not finite."""
    stepping = within(flags=context().flags | STEPPING)
    with np.errstate(all="ignore"), warnings.catch_warnings(), stepping:
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that is dropped
        try:
            outputs = probe(step * 1j)
        except Exception:  # noqa: BLE001 - the function was never meant for complex numbers: whatever it says means no
            return None
    good = outputs.dtype.kind == "c" and outputs.shape == weights.shape and bool(np.isfinite(outputs).all())
    return outputs if good else None
