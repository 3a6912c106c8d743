"""Checks of section 6.3: the way back through BatchNorm, and its running averages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tensorgrad as tg

from .result import array, checked, close, exercise, slip

ROWS, FEATURES, EPS = 6, 3, 1e-6
NAMES = ("x", "gamma", "beta")


@exercise
def batchnorm(function: Any) -> Iterator[str]:
    """Check a `Function` of x (N, D), gamma (D,) and beta (D,) against (6.7), (6.8) and numerical gradients."""
    rng = np.random.default_rng(3)
    values = rng.normal(2.0, 3.0, (ROWS, FEATURES)), rng.uniform(0.5, 2.0, FEATURES), rng.normal(size=FEATURES)
    inputs = [tg.tensor(value, requires_grad=True) for value in values]
    dout = rng.normal(size=(ROWS, FEATURES))
    y = function.apply(*inputs)
    x, gamma, beta = values
    xhat = (x - x.mean(0)) / np.sqrt(x.var(0) + EPS)
    if not close(y.detach().numpy(), gamma * xhat + beta):
        yield "forward is not (6.7) and (6.8) any more: put back gamma * xhat + beta"
    y.backward(tg.tensor(dout))
    slips = _slips(xhat, gamma, np.sqrt(x.var(0) + EPS), dout)
    for name, leaf in zip(NAMES, inputs, strict=True):
        if leaf.grad is None:
            yield f"d{name} is None: backward must return dx, dgamma, dbeta"
        found = slip(array(leaf.grad, name), slips[name])
        if found:
            yield f"d{name}: {found}"
    yield from checked(function.apply, inputs, NAMES)


def _slips(xhat: Any, gamma: Any, std: Any, dout: Any) -> dict[str, dict[str, Any]]:
    """Return the wrong gradients that learners write, by what is wrong with them, for each input."""
    dxhat = dout * gamma

    def dx(d: Any = dxhat, mean: float = 1.0, variance: float = 1.0, by: Any = std) -> Any:
        return (d - mean * d.mean(0) - variance * xhat * (d * xhat).mean(0)) / by

    wrong = {
        "the paths through mu and through sigma are forgotten: every x moves both": dx(mean=0, variance=0),
        "the path through mu is forgotten: the term - mean(dxhat)": dx(mean=0),
        "the path through sigma is forgotten: the term - xhat * mean(dxhat * xhat)": dx(variance=0),
        "the sign of the path through mu is wrong": dx(mean=-1),
        "the sign of the path through sigma is wrong": dx(variance=-1),
        "1/N is forgotten: both terms are means over the batch, not sums": dx(mean=ROWS, variance=ROWS),
        "1/N is forgotten in the path through mu": dx(mean=ROWS),
        "1/N is forgotten in the path through sigma": dx(variance=ROWS),
        "the means go over the rows, mean(0), not over the features": (
            dxhat - dxhat.mean(1, keepdims=True) - xhat * (dxhat * xhat).mean(1, keepdims=True)
        )
        / std,
        "the mean of dxhat goes over the rows, mean(0), not over the features": (
            dxhat - dxhat.mean(1, keepdims=True) - xhat * (dxhat * xhat).mean(0)
        )
        / std,
        "gamma is forgotten: dxhat = dout * gamma": dx(dout),
        "it is divided by the variance, and not by its root": dx(by=std**2),
        "the division by std is forgotten": dx(by=1.0),
    }
    of_gamma = {
        "xhat is forgotten: gamma is a factor of xhat": dout.sum(0),
        "it must be summed over the batch, not averaged": (dout * xhat).mean(0),
        "it must be summed over the batch: gamma has one number for all rows": dout * xhat,
    }
    of_beta = {
        "it must be summed over the batch, not averaged": dout.mean(0),
        "it must be summed over the batch: beta has one number for all rows": dout,
        "beta is no factor: its gradient is dout alone": (dout * xhat).sum(0),
    }
    rights = {"x": dx(), "gamma": (dout * xhat).sum(0), "beta": dout.sum(0)}
    slips = {"x": wrong, "gamma": of_gamma, "beta": of_beta}
    return {name: {"the sign is wrong": -rights[name], **slips[name]} for name in NAMES}


@exercise
def running(average: Callable[[Any, Any], Any]) -> Iterator[str]:
    """Check ``average(old, new)``, the running mean of the book with the momentum 0.9."""
    old, new = np.array([1.0, -2.0]), np.array([3.0, 5.0])
    found = array(average(tg.tensor(old), tg.tensor(new)), "what running returns")
    wrong = slip(
        found,
        {
            "0.9 weighs the new value, as 0.1 does in PyTorch's convention: the book's weighs the old one": 0.1 * old
            + 0.9 * new,
            "the new value has no weight: 0.1 * new is missing": 0.9 * old,
            "the weights must add up to 1: 0.9 * old + 0.1 * new": 0.9 * old + new,
            "nothing is averaged: this is the batch's own value": new,
        },
    )
    if wrong:
        yield wrong
    if not close(found, 0.9 * old + 0.1 * new):
        yield f"of {old} and {new} it gives {found}, expected {0.9 * old + 0.1 * new}"
