"""Hypergradients: against finite differences in float64, through networks, momentum and updates of the user's."""

from __future__ import annotations

from itertools import pairwise

import pytest

import tensorgrad as tg
from tensorgrad import nn, search
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.func import functional_call

STEPS = 12


def problem(activation=nn.Tanh, layers: int = 2):
    """A network in float64, its training loss on changing batches and its validation loss."""
    tg.manual_seed(1)
    sizes = [4, *[6] * layers]
    hidden = [part for n, m in pairwise(sizes) for part in (nn.Linear(n, m), activation())]
    net = nn.Sequential(*hidden, nn.Linear(sizes[-1], 3)).double()
    x, y = tg.randn(40, 4, dtype=tg.float64), tg.randint(0, 3, (40,))

    def train_loss(params, step):
        rows = slice(8 * (step % 4), 8 * (step % 4) + 8)
        return nn.functional.cross_entropy(functional_call(net, params, (x[rows],)), y[rows])

    def valid_loss(params):
        return nn.functional.cross_entropy(functional_call(net, params, (x[32:],)), y[32:])

    return train_loss, valid_loss, dict(net.named_parameters())


def slope(loss_at, hyper, name: str, h: float = 1e-4) -> float:
    """The central difference of fourth order."""
    at = [loss_at({**hyper, name: hyper[name] + k * h}) for k in (-2, -1, 1, 2)]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid, nn.GELU])
@pytest.mark.parametrize(
    "hyper", [{"lr": 0.3, "weight_decay": 0.02}, {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.8}]
)
def test_the_hypergradient_is_the_slope_of_the_validation_loss(activation, hyper) -> None:
    losses = problem(activation)
    found = search.hypergradient(*losses, hyper, STEPS)

    def loss_at(values):
        return search.hypergradient(*losses, values, STEPS).loss

    for name in hyper:
        expected = slope(loss_at, hyper, name)
        assert abs(expected) > 1e-4
        assert found.gradient[name].item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_the_training_is_that_of_the_optimiser() -> None:
    train_loss, valid_loss, start = problem()
    before = {name: value.tolist() for name, value in start.items()}
    found = search.hypergradient(train_loss, valid_loss, start, {"lr": 0.2, "momentum": 0.9}, STEPS)
    assert {name: value.tolist() for name, value in start.items()} == before

    params = {name: value.detach().clone().requires_grad_() for name, value in start.items()}
    optimizer = tg.optim.SGD(params.values(), lr=0.2, momentum=0.9)
    for step in range(STEPS):
        optimizer.zero_grad()
        train_loss(params, step).backward()
        optimizer.step()
    assert found.loss == pytest.approx(valid_loss(params).item(), rel=1e-12)
    for name, value in params.items():
        assert tg.allclose(found.params[name], value.detach(), rtol=1e-12, atol=1e-14)


def test_descending_along_it_improves_the_validation_loss() -> None:
    losses = problem()
    rate, values = 0.08, []
    for _ in range(6):
        found = search.hypergradient(*losses, {"lr": rate}, STEPS)
        values.append(found.loss)
        rate -= 0.05 * found.gradient["lr"].item()
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] - 0.003


def test_an_update_of_the_users_may_have_rates_of_any_shape() -> None:
    train_loss, valid_loss, start = problem()

    def scaled(params, grads, hyper, state):
        return {name: w - hyper["rates"][i] * grads[name] for i, (name, w) in enumerate(params.items())}, state

    rates = tg.full((len(start),), 0.2, dtype=tg.float64)
    each = search.hypergradient(train_loss, valid_loss, start, {"rates": rates}, STEPS, update=scaled)
    one = search.hypergradient(train_loss, valid_loss, start, {"lr": 0.2}, STEPS)
    assert each.gradient["rates"].shape == rates.shape
    assert each.gradient["rates"].sum().item() == pytest.approx(one.gradient["lr"].item(), rel=1e-10)


def test_it_works_where_nothing_is_recorded_otherwise() -> None:
    losses = problem()
    with tg.no_grad():
        inside = search.hypergradient(*losses, {"lr": 0.1}, 3).gradient["lr"].item()
    assert inside == search.hypergradient(*losses, {"lr": 0.1}, 3).gradient["lr"].item()


def test_what_cannot_be_differentiated_is_told() -> None:
    losses = problem()
    with pytest.raises(ArgumentError, match="steps=0"):
        search.hypergradient(*losses, {"lr": 0.1}, 0)
    with pytest.raises(ArgumentError, match="at least one"):
        search.hypergradient(*losses, {}, 1)
    with pytest.raises(AutogradError, match="does not depend on 'dropout'"):
        search.hypergradient(*losses, {"lr": 0.1, "dropout": 0.5}, 1)
