"""Activation functions, of each element and along an axis. `inplace` is accepted and changes nothing: inputs are kept.

Where a function is made of pieces, a number that only another piece would use is kept from the one that would overflow
on it; at a kink the derivative is PyTorch's. Those at the end, with an underscore, do write into their input.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.base.context import UNFUSED, context, within
from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import rand
from tensorgrad.engine.fused import sloped
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import along_axis, dimension
from tensorgrad.functions.precision import floating, wide
from tensorgrad.ops import slopes

from .naming import named

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``max(input, 0)`` of each element; the derivative at 0 is 0."""
    return input.relu()


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return each element limited to [min_val, max_val]; the derivative at the bounds is 0, unlike that of `clamp`.

    Raises:
        ValueError: `min_val` is above `max_val`.
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val: found {min_val} and {max_val}")
    x = composed.compared(input)
    if x.array.dtype.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
    return ops.where(ops.le(x, min_val), min_val, ops.where(ops.ge(x, max_val), max_val, x))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(input, 0), 6)`` of each element; the derivative at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return each element where it is positive, ``negative_slope`` times it elsewhere."""
    slope: Any = negative_slope  # a tensor perhaps, as those of `prelu` are
    if isinstance(slope, int | float) and 0 <= slope <= 1:
        return _leaky_relu(input, negative_slope=negative_slope)
    return _sloping(input, negative_slope)


def _sloping(input: Tensor, slopes: Tensor | float) -> Tensor:
    x = composed.compared(input)
    return ops.where(ops.gt(x, 0), x, x * slopes)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return `input` where it is positive, ``weight * input`` elsewhere (He et al. 2015).

    `weight` holds one slope, or one for each channel of an input (N, C, ...).

    Raises:
        ShapeError: another number.
    """
    shape, count = input.array.shape, weight.array.size
    channels = shape[1] if len(shape) > 1 else 1
    if weight.array.ndim > 1 or count not in (1, channels):
        raise ShapeError(
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} and channel size "
            f"= {channels}."
        )
    slopes = ops.reshape(weight, shape=() if count == 1 else (count, *(1,) * (len(shape) - 2)))
    return _sloping(input, slopes)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return `input` where it is positive, a random slope, uniform in [lower, upper), times it elsewhere.

    Without `training` the slope is the middle one. The shape is that of `input`.

    Raises:
        ArgumentError: lower > upper.
    """
    if lower > upper:
        raise ArgumentError(f"Lower bound should be less than or equal to the upper bound: found {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    drawn = rand(input.array.shape, dtype=input.array.dtype, generator=generator)
    return _sloping(input, named("slopes", drawn * (upper - lower) + lower))


def _not_positive(x: Tensor, bound: Tensor) -> Tensor:
    return ops.where(bound, 0.0, x)


@wide
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return `input` where it is positive, ``alpha * (exp(input) - 1)`` elsewhere (Clevert et al. 2016)."""
    return _elu(input, alpha=alpha)


@wide
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return `input` where it is positive, ``alpha * (exp(input / alpha) - 1)`` elsewhere (Barron 2017).

    Raises:
        ArgumentError: `alpha` is 0.
    """
    if alpha == 0:
        raise ArgumentError("ZeroDivisionError: alpha cannot be 0 for CELU")
    positive = ops.gt(input, 0)
    return ops.where(positive, input, ops.expm1(_not_positive(input, positive) / alpha) * alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``scale * elu(input, alpha)``, with the numbers that keep mean 0 and variance 1 (Klambauer et al. 2017).

    >>> import tensorgrad as tg
    >>> selu(tg.tensor([1.0, -1e4]))
    tensor([ 1.0507, -1.7581])
    """
    return elu(input, SELU_ALPHA) * SELU_SCALE


