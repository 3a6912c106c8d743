"""Pools and padding of volumes, norms of windows, maxima put back: PyTorch's, and plain definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import tensorgrad as tg
from tensorgrad.errors import DTypeError, RangeError, ShapeError
from tensorgrad.nn import functional
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import same_call, same_module

R = np.random.default_rng(13)
VOLUME = R.normal(size=(2, 3, 5, 4, 6))


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("MaxPool3d", (2,), {}), ("MaxPool3d", ((3, 2, 2), 1, 1), {"ceil_mode": True}), ("MaxPool3d", (2, 1, 0, 2), {}),
        ("AvgPool3d", (2,), {}), ("AvgPool3d", (3, 2, 1), {"ceil_mode": True, "count_include_pad": False}),
        ("AvgPool3d", (2,), {"divisor_override": 3}), ("AdaptiveAvgPool3d", ((2, None, 4),), {}),
        ("AdaptiveAvgPool3d", (3,), {}), ("AdaptiveMaxPool3d", (2,), {}), ("ReflectionPad3d", (1,), {}),
        ("ReplicationPad3d", ((1, 2, 0, 1, 2, 3),), {}), ("CircularPad3d", (2,), {}),
        ("LPPool3d", (2, 2), {}), ("LPPool3d", (4, (2, 3, 2), 2), {}),
    ],
)  # fmt: skip
def test_a_layer_of_volumes_is_pytorchs(name: str, arguments: Any, options: Any) -> None:
    same_module(lambda lib: getattr(lib, name)(*arguments, **options), VOLUME, order=1)


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"ceil_mode": True}], ids=str)
@pytest.mark.parametrize("p", [1, 2, 3.0])
def test_norms_of_windows_are_pytorchs(p: float, options: Any) -> None:
    positive = abs(VOLUME)  # a power of a number below zero is none
    same_module(lambda lib: lib.LPPool1d(p, 3, **options), positive[0, 0])
    same_module(lambda lib: lib.LPPool2d(p, (2, 3), **options), positive[0])


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"ceil_mode": True}], ids=str)
@pytest.mark.parametrize("p", [float("inf"), -float("inf")])
def test_norms_of_infinite_order_are_extremes_as_in_pytorch(p: float, options: Any) -> None:
    assert functional.lp_pool1d(tg.tensor([[[3.0, -5.0, 1.0, 2.0]]]), p, 2).tolist() == [
        [[5.0, 2.0] if p > 0 else [3.0, 1.0]]
    ]
    for n, x in ((1, VOLUME[0, 0]), (2, VOLUME[0]), (3, VOLUME)):
        same_module(lambda lib, n=n: getattr(lib, f"LPPool{n}d")(p, 2, **options), x, order=1)


@pytest.mark.parametrize("p", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_window_of_zeros_has_slopes_0_in_both_modes_and_orders(n: int, p: int) -> None:
    given = abs(R.normal(size=(1, 1, 4, 4, 4)[: n + 2]))
    given[:, :, :2] = 0.0

    def norms(lib: Any, x: Any) -> Any:
        return getattr(lib.nn.functional, f"lp_pool{n}d")(x, p, 2)

    same_call(norms, given)
    x, direction = tg.tensor(given), tg.tensor(R.normal(size=given.shape))

    def slope(x: tg.Tensor) -> tg.Tensor:
        return tg.func.grad(lambda x: (norms(tg, x) ** 2 + norms(tg, x)).sum())(x)

    value, along = tg.func.jvp(lambda x: norms(tg, x), (x,), (direction,))
    _, second = tg.func.jvp(slope, (x,), (direction,))
    for found in (value, along, slope(x), second):
        assert np.isfinite(found.numpy()).all()
        assert not found.numpy()[:, :, : found.shape[2] // 2].any()


@pytest.mark.parametrize(("n", "settings"), [(1, (2,)), (2, (2,)), (2, ((3, 2),)), (3, (2,)), (3, ((2, 1, 2), 2))])
def test_maxima_put_back_are_pytorchs_in_value_and_two_derivatives(n: int, settings: Any) -> None:
    x = R.normal(size=(2, 3, 8, 6, 4)[: n + 2])
    divides = settings == (2,)
    for rest in ((), (x.shape[2:],)) if divides else ((x.shape[2:],),):

        def call(lib: Any, x: Any, n: int = n, rest: Any = rest) -> Any:
            f = lib.nn.functional
            y, places = getattr(f, f"max_pool{n}d")(x, *settings, return_indices=True)
            layer = getattr(lib.nn, f"MaxUnpool{n}d")(*settings)
            return layer(y * y, places, *rest)

        same_call(call, x)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_a_pool_puts_each_maximum_where_it_was(size: int, count: int, seed: int) -> None:
    x = np.random.default_rng(seed).permutation(size * count * size * count).reshape(1, 1, size * count, -1) + 1.0
    y, places = functional.max_pool2d(tg.tensor(x), size, return_indices=True)
    back = functional.max_unpool2d(y, places, size).numpy()
    highest = x.reshape(count, size, count, size).max((1, 3))
    assert np.array_equal(back != 0, np.isin(x, highest))
    assert np.array_equal(back[back != 0], x[back != 0])


def test_of_a_place_that_is_named_twice_the_last_counts() -> None:
    x = tg.tensor([[[1.0, 2.0, 3.0]]], requires_grad=True)
    y = functional.max_unpool1d(x, tg.tensor([[[0, 0, 2]]]), 1, output_size=[3])
    assert y.tolist() == [[[2.0, 0.0, 3.0]]]
    assert tg.autograd.grad(y.sum(), x)[0].tolist() == [[[0.0, 1.0, 1.0]]]


def test_derivatives() -> None:
    x = tg.tensor(abs(R.normal(size=(1, 1, 2, 4))) + 0.1, requires_grad=True)
    assert gradcheck(lambda x: functional.lp_pool2d(x, 3, 2), x)
    assert gradgradcheck(lambda x: functional.lp_pool2d(x, 3, 2), x)
    assert gradgradcheck(lambda x: functional.max_unpool2d(x**3, tg.tensor([[[[0, 3, 5, 6], [8, 9, 12, 15]]]]), 2), x)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, i: functional.max_unpool1d(x, i + 4, 2), RangeError, "from 4 to 6, the output has 4 places"),
        (lambda x, i: functional.max_unpool1d(x, i.double(), 2), DTypeError, "found float64"),
        (lambda x, i: functional.max_unpool1d(x, i[0], 2), ShapeError, r"of the shape of the input, \[1, 1, 2\]"),
        (lambda x, i: functional.max_unpool1d(x, i, 2, output_size=[8]), ValueError, "must be between 2 and 6"),
        (lambda x, i: functional.max_unpool1d(x, i, 2, output_size=[]), ValueError, "1 to 3 elements"),
        (lambda x, i: functional.lp_pool1d(x, 0, 2), ValueError, "must not be 0"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(tg.ones(1, 1, 2), tg.tensor([[[0, 2]]]))
