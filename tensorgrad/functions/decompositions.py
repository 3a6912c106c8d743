"""Factorizations of matrices, with PyTorch's names for their parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, AutogradError, ComplexError, LinAlgError
from tensorgrad.functions import composed
from tensorgrad.functions.common import constant, keywords
from tensorgrad.functions.matrices import check_matrix, factorized, pinv, solve_triangular, swapped


class Spectrum(NamedTuple):
    """The eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SingularValues(NamedTuple):
    """``U diag(S) Vh``, with the singular values `S` in descending order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class OrthogonalTriangular(NamedTuple):
    """``Q R``, with orthonormal columns in `Q` and zeros below the diagonal of `R`."""

    Q: Tensor
    R: Tensor


def _rows(y: Tensor, start: int | None, stop: int | None) -> Tensor:
    return ops.getitem(y, index=(..., slice(start, stop), slice(None)))


def _row(y: Tensor, at: int) -> Tensor:
    return ops.getitem(y, index=(..., at, slice(None)))


_QR_INSTEAD = "of a tall z of full rank, R is linalg.cholesky(z.mH @ z).mH, and Q is z @ linalg.inv(R)"


def _adjoint(x: Tensor) -> Tensor:
    return swapped(x).conj()


@keywords
def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """Return the lower triangular L with ``L Lᵀ = A`` (with `upper`, Lᵀ) for symmetric positive definite `A`.

    For a complex Hermitian `A`, ``L Lᴴ = A`` (with `upper`, Lᴴ).

    Only the lower triangle of `A` is read (with `upper`, the upper one). The gradient is symmetric, as in PyTorch: what
    an element of that triangle gets is shared with its mirror image.

    Raises:
        LinAlgError: `A` is not positive definite.
    """
    check_matrix(A, "linalg.cholesky", square=True)
    try:
        y = ops.cholesky(A, triangle="U" if upper else "L")
    except LinAlgError as error:
        raise LinAlgError(
            "linalg.cholesky: The factorization could not be completed because the input is not positive-definite"
        ) from error
    return _adjoint(y) if upper else y


@keywords
def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Return the X with ``L Lᵀ X = B``, given Cholesky's factor.

    From (..., n, m) and (..., n, n): shape (..., n, m). For complex `L`, ``L Lᴴ X = B``.
    """
    lower = _adjoint(L) if upper else L
    return solve_triangular(_adjoint(lower), solve_triangular(lower, B, upper=False), upper=True)


