"""Normalisation by the statistics of a batch: the computational graph of figure 6-17."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.caching import remembered
from tensorgrad.base.context import RECOMPUTING, context
from tensorgrad.base.dtypes import Array, DType, check_real
from tensorgrad.base.numerics import magnitude
from tensorgrad.engine.fused import fused, fusible
from tensorgrad.engine.generalforms import assumed, finite
from tensorgrad.engine.tensor import Constant, Tensor, wrap
from tensorgrad.engine.writes import before_write, note
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.composed import laid_out, row_major
from tensorgrad.functions.precision import narrowed, widened
from tensorgrad.nn.functional import kernels

from .naming import named

Axes = int | tuple[int, ...]


def by_channel(x: Tensor, ndim: int) -> Tensor:
    """Return `x`, a number for each channel (C,), in the shape that fits an input (N, C, ...) of `ndim` axes."""
    return x if ndim <= 2 else ops.reshape(x, shape=(x.array.size, *(1,) * (ndim - 2)))


def scaled(xmu: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float | Tensor) -> Tensor:
    """Return the second half of a normalisation: division by the root of the variance, scale and shift.

    In the shape of `xmu`, to which the others broadcast.
    """
    return scaled_and_shifted(xmu, var, weight, bias, eps)


def scaled_and_shifted(
    xmu: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float | Tensor
) -> Tensor:
    """Return what `scaled` does, for functions of which it is a part and no call of its own."""
    sqrtvar = _root(var, eps)
    ivar = named("ivar", 1 / sqrtvar)
    out = named("x̂", xmu * ivar)
    if weight is not None:
        out = named("γx̂", out * weight)
    return out if bias is None else out + bias


def _root(var: Tensor, eps: float | Tensor) -> Tensor:
    return named("sqrtvar", ops.sqrt(var + (eps if isinstance(eps, Tensor) else Constant(eps, "ε"))))


def scaled_by_channel(
    xmu: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float | Tensor
) -> Tensor:
    """Return what `scaled` does, with a weight and a bias (C,) for `xmu` (N, C, ...)."""
    weight, bias = (None if v is None else by_channel(v, xmu.array.ndim) for v in (weight, bias))
    return scaled_and_shifted(xmu, var, weight, bias, eps)


class Statistics(NamedTuple):
    """Deviations, their variance, and ε, of numbers over a power of two; mean and variance of the numbers."""

    xmu: Tensor
    var: Tensor
    eps: float | Tensor
    mean: Array
    variance: Array


def statistics(x: Tensor, axis: Axes, eps: float, keepdims: bool = False, refined: bool = True) -> Statistics:
    """Return what normalises `x` over `axis`; deviations whose squares leave the dtype are taken in a larger unit.

    ``x / sqrt(var + eps)`` is the same of x / u and eps / u².
    """
    check_real("var", x.array)
    mu, xmu = _deviations(x, axis, keepdims, refined)
    with np.errstate(over="ignore"):
        var = _variance(xmu, axis, keepdims)
    if finite(var.array) and fit(var, eps):
        return Statistics(xmu, var, eps, mu.array, var.array)
    unit = magnitude(x.array, axis, least(eps))
    mu, xmu = _deviations(x * wrap(1 / unit), axis, keepdims, refined)
    var = _variance(xmu, axis, keepdims)
    unit = unit.reshape(var.array.shape)
    with np.errstate(over="ignore"):  # a variance may have no place in the dtype
        moments = mu.array * unit, var.array * unit * unit
    return Statistics(xmu, var, wrap(eps / unit / unit), *moments)


def fit(squares: Tensor, eps: float) -> bool:
    """Return whether mean squares are not too small for the dtype, or `eps` hides that."""
    dtype = squares.array.dtype
    return hides(eps, dtype) or assumed(np.logical_not((squares.array < _small(dtype)).any()))


def hides(eps: float, dtype: DType) -> bool:
    """Return whether beside `eps` no mean square is too small for the dtype."""
    return eps >= _small(dtype)


@remembered()
def _small(dtype: DType) -> float:
    """Return the least of squares that have all their digits."""
    limits = np.finfo(dtype)
    return float(limits.tiny / limits.eps)


def least(eps: float) -> float:
    """Return the smallest unit beside `eps`, which is 1 in it: its square would not fit in a smaller one."""
    return min(1.0, math.sqrt(eps))


def _deviations(x: Tensor, axis: Axes, keepdims: bool, refined: bool) -> tuple[Tensor, Tensor]:
    """Return the mean of `x` over `axis`, and the deviations from it.

    Unless the mean is left as it was rounded, equal elements deviate by nothing.
    """
    mu = named("μ", ops.mean(x, axis=axis, keepdims=keepdims, refined=refined))
    return mu, named("xμ", x - mu)


def _variance(xmu: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    return named("var", ops.mean(named("sq", xmu**2), axis=axis, keepdims=keepdims))


def _batch_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    xmu, var, shift, *_ = statistics(x, 0, eps)
    return scaled_and_shifted(xmu, var, weight, bias, shift)


_fused_batch_norm = fused("batch_norm", _batch_norm, kernels.batch_norm, kernels.batch_norm_adjoint)


def _channel_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, *, eps: float) -> Tensor:
    return _by_channel(x, weight, bias, eps)[0]


_fused_channel_norm = fused(
    "batch_norm", _channel_norm, kernels.channel_norm, kernels.channel_norm_adjoint, compiles=True
)


def standardized(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, Array, Array]:
    """Return `x` (N, C, ...) normalised over all axes but 1, and the mean and biased variance of each channel."""
    whole = weight is not None and bias is not None and x.array.size and fusible(x, weight, bias)
    if whole and hides(eps, x.array.dtype):
        form = _fused_batch_norm if x.array.ndim == 2 else _fused_channel_norm
        y, residuals = form(x, weight, bias, eps=eps)
        if residuals:
            return y, residuals[0], residuals[1]
    y, found = _by_channel(x, weight, bias, eps)
    return y, found.mean.reshape(-1), found.variance.reshape(-1)


def _by_channel(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, Statistics]:
    ndim = x.array.ndim
    found = statistics(x, 0, eps) if ndim == 2 else statistics(x, (0, *range(2, ndim)), eps, keepdims=True)
    return scaled_by_channel(found.xmu, found.var, weight, bias, found.eps), found


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return `input` (N, C, ...) with every channel normalised to mean 0 and variance 1, then scaled and shifted.

    ``y = weight * (x - mean) / sqrt(var + eps) + bias`` (Ioffe and Szegedy 2015, algorithm 1). In training, `mean` and
    the biased `var` are those of the batch, the gradient flows through them, and the running statistics, where given,
    move in place: ``running = (1 - momentum) * running + momentum * new``, with the unbiased variance. Else the running
    statistics take their place. Every derivative of any order is exact.

    Raises:
        ValueError: one value per channel in training, whose variance says nothing.
        ArgumentError: no running statistics where not training, or one of the two.
        ShapeError: a statistic or parameter that has not one element for each channel.
    """
    _check(input, eps, running_mean, running_var, weight, bias)
    if (running_mean is None) != (running_var is None):
        raise ArgumentError("running_mean and running_var must either both be None or neither be None")
    x = widened(input)
    if not training:
        if running_mean is None or running_var is None:
            raise ArgumentError("running_mean must be defined in evaluation mode, and so must running_var")
        return narrowed(laid_out(_by_running(x, running_mean, running_var, weight, bias, eps), x), input)
    n = values_per_channel(input)
    y, mean, var = standardized(x, weight, bias, eps)
    if running_mean is not None and running_var is not None and n:
        move(running_mean, mean, 1 - momentum, momentum)
        move(running_var, var, 1 - momentum, momentum * n / (n - 1))  # from the biased to the unbiased variance
    return narrowed(laid_out(y, x), input)