@wide
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return `input` times the probability that a standard normal number is below it (Hendrycks and Gimpel 2016).

    ``x * erfc(-x / sqrt(2)) / 2``, which keeps its relative accuracy for negative x. With `approximate` "tanh":
    ``x * (1 + tanh(u)) / 2`` with ``u = sqrt(2 / pi) * (x + 0.044715 * x ** 3)``, computed as ``x * sigmoid(2 u)``.

    Raises:
        ArgumentError: `approximate` is neither 'none' nor 'tanh'.
    """
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"approximate argument must be either none or tanh, found {approximate!r}.")
    if approximate == "none":
        return _gelu(input)
    near = ops.clip(input, low=-30.0, high=30.0)  # beyond, the sigmoid is 0 or 1, and a cube may leave the dtype
    return input * ops.sigmoid((near + near**3 * 0.044715) * (2 * math.sqrt(2 / math.pi)))


@wide
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * sigmoid(input)`` of each element."""
    return _silu(input)


@wide
def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """Return ``log(1 + exp(beta * input)) / beta`` of each element, itself where ``beta * input > threshold``."""
    if beta == 1 and threshold >= 0:  # a product and a quotient less
        return _softplus(input, threshold=threshold)
    x = input * beta
    return ops.where(ops.gt(x, threshold), input, _softplus(x, threshold=max(threshold, 0)) / beta)


@wide
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * tanh(log(1 + exp(input)))`` (Misra 2019)."""
    return _mish(input)


@wide
def logsigmoid(input: Tensor) -> Tensor:
    """Return ``log(sigmoid(input))`` of each element, without underflow."""
    return _logsigmoid(input)


@wide
def softsign(input: Tensor) -> Tensor:
    """Return ``input / (1 + |input|)`` of each element."""
    size, sign = ops.abs(input) + 1, ops.sign(input)
    return ops.where(ops.gt(size, 2), sign - sign / size, input / size)  # input / size is all but 1 far out


@wide
def tanhshrink(input: Tensor) -> Tensor:
    """Return ``input - tanh(input)`` of each element."""
    return input - ops.tanh(input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return `input` moved by `lambd` towards 0, and 0 within.

    Each element by itself, in the shape of `input`.

    Raises:
        ArgumentError: a negative `lambd`.
    """
    if lambd < 0:
        raise ArgumentError(f"lambda must be greater or equal to 0, but found {lambd}: it must be in range [0, inf)")
    x = composed.compared(input)
    return ops.where(ops.lt(x, -lambd), x + lambd, ops.where(_within(x, lambd), 0.0, x - lambd))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return `input` where its absolute value exceeds `lambd`, 0 elsewhere.

    Each element by itself, in the shape of `input`.
    """
    x = composed.compared(input)
    return ops.where(_within(x, lambd), 0.0, x)


def _within(x: Tensor, bound: float) -> Tensor:
    return ops.bitwise_and(ops.ge(x, -bound), ops.le(x, bound))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return `input` where it exceeds `threshold`, `value` elsewhere.

    Each element by itself, in the shape of `input`.
    """
    x = composed.compared(input)
    return ops.where(ops.le(x, threshold), value, x)


@wide
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``relu6(input + 3) / 6``.

    Each element by itself, in the shape of `input`.
    """
    return relu6(input + 3.0) / 6.0


@wide
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * relu6(input + 3) / 6``; the derivative at -3 is 0, at 3 it is 1 (Howard et al. 2019)."""
    return _hardswish(input)


def _axis(name: str, input: Tensor, dim: int | None) -> int:
    """Return the axis meant by `dim`; None is a choice that PyTorch warns of: 1, but 0 for 0, 1 or 3 axes."""
    if dim is not None:
        return dimension(dim, input.array.ndim)
    warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
    )
    return 0 if input.array.ndim in (0, 1, 3) else 1


