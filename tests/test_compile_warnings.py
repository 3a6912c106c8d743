"""What NumPy warns of, it warns of as often as without `compile`, and at the same lines, watched or not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.compile_networks import bits
from tests.test_compile_functions import alike, normal, one

WEIGHT = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)


def trained(x: tg.Tensor) -> tg.Tensor:
    WEIGHT.grad = None
    loss = (WEIGHT / (x * 0)).sum()
    loss.backward()
    return loss


def told(x: tg.Tensor) -> tg.Tensor:
    warnings.warn("of the user's own", stacklevel=1)
    return x * WEIGHT


WARNED: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "square": lambda x: (x * WEIGHT * 1e38).square(),
    "sometimes": lambda x: (x * WEIGHT * 40).exp(),
    "logarithm": lambda x: (x * WEIGHT).log(),
    "quotient": lambda x: WEIGHT / (x - x),
    "in place": lambda x: (x * 1e38).mul_(1e38) * WEIGHT,
    "cast": lambda x: (x * WEIGHT * 1e38).half().sum(),
    "two": lambda x: (x * 1e38 * 1e38).softmax(0) * WEIGHT,
    "branch": lambda x: y.square() if (y := x * WEIGHT * 1e38).sum() > 0 else y,
    "power": lambda x: (x * WEIGHT * 1e20) ** 3,
    "trained": trained,
    "told": told,
}


def partly(x: tg.Tensor) -> tg.Tensor:
    with np.errstate(over="ignore"):
        return (x * WEIGHT * 1e20).square().sum() * 0


WARNED["partly"] = partly


def test_what_is_told_of_numbers_may_change_from_call_to_call(backend: str) -> None:
    def run(function: Callable[[tg.Tensor], tg.Tensor]) -> list[Any]:
        found: list[Any] = []
        for k in range(12):
            with warnings.catch_warnings(record=True) as seen, np.errstate(all=("ignore", "warn", "raise")[k // 4]):
                warnings.simplefilter("always")
                try:
                    found.append(bits(function(normal(k, 3).abs() + 1)))
                except FloatingPointError as error:
                    found.append(str(error))
                found.append([str(w.message) for w in seen])
        return found

    def squared(x: tg.Tensor) -> tg.Tensor:
        return (x * 1e30).square()

    assert run(tg.compile(squared, backend=backend)) == run(squared)


@pytest.mark.parametrize("shown", ["default", "always"])
@pytest.mark.parametrize("name", WARNED)
def test_a_warning_comes_as_often_and_from_the_same_line(backend: str, name: str, shown: Any) -> None:
    def run(function: Callable[[tg.Tensor], tg.Tensor]) -> list[Any]:
        found = []
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter(shown)
            for k in range(10):
                WEIGHT.grad = None
                y = function(normal(k, 3))
                if y.requires_grad and name != "trained":
                    y.sum().backward()
                found.append([(str(w.message), w.filename, w.lineno) for w in seen])
                seen.clear()
        return found

    expected = run(WARNED[name])
    assert any(expected)
    assert run(tg.compile(WARNED[name], backend=backend)) == expected


SINGLE: dict[str, Callable[[tg.Tensor], Any]] = {
    "added to": lambda x: x.sum().add_(1),
    "seen by another": lambda x: ((y := x.sum()), y.detach().mul_(3), y * 1),
    "set": lambda x: set_(x.max()),
    "filled": lambda x: x.sum().fill_(3).exp_(),
    "drawn": lambda x: x.sum().uniform_() * x,
    "through a view": lambda x: ((y := x.sum()), y.view(1).add_(2)),
    "out": lambda x: tg.add(x[0, 0], x[0, 1], out=x.sum()),
    "sigmoid": lambda x: x.sum().sigmoid(),
    "no degree of freedom": lambda x: x[:1, 0].var() * x,
    "root": lambda x: x.abs().sum() ** (1 / 3),
    "power": lambda x: x[0, 0].abs() ** 2.5,
    "element": lambda x: ((y := x.clone()[0])[1].mul_(5), y),
}


def set_(x: tg.Tensor) -> tg.Tensor:
    x[...] = 2
    return x


@pytest.mark.parametrize("name", SINGLE)
def test_tensors_without_axes(backend: str, name: str) -> None:
    alike(backend, one(SINGLE[name]), count=12)
