"""The weights with which a check adds up the outputs of a function, so that no output hides behind another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorgrad.base.dtypes import Array

LEAST = 2.0**20  # rounding errors that an output is taken for at least
_FINER = float(np.finfo(np.float64).eps) / float(np.finfo(np.float32).eps)


def weights_of(outputs: Sequence[Array], coarse: Sequence[Array], random: np.random.Generator) -> list[Array]:
    """Return a number between 1/2 and 1 for every element, times the power of two that makes its output a large one.

    Args:
        outputs: the values.
        coarse: the same computed in float32: what differs much is mostly rounding.
        random: draws the numbers; a single element has the weight 1.
    """
    if sum(y.size for y in outputs) == 1:
        return [np.ones(y.shape) for y in outputs]
    powers = [_power(y, other) for y, other in zip(outputs, coarse, strict=True)]
    highest = max([p for p in powers if p is not None], default=0.0)
    return [
        np.asarray(random.uniform(0.5, 1.0, y.shape)) * 2.0 ** (0.0 if p is None else highest - p)
        for y, p in zip(outputs, powers, strict=True)
    ]


def _power(y: Array, coarse: Array) -> float | None:
    """Return the binary order of magnitude of `y`, None if it has none; what is mostly rounding counts as larger."""
    with np.errstate(all="ignore"):
        size = max(_rms(np.abs(y)), LEAST * _FINER * _rms(np.abs(y - coarse)))
    return float(np.clip(np.ceil(np.log2(size)), -400, 400)) if 0 < size < np.inf else None


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x.astype(np.float64))))) if x.size else 0.0
