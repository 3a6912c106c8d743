"""CrossEntropyLoss and MSELoss against PyTorch and by their formulas."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ShapeError
from tensorgrad.nn import functional
from tests.peer import close, same_call

RNG = np.random.default_rng


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("soft", [False, True])
def test_cross_entropy_is_pytorchs_to_1e_10_in_value_and_two_derivatives(reduction: str, soft: bool) -> None:
    target = RNG(11).dirichlet(np.ones(4), 5) if soft else np.array([0, 3, 1, 1, 2])
    logits = RNG(10).normal(size=(5, 4)) * 3
    same_call(lambda lib, x, t: lib.nn.CrossEntropyLoss(reduction=reduction)(x, t), logits, target)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse_is_pytorchs_to_1e_10_in_value_and_two_derivatives(reduction: str) -> None:
    input, target = RNG(12).normal(size=(5, 4)), RNG(13).normal(size=(5, 4))
    same_call(lambda lib, x, t: lib.nn.MSELoss(reduction=reduction)(x, t), input, target)


def test_losses_have_their_closed_forms_without_pytorch() -> None:
    a = RNG(14).normal(size=(4, 3))
    target = np.array([2, 0, 1, 1])
    x = tg.tensor(a, requires_grad=True)
    loss = nn.CrossEntropyLoss()(x, tg.tensor(target))
    p = np.exp(a) / np.exp(a).sum(1, keepdims=True)
    close(loss, -np.log(p[np.arange(4), target]).mean())
    loss.backward()
    close(x.grad, (p - np.eye(3)[target]) / 4)
    y = tg.tensor(a, requires_grad=True)
    nn.MSELoss()(y, tg.tensor(a * 0)).backward()
    close(y.grad, 2 * a / a.size)


def test_losses_refuse_what_does_not_fit() -> None:
    loss = nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match=r"batch_size \(2\) to match target batch_size \(3\)"):
        loss(tg.ones(2, 4), tg.tensor([0, 1, 2]))
    with pytest.raises(IndexError, match="Target 4 is out of bounds"):
        loss(tg.ones(2, 4), tg.tensor([0, 4]))
    with pytest.raises(IndexError, match="Target -1 is out of bounds"):
        loss(tg.ones(2, 4), tg.tensor([0, -1]))
    for make in (nn.CrossEntropyLoss, nn.MSELoss):
        with pytest.raises(ValueError, match="average is not a valid value for reduction"):
            make(reduction="average")
    with pytest.raises(ValueError, match="median is not a valid value for reduction"):
        functional.mse_loss(tg.ones(2), tg.ones(2), "median")
    with pytest.raises(ShapeError, match=r"\(3\).*\(4\)"):
        functional.mse_loss(tg.ones(3), tg.ones(4))
