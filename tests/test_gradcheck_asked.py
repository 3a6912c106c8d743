"""What the checkers and the strategies may be asked for: the rest is refused by name, before anything runs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import Function
from tensorgrad.errors import AutogradError
from tensorgrad.testing import GradcheckError, check, check_gradients, gradcheck, gradgradcheck
from tests.verdicts.faults import drifting, leaf

SHARED = [("atol", -1), ("rtol", float("nan")), ("nondet_tol", "a"), ("max_coordinates", 1.5), ("seed", -1)]
OF_TORCH = [("eps", 0.0), ("eps", 2.0), ("fast_mode", "no"), ("raise_exception", "yes"), ("check_undefined_grad", 3)]
CALLS = [
    *((gradcheck, *option) for option in [*SHARED, *OF_TORCH, ("check_forward_ad", "x")]),
    *((gradgradcheck, *option) for option in [*SHARED, *OF_TORCH, ("check_over_fwd", "x")]),
    *((check, *option) for option in [*SHARED, ("largest_step", 0), ("directions", -1), ("check_forward", "x")]),
]


def untouched(x: Any) -> Any:
    raise AssertionError("it is refused before the function is called")


@pytest.mark.parametrize(("checker", "name", "value"), CALLS)
def test_an_option_that_no_check_can_be_made_with_is_refused(checker: Any, name: str, value: Any) -> None:
    with pytest.raises(
        (ValueError, TypeError), match=rf"{checker.__name__}\(\): argument '{name}' must be .*(found|not)"
    ):
        checker(untouched, leaf([0.5]), **{name: value})


def test_check_gradients_refuses_too() -> None:
    with pytest.raises(ValueError, match=r"check_gradients\(\): argument 'directions' must be"):
        check_gradients(lambda: leaf([1.0]).sum(), {"x": leaf([1.0])}, directions=-1)


def test_what_the_checker_refuses_is_a_failed_report_and_what_the_function_raises_passes() -> None:
    report = gradcheck(drifting(slope=False), leaf([0.5]), raise_exception=False)
    assert report.verdict == "failed"
    assert "other values when it is called again" in str(report)
    with pytest.raises(GradcheckError, match="other values"):
        gradcheck(drifting(slope=False), leaf([0.5]))
    for raising in (True, False):
        with pytest.raises(ZeroDivisionError):
            gradcheck(lambda x: x * (1 // 0), leaf([0.5]), raise_exception=raising)
        with pytest.raises(AutogradError, match="no output requires a gradient"):
            gradcheck(lambda x: x.detach(), leaf([0.5]), raise_exception=raising)


def test_second_derivatives_that_do_not_exist_are_failed() -> None:
    class Sine(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return tg.tensor(g.numpy() * np.cos(ctx.saved_tensors[0].detach().numpy()))

    assert gradgradcheck(Sine.apply, leaf([0.5]), raise_exception=False).verdict == "failed"
    with pytest.raises(GradcheckError, match=r"the second derivative cannot be computed: AutogradError"):
        gradgradcheck(Sine.apply, leaf([0.5]))


@pytest.mark.parametrize("at", [[1e150], [1e300, 1.0], [1e308], [5e-324], [709.0], [0.0]])
@pytest.mark.parametrize("fn", [lambda x: x * x, tg.exp, tg.sqrt, lambda x: 1 / x])
def test_no_warning_escapes(fn: Any, at: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(fn, leaf(at))
        gradgradcheck(fn, leaf(at), raise_exception=False)


def test_a_property_of_a_module_keeps_its_own_text() -> None:
    class Broken(nn.Module):
        @property
        def width(self) -> int:
            raise AttributeError("there is no width yet")

        def forward(self, x: Any) -> Any:
            return x * self.width

    with pytest.raises(
        AttributeError, match="'width' of 'Broken' object raised an AttributeError: there is no width yet"
    ):
        gradcheck(Broken(), leaf([0.5]))


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("shapes", ("a",), {}),
        ("shapes", (-1,), {}),
        ("broadcastable_shapes", (0,), {}),
        ("axes", ("2",), {}),
        ("indices", (3,), {}),
        ("dtypes", (3,), {}),
        ("dtypes", ("z",), {}),
        ("arrays", (3,), {}),
        ("arrays", (), {"domain": (3, 1)}),
        ("arrays", (), {"domain": 3}),
        ("arrays", (), {"layouts": ("Q",)}),
        ("tensors", (), {"requires_grad": "x"}),
        ("inside", (3,), {}),
    ],
)
def test_a_strategy_refuses_what_nothing_can_be_drawn_from(name: str, args: tuple[Any, ...], options: Any) -> None:
    hypothesis = pytest.importorskip("hypothesis", reason="the strategies are Hypothesis's")
    from tensorgrad.testing import strategies

    with pytest.raises((ValueError, TypeError), match=rf"{name}\(\): argument '\w+' must (be|hold) "):
        hypothesis.find(getattr(strategies, name)(*args, **options), lambda drawn: True)
