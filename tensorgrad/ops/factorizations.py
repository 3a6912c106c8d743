"""Inverses, determinants and factorizations of matrices in the last two axes, with the published adjoints.

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

from tensorgrad.engine.kinds import primitive
from tensorgrad.ops.contractions import matmul, swapped
from tensorgrad.ops.diagonals import diagonal, embedded
from tensorgrad.ops.reductions import sum
from tensorgrad.ops.selection import where
from tensorgrad.ops.shapes import concatenate


def _product(*factors: Any) -> Any:
    y = factors[0]
    for factor in factors[1:]:
        y = matmul(y, factor)
    return y


def _symmetric(x: Any) -> Any:
    return (x + swapped(x)) * 0.5


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 at 0: what equal eigenvalues add to a derivative that exists."""
    zero = x == 0
    return where(zero, 0.0, 1 / where(zero, 1.0, x))


def _gaps(w: Any) -> Any:
    """F[i, j] = 1 / (w[j] - w[i]), 0 on the diagonal and between equal values."""
    return _reciprocal(w[..., None, :] - w[..., :, None])


def _stacked(*factors: Any) -> Any:
    return concatenate(*factors, axis=-2)


def _square(w: Any) -> Any:
    return embedded(w, offset=0, shape=(w.shape[-1], w.shape[-1]))


def _trace(a: Any, b: Any) -> Any:
    """The inner product of two matrices, with two axes of length 1."""
    return sum(a * b, axis=(-2, -1), keepdims=True)


@primitive(
    (lambda g, y: -_product(swapped(y), g, swapped(y)),),
    (lambda t, y: -_product(y, t, y),),
    symbol="x⁻¹",
    samples="square",
)
def inv(x: Any) -> Any:
    """Return the inverse of `x` (..., n, n); LinAlgError where there is none. ``d(X⁻¹) = -X⁻¹ dX X⁻¹``."""
    return np.linalg.inv(x)


@primitive(
    (lambda g, y, a: -matmul(solve(swapped(a), g), swapped(y)), lambda g, a: solve(swapped(a), g)),
    (lambda t, y, a: -solve(a, matmul(t, y)), lambda t, a: solve(a, t)),
    symbol="a⁻¹b",
    samples="solve",
)
def solve(a: Any, b: Any) -> Any:
    """Return the solution Y of ``a Y = b`` for `a` (..., n, n) and `b` (..., n, k); leading axes broadcast."""
    return np.linalg.solve(a, b)


@primitive(
    (lambda g, x: g[..., None, None] * cofactor(x),),
    (lambda t, x: sum(t * cofactor(x), axis=(-2, -1)),),
    symbol="det",
    samples="square",
)
def det(x: Any) -> Any:
    """Return the determinant of `x` (..., n, n). ``d det X = <cof X, dX>``, also where X is singular."""
    return np.linalg.det(x)


@primitive(
    (lambda g, y, x: swapped(inv(x)) * _trace(y, g) - _product(y, swapped(g), swapped(inv(x))),),
    (lambda t, y, x: y * _trace(swapped(inv(x)), t) - _product(swapped(inv(x)), swapped(t), y),),
    symbol="cof",
    samples="square",
)
def cofactor(x: Any) -> Any:
    """Return the cofactors of `x`: ``det(X) X⁻ᵀ``, or by singular values where X is nearly singular.

    The derivative of the cofactors themselves needs the inverse.
    """
    u, s, vh = np.linalg.svd(x)
    n = s.shape[-1]
    if (s[..., -1:] > 1e-6 * s[..., :1]).all():
        return np.linalg.det(x)[..., None, None] * np.swapaxes(np.linalg.inv(x), -1, -2)
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)  # the product of the other values
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return (sign[..., None, None] * ((u * others[..., None, :]) @ vh)).astype(x.dtype)


@primitive(
    (lambda g, x: g[..., None, None] * swapped(inv(x)),),
    (lambda t, x: sum(t * swapped(inv(x)), axis=(-2, -1)),),
    symbol="log|det|",
    samples="square",
)
def logabsdet(x: Any) -> Any:
    """Return the logarithm of the absolute value of the determinant, without overflow. ``d log|det X| = <X⁻ᵀ, dX>``."""
    return np.linalg.slogdet(x).logabsdet


@primitive(
    (
        lambda g, y, x, rtol: (
            -_product(swapped(y), g, swapped(y))
            + _product(_beside(x, y), swapped(g), y, swapped(y))
            + _product(swapped(y), y, swapped(g), _beside(y, x))
        ),
    ),
    (
        lambda t, y, x, rtol: (
            -_product(y, t, y)
            + _product(y, swapped(y), swapped(t), _beside(x, y))
            + _product(_beside(y, x), swapped(t), swapped(y), y)
        ),
    ),
    symbol="x⁺",
    samples="pinv",
)
def pinv(x: Any, *, rtol: Any) -> Any:
    """Return the pseudo-inverse of `x` (..., m, n), in which singular values below `rtol` of the largest count as 0."""
    return np.linalg.pinv(x, rcond=rtol)


def _beside(a: Any, b: Any) -> Any:
    """I - a b: the projector onto what the product does not reach."""
    return np.eye(a.shape[-2], dtype=a.dtype) - matmul(a, b)


