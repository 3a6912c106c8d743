"""What is not selected has no influence: the gradient behind a choice is that of the branch chosen by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

import tensorgrad as tg
from tensorgrad.autograd.careful import _to_watch
from tensorgrad.autograd.exactzeros import exact_zeros
from tensorgrad.autograd.order import reachable
from tensorgrad.engine.tensor import node_of

# Functions that are infinite or undefined somewhere, and a region where they are smooth.
HIDDEN: dict[str, Callable[[Any], Any]] = {
    "sqrt": lambda x: x.sqrt(),
    "log": lambda x: x.log(),
    "reciprocal": lambda x: 1 / x,
    "power": lambda x: x**-1.5,
    "root_as_power": lambda x: x**0.5,
    "power_of_a_tensor": lambda x: x ** (x * 0 - 0.5),
    "x_log_x": lambda x: x * x.log(),
    "log_of_log": lambda x: (x.log() ** 2).log(),
    "overflow": lambda x: (1 / x).exp() + x.sqrt(),
    "quotient": lambda x: x.sqrt() / x,
    "norm": lambda x: (x * x * x).sqrt(),
    "rsqrt": lambda x: x.rsqrt(),
    "atanh_like": lambda x: (1 + x.sqrt()).log() - x.log(),
}

# Ways to choose elements where x > 0.3 and to replace the others by 0.
CHOICES: dict[str, Callable[[Any, Any], Any]] = {
    "where": lambda f, x: tg.where(x > 0.3, f(x), 0.0),
    "where_reversed": lambda f, x: tg.where(x <= 0.3, x * 0, f(x)),
    "where_twice": lambda f, x: tg.where(x > 0.3, tg.where(x > 0.1, f(x), f(-x)), 0.0),
    "index": lambda f, x: f(x)[x > 0.3],
    "take": lambda f, x: f(x)[np.flatnonzero(x.detach().numpy() > 0.3)],
    "product_with_mask": lambda f, x: tg.where(x > 0.3, f(x), 0.0) * 1.5,
    "relu": lambda f, x: tg.where(x > 0.3, (f(x) ** 2 + 0.1), -1.0).relu(),
    "clip": lambda f, x: tg.where(x > 0.3, f(x), 5e9).clip(-1e9, 1e9),
    "matmul": lambda f, x: tg.where(x > 0.3, f(x), 0.0).reshape(1, -1) @ tg.ones(x.shape[0], 2, dtype=tg.float64),
    "assigned": lambda f, x: _assigned(f, x),
}


def _assigned(f: Callable[[Any], Any], x: Any) -> Any:
    y = f(x) + 0
    y[x <= 0.3] = 0.0
    return y


def derivatives(y: Any, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """First and second reverse derivatives of ``sum(y * weights)``."""
    weights = tg.tensor(np.linspace(0.5, 1.5, y.numel()).reshape(y.shape))
    (g,) = tg.autograd.grad((y * weights).sum(), x, create_graph=True)
    (h,) = tg.autograd.grad((g * g.detach().cos()).sum(), x, allow_unused=True, materialize_grads=True)
    return g.detach().numpy(), h.numpy()


@pytest.mark.parametrize("name", HIDDEN)
@given(choice=st.sampled_from(sorted(CHOICES)), data=st.data())
def test_the_gradient_is_that_of_the_branch_chosen_by_hand(name: str, choice: str, data: st.DataObject) -> None:
    f = HIDDEN[name]
    values = data.draw(
        st.lists(st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1e-300, 0.5, 0.9, 2.0, 4.0]), min_size=1, max_size=5)
    )
    a = np.array(values, dtype=np.float64)
    assume(choice != "relu" or 1e-300 not in values)  # whose square overflows in the second derivative
    taken = a > 0.3
    x = tg.tensor(a, requires_grad=True)
    with np.errstate(all="ignore"):
        first, second = derivatives(CHOICES[choice](f, x), x)
        (tangent,) = tg.autograd.jvp(CHOICES[choice](f, x).sum(), x, tg.ones(len(a), dtype=tg.float64))
    safe = tg.tensor(np.where(taken, a, 0.7), requires_grad=True)
    # by hand: the same on harmless values, of which only the taken ones count
    y = f(safe)
    if choice == "relu":
        y = y**2 + 0.1
    weights = np.linspace(0.5, 1.5, int(taken.sum()) if choice in ("index", "take") else len(a))
    w = np.zeros(len(a))
    w[taken] = weights if choice in ("index", "take") else weights[taken]
    if choice == "matmul":
        w[taken] = 2.0  # the sum of the weights of both columns
    if choice == "product_with_mask":
        w *= 1.5
    (g,) = tg.autograd.grad((y * tg.tensor(w)).sum(), safe, create_graph=True)
    (h,) = tg.autograd.grad((g * tg.tensor(np.where(taken, np.cos(g.detach().numpy()), 0.0))).sum(), safe)
    np.testing.assert_allclose(first, np.where(taken, g.detach().numpy(), 0.0), rtol=1e-10, equal_nan=False)
    np.testing.assert_allclose(second, np.where(taken, h.numpy(), 0.0), rtol=1e-10, atol=1e-12, equal_nan=False)
    plain = tg.autograd.grad((f(safe) ** 2 + 0.1 if choice == "relu" else f(safe)).sum(), safe)[0].numpy()
    factor = {"product_with_mask": 1.5, "matmul": 2.0}.get(choice, 1.0)
    np.testing.assert_allclose(tangent.item(), factor * plain[taken].sum(), rtol=1e-10, atol=1e-12, equal_nan=False)


def test_the_case_of_the_specification() -> None:
    x = tg.tensor([-1.0, 0.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        tg.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.25]


@pytest.mark.parametrize("f", [lambda x: x.sqrt(), lambda x: x.log(), lambda x: x / x, lambda x: (x / x) * x])
def test_a_nan_in_the_branch_that_was_taken_still_shows(f: Callable[[Any], Any]) -> None:
    x = tg.tensor([-1.0, 0.0, np.nan, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        tg.where(x > 3, 0.0, f(x)).sum().backward()
    grad = x.grad.numpy()
    assert np.isnan(grad[2])
    assert not np.isfinite(grad[1])
    assert grad[3] == 0.0


def test_a_nan_constant_in_a_product_still_shows() -> None:
    x = tg.tensor([0.0, 2.0], requires_grad=True)
    (x * tg.tensor([np.nan, 3.0])).sum().backward()
    assert np.isnan(x.grad.numpy()[0])
    assert x.grad.numpy()[1] == 3.0


def test_behind_a_choice_a_slope_that_happens_to_be_zero_is_no_mask() -> None:
    x = tg.tensor([0.0, 1.0], dtype=tg.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        tg.where(x < 3, x.log().sigmoid(), 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [np.nan, 0.25])  # the limit of the first is 1: not 0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sqrt() ** 4,  # x * x, which bends by 2
        lambda x: tg.where(x < 3, x.sqrt(), 0.0) ** 4,
        lambda x: (x**0.5) ** 4,
        lambda x: (x.sqrt() * x.sqrt()).cosh(),
    ],
)
def test_a_zero_that_is_the_value_of_a_function_hides_nothing_at_second_order(f: Callable[[Any], Any]) -> None:
    x = tg.tensor([0.0, 1.0], dtype=tg.float64, requires_grad=True)
    with np.errstate(all="ignore"):
        second = derivatives(f(x), x)[1]
    assert np.isnan(second[0])
    assert np.isfinite(second[1])


def test_a_mask_hides_behind_further_operations_too() -> None:
    x = tg.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=tg.float64, requires_grad=True)
    mask = tg.tensor([0.0, 1.0], dtype=tg.float64)
    first, second = derivatives(((x.norm(dim=1) * mask) ** 3).reshape(1, 2) @ tg.ones(2, 3, dtype=tg.float64), x)
    assert first[0].tolist() == second[0].tolist() == [0.0, 0.0]
    assert np.isfinite(second).all()


def test_hooks_see_each_gradient_once_although_the_sweep_runs_twice() -> None:
    x = tg.tensor([-1.0, 4.0], dtype=tg.float64, requires_grad=True)
    seen: list[list[float]] = []
    y = x * 1
    y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 2)
    with np.errstate(all="ignore"):
        z = y.sqrt()
    z.register_hook(lambda g: seen.append(g.tolist()))
    tg.where(x > 0, z, 0.0).sum().backward()
    assert seen == [[0.0, 1.0], [0.0, 0.25]]
    assert x.grad.tolist() == [0.0, 0.5]


def test_a_layer_that_was_not_selected_leaves_parameters_alone() -> None:
    net = tg.nn.Sequential(tg.nn.Linear(2, 3), tg.nn.BatchNorm1d(3)).double()
    x = tg.tensor([[np.inf, 1.0], [0.5, 2.0]], dtype=tg.float64)
    with np.errstate(all="ignore"):
        tg.where(tg.tensor([False]), net(x), 1.0).sum().backward()
    for p in net.parameters():
        assert p.grad.numpy().tolist() == np.zeros(p.shape).tolist()


def test_nothing_of_the_careful_sweep_stays_behind() -> None:
    x = tg.tensor([-1.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        (g,) = tg.autograd.grad(tg.where(x > 0, x.sqrt(), 0.0).sum(), x, create_graph=True)
        assert type(g) is tg.Tensor
        assert (g * np.inf).isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.log().round(), lambda x: x.sqrt().sign(), lambda x: (1 / x).floor(), lambda x: (1 / x).trunc(),
        lambda x: tg.div(1, x, rounding_mode="trunc"), lambda x: x.sqrt() // 2,
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_the_zero_slope_of_a_jump_wins_over_an_infinite_one(function) -> None:
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    function(x).backward(tg.ones(2))
    assert x.grad.tolist() == [0.0, 0.0]
    assert tg.autograd.jvp(function(x), x, tg.ones(2))[0].tolist() == [0.0, 0.0]


def test_a_zero_that_where_puts_in_is_exact_in_the_place_where_it_is_chosen() -> None:
    mask = tg.tensor([True, False])
    x = tg.ones(2, requires_grad=True)
    assert exact_zeros(tg.where(mask, x - 1, 0.0)).tolist() == [False, True]
    assert exact_zeros(tg.where(mask, 0.0, x - 1)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("exponent", "watched"), [(2, False), (3.0, False), (1, False), (0, True), (0.5, True), (-1, True)]
)
def test_behind_a_rectifier_only_a_power_that_may_be_infinite_is_watched(exponent: float, watched: bool) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    choices, _, _ = _to_watch(reachable([node_of((x.relu() ** exponent).sum())]))
    assert bool(choices) is watched
    choices, _, _ = _to_watch(reachable([node_of((x**exponent).relu().sum())]))
    assert choices


@pytest.mark.parametrize("exponent", [2, 3, 101.0, 1e300])
def test_what_leaves_the_dtype_before_a_rectifier_has_the_slope_zero(exponent: float) -> None:
    x = tg.tensor([-1e20, 1e20, float("inf")], requires_grad=True)
    with np.errstate(all="ignore"):
        (-(x.abs() ** exponent)).relu().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 0.0]
