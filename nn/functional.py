"""Layers as functions: compositions of primitives, with no rule of their own."""

from __future__ import annotations

import numpy as np

from tensorgrad import composed, kernels, ops
from tensorgrad.dtypes import Array
from tensorgrad.errors import ShapeError
from tensorgrad.functions import log_softmax, logsumexp, softmax
from tensorgrad.fused import fused, fusible
from tensorgrad.graph import named
from tensorgrad.names import answer_unknown_names
from tensorgrad.ops import relu, sigmoid, tanh
from tensorgrad.random import Generator
from tensorgrad.sampling import rand
from tensorgrad.tensor import Constant, Tensor, wrap


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``, shape (..., out), from (..., in), (out, in) and (out,)."""
    if input.array.shape[-1:] != weight.array.shape[1:]:
        shapes = "x".join(map(str, input.array.shape)), "x".join(map(str, weight.array.shape[::-1]))
        raise ShapeError(
            f"mat1 and mat2 shapes cannot be multiplied ({shapes[0]} and {shapes[1]}): "
            f"the layer takes {weight.array.shape[-1]} features, the input has shape {input.array.shape}"
        )
    return ops.linear(input, weight) if bias is None else ops.affine(input, weight, bias)


def normalized(x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, var: Tensor, eps: float) -> Tensor:
    """Return ``weight * (x - mean) / sqrt(var + eps) + bias`` from given statistics."""
    return scaled(named("xμ", x - mean), var, weight, bias, eps)


def scaled(xmu: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Return the second half of batch normalisation: division by the root of the variance, scale and shift."""
    sqrtvar = named("sqrtvar", ops.sqrt(var + Constant(eps, "ε")))
    ivar = named("ivar", 1 / sqrtvar)
    out = named("x̂", xmu * ivar)
    if weight is not None:
        out = named("γx̂", out * weight)
    return out if bias is None else out + bias


def batch_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of `x` (N, D) over the batch, the deviations from it, and the mean of their squares."""
    mu = named("μ", ops.mean(x, axis=0))
    xmu = named("xμ", x - mu)
    sq = named("sq", xmu**2)
    return mu, xmu, named("var", ops.mean(sq, axis=0))


def _batch_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    _, xmu, var = batch_statistics(x)
    return scaled(xmu, var, weight, bias, eps)


_fused_batch_norm = fused("batch_norm", _batch_norm, kernels.batch_norm, kernels.batch_norm_adjoint)


def batch_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, Array, Array]:
    """Return `x` (N, D) normalised over the batch, scaled and shifted, and the batch's mean and biased variance."""
    if weight is not None and bias is not None and len(x.array) and fusible(x, weight, bias):
        y, (mean, variance, *_) = _fused_batch_norm(x, weight, bias, eps=eps)
        return y, mean, variance
    mu, xmu, var = batch_statistics(x)
    return scaled(xmu, var, weight, bias, eps), mu.array, var.array


def dropout(input: Tensor, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Tensor:
    """Return `input` with each element zeroed with probability `p` and the others divided by ``1 - p``.

    Source: Srivastava et al. 2014, in the inverted form, which leaves evaluation unchanged. ValueError for p outside
    [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0.0
    keep = rand(input.array.shape, dtype=input.array.dtype, generator=generator).array >= p
    scale = input.array.dtype.type(1 / (1 - p))
    return input * named("mask", wrap(keep * scale))


def cross_entropy(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross entropy of the softmax of `input` (N, C) with `target`, classes (N,) or probabilities (N, C).

    ``L_n = logsumexp(x_n) - x_n[t_n]``: finite for any finite logits. `reduction` is "mean", "sum" or "none".
    """
    if target.array.dtype.kind == "f":
        return _reduced(ops.neg(ops.sum(composed.log_softmax(input, -1) * target, axis=-1)), reduction)
    _check_classes(input, target)
    if reduction == "mean" and len(target.array) and fusible(input):
        return _fused_cross_entropy(input, target=target.array.copy())[0]
    return _reduced(_class_losses(input, target.array.copy()), reduction)


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
    return _reduced((input - target) ** 2, reduction)


def _reduced(x: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return ops.mean(x)
    if reduction == "sum":
        return ops.sum(x)
    if reduction == "none":
        return x
    raise ValueError(f"{reduction} is not a valid value for reduction: mean, sum or none")


__all__ = [
    "batch_norm",
    "batch_statistics",
    "cross_entropy",
    "dropout",
    "linear",
    "log_softmax",
    "logsumexp",
    "mse_loss",
    "normalized",
    "relu",
    "scaled",
    "sigmoid",
    "softmax",
    "tanh",
]

answer_unknown_names(__name__)
