"""Curves made smooth: the book's moving average under a Kaiser window, and TensorBoard's exponential one.

Both leave out values that are not finite: the curve has its gaps where the values have theirs, and stays as it is
beside them.
"""

from __future__ import annotations

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError

WINDOW, BETA = 11, 2.0
WEIGHT = 0.6
"""TensorBoard's weight of the past, where none is given."""


def smoothed(values: Array, smoothing: float | str) -> Array:
    """Return `values`, of shape (n,), made smooth.

    Args:
        values: float64; NaN and infinities are gaps.
        smoothing: "kaiser", "exponential", or the weight of the past in the exponential average, from 0 (which changes
            nothing) to below 1.

    Raises:
        ArgumentError: another `smoothing`.

    >>> smoothed(np.array([0.0, 1.0, 1.0]), 0.5).round(3)
    array([0.   , 0.667, 0.857])
    """
    if smoothing == "kaiser":
        return _kaiser(values)
    weight = WEIGHT if smoothing == "exponential" else smoothing
    if isinstance(weight, bool | str) or not 0 <= weight < 1:
        raise ArgumentError(
            f'smoothing={smoothing!r} is not known: use "kaiser", "exponential", or its weight from 0 to below 1'
        )
    return _exponential(values, weight)


def _kaiser(values: Array) -> Array:
    """Return the average over the neighbours, mirrored at both edges: the first value once, the last twice.

    That is what the book's `smooth_curve` computes.
    """
    if not len(values):
        return values
    half = WINDOW // 2
    finite = np.isfinite(values)
    window = np.kaiser(WINDOW, BETA)
    total, weights = (
        np.convolve(
            np.append(np.pad(x, (half, 0), "reflect"), np.pad(x, (0, half), "symmetric")[-half:]), window, "valid"
        )
        for x in (np.where(finite, values, 0.0), finite.astype(np.float64))
    )
    return np.where(finite, total / np.where(finite, weights, 1.0), np.nan)


def _exponential(values: Array, weight: float) -> Array:
    """Return the running average with weights that fall by `weight` from value to value and sum to one.

    The division corrects the bias towards the 0 from which the sum starts.
    """
    result = np.full(len(values), np.nan)
    total, weights = 0.0, 0.0
    for i in np.flatnonzero(np.isfinite(values)):
        total = weight * total + (1 - weight) * values[i]
        weights = weight * weights + (1 - weight)
        result[i] = total / weights
    return result
