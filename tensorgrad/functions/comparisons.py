"""Questions: their answers are booleans, and have no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import check_real, uint8
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions.common import Dims, Operand, chosen, constant, keywords, operand


def _truth(x: Operand) -> Tensor:
    return ops.ne(operand(x), 0)


@keywords
def logical_not(input: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return whether each element is zero."""
    return ops.logical_not(input)


@keywords
def logical_and(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return whether neither element is zero.

    Raises:
        ShapeError: the operands do not broadcast.
    """
    return ops.bitwise_and(_truth(input), _truth(other))


@keywords
def logical_or(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return whether either element is not zero.

    Raises:
        ShapeError: the operands do not broadcast.
    """
    return ops.bitwise_or(_truth(input), _truth(other))


@keywords
def logical_xor(input: Operand, other: Operand, *, out: Tensor | None = None) -> Tensor:
    """Return whether exactly one element is not zero.

    Raises:
        ShapeError: the operands do not broadcast.
    """
    return ops.bitwise_xor(_truth(input), _truth(other))


@keywords
def isnan(input: Tensor) -> Tensor:
    """Return whether each element is NaN."""
    return constant(np.isnan(input.array))


@keywords
def isfinite(input: Tensor) -> Tensor:
    """Return whether each element is neither infinite nor NaN."""
    return constant(np.isfinite(input.array))


@keywords
def isinf(input: Tensor) -> Tensor:
    """Return whether each element is infinite."""
    return constant(np.isinf(input.array))


@keywords
def isposinf(input: Tensor) -> Tensor:
    """Return whether each element is positive infinity.

    Raises:
        ComplexError: complex numbers.
    """
    check_real("isposinf", input.array)
    return constant(np.isposinf(input.array))


@keywords
def isneginf(input: Tensor) -> Tensor:
    """Return whether each element is negative infinity.

    Raises:
        ComplexError: complex numbers.
    """
    check_real("isneginf", input.array)
    return constant(np.isneginf(input.array))


@keywords
def isreal(input: Tensor) -> Tensor:
    """Return whether the imaginary part of each element is zero."""
    return constant(np.isreal(input.array))


@keywords
def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return whether the sign bit of each element is set: of -0.0 it is.

    Raises:
        ComplexError: complex numbers.
    """
    check_real("signbit", input.array)
    return constant(input.array < 0 if input.array.dtype.kind in "biu" else np.signbit(input.array))


@keywords
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Return whether ``|input - other| <= atol + rtol * |other|``, element by element."""
    return constant(np.isclose(input.array, other.array, rtol, atol, equal_nan))


@keywords
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return whether ``|input - other| <= atol + rtol * |other|`` everywhere."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


@keywords
def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements."""
    return bool(np.array_equal(input.array, other.array))


@keywords
def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Return whether each of `elements` is among `test_elements`."""
    return constant(np.isin(operand(elements).array, operand(test_elements).array, assume_unique, invert))


@keywords
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Return whether every element over `dim` (None: all axes) is not zero."""
    y = np.all(input.array, axis=normalized(chosen(dim), input.array.ndim), keepdims=keepdim)
    return constant(_answer(y, input))


@keywords
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Return whether some element over `dim` (None: all axes) is not zero."""
    y = np.any(input.array, axis=normalized(chosen(dim), input.array.ndim), keepdims=keepdim)
    return constant(_answer(y, input))


def _answer(y: Any, input: Tensor) -> Any:
    """Return the answer `y` about `input`: in uint8 about uint8, which was PyTorch's boolean once."""
    return asarray(y, uint8) if input.array.dtype == uint8 else y
