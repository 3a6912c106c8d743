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

from tensorgrad.base.context import CONTEXT, STEPPING, context
from tensorgrad.base.dtypes import Array

from .extrapolation import EPS, Slope

STEP = 2.0**-100  # its square is lost beside anything; divided by, it costs no digit

AGREEMENT = 10.0  # times the estimated error of the differences


def refined(found: Slope, probe: Callable[[complex], Array], weights: Array) -> Slope:
    """Return `found` with the value and error of a complex step, or as it is where that does not agree with it.

    Args:
        found: the slope by differences.
        probe: gives the outputs, a vector, at an imaginary step.
        weights: one number for each output.

    >>> found = Slope(2.7182818, 1e-7, "converged")
    >>> refined(found, lambda t: np.exp(np.array([1 + t])), np.ones(1)).value == math.e
    True
    >>> refined(found, lambda t: np.abs(np.array([1 + t])), np.ones(1)).method
    'differences'
    """
    if found.state not in ("converged", "rough"):
        return found
    outputs = _outputs(probe)
    if outputs is None or outputs.dtype.kind != "c" or outputs.shape != weights.shape or not np.isfinite(outputs).all():
        return found
    parts = weights * outputs.imag / STEP
    value, error = math.fsum(parts.tolist()), EPS * float(np.abs(parts).sum())
    size = float(np.abs(weights * outputs.real).sum())
    if abs(value - found.value) > AGREEMENT * (found.error + error + EPS * size):
        return found
    moved = outputs.imag != 0 if found.moved is None else found.moved | (outputs.imag != 0)
    return replace(found, value=value, error=error, state="converged", method="complex step", moved=moved)


def _outputs(probe: Callable[[complex], Array]) -> Array | None:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that is dropped
        token = CONTEXT.set(replace(context(), flags=context().flags | STEPPING))
        try:
            return probe(STEP * 1j)
        except Exception:  # noqa: BLE001 - the function was never meant for complex numbers: whatever it says means no
            return None
        finally:
            CONTEXT.reset(token)
