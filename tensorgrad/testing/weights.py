"""The weights with which a check adds up the outputs of a function, so that no output hides behind another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tensorgrad.base.dtypes import Array

LEAST = 2.0**20  # rounding errors that an output is taken for at least
HIDDEN = 2.0**-16  # of the other elements of its output: one that is smaller is weighed alone
_FINER = float(np.finfo(np.float64).eps) / float(np.finfo(np.float32).eps)


def weights_of(
    outputs: Sequence[Array],
    coarse: Sequence[Array],
    random: np.random.Generator,
    floors: Callable[[], Sequence[Array]],
) -> list[Array]:
    """Return a number between 1/2 and 1 for every element, times the power of two that makes its output a large one.

    An element that is far smaller than the others of its output, as in ``cat([x * 1e15, exp(x)])``, has a power of its
    own.

    Args:
        outputs: the values.
        coarse: the same computed in float32: what differs much is mostly rounding.
        random: draws the numbers; a single element has the weight 1.
        floors: gives what each element counts for at least; asked only where elements are small beside others.
    """
    if sum(y.size for y in outputs) == 1:
        return [np.ones(y.shape) for y in outputs]
    powers = [_power(y, other) for y, other in zip(outputs, coarse, strict=True)]
    highest = max([p for p in powers if p is not None], default=0.0)
    sizes = [2.0 ** (highest if p is None else p) for p in powers]
    small = [_small(y, size) for y, size in zip(outputs, sizes, strict=True)]
    floor = floors() if any(s.any() for s in small) else outputs
    taken = [
        np.where(s, _size(np.maximum(np.abs(y), f), size), size)
        for y, f, s, size in zip(outputs, floor, small, sizes, strict=True)
    ]
    return [
        np.asarray(random.uniform(0.5, 1.0, y.shape)) * np.asarray(2.0**highest / t)
        for y, t in zip(outputs, taken, strict=True)
    ]


def _small(y: Array, size: float) -> Array:
    """Return which elements of `y` are far smaller than it; a 0 counts as one that is below 1."""
    return np.asarray(np.where(y == 0, min(size, 1.0), np.abs(y)) < HIDDEN * size)


def _size(found: Array, size: float) -> Array:
    """Return the powers of two above what is `found`, within `size`; 1 where nothing is."""
    powers = np.ceil(np.log2(np.where(found > 0, found, 1.0)))
    return np.asarray(2.0 ** np.clip(powers, np.log2(size) - 400, np.log2(size)))


def _power(y: Array, coarse: Array) -> float | None:
    """Return the binary order of magnitude of `y`, None if it has none; what is mostly rounding counts as larger."""
    with np.errstate(all="ignore"):
        size = max(_rms(np.abs(y)), LEAST * _FINER * _rms(np.abs(y - coarse)))
    return float(np.clip(np.ceil(np.log2(size)), -400, 400)) if 0 < size < np.inf else None


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x.astype(np.float64))))) if x.size else 0.0
