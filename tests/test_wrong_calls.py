"""Random wrong calls of the whole surface end in reasons; and the mechanism that gives them, point by point."""

from __future__ import annotations

import inspect
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.base.answers import WrongCallError, WrongTypeError
from tests.wrongcalls import complaints

F = nn.functional


def test_two_thousand_random_calls_meet_no_internal_error() -> None:
    found = complaints(2000, seed=0)
    assert not found, "\n".join(f"{said}\n    {calls[0]}" for said, calls in found.items())


def test_the_argument_that_does_not_fit_is_named_with_what_it_should_be() -> None:
    x = tg.ones(2, 3)
    with pytest.raises(TypeError, match=r"sum\(\): argument 'dim' must be int, sequence of int or None, not str: "):
        x.sum("a")
    with pytest.raises(
        TypeError, match=r"relu\(\): argument 'input' \(position 1\) must be Tensor, not numpy.ndarray: "
    ):
        F.relu(np.ones(2))
    with pytest.raises(
        TypeError, match=r"Adam\(\): argument 'betas' must be pair of float or Tensor, not tuple: found "
    ):
        optim.Adam([tg.ones(1, requires_grad=True)], betas=(0.9,))


@pytest.mark.parametrize(
    "call",
    [lambda a: F.mse_loss(tg.ones(2), a), lambda a: nn.ReLU()(a), lambda a: F.relu(input=a), lambda a: nn.Tanh()(a)],
    ids=["second", "layer", "by name", "primitive"],
)
def test_an_array_is_no_tensor_anywhere_in_nn(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"must be Tensor, not numpy.ndarray: tensorgrad.from_numpy makes it one"):
        call(np.ones(2, np.float32))


def test_the_outermost_function_answers_and_the_first_error_is_its_cause() -> None:
    with pytest.raises(
        WrongTypeError, match=r"^normalize\(\): argument 'p' must be float, not str: found 'a'"
    ) as caught:
        F.normalize(tg.ones(2, 2), "a")
    assert "could not convert" in str(caught.value.__cause__)


def test_arguments_that_fit_each_and_make_no_call_are_all_told() -> None:
    with pytest.raises(
        WrongCallError, match=r"^tensordot\(\) cannot take a=Tensor float32\[2\], b=.*dims=\[\[\[0\]\], 0\]"
    ):
        tg.tensordot(tg.ones(2), tg.ones(2), [[[0]], 0])


def test_an_error_of_the_users_own_code_passes_as_it_is() -> None:
    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.no_such_thing

    for call in (lambda: nn.Sequential(Own())(tg.ones(2)), lambda: tg.func.grad(lambda x: {}[x])(tg.ones(()))):
        with pytest.raises((AttributeError, KeyError)) as caught:
            call()
        assert type(caught.value) is KeyError or "no_such_thing" in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_deliberate_error_stays_and_a_note_says_which_function_was_called() -> None:
    with pytest.raises(ValueError, match="dropout probability") as caught:
        nn.Dropout(1.5)
    assert caught.value.__notes__ == ["in the call of Dropout()"]


def test_what_nobody_inside_refuses_is_refused_when_something_is_made() -> None:
    with pytest.raises(TypeError, match=r"LSTM\(\): argument 'bias' must be bool, not str: found 'a'"):
        nn.LSTM(3, 2, bias="a")
    assert nn.Linear(3, 2, bias=0).bias is None  # as scripts write it


def test_a_wrapped_function_shows_its_own_signature_and_name() -> None:
    assert list(inspect.signature(F.linear).parameters) == ["input", "weight", "bias"]
    assert (F.linear.__name__, F.linear.__module__) == ("linear", "tensorgrad.nn.functional")
    assert pickle.loads(pickle.dumps(F.linear)) is F.linear
    assert list(inspect.signature(nn.Linear).parameters)[:2] == ["in_features", "out_features"]


def test_a_warning_stands_at_the_line_of_the_script_however_deep_it_arises() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        nn.Sequential(nn.Softmax())(tg.ones(2, 2))
        F.mse_loss(tg.ones(2), tg.ones(2, 1))
        nn.Sequential(nn.Dropout2d())(tg.ones(2, 2))
    assert len(told) == 3
    assert {w.filename for w in told} == {__file__}


class Needy(tg.nn.Module):
    def forward(self, x: tg.Tensor, more: tg.Tensor) -> tg.Tensor:
        return x + more


def hooked() -> None:
    y = tg.ones(2, requires_grad=True) * 2
    y.register_hook(lambda: None)
    y.sum().backward()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (hooked, "takes 0 positional arguments but 1 was given"),
        (lambda: tg.nn.Sequential(Needy())(tg.ones(2)), "Needy.forward"),
        (lambda: tg.optim.SGD([tg.ones(2, requires_grad=True)], lr=0.1).step(lambda a: a), "missing 1 required"),
    ],
    ids=["hook", "layer", "closure"],
)
def test_a_function_of_the_users_that_cannot_be_called_is_no_wrong_argument(call: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said) as raised:
        call()
    assert type(raised.value) is TypeError
