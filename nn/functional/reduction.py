"""How the losses of a batch become one number, and what all losses check."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import check_real
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions.common import widened
from tensorgrad.functions.composed import check_floating

REDUCTIONS = ("mean", "sum", "none")


def chosen(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """Return the reduction that PyTorch's old arguments ask for, with its warning; `reduction` where they are None."""
    if size_average is None and reduce is None:
        return reduction
    averaged, summed = size_average in (None, True), reduce in (None, True)
    found = "none" if not summed else "mean" if averaged else "sum"
    warn(
        f"size_average and reduce args will be deprecated, please use reduction='{found}' instead.",
    )
    return found


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is mean, sum or none."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction: mean, sum or none")


def reduced(x: Tensor, reduction: str) -> Tensor:
    """Return the losses averaged, summed or as they are; ValueError for any other word.

    ComplexError for complex ones: what is as small as possible is a real number.
    """
    check_real("loss", x.array)
    if reduction == "mean":
        check_floating(x, "mean")
        return ops.mean(x)
    if reduction == "sum":
        return ops.sum(widened(x, None))
    check_reduction(reduction)
    return x


def weighted(x: Tensor, weight: Tensor, reduction: str, like: Tensor) -> Tensor:
    """Return ``weight * x`` reduced, by the weighted mean; ShapeError unless `weight` has the shape of `like`."""
    if weight.array.shape != like.array.shape:
        raise ShapeError(
            f"Weights and input must have the same size: found {weight.array.shape} and {like.array.shape}"
        )
    return ops.sum(x * weight) / ops.sum(weight) if reduction == "mean" else reduced(x * weight, reduction)


def warn_of_sizes(input: Tensor, target: Tensor) -> None:
    """Warn, as PyTorch does, where `input` and `target` have different shapes: (N,) against (N, 1) gives (N, N)."""
    if input.array.shape != target.array.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size."
        )