@keywords
def qr(A: Tensor, mode: str = "reduced") -> OrthogonalTriangular:
    """Return Q, with orthonormal columns, and the upper triangular R with ``Q R = A``.

    `mode` 'complete' completes Q to a square matrix, 'r' leaves Q empty; neither has a gradient for a tall matrix.
    Where the first min(m, n) columns are dependent (to rounding), Q is not determined and the gradient is NaN.

    Raises:
        ArgumentError: `mode` is another word.
        AutogradError: a gradient is asked for in a mode that has none.
        ComplexError: complex numbers.
    """
    check_matrix(A, "linalg.qr")
    _check_vectors("linalg.qr", A, _QR_INSTEAD, "qr")
    m, n = A.array.shape[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise ArgumentError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    if mode == "r" or (mode == "complete" and m > n):
        if A.tracked:
            raise AutogradError(f"linalg.qr: The derivative is not implemented when mode='{mode}': use mode='reduced'")
        found = factorized(np.linalg.qr, A.array, mode=mode)
        q, r = (np.empty(0, A.array.dtype), found) if mode == "r" else found
        return OrthogonalTriangular(constant(q), constant(r))
    y = ops.qr(A if m >= n else ops.getitem(A, index=(..., slice(m))))
    q, r = _rows(y, None, m), swapped(_rows(y, m, None))
    if m >= n:
        return OrthogonalTriangular(q, r)
    rest = ops.matmul(swapped(q), ops.getitem(A, index=(..., slice(m, None))))
    return OrthogonalTriangular(q, ops.concatenate(r, rest, axis=-1))


@keywords
def svd(A: Tensor, full_matrices: bool = True) -> SingularValues:
    """Return (U, S, Vh) with ``A = U diag(S) Vh``; without `full_matrices`, only min(m, n) columns of U and rows of Vh.

    The gradient exists where the singular values differ (and are not 0, for a matrix that is not square); where they
    are equal to rounding, a gradient that asks for the vectors is NaN, also where the whole happens to be smooth, as in
    ``U diag(S) Vh = A``. Through `S` alone it exists everywhere at first order. Of the columns or rows beyond these,
    one alone has a direction, up to its sign, and its gradient; several may be turned into each other, and what does
    not change by that has its gradient, as their projection ``u @ u.mT`` (PyTorch passes all of it over).

    Raises:
        ComplexError: complex numbers; `svdvals` takes them.
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.svd")
    _check_vectors("linalg.svd", A, "singular values alone are linalg.svdvals(z)", "svd")
    m, n = A.array.shape[-2:]
    y = ops.svd(A)
    u, s, vh = _rows(y, None, m), _row(y, m), swapped(_rows(y, m + 1, None))
    if full_matrices and m != n:
        whole = factorized(np.linalg.svd, A.array)
        k = min(m, n)
        if m > n:
            u = ops.concatenate(u, _beyond(A, constant(whole[0][..., k:])), axis=-1)
        else:
            rest = _beyond(swapped(A), swapped(constant(whole[2][..., k:, :])))
            vh = ops.concatenate(vh, swapped(rest), axis=-2)
    return SingularValues(u, s, vh)


def _beyond(A: Tensor, columns: Tensor) -> Tensor:
    """Return orthonormal `columns` at right angles to those of a tall `A`, as functions of it where it is tracked.

    Their projection on what the columns of `A` leave, made orthonormal again: at this `A` the columns themselves.
    """
    if not A.tracked:
        return columns
    rest = columns - ops.matmul(A, ops.matmul(pinv(A), columns))
    lower = ops.cholesky(ops.matmul(swapped(rest), rest))
    return swapped(solve_triangular(lower, swapped(rest), upper=False))


@keywords
def svdvals(A: Tensor) -> Tensor:
    """Return the singular values of `A` in descending order.

    From (..., n, m): shape (..., min(n, m)). Those of complex matrices have gradients, too.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    if A.array.dtype.kind != "c":
        return composed.row_major(svd(A, full_matrices=False).S)
    check_matrix(A, "linalg.svdvals")
    *batch, m, n = A.array.shape  # the eigenvalues of [[0, A], [Aᴴ, 0]] are these, and the same below 0
    left = ops.concatenate(constant(np.zeros((*batch, m, m), A.array.dtype)), _adjoint(A), axis=-2)
    right = ops.concatenate(A, constant(np.zeros((*batch, n, n), A.array.dtype)), axis=-2)
    w = eigvalsh(ops.concatenate(left, right, axis=-1))
    return composed.row_major(ops.getitem(w, index=(..., slice(None, -min(m, n) - 1, -1))))


@keywords
def eigh(A: Tensor, UPLO: str = "L") -> Spectrum:
    """Return the eigenvalues, ascending, and eigenvectors of the symmetric matrix `A`, or of each in a batch.

    Only the lower triangle of `A` is read (the upper one for `UPLO` "U"). The gradient is symmetric, as in PyTorch:
    what an element of that triangle gets is shared with its mirror image.

    Through the values alone a gradient exists everywhere at first order. Vectors have one where their values differ:
    those of equal values (to rounding) may be turned into each other, so a gradient that asks for them is NaN there,
    also where the whole happens to be smooth, as in ``V diag(w) Vᵀ = A``.

    Raises:
        ComplexError: complex numbers; `eigvalsh` takes them.
        ArgumentError: `UPLO` is neither "L" nor "U".

    >>> import tensorgrad as tg
    >>> tg.linalg.eigh(tg.tensor([[2.0, 9.0], [0.0, 3.0]])).eigenvalues
    tensor([2., 3.])
    """
    _check_vectors("linalg.eigh", A, "eigenvalues alone are linalg.eigvalsh(z)", "eigh")
    y = _spectrum(A, UPLO)
    return Spectrum(_row(y, -1), _rows(y, None, -1))


def _spectrum(A: Tensor, UPLO: str) -> Tensor:
    check_matrix(A, "linalg.eigh", square=True)
    if UPLO not in ("L", "U", "l", "u"):
        raise ArgumentError(f"linalg.eigh: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return ops.eigh(A, triangle=UPLO.upper())


@keywords
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues, ascending, of the symmetric matrix `A`, of which `eigh` says what is read.

    `A` may be complex and Hermitian: the eigenvalues are real.

    Raises:
        ArgumentError: `UPLO` is neither "L" nor "U".
    """
    w = _row(_spectrum(A, UPLO), -1)
    if A.array.dtype.kind == "c":
        w = ops.getitem(ops.view_as_real(w), index=(..., 0))
    return composed.row_major(w)


def _check_vectors(name: str, A: Tensor, way: str, numpys: str) -> None:
    """Refuse complex vectors, which may be turned by any number of size 1: ComplexError with the `way` out."""
    if A.array.dtype.kind == "c":
        raise ComplexError(
            f"{name}() takes no complex numbers, found {A.array.dtype}: each of its vectors may be turned by a number "
            f"of size 1; {way}, and np.linalg.{numpys}(z.detach()) has all of it, without a gradient"
        )
