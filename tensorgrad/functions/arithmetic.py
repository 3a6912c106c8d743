"""Functions of two and three tensors, element by element, with PyTorch's keyword arguments.

The operators of Tensor are bound to the primitives themselves and pay for none of this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import bool_, check_real, float64, int64
from tensorgrad.engine.generalforms import asarray, valid
from tensorgrad.engine.kinds import Op
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError
from tensorgrad.functions.common import Operand, constant, in_dtype, keywords, meeting, operand
from tensorgrad.functions.precision import floating, wide


def _times(x: Any, factor: Any, *others: Any) -> Any:
    """Return ``factor * x`` in the dtype in which `x` meets the `others`: an integer one takes an integer factor."""
    if isinstance(factor, float) and all(_integral(v) for v in (x, *others)):
        raise ArgumentError("For integral input tensors, argument alpha must not be a floating point number.")
    if factor == 1:
        return x
    dtype = meeting(x, *others)
    return ops.mul(in_dtype(x, dtype) if isinstance(x, Tensor) else x, bool(factor) if dtype == bool_ else factor)


def _integral(x: Any) -> bool:
    return x.array.dtype.kind in "biu" if isinstance(x, Tensor) else isinstance(x, int | np.integer)


@keywords
def add(input: Operand, other: Operand, *, alpha: complex = 1, out: Tensor | None = None) -> Tensor:
    """Return ``input + alpha * other``.

    >>> import tensorgrad as tg
    >>> tg.add(tg.tensor([1.0, 2.0]), 10, alpha=2)
    tensor([21., 22.])
    """
    return ops.add(input, other) if alpha == 1 else _scaled(ops.add, input, other, alpha)


@wide
def _scaled(op: Op, input: Operand, other: Operand, alpha: complex) -> Tensor:
    return op(input, _times(other, alpha, input))


@keywords
def sub(input: Operand, other: Operand, *, alpha: complex = 1, out: Tensor | None = None) -> Tensor:
    """Return ``input - alpha * other``."""
    return ops.sub(input, other) if alpha == 1 else _scaled(ops.sub, input, other, alpha)


@keywords
def rsub(input: Operand, other: Operand, *, alpha: complex = 1) -> Tensor:
    """Return ``other - alpha * input``."""
    return sub(other, input, alpha=alpha)


@keywords
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """Return ``input / other``, rounded towards zero with 'trunc' or down with 'floor', which keep integers integers.

    Raises:
        ArgumentError: `rounding_mode` is none of None, 'trunc' and 'floor'.

    >>> import tensorgrad as tg
    >>> tg.div(tg.tensor([-3, 3]), 2, rounding_mode="trunc")
    tensor([-1,  1])
    """
    if rounding_mode is None:
        return ops.div(input, other)
    if rounding_mode == "floor":
        return ops.floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ArgumentError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    if _integral(input) and _integral(other):  # a float quotient would lose the last digits of large integers
        down = ops.floor_divide(input, other)
        inexact = ops.ne(ops.remainder(input, other), 0)
        return ops.add(down, ops.bitwise_and(inexact, ops.lt(down, 0)))
    return ops.trunc(ops.div(input, other))


@keywords
def pow(input: Operand, exponent: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input ** exponent``, either of which may be a number."""
    return ops.pow(input, exponent)


