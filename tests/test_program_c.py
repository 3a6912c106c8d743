"""Programs as C: on random shapes, layouts and dtypes, they give what NumPy gives, but for the last bits of sums."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from tensorgrad.compiled import toolchain
from tensorgrad.program.blas import products
from tensorgrad.program.cplan import CPlan
from tensorgrad.program.numpyplan import Journal, NumpyPlan

from .randomcalls import Held, inputs, random_function, recorded

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler here")


def close(found: Any, right: Any) -> bool:
    """Return whether an array is another one, but for what sums in another order make of it."""
    assert (found.shape, found.dtype, found.strides) == (right.shape, right.dtype, right.strides)
    if right.dtype.kind != "f":
        return bool((found == right).all())
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(right[np.isfinite(right)]), initial=1)
        limit = 2e-5
        return bool(np.allclose(found, right, rtol=limit, atol=limit * scale, equal_nan=True))


@pytest.mark.filterwarnings("ignore:Passing more than 2")
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("steps", [6, 25])
def test_random_programs(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = inputs(rng)
    function = random_function(seed, steps)
    program = recorded(function, copy.deepcopy(arrays))
    plans = NumpyPlan(program), CPlan(program, toolchain.build, products() if seed % 2 else None)
    for factor in (1, 2, 0.5):
        given = [a if a.dtype.kind != "f" else (a * a.dtype.type(factor)) for a in arrays]
        given = [np.array(a, order="K", copy=True) for a in given]
        direct, *both = (copy.deepcopy(given) for _ in range(3))
        with np.errstate(all="ignore"):
            right = function(*direct)
            for plan, mine in zip(plans, both, strict=True):
                found = plan.run([Held(a) for a in mine], Journal())
                assert all(map(close, found, right)), (plan.text, getattr(plan, "source", ""))
                assert all(map(close, mine, direct))
