"""Inverses and factorizations of matrices in the last two axes, with the published adjoints.

A primitive has one output, a factorization several. Here the factors stand one above the other in one array whose
columns belong together: eigenvectors over eigenvalues, Q over R transposed, U over the singular values over V. Rules
take them apart again by rows, so that derivatives of any order pass through every factor.

Sources: Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation";
Murray 2016, "Differentiation of the Cholesky decomposition"; Walter and Lehmann 2010 (QR); Townsend 2016,
"Differentiating the singular value decomposition"; Golub and Pereyra 1973 (pseudo-inverse).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.numerics import of_finite, power_of_two
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.kinds import primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.ops.contractions import matmul, swapped
from tensorgrad.ops.diagonals import diagonal, embedded
from tensorgrad.ops.reductions import amax, amin
from tensorgrad.ops.selection import abs, maximum, unknown
from tensorgrad.ops.shapes import concatenate


def product(*factors: Any) -> Any:
    """Return the product of matrices, from the left."""
    y = factors[0]
    for factor in factors[1:]:
        y = matmul(y, factor)
    return y


def conjugate(x: Any) -> Any:
    """Return the conjugate of complex `x`, and real `x` as it is."""
    return x.conj() if x.dtype.kind == "c" else x


def adjoint(x: Any) -> Any:
    """Return `x` with its last two axes swapped, and the conjugate of that if it is complex."""
    return conjugate(swapped(x))


def _symmetric(x: Any) -> Any:
    return (x + adjoint(x)) * 0.5


def _resolution(w: Any, n: int) -> float:
    """How far apart, relative to the largest, two values of an n by n matrix are that rounding can tell apart."""
    return float(n * np.finfo(w.dtype).eps)


def _gaps(gap: Any, size: Any) -> Any:
    """1 / gap between each pair of values, 0 on the diagonal; NaN between those that are equal to rounding of `size`.

    There the vectors may be turned into each other and no derivative of a single one exists. Where nothing depends on
    them, the sweeps know that what it is multiplied with is an exact zero (`autograd.strongzeros`).
    """
    n = gap.shape[-1]
    apart = 1 - np.eye(n, dtype=gap.dtype)
    return apart / unknown(gap + np.eye(n, dtype=gap.dtype), (abs(gap) <= size * _resolution(gap, n)) & (apart == 1))


def _eigenvalue_gaps(w: Any) -> Any:
    """F[i, j] = 1 / (w[j] - w[i])."""
    size = maximum(abs(w[..., :1]), abs(w[..., -1:]))  # they ascend
    return _gaps(w[..., None, :] - w[..., :, None], size[..., None])


def _squared_gaps(s: Any) -> Any:
    """F[i, j] = 1 / (s[j]**2 - s[i]**2)."""
    columns, rows = s[..., None, :], s[..., :, None]
    sums = columns + rows
    return _gaps(columns - rows, s[..., :1, None]) / (sums + (sums == 0))


def _inverse_values(s: Any, n: int) -> Any:
    """1 / s, NaN where s is 0 to rounding: what it belongs to is not determined."""
    return 1 / unknown(s, s <= s[..., :1] * _resolution(s, n))


def _stacked(*factors: Any) -> Any:
    return concatenate(*factors, axis=-2)


def _square(w: Any) -> Any:
    return embedded(w, offset=0, shape=(w.shape[-1], w.shape[-1]))


@primitive(
    (lambda g, y: -product(swapped(y), g, swapped(y)),),
    (lambda t, y: -product(y, t, y),),
    symbol="x⁻¹",
    samples="square",
    batch=leading,
    complex=True,
)
def inv(x: Any) -> Any:
    """Return the inverse of `x` (..., n, n); LinAlgError where there is none. ``d(X⁻¹) = -X⁻¹ dX X⁻¹``."""
    return of_finite(np.linalg.inv, x)


@primitive(
    (lambda g, y, a: -matmul(solve(swapped(a), g), swapped(y)), lambda g, a: solve(swapped(a), g)),
    (lambda t, y, a: -solve(a, matmul(t, y)), lambda t, a: solve(a, t)),
    symbol="a⁻¹b",
    samples="solve",
    batch=leading,
    complex=True,
)
def solve(a: Any, b: Any) -> Any:
    """Return the solution Y of ``a Y = b`` for `a` (..., n, n) and `b` (..., n, k); leading axes broadcast."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return of_finite(np.linalg.solve, np.broadcast_to(a, batch + a.shape[-2:]), b=b)


