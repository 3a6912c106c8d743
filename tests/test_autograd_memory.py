"""Shapes, dtypes and memory of gradients: broadcast sums, mixtures, nothing shared and nothing overwritten."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import grad, jvp
from tensorgrad.autograd.careful import _MOST_GRAPHS, _known_choices
from tensorgrad.errors import InPlaceError
from tests.values import RNG, close, grad_of, leaf

SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (4, 1, 3), (4, 2, 1), (0,), (0, 1), (1, 1, 1)]


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "maximum", "pow"])
def test_broadcasting_of_every_pair_of_shapes_sums_gradients_down(op: str) -> None:
    tested = 0
    for left, right in itertools.product(SHAPES, repeat=2):
        try:
            shape = np.broadcast_shapes(left, right)
        except ValueError:
            continue
        tested += 1
        a, b = RNG(2).uniform(0.5, 2, left), RNG(3).uniform(0.5, 2, right)
        x, y = leaf(a), leaf(b)
        z = getattr(tg, op)(x, y)
        assert z.shape == shape
        factor = RNG(4).normal(size=shape)
        z.backward(tg.tensor(factor))
        wide_a, wide_b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
        da, db = {
            "add": lambda u, v: (1, 1),
            "sub": lambda u, v: (1, -1),
            "mul": lambda u, v: (v, u),
            "div": lambda u, v: (1 / v, -u / v**2),
            "maximum": lambda u, v: (u > v, v > u),
            "pow": lambda u, v: (v * u ** (v - 1), u**v * np.log(u)),
        }[op](wide_a, wide_b)
        for leaf_, partial in ((x, da), (y, db)):
            full = factor * partial
            axes = tuple(range(len(shape) - leaf_.ndim))
            wanted = full.sum(axes)
            stretched = tuple(i for i, n in enumerate(leaf_.shape) if n == 1)
            close(grad_of(leaf_), wanted.sum(stretched, keepdims=True), 1e-12, 1e-14)
    assert tested > 60


@pytest.mark.parametrize("low", ["float16", "float32"])
@pytest.mark.parametrize("high", ["float32", "float64"])
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_have_the_dtype_of_their_leaf_in_mixtures(low: str, high: str, create_graph: bool) -> None:
    x, y = leaf([[1.0], [2.0]], low), leaf([3.0, 4.0], high)
    z = ((x * y) ** 2 + x.exp() + y.sin() + tg.cat([x.flatten(), y]).sum()).mean()
    z.backward(create_graph=create_graph)
    grad_of(x)
    grad_of(y)
    for leaf_, g in zip((x, y), grad((x * y).sum(), (x, y), create_graph=create_graph), strict=True):
        assert g.dtype == leaf_.dtype


def test_mixed_dtypes_give_right_values() -> None:
    x, y = leaf([1.5], tg.float32), leaf([2.5], tg.float64)
    (x * y * x).sum().backward()
    close(grad_of(x), np.array([7.5], np.float32), 1e-6)
    close(grad_of(y), [2.25])
    (second,) = jvp(x * y, (x, y), (tg.ones(1), tg.ones(1)))
    close(second, [4.0])


OUTPUTS: dict[str, Callable[[tg.Tensor, tg.Tensor], tg.Tensor]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "add_itself": lambda a, b: a + a + b,
    "reshape": lambda a, b: a.reshape(3, 1).reshape(3) + b.view(3),
    "cat": lambda a, b: tg.cat([a, b])[1:4],
    "expand": lambda a, b: a.expand(3) + b.expand(3),
    "where": lambda a, b: tg.where(tg.tensor([True, False, True]), a, b),
    "clone": lambda a, b: a.clone() + b,
    "float_to_same": lambda a, b: a.double() + b.double(),
    "slices": lambda a, b: a[:] + b[...],
    "sum_spread": lambda a, b: a.sum() + b.mean() + tg.zeros(3),
    "clamp": lambda a, b: a.clamp(min=-100) + b.relu(),
    "linear_combination": lambda a, b: a * 1 + b * 1,
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", OUTPUTS)
def test_gradients_share_no_memory_with_each_other_the_seed_or_an_input(name: str, create_graph: bool) -> None:
    a, b = leaf([1.0, 2.0, 3.0]), leaf([4.0, 5.0, 6.0])
    seed = tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64)
    y = OUTPUTS[name](a, b)
    y.backward(seed, create_graph=create_graph, retain_graph=True)
    results = [a.grad, b.grad, *grad(y, (a, b), seed, create_graph=create_graph, retain_graph=True)]
    arrays = [v.detach().numpy() for v in (*results, seed, a, b, y)]
    for (i, first), (j, second) in itertools.combinations(enumerate(arrays), 2):
        if j < 4 or i < 4:
            assert not np.shares_memory(first, second), f"value {i} shares the memory of value {j}"
    for g in results:
        assert g.detach().numpy().flags.writeable
    a.grad.detach().fill_(77.0)
    assert seed.tolist() == [1.0, 2.0, 3.0]
    assert 77.0 not in b.grad.tolist()


def test_a_retained_gradient_shares_no_memory_with_the_leafs() -> None:
    x = leaf([1.0, 2.0])
    y = x + 1
    y.retain_grad()
    (y * 2).sum().backward()
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())


def test_a_tangent_that_comes_back_shares_no_memory_with_the_one_given() -> None:
    x = leaf([1.0, 2.0])
    direction = tg.tensor([1.0, 2.0], dtype=tg.float64)
    for create_graph in (False, True):
        (result,) = jvp(x + 1, x, direction, create_graph=create_graph)
        assert not np.shares_memory(result.detach().numpy(), direction.numpy())


def test_a_gradient_accumulated_into_never_spoils_what_was_recorded_from_it() -> None:
    x = leaf([2.0])
    (x**3).sum().backward(create_graph=True)
    z = (x.grad**2).sum()  # (3 x**2)**2 = 9 x**4, so dz/dx = 36 x**3 = 288
    (x * 5).sum().backward()
    x.grad = None
    try:
        z.backward()
    except InPlaceError:
        return
    close(grad_of(x), [288.0])


def test_operations_and_backward_leave_their_inputs_unchanged() -> None:
    a, seed = RNG(5).normal(size=(3, 3)), RNG(6).normal(size=(3, 3))
    x, s = leaf(a), tg.tensor(seed)
    ((x @ x).tanh() * x.exp() + x.sum(0) - x.max()).backward(s)
    np.testing.assert_array_equal(x.detach().numpy(), a)
    np.testing.assert_array_equal(s.numpy(), seed)


def test_write_protected_inputs_serve_both_passes() -> None:
    a = RNG(7).normal(size=(3, 3))
    a.flags.writeable = False
    x = tg.from_numpy(a)
    x.requires_grad = True
    for _ in range(2):
        (x.exp().sum(0) + x[0] + x.T @ x).sum().backward()
    assert np.isfinite(grad_of(x)).all()


def test_non_contiguous_inputs_have_right_gradients() -> None:
    a = RNG(8).normal(size=(4, 6))
    x = tg.from_numpy(a.T[::2, ::-1])
    x.requires_grad = True
    (x.reshape(-1) * tg.tensor(np.arange(12.0))).sum().backward()
    close(grad_of(x), np.arange(12.0).reshape(3, 4))


def test_a_gradient_lies_in_memory_row_by_row() -> None:
    w = leaf(np.ones((3, 2)))
    (tg.tensor(np.ones((4, 2))) @ w.T).sum().backward()
    assert w.grad is not None
    assert w.grad.is_contiguous()
    assert w.grad.view(-1).tolist() == [4.0] * 6
    (g,) = grad((tg.tensor(np.ones((4, 2))) @ w.T).sum(), w)
    assert g.is_contiguous()


def test_what_graphs_are_made_of_is_remembered_without_what_the_user_wrote() -> None:
    class Twice(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
            return g * 2

    x = leaf([1.0, -1.0])
    for _ in range(_MOST_GRAPHS + 2):
        Twice.apply(x).relu().sum().backward()
        x.relu().sum().backward()
    kinds = {p.kind for graph in _known_choices for p in graph if p is not None}
    assert "elementwise" in kinds
    assert "function" not in kinds
    assert len(_known_choices) <= _MOST_GRAPHS
