"""Dropout: masks, probabilities, seeds, derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import grad
from tensorgrad.nn import functional
from tests.peer import close

RNG = np.random.default_rng


def test_dropout_keeps_everything_at_p_0_and_in_evaluation() -> None:
    x = tg.randn(50, requires_grad=True)
    for layer in (nn.Dropout(0.0), nn.Dropout(0.7).eval(), nn.Dropout(1.0).eval()):
        y = layer(x)
        np.testing.assert_array_equal(y.detach().numpy(), x.detach().numpy())
        (g,) = grad(y.sum(), x)
        close(g, np.ones(50))


def test_dropout_zeroes_everything_at_p_1() -> None:
    x = tg.randn(50, requires_grad=True)
    y = nn.Dropout(1.0)(x)
    assert not y.detach().numpy().any()
    y.sum().backward()
    close(x.grad, np.zeros(50))


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_dropout_uses_one_mask_for_both_passes(dtype: Any) -> None:
    tg.manual_seed(1)
    x = tg.ones(1000, dtype=dtype, requires_grad=True)
    y = nn.Dropout(0.4)(x)
    y.sum().backward()
    assert y.dtype == dtype
    values = y.detach().numpy()
    np.testing.assert_array_equal(x.grad.numpy(), values)
    assert set(np.unique(values)) == {0, dtype.type(1 / 0.6)}
    assert not np.array_equal(nn.Dropout(0.4)(x).detach().numpy(), values)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_preserves_the_mean_and_drops_the_part_p(p: float) -> None:
    n = 200_000
    values = nn.Dropout(p, generator=tg.Generator().manual_seed(2))(tg.ones(n)).numpy()
    error = math.sqrt(p / (1 - p) / n)
    assert abs(values.mean() - 1) < 4 * error
    assert abs(np.mean(values == 0) - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_dropout_follows_its_seed() -> None:
    def masks() -> list[Any]:
        layer = nn.Dropout(0.5)
        return [layer(tg.ones(20)).tolist() for _ in range(2)]

    tg.manual_seed(3)
    first = masks()
    tg.manual_seed(3)
    np.random.seed(0)  # noqa: NPY002 - the point: NumPy's global generator has no say
    assert masks() == first
    assert first[0] != first[1]
    one, two = (nn.Dropout(0.5, generator=tg.Generator().manual_seed(4)) for _ in range(2))
    assert one(tg.ones(30)).tolist() == two(tg.ones(30)).tolist()


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_dropout_refuses_a_probability_outside_0_and_1(p: float) -> None:
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        nn.Dropout(p)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        functional.dropout(tg.ones(2), p, training=False)


def test_the_second_derivative_through_dropout_uses_the_mask_twice() -> None:
    x = tg.tensor(RNG(18).normal(size=30), requires_grad=True)
    mask = functional.dropout(tg.ones(30, dtype=tg.float64), 0.5, generator=tg.Generator().manual_seed(5)).numpy()
    y = functional.dropout(x, 0.5, generator=tg.Generator().manual_seed(5))
    (first,) = grad((y**3).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    v = x.detach().numpy()
    close(first, 3 * v**2 * mask**3)
    close(second, 6 * v * mask**3)
