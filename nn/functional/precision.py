"""Half precision computed in single, where squares and cubes have no place."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.base.dtypes import float16, float32
from tensorgrad.engine.tensor import Tensor


def widened(x: Tensor) -> Tensor:
    """Return `x`, in single where it is in half precision: the square of 300 has no place there."""
    return ops.astype(x, dtype=float32) if x.array.dtype == float16 else x


def narrowed(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, computed from a widened `x`, in the precision of `x`."""
    return ops.astype(y, dtype=float16) if x.array.dtype == float16 else y
