"""The arithmetic of the fused forms, on plain arrays: forward -> (value, residuals), adjoint -> cotangents.

Each is equal, to rounding, to the composition that nn states; `fused` says where it may be used.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import column_sums, total
from tensorgrad.base.switches import compilable
from tensorgrad.base.watched import one_way
from tensorgrad.engine.generalforms import asarray
from tensorgrad.ops.rowwise import row_maxima, row_sums


def batch_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, tuple[Array, ...]]:
    """Return the batch normalisation of `x` (N, D), and (mean, variance, deviations, 1/deviation) of the batch.

    Where squares leave the dtype there are no residuals, and the value is none: the composition is to answer.
    """
    return _normalized(x, x[0], weight, bias, eps, column_sums)


def batch_norm_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangents of x, weight and bias."""
    return _normalized_adjoint(g, residuals[2], residuals[3], inputs[1], column_sums)


def channel_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> tuple[Array, tuple[Array, ...]]:
    """Return what `batch_norm` does, of `x` (N, C, ...), which is normalised over all axes but 1."""
    rows = x.reshape(*x.shape[:2], -1)
    y, found = _normalized(rows, rows[:1, :, :1], weight[:, None], bias[:, None], eps, _channel_sums)
    if not found:
        return x, ()
    mean, var, xmu, ivar = found
    return y.reshape(x.shape), (mean.reshape(-1), var.reshape(-1), xmu.reshape(x.shape), ivar)


def channel_norm_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangents of x, weight and bias."""
    xmu, rows = (a.reshape(*a.shape[:2], -1) for a in (residuals[2], g))
    dx, dweight, dbias = _normalized_adjoint(rows, xmu, residuals[3], inputs[1][:, None], _channel_sums)
    return dx.reshape(g.shape), dweight.reshape(-1), dbias.reshape(-1)


def _normalized(
    x: Array, first: Array, weight: Array, bias: Array, eps: float, sums: Callable[[Array], Array]
) -> tuple[Array, tuple[Array, ...]]:
    """Return what `batch_norm` does, where `sums` adds up what is of one feature, of which `first` is the first."""
    n = x.size // weight.size
    xmu = x - first  # equal numbers leave nothing, whatever their mean is rounded to
    mean = sums(xmu)
    mean /= n
    xmu -= mean
    if not np.vdot(xmu, xmu) < np.inf:
        return xmu, ()
    mean += first
    var = sums(xmu * xmu)
    var /= n
    ivar = var + eps
    np.sqrt(ivar, ivar)
    np.reciprocal(ivar, ivar)
    y = xmu * (ivar * weight)
    y += bias
    return y, (mean, var, xmu, ivar)


def _normalized_adjoint(
    g: Array, xmu: Array, ivar: Array, weight: Array, sums: Callable[[Array], Array]
) -> tuple[Array, ...]:
    """Return the cotangents of x, weight and bias.

    dx = weight * ivar * (g - mean(g) - xhat * mean(g * xhat)), the sum of the edges of figure 6-17 (Ioffe and Szegedy
    2015, section 3), with xhat written as xmu * ivar.
    """
    n = g.size // ivar.size
    dbias = sums(g)
    dweight = sums(g * xmu)
    dweight *= ivar
    dx = xmu * (ivar * dweight * (-1 / n))
    dx += g
    dx -= dbias * (1 / n)
    dx *= ivar * weight
    return dx, dweight, dbias


def _channel_sums(x: Array) -> Array:
    """Return the sums of `x` (N, C, L) for each channel, (1, C, 1): those of rows first, a third of NumPy's time."""
    if one_way(x):
        return np.add.reduce(x, axis=(0, 2), keepdims=True)
    return total(row_sums(x), axis=0, keepdims=True)


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: tuple[int, ...], eps: float
) -> tuple[Array, tuple[Array, ...]]:
    """Return the normalisation of `x` (..., L...) over its last `axes`, and what the adjoint reads.

    Where squares leave the dtype there are no residuals, and the value is none: the composition is to answer.
    """
    n = math.prod(x.shape[axes[0] :])
    rows = x.reshape(-1, n)
    xhat = rows - row_sums(rows) / n
    xhat -= row_sums(xhat) / n  # what the rounded mean has left: equal numbers leave nothing
    if not np.vdot(xhat, xhat) < np.inf:
        return x, ()
    ivar = row_sums(xhat * xhat)
    ivar /= n
    ivar += eps
    np.sqrt(ivar, ivar)
    np.reciprocal(ivar, ivar)
    xhat *= ivar
    y = xhat if weight is None else xhat * weight.reshape(n)
    if bias is not None:
        y += bias.reshape(n)
    y, xhat = y.reshape(x.shape), xhat.reshape(x.shape)
    return y, (y if weight is None else xhat, ivar.reshape(*x.shape[: axes[0]], 1))


def layer_norm_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangents of x, weight and bias, as far as these are there.

    dx = ivar * (w - mean(w) - xhat * mean(w * xhat)) with w = weight * g, which is what `batch_norm_adjoint` says of
    columns.
    """
    n = residuals[0].size // residuals[1].size
    _, *given = inputs
    dx = _slope_of_rows(g, residuals[0], residuals[1], given[0] if given else None)
    if not given:
        return (dx,)
    xhat, rows = (a.reshape(-1, n) for a in (residuals[0], g))
    sums = [column_sums(rows * xhat), column_sums(rows)]
    return (dx, *[d.reshape(given[0].shape) for d in sums[: len(given)]])


@compilable()
def _slope_of_rows(g: Array, xhat: Array, ivar: Array, weight: Array | None) -> Array:
    """Return the cotangent of x of a layer norm."""
    n = xhat.size // ivar.size
    whole, scale = xhat.reshape(-1, n), ivar.reshape(-1, 1)
    w = g.reshape(-1, n) if weight is None else g.reshape(-1, n) * weight.reshape(n)
    dx = whole * (row_sums(w * whole) * (-1 / n))
    dx += w
    dx -= row_sums(w) * (1 / n)
    dx *= scale
    return dx.reshape(g.shape)


def cross_entropy(x: Array, *, target: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return the mean over the batch of ``logsumexp(x_n) - x_n[t_n]``, and the softmax."""
    rows = np.arange(len(x))
    shifted = x - row_maxima(x)
    e = np.exp(shifted)
    s = np.add.reduce(e, axis=1)
    losses = np.log(s)
    losses -= shifted[rows, target]
    e /= s[:, None]
    return asarray(np.add.reduce(losses) / len(x)), (e, rows, target)


def cross_entropy_adjoint(g: Array, residuals: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Return the cotangent of the logits: ``g / N * (softmax(x) - onehot(t))``."""
    softmax, rows, target = residuals
    dx = softmax * (g / len(rows))
    dx[rows, target] -= g / len(rows)
    return (dx,)
