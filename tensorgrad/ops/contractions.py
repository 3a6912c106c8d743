"""Products that sum over a shared axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.engine.batchrules import multiplied, rows
from tensorgrad.engine.kinds import multilinear, primitive
from tensorgrad.ops.shapes import reshape, transpose


def swapped(x: Any) -> Any:
    """Return `x` with its last two axes swapped."""
    if x.__class__ is np.ndarray:
        return x.swapaxes(-1, -2)  # in a tenth of the time of what follows
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def flat(x: Any) -> Any:
    """Return `x` (..., k) as a matrix (n, k)."""
    return x if x.ndim == 2 else reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


@multilinear(
    lambda g, b: matmul(g, swapped(b)),
    lambda g, a: matmul(swapped(a), g),
    symbol="@",
    samples="(n,k),(k,m)->(n,m)",
    batch=multiplied,
)
def matmul(a: Any, b: Any) -> Any:
    """Return the product of matrices `a` (..., n, k) and `b` (..., k, m); leading axes are batches and broadcast."""
    return np.matmul(a, b)


@multilinear(
    lambda g, b: linear(g, swapped(b)),
    lambda g, a: matmul(swapped(flat(g)), flat(a)),
    symbol="@ᵀ",
    samples="(n,k),(m,k)->(n,m)",
    batch=rows,
)
def linear(a: Any, b: Any) -> Any:
    """Return ``a @ b.T`` for `a` (..., k) and the matrix `b` (m, k): the layer's product.

    Its adjoints give the gradient of `b` in the memory order of `b`, without a transposed copy.
    """
    return _rows(a, b)


@primitive(
    (lambda g, b: linear(g, swapped(b)), lambda g, a: matmul(swapped(flat(g)), flat(a)), lambda g: g),
    (lambda t, b: linear(t, b), lambda t, a: linear(a, t), lambda t: t),
    symbol="Affine",
    complex=True,
    samples="(n,k),(m,k),(m)->(n,m)",
    batch=rows,
)
def affine(a: Any, b: Any, c: Any) -> Any:
    """Return ``a @ b.T + c``: the affine layer, `a` (..., k), `b` (m, k) and `c` (m,), as one operation."""
    y = _rows(a, b)
    y += c
    return y


def _rows(a: Any, b: Any) -> Any:
    """Return ``a @ b.T``, of all rows at once: a matrix that has to be turned would be so for each example anew."""
    if a.ndim < 3 or not b.flags.c_contiguous:
        return np.matmul(a, b.T)
    y = np.matmul(a.reshape(math.prod(a.shape[:-1]), a.shape[-1]), b.T)
    return y.reshape(*a.shape[:-1], len(b))
