"""The sweeps as users call them: backward, grad, jvp, derivatives of any order, modes, and what may never go wrong."""

from __future__ import annotations

import itertools
import math
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import backward, grad, jvp
from tensorgrad.composed import logsigmoid, softplus
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tensorgrad.nn.functional import cross_entropy
from tests.waiting import CEILING

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
RNG = np.random.default_rng


def close(found: Any, wanted: Any, rtol: float = 1e-12, atol: float = 0.0) -> None:
    """The values are finite, and equal; the shapes are too."""
    found, wanted = (np.asarray(v.detach() if isinstance(v, tg.Tensor) else v) for v in (found, wanted))
    assert found.shape == wanted.shape
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, equal_nan=False)


def leaf(data: Any, dtype: Any = tg.float64) -> tg.Tensor:
    return tg.tensor(data, dtype=dtype, requires_grad=True)


def grad_of(x: tg.Tensor) -> np.ndarray:
    assert x.grad is not None
    assert x.grad.shape == x.shape
    assert x.grad.dtype == x.dtype
    return x.grad.detach().numpy()


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


# --- what a sweep asks ------------------------------------------------------------------------------------------------


def test_a_second_backward_raises_and_retain_graph_allows_it() -> None:
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    close(grad_of(x), [4.0, 8.0])
    with pytest.raises(
        AutogradError, match=r"(?s)Trying to backward through the graph a second time.*retain_graph=True"
    ):
        y.backward()
    with pytest.raises(RuntimeError):
        grad(y, x)
    with pytest.raises(RuntimeError):
        jvp(y, x, tg.ones(2, dtype=tg.float64))
    close(grad_of(x), [4.0, 8.0])


def test_a_second_backward_through_a_shared_part_raises() -> None:
    x = leaf([1.0])
    shared = x.exp()
    first, second = (shared * 2).sum(), (shared * 3).sum()
    first.backward()
    with pytest.raises(AutogradError, match="exp"):
        second.backward()


def test_backward_of_several_elements_needs_a_gradient_of_that_shape() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(AutogradError, match=r"grad can be implicitly created only for scalar outputs.*\(2,\)"):
        (x * 2).backward()
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        (x * 2).backward(tg.ones(3))
    assert x.grad is None
    (x * 2).backward(tg.tensor([1.0, 10.0]))
    close(grad_of(x), [2.0, 20.0])
    (x * 2).backward(gradient=np.array([1.0, 1.0]))
    close(grad_of(x), [4.0, 22.0])
    y = leaf([[3.0]])
    (y * 2).backward()
    close(grad_of(y), [[2.0]])


def test_backward_of_a_constant_raises() -> None:
    for y in (tg.ones(1), tg.ones(1) * 2, leaf([1.0]).detach()):
        with pytest.raises(AutogradError, match="does not require grad and does not have a grad_fn"):
            y.backward()
    with tg.no_grad():
        y = leaf([1.0]) * 2
    with pytest.raises(AutogradError, match="no_grad"):
        y.backward()


def test_grad_of_an_unused_input_raises_or_gives_none_or_zeros() -> None:
    x, unused = leaf([1.0, 2.0]), leaf([[3.0]])
    with pytest.raises(AutogradError, match="allow_unused=True"):
        grad((x * x).sum(), (x, unused))
    g, nothing = grad((x * x).sum(), (x, unused), allow_unused=True)
    assert nothing is None
    close(g, [2.0, 4.0])
    g, zeros = grad((x * x).sum(), (x, unused), materialize_grads=True)
    close(zeros, [[0.0]])
    assert (x.grad, unused.grad) == (None, None)
    with pytest.raises(AutogradError, match="does not require grad"):
        grad((x * x).sum(), tg.ones(2))


def test_grad_by_an_intermediate_result_and_by_the_output_itself() -> None:
    x = leaf([1.0, 2.0])
    h = x * 3
    y = (h * h).sum()
    gx, gh, gy = grad(y, (x, h, y))
    close(gh, [6.0, 12.0])
    close(gx, [18.0, 36.0])
    close(gy, 1.0)


def test_grad_of_several_outputs_adds_them_up() -> None:
    x = leaf([1.0, 2.0])
    a, b = x * 2, (x * x).sum()
    (g,) = grad([a, b], x, grad_outputs=[tg.tensor([1.0, 1.0]), tg.tensor(10.0)])
    close(g, [22.0, 42.0])
    backward([(x * 2).sum(), (x * 3).sum()])
    close(grad_of(x), [5.0, 5.0])
    y = (x * x).sum()
    (twice,) = grad([y, y], x)
    close(twice, [4.0, 8.0])
    with pytest.raises(AutogradError, match="2 outputs and 1 gradients"):
        grad([x * 2, x * 3], x, grad_outputs=[tg.ones(2)])