@primitive(
    (
        lambda g, y, x, rtol: (
            -product(swapped(y), g, swapped(y))
            + conjugate(product(_beside(x, y), swapped(g), y, adjoint(y)))
            + conjugate(product(adjoint(y), y, swapped(g), _beside(y, x)))
        ),
    ),
    (
        lambda t, y, x, rtol: (
            -product(y, t, y)
            + product(y, adjoint(y), adjoint(t), _beside(x, y))
            + product(_beside(y, x), adjoint(t), adjoint(y), y)
        ),
    ),
    symbol="x⁺",
    samples="pinv",
    batch=leading,
    complex=True,
)
def pinv(x: Any, *, rtol: Any) -> Any:
    """Return the pseudo-inverse of `x` (..., m, n), in which singular values below `rtol` of the largest count as 0."""
    return of_finite(np.linalg.pinv, x, rcond=rtol)


def _beside(a: Any, b: Any) -> Any:
    """I - a b: the projector onto what the product does not reach."""
    return np.eye(a.shape[-2], dtype=a.dtype) - matmul(a, b)


def held(x: Any, triangle: Any) -> Any:
    """The symmetric matrix that `x` holds: its symmetric part, or what its "L"ower or "U"pper triangle says.

    Of complex numbers the Hermitian one, of whose diagonal the real parts are read.

    The derivative is that of the symmetric part in any case, as in PyTorch: half of it stands above the diagonal.
    """
    mirrored = conjugate(np.swapaxes(x, -1, -2))
    if triangle is None:
        return (x + mirrored) / 2
    upper = np.triu(x if triangle == "U" else mirrored, 1)
    diagonal = x.real if x.dtype.kind == "c" else x
    return upper + conjugate(np.swapaxes(upper, -1, -2)) + np.where(np.eye(x.shape[-1], dtype=bool), diagonal, 0)


