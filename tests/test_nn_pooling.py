"""Pooling: by definition, by finite differences, and beside PyTorch."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.graph import Graph
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import same_call, same_module

F = tg.nn.functional


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_a_maximum_sends_its_gradient_to_the_first_of_equal_elements():
    x = tg.ones(1, 1, 2, 4, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]]


def test_padding_is_never_the_maximum():
    x = -1 - tg.arange(4.0).reshape(1, 1, 2, 2)
    assert F.max_pool2d(x, 2, 2, 1).tolist() == [[[[-1.0, -2.0], [-3.0, -4.0]]]]


def test_averages_and_maxima_of_tiles_are_those_of_a_reshaped_image():
    x = numbers(2, 3, 4, 6)
    tiles = x.reshape(2, 3, 2, 2, 3, 2)
    np.testing.assert_allclose(F.avg_pool2d(tg.tensor(x), 2).numpy(), tiles.mean((3, 5)), rtol=1e-12)
    assert (F.max_pool2d(tg.tensor(x), 2).numpy() == tiles.max((3, 5))).all()


def test_a_batch_without_images_has_no_maxima():
    assert F.max_pool2d(tg.ones(0, 3, 5, 5), 2).shape == (0, 3, 2, 2)
    assert F.adaptive_max_pool2d(tg.ones(0, 3, 5, 5), 3).shape == (0, 3, 3, 3)


def test_the_last_nan_of_a_window_is_its_maximum():
    x = tg.tensor([[float("nan"), 2.0, float("nan"), 9.0], [float("inf"), 1.0, -float("inf"), float("inf")]])
    y, places = F.max_pool1d(x.reshape(2, 1, 4), 4, return_indices=True)
    assert tg.isnan(y).flatten().tolist() == [True, False]
    assert places.flatten().tolist() == [2, 0]


POOLS = [
    lambda x: F.max_pool2d(x, 2, 1, 1), lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
    lambda x: F.adaptive_avg_pool2d(x, 1), lambda x: F.adaptive_avg_pool2d(x, (2, 5)),
    lambda x: F.adaptive_avg_pool2d(x, (2, 3)), lambda x: F.adaptive_max_pool2d(x, (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_gradients_of_two_orders_agree_with_differences(pool):
    x = tg.tensor(np.random.default_rng(1).permutation(20).reshape(1, 1, 4, 5) / 4, requires_grad=True)
    assert gradcheck(lambda x: pool(x) ** 3, [x])
    assert gradgradcheck(lambda x: pool(x) ** 3, [x])


MAXIMA = [(2,), (3, 2), (3, 2, 1), (2, 1, 1, 2), (3, 2, 1, 1, True), (2, 2, 0, 1, True), (2, 3, 1, 1, True)]


@pytest.mark.parametrize("settings", MAXIMA, ids=str)
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("lead", [(2,), ()], ids=["batch", "single"])
def test_maxima_agree_with_pytorch(n, settings, lead):
    names = dict(zip(("kernel_size", "stride", "padding", "dilation", "ceil_mode"), settings, strict=False))
    x = numbers(*lead, 3, *(7, 8)[:n])
    same_call(lambda lib, x: getattr(lib.nn.functional, f"max_pool{n}d")(x, **names, return_indices=True), x)


AVERAGES = [(2,), (3, 2, 1), (3, 2, 1, True), (3, 2, 1, False, False), (3, 2, 1, True, False), (2, 3, 1, True, True)]


@pytest.mark.parametrize("settings", AVERAGES, ids=str)
@pytest.mark.parametrize("n", [1, 2])
def test_averages_agree_with_pytorch(n, settings):
    same_call(lambda lib, x: getattr(lib.nn.functional, f"avg_pool{n}d")(x, *settings), numbers(2, 3, *(7, 8)[:n]))


def test_a_divisor_of_ones_own_agrees_with_pytorch():
    same_call(lambda lib, x: lib.nn.functional.avg_pool2d(x, 2, divisor_override=3), numbers(2, 3, 4, 4))


@pytest.mark.parametrize("size", [1, 3, (2, 5), (None, 4), (7, 2), (1, 8), (9, 3)], ids=str)
def test_adaptive_pooling_agrees_with_pytorch(size):
    x = numbers(2, 3, 7, 8)
    same_call(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, size), x)
    same_call(lambda lib, x: lib.nn.functional.adaptive_max_pool2d(x, size, return_indices=True), x)


def test_windows_of_one_size_are_averaged_at_once():
    def ops(size):
        graph = Graph.trace(lambda x: F.adaptive_avg_pool2d(x, size), tg.ones(2, 3, 6, 8))
        return [node.op for node in graph.nodes if not node.is_leaf]

    assert (ops(1), ops((3, 4))) == (["mean"], ["reshape", "mean"])
    x = tg.tensor([[[1.0, float("inf"), 2.0, 4.0]]])
    assert F.adaptive_avg_pool1d(x, 2).tolist() == [[[float("inf"), 3.0]]]


MODULES = [
    lambda nn: nn.MaxPool2d(3, 2, 1), lambda nn: nn.AvgPool2d(2), lambda nn: nn.AdaptiveAvgPool2d((2, None)),
    lambda nn: nn.AdaptiveMaxPool2d(2, return_indices=True),
]  # fmt: skip


@pytest.mark.parametrize("make", MODULES)
def test_modules_agree_with_pytorch(make):
    same_module(make, numbers(2, 3, 7, 6))


@pytest.mark.parametrize("name", ["MaxPool1d", "AvgPool1d", "AdaptiveAvgPool1d", "AdaptiveMaxPool1d"])
def test_modules_of_one_axis_agree_with_pytorch(name):
    same_module(lambda nn: getattr(nn, name)(2), numbers(2, 3, 7))


ERRORS = [
    (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), 2, padding=2), "pad should be at most half of effective kernel size"),
    (
        lambda: F.avg_pool2d(tg.ones(1, 1, 2, 2), (3, 1)),
        r"Given input size: \(1x2x2\). Calculated output size: \(1x0x2\). Output size is too small",
    ),
    (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), 2, 0), "stride should be greater than zero, but got 0"),
    (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), 2, dilation=0), "dilation should be greater than zero, but got 0"),
    (lambda: F.max_pool2d(tg.ones(1, 1, 4, 4), (1, 2, 3)), "expected kernel_size to be a single integer value or a"),
    (lambda: F.max_pool1d(tg.ones(4), 2), r"Expected 2D \(unbatched\) or 3D \(batched\) input to max_pool1d"),
    (lambda: F.avg_pool2d(tg.ones(1, 1, 4, 4), 2, divisor_override=0), "divisor must be not zero"),
]


@pytest.mark.parametrize(("call", "words"), ERRORS)
def test_errors_speak_as_pytorch_does(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()
