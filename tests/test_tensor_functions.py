"""Functions of tensors: elementwise ones, selection, softmax, comparison, devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.functions.ordering import LONG
from tests.peer import torch_
from tests.values import RNG, close, grad_of


@pytest.mark.parametrize(
    "name",
    ["abs", "sign", "floor", "ceil", "round", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin",
     "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh", "sigmoid", "relu", "square",
     "reciprocal", "rsqrt", "neg", "logical_not", "isnan", "isfinite"],
)  # fmt: skip
def test_elementwise_methods_have_pytorchs_value_and_gradient(name: str) -> None:
    torch = torch_()
    a = RNG(15).uniform(0.1, 0.9, (3, 4))
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    y, w = getattr(x, name)(), getattr(z, name)()
    assert f"torch.{y.dtype}" == str(w.dtype)
    close(y.detach(), w.detach().numpy(), 1e-13)
    if y.requires_grad:
        y.sum().backward()
        w.sum().backward()
        close(grad_of(x), z.grad.numpy(), 1e-12)


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool", "float16", "float32"])
@pytest.mark.parametrize("name", ["exp", "sqrt", "sigmoid", "sin", "tanh", "log1p", "floor", "relu", "abs", "neg"])
def test_elementwise_results_have_pytorchs_dtype(name: str, dtype: str) -> None:
    torch = torch_()
    a = np.array([0, 1]).astype(dtype)
    try:
        wanted = getattr(torch.from_numpy(a), name)()
    except RuntimeError:
        return  # what PyTorch refuses is not compared
    found = getattr(tg.tensor(a), name)()
    assert f"torch.{found.dtype}" == str(wanted.dtype)


def test_clamp_limits_and_passes_the_gradient_at_the_bounds() -> None:
    x = tg.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    y = x.clamp(-1.0, 1.0)
    assert y.tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]
    y.sum().backward()
    close(grad_of(x), [0.0, 1.0, 1.0, 1.0, 0.0])
    assert x.clamp(min=0).tolist() == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert x.clip(max=0.0).tolist() == [-2.0, -1.0, 0.0, 0.0, 0.0]
    assert x.clamp(tg.zeros(5), tg.ones(5)).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_where_selects_values_and_gradients() -> None:
    x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([[3.0], [4.0]], requires_grad=True)
    z = tg.where(tg.tensor([True, False]), x, y)
    assert z.tolist() == [[1.0, 3.0], [1.0, 4.0]]
    z.sum().backward()
    close(grad_of(x), [2.0, 0.0])
    close(grad_of(y), [[1.0], [1.0]])


def test_softmax_and_its_logarithm_sum_to_one() -> None:
    a = RNG(16).normal(size=(3, 5)) * 50
    for axis in (0, 1, -1):
        s, ls = tg.softmax(tg.tensor(a), axis), tg.log_softmax(tg.tensor(a), axis)
        close(s.sum(axis).numpy(), np.ones(s.sum(axis).shape))
        close(ls.exp().numpy(), s.numpy(), 1e-11, 1e-300)


def test_allclose_compares_within_tolerances() -> None:
    x = tg.tensor([1.0, 2.0], dtype=tg.float64)
    assert tg.allclose(x, x + 1e-9)
    assert not tg.allclose(x, x + 1e-3)
    assert x.allclose(x + 1e-3, atol=1e-2)
    assert tg.allclose(tg.tensor([math.nan]), tg.tensor([math.nan]), equal_nan=True)
    assert not tg.allclose(tg.tensor([math.nan]), tg.tensor([math.nan]))


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'surprise'"):
        _ = tg.surprise
    assert {"nn", "optim", "graph", "tensor"} <= set(dir(tg))


def test_all_and_any_are_numpys() -> None:
    x = tg.tensor([[1, 0], [2, 3]])
    assert (x.all().item(), x.any().item()) == (False, True)
    assert x.all(dim=1).tolist() == [False, True]
    assert tg.any(x == 0, dim=0, keepdim=True).tolist() == [[False, True]]


def test_to_takes_a_dtype_or_the_cpu_and_refuses_other_devices() -> None:
    x = tg.ones(2)
    assert x.to("cpu") is x
    assert x.to(tg.float32) is x
    assert (
        x.to(tg.float64).dtype
        == x.to(tg.ones(1, dtype=tg.float64)).dtype
        == x.to("cpu", tg.float64).dtype
        == tg.float64
    )
    assert x.to(x, copy=True) is not x
    for wrong in (lambda: x.to("cuda"), lambda: x.to(device="cuda:0"), lambda: tg.nn.Linear(1, 1).to("mps")):
        with pytest.raises(tg.errors.DeviceError, match="CPU only"):
            wrong()


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@pytest.mark.parametrize(("shape", "axis"), [((60, 40), 0), ((60, 40), 1), ((3, 40, 20), 1), ((2000,), 0)])
def test_the_order_of_many_numbers_is_that_of_few(dtype: Any, shape: tuple[int, ...], axis: int) -> None:
    """With number and position sorted as one: equal ones keep their places, zeros are equal, NaN is the last."""
    rng = RNG(21)
    a = rng.integers(-5, 5, shape).astype(dtype)
    if dtype == np.float32:
        odd = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -1e-45, 3e38, -3e38], dtype)
        a = np.where(rng.random(shape) < 0.5, rng.choice(odd, shape), a)
    else:
        a.flat[:2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    for numbers in (a, np.flip(a, axis), a.T.copy().T):
        assert numbers.size >= LONG
        found = tg.from_numpy(numbers).sort(axis)
        order = np.argsort(numbers, axis, kind="stable")
        np.testing.assert_array_equal(found.indices.numpy(), order)
        assert found.values.numpy().tobytes() == np.take_along_axis(numbers, order, axis).tobytes()
