"""Inverses, determinants, powers, and the solution of linear equations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import of_finite
from tensorgrad.engine.batched import call, is_batched
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.generalforms import one_step
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError, LinAlgError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import constant, keywords
from tensorgrad.functions.diagonals import tril, triu

_factorized = one_step(of_finite)


def factorized(factorize: Callable[..., Any], x: Array, **options: Any) -> Any:
    """Return what `factorize`, of NumPy's linear algebra, gives of the matrices `x`, as one operation of a trace."""
    run = functools.partial(_factorized, factorize)
    return call(run, leading, [x], options) if is_batched(x) else run(x, **options)


class SignAndLogarithm(NamedTuple):
    """The determinant as ``sign * exp(logabsdet)``."""

    sign: Tensor
    logabsdet: Tensor


class LeastSquares(NamedTuple):
    """The solution of least squares, the sums of squared residuals, the rank and the singular values."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def check_matrix(x: Tensor, name: str, square: bool = False, whole: bool = False) -> None:
    """Raise an error that says why `x` is no matrix, or batch of them, that `name` takes: of floats unless `whole`."""
    shape = x.array.shape
    if len(shape) < 2:
        raise ShapeError(f"{name}: The input tensor A must have at least 2 dimensions, found shape {list(shape)}.")
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"{name}: A must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} matrices"
        )
    if x.array.dtype.kind not in "fc" and not whole:
        raise DTypeError(f"{name}: Expected a floating point or complex tensor as input. Got {x.array.dtype}")


def swapped(x: Tensor) -> Tensor:
    """Return a view of `x` with its last two axes swapped."""
    return composed.exchanged(x, -1, -2)


@keywords
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the inverse of the matrix `A`, or of each in a batch.

    Raises:
        LinAlgError: there is none.

    >>> import tensorgrad as tg
    >>> tg.linalg.inv(tg.tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    check_matrix(A, "linalg.inv", square=True)
    try:
        return ops.inv(A)
    except LinAlgError as error:
        raise LinAlgError(
            "linalg.inv: The inversion could not be completed because the input matrix is singular; see linalg.pinv()"
        ) from error


@keywords
def inverse(input: Tensor) -> Tensor:
    """Return the inverse of a matrix; see `linalg.inv`."""
    return inv(input)


@keywords
def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the determinant of the matrix `A`, or of each in a batch; singular ones have derivatives too.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.det", square=True)
    return ops.det(A)


@keywords
def slogdet(A: Tensor) -> SignAndLogarithm:
    """Return the sign of the determinant of `A` and the logarithm of its absolute value, which cannot overflow.

    Where `A` is singular the logarithm is -inf, and its gradient NaN. The sign of a complex determinant is its
    direction, and has a gradient.

    From (..., n, n): both of shape (...).

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.slogdet", square=True)
    found = ops.logabsdet(A)
    if A.array.dtype.kind == "c":
        size, angle = (ops.getitem(ops.view_as_real(found), index=(..., i)) for i in (0, 1))
        direction = ops.exp(ops.mul(angle, 1j))
        return SignAndLogarithm(ops.where(constant(size.array == -np.inf), 0.0, direction), size)
    return SignAndLogarithm(constant(factorized(np.linalg.slogdet, A.array)[0]), found)


@keywords
def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant: NaN where that is negative.

    From (..., n, n): shape (...). That of a complex one has its angle as imaginary part.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    if input.array.dtype.kind == "c":
        check_matrix(input, "linalg.slogdet", square=True)
        return ops.logabsdet(input)
    found = slogdet(input)
    y: Tensor = ops.unknown(found.logabsdet, constant(found.sign.array < 0))
    return y


