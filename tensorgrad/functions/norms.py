"""Lengths of vectors, norms of matrices, and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.base.literals import forgotten
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.generalforms import finite
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Dims, chosen, constant, dimension, keywords, lengths
from tensorgrad.functions.decompositions import svdvals
from tensorgrad.functions.matrices import check_matrix
from tensorgrad.functions.precision import wide


def _floating(x: Tensor, name: str, dtype: DTypeLike) -> Tensor:
    y = x if dtype is None else ops.astype(x, dtype=np.dtype(dtype))
    if y.array.dtype.kind not in "fc":
        raise DTypeError(f"{name}: Expected a floating point or complex tensor as input. Got {y.array.dtype}")
    return y


def _order(ord: Any) -> float:
    return float(forgotten(ord, "linalg.vector_norm(): argument 'ord'"))


@keywords
def vector_norm(
    x: Tensor,
    ord: float | str = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the norm of the vectors along `dim` (None: of all elements): ``sum(|x| ** ord) ** (1 / ord)``.

    inf is the largest absolute value, -inf the smallest, 0 the number of elements that are not zero. At 0 the
    derivative is 0, the subgradient of least norm; one of higher order that needs the slope of that is NaN, also
    where the whole is smooth: ``x @ x`` bends by 2 at 0, ``norm(x) ** 2`` by NaN.

    >>> import tensorgrad as tg
    >>> tg.linalg.vector_norm(tg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return _lengths(_floating(x, "linalg.vector_norm", dtype), _order(ord), chosen(dim), keepdim)


@wide
def _lengths(v: Tensor, p: float, axis: composed.Axis, keepdims: bool) -> Tensor:
    if p == 0:
        return ops.sum(ops.astype(constant(v.array != 0), dtype=v.array.real.dtype), axis=axis, keepdims=keepdims)
    if math.isinf(p):
        return (ops.amax if p > 0 else ops.amin)(ops.abs(v), axis=axis, keepdims=keepdims)
    if p == 1:
        return ops.sum(ops.abs(v), axis=axis, keepdims=keepdims)
    if v.array.dtype.kind != "c":
        return ops.length(v, p=p, axis=axis, keepdims=keepdims)
    if p != 2:
        return ops.length(ops.abs(v), p=p, axis=axis, keepdims=keepdims)
    axes = tuple(range(v.array.ndim)) if axis is None else normalized(axis, v.array.ndim)
    y = ops.length(ops.view_as_real(v), p=2, axis=(*axes, -1), keepdims=keepdims)  # smooth also where one number is 0
    return composed.squeezed(y, -1) if keepdims else y


@keywords
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the norm of the matrices in the two dimensions `dim`.

    'fro' is the root of the sum of squares, 'nuc' the sum of the singular values, 2 and -2 the largest and smallest of
    these; 1 and -1 the largest and smallest sum of absolute values of a column, inf and -inf of a row.

    Raises:
        ShapeError: `A` has fewer than two axes, or `dim` names one twice.
    """
    if A.array.ndim < 2:
        raise ShapeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    x = _floating(A, "linalg.matrix_norm", dtype)
    rows, columns = (dimension(d, x.array.ndim) for d in dim)
    if rows == columns:
        raise ShapeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return vector_norm(x, 2, (rows, columns), keepdim)
    order = (*(i for i in range(x.array.ndim) if i not in (rows, columns)), rows, columns)
    m = ops.transpose(x, axes=order)
    if ord == "nuc" or ord in (2, -2):
        y = _spectral(m, ord)
    elif ord in (1, -1, math.inf, -math.inf):
        y = _extreme_sum(m, ord)
    else:
        raise ArgumentError(f"linalg.matrix_norm: Order {ord} not supported.")
    if keepdim:
        for axis in sorted((rows, columns)):
            y = composed.expanded(y, axis)
    return y


@wide
def _extreme_sum(m: Tensor, ord: Any) -> Tensor:
    sums = ops.sum(ops.abs(m), axis=-2 if abs(ord) == 1 else -1)
    return _extreme(sums, ord)


def _extreme(x: Tensor, ord: Any) -> Tensor:
    """Return the largest of what lies in the last axis, or the smallest; nothing has the norm 0."""
    if ord > 0 and not x.array.shape[-1]:
        return ops.sum(x, axis=-1)
    return (ops.amax if ord > 0 else ops.amin)(x, axis=-1)


def _spectral(m: Tensor, ord: Any) -> Tensor:
    check_matrix(m, "linalg.matrix_norm")
    s = svdvals(m)
    return ops.sum(s, axis=-1) if ord == "nuc" else _extreme(s, ord)


@keywords
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DTypeLike = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Return the `p`-norm of the elements along `dim` (None: of all), 'fro' meaning 2; 'nuc' for matrices.

    Raises:
        ArgumentError: `p` is a word that names no norm.

    >>> import tensorgrad as tg
    >>> tg.tensor([[3.0, 4.0], [0.0, 0.0]]).norm(dim=1)
    tensor([5., 0.])
    """
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else lengths((dim,)), keepdim, dtype=dtype)
    if isinstance(p, str) and p not in ("fro", "inf", "-inf"):
        raise ArgumentError(f"linalg.matrix_norm: Order {p} not supported.")
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


def distance(a: Tensor, b: Tensor, p: Any, dim: Dims = None, keepdim: bool = False, eps: float = 0.0) -> Tensor:
    """Return the `p`-norm of ``a - b + eps`` over `dim`; in a larger unit where a difference has no place in the dtype.

    The slope of an infinite difference would be lost, and that of the others beside it 0.
    """
    with np.errstate(over="ignore"):
        way = ops.sub(a, b)
    if p == 0 or finite(way.array):
        return vector_norm(ops.add(way, eps) if eps else way, p, dim, keepdim)
    way = ops.sub(ops.mul(a, 0.25), ops.mul(b, 0.25))
    return ops.mul(vector_norm(ops.add(way, eps / 4) if eps else way, p, dim, keepdim), 4.0)


@keywords
@wide
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the `p`-norm of ``input - other``.

    The operands broadcast; the result has no axes, it is of shape ().
    """
    return distance(input, other, p)


@keywords
@wide
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """Return the `p`-norms (..., n, m) of the differences between all rows of `x1` (..., n, d) and `x2` (..., m, d).

    Raises:
        ShapeError: the rows have different lengths.
    """
    if x1.array.shape[-1] != x2.array.shape[-1]:
        raise ShapeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.array.shape[-1]} X2: {x2.array.shape[-1]}"
        )
    return distance(composed.expanded(x1, -2), composed.expanded(x2, -3), p, -1)
