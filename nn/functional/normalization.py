"""Normalisation over a batch: the computational graph of figure 6-17."""

from __future__ import annotations

from tensorgrad import kernels, ops
from tensorgrad.dtypes import Array
from tensorgrad.fused import fused, fusible
from tensorgrad.graph import named
from tensorgrad.tensor import Constant, Tensor


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
