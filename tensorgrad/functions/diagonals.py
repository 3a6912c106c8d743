"""Diagonals, traces and triangles of matrices."""

from __future__ import annotations

from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike, int64
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import constant, dimension, keywords, widened


def _moved(ndim: int, dim1: int, dim2: int) -> tuple[int, ...]:
    """Return the order of axes that puts two of them last."""
    first, second = dimension(dim1, ndim), dimension(dim2, ndim)
    if first == second:
        raise ShapeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return (*(i for i in range(ndim) if i not in (first, second)), first, second)


@keywords
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return a view of the diagonal over two dimensions, as the last dimension.

    Raises:
        RangeError: an axis that is not there.
        ShapeError: both are the same axis.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).diagonal()
    tensor([1, 4])
    """
    return ops.diagonal(ops.transpose(input, axes=_moved(input.array.ndim, dim1, dim2)), offset=offset)


@keywords
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices with the last dimension of `input` on a diagonal over the new dimensions `dim1` and `dim2`."""
    axes = np.argsort(_moved(input.array.ndim + 1, dim1, dim2))
    n = input.array.shape[-1] + abs(offset)
    y = ops.transpose(ops.embedded(input, offset=offset, shape=(n, n)), axes=tuple(axes.tolist()))
    return composed.row_major(y)


@keywords
def diag(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return the matrix with the vector `input` on a diagonal, or the diagonal of the matrix `input`.

    Raises:
        ShapeError: `input` has other than one or two axes.
    """
    ndim = input.array.ndim
    if ndim not in (1, 2):
        raise ShapeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return diag_embed(input, diagonal) if ndim == 1 else ops.contiguous(ops.diagonal(input, offset=diagonal))


@keywords
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the matrix with all elements of `input` on a diagonal."""
    return diag_embed(ops.reshape(input, shape=(input.array.size,)), offset)


@keywords
def trace(input: Tensor) -> Tensor:
    """Return the sum of the diagonal of a matrix.

    Raises:
        ShapeError: `input` is no matrix.
    """
    if input.array.ndim != 2:
        raise ShapeError(f"trace: expected a matrix, but got tensor with dim {input.array.ndim}")
    return ops.sum(ops.diagonal(widened(input, None)))


def _triangle(input: Tensor, name: str, inside: Any) -> Tensor:
    if input.array.ndim < 2:
        raise ShapeError(f"{name}: input tensor must have at least 2 dimensions, found {input.array.ndim}")
    n, m = input.array.shape[-2:]
    return composed.row_major(ops.where(constant(inside(np.arange(m) - np.arange(n)[:, None])), input, False))


@keywords
def tril(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return `input` with zeros above a diagonal of the last two dimensions, in its shape.

    Raises:
        ShapeError: fewer than two axes.

    >>> import tensorgrad as tg
    >>> tg.tril(tg.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _triangle(input, "tril", lambda above: above <= whole_number(diagonal))


@keywords
def triu(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return `input` with zeros below a diagonal of the last two dimensions, in its shape.

    Raises:
        ShapeError: fewer than two axes.
    """
    return _triangle(input, "triu", lambda above: above >= whole_number(diagonal))


@keywords
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = int64) -> Tensor:
    """Return the positions (2, n) of the lower triangle of a (row, col) matrix, row by row."""
    return constant(np.array(np.tril_indices(row, offset, col), np.dtype(dtype)))


@keywords
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = int64) -> Tensor:
    """Return the positions (2, n) of the upper triangle of a (row, col) matrix, row by row."""
    return constant(np.array(np.triu_indices(row, offset, col), np.dtype(dtype)))


@keywords
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the matrix whose columns are the powers of the vector `x`, descending unless `increasing`.

    Raises:
        ShapeError: `x` is no vector.
    """
    if x.array.ndim != 1:
        raise ShapeError(f"x must be a one-dimensional tensor, found {x.array.ndim} dimensions")
    return powers_of(x, N, increasing)


def powers_of(x: Tensor, N: int | None, increasing: bool) -> Tensor:
    """Return the matrices whose columns are powers of the vectors in the last axis of `x`; whole numbers in int64."""
    powers = np.arange(x.array.shape[-1] if N is None else N)[:: 1 if increasing else -1]
    base = composed.expanded(widened(x, None), -1)
    return ops.pow(base, constant(powers.astype(base.array.dtype)))
