"""Sums, means, extremes and deviations over every choice of axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DTypeError, ShapeError
from tests.peer import torch_
from tests.values import RNG, close, grad_of

AXES: list[Any] = [None, 0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 1, 2), (-1, 0)]
REDUCTIONS = ["sum", "mean", "amax", "amin", "var", "std", "logsumexp"]


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_all_axes_have_pytorchs_value_and_gradient(name: str, axis: Any, keepdim: bool) -> None:
    torch = torch_()
    a = RNG(5).normal(size=(3, 4, 2))
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    every = tuple(range(3)) if axis is None and name in ("logsumexp", "amax", "amin", "var", "std") else axis
    y = getattr(x, name)(dim=every, keepdim=keepdim)
    w = getattr(z, name)(keepdim=keepdim, dim=every)
    close(y.detach(), w.detach().numpy(), 1e-13)
    factor = RNG(6).normal(size=y.shape)
    (y * factor).sum().backward()
    (w * torch.tensor(factor)).sum().backward()
    close(grad_of(x), z.grad.numpy(), 1e-11, 1e-14)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "var", "std"])
def test_reductions_over_all_axes_have_numpys_value_and_a_closed_gradient(name: str, axis: Any, keepdim: bool) -> None:
    a = RNG(5).normal(size=(3, 4, 2))
    x = tg.tensor(a, requires_grad=True)
    numpys = {"amax": np.max, "amin": np.min}.get(name) or getattr(np, name)
    extra = {"ddof": 1} if name in ("var", "std") else {}
    wanted = numpys(a, axis=axis, keepdims=keepdim, **extra)
    y = getattr(x, name)(dim=axis, keepdim=keepdim)
    close(y.detach(), wanted, 1e-13)
    if name in ("sum", "mean", "var", "std"):
        same = getattr(x, name)(axis=axis, keepdims=keepdim)
        close(same.detach(), wanted, 1e-13)
    y.sum().backward()
    wide = numpys(a, axis=axis, keepdims=True, **extra)
    n = a.size // wide.size
    gradient = {
        "sum": lambda: np.ones_like(a),
        "mean": lambda: np.full_like(a, 1 / n),
        "amax": lambda: (a == wide).astype(float),
        "amin": lambda: (a == wide).astype(float),
        "var": lambda: 2 * (a - a.mean(axis, keepdims=True)) / (n - 1),
        "std": lambda: (a - a.mean(axis, keepdims=True)) / (n - 1) / wide,
    }[name]()
    close(grad_of(x), gradient, 1e-11, 1e-14)


def test_var_and_std_are_unbiased_unless_told_otherwise() -> None:
    a = RNG(7).normal(size=(5, 3))
    x = tg.tensor(a)
    close(x.var().numpy(), a.var(ddof=1))
    close(x.std(0).numpy(), a.std(0, ddof=1))
    close(x.var(0, unbiased=False).numpy(), a.var(0))
    close(x.var(0, correction=0).numpy(), a.var(0))
    close(tg.std(x, 1, correction=2).numpy(), a.std(1, ddof=2))


def test_the_variance_survives_a_large_offset() -> None:
    a = RNG(8).normal(size=1000) + 1e8
    close(tg.tensor(a).var().numpy(), a.var(ddof=1), 1e-9)
    b = (RNG(8).normal(size=4000) + 1e4).astype(np.float32)
    close(tg.tensor(b).var().numpy(), b.astype(np.float64).var(ddof=1), 1e-4)


def test_the_gradient_of_the_deviation_of_equal_values_is_zero() -> None:
    x = tg.ones(3, requires_grad=True)
    x.std().backward()
    close(grad_of(x), np.zeros(3))


def test_the_mean_of_integers_raises_and_the_sum_is_int64() -> None:
    for name in ("mean", "var", "std"):
        words = "could not infer output dtype" if name == "mean" else "only support floating point"
        with pytest.raises(DTypeError, match=words):
            getattr(tg.tensor([1, 2]), name)()
    for dtype in (np.int32, np.int8, np.uint8, np.bool_):
        assert tg.tensor(np.ones(3, dtype)).sum().dtype == tg.int64
    assert tg.tensor(np.full(3, 100, np.int8)).sum().item() == 300


def test_max_along_an_axis_is_a_pair_that_sends_the_gradient_to_its_index() -> None:
    x = tg.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]], requires_grad=True)
    result = x.max(dim=1)
    values, indices = result
    assert values is result.values
    assert indices is result.indices
    assert (values.tolist(), indices.tolist(), indices.dtype) == ([3.0, 2.0], [1, 0], tg.int64)
    values.sum().backward()
    close(grad_of(x), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert x.max(1, keepdim=True).values.shape == x.max(axis=1, keepdims=True).indices.shape == (2, 1)
    low = x.min(0)
    assert (low.values.tolist(), low.indices.tolist()) == ([1.0, 2.0, 0.0], [0, 1, 1])
    assert tg.tensor(5.0).max(0).values.item() == 5.0


def test_max_of_everything_and_amax_share_the_gradient_among_ties() -> None:
    for take in (lambda x: x.max(), lambda x: x.amax(), lambda x: x.amax(0), lambda x: (-x).min() * -1):
        x = tg.tensor([1.0, 3.0, 3.0], requires_grad=True)
        take(x).backward()
        close(grad_of(x), [0.0, 0.5, 0.5])


def test_max_of_two_tensors_is_maximum() -> None:
    x, y = tg.tensor([1.0, 5.0]), tg.tensor([2.0, 3.0])
    assert tg.max(x, y).tolist() == tg.maximum(x, y).tolist() == [2.0, 5.0]
    assert tg.min(x, y).tolist() == [1.0, 3.0]


def test_argmax_is_the_first_largest_as_int64() -> None:
    x = tg.tensor([[1.0, 7.0, 7.0], [9.0, 0.0, 9.0]])
    assert (x.argmax().item(), x.argmax(1).tolist(), x.argmin(dim=0).tolist()) == (3, [1, 0], [0, 1, 0])
    assert (x.argmax(1, keepdim=True).shape, x.argmax().dtype) == ((2, 1), tg.int64)


@pytest.mark.parametrize("layout", ["flat", "rows", "row_pairs", "strided", "transposed", "three", "all"])
def test_the_mean_of_a_million_float32_is_right_to_1e_5(layout: str) -> None:
    n = 1_000_000
    x = {
        "flat": lambda: tg.full((n,), 0.1).mean(),
        "rows": lambda: tg.full((n, 1), 0.1).mean(0),
        "row_pairs": lambda: tg.full((n, 2), 0.1).mean(0),
        "strided": lambda: tg.full((n, 2), 0.1)[:, 0].mean(),
        "transposed": lambda: tg.full((n, 2), 0.1).T.mean(1),
        "three": lambda: tg.full((n // 2, 2, 2), 0.1).mean((0, 1)),
        "all": lambda: tg.full((n, 2), 0.1).T.mean(),
    }[layout]()
    close(x.numpy().astype(np.float64), np.full(x.shape, 0.1), rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [(513, 7), (600, 2), (1000, 1000), (3000, 7), (3000, 1000), (5000, 3, 3), (60000, 10)]
)
@pytest.mark.parametrize("fill", ["equal", "random"])
def test_sums_over_a_tall_axis_are_right_to_a_few_last_bits(shape: tuple[int, ...], fill: str) -> None:
    x = (np.full(shape, 0.1) if fill == "equal" else np.random.default_rng(0).random(shape) + 1).astype(np.float32)
    expected = x.astype(np.float64).sum(0)
    close(tg.tensor(x).sum(0).numpy().astype(np.float64), expected, rtol=1e-6)
    close(tg.tensor(np.asfortranarray(x)).sum(0).numpy().astype(np.float64), expected, rtol=1e-6)


def test_a_broadcast_over_a_million_rows_has_a_right_float32_gradient() -> None:
    b = tg.zeros(2, requires_grad=True)
    (b + tg.full((1_000_000, 2), 0.0)).mean(0).sum().backward()
    close(grad_of(b).astype(np.float64), np.ones(2), rtol=1e-5)


def test_float16_accumulates_wide() -> None:
    x = tg.ones(4096, dtype=tg.float16, requires_grad=True)
    assert x.sum().item() == 4096.0
    assert tg.full((60000,), 2.0, dtype=tg.float16).mean().item() == 2.0  # the sum would not fit
    assert tg.ones(4096, 3, dtype=tg.float16).sum(0).tolist() == [4096.0] * 3
    assert x.sum().dtype == tg.float16
    b = tg.zeros(3, dtype=tg.float16, requires_grad=True)
    (b + tg.ones(4096, 3, dtype=tg.float16)).backward(tg.ones(4096, 3, dtype=tg.float16))
    close(grad_of(b), np.full(3, 4096.0))


def test_reductions_of_nothing() -> None:
    assert tg.zeros(0).sum().item() == 0.0
    assert math.isnan(tg.zeros(0).mean().item())
    for name in ("max", "min", "amax", "argmax"):
        with pytest.raises((ShapeError, IndexError)):
            getattr(tg.zeros(0), name)()
    x = tg.zeros(0, 3, requires_grad=True)
    x.sum().backward()
    assert grad_of(x).shape == (0, 3)


def test_the_gradient_of_the_mean_of_nothing_is_empty() -> None:
    x = tg.zeros(0, requires_grad=True)
    x.mean().backward()
    assert grad_of(x).shape == (0,)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "amax", "argmax", "var", "softmax", "logsumexp", "squeeze"])
def test_an_axis_that_is_not_there_is_an_index_error(name: str) -> None:
    with pytest.raises(IndexError, match="2"):
        getattr(tg.zeros(3, 4), name)(2)


@pytest.mark.parametrize("shape", [(2, 3, 0), (0, 2, 3), (2, 0, 3), (0, 0, 0), (30, 40, 2), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("keepdim", [False, True])
def test_sums_over_the_first_axes_are_numpys_also_of_nothing(shape: tuple[int, ...], keepdim: bool) -> None:
    a = RNG(7).normal(size=shape)
    for count in range(1, len(shape) + 1):
        axes = tuple(range(count))
        for x in (a, np.asfortranarray(a)):
            y = tg.from_numpy(x).sum(axes, keepdim).numpy()
            np.testing.assert_allclose(y, np.sum(a, axes, keepdims=keepdim), 1e-12, 1e-12)
            assert y.shape == np.sum(a, axes, keepdims=keepdim).shape
