"""Derivatives at kinks, and values and derivatives that are finite where the truth is."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import grad
from tensorgrad.functions.composed import logsigmoid, softplus
from tensorgrad.nn.functional import cross_entropy
from tests.peer import torch_
from tests.values import RNG, close, grad_of, leaf

# --- kinks: the table of numerics.md ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "at", "wanted"),
    [
        (lambda x: x.relu(), [0.0, -0.0, 1.0, -1.0], [0.0, 0.0, 1.0, 0.0]),
        (lambda x: x.abs(), [0.0, -0.0, 2.0, -2.0], [0.0, 0.0, 1.0, -1.0]),
        (lambda x: abs(x), [0.0], [0.0]),
        (lambda x: x.max(), [1.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
        (lambda x: x.min(), [1.0, 1.0, 1.0, 3.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
        (lambda x: x.max(0).values, [1.0, 3.0, 3.0], [0.0, 1.0, 0.0]),
        (lambda x: x.amax(0), [1.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
        (lambda x: x.clamp(-1.0, 1.0), [-1.0, 1.0, 0.0, 2.0, -2.0], [1.0, 1.0, 1.0, 0.0, 0.0]),
        (lambda x: x.clamp(min=0.0), [0.0, -1.0], [1.0, 0.0]),
        (lambda x: x.sign(), [0.0], [0.0]),
        (lambda x: x**2, [0.0], [0.0]),
        (lambda x: x**1, [0.0], [1.0]),
        (lambda x: x**0, [0.0, 2.0], [0.0, 0.0]),
        (lambda x: x ** tg.tensor([2.0, 1.0, 0.0]), [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (lambda x: tg.where(x > 0, x, -x), [0.0, 2.0, -2.0], [-1.0, 1.0, -1.0]),
    ],
)
def test_at_a_kink_the_derivative_is_the_one_of_the_table(function: Any, at: Any, wanted: Any) -> None:
    x = leaf(at)
    y = function(x)
    y.sum().backward()
    close(grad_of(x), wanted)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_at_a_tie_maximum_and_minimum_give_half_to_each(name: str) -> None:
    x, y = leaf([1.0, 2.0, 5.0]), leaf([1.0, 3.0, 4.0])
    getattr(tg, name)(x, y).sum().backward()
    wins = [0.5, 0.0, 1.0] if name == "maximum" else [0.5, 1.0, 0.0]
    close(grad_of(x), wins)
    close(grad_of(y), [1 - v for v in wins])
    z = leaf([0.0])
    getattr(tg, name)(z, 0.0).sum().backward()
    close(grad_of(z), [0.5])


@pytest.mark.parametrize(
    ("behind", "at", "wanted"),
    [
        (lambda x: x.sqrt(), [0.0, 4.0], [0.0, 0.25]),
        (lambda x: x.log(), [0.0, 4.0], [0.0, 0.25]),
        (lambda x: 1 / x, [0.0, 2.0], [0.0, -0.25]),
    ],
    ids=["sqrt", "log", "reciprocal"],
)
def test_what_a_mask_hides_does_not_poison_the_gradient(behind: Any, at: Any, wanted: Any) -> None:
    x = leaf(at)
    with np.errstate(all="ignore"):
        tg.where(x > 0, behind(x), 0.0).sum().backward()
    close(grad_of(x), wanted)


# --- finite where the truth is finite ---------------------------------------------------------------------------------

EXTREME = [-1e4, -1e3, -100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, 1e3, 1e4]
STABLE: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "sigmoid": lambda x: x.sigmoid(),
    "softplus": softplus,
    "logsigmoid": logsigmoid,
    "tanh": lambda x: x.tanh(),
    "logsumexp": lambda x: x.logsumexp(0),
    "logsumexp_of_pairs": lambda x: tg.stack([x, -x]).logsumexp(0),
    "softmax": lambda x: x.softmax(0),
    "log_softmax": lambda x: tg.stack([x, x * 0, -x]).log_softmax(0) * tg.tensor([[0.3], [0.5], [0.2]]),
    "cross_entropy": lambda x: cross_entropy(
        tg.stack([x, x * 0, -x], 1), tg.tensor([0, 1, 2] * 3 + [0, 1]), reduction="none"
    ),
    "soft_cross_entropy": lambda x: cross_entropy(
        tg.stack([x, -x], 1), tg.tensor([[0.25, 0.75]] * len(EXTREME)), reduction="none"
    ),
    "logaddexp": lambda x: x.logaddexp(-x),
}


@pytest.mark.parametrize("name", STABLE)
def test_value_and_two_derivatives_are_finite_and_silent_at_plus_minus_ten_thousand(name: str) -> None:
    x = leaf(EXTREME, tg.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = STABLE[name](x)
        factor = tg.tensor(RNG(13).normal(size=y.shape), dtype=tg.float32)
        (first,) = grad((y * factor).sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x, retain_graph=True)
    for value in (y, first, second):
        assert value.dtype == tg.float32
        assert np.isfinite(value.detach().numpy()).all()


@pytest.mark.parametrize("name", STABLE)
def test_the_stable_functions_in_float32_follow_those_in_float64(name: str) -> None:
    results = []
    for dtype in (tg.float32, tg.float64):
        x = leaf(EXTREME, dtype)
        y = STABLE[name](x)
        (first,) = grad(y.sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x)
        results.append([v.detach().numpy().astype(np.float64) for v in (y, first, second)])
    for low, high in zip(*results, strict=True):
        close(low, high, 1e-5, 2e-6)


def test_sigmoid_and_softplus_keep_their_relative_accuracy_in_the_tails() -> None:
    x = leaf([-80.0, -30.0, 30.0])
    close(x.sigmoid(), [math.exp(-80), math.exp(-30) / (1 + math.exp(-30)), 1 / (1 + math.exp(-30))], 1e-14)
    close(softplus(x), [math.exp(-80), math.log1p(math.exp(-30)), 30 + math.log1p(math.exp(-30))], 1e-14)
    x.sigmoid().sum().backward()
    close(grad_of(x)[:2], [math.exp(-80), math.exp(-30) / (1 + math.exp(-30)) ** 2], 1e-13)


def test_log_softmax_keeps_its_digits_far_out() -> None:
    for size in (1.0, 1e4, 1e6):
        close(tg.tensor([size, size], dtype=tg.float32).log_softmax(0), [-math.log(2)] * 2, 1e-7)
    close(tg.tensor([-math.inf, 1e4]).log_softmax(0)[1], 0.0)


def test_the_slope_of_expm1_keeps_its_relative_accuracy() -> None:
    x = leaf([-40.0, -20.0, 1e-9])
    tg.expm1(x).sum().backward()
    close(grad_of(x), np.exp([-40.0, -20.0, 1e-9]), 1e-15)


def test_logsumexp_of_minus_infinity_is_minus_infinity_in_silence() -> None:
    assert tg.tensor([-math.inf, -math.inf]).logsumexp(0).item() == -math.inf
    assert tg.tensor([-math.inf, 1.0]).logsumexp(0).item() == 1.0
    assert tg.tensor([math.inf, 1.0]).logsumexp(0).item() == math.inf


@pytest.mark.parametrize("name", STABLE)
def test_the_stable_functions_are_pytorchs(name: str) -> None:
    torch = torch_()
    functional = torch.nn.functional
    theirs: dict[str, Callable[[Any], Any]] = {
        "sigmoid": torch.sigmoid,
        "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
        "logsigmoid": functional.logsigmoid,
        "tanh": torch.tanh,
        "logsumexp": lambda z: z.logsumexp(0),
        "logsumexp_of_pairs": lambda z: torch.stack([z, -z]).logsumexp(0),
        "softmax": lambda z: z.softmax(0),
        "log_softmax": lambda z: (
            torch.stack([z, z * 0, -z]).log_softmax(0) * torch.tensor([[0.3], [0.5], [0.2]], dtype=torch.float32)
        ),
        "cross_entropy": lambda z: functional.cross_entropy(
            torch.stack([z, z * 0, -z], 1), torch.tensor([0, 1, 2] * 3 + [0, 1]), reduction="none"
        ),
        "soft_cross_entropy": lambda z: functional.cross_entropy(
            torch.stack([z, -z], 1), torch.tensor([[0.25, 0.75]] * len(EXTREME)).double(), reduction="none"
        ),
        "logaddexp": lambda z: z.logaddexp(-z),
    }
    x, z = leaf(EXTREME), torch.tensor(EXTREME, dtype=torch.float64, requires_grad=True)
    y, w = STABLE[name](x), theirs[name](z)
    close(y, w.detach().numpy(), 1e-7, 1e-12)
    y.sum().backward()
    w.sum().backward()
    close(grad_of(x), z.grad.numpy(), 1e-7, 1e-12)