def test_gradients_accumulate_until_they_are_forgotten() -> None:
    x = leaf([1.0, 2.0])
    for n in (1, 2, 3):
        (x * x).sum().backward()
        close(grad_of(x), [2.0 * n, 4.0 * n])
    x.grad = None
    (x * 5).sum().backward()
    close(grad_of(x), [5.0, 5.0])


def test_backward_with_inputs_fills_only_those() -> None:
    x, y = leaf([1.0]), leaf([2.0])
    (x * y).sum().backward(inputs=[x])
    close(grad_of(x), [2.0])
    assert y.grad is None


def test_backward_with_a_result_as_input_fills_its_gradient() -> None:
    x = leaf([1.0])
    y = x * 2
    (y * 3).sum().backward(inputs=[y])
    close(grad_of(y), [3.0])
    assert x.grad is None


def test_only_leaves_and_retained_results_get_a_gradient() -> None:
    x = leaf([1.0])
    y = x * 2
    z = y * 3
    z.retain_grad()
    (z * 5).sum().backward()
    close(grad_of(x), [30.0])
    close(grad_of(z), [5.0])
    assert y.grad is None
    with pytest.raises(AutogradError, match="retain_grad"):
        tg.ones(1).retain_grad()


def test_what_is_detached_or_a_constant_gets_no_gradient() -> None:
    x, c = leaf([2.0]), tg.tensor([3.0])
    (x * x.detach() * c).sum().backward()
    close(grad_of(x), [6.0])
    assert c.grad is None


def test_a_leaf_frozen_after_recording_receives_nothing_when_used_anew() -> None:
    x = tg.tensor([1.0])
    y = x * 2
    x.requires_grad = True
    z = (x * y).sum()
    z.backward()
    close(grad_of(x), np.array([2.0], np.float32))


# --- shapes, dtypes, memory -------------------------------------------------------------------------------------------

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


# --- cost -------------------------------------------------------------------------------------------------------------


def test_a_repeated_operand_counts_each_time() -> None:
    x = leaf([3.0])
    (x * x).sum().backward()
    close(grad_of(x), [6.0])
    y = leaf([3.0])
    (y * y * y - y - y + y / y).sum().backward()
    close(grad_of(y), [25.0])
    (second,) = grad(grad((y * y).sum(), y, create_graph=True)[0].sum(), y)
    close(second, [2.0])


def test_a_leaf_used_ten_thousand_times_gets_every_contribution() -> None:
    x = leaf([1.0, 2.0])
    total = x * 0
    for k in range(10_000):
        total = total + x * (k % 2)
    total.sum().backward()
    close(grad_of(x), [5000.0, 5000.0])


def test_sixty_doublings_are_linear_work() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward(retain_graph=True)
    close(grad_of(x), 2.0**60)
    (tangent,) = jvp(y, x, tg.tensor(1.0))
    close(tangent, 2.0**60)


def test_a_product_repeated_sixty_times_is_linear_work() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y * y
    y.backward()
    close(grad_of(x), 2.0**60)


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


# --- modes ------------------------------------------------------------------------------------------------------------


def test_no_grad_and_enable_grad_nest_and_are_restored() -> None:
    x = leaf([1.0])
    assert tg.is_grad_enabled()
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        assert not (x * 2).requires_grad
        with tg.enable_grad():
            assert (x * 2).requires_grad
            with tg.no_grad():
                assert not (x * 2).requires_grad
        assert not tg.is_grad_enabled()
    assert (x * 2).requires_grad


def test_modes_are_decorators() -> None:
    x = leaf([1.0])

    @tg.no_grad()
    def without(scale: float, *, shift: float = 0.0) -> tg.Tensor:
        """Return a constant."""
        return x * scale + shift

    @tg.enable_grad()
    def with_graph() -> tg.Tensor:
        return x * 2

    assert (without.__name__, without.__doc__) == ("without", "Return a constant.")
    assert not without(2.0, shift=1.0).requires_grad
    assert without(2.0, shift=1.0).tolist() == [3.0]
    with tg.no_grad():
        assert with_graph().requires_grad
    assert tg.is_grad_enabled()


def test_no_grad_is_a_decorator_without_brackets_too() -> None:
    @tg.no_grad
    def enabled() -> bool:
        return tg.is_grad_enabled()

    assert enabled() is False