def _by_running(x: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    xmu = named("xμ", x - by_channel(mean, x.array.ndim))
    return scaled_by_channel(xmu, by_channel(var, x.array.ndim), weight, bias, eps)


def values_per_channel(x: Tensor) -> int:
    """Return how many values every channel of `x` (N, C, ...) has; ValueError for one."""
    shape = x.array.shape
    n: int = shape[0] * math.prod(shape[2:])
    if n == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {shape}: one value has no variance; "
            f"give more examples, or call .eval()"
        )
    return n


def _check(x: Tensor, eps: float, *given: Tensor | None) -> None:
    """Raise ShapeError unless each of the four that is given has one element for each channel of `x`."""
    if not eps > 0:
        raise ArgumentError(f"batch_norm eps must be positive, but got {eps}; and so must that of instance_norm")
    channels = (shape := x.array.shape)[1:2]
    for v in given:
        if v is not None and v.array.shape != channels:
            names = zip(("running_mean", "running_var", "weight", "bias"), given, strict=True)
            name = next(name for name, w in names if w is v)
            raise ShapeError(
                f"{name} should contain {channels[0] if channels else 'no'} elements not {v.array.size}: expected "
                f"{max(len(shape), 2)}D input with {v.array.size} channels in axis 1, found shape {shape}"
            )
    if not channels:
        raise ShapeError(f"expected at least 2D input (N, C, ...) (got {len(shape)}D input), found shape {shape}")


