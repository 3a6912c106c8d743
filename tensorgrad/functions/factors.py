"""PyTorch's older names for factorizations, in a file of its own: parts and arguments are not those of `linalg`."""

from __future__ import annotations

from typing import NamedTuple

from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import composed, decompositions
from tensorgrad.functions.common import keywords
from tensorgrad.functions.decompositions import OrthogonalTriangular


class SingularVectors(NamedTuple):
    """``U diag(S) Vᵀ``: the third part is not transposed, unlike that of ``linalg.svd``."""

    U: Tensor
    S: Tensor
    V: Tensor


@keywords
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SingularVectors:
    """Return (U, S, V) with ``input = U diag(S) Vᵀ``; with `some`, only min(m, n) columns of U and V.

    Raises:
        ShapeError: no matrices of the shape that it takes.
    """
    found = decompositions.svd(input, full_matrices=not some)
    return SingularVectors(found.U, found.S, composed.exchanged(found.Vh, -1, -2))


@keywords
def qr(input: Tensor, some: bool = True) -> OrthogonalTriangular:
    """Return (Q, R) with ``input = Q R``; without `some`, Q is completed to a square matrix."""
    return decompositions.qr(input, "reduced" if some else "complete")
