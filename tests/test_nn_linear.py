"""The linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ShapeError
from tests.peer import same_module

RNG = np.random.default_rng


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 5, 3), (0, 3)])
def test_linear_is_pytorchs_to_1e_10(shape: Any, bias: bool) -> None:
    same_module(lambda lib: lib.Linear(3, 4, bias=bias), RNG(1).normal(size=shape))


def test_linear_names_the_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"mat1 and mat2 shapes cannot be multiplied \(5x2 and 3x4\)"):
        nn.Linear(3, 4)(tg.ones(5, 2))
