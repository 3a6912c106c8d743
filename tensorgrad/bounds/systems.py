"""What inverses and solutions of systems of intervals are, proved by how little an approximate inverse leaves over.

For an approximate inverse R of A, ``E = I - R A`` is computed as intervals. Where the rows of E have a sum of sizes
below 1, A is regular, and the solution of ``A x = b`` lies within ``|R (b - A y)|`` times ``1 / (1 - |E|)`` of any y
(Neumaier 1990, section 4.1; Rump 2010, section 10).
"""

from __future__ import annotations

import numpy as np

from tensorgrad.ops.factorizations import held

from .interval import UNIT, Interval, between, outward, point, real, whole
from .powers import FUNCTION_PLACES, cut, div, mul, root, size, sub
from .sums import matmul


def solved(a: Interval, b: Interval) -> Interval:
    """Return what solves ``a x = b``, for the columns of `b`: the whole line where `a` is not proved to be regular."""
    a, b = real(a), real(b)
    n = a.shape[-1]
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    shape = (*lead, n, b.shape[-1])
    middle = a.middle
    if not (np.isfinite(a.low).all() and np.isfinite(a.high).all() and n):
        return whole(shape)
    try:
        inverse = np.linalg.inv(middle)
        near = np.matmul(inverse, b.middle)
    except np.linalg.LinAlgError:
        return whole(shape)
    if not (np.isfinite(inverse).all() and np.isfinite(near).all()):
        return whole(shape)
    rest = size(sub(point(np.eye(n)), matmul(point(inverse), a))).high
    left = size(matmul(point(inverse), sub(b, matmul(a, point(near))))).high
    norm = rest.sum(-1, keepdims=True) * (1 + 2 * n * UNIT)
    worst = norm.max(-2, keepdims=True)
    most = left.max(-2, keepdims=True) / (1 - worst) * (1 + 8 * UNIT)
    # |x - y| <= left + |E| |x - y|, row by row
    radius = (left + norm * most) * (1 + 8 * UNIT)
    radius = np.where(worst < 1, radius, np.inf)
    return outward(near - radius, near + radius)


def inverse(a: Interval) -> Interval:
    """Return the inverses of matrices."""
    return solved(a, point(np.broadcast_to(np.eye(a.shape[-1]), a.shape)))


def determinant(a: Interval) -> Interval:
    """Return the determinants of matrices, by elimination in the order in which their middles are eliminated."""
    a = real(a)
    n = a.shape[-1]
    lead = a.shape[:-2]
    if not n:
        return point(np.ones(lead))
    made = [_of_one(between(x, y)) for x, y in zip(a.low.reshape(-1, n, n), a.high.reshape(-1, n, n), strict=True)]
    low = np.array([d.low for d in made]).reshape(lead)
    return between(low, np.array([d.high for d in made]).reshape(lead))


def _of_one(a: Interval) -> Interval:
    """Return the determinant of one matrix: the product of what stands on the diagonal when it is a triangle."""
    n = a.shape[-1]
    rows = [between(a.low[i], a.high[i]) for i in range(n)]
    sign, found = 1.0, point(1.0)
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(float(rows[i].middle[k])))
        if best != k:
            rows[k], rows[best], sign = rows[best], rows[k], -sign
        pivot = between(rows[k].low[k], rows[k].high[k])
        if not (pivot.low > 0 or pivot.high < 0):
            return _by_sizes(a)
        found = mul(found, pivot)
        for i in range(k + 1, n):
            factor = div(between(rows[i].low[k], rows[i].high[k]), pivot)
            rows[i] = sub(rows[i], mul(rows[k], factor))
    return mul(found, point(sign))


def _by_sizes(a: Interval) -> Interval:
    """Return what is around a determinant: its size is at most the product of the lengths of the rows (Hadamard)."""
    lengths = np.sqrt((size(a).high ** 2).sum(-1)) * (1 + 4 * a.shape[-1] * UNIT)
    most = np.asarray(np.prod(lengths) * (1 + 4 * a.shape[-1] * UNIT))
    return outward(-most, most)


def log_determinant(a: Interval) -> Interval:
    """Return the logarithm of the size of the determinants: the whole line where one may be 0."""
    found = size(determinant(a))
    return outward(np.log(found.low), np.log(found.high), FUNCTION_PLACES)


def cholesky(a: Interval, *, triangle: str | None = None) -> Interval:
    """Return the lower factors of symmetric matrices, column by column; the whole line from where one may not exist."""
    a = real(a)
    a = outward(held(a.low, triangle), held(a.high, triangle))
    low, high = np.zeros(a.shape), np.zeros(a.shape)
    for j in range(a.shape[-1]):
        column = between(a.low[..., j:, j : j + 1], a.high[..., j:, j : j + 1])
        if j:
            left = between(low[..., j:, :j], high[..., j:, :j])
            row = between(low[..., j : j + 1, :j].swapaxes(-1, -2), high[..., j : j + 1, :j].swapaxes(-1, -2))
            column = sub(column, matmul(left, row))
        top = between(column.low[..., :1, :], column.high[..., :1, :])
        made = cut(div(column, root(top)), np.broadcast_to(top.low <= 0, column.shape))
        low[..., j:, j : j + 1], high[..., j:, j : j + 1] = made.low, made.high
    return between(low, high)
