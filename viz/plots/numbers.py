"""What users give, as arrays of float64: lists, arrays, tensors with or without a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError


def numbers(what: str, values: Any) -> Array:
    """Return `values` as a float64 array; None among them is NaN.

    Raises:
        ShapeError: nested lists of different lengths.
        DTypeError: not numbers, or complex ones.

    >>> numbers("loss", [1, None, 2.5])
    array([1. , nan, 2.5])
    """
    given = getattr(values, "array", values)  # of a tensor, whatever its history
    if isinstance(given, list | tuple):
        given = [
            numbers(what, value) if isinstance(value, list | tuple) else getattr(value, "array", value)
            for value in given
        ]
    try:
        found = np.asarray(given)
    except ValueError as error:
        raise ShapeError(f"{what}: its rows have different lengths: give an array, or rows of one length") from error
    try:
        if found.dtype.kind not in "biufO":  # O: None among numbers
            raise TypeError(f"found {found.dtype}")
        return found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"{what}: expected real numbers: {error}") from error


def some_finite(what: str, values: Any) -> Array:
    """Return `numbers`, at least one of which is finite.

    Raises:
        ArgumentError: there is no number, or none that could be drawn.
    """
    found = numbers(what, values)
    if not np.isfinite(found).any():
        reason = f"all {found.size} values are NaN or infinite" if found.size else "it has no values"
        raise ArgumentError(f"{what}: {reason}: there is nothing to draw")
    return found


def at_least_one(what: str, **counts: int | None) -> None:
    """Raise ArgumentError for the first of `counts` that is given and below 1."""
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ArgumentError(f"{what}: {name}={count}: expected at least 1")


def limits_of(what: str, limits: Any) -> tuple[float, float]:
    """Return `limits` as two finite numbers, the lower first.

    Raises:
        ArgumentError: they are anything else.
    """
    low, high = numbers(what, limits) if np.shape(limits) == (2,) else (1.0, 0.0)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ArgumentError(f"{what}={limits!r}: expected two finite numbers, the lower first, as (0, 1)")
    return float(low), float(high)
