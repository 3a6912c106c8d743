"""``numpy.linalg`` of tensors: factorizations, solutions, determinants, norms, with NumPy's options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.functions import linalg, products

from .mixed import F, floating, met, tensor, tensors, values
from .multiplying import cross, outer, tensordot

Rule = Callable[..., Any]


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``np.linalg.cholesky``."""
    return linalg.cholesky(floating(a), upper=upper)


def cond(x: Any, p: Any = None) -> Any:
    """``np.linalg.cond``."""
    return linalg.cond(floating(x), p)


def eigh(a: Any, UPLO: str = "L") -> Any:
    """``np.linalg.eigh``."""
    return linalg.eigh(floating(a), UPLO)


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """``np.linalg.eigvalsh``."""
    return linalg.eigvalsh(floating(a), UPLO)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """``np.linalg.lstsq`` of full rank: solution, squares of what remains, rank, singular values."""
    x, y = met([floating(a), b])
    rank = np.int32(np.linalg.matrix_rank(values(x)))
    if x.ndim != 2 or y.ndim > 2 or rcond not in (None, -1) or rank < min(x.array.shape):
        return NotImplemented
    rows = y if y.ndim == 2 else y[:, None]
    found = linalg.lstsq(x, rows).solution
    rest = rows - products.multiplied(x, found)
    squares = (
        (rest * F.conj(rest)).sum(0).real
        if x.array.shape[0] > x.array.shape[1]
        else tensor(np.zeros(0, values(x).dtype))
    )
    return found if y.ndim == 2 else found[:, 0], squares, tensor(rank), linalg.svdvals(x)


def matrix_power(a: Any, n: int) -> Any:
    """``np.linalg.matrix_power``."""
    return linalg.matrix_power(tensor(a), n)


def multi_dot(arrays: Any, *, out: None = None) -> Any:
    """``np.linalg.multi_dot``."""
    return linalg.multi_dot(tensors(arrays))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """``np.linalg.norm``."""
    return linalg.norm(floating(x), ord, axis, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """``np.linalg.matrix_norm``."""
    return linalg.matrix_norm(floating(x), ord, (-2, -1), keepdims)


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """``np.linalg.vector_norm``."""
    return linalg.vector_norm(floating(x), ord, axis, keepdims)


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """``np.linalg.pinv`` of full rank."""
    if rcond is not None or (rtol is not None and rtol is not getattr(np, "_NoValue", None)):
        return NotImplemented
    return linalg.pinv(floating(a), hermitian=hermitian)


def qr(a: Any, mode: str = "reduced") -> Any:
    """``np.linalg.qr``."""
    if mode not in ("reduced", "complete", "r"):
        return NotImplemented
    found = linalg.qr(floating(a), "reduced" if mode == "r" else mode)
    return found[1] if mode == "r" else found


def solve(a: Any, b: Any) -> Any:
    """``np.linalg.solve``: of one vector, or of columns."""
    x, y = met([floating(a), b])
    return linalg.solve(x, y[:, None])[..., 0] if y.ndim == 1 else linalg.solve(x, y)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """``np.linalg.svd``."""
    if hermitian:
        return NotImplemented
    return linalg.svd(floating(a), full_matrices) if compute_uv else linalg.svdvals(floating(a))


def tensorinv(a: Any, ind: int = 2) -> Any:
    """``np.linalg.tensorinv``."""
    x = floating(a)
    shape = x.array.shape
    if ind <= 0:
        return NotImplemented
    return linalg.inv(x.reshape(-1, math.prod(shape[ind:]))).reshape(*shape[ind:], *shape[:ind])


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """``np.linalg.tensorsolve``."""
    x, y = met([floating(a), b])
    if axes is not None:
        return NotImplemented
    unknown = x.array.shape[y.ndim :]
    return solve(x.reshape(-1, math.prod(unknown)), y.reshape(-1)).reshape(unknown)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``np.linalg.vecdot``."""
    return linalg.vecdot(*met([x1, x2]), dim=axis)


FOLLOWED: dict[str, Rule] = {
    "cholesky": cholesky, "cond": cond, "cross": lambda x1, x2, /, *, axis=-1: cross(x1, x2, axis=axis),
    "det": lambda a: linalg.det(floating(a)),
    "diagonal": lambda x, /, *, offset=0: F.diagonal(tensor(x), offset, -2, -1),
    "eigh": eigh, "eigvalsh": eigvalsh, "inv": lambda a: linalg.inv(floating(a)), "lstsq": lstsq,
    "matmul": lambda x1, x2, /: products.multiplied(*met([x1, x2])), "matrix_norm": matrix_norm,
    "matrix_power": matrix_power, "matrix_transpose": lambda x, /: tensor(x).mT, "multi_dot": multi_dot, "norm": norm,
    "outer": lambda x1, x2, /: outer(x1, x2), "pinv": pinv, "qr": qr, "slogdet": lambda a: linalg.slogdet(floating(a)),
    "solve": solve, "svd": svd, "svdvals": lambda x, /: linalg.svdvals(floating(x)),
    "tensordot": lambda x1, x2, /, *, axes=2: tensordot(x1, x2, axes), "tensorinv": tensorinv,
    "tensorsolve": tensorsolve, "vecdot": vecdot, "vector_norm": vector_norm,
    "trace": lambda x, /, *, offset=0, dtype=None: F.diagonal(tensor(x), offset, -2, -1).sum(-1),
}  # fmt: skip
"""What each function of ``numpy.linalg`` computes of tensors."""
