"""Checkpoints whose function is not the same when it is run again: right, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.utils.checkpoint import CheckpointError, checkpoint

MODES = pytest.mark.parametrize("reentrant", [True, False, None])


def ones(n: int = 4) -> Any:
    return tg.ones(n, n, requires_grad=True)


def by_eval() -> tuple[Callable[..., Any], Callable[[], Any]]:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    return net, net.eval


def by_train() -> tuple[Callable[..., Any], Callable[[], Any]]:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    return net, net.train


def by_list() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [1.0]
    return (lambda a: a * a * k[0]), lambda: k.__setitem__(0, 5.0)


def by_constant() -> tuple[Callable[..., Any], Callable[[], Any]]:
    c = tg.ones(4)
    return (lambda a: a * c), lambda: c.mul_(2)


def by_one_number() -> tuple[Callable[..., Any], Callable[[], Any]]:
    c = np.ones((4, 4), np.float32)
    return (lambda a: a * tg.tensor(c)), lambda: c.__setitem__((3, 3), 1.01)


def by_order() -> tuple[Callable[..., Any], Callable[[], Any]]:
    c = np.arange(16.0, dtype=np.float32).reshape(4, 4)
    return (lambda a: a * tg.tensor(c)), lambda: c.__setitem__(slice(None), c[::-1].copy())


def by_nan() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [1.0]
    return (lambda a: a * k[0]), lambda: k.__setitem__(0, float("nan"))


def by_infinity() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [float("inf")]
    return (lambda a: a * k[0]), lambda: k.__setitem__(0, float("-inf"))


def by_shape() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [4]
    return (lambda a: a[: k[0]]), lambda: k.__setitem__(0, 3)


def by_dtype() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [tg.float32]
    return (lambda a: a.to(k[0]) * 1), lambda: k.__setitem__(0, tg.float64)


def by_number() -> tuple[Callable[..., Any], Callable[[], Any]]:
    k = [2]
    return (lambda a: [a * i for i in range(1, 1 + k[0])]), lambda: k.__setitem__(0, 3)


KINDS = [
    by_eval, by_train, by_list, by_constant, by_one_number, by_order, by_nan, by_infinity, by_shape, by_dtype,
    by_number,
]  # fmt: skip


@MODES
@pytest.mark.parametrize("kind", KINDS)
def test_a_function_that_has_changed_is_refused(kind: Any, reentrant: bool | None) -> None:
    function, change = kind()
    y = checkpoint(function, ones(), use_reentrant=reentrant)
    change()
    with pytest.raises(CheckpointError, match=r"when it was run again in backward: .* must not depend on anything"):
        (y if isinstance(y, tg.Tensor) else y[0]).sum().backward()


@MODES
def test_another_dropout_mask_is_refused(reentrant: bool | None) -> None:
    y = checkpoint(nn.Dropout(0.5), ones(8), use_reentrant=reentrant, preserve_rng_state=False)
    with pytest.raises(CheckpointError, match="preserve_rng_state"):
        y.sum().backward()


@MODES
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 6e4, 0.0, 1e-7])
@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64, tg.complex64])
def test_numbers_of_all_kinds_equal_themselves(value: float, dtype: Any, reentrant: bool | None) -> None:
    x = tg.ones(130, dtype=dtype, requires_grad=True)
    y = checkpoint(lambda a: a.clone().index_fill(0, tg.tensor([3, 129]), value), x, use_reentrant=reentrant)
    y.backward(tg.ones_like(y))
    assert x.grad is not None


@pytest.mark.parametrize("shape", [(), (0,), (1,), (63,), (64,), (65,), (3, 0, 2)])
def test_every_size_is_compared(shape: tuple[int, ...]) -> None:
    steps: Iterator[int] = count(1)
    x = tg.ones(shape, requires_grad=True)
    checkpoint(lambda a: (a * 2).T if a.ndim == 2 else a * 2, x).sum().backward()
    assert (x.grad == 2).all()
    y = checkpoint(lambda a: a * next(steps), x)
    if x.numel():
        with pytest.raises(CheckpointError, match="output 0 its values changed"):
            y.sum().backward()


def test_rounding_is_no_change() -> None:
    steps: Iterator[int] = count()
    x = tg.ones(1000, requires_grad=True)
    checkpoint(lambda a: a * (1 + 1e-6 * next(steps)), x).sum().backward()
    assert tg.allclose(x.grad, tg.ones(1000))


@MODES
@pytest.mark.parametrize("tracked", [True, False])
def test_what_numpy_code_changes_in_an_argument_does_not_count(tracked: bool, reentrant: bool | None) -> None:
    a = np.array([2.0], dtype=np.float32)
    x, w = tg.from_numpy(a), tg.tensor([3.0], requires_grad=True)
    x.requires_grad_(tracked)
    y = checkpoint(lambda q, v: q * q * v, x, w, use_reentrant=reentrant)
    a[0] = -100
    y.sum().backward()
    assert w.grad.tolist() == [4.0]
    assert not tracked or x.grad.tolist() == [12.0]


def test_sums_beyond_the_dtype_are_compared() -> None:
    k = [1.0]
    x = tg.full((130,), 3e38, requires_grad=True)
    y = checkpoint(lambda a: a * k[0], x)
    y.backward(tg.ones(130), retain_graph=True)
    assert (x.grad == 1).all()
    k[0] = 0.5
    with pytest.raises(CheckpointError, match=r"values changed|other places"):
        y.backward(tg.ones(130))


def test_a_result_may_be_written() -> None:
    x = ones()
    checkpoint(lambda a: a * 2, x).mul_(5).sum().backward()
    assert (x.grad == 10).all()
