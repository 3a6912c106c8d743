"""The book's optimisers: its NumPy code, and `convention="book"` beside it, equal bit for bit over fifty steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import optim
from tensorgrad.errors import ArgumentError

STEPS = 50
SHAPES = [(3, 4), (5,), (), (2, 1)]
RNG = np.random.default_rng

Params = list[np.ndarray]


class Plain:
    """W <- W - lr * g."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def update(self, params: Params, grads: Params) -> None:
        for i, g in enumerate(grads):
            params[i] -= self.lr * g


class Momentum:
    def __init__(self, lr: float, momentum: float) -> None:
        self.lr, self.momentum, self.v = lr, momentum, [np.zeros(s) for s in SHAPES]

    def update(self, params: Params, grads: Params) -> None:
        for i, g in enumerate(grads):
            self.v[i] = self.momentum * self.v[i] - self.lr * g
            params[i] += self.v[i]


class Nesterov(Momentum):
    def update(self, params: Params, grads: Params) -> None:
        for i, g in enumerate(grads):
            params[i] += self.momentum * self.momentum * self.v[i]
            params[i] -= (1 + self.momentum) * self.lr * g
            self.v[i] *= self.momentum
            self.v[i] -= self.lr * g


class AdaGrad:
    def __init__(self, lr: float) -> None:
        self.lr, self.h = lr, [np.zeros(s) for s in SHAPES]

    def update(self, params: Params, grads: Params) -> None:
        for i, g in enumerate(grads):
            self.h[i] += g * g
            params[i] -= self.lr * g / (np.sqrt(self.h[i]) + 1e-7)


class RMSprop:
    def __init__(self, lr: float, decay_rate: float = 0.99) -> None:
        self.lr, self.decay_rate, self.h = lr, decay_rate, [np.zeros(s) for s in SHAPES]

    def update(self, params: Params, grads: Params) -> None:
        for i, g in enumerate(grads):
            self.h[i] *= self.decay_rate
            self.h[i] += (1 - self.decay_rate) * g * g
            params[i] -= self.lr * g / (np.sqrt(self.h[i]) + 1e-7)


class Adam:
    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr, self.beta1, self.beta2, self.iter = lr, beta1, beta2, 0
        self.m, self.v = [np.zeros(s) for s in SHAPES], [np.zeros(s) for s in SHAPES]

    def update(self, params: Params, grads: Params) -> None:
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for i, g in enumerate(grads):
            self.m[i] += (1 - self.beta1) * (g - self.m[i])
            self.v[i] += (1 - self.beta2) * (g**2 - self.v[i])
            params[i] -= lr_t * self.m[i] / (np.sqrt(self.v[i]) + 1e-7)


CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "SGD": (Plain(0.1), "SGD", {"lr": 0.1}),
    "Momentum": (Momentum(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "Nesterov": (Nesterov(0.1, 0.7), "SGD", {"lr": 0.1, "momentum": 0.7, "nesterov": True}),
    "AdaGrad": (AdaGrad(1.5), "Adagrad", {"lr": 1.5}),
    "RMSprop": (RMSprop(0.01), "RMSprop", {"lr": 0.01}),
    "Adam": (Adam(0.3), "Adam", {"lr": 0.3}),
    "Adam, other weights": (Adam(0.3, 0.5, 0.7), "Adam", {"lr": 0.3, "betas": (0.5, 0.7)}),
}


def slope(w: np.ndarray, k: int) -> np.ndarray:
    """Of a bowl whose centre moves, steep enough to tell one bit from another."""
    return np.asarray(w - np.sin(k) + 0.1 * w * w * w)


def trained(optimizer: Any, params: list[tg.Tensor]) -> None:
    for k in range(STEPS):
        for p in params:
            p.grad = tg.tensor(slope(p.array.copy(), k))
        optimizer.step()


@pytest.mark.parametrize("case", CASES)
def test_fifty_steps_are_the_books_code_bit_for_bit(case: str) -> None:
    book, name, settings = CASES[case]
    starts = [RNG(i).normal(size=shape) for i, shape in enumerate(SHAPES)]
    params = [tg.tensor(a, requires_grad=True) for a in starts]
    trained(getattr(optim, name)(params, **settings, convention="book"), params)
    arrays = [np.array(a) for a in starts]
    for k in range(STEPS):
        book.update(arrays, [slope(w, k) for w in arrays])
    for p, w, start in zip(params, arrays, starts, strict=True):
        assert np.isfinite(w).all()
        assert not np.array_equal(w, start)
        np.testing.assert_array_equal(p.detach().numpy(), w, strict=True)


@pytest.mark.parametrize("case", [case for case in CASES if case != "SGD"])
def test_the_other_convention_is_another_formula(case: str) -> None:
    _, name, settings = CASES[case]
    ends = []
    for convention in ("book", "pytorch"):
        w = tg.tensor(RNG(0).normal(size=4), requires_grad=True)
        optimizer = getattr(optim, name)([w], **settings, convention=convention)
        for k in range(STEPS):
            optimizer.param_groups[0]["lr"] = settings["lr"] / (1 + k)
            w.grad = tg.tensor(slope(w.array.copy(), k))
            optimizer.step()
        ends.append(w.detach().numpy())
    assert not np.array_equal(*ends)


@pytest.mark.parametrize(("name", "eps"), [("Adagrad", 1e-10), ("RMSprop", 1e-8), ("Adam", 1e-8)])
def test_epsilon_is_the_books_only_where_none_is_given(name: str, eps: float) -> None:
    make: Callable[..., Any] = getattr(optim, name)
    w = [tg.ones(1, requires_grad=True)]
    assert make(w).defaults["eps"] == eps
    assert make(w, convention="book").defaults["eps"] == 1e-7
    assert make(w, eps=float(str(eps)), convention="book").defaults["eps"] == eps
    assert make(w, eps=0.5, convention="book").defaults["eps"] == 0.5


def test_what_the_book_does_not_have_is_refused() -> None:
    with pytest.raises(ArgumentError, match="amsgrad"):
        optim.Adam([tg.ones(1, requires_grad=True)], amsgrad=True, convention="book")
