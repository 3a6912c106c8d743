"""Running sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.kinds import multilinear


@multilinear(lambda g, axis, reverse: cumsum(g, axis=axis, reverse=not reverse), symbol="Σ≤", samples="cumulative")
def cumsum(x: Any, *, axis: Any, reverse: Any) -> Any:
    """Return the sums of all elements up to each one along `axis`; with `reverse`, from each one on: the adjoint."""
    if reverse:
        return np.flip(cumsum(np.flip(x, axis), axis=axis, reverse=False), axis)
    if x.dtype.kind == "f" and x.dtype.itemsize < 8:
        return np.cumsum(x, axis, dtype=np.float64).astype(x.dtype)  # the error of a running sum grows with its length
    return np.cumsum(x, axis)
