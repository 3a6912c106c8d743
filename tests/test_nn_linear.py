"""Linear, Bilinear, and the layers that only change a shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ShapeError
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, same_call, same_module

RNG = np.random.default_rng


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 5, 3), (0, 3)])
def test_linear_is_pytorchs_to_1e_10(shape: Any, bias: bool) -> None:
    same_module(lambda lib: lib.Linear(3, 4, bias=bias), RNG(1).normal(size=shape))


@pytest.mark.parametrize("shape", [(5, 3), (3,), (2, 5, 3), (0, 3)])
def test_linear_of_one_row_of_weights_has_no_axis_for_it(shape: Any) -> None:
    same_call(lambda lib, x, w: lib.nn.functional.linear(x, w), RNG(1).normal(size=shape), RNG(2).normal(size=3))
    x, w = tg.tensor(RNG(1).normal(size=shape)), tg.tensor(RNG(2).normal(size=3))
    y = nn.functional.linear(x, w, tg.tensor(2.0, dtype=tg.float64))
    assert y.shape == shape[:-1]
    close(y, x.numpy() @ w.numpy() + 2)


def test_linear_names_the_shapes_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match=r"mat1 and mat2 shapes cannot be multiplied \(5x2 and 3x4\)"):
        nn.Linear(3, 4)(tg.ones(5, 2))
    for x, w in ((tg.ones(2, 3), tg.tensor(1.0)), (tg.tensor(1.0), tg.ones(4, 3)), (tg.tensor(1.0), tg.tensor(1.0))):
        with pytest.raises(ShapeError, match=rf"need to be at least 1D, but they are {x.ndim}D and {w.ndim}D"):
            nn.functional.linear(x, w)


@pytest.mark.parametrize("make", [lambda **kw: nn.Linear(2, 3, **kw), lambda **kw: nn.Bilinear(2, 2, 3, **kw)])
def test_a_layer_is_made_in_the_dtype_and_on_the_device_that_is_asked_for(make: Any) -> None:
    assert {p.dtype for p in make(dtype=tg.float64, device="cpu").parameters()} == {tg.float64}
    assert {p.dtype for p in make().parameters()} == {tg.float32}
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        make(device="cuda")


def test_a_layer_starts_uniform_within_the_root_of_its_inputs() -> None:
    for layer, inputs in ((nn.Linear(100, 200), 100), (nn.Bilinear(25, 20, 40), 25)):
        bound = 1 / np.sqrt(inputs)
        values = np.concatenate([p.detach().numpy().ravel() for p in layer.parameters()])
        assert np.abs(values).max() <= bound
        assert abs(values.mean()) < 4 * bound / np.sqrt(3 * values.size)
        assert abs(values.std() * np.sqrt(3) / bound - 1) < 0.02
        assert layer.weight.name == "W"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(5,), (), (2, 3)])
def test_bilinear_is_pytorchs_to_1e_10(batch: tuple[int, ...], bias: bool) -> None:
    x1, x2 = RNG(2).normal(size=(*batch, 3)), RNG(3).normal(size=(*batch, 4))
    same_module(lambda lib: lib.Bilinear(3, 4, 2, bias=bias), x1, x2)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.lists(st.integers(1, 3), max_size=2))
def test_bilinear_is_the_sum_that_defines_it(a: int, b: int, out: int, batch: list[int]) -> None:
    layer = nn.Bilinear(a, b, out, dtype=tg.float64)
    x1, x2 = RNG(4).normal(size=(*batch, a)), RNG(5).normal(size=(*batch, b))
    weight, bias = (p.detach().numpy() for p in layer.parameters())
    wanted = np.einsum("...a,oab,...b->...o", x1, weight, x2) + bias
    close(layer(tg.tensor(x1), tg.tensor(x2)), wanted)


def test_the_derivatives_of_bilinear_are_right() -> None:
    inputs = [tg.tensor(RNG(i).normal(size=n), requires_grad=True) for i, n in enumerate([(2, 3), (2, 2), (2, 3, 2)])]
    assert gradcheck(nn.functional.bilinear, inputs)
    assert gradgradcheck(nn.functional.bilinear, inputs)


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (((5, 2), (6, 3)), "input batch dimensions do not match at dim 0: got 5 and 6"),
        (((5, 2), (5, 4)), "input2 size does not match weight size: got 4 but expected 3"),
        (((5, 7), (5, 3)), "input1 size does not match weight size: got 7 but expected 2"),
        (((2,), (5, 3)), "input dimensions do not match"),
    ],
)
def test_bilinear_names_what_does_not_fit(shapes: Any, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        nn.Bilinear(2, 3, 4)(*(tg.ones(shape) for shape in shapes))
    with pytest.raises(ValueError, match="in1_features must be > 0"):
        nn.Bilinear(0, 3, 4)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda lib: lib.Identity(3, unused=True), (2, 3)),
        (lambda lib: lib.Flatten(), (2, 3, 4)),
        (lambda lib: lib.Flatten(0, 1), (2, 3, 4)),
        (lambda lib: lib.Flatten(0), ()),
        (lambda lib: lib.Unflatten(1, (2, 3)), (4, 6)),
        (lambda lib: lib.Unflatten(-1, [2, -1]), (4, 6)),
        (lambda lib: lib.Sequential(lib.Flatten(), lib.Linear(12, 2), lib.Unflatten(1, (2, 1))), (5, 3, 4)),
    ],
)
def test_layers_that_change_a_shape_are_pytorchs(make: Any, shape: tuple[int, ...]) -> None:
    same_module(make, RNG(6).normal(size=shape))


def test_identity_returns_what_it_is_given() -> None:
    x = tg.ones(2)
    assert nn.Identity()(x) is x


def test_a_shape_that_does_not_fit_is_refused() -> None:
    with pytest.raises(IndexError, match="Dimension out of range"):
        nn.Flatten()(tg.ones(3, 4)[0, 0])
    with pytest.raises(RuntimeError, match=r"Provided sizes \[2, 4\] don't multiply up to the size of dim 1 \(6\)"):
        nn.Unflatten(1, (2, 4))(tg.ones(4, 6))
    with pytest.raises(TypeError, match="unflattened_size must be a tuple of ints, but found type int"):
        nn.Unflatten(1, 3)
    with pytest.raises(TypeError, match="found element of type float at pos 1"):
        nn.Unflatten(1, (2, 3.0))
