"""Matrices far out and near 0: slopes of the first and second order that float32 can hold are those of float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import grad
from tests.values import RNG, close, leaf

Function = Callable[[tg.Tensor], tg.Tensor]


def compared(function: Function, a: np.ndarray, size: float, orders: list[int]) -> None:
    """The slopes of `function` at ``a * size``, which grow with `size` to the power of `orders`, agree."""
    turn, slopes = RNG(1).standard_normal(a.shape), []
    for dtype in (tg.float64, tg.float32):
        x = leaf((a * size).astype(np.float32), dtype)
        with np.errstate(over="ignore", under="ignore"):
            (g,) = grad(function(x), x, create_graph=True)
            (h,) = grad((g * tg.tensor(turn, dtype=dtype)).sum(), x)
        slopes.append((g.detach().double().numpy(), h.double().numpy()))
    for exact, found, order in zip(*slopes, orders, strict=True):
        if 1e-36 < size**order < 1e36:
            close(found, exact, 1e-4, 1e-5 * float(np.abs(exact).max()))


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("singular", [False, True])
@pytest.mark.parametrize("size", [1e25, 1e17, 1e9, 1.0, 1e-9, 1e-16, 1e-17])
def test_a_determinant_that_leaves_the_dtype_has_its_slopes(n: int, singular: bool, size: float) -> None:
    if not 1e-36 < size ** (n - 1) < 1e36:
        return
    a = RNG(0).standard_normal((n, n))
    a[0] = a[1] if singular else a[0]
    compared(tg.linalg.det, a, size, [n - 1, n - 2])


def _values(x: tg.Tensor) -> tg.Tensor:
    return (tg.linalg.svdvals(x) * tg.tensor([1.0, 2.0, 3.0], dtype=x.dtype)).sum()


def _vectors(x: tg.Tensor) -> tg.Tensor:
    u, _, vh = tg.linalg.svd(x, full_matrices=False)
    return u[0, 0] * vh[0, 1] * u[1, 0] * vh[0, 2]


def _eigenvectors(x: tg.Tensor) -> tg.Tensor:
    v = tg.linalg.eigh(x + x.mT)[1]
    return v[0, 0] * v[1, 0] + v[0, 1] * v[2, 1]


@pytest.mark.parametrize("size", [1e36, 1e30, 1e23, 1e18, 1.0, 1e-17, 1e-25, 1e-30])
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_singular_values_and_vectors_of_matrices_of_every_size_have_their_slopes(
    shape: tuple[int, int], size: float
) -> None:
    a = RNG(2).standard_normal(shape)
    compared(_values, a, size, [0, -1])
    if size < 1e36:
        compared(_vectors, a, size, [-1, -2])
    if shape == (3, 3) and size < 1e36:
        compared(_eigenvectors, a, size, [-1, -2])
