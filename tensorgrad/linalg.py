"""Linear algebra under the names of ``torch.linalg``; everything but ranks is differentiable, to any order.

>>> import tensorgrad as tg
>>> a = tg.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
>>> tg.linalg.det(a).backward()
>>> a.grad.round().tolist()
[[3.0, -1.0], [-1.0, 2.0]]
"""

from tensorgrad.base.unknown import answer_unknown_names
from tensorgrad.functions.linalg import (
    LinAlgError,
    cholesky,
    cond,
    cross,
    det,
    diagonal,
    eigh,
    eigvalsh,
    inv,
    lstsq,
    matmul,
    matrix_norm,
    matrix_power,
    matrix_rank,
    multi_dot,
    norm,
    outer,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    svd,
    svdvals,
    vander,
    vecdot,
    vector_norm,
)

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve",
    "solve_triangular", "svd", "svdvals", "vander", "vecdot", "vector_norm",
]  # fmt: skip

answer_unknown_names(__name__)
