"""Derivatives of any order and in either direction: closed forms, adjoints, perturbations kept apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import grad, jvp
from tensorgrad.autograd.order import reachable
from tensorgrad.engine.tensor import node_of
from tensorgrad.errors import AutogradError, ShapeError
from tests.values import RNG, close, grad_of, leaf

# --- orders -----------------------------------------------------------------------------------------------------------

t = np.tanh
CLOSED: dict[str, tuple[Callable[[Any], Any], list[Callable[[np.ndarray], np.ndarray]]]] = {
    "x**5": (
        lambda x: x**5,
        [lambda v: 5 * v**4, lambda v: 20 * v**3, lambda v: 60 * v**2, lambda v: 120 * v],
    ),
    "x*x*x*x": (
        lambda x: x * x * x * x,
        [lambda v: 4 * v**3, lambda v: 12 * v**2, lambda v: 24 * v, lambda v: 24 + 0 * v],
    ),
    "sin": (lambda x: x.sin(), [np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin]),
    "exp": (lambda x: x.exp(), [np.exp] * 4),
    "exp(2x)": (lambda x: (2 * x).exp(), [lambda v, k=k: 2.0**k * np.exp(2 * v) for k in (1, 2, 3, 4)]),
    "tanh": (
        lambda x: x.tanh(),
        [
            lambda v: 1 - t(v) ** 2,
            lambda v: -2 * t(v) * (1 - t(v) ** 2),
            lambda v: (1 - t(v) ** 2) * (6 * t(v) ** 2 - 2),
            lambda v: 8 * t(v) * (1 - t(v) ** 2) * (2 - 3 * t(v) ** 2),
        ],
    ),
    "log": (lambda x: x.log(), [lambda v: 1 / v, lambda v: -1 / v**2, lambda v: 2 / v**3, lambda v: -6 / v**4]),
    "1/x": (lambda x: 1 / x, [lambda v: -1 / v**2, lambda v: 2 / v**3, lambda v: -6 / v**4, lambda v: 24 / v**5]),
    "sqrt": (
        lambda x: x.sqrt(),
        [lambda v: 0.5 * v**-0.5, lambda v: -0.25 * v**-1.5, lambda v: 0.375 * v**-2.5, lambda v: -0.9375 * v**-3.5],
    ),
    "2**x": (lambda x: 2**x, [lambda v, k=k: math.log(2) ** k * 2**v for k in (1, 2, 3, 4)]),
}


@pytest.mark.parametrize("name", CLOSED)
def test_derivatives_to_order_four_are_the_closed_forms(name: str) -> None:
    function, derivatives = CLOSED[name]
    v = np.array([0.3, 0.9, 1.7])
    x = leaf(v)
    y = function(x).sum()
    for order, wanted in enumerate(derivatives, 1):
        (g,) = grad(y, x, create_graph=True)
        close(g, wanted(v), 1e-11, 1e-13)
        if order < 4:
            assert g.requires_grad
        y = g.sum()


@pytest.mark.parametrize("name", CLOSED)
def test_forward_over_reverse_is_reverse_over_reverse(name: str) -> None:
    function, derivatives = CLOSED[name]
    v, direction = np.array([0.3, 0.9, 1.7]), np.array([1.0, -2.0, 0.5])
    x = leaf(v)
    (g,) = grad(function(x).sum(), x, create_graph=True)
    (hv,) = jvp(g, x, tg.tensor(direction))
    close(hv, derivatives[1](v) * direction, 1e-11, 1e-13)


@pytest.mark.parametrize("name", CLOSED)
def test_jvp_with_create_graph_can_be_differentiated_both_ways(name: str) -> None:
    function, derivatives = CLOSED[name]
    v, ones = np.array([0.3, 0.9, 1.7]), tg.ones(3, dtype=tg.float64)
    x = leaf(v)
    (first,) = jvp(function(x), x, ones, create_graph=True)
    close(first, derivatives[0](v), 1e-11)
    (second,) = jvp(first, x, ones, create_graph=True)
    close(second, derivatives[1](v), 1e-11, 1e-13)
    (reverse_of_forward,) = grad(first.sum(), x)
    close(reverse_of_forward, derivatives[1](v), 1e-11, 1e-13)


def test_the_second_derivative_of_a_power_by_its_exponent() -> None:
    a, b = leaf([2.0, 0.5]), leaf([3.0, 1.5])
    (gb,) = grad((a**b).sum(), b, create_graph=True)
    (gbb, gba) = grad(gb.sum(), (b, a))
    u, w = a.detach().numpy(), b.detach().numpy()
    close(gbb, u**w * np.log(u) ** 2)
    close(gba, w * u ** (w - 1) * np.log(u) + u ** (w - 1))


def test_backward_with_create_graph_makes_a_gradient_that_can_be_differentiated() -> None:
    x = leaf([2.0])
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.sum().backward()
    close(grad_of(x), [12.0])


def test_without_create_graph_results_are_detached() -> None:
    x = leaf([2.0])
    (g,) = grad((x**3).sum(), x)
    (tangent,) = jvp(x**3, x, tg.tensor([1.0]))
    (x**3).sum().backward()
    for result in (g, tangent, x.grad):
        assert not result.requires_grad
        assert result.grad_fn is None


def test_a_hessian_by_rows_is_symmetric_and_right() -> None:
    a = RNG(0).normal(size=(4, 4))
    x = leaf(RNG(1).normal(size=4))
    (g,) = grad((x @ tg.tensor(a) @ x) * 0.5, x, create_graph=True)
    hessian = np.stack([grad(g[i], x, retain_graph=True)[0].numpy() for i in range(4)])
    close(hessian, (a + a.T) / 2)


def test_perturbations_are_not_confused() -> None:
    x = leaf(1.0)
    y = leaf(2.0)
    (inner,) = grad(x + y, y, create_graph=True)
    (outer,) = grad(x * inner, x)
    close(outer, 1.0)  # d/dx [x * d/dy (x + y)] is 1; a confused engine says 2
    (tangent,) = jvp(x + y, y, tg.tensor(1.0), create_graph=True)
    (outer_tangent,) = jvp(x * tangent, x, tg.tensor(1.0))
    close(outer_tangent, 1.0)
    z = leaf(3.0)
    (product,) = grad(z * x, z, create_graph=True)
    (mixed,) = jvp(x * product, x, tg.tensor(1.0))
    close(mixed, 2.0)  # d/dx [x * x]


# --- adjoints ---------------------------------------------------------------------------------------------------------

W = tg.tensor(RNG(9).normal(size=(4, 3)))
MAPS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "mlp": lambda x: ((x @ W).tanh() @ W.T).sigmoid(),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(0),
    "batchnorm": lambda x: (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt(),
    "indices": lambda x: x[tg.tensor([0, 2, 0])].exp(),
    "pairs": lambda x: x[:, None] * x[None] + x[..., :1],
    "max": lambda x: x.max(1).values + x.max(),
    "stack": lambda x: tg.stack([x, x * x], 1).reshape(-1),
    "cat": lambda x: tg.cat([x.T, x.T.exp()]),
    "where": lambda x: tg.where(x > 0, x * x, x.sin()),
    "std": lambda x: x.std(1, keepdim=True) * x,
    "min_max": lambda x: tg.maximum(x, x.T.reshape(3, 4)) + tg.minimum(x, 0.3),
    "permute": lambda x: x.unsqueeze(1).permute(2, 0, 1).expand(4, 3, 2) * 2,
    "linear": lambda x: tg.ops.linear(x, x),
    "clip": lambda x: x.clamp(-0.5, 0.5) * abs(x),
    "logaddexp": lambda x: x.logaddexp(x * 2) + x.atan2(x * x + 1),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", MAPS)
def test_the_tangent_sweep_is_the_adjoint_of_the_gradient_sweep(name: str, create_graph: bool) -> None:
    x = leaf(RNG(10).normal(size=(3, 4)))
    y = MAPS[name](x)
    tangent, cotangent = RNG(11).normal(size=x.shape), RNG(12).normal(size=y.shape)
    (jv,) = jvp(y, x, tg.tensor(tangent), create_graph=create_graph)
    (vj,) = grad(y, x, tg.tensor(cotangent), create_graph=create_graph)
    assert (jv.shape, vj.shape) == (y.shape, x.shape)
    left, right = (jv.detach().numpy() * cotangent).sum(), (vj.detach().numpy() * tangent).sum()
    assert abs(left) > 1e-6
    close(left, right, 1e-11)


@pytest.mark.parametrize("name", MAPS)
def test_first_and_second_directional_derivatives_are_numerically_right(name: str) -> None:
    v, d, c = RNG(10).normal(size=(3, 4)), RNG(11).normal(size=(3, 4)), None
    h = 1e-5

    def slope(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal c
        x = leaf(at)
        y = MAPS[name](x)
        c = RNG(12).normal(size=y.shape) if c is None else c
        (g,) = grad(y, x, tg.tensor(c), create_graph=True)
        (hv,) = grad(g, x, tg.tensor(d), allow_unused=True, materialize_grads=True) if g.requires_grad else (x * 0,)
        return g.detach().numpy(), hv.detach().numpy()

    def value(at: np.ndarray) -> float:
        return float((MAPS[name](tg.tensor(at)).numpy() * c).sum())

    g, hv = slope(v)
    close((g * d).sum(), (value(v + h * d) - value(v - h * d)) / (2 * h), 1e-6, 1e-7)
    close(hv, (slope(v + h * d)[0] - slope(v - h * d)[0]) / (2 * h), 1e-5, 1e-6)


def test_jvp_checks_what_it_is_given() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ShapeError, match=r"\(2,\).*\(3,\)"):
        jvp(x * 2, x, tg.ones(3))
    with pytest.raises(AutogradError, match="does not require grad"):
        jvp(x * 2, tg.ones(2), tg.ones(2))
    (zeros,) = jvp(leaf([5.0]) * 2, x, tg.ones(2))
    close(zeros, [0.0])
    a, b = jvp([x * 2, x.sum()], x, tg.tensor([1.0, 3.0]))
    close(a, [2.0, 6.0])
    close(b, 4.0)


def test_jvp_is_available_under_no_grad_for_what_was_recorded() -> None:
    x = leaf([2.0])
    y = x * x
    with tg.no_grad():
        (first,) = jvp(y, x, tg.tensor([1.0]), create_graph=True)
        (g,) = grad(y, x, create_graph=True)
    close(first, [4.0])
    close(grad(g, x)[0], [2.0])


def test_what_a_sweep_records_bears_the_line_that_asked_for_it() -> None:
    """No code of another library, which is not the user's either, stands between."""
    x = leaf([1.0, 2.0])
    (g,) = grad((x.tanh() * x).sum(), x, create_graph=True)
    (t,) = jvp((x.tanh() * x).sum(), x, tg.ones(2, dtype=tg.float64), create_graph=True)
    nodes = reachable([node_of(g), node_of(t)])
    assert len(nodes) > 8
    assert {n.place[0].co_filename for n in nodes if n.place is not None} == {__file__}
