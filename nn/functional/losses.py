"""Losses."""

from __future__ import annotations

import numpy as np

from tensorgrad import composed, kernels, ops
from tensorgrad.dtypes import Array
from tensorgrad.errors import ShapeError
from tensorgrad.fused import fused, fusible
from tensorgrad.tensor import Tensor

from .reduction import reduced


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross entropy of the softmax of `input` (N, C) with `target`, classes (N,) or probabilities (N, C).

    ``L_n = logsumexp(x_n) - x_n[t_n]``: finite for any finite logits. `reduction` is "mean", "sum" or "none".
    """
    if target.array.dtype.kind == "f":
        return reduced(ops.neg(ops.sum(composed.log_softmax(input, -1) * target, axis=-1)), reduction)
    _check_classes(input, target)
    if reduction == "mean" and len(target.array) and fusible(input):
        return _fused_cross_entropy(input, target=target.array.copy())[0]
    return reduced(_class_losses(input, target.array.copy()), reduction)


def _class_losses(input: Tensor, target: Array) -> Tensor:
    x = composed.log_softmax(input, -1)
    return ops.neg(ops.getitem(x, index=(np.arange(x.array.shape[0]), target)))


def _mean_cross_entropy(input: Tensor, *, target: Array) -> Tensor:
    return ops.mean(_class_losses(input, target))


_fused_cross_entropy = fused("cross_entropy", _mean_cross_entropy, kernels.cross_entropy, kernels.cross_entropy_adjoint)


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def _check_classes(input: Tensor, target: Tensor) -> None:
    n, classes = input.array.shape if input.array.ndim == 2 else (-1, -1)
    if target.array.shape != (n,):
        raise ShapeError(
            f"Expected input batch_size ({input.array.shape[0] if input.array.ndim else 0}) to match target batch_size "
            f"({target.array.shape[0] if target.array.ndim else 0}): logits (N, C) and classes (N,) are needed, "
            f"found {input.array.shape} and {target.array.shape}"
        )
    # a negative number, read without its sign, is a huge one: one pass instead of two
    if n and target.array.view(_UNSIGNED[target.array.dtype.itemsize]).max() >= classes:
        raise IndexError(
            f"Target {target.array.max() if target.array.min() >= 0 else target.array.min()} is out of bounds: "
            f"classes are 0 to {classes - 1}"
        )


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared difference, averaged, summed or per element."""
    return reduced((input - target) ** 2, reduction)
