"""The arithmetic of the fused forms, on plain arrays: forward -> (value, residuals), adjoint -> cotangents.

Each is equal, to rounding, to the composition that nn states; `fused` says where it may be used.
"""

from __future__ import annotations

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import average, column_sums
from tensorgrad.engine.generalforms import asarray


def batch_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, tuple[Array, ...]]:
    """Return the batch normalisation of `x` (N, D), and (mean, variance, deviations, 1/deviation) of the batch.

    Where squares leave the dtype there are no residuals, and the value is none: the composition is to answer.
    """
    n = len(x)
    xmu = x - x[0]  # equal numbers leave nothing, whatever their mean is rounded to
    mean = column_sums(xmu)
    mean /= n
    xmu -= mean
    if not np.vdot(xmu, xmu) < np.inf:
        return xmu, ()
    mean += x[0]
    var = column_sums(xmu * xmu)
    var /= n
    ivar = var + eps
    np.sqrt(ivar, ivar)
    np.reciprocal(ivar, ivar)
    y = xmu * (ivar * weight)
    y += bias
    return y, (mean, var, xmu, ivar)


def batch_norm_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangents of x, weight and bias.

    dx = weight * ivar * (g - mean(g) - xhat * mean(g * xhat)), the sum of the edges of figure 6-17 (Ioffe and Szegedy
    2015, section 3), with xhat written as xmu * ivar.
    """
    _, _, xmu, ivar = residuals
    n = len(g)
    dbias = column_sums(g)
    dweight = column_sums(g * xmu)
    dweight *= ivar
    dx = xmu * (ivar * dweight * (-1 / n))
    dx += g
    dx -= dbias * (1 / n)
    dx *= ivar * inputs[1]
    return dx, dweight, dbias


def cross_entropy(x: Array, *, target: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return the mean over the batch of ``logsumexp(x_n) - x_n[t_n]``, and the softmax."""
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    s = e.sum(axis=1)
    losses = np.log(s)
    losses -= shifted[rows, target]
    e /= s[:, None]
    return asarray(average(losses)), (e, rows, target)


def cross_entropy_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangent of the logits: ``g / N * (softmax(x) - onehot(t))``."""
    softmax, rows, target = residuals
    dx = softmax * (g / len(rows))
    dx[rows, target] -= g / len(rows)
    return (dx,)
