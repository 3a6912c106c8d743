"""Products of matrices in C plans, of BLAS and of loops made for their sizes: against NumPy, in all layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorgrad.compiled import toolchain
from tensorgrad.compiled.undo import Journal
from tensorgrad.program.blas import products
from tensorgrad.program.cops import Product
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.cproducts import is_own
from tensorgrad.program.numpyplan import Deviation

from .randomcalls import Held, recorded

pytestmark = pytest.mark.skipif(toolchain.compiler() is None or products() is None, reason="no C compiler, or no BLAS")

SIZES = [
    (6, 64, 2),
    (7, 65, 3),
    (100, 100, 10),
    (13, 128, 33),
    (8, 79, 100),
    (100, 784, 16),
    (23, 191, 5),
    (32, 64, 96),
]
LAYOUTS = ["plain", "transposed", "part", "part transposed"]


def matrix(rng: np.random.Generator, m: int, n: int, layout: str) -> Any:
    """Return a matrix of these sizes, which lies as `layout` says."""
    if "transposed" in layout:
        return matrix(rng, n, m, layout.removesuffix("transposed").strip()).T
    if layout == "part":
        return rng.standard_normal((m + 2, n + 3)).astype("f4")[1 : m + 1, 2 : n + 2]
    return rng.standard_normal((m, n)).astype("f4")


def planned(a: Any, b: Any) -> CPlan:
    """Return the plan of a product, which goes to a part of a third matrix, and to a new one."""

    def function(a: Any, b: Any, whole: Any) -> list[Any]:
        np.matmul(a, b, out=whole[1:, 1:-1])
        return [np.matmul(a, b)]

    return CPlan(recorded(function, [a, b, around(a, b)]), toolchain.build, products())


def around(a: Any, b: Any) -> Any:
    """Return a matrix in which the product is a part."""
    return np.full((len(a) + 1, b.shape[1] + 2), 7, "f4")


@pytest.mark.parametrize(("m", "n", "k"), SIZES)
@pytest.mark.parametrize("second", LAYOUTS)
@pytest.mark.parametrize("first", LAYOUTS)
def test_products_of_all_sizes_and_layouts(m: int, n: int, k: int, first: str, second: str) -> None:
    rng = np.random.default_rng(m + n + k)
    a, b = matrix(rng, m, k, first), matrix(rng, k, n, second)
    plan = planned(a, b)
    multiplied = [op for part in plan.parts for op in part.ops if isinstance(op, Product)]
    assert [is_own(op.a, op.b) and not op.b.transposed for op in multiplied] == [True] * 2
    whole = around(a, b)
    (alone,) = plan.run([Held(a), Held(b), Held(whole)], Journal())
    right = a.astype("f8") @ b.astype("f8")
    limit = np.abs(a).astype("f8") @ np.abs(b) * k * 2.0**-24
    assert (np.abs(alone - right) <= limit).all()
    assert np.array_equal(whole[1:, 1:-1], alone)
    whole[1:, 1:-1] = 7
    assert (whole == 7).all()


@pytest.mark.parametrize("place", [0, 6, 11])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-42, 3e38])
def test_numbers_that_are_not_finite_are_where_numpy_has_them(value: float, place: int) -> None:
    rng = np.random.default_rng(1)
    a, b = matrix(rng, 12, 20, "plain"), matrix(rng, 20, 70, "plain")
    plan = planned(a, b)
    a[place, 3] = value
    with np.errstate(all="ignore"):
        right = a @ b
    try:
        (found,) = plan.run([Held(a), Held(b), Held(around(a, b))], Journal())
    except Deviation:  # what NumPy would warn of
        assert not np.isfinite(right).all()
    else:
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("m", [16, 17, 31, 100])
@pytest.mark.parametrize("n", [16, 20, 33, 96])
def test_transposes_are_copied(m: int, n: int) -> None:
    rng = np.random.default_rng(2)
    for layout in ("plain", "part"):
        a = matrix(rng, m, n, layout)
        plan = CPlan(recorded(lambda a: [a.T.copy()], [a]), toolchain.build)
        assert "turn(" in plan.source
        (found,) = plan.run([Held(a)], Journal())
        assert np.array_equal(found, a.T)
