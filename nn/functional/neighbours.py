"""Normalisation by neighbours: each channel over a power of the squares around it."""

from __future__ import annotations

import functools

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import check_real
from tensorgrad.base.numerics import magnitude
from tensorgrad.create.creation import zeros
from tensorgrad.engine.generalforms import finite
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ShapeError
from tensorgrad.functions.precision import narrowed, widened


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Return each element of `input` (N, C, L...) over a power of the squares of `size` neighbouring channels.

    ``y = x / (k + alpha / size * sum(neighbours ** 2)) ** beta`` (Krizhevsky et al. 2012, section 3.3).

    Raises:
        ShapeError: `input` has fewer than three axes.
    """
    shape = input.array.shape
    if len(shape) < 3:
        raise ShapeError(f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)")
    x = widened(input)
    check_real("local_response_norm", x.array)
    before, after = (zeros((shape[0], n, *shape[2:]), dtype=x.array.dtype) for n in (size // 2, (size - 1) // 2))
    with np.errstate(over="ignore"):
        total = _neighbours(ops.concatenate(before, x**2, after, axis=1), shape[1], size)
        power = (total * (alpha / size) + k) ** beta
    if finite(power.array):
        return narrowed(x / power, input)
    padded = ops.concatenate(before, x, after, axis=1)
    sizes = np.stack([padded.array[:, i : i + shape[1]] for i in range(size)])
    unit = magnitude(sizes, 0)[0]
    total = _neighbours(padded, shape[1], size, wrap(1 / unit))
    power = (total * (alpha / size) + wrap(k / unit / unit)) ** beta
    part = wrap(unit**-beta)  # twice: what leaves the dtype at once may be in it together with x
    return narrowed(x * part / power * part, input)


def _neighbours(x: Tensor, channels: int, size: int, factor: Tensor | None = None) -> Tensor:
    """Return the sum of `size` neighbouring channels of `x`; with a `factor`, of their squares times its square."""
    parts = [ops.getitem(x, index=(slice(None), slice(i, i + channels))) for i in range(size)]
    return functools.reduce(ops.add, parts if factor is None else [(part * factor) ** 2 for part in parts])
