"""The fused forms of what is done row by row: each is its composition, in value, gradient and what lies behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.functions import composed
from tensorgrad.nn import functional as F  # noqa: N812 - as everybody calls it
from tensorgrad.nn.functional import attention, layernorm, normalization
from tensorgrad.ops import rowwise
from tensorgrad.testing import gradcheck, gradgradcheck

SHAPES = [(1, 1), (3, 1), (2, 5), (40, 7), (5, 40), (2, 3, 4), (9, 600), (7,)]


def values(*shape: int, dtype: str = "f8") -> Any:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(dtype)


def both(fused: Callable[..., Any], plain: Callable[..., Any], *arrays: Any) -> None:
    """Compare value and gradients, for a cotangent that is not the same everywhere."""
    found = []
    for function in (fused, plain):
        given = [tg.tensor(a, requires_grad=True) for a in arrays]
        y = function(*given)
        y.backward(tg.from_numpy(np.cos(np.arange(y.numel())).reshape(y.shape).astype(y.detach().numpy().dtype)))
        found.append((y, [x.grad for x in given]))
    (y, grads), (z, others) = found
    assert y.grad_fn is not None
    assert y.grad_fn.primitive is not None
    assert y.grad_fn.primitive.kind == "fused"
    bound = 2e-5 if arrays[0].dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), bound, bound)
    assert y.is_contiguous()
    for g, h in zip(grads, others, strict=True):
        np.testing.assert_allclose(g.numpy(), h.numpy(), bound, bound)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmaxes_are_their_compositions_along_every_axis(shape: tuple[int, ...], dtype: str) -> None:
    for axis in range(len(shape)):
        x = values(*shape, dtype=dtype) * 9
        both(lambda x, axis=axis: F.softmax(x, axis), lambda x, axis=axis: composed._softmax(x, axis=axis), x)
        both(lambda x, axis=axis: F.log_softmax(x, axis), lambda x, axis=axis: composed._log_softmax(x, axis=axis), x)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_weights_of_an_attention_are_their_composition_also_in_rows_of_nothing(
    shape: tuple[int, ...], dtype: str
) -> None:
    x = values(*shape, dtype=dtype) * 9
    both(attention._shares, attention._composed_shares, x)
    x[..., :2] = -np.inf  # the whole row where it is short
    both(attention._shares, attention._composed_shares, x)


def test_the_weights_of_an_attention_are_right_to_second_order() -> None:
    x = tg.tensor(values(2, 3), requires_grad=True)
    assert gradcheck(attention._shares, x)
    assert gradgradcheck(attention._shares, x)
    nothing = tg.full((2, 3), -np.inf, dtype=tg.float64, requires_grad=True)
    y = attention._shares(nothing)
    (g,) = tg.autograd.grad(y.sum(), nothing, create_graph=True)
    assert (y.tolist(), g.tolist()) == ([[0.0] * 3] * 2, [[0.0] * 3] * 2)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(2, 5), (40, 7), (2, 3, 4), (9, 600), (7,)], ids=str)
@pytest.mark.parametrize("parameters", [0, 1, 2])
def test_layer_norm_is_its_composition_with_and_without_parameters(
    shape: tuple[int, ...], dtype: str, parameters: int
) -> None:
    for axes in range(1, len(shape) + 1):
        last = shape[-axes:]
        given = [values(*shape, dtype=dtype) + 3, values(*last, dtype=dtype), values(*last, dtype=dtype) - 1]
        over = tuple(range(len(shape) - axes, len(shape)))
        both(
            lambda *a, last=last: F.layer_norm(a[0], last, *a[1:]),
            lambda *a, over=over: layernorm._layer_norm(*a, axes=over, eps=1e-5),
            *given[: parameters + 1],
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.softmax(x, -1),
        lambda x: F.softmax(x, 0),
        lambda x: F.log_softmax(x, -1),
        lambda x: F.log_softmax(x, 0),
        lambda x: F.layer_norm(x, (4,)),
        lambda x: F.layer_norm(x, (4,), x[0] * 2, x[1] + 1),
        lambda x: x[tg.tensor([2, 0, 2, -1])],
        lambda x: x[tg.tensor([2, 0, 2, -1]), tg.tensor([1, -1, 1, 0])],
    ],
)
def test_every_order_of_their_derivatives_is_right(function: Callable[..., Any]) -> None:
    x = tg.tensor(values(3, 4), requires_grad=True)
    assert gradcheck(function, x)
    assert gradgradcheck(function, x)
    tangent = tg.autograd.jvp(function(x), x, tg.tensor(values(3, 4)[::-1]))
    assert len(tangent) == 1


def test_a_softmax_knows_no_bounds() -> None:
    x = tg.tensor([[1e30, -1e30, 0.0], [-np.inf, 1.0, 1.0], [np.inf, 1.0, 2.0], [np.nan, 1.0, 2.0]] * 3)
    with np.errstate(invalid="ignore"):
        y, z = F.softmax(x, -1).numpy(), F.log_softmax(x, -1).numpy()
    assert y[0].tolist() == [1, 0, 0]
    assert y[1].tolist() == [0, 0.5, 0.5]
    assert np.isnan(y[2:4]).all()
    assert z[0, 0] == 0
    assert z[1, 0] == -np.inf
    assert np.isnan(z[2:4]).all()


def test_layer_norm_of_equal_numbers_is_nothing_and_of_large_ones_as_of_small_ones() -> None:
    assert F.layer_norm(tg.full((3, 7), 0.1), (7,)).abs().max().item() == 0
    x = values(4, 6, dtype="f4")
    plain = F.layer_norm(tg.from_numpy(x), (6,), eps=0.0)
    for unit in (2.0**100, 2.0**-100):
        scaled = tg.tensor(x * np.float32(unit), requires_grad=True)
        y = F.layer_norm(scaled, (6,), eps=0.0)
        assert tg.allclose(y, plain, atol=1e-6)
        y[0, 0].backward()
        assert scaled.grad is not None
        assert scaled.grad.isfinite().all()


FUNCTIONS = [F.softmax, F.log_softmax, lambda x, _: F.layer_norm(x, (4,))]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["softmax", "log_softmax", "layer_norm"])
def test_a_value_that_is_written_before_its_gradient_is_right_or_refused(function: Callable[..., Any]) -> None:
    x = tg.tensor(values(3, 4), requires_grad=True)
    weight = tg.tensor(values(3, 4)[::-1])
    (function(x, -1) * weight).sum().backward()
    expected, x.grad = x.grad, None
    y = function(x * 1, -1)
    total = (y * weight).sum()
    y.mul_(2)
    if function is F.log_softmax:  # which reads what is not its value
        total.backward()
        assert tg.allclose(x.grad, expected)
    else:
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            total.backward()


@pytest.mark.parametrize("function", FUNCTIONS, ids=["softmax", "log_softmax", "layer_norm"])
def test_an_argument_may_be_written_before_the_gradient_but_not_before_a_second_order(
    function: Callable[..., Any],
) -> None:
    x = tg.tensor(values(3, 4), requires_grad=True)
    (expected,) = tg.autograd.grad(function(x, -1)[0, 1], x)
    h = x * 1
    y = function(h, -1)[0, 1]
    h.mul_(2)
    (found,) = tg.autograd.grad(y, x, retain_graph=True)
    assert tg.allclose(found, expected)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        tg.autograd.grad(y, x, create_graph=True)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 3)], ids=str)
@pytest.mark.parametrize("index", [np.array([5, 0, 5, 5, -1, -6]), np.array([[1, 1], [-2, 0]]), np.array([], np.int64)])
def test_a_gather_adds_what_comes_back(dtype: str, shape: tuple[int, ...], index: Any) -> None:
    x = tg.tensor(values(*shape, dtype=dtype), requires_grad=True)
    y = x[tg.from_numpy(index)]
    assert np.array_equal(y.detach().numpy(), x.detach().numpy()[index])
    g = values(*y.shape, dtype=dtype)
    y.backward(tg.from_numpy(g))
    expected = np.zeros(shape)
    np.add.at(expected, index, g.astype("f8"))
    assert x.grad is not None
    np.testing.assert_allclose(
        x.grad.numpy(), expected, 3e-3 if dtype == "f2" else 1e-6, 1e-3 if dtype == "f2" else 1e-6
    )


@pytest.mark.parametrize("kind", ["i1", "i4", "i8"])
def test_positions_of_several_axes_add_in_the_same_order_as_numpy(kind: str) -> None:
    first, second = np.array([[3, -1], [3, 0]], kind), np.array([0, -2], kind)
    g, expected = values(2, 2, 5, dtype="f4"), np.zeros((4, 3, 5), "f4")
    np.add.at(expected, (first, second), g)
    assert np.array_equal(tg.ops.scatter(g, index=(first, second), shape=(4, 3, 5)), expected)


@pytest.mark.parametrize("shape", [(300, 3), (3, 300), (64, 2, 3), (2, 700), (1, 1)], ids=str)
def test_sums_and_maxima_of_rows_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    x = values(*shape, dtype="f4")
    assert np.array_equal(rowwise.row_maxima(x), x.max(-1, keepdims=True))
    x[0, ..., 0] = np.nan
    assert np.array_equal(rowwise.row_maxima(x), x.max(-1, keepdims=True), equal_nan=True)
    x[0, ..., 0] = 1
    sums = x.astype("f8").sum(-1, keepdims=True)
    assert np.abs(rowwise.row_sums(x) - sums).max() <= 1e-6 * np.abs(x).sum(-1).max()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((1000, 50), 0), ((10, 200, 33), 1), ((15, 2000), 0), ((16, 1024), -2)], ids=str
)
def test_tall_running_sums_are_those_of_doubles(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    x, g = values(*shape, dtype=dtype), values(*shape[::-1], dtype=dtype).reshape(shape)
    t = tg.tensor(x, requires_grad=True)
    y = t.cumsum(axis)
    assert y.is_contiguous()
    expected = np.cumsum(x, axis, dtype="f8").astype(dtype)
    assert np.array_equal(y.detach().numpy(), expected)
    y.backward(tg.from_numpy(g))
    back = np.flip(np.cumsum(np.flip(g, axis), axis, dtype="f8"), axis).astype(dtype)
    assert t.grad is not None
    np.testing.assert_allclose(t.grad.numpy(), back, 1e-3 if dtype == "f2" else 1e-6, 1e-3 if dtype == "f2" else 1e-6)
    spoilt = x.copy()
    spoilt[(slice(None),) * (axis % x.ndim) + (3,)] = np.inf
    sums = np.cumsum(spoilt, axis, dtype="f8").astype(dtype)
    assert np.array_equal(tg.tensor(spoilt).cumsum(axis).numpy(), sums)


IMAGES = [(2, 3, 4), (3, 1, 1), (7, 5, 6, 6), (2, 3, 700), (600, 2, 3), (2, 3, 2, 3, 4)]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", IMAGES, ids=str)
def test_a_normalisation_of_channels_is_its_composition(shape: tuple[int, ...], dtype: str) -> None:
    weight, bias = values(shape[1], 1, dtype=dtype)[:, 0], values(shape[1], 2, dtype=dtype)[:, 0]
    for x in (values(*shape, dtype=dtype) * 3 + 5, np.moveaxis(values(*shape[::-1], dtype=dtype), -1, 0)):
        whole = x if x.shape[1] == shape[1] else x.reshape(shape)
        both(
            lambda x, w, b: normalization.standardized(x, w, b, 1e-5)[0],
            lambda x, w, b: normalization._channel_norm(x, w, b, eps=1e-5),
            whole,
            weight,
            bias,
        )


def test_a_normalisation_of_channels_is_right_to_second_order_and_in_its_statistics() -> None:
    x, weight, bias = (tg.tensor(values(*s), requires_grad=True) for s in ((3, 2, 4), (2,), (2,)))
    assert gradcheck(lambda *xs: normalization.standardized(*xs, 1e-5)[0], (x, weight, bias))
    assert gradgradcheck(lambda *xs: normalization.standardized(*xs, 1e-5)[0], (x, weight, bias))
    _, mean, variance = normalization.standardized(x, weight, bias, 1e-5)
    np.testing.assert_allclose(mean, x.detach().numpy().mean((0, 2)), 1e-13)
    np.testing.assert_allclose(variance, x.detach().numpy().var((0, 2)), 1e-13)


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_channels_whose_squares_leave_the_dtype_are_normalised_by_the_composition(scale: float) -> None:
    x = tg.tensor(values(4, 2, 8, dtype="f4"))
    ones = tg.ones(2)
    wanted = F.batch_norm(x, None, None, ones, ones, training=True, eps=1e-12)
    found = F.batch_norm(x * scale, None, None, ones, ones, training=True, eps=1e-12 * min(scale, 1) ** 0.5)
    if scale > 1:
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), 1e-5, 1e-5)
    else:  # beside epsilon nothing is left of them, and nothing is lost
        np.testing.assert_allclose(found.numpy(), 1, 1e-5)


def test_equal_numbers_of_a_channel_are_normalised_to_nothing() -> None:
    x = tg.full((5, 2, 3, 3), 0.1, requires_grad=True)
    y = F.batch_norm(x, None, None, tg.tensor([2.0, 3.0]), tg.tensor([7.0, 8.0]), training=True)
    assert (y.detach().numpy() == np.array([7.0, 8.0], np.float32)[:, None, None]).all()