@keywords
def float_power(input: Operand, exponent: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input ** exponent`` in float64.

    Raises:
        ComplexError: complex numbers.
    """
    x = operand(input)
    check_real("float_power", x.array)
    y = in_dtype(exponent, float64) if isinstance(exponent, Tensor) else exponent
    return ops.pow(in_dtype(x, float64), y)


@keywords
def fmax(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the larger of two elements, and the one that is a number where the other is NaN; ties go to `input`.

    Raises:
        ComplexError: complex numbers.
    """
    a, b = operand(input), operand(other)
    check_real("fmax", a.array, b.array)
    if "f" not in (a.array.dtype.kind, b.array.dtype.kind):  # whole numbers are never NaN, and have no gradient
        return ops.maximum(input, other)
    return ops.where(constant((a.array >= b.array) | np.isnan(b.array)), a, b)


@keywords
def fmin(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the smaller of two elements, and the one that is a number where the other is NaN; ties go to `input`.

    Raises:
        ComplexError: complex numbers.
    """
    a, b = operand(input), operand(other)
    check_real("fmin", a.array, b.array)
    if "f" not in (a.array.dtype.kind, b.array.dtype.kind):  # whole numbers are never NaN, and have no gradient
        return ops.minimum(input, other)
    return ops.where(constant((a.array <= b.array) | np.isnan(b.array)), a, b)


@keywords
def copysign(input: Tensor, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return the absolute value of `input` with the sign of `other`, as floats.

    Each element by itself, in the shape that the operands broadcast to.

    Raises:
        ComplexError: complex numbers.
    """
    x, sign = operand(input), operand(other).array
    check_real("copysign", x.array, sign)
    magnitude = ops.abs(floating(in_dtype(x, meeting(x, other))))
    return ops.where(constant(np.signbit(sign.astype(magnitude.array.dtype))), ops.neg(magnitude), magnitude)


@keywords
def logaddexp2(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``log2(2 ** input + 2 ** other)`` without overflow."""
    return ops.logaddexp2(input, other)


@keywords
@wide
def lerp(input: Tensor, end: Tensor, weight: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input + weight * (end - input)``, which is `end` where `weight` is 1.

    Each element by itself, in the shape that the operands broadcast to.
    """
    share: Any = weight
    way = ops.sub(end, input)
    near = abs(share) < 0.5
    if near is True:
        return ops.add(input, ops.mul(share, way))
    from_end = ops.sub(end, ops.mul(1 - share, way))
    return from_end if near is False else ops.where(near, ops.add(input, ops.mul(share, way)), from_end)


@keywords
@wide
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: complex = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``input + value * tensor1 * tensor2``.

    Each element by itself, in the shape that the operands broadcast to.
    """
    return ops.add(input, _times(ops.mul(tensor1, tensor2), value, input))


@keywords
@wide
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: complex = 1, out: Tensor | None = None
) -> Tensor:
    """Return ``input + value * tensor1 / tensor2``.

    Each element by itself, in the shape that the operands broadcast to.
    """
    return ops.add(input, _times(ops.div(tensor1, tensor2), value, input))


@keywords
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the step function: 0 below zero, 1 above, `values`, of the same dtype, at zero.

    Each element by itself, in the shape that the operands broadcast to.

    Raises:
        DTypeError: `values` has another dtype.
    """
    check_real("heaviside", input.array, values.array)
    if input.array.dtype != values.array.dtype:
        raise DTypeError(
            f"heaviside is not yet implemented for tensors with different dtypes, found {input.array.dtype} and "
            f"{values.array.dtype}: convert one, for instance with .to(input.dtype)"
        )
    step = constant(np.heaviside(input.array, 1).astype(input.array.dtype))
    return ops.where(constant(input.array == 0), values, step)


def _shifted(name: str, shift: np.ufunc, input: Operand, other: Operand) -> Tensor:
    """Return what `shift` gives of whole numbers and counts of bits from 0 on."""
    numbers, counts = (x.array if isinstance(x, Tensor) else x for x in (input, other))
    for x in (numbers, counts):
        if (dtype := asarray(x).dtype).kind not in "biu":
            raise DTypeError(f"{name}() moves the bits of integers, found {dtype}")
    moved, steps = asarray(numbers).dtype, asarray(counts).dtype  # truths become integers of the other's dtype
    if moved.kind == "b":
        numbers = asarray(numbers, steps if steps.kind != "b" and isinstance(other, Tensor) else int64)
    if steps.kind == "b":
        counts = asarray(counts, asarray(numbers).dtype)
    if not valid((asarray(counts) >= 0).all()):
        raise ArgumentError(f"{name}(): argument 'other' must not be negative, found {other}")
    return constant(shift(numbers, counts))


def left_shift(input: Operand, other: Operand, /) -> Tensor:
    """Return ``input << other``, what Python's sign calls."""
    return _shifted("bitwise_left_shift", np.left_shift, input, other)


def right_shift(input: Operand, other: Operand, /) -> Tensor:
    """Return ``input >> other``, what Python's sign calls."""
    return _shifted("bitwise_right_shift", np.right_shift, input, other)


@keywords
def bitwise_left_shift(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input << other`` of whole numbers: ``input * 2**other``, as far as the dtype has bits.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 5]) << 2
    tensor([ 4, 20])
    """
    return left_shift(input, other)


@keywords
def bitwise_right_shift(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return ``input >> other`` of whole numbers: the whole part, downwards, of ``input / 2**other``."""
    return right_shift(input, other)