def test_a_decorated_function_may_call_itself() -> None:
    @tg.no_grad()
    def countdown(n: int) -> bool:
        return countdown(n - 1) if n else tg.is_grad_enabled()

    assert countdown(5) is False
    assert tg.is_grad_enabled()


def test_modes_are_restored_when_an_exception_passes() -> None:
    for mode in (tg.no_grad, tg.enable_grad):
        with pytest.raises(KeyError), mode():
            raise KeyError

    @tg.no_grad()
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert tg.is_grad_enabled()
    guard = tg.no_grad()
    for _ in range(2):
        with guard, guard:
            assert not tg.is_grad_enabled()
    assert tg.is_grad_enabled()


def test_every_thread_has_its_own_mode() -> None:
    seen: list[bool] = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append((leaf([1.0]) * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]

    inside, release, results = threading.Event(), threading.Event(), []

    def stay_without() -> None:
        with tg.no_grad():
            inside.set()
            release.wait(CEILING)
            results.append(tg.is_grad_enabled())

    thread = threading.Thread(target=stay_without)
    thread.start()
    assert inside.wait(CEILING)
    assert tg.is_grad_enabled()
    release.set()
    thread.join()
    assert results == [False]


def test_threads_that_train_at_once_get_their_own_gradients() -> None:
    found: dict[int, np.ndarray] = {}

    def train(k: int) -> None:
        x = leaf(np.full(50, 0.5 + k))
        for _ in range(30):
            y = x
            for _ in range(10):
                y = y * 1.01 + x
            (y * y).sum().backward()
            with tg.no_grad():
                tg.zeros(3).add_(1.0)
        found[k] = x.grad.numpy()

    threads = [threading.Thread(target=train, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    factor = sum(1.01**i for i in range(11))
    for k in range(4):
        close(found[k], np.full(50, 30 * 2 * factor**2 * (0.5 + k)), 1e-10)


def test_operations_on_constants_record_nothing() -> None:
    y = tg.ones(3) * 2 + 1
    assert (y.grad_fn, y.requires_grad, y.is_leaf) == (None, False, True)
    for constant in (leaf([1.0]) > 0, leaf([1.0]).floor(), leaf([1.0]).argmax(), leaf([1.0]).sign()):
        assert not constant.requires_grad


# --- failures leave the engine usable ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fail",
    [
        lambda x: x + tg.ones(7),
        lambda x: x @ tg.ones(7),
        lambda x: x.reshape(5),
        lambda x: x[9],
        lambda x: (x * 2).backward(),
        lambda x: x.add_(1),
        lambda x: x.sum(3),
        lambda x: x + "a",
        lambda x: grad((x * x).sum(), leaf([1.0])),
        lambda x: tg.cat([x, tg.ones(1, 1)]),
        lambda x: [(x * x).sum()] * 2 and _twice((x * x).sum()),
    ],
)
def test_a_failed_call_leaves_the_engine_usable(fail: Callable[[tg.Tensor], Any]) -> None:
    x = leaf([1.0, 2.0, 3.0])
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)):
        fail(x)
    x.grad = None
    assert tg.is_grad_enabled()
    assert x.tolist() == [1.0, 2.0, 3.0]
    (x * x).sum().backward()
    close(grad_of(x), [2.0, 4.0, 6.0])


def _twice(y: tg.Tensor) -> None:
    y.backward()
    y.backward()


def test_a_backward_that_fails_midway_fills_no_gradient() -> None:
    x, w = leaf([1.0]), leaf([2.0])
    h = x.exp()
    y = (h * w).sum()
    with tg.no_grad():
        h.mul_(2.0)
    with pytest.raises(InPlaceError):
        y.backward()
    assert (x.grad, w.grad) == (None, None)


