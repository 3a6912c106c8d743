"""Functions of each element that are made of primitives, or take more than these do."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index as whole_number

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike, check_real
from tensorgrad.engine.generalforms import perhaps
from tensorgrad.engine.kinds import Op
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Operand, constant, in_dtype, keywords, meeting, operand
from tensorgrad.functions.precision import floating, wide
from tensorgrad.ops.selection import defined


@keywords
def round(input: Operand, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Return each element rounded half to even at `decimals` places."""
    return ops.round(input, decimals=decimals)


@keywords
def positive(input: Tensor) -> Tensor:
    """Return `input` itself.

    Each element by itself, in the shape of `input`.
    """
    return input


@keywords
def square(input: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input ** 2``."""
    return ops.pow(input, 2)


@keywords
def reciprocal(input: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``1 / input``."""
    return ops.div(1, input)


@keywords
def rsqrt(input: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``1 / sqrt(input)``."""
    return ops.div(1, ops.sqrt(input))


@keywords
def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return what truncation takes away: ``input - trunc(input)``.

    Each element by itself, in the shape of `input`.
    """
    return ops.sub(input, ops.trunc(input))


@keywords
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return degrees as radians.

    Each element by itself, in the shape of `input`.
    """
    return ops.mul(input, math.pi / 180)


@keywords
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return radians as degrees.

    Each element by itself, in the shape of `input`.
    """
    return ops.mul(input, 180 / math.pi)


@keywords
@wide
def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """Return ``log(input / (1 - input))``, the inverse of sigmoid; `eps` limits the input to [eps, 1 - eps].

    Each element by itself, in the shape of `input`.

    >>> import tensorgrad as tg
    >>> tg.logit(tg.tensor([0.5, 0.75]))
    tensor([0.0000, 1.0986])
    """
    given = floating(input)
    x = given if eps is None else clamp(given, eps, 1 - eps)
    return ops.sub(ops.log(x), ops.log1p(ops.neg(x)))


def _times_logarithm(input: Operand, other: Operand, log: Callable[[Tensor], Tensor], end: float, one: float) -> Tensor:
    """Return ``input * log(other)``, 0 where `input` is 0 and `other` at most the `end`; ``log(one)`` is 0."""
    met = meeting(input, other)
    x, y = (floating(in_dtype(operand(v), met)) for v in (input, other))
    nothing = ops.bitwise_and(ops.eq(x, 0), ops.le(y, end))
    return ops.where(nothing, 0.0, ops.mul(x, log(ops.where(nothing, one, y))))


@keywords
@wide
def xlogy(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input * log(other)``, 0 where `input` is 0 (unless `other` is NaN or infinite)."""
    return _times_logarithm(input, other, ops.log, 0.0, 1.0)


@keywords
@wide
def xlog1py(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input * log(1 + other)``, exact near 0, and 0 where `input` is 0 (unless `other` is NaN or infinite)."""
    return _times_logarithm(input, other, ops.log1p, -1.0, 0.0)


@keywords
def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return ``sin(pi * input) / (pi * input)``, 1 at 0.

    Each element by itself, in the shape of `input`.
    """
    return ops.sinc(input)


@keywords
def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the `n`-th derivative of `digamma`, itself for n = 0.

    Each element by itself, in the shape of `input`.

    Raises:
        ArgumentError: n is negative.

    >>> import tensorgrad as tg
    >>> tg.polygamma(1, tg.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    order = whole_number(n)
    if order < 0:
        raise ArgumentError(f"polygamma(): n is the order of a derivative, 0 or more, not {order}")
    return ops.polygamma(input, n=order) if order else ops.digamma(input)


@keywords
@wide
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """Return the logarithm of the gamma function of `p` dimensions, NaN where `input` is less than ``(p - 1) / 2``.

    It is ``p (p - 1) / 4 * log(pi)`` and the sum of ``lgamma(input - j / 2)`` over j < p.

    Raises:
        ArgumentError: p < 1.

    >>> import tensorgrad as tg
    >>> tg.mvlgamma(tg.tensor([2.0, 3.0]), 2)
    tensor([0.4516, 1.5502])
    """
    count = whole_number(p)
    if count < 1:
        raise ArgumentError(f"mvlgamma(): p is a number of dimensions, 1 or more, not {count}")
    x = defined(floating(input), (count - 1) / 2)
    y = ops.lgamma(x)
    for j in range(1, count):
        y = ops.add(y, ops.lgamma(ops.sub(x, j / 2)))
    return ops.add(y, count * (count - 1) / 4 * math.log(math.pi))


@keywords
def clamp(
    input: Tensor, min: Operand | None = None, max: Operand | None = None, *, out: Tensor | None = None
) -> Tensor:
    """Return `input` limited to [min, max], numbers or tensors; the gradient passes at the bounds themselves.

    Each element by itself, in the shape that the operands broadcast to.

    Raises:
        ArgumentError: both are None.
    """
    if min is None and max is None:
        raise ArgumentError("clamp: At least one of 'min' or 'max' must not be None")
    check_real("clamp", min, max)
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        return ops.clip(input, low=min, high=max)
    raised = _limited(composed.compared(input), min, ops.lt)
    return _limited(raised, max, ops.gt)


def _limited(x: Tensor, bound: Operand | None, beyond: Op) -> Tensor:
    """Return `x`, and `bound` where it is NaN or `x` is beyond it."""
    if bound is None:
        return x
    limit = operand(bound)
    out, missing = beyond(x, limit), np.isnan(limit.array)
    if perhaps(missing.any()):
        out, limit = ops.bitwise_or(out, constant(missing)), composed.compared(limit)
    return ops.where(out, limit, x)


@keywords
def clamp_min(input: Tensor, min: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return `input`, but at least `min`.

    Each element by itself, in the shape that the operands broadcast to.
    """
    return clamp(input, min=min)


@keywords
def clamp_max(input: Tensor, max: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return `input`, but at most `max`.

    Each element by itself, in the shape that the operands broadcast to.
    """
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
    """Return `input` with NaN and the infinities replaced: by `nan`, and the largest and smallest numbers there are.

    Each element by itself, in the shape of `input`.

    Raises:
        ComplexError: complex numbers.
    """
    a = input.array
    check_real("nan_to_num", a)
    if a.dtype.kind != "f":
        return ops.contiguous(input)
    limits = np.finfo(a.dtype)
    y = ops.where(constant(np.isnan(a)), nan, input)
    y = ops.where(constant(np.isposinf(a)), float(limits.max) if posinf is None else posinf, y)
    return ops.where(constant(np.isneginf(a)), float(limits.min) if neginf is None else neginf, y)


@keywords
def softmax(input: Tensor, dim: int, dtype: DTypeLike = None) -> Tensor:
    """Return ``exp(input) / sum(exp(input))`` over `dim`, without overflow."""
    return composed.softmax(in_dtype(input, dtype), dim)


@keywords
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike = None) -> Tensor:
    """Return the logarithm of `softmax`, without underflow.

    The result has the shape of `input`.
    """
    return composed.log_softmax(in_dtype(input, dtype), dim)