def _lower(x: Any) -> Any:
    """The lower triangle of `x`, with half of its diagonal: Murray's Φ."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=x.dtype) - 0.5 * np.eye(n, dtype=x.dtype))


def _cholesky_adjoint(g: Any, y: Any) -> Any:
    half = solve(swapped(y), _lower(matmul(swapped(y), g)))
    return _symmetric(solve(swapped(y), adjoint(half)))


def _cholesky_tangent(t: Any, y: Any) -> Any:
    return matmul(y, _lower(solve(y, adjoint(solve(y, _symmetric(t))))))


@primitive((_cholesky_adjoint,), (_cholesky_tangent,), symbol="chol", samples="square", batch=leading, complex=True)
def cholesky(x: Any, *, triangle: Any = None) -> Any:
    """Return the lower triangular L with ``L Lᵀ = X`` for the symmetric positive definite X in `x`.

    Of complex numbers, ``L Lᴴ`` of a Hermitian one.
    """
    return np.linalg.cholesky(held(x, triangle))


def _eigh_adjoint(g: Any, y: Any) -> Any:
    v, w = y[..., :-1, :], y[..., -1, :]
    core = _square(g[..., -1, :]) + _eigenvalue_gaps(w) * matmul(swapped(v), g[..., :-1, :])
    return _symmetric(product(conjugate(v), core, swapped(v)))


def _eigh_tangent(t: Any, y: Any) -> Any:
    v, w = y[..., :-1, :], y[..., -1, :]
    p = product(adjoint(v), _symmetric(t), v)
    return _stacked(matmul(v, _eigenvalue_gaps(w) * p), diagonal(p, offset=0)[..., None, :])


@primitive((_eigh_adjoint,), (_eigh_tangent,), symbol="eigh", samples="square", batch=leading, complex=True)
def eigh(x: Any, *, triangle: Any = None) -> Any:
    """Return the eigenvectors of the symmetric matrix in `x` as columns, above the row of ascending eigenvalues.

    ``dw = diag(Vᵀ dX V)``, ``dV = V (F * Vᵀ dX V)`` with ``F[i, j] = 1 / (w[j] - w[i])``, NaN between equal values.
    Each complex vector may be turned by a number of size 1: here none turns, ``diag(Vᴴ dV) = 0``.
    """
    w, v = of_finite(np.linalg.eigh, held(x, triangle))
    return np.concatenate([v, w[..., None, :]], axis=-2)


def _svd_parts(y: Any, m: int) -> tuple[Any, Any, Any]:
    return y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]


def _relative(s: Any) -> tuple[Any, Any]:
    """Return singular values over a power of two of the largest, a constant, and that: squares of them have room."""
    size = power_of_two(np.max(s.array if isinstance(s, Tensor) else s, axis=-1, keepdims=True, initial=0))
    return s / size, size


def _svd_adjoint(g: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    (u, s, v), (gu, gs, gv) = _svd_parts(y, m), _svd_parts(g, m)
    s, size = _relative(s)
    gaps = _squared_gaps(s)
    pu, pv = gaps * matmul(swapped(u), gu), gaps * matmul(swapped(v), gv)
    core = (pu + swapped(pu)) * s[..., None, :] + (pv + swapped(pv)) * s[..., :, None]
    core = core / size[..., None] + _square(gs)
    gx = product(u, core, swapped(v))
    if m > n:
        gx = gx + product(_beside(u, swapped(u)), gu * (_inverse_values(s, m) / size)[..., None, :], swapped(v))
    if n > m:
        gx = gx + product(u, swapped(gv * (_inverse_values(s, n) / size)[..., None, :]), _beside(v, swapped(v)))
    return gx


def _svd_tangent(t: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    u, s, v = _svd_parts(y, m)
    s, size = _relative(s)
    gaps, p = _squared_gaps(s), product(swapped(u), t, v)
    columns, rows = s[..., None, :], s[..., :, None]
    du = matmul(u, gaps * (p * columns + rows * swapped(p)) / size[..., None])
    dv = matmul(v, gaps * (p * rows + swapped(p) * columns) / size[..., None])
    if m > n:
        du = du + product(_beside(u, swapped(u)), t, v) * (_inverse_values(s, m) / size)[..., None, :]
    if n > m:
        dv = dv + product(_beside(v, swapped(v)), swapped(t), u) * (_inverse_values(s, n) / size)[..., None, :]
    return _stacked(du, diagonal(p, offset=0)[..., None, :], dv)


@primitive((_svd_adjoint,), (_svd_tangent,), symbol="svd", samples="matrix", batch=leading)
def svd(x: Any) -> Any:
    """Return U (m, k) over the row of descending singular values over V (n, k), k = min(m, n), of `x` (..., m, n)."""
    u, s, vh = of_finite(np.linalg.svd, x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], axis=-2)


def _over(x: Any, r: Any) -> Any:
    """X R⁻¹."""
    return swapped(solve(swapped(r), swapped(x)))


def _regular(r: Any) -> Any:
    """R, NaN where an element of its diagonal is 0 to rounding: Q is not determined there."""
    if not r.shape[-1]:
        return r
    size = abs(diagonal(r, offset=0))
    lowest, highest = amin(size, axis=-1, keepdims=True), amax(size, axis=-1, keepdims=True)
    return unknown(r, (lowest <= highest * _resolution(r, r.shape[-1]))[..., None])


def _qr_adjoint(g: Any, y: Any, x_shape: Any) -> Any:
    m = x_shape[-2]
    q, r, gq, gr = y[..., :m, :], _regular(swapped(y[..., m:, :])), g[..., :m, :], swapped(g[..., m:, :])
    half = _lower(matmul(r, swapped(gr)) - matmul(swapped(gq), q))
    return swapped(solve(r, swapped(gq + matmul(q, half + swapped(half)))))


def _qr_tangent(t: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    q, r = y[..., :m, :], _regular(swapped(y[..., m:, :]))
    p = _over(matmul(swapped(q), t), r)
    below = p * np.tri(n, k=-1, dtype=p.dtype)
    dr = matmul(p - below + swapped(below), r)
    return _stacked(_over(t - matmul(q, dr), r), swapped(dr))


@primitive((_qr_adjoint,), (_qr_tangent,), symbol="qr", samples="tall", batch=leading)
def qr(x: Any) -> Any:
    """Return Q (m, n) over the transpose of R (n, n) for `x` (..., m, n) with m >= n and full rank."""
    q, r = of_finite(np.linalg.qr, x)
    return np.concatenate([q, np.swapaxes(r, -1, -2)], axis=-2)
