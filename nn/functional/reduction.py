"""How the losses of a batch become one number."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.tensor import Tensor


def reduced(x: Tensor, reduction: str) -> Tensor:
    """Return the losses averaged, summed or as they are; ValueError for any other word."""
    if reduction == "mean":
        return ops.mean(x)
    if reduction == "sum":
        return ops.sum(x)
    if reduction == "none":
        return x
    raise ValueError(f"{reduction} is not a valid value for reduction: mean, sum or none")