def _lower(x: Any) -> Any:
    """The lower triangle of `x`, with half of its diagonal: Murray's Φ."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=x.dtype) - 0.5 * np.eye(n, dtype=x.dtype))


def _cholesky_adjoint(g: Any, y: Any) -> Any:
    half = solve(swapped(y), _lower(matmul(swapped(y), g)))
    return _symmetric(solve(swapped(y), swapped(half)))


def _cholesky_tangent(t: Any, y: Any) -> Any:
    return matmul(y, _lower(solve(y, swapped(solve(y, _symmetric(t))))))


@primitive((_cholesky_adjoint,), (_cholesky_tangent,), symbol="chol", samples="square")
def cholesky(x: Any) -> Any:
    """Return the lower triangular L with ``L Lᵀ = X`` for the symmetric part X of `x`, which is positive definite."""
    return np.linalg.cholesky((x + np.swapaxes(x, -1, -2)) / 2)


def _eigh_adjoint(g: Any, y: Any) -> Any:
    v, w = y[..., :-1, :], y[..., -1, :]
    core = _square(g[..., -1, :]) + _gaps(w) * matmul(swapped(v), g[..., :-1, :])
    return _symmetric(_product(v, core, swapped(v)))


def _eigh_tangent(t: Any, y: Any) -> Any:
    v, w = y[..., :-1, :], y[..., -1, :]
    p = _product(swapped(v), _symmetric(t), v)
    return _stacked(matmul(v, _gaps(w) * p), diagonal(p, offset=0)[..., None, :])


@primitive((_eigh_adjoint,), (_eigh_tangent,), symbol="eigh", samples="square")
def eigh(x: Any) -> Any:
    """Return the eigenvectors of the symmetric part of `x` as columns, above the row of ascending eigenvalues.

    ``dw = diag(Vᵀ dX V)``, ``dV = V (F * Vᵀ dX V)`` with ``F[i, j] = 1 / (w[j] - w[i])``.
    """
    w, v = np.linalg.eigh((x + np.swapaxes(x, -1, -2)) / 2)
    return np.concatenate([v, w[..., None, :]], axis=-2)


def _svd_parts(y: Any, m: int) -> tuple[Any, Any, Any]:
    return y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]


def _svd_adjoint(g: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    (u, s, v), (gu, gs, gv) = _svd_parts(y, m), _svd_parts(g, m)
    gaps = _gaps(s * s)
    pu, pv = gaps * matmul(swapped(u), gu), gaps * matmul(swapped(v), gv)
    core = (pu + swapped(pu)) * s[..., None, :] + (pv + swapped(pv)) * s[..., :, None] + _square(gs)
    gx = _product(u, core, swapped(v))
    if m > n:
        gx = gx + _product(_beside(u, swapped(u)), gu * _reciprocal(s)[..., None, :], swapped(v))
    if n > m:
        gx = gx + _product(u, swapped(gv * _reciprocal(s)[..., None, :]), _beside(v, swapped(v)))
    return gx


def _svd_tangent(t: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    u, s, v = _svd_parts(y, m)
    gaps, p = _gaps(s * s), _product(swapped(u), t, v)
    columns, rows = s[..., None, :], s[..., :, None]
    du = matmul(u, gaps * (p * columns + rows * swapped(p)))
    dv = matmul(v, gaps * (p * rows + swapped(p) * columns))
    if m > n:
        du = du + _product(_beside(u, swapped(u)), t, v) * _reciprocal(columns)
    if n > m:
        dv = dv + _product(_beside(v, swapped(v)), swapped(t), u) * _reciprocal(columns)
    return _stacked(du, diagonal(p, offset=0)[..., None, :], dv)


@primitive((_svd_adjoint,), (_svd_tangent,), symbol="svd", samples="matrix")
def svd(x: Any) -> Any:
    """Return U (m, k) over the row of descending singular values over V (n, k), k = min(m, n), of `x` (..., m, n)."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, s[..., None, :], np.swapaxes(vh, -1, -2)], axis=-2)


def _over(x: Any, r: Any) -> Any:
    """X R⁻¹."""
    return swapped(solve(swapped(r), swapped(x)))


def _qr_adjoint(g: Any, y: Any, x_shape: Any) -> Any:
    m = x_shape[-2]
    q, r, gq, gr = y[..., :m, :], swapped(y[..., m:, :]), g[..., :m, :], swapped(g[..., m:, :])
    half = _lower(matmul(r, swapped(gr)) - matmul(swapped(gq), q))
    return swapped(solve(r, swapped(gq + matmul(q, half + swapped(half)))))


def _qr_tangent(t: Any, y: Any, x_shape: Any) -> Any:
    m, n = x_shape[-2:]
    q, r = y[..., :m, :], swapped(y[..., m:, :])
    p = _over(matmul(swapped(q), t), r)
    below = p * np.tri(n, k=-1, dtype=p.dtype)
    dr = matmul(p - below + swapped(below), r)
    return _stacked(_over(t - matmul(q, dr), r), swapped(dr))


@primitive((_qr_adjoint,), (_qr_tangent,), symbol="qr", samples="tall")
def qr(x: Any) -> Any:
    """Return Q (m, n) over the transpose of R (n, n) for `x` (..., m, n) with m >= n and full rank."""
    q, r = np.linalg.qr(x)
    return np.concatenate([q, np.swapaxes(r, -1, -2)], axis=-2)