def _converted(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else ops.astype(input, dtype=np.dtype(dtype))


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return ``exp(input) / sum(exp(input))`` over `dim`, without overflow, computed in `dtype` where that is given.

    Without `dim` it is the axis 1, or 0 for inputs of 0, 1 or 3 axes, and a warning.
    """
    return composed.softmax(_converted(input, dtype), _axis("softmax", input, dim))


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return the softmax of ``-input``.

    The result has the shape of `input`.
    """
    return composed.softmax(ops.neg(floating(_converted(input, dtype))), _axis("softmin", input, dim))


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return the logarithm of `softmax`, without underflow.

    The result has the shape of `input`.
    """
    return composed.log_softmax(_converted(input, dtype), _axis("log_softmax", input, dim))


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,  # as in PyTorch, which does not use it either
    dim: int = -1,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return a random point of the simplex that is near a corner drawn with the probabilities ``softmax(logits)``.

    ``softmax((logits + g) / tau)`` with g from the Gumbel distribution (Jang et al. 2017). With `hard` the value is the
    corner itself, the gradient that of the point.
    """
    dtype = logits.array.dtype
    drawn = rand(logits.array.shape, dtype=dtype, generator=generator)
    exponential = ops.neg(ops.log1p(ops.neg(drawn)))  # positive but where a draw is exactly 0
    gumbel = ops.neg(ops.log(ops.clip(exponential, low=float(np.finfo(dtype).tiny), high=None)))
    axis = dimension(dim, logits.array.ndim)
    soft = composed.softmax((logits + gumbel) / tau, axis)
    if not hard:
        return soft
    highest = ops.argmax(soft, axis=axis, keepdims=True)
    corner = ops.astype(ops.eq(_positions(soft, axis), highest), dtype=soft.array.dtype)
    return corner - composed.detached(soft) + soft


def _positions(x: Tensor, axis: int) -> Tensor:
    return Tensor(np.arange(x.array.shape[axis]).reshape(-1, *(1,) * (x.array.ndim - axis - 1)))


@wide
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return ``a * sigmoid(b)``, a and b being the halves of `input` along `dim` (Dauphin et al. 2017).

    Raises:
        ShapeError: `dim` cannot be halved.
    """
    shape = input.array.shape
    if not shape:
        raise ShapeError("glu does not support scalars because halving size must be even")
    axis = dimension(dim, len(shape))
    if shape[axis] % 2:
        raise ShapeError(f"Halving dimension must be even, but dimension {axis} is size {shape[axis]}")
    half = shape[axis] // 2
    first, second = (ops.getitem(input, index=along_axis(axis, part)) for part in (slice(half), slice(half, None)))
    return first * ops.sigmoid(second)


def _composed_leaky_relu(input: Tensor, *, negative_slope: float) -> Tensor:
    return _sloping(input, negative_slope)


def _composed_elu(input: Tensor, *, alpha: float) -> Tensor:
    positive = ops.gt(input, 0)
    return ops.where(positive, input, ops.expm1(_not_positive(input, positive)) * alpha)


def _composed_softplus(input: Tensor, *, threshold: float) -> Tensor:
    return ops.where(ops.gt(input, threshold), input, composed.softplus(input))


def _composed_mish(input: Tensor) -> Tensor:
    return input * ops.tanh(composed.softplus(input))


def _composed_silu(input: Tensor) -> Tensor:
    return input * ops.sigmoid(input)


def _composed_hardswish(input: Tensor) -> Tensor:
    return input * hardsigmoid(input)


def _composed_gelu(input: Tensor) -> Tensor:
    # beyond, the share is 0 or 1, and infinity times 0 is no number
    least = ops.where(ops.le(input, -40.0), -40.0, input)
    near = ops.where(ops.ge(least, 40.0), 40.0, least)
    return least * (ops.erfc(near * -math.sqrt(0.5)) * 0.5)


_leaky_relu = sloped("leaky_relu", _composed_leaky_relu, slopes.leaky_relu)
_elu = sloped("elu", _composed_elu, slopes.elu)
_softplus = sloped("softplus", _composed_softplus, slopes.softplus)
_logsigmoid = sloped("logsigmoid", composed.logsigmoid, slopes.logsigmoid)
_mish = sloped("mish", _composed_mish, slopes.mish)
_silu = sloped("silu", _composed_silu, slopes.silu)
_hardswish = sloped("hardswish", _composed_hardswish, slopes.hardswish)
_gelu = sloped("gelu", _composed_gelu, slopes.gelu)


def _written(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    @functools.wraps(function)
    def write(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with within(special=context().special | UNFUSED):  # a fused form saves its input, which is written to
            result = function(input, *args, **kwargs)
        return input.copy_(result)

    write.__name__ = write.__qualname__ = f"{function.__name__}_"
    write.__doc__ = f"Return `input` with its elements replaced by those of `{function.__name__}`; it is recorded."
    return write


_WRITING: tuple[Callable[..., Tensor], ...] = (celu, elu, hardtanh, leaky_relu, relu, rrelu, selu, threshold)
celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_ = map(_written, _WRITING)
