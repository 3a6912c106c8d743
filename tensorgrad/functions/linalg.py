"""Linear algebra under the names of ``torch.linalg``, as `tensorgrad.linalg` offers it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import LinAlgError, ShapeError
from tensorgrad.functions import composed, reductions
from tensorgrad.functions.common import chosen, keywords
from tensorgrad.functions.decompositions import cholesky, eigh, eigvalsh, qr, svd, svdvals
from tensorgrad.functions.diagonals import diagonal as _diagonal, powers_of
from tensorgrad.functions.matrices import (
    det,
    inv,
    lstsq,
    matrix_power,
    matrix_rank,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)
from tensorgrad.functions.norms import matrix_norm, vector_norm
from tensorgrad.functions.precision import wide
from tensorgrad.functions.products import cross_product, in_best_order, matmul, outer

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "vander", "vecdot", "vector_norm",
]  # fmt: skip


@keywords
def norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Tensor | None = None
) -> Tensor:
    """Return a norm of vectors or of matrices: of all elements, or along one or two dimensions.

    Without `ord` it is the root of the sum of squares. With `ord`, a matrix or two dimensions get a `matrix_norm`, a
    vector or one dimension a `vector_norm`.

    Raises:
        ShapeError: `ord` is given without `dim`, and `A` has more than two axes.
    """
    axes = chosen(dim)
    if ord is None:
        return vector_norm(A, 2, axes, keepdim, dtype=dtype)
    pair = (axes if axes is not None else (-2, -1)) if A.array.ndim == 2 or axes is not None else None
    if isinstance(pair, tuple) and len(pair) == 2:
        return matrix_norm(A, ord, pair, keepdim, dtype=dtype)
    if axes is None and A.array.ndim != 1:
        raise ShapeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D.")
    return vector_norm(A, ord, axes, keepdim, dtype=dtype)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return a view of the diagonal of the matrix `A`, or of each in a batch.

    Raises:
        RangeError: an axis that is not there.
        ShapeError: both are the same axis.
    """
    return _diagonal(A, offset, dim1, dim2)


@keywords
def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Return the vector product along `dim`, of length 3; the other dimensions broadcast."""
    return cross_product(input, other, dim)


@keywords
@wide
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Return the inner products of the vectors along `dim`, of which complex `x` are conjugated."""
    return reductions.sum(ops.mul(x.conj(), y), dim)


@keywords
def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Return the product of two or more matrices in the cheapest order; the first and the last may be vectors.

    Raises:
        ShapeError: there are fewer than two matrices.
    """
    if len(tensors) < 2:
        raise ShapeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    first, last = tensors[0].array.ndim == 1, tensors[-1].array.ndim == 1
    matrices = list(tensors)
    if first:
        matrices[0] = composed.expanded(matrices[0], 0)
    if last:
        matrices[-1] = composed.expanded(matrices[-1], 1)
    y = in_best_order(matrices)
    return composed.squeezed(y, tuple(axis for axis, gone in ((0, first), (1, last)) if gone)) if first or last else y


def cond(A: Tensor, p: Any = None) -> Tensor:
    """Return the condition number of `A`: its norm times that of its inverse; None: the ratio of singular values."""
    if p in (None, 2, -2):
        s = svdvals(A)
        if not s.array.shape[-1]:
            return ops.sum(s, axis=-1)  # nothing is stretched: 0, as in PyTorch
        largest, smallest = ops.getitem(s, index=(..., 0)), ops.getitem(s, index=(..., -1))
        return ops.div(smallest, largest) if p == -2 else ops.div(largest, smallest)
    return ops.mul(matrix_norm(A, p), matrix_norm(inv(A), p))


@keywords
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the matrices whose columns are the ascending powers of the vectors in the last axis of `x`, `N` or all.

    Raises:
        ShapeError: `x` has no axis.
    """
    if not x.array.ndim:
        raise ShapeError("linalg.vander: x must have one dimension at least")
    return powers_of(x, N, increasing=True)