# --- kinks: the table of reliability.md -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "at", "wanted"),
    [
        (lambda x: x.relu(), [0.0, -0.0, 1.0, -1.0], [0.0, 0.0, 1.0, 0.0]),
        (lambda x: x.abs(), [0.0, -0.0, 2.0, -2.0], [0.0, 0.0, 1.0, -1.0]),
        (lambda x: abs(x), [0.0], [0.0]),
        (lambda x: x.max(), [1.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
        (lambda x: x.min(), [1.0, 1.0, 1.0, 3.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
        (lambda x: x.max(0).values, [1.0, 3.0, 3.0], [0.0, 1.0, 0.0]),
        (lambda x: x.amax(0), [1.0, 3.0, 3.0], [0.0, 0.5, 0.5]),
        (lambda x: x.clamp(-1.0, 1.0), [-1.0, 1.0, 0.0, 2.0, -2.0], [1.0, 1.0, 1.0, 0.0, 0.0]),
        (lambda x: x.clamp(min=0.0), [0.0, -1.0], [1.0, 0.0]),
        (lambda x: x.sign(), [0.0], None),
        (lambda x: x**2, [0.0], [0.0]),
        (lambda x: x**1, [0.0], [1.0]),
        (lambda x: x**0, [0.0, 2.0], [0.0, 0.0]),
        (lambda x: x ** tg.tensor([2.0, 1.0, 0.0]), [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (lambda x: tg.where(x > 0, x, -x), [0.0, 2.0, -2.0], [-1.0, 1.0, -1.0]),
    ],
)
def test_at_a_kink_the_derivative_is_the_one_of_the_table(function: Any, at: Any, wanted: Any) -> None:
    x = leaf(at)
    y = function(x)
    if wanted is None:
        assert not y.requires_grad
        return
    y.sum().backward()
    close(grad_of(x), wanted)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_at_a_tie_maximum_and_minimum_give_half_to_each(name: str) -> None:
    x, y = leaf([1.0, 2.0, 5.0]), leaf([1.0, 3.0, 4.0])
    getattr(tg, name)(x, y).sum().backward()
    wins = [0.5, 0.0, 1.0] if name == "maximum" else [0.5, 1.0, 0.0]
    close(grad_of(x), wins)
    close(grad_of(y), [1 - v for v in wins])
    z = leaf([0.0])
    getattr(tg, name)(z, 0.0).sum().backward()
    close(grad_of(z), [0.5])


@pytest.mark.parametrize(
    ("behind", "at", "wanted"),
    [
        (lambda x: x.sqrt(), [0.0, 4.0], [0.0, 0.25]),
        (lambda x: x.log(), [0.0, 4.0], [0.0, 0.25]),
        (lambda x: 1 / x, [0.0, 2.0], [0.0, -0.25]),
    ],
    ids=["sqrt", "log", "reciprocal"],
)
def test_what_a_mask_hides_does_not_poison_the_gradient(behind: Any, at: Any, wanted: Any) -> None:
    x = leaf(at)
    with np.errstate(all="ignore"):
        tg.where(x > 0, behind(x), 0.0).sum().backward()
    close(grad_of(x), wanted)


# --- finite where the truth is finite ---------------------------------------------------------------------------------

EXTREME = [-1e4, -1e3, -100.0, -20.0, -1.0, 0.0, 1.0, 20.0, 100.0, 1e3, 1e4]
STABLE: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "sigmoid": lambda x: x.sigmoid(),
    "softplus": softplus,
    "logsigmoid": logsigmoid,
    "tanh": lambda x: x.tanh(),
    "logsumexp": lambda x: x.logsumexp(0),
    "logsumexp_of_pairs": lambda x: tg.stack([x, -x]).logsumexp(0),
    "softmax": lambda x: x.softmax(0),
    "log_softmax": lambda x: tg.stack([x, x * 0, -x]).log_softmax(0) * tg.tensor([[0.3], [0.5], [0.2]]),
    "cross_entropy": lambda x: cross_entropy(
        tg.stack([x, x * 0, -x], 1), tg.tensor([0, 1, 2] * 3 + [0, 1]), reduction="none"
    ),
    "soft_cross_entropy": lambda x: cross_entropy(
        tg.stack([x, -x], 1), tg.tensor([[0.25, 0.75]] * len(EXTREME)), reduction="none"
    ),
    "logaddexp": lambda x: x.logaddexp(-x),
}


@pytest.mark.parametrize("name", STABLE)
def test_value_and_two_derivatives_are_finite_and_silent_at_plus_minus_ten_thousand(name: str) -> None:
    x = leaf(EXTREME, tg.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = STABLE[name](x)
        factor = tg.tensor(RNG(13).normal(size=y.shape), dtype=tg.float32)
        (first,) = grad((y * factor).sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x, retain_graph=True)
    for value in (y, first, second):
        assert value.dtype == tg.float32
        assert np.isfinite(value.detach().numpy()).all()


@pytest.mark.parametrize("name", STABLE)
def test_the_stable_functions_in_float32_follow_those_in_float64(name: str) -> None:
    results = []
    for dtype in (tg.float32, tg.float64):
        x = leaf(EXTREME, dtype)
        y = STABLE[name](x)
        (first,) = grad(y.sum(), x, create_graph=True)
        (second,) = grad(first.sum(), x)
        results.append([v.detach().numpy().astype(np.float64) for v in (y, first, second)])
    for low, high in zip(*results, strict=True):
        close(low, high, 1e-5, 2e-6)


def test_sigmoid_and_softplus_keep_their_relative_accuracy_in_the_tails() -> None:
    x = leaf([-80.0, -30.0, 30.0])
    close(x.sigmoid(), [math.exp(-80), math.exp(-30) / (1 + math.exp(-30)), 1 / (1 + math.exp(-30))], 1e-14)
    close(softplus(x), [math.exp(-80), math.log1p(math.exp(-30)), 30 + math.log1p(math.exp(-30))], 1e-14)
    x.sigmoid().sum().backward()
    close(grad_of(x)[:2], [math.exp(-80), math.exp(-30) / (1 + math.exp(-30)) ** 2], 1e-13)


def test_a_gradient_lies_in_memory_row_by_row() -> None:
    w = leaf(np.ones((3, 2)))
    (tg.tensor(np.ones((4, 2))) @ w.T).sum().backward()
    assert w.grad is not None
    assert w.grad.is_contiguous()
    assert w.grad.view(-1).tolist() == [4.0] * 6
    (g,) = grad((tg.tensor(np.ones((4, 2))) @ w.T).sum(), w)
    assert g.is_contiguous()


def test_grad_takes_pytorchs_arguments_and_refuses_what_it_does_not_do() -> None:
    x = leaf([1.0])
    (g,) = grad(x * 2, x, only_inputs=True, allow_unused=None)
    assert g.tolist() == [2.0]
    for settings in ({"only_inputs": False}, {"is_grads_batched": True}):
        with pytest.raises(ValueError, match="only_inputs=True and is_grads_batched=False"):
            grad(x * 2, x, **settings)


def test_log_softmax_keeps_its_digits_far_out() -> None:
    for size in (1.0, 1e4, 1e6):
        close(tg.tensor([size, size], dtype=tg.float32).log_softmax(0), [-math.log(2)] * 2, 1e-7)
    close(tg.tensor([-math.inf, 1e4]).log_softmax(0)[1], 0.0)


def test_the_slope_of_expm1_keeps_its_relative_accuracy() -> None:
    x = leaf([-40.0, -20.0, 1e-9])
    tg.expm1(x).sum().backward()
    close(grad_of(x), np.exp([-40.0, -20.0, 1e-9]), 1e-15)


def test_logsumexp_of_minus_infinity_is_minus_infinity_in_silence() -> None:
    assert tg.tensor([-math.inf, -math.inf]).logsumexp(0).item() == -math.inf
    assert tg.tensor([-math.inf, 1.0]).logsumexp(0).item() == 1.0
    assert tg.tensor([math.inf, 1.0]).logsumexp(0).item() == math.inf


@pytest.mark.parametrize("name", STABLE)
def test_the_stable_functions_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    functional = torch.nn.functional
    theirs: dict[str, Callable[[Any], Any]] = {
        "sigmoid": torch.sigmoid,
        "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),
        "logsigmoid": functional.logsigmoid,
        "tanh": torch.tanh,
        "logsumexp": lambda z: z.logsumexp(0),
        "logsumexp_of_pairs": lambda z: torch.stack([z, -z]).logsumexp(0),
        "softmax": lambda z: z.softmax(0),
        "log_softmax": lambda z: (
            torch.stack([z, z * 0, -z]).log_softmax(0) * torch.tensor([[0.3], [0.5], [0.2]], dtype=torch.float32)
        ),
        "cross_entropy": lambda z: functional.cross_entropy(
            torch.stack([z, z * 0, -z], 1), torch.tensor([0, 1, 2] * 3 + [0, 1]), reduction="none"
        ),
        "soft_cross_entropy": lambda z: functional.cross_entropy(
            torch.stack([z, -z], 1), torch.tensor([[0.25, 0.75]] * len(EXTREME)).double(), reduction="none"
        ),
        "logaddexp": lambda z: z.logaddexp(-z),
    }
    x, z = leaf(EXTREME), torch.tensor(EXTREME, dtype=torch.float64, requires_grad=True)
    y, w = STABLE[name](x), theirs[name](z)
    close(y, w.detach().numpy(), 1e-7, 1e-12)
    y.sum().backward()
    w.sum().backward()
    close(grad_of(x), z.grad.numpy(), 1e-7, 1e-12)
