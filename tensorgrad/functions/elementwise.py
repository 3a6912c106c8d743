"""Functions of each element. Those of the table need nothing but `out=`; the others are made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.functions import composed
from tensorgrad.functions.common import constant, keywords, operand


def _unary(op: Callable[[Any], Any]) -> Callable[..., Tensor]:
    def function(input: Any, *, out: Tensor | None = None) -> Any:
        if not isinstance(input, Tensor):
            kind = type(input).__name__
            raise TypeError(f"{op.__name__}(): argument 'input' (position 1) must be Tensor, not {kind}")
        return op(input)

    function.__name__ = function.__qualname__ = op.__name__
    function.__doc__ = op.__doc__
    return keywords(function)


abs = absolute = _unary(ops.abs)
acos = arccos = _unary(ops.acos)
acosh = arccosh = _unary(ops.acosh)
asin = arcsin = _unary(ops.asin)
asinh = arcsinh = _unary(ops.asinh)
atan = arctan = _unary(ops.atan)
atanh = arctanh = _unary(ops.atanh)
bitwise_not = _unary(ops.bitwise_not)
ceil = _unary(ops.ceil)
cos = _unary(ops.cos)
cosh = _unary(ops.cosh)
erf = _unary(ops.erf)
erfc = _unary(ops.erfc)
erfinv = _unary(ops.erfinv)
exp = _unary(ops.exp)
exp2 = _unary(ops.exp2)
expm1 = _unary(ops.expm1)
floor = _unary(ops.floor)
log = _unary(ops.log)
log10 = _unary(ops.log10)
log1p = _unary(ops.log1p)
log2 = _unary(ops.log2)
neg = negative = _unary(ops.neg)
relu = _unary(ops.relu)
sigmoid = _unary(ops.sigmoid)
sign = sgn = _unary(ops.sign)
sin = _unary(ops.sin)
sinh = _unary(ops.sinh)
sqrt = _unary(ops.sqrt)
tan = _unary(ops.tan)
tanh = _unary(ops.tanh)
trunc = fix = _unary(ops.trunc)


@keywords
def round(input: Any, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Return each element rounded half to even at `decimals` places."""
    return ops.round(input, decimals=decimals)


@keywords
def positive(input: Tensor) -> Tensor:
    """Return `input` itself."""
    return input


@keywords
def square(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Return ``input ** 2``."""
    return ops.pow(input, 2)


@keywords
def reciprocal(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Return ``1 / input``."""
    return ops.div(1, input)


@keywords
def rsqrt(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Return ``1 / sqrt(input)``."""
    return ops.div(1, ops.sqrt(input))


@keywords
def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return what truncation takes away: ``input - trunc(input)``."""
    return ops.sub(input, ops.trunc(input))


@keywords
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return degrees as radians."""
    return ops.mul(input, math.pi / 180)


@keywords
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return radians as degrees."""
    return ops.mul(input, 180 / math.pi)


@keywords
def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """Return ``log(input / (1 - input))``, the inverse of sigmoid; `eps` limits the input to [eps, 1 - eps].

    >>> import tensorgrad as tg
    >>> tg.logit(tg.tensor([0.5, 0.75]))
    tensor([0.0000, 1.0986])
    """
    x = input if eps is None else ops.clip(input, low=eps, high=1 - eps)
    return ops.sub(ops.log(x), ops.log1p(ops.neg(x)))


@keywords
def xlogy(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Return ``input * log(other)``, 0 where `input` is 0 (unless `other` is NaN)."""
    x, y = operand(input), operand(other)
    nothing = ops.bitwise_and(ops.eq(x, 0), ops.le(y, 0))
    return ops.where(nothing, 0.0, ops.mul(x, ops.log(ops.where(nothing, 1.0, y))))


@keywords
def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Return `input` limited to [min, max], numbers or tensors; the gradient passes at the bounds themselves.

    ArgumentError where both are None.
    """
    if min is None and max is None:
        raise ArgumentError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        return ops.clip(input, low=min, high=max)
    raised = input if min is None else ops.where(ops.lt(input, min), min, input)
    return raised if max is None else ops.where(ops.gt(raised, max), max, raised)


clip = clamp


@keywords
def clamp_min(input: Tensor, min: Any, *, out: Tensor | None = None) -> Tensor:
    """Return `input`, but at least `min`."""
    return clamp(input, min=min)


@keywords
def clamp_max(input: Tensor, max: Any, *, out: Tensor | None = None) -> Tensor:
    """Return `input`, but at most `max`."""
    return clamp(input, max=max)


@keywords
def nan_to_num(
    input: Tensor,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Return `input` with NaN and the infinities replaced: by `nan`, and the largest and smallest numbers there are."""
    a = input.array
    if a.dtype.kind not in "fc":
        return ops.astype(input, dtype=a.dtype)
    limits = np.finfo(a.dtype)
    y = ops.where(constant(np.isnan(a)), nan, input)
    y = ops.where(constant(np.isposinf(a)), float(limits.max) if posinf is None else posinf, y)
    return ops.where(constant(np.isneginf(a)), float(limits.min) if neginf is None else neginf, y)


@keywords
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return ``exp(input) / sum(exp(input))`` over `dim`, without overflow."""
    return composed.softmax(input if dtype is None else ops.astype(input, dtype=np.dtype(dtype)), dim)


@keywords
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """Return the logarithm of `softmax`, without underflow."""
    return composed.log_softmax(input if dtype is None else ops.astype(input, dtype=np.dtype(dtype)), dim)
