"""Determinants, and their slopes of every order where a matrix is singular, too: a determinant is a polynomial."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import inf, nan

from tensorgrad.base.numerics import of_finite, power_of_two
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.crossings import in_front
from tensorgrad.engine.kinds import primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.ops.contractions import matmul, swapped
from tensorgrad.ops.diagonals import diagonal
from tensorgrad.ops.factorizations import adjoint, conjugate, inv, product
from tensorgrad.ops.reductions import sum
from tensorgrad.ops.selection import unknown
from tensorgrad.ops.shapes import concatenate, reshape

_SMALL = 1e-6
"""Singular values below this part of the largest count as small: the inverse would lose their digits."""

MINORS = 8
"""The largest matrix that is not finite whose cofactors are computed one by one, to tell which are not known."""


@primitive(
    (lambda g, x: g[..., None, None] * cofactor(x),),
    (lambda t, x: sum(t * cofactor(x), axis=(-2, -1)),),
    symbol="det",
    samples="square",
    batch=leading,
    complex=True,
)
def det(x: Any) -> Any:
    """Return the determinant of `x` (..., n, n). ``d det X = <cof X, dX>``, also where X is singular."""
    return of_finite(np.linalg.det, x)


def _regular_inverse(y: Any, x: Any) -> Any:
    """The inverse of `x`; NaN where there is none, as `y`, the logarithm of its determinant, tells."""
    return inv(unknown(x, (y == -inf)[..., None, None]))


@primitive(
    (lambda g, y, x: g[..., None, None] * swapped(_regular_inverse(y, x)),),
    (lambda t, y, x: sum(t * swapped(_regular_inverse(y, x)), axis=(-2, -1)),),
    symbol="log|det|",
    samples="square",
    batch=leading,
    complex=True,
)
def logabsdet(x: Any) -> Any:
    """Return the logarithm of the absolute value of the determinant, without overflow. ``d log|det X| = <X⁻ᵀ, dX>``.

    That of a complex determinant has its angle as imaginary part, and is the logarithm of the determinant itself.
    """
    sign, size = of_finite(np.linalg.slogdet, x)
    return size + 1j * np.angle(sign) if x.dtype.kind == "c" else size


@in_front
def cofactor(x: Any) -> Any:
    """Return the cofactors of `x` (..., n, n): ``det(X) X⁻ᵀ``, computed otherwise where X is nearly singular.

    A composition, so that every derivative of the determinant follows. The matrices of a batch are sorted by how many
    singular values are small, and NaN or infinity in one of them stays there. Where the determinant or the inverse
    might leave the dtype, the power of two of the largest element is taken out: ``cof(X) = s**(n-1) cof(X/s)``.
    """
    values = x.array if isinstance(x, Tensor) else x
    sizes = _sizes(values)
    if (sizes == 1).all():
        return _sorted_cofactors(x)
    y = _sorted_cofactors(x / sizes)
    for _ in range(x.shape[-1] - 1):  # one by one: the power itself may leave the dtype where the product does not
        y = y * sizes
    return y


def _sizes(x: Any) -> Any:
    """Return the power of two of the largest element of each matrix, 1 where products of n elements have room."""
    sizes = power_of_two(np.max(np.abs(x), axis=(-2, -1), keepdims=True, initial=0))
    limits, n = np.finfo(x.dtype), max(x.shape[-1], 1)
    room = 0.5 * min(limits.maxexp, -limits.minexp) / n
    return np.where(np.abs(np.log2(sizes)) <= room, 1, sizes)


def _sorted_cofactors(x: Any) -> Any:
    kinds = _deficiencies(x.array if isinstance(x, Tensor) else x)
    distinct = np.unique(kinds)
    if distinct.size <= 1:
        return _cofactors(x, int(distinct[0]) if distinct.size else 0)
    flat = reshape(x, shape=(-1, *x.shape[-2:]))
    groups = [np.flatnonzero(kinds == kind) for kind in distinct]
    found = [_cofactors(flat[group], int(kind)) for group, kind in zip(groups, distinct, strict=True)]
    return reshape(concatenate(*found, axis=0)[np.argsort(np.concatenate(groups))], shape=x.shape)


def _deficiencies(x: Any) -> Any:
    """Return how many singular values of each matrix are small, -1 where it is not finite."""
    finite = np.isfinite(x).all((-2, -1))
    s = np.linalg.svd(np.where(finite[..., None, None], x, 0), compute_uv=False)
    return np.where(finite, (s <= _SMALL * s[..., :1]).sum(-1), -1).ravel()


def _cofactors(x: Any, small: int) -> Any:
    if small < 0:
        return _signed_minors(x) if x.shape[-1] <= MINORS else x * nan
    return _by_blocks(x, small) if small else det(x)[..., None, None] * swapped(inv(x))


def _signed_minors(x: Any) -> Any:
    """Each cofactor by its definition: the determinant of what is left without a row and a column."""
    n = x.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=np.int64).reshape(n, n - 1)
    signs = (-1.0) ** np.add.outer(np.arange(n), np.arange(n))
    return det(x[..., others[:, None, :, None], others[None, :, None, :]]) * signs.astype(x.dtype)


def _by_blocks(x: Any, small: int) -> Any:
    """The cofactors in the basis of the singular vectors, held fixed: ``Y = Uᵀ X V`` has a regular block A and a rest.

    ``det Y = det(A) det(S)`` with ``S = D - C A⁻¹ B``, small but of few rows: computed as polynomials.
    """
    values = x.array if isinstance(x, Tensor) else x
    u, _, vh = np.linalg.svd(values)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    y = product(adjoint(u), x, adjoint(vh))
    u, vh = conjugate(u), conjugate(vh)  # for cof(X) is that of the transpose
    r = x.shape[-1] - small
    if r == 0:
        return product(u, _polynomials(y)[0], vh) * sign
    a, b, c, d = y[..., :r, :r], y[..., :r, r:], y[..., r:, :r], y[..., r:, r:]
    inverse, size = inv(a), det(a)[..., None, None]
    right, left = swapped(matmul(inverse, b)), swapped(matmul(c, inverse))
    rest, below = _polynomials(d - product(c, inverse, b))
    across = matmul(left, rest)
    upper = concatenate(swapped(inverse) * below + matmul(across, right), -across, axis=-1)
    lower = concatenate(-matmul(rest, right), rest, axis=-1)
    return product(u, concatenate(upper, lower, axis=-2) * size, vh) * sign


def _polynomials(s: Any) -> tuple[Any, Any]:
    """The cofactors of `s` and its determinant, by products alone (Faddeev and Le Verrier)."""
    n = s.shape[-1]
    eye = np.eye(n, dtype=s.dtype)
    m = s * 0 + eye
    for j in range(1, n + 1):
        moved = matmul(s, m)
        c = sum(diagonal(moved, offset=0), axis=-1, keepdims=True)[..., None] * (-1 / j)
        if j < n:
            m = moved + c * eye
    return swapped(m) * (-1.0) ** (n - 1), c * (-1.0) ** n