def move(running: Tensor, new: Array, kept: Any, added: Any) -> None:
    """``running = kept * running + added * new``, in place; not when a checkpoint sees the same batch again."""
    if context().flags & RECOMPUTING:
        return
    if isinstance(kept, np.ndarray | np.generic):  # float64, which takes part in the dtype of what it meets
        kept, added = kept.astype(running.array.dtype), added.astype(new.dtype)
    before_write(running, "an update of running statistics", new)
    running.array *= kept  # not through a name for the array, which `note` would take for somebody else's
    running.array += added * new
    note(running)


def book_batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Return what `batch_norm` does by the book's convention, in float64 to the bit up to 512 rows.

    `momentum` weighs the old statistics, the running variance is the biased one, and the deviations are divided by the
    root: ``running = momentum * running + (1 - momentum) * new``.
    """
    _check(input, eps, running_mean, running_var, weight, bias)
    x, ndim = widened(input), input.array.ndim
    if training or running_mean is None or running_var is None:
        n = values_per_channel(input)
        # -2 is the axis 0, added row by row as np.mean does it: asked for as 0, it is a product with a vector of ones
        axes = -2 if ndim == 2 else (0, *range(2, ndim))
        xmu, var, shift, mean, variance = statistics(x, axes, eps, keepdims=True, refined=False)
        if running_mean is not None and running_var is not None and n:
            move(running_mean, mean.reshape(-1), momentum, 1 - momentum)
            move(running_var, variance.reshape(-1), momentum, 1 - momentum)
    else:
        xmu, var, shift = named("xμ", x - by_channel(running_mean, ndim)), by_channel(running_var, ndim), eps
    out = named("x̂", xmu / _root(var, shift))
    if weight is not None:
        out = named("γx̂", out * by_channel(weight, ndim))
    return narrowed(laid_out(out if bias is None else out + by_channel(bias, ndim), x), input)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return `input` (N, C, L...) with every channel of every example normalised over its own L... (Ulyanov 2016).

    With `use_input_stats` the running statistics, where given, move by the averages over the batch; else they are used.

    Raises:
        ValueError: one value per channel and example, whose variance says nothing.
        ArgumentError: no running statistics where they are to be used.
    """
    _check(input, eps, running_mean, running_var, weight, bias)
    x, shape = widened(input), input.array.shape
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ArgumentError("Expected running_mean and running_var to be defined when use_input_stats is false")
        return narrowed(row_major(_by_running(x, running_mean, running_var, weight, bias, eps)), input)
    n = math.prod(shape[2:])
    if n == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {shape}")
    xmu, var, shift, mean, variance = statistics(x, tuple(range(2, len(shape))), eps, keepdims=True)
    if running_mean is not None and running_var is not None and input.array.size:
        move(running_mean, mean.reshape(shape[:2]).mean(0), 1 - momentum, momentum)
        move(running_var, variance.reshape(shape[:2]).mean(0), 1 - momentum, momentum * n / (n - 1))
    return narrowed(row_major(scaled_by_channel(xmu, var, weight, bias, shift)), input)