@keywords
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """Return the X with ``A X = B`` (``X A = B`` with ``left=False``); `B` is a vector or a matrix, or a batch of them.

    Raises:
        ShapeError: `A` and `B` do not fit.

    >>> import tensorgrad as tg
    >>> tg.linalg.solve(tg.tensor([[2.0, 0.0], [0.0, 4.0]]), tg.tensor([2.0, 8.0]))
    tensor([1., 2.])
    """
    check_matrix(A, "linalg.solve", square=True)
    if not left:
        return composed.row_major(swapped(solve(swapped(A), swapped(B))))
    vector = B.array.ndim == 1 or (B.array.ndim == A.array.ndim - 1 and B.array.shape == A.array.shape[:-1])
    b = composed.expanded(B, -1) if vector else B
    n = A.array.shape[-1]
    if b.array.shape[-2] != n:
        raise ShapeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({n}x{n} and "
            f"{b.array.shape[-2]}x{b.array.shape[-1]})"
        )
    try:
        y = ops.solve(A, b)
    except LinAlgError as error:
        raise LinAlgError(
            "linalg.solve: The solver failed because the input matrix is singular; see linalg.lstsq()"
        ) from error
    return composed.squeezed(y, -1) if vector else y


@keywords
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Return the X with ``A X = B``, reading only one triangle of `A`, with a diagonal of ones if `unitriangular`.

    From (..., n, n) and (..., n, m): shape (..., n, m).

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.solve_triangular", square=True)
    inside = int(unitriangular)
    half = triu(A, inside) if upper else tril(A, -inside)
    if unitriangular:
        half = ops.add(half, constant(np.eye(A.array.shape[-1], dtype=A.array.dtype)))
    return solve(half, B, left=left)


def _tolerance(A: Tensor) -> float:
    return float(max(A.array.shape[-2:]) * np.finfo(A.array.dtype).eps)


@keywords
def pinv(A: Tensor, *, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """Return the pseudo-inverse of `A`; singular values below `rtol` times the largest count as 0.

    Its derivative is that along matrices of the same rank, as in PyTorch; directions that raise the rank have none.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.pinv")
    return ops.pinv(A, rtol=_tolerance(A) if rtol is None else rtol)


@keywords
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudo-inverse of a matrix; see `linalg.pinv`."""
    return pinv(input, rtol=rcond)


@keywords
def matrix_rank(A: Tensor, *, rtol: float | None = None, atol: float | None = None, hermitian: bool = False) -> Tensor:
    """Return how many singular values of `A` are larger than `atol`, and than `rtol` times the largest.

    From (..., n, m): shape (...).

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.matrix_rank")
    s = factorized(np.linalg.svd, A.array, compute_uv=False)
    relative = (0.0 if atol else _tolerance(A)) if rtol is None else rtol
    return constant((s > np.maximum(s.max(-1, keepdims=True, initial=0) * relative, atol or 0.0)).sum(-1))


@keywords
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """Return the X for which ``A X`` is nearest to `B`, with the residuals, the rank and the singular values.

    Only the solution has a gradient: it is the pseudo-inverse times `B`. The residuals are empty unless `A` is tall and
    of full rank.

    From (..., n, k) and (..., n, m): the solution of shape (..., k, m).

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "torch.linalg.lstsq")
    m, n = A.array.shape[-2:]
    vector = B.array.ndim == A.array.ndim - 1
    b = composed.expanded(B, -1) if vector else B
    solution = ops.matmul(pinv(A, rtol=rcond), b)
    rank = matrix_rank(A, rtol=rcond)
    residuals = np.zeros(0, A.array.dtype)
    if m > n and bool((rank.array == n).all()):
        residuals = (np.abs(A.array @ solution.array - b.array) ** 2).sum(-2)
    y = composed.squeezed(solution, -1) if vector else solution
    return LeastSquares(y, constant(residuals), rank, constant(factorized(np.linalg.svd, A.array, compute_uv=False)))


@keywords
def matrix_power(A: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """Return the product of `n` matrices `A`, by repeated squaring; negative powers are those of the inverse.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    check_matrix(A, "linalg.matrix_power", square=True, whole=n >= 0)
    base = inv(A) if n < 0 else A
    power: Any = None
    bits = abs(n)
    while bits:
        if bits & 1:
            power = base if power is None else ops.matmul(power, base)
        bits >>= 1
        base = ops.matmul(base, base) if bits else base
    if power is None:
        return constant(np.broadcast_to(np.eye(A.array.shape[-1], dtype=A.array.dtype), A.array.shape).copy())
    return ops.contiguous(A) if power is A else power
