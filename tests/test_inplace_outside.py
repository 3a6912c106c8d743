"""Writes by NumPy code outside to the memory of tensors: a gradient is right or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import AutogradError, InPlaceError
from tests.writing import leaf


def shared() -> tuple[np.ndarray, tg.Tensor]:
    a = np.array([1.0, 2.0])
    return a, tg.from_numpy(a).requires_grad_()


def test_a_value_saved_after_from_numpy_is_a_copy_so_that_the_gradient_is_right() -> None:
    a, x = shared()
    y = (x * x).sum()
    a[0] = 100.0
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]
    assert x.tolist() == [100.0, 2.0]


@pytest.mark.parametrize(
    "use",
    [lambda x: (x[:] * x.view(2)), lambda x: x.exp().mul(x), lambda x: x @ x, lambda x: x.view(2, 1) @ x.view(1, 2),
     lambda x: tg.nn.functional.linear(x.view(1, 2), x.view(1, 2)), lambda x: x.sin() / x],
)  # fmt: skip
def test_views_and_every_kind_of_operation_on_shared_memory_are_safe(use: Callable[[Any], Any]) -> None:
    a, x = shared()
    y = use(x).sum()
    expected = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    use(expected).sum().backward()
    a[:] = -50.0
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.grad.numpy(), rtol=1e-12, equal_nan=False)


@pytest.mark.parametrize(
    "hand", [lambda x: x.detach().numpy(), lambda x: np.asarray(x.detach()), lambda x: x.data.numpy()]
)
def test_a_write_through_an_array_handed_out_after_the_value_was_saved_is_detected(hand: Callable[[Any], Any]) -> None:
    x = leaf()
    y = (x * x).sum()
    array = hand(x)
    array[1] = 9.0
    assert x.tolist() == [1.0, 9.0]
    with pytest.raises(
        InPlaceError, match=r"NumPy code, through the array handed out by numpy\(\) at test_inplace_outside.py"
    ):
        y.backward()


def test_memory_exported_through_dlpack_is_watched_as_well() -> None:
    x = leaf()
    y = (x * x).sum()
    array = np.from_dlpack(x.detach())
    assert np.shares_memory(array, x.array)
    z = (x * x).sum()
    x.array.base[0] = 9.0  # as the other side could
    with pytest.raises(InPlaceError):
        y.backward()
    z.backward()
    assert x.grad.tolist() == [2.0, 4.0]
    with pytest.raises(AutogradError, match="Can't export tensors that require gradient"):
        np.from_dlpack(x)
    theirs = np.array([1.0, 2.0])
    taken = tg.from_dlpack(theirs).requires_grad_()
    y = (taken * taken).sum()
    theirs[:] = 50.0
    y.backward()
    assert taken.grad.tolist() == [2.0, 4.0]


def test_reading_through_numpy_is_no_write() -> None:
    x = leaf()
    y = (x * x).sum()
    array = x.detach().numpy()
    assert array.sum() == 3.0
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_buffer_may_be_filled_again_for_each_step() -> None:
    buffer = np.zeros(2)
    x, w = tg.from_numpy(buffer), leaf()
    for step in range(3):
        buffer[:] = step
        w.grad = None
        (x * w).sum().backward()
        assert w.grad.tolist() == [step, step]


def test_an_array_operand_may_be_changed_afterwards() -> None:
    x, a = leaf(), np.array([3.0, 4.0])
    y = (x * a).sum()
    a[:] = 0.0
    y.backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_memory_is_plain_again_when_nobody_outside_holds_it() -> None:
    x = leaf()
    array = x.detach().numpy()
    part = array[:1]
    del array
    _ = x * 1
    assert type(x.array) is not np.ndarray
    del part
    _ = x * 1
    assert type(x.array) is np.ndarray
    fresh = tg.from_numpy(np.ones(3))
    _ = fresh * 1
    assert type(fresh.array) is np.ndarray


def test_two_hundred_handed_out_arrays_leave_one_note() -> None:
    from tensorgrad.engine import shared_memory

    x = tg.ones(3)
    for _ in range(200):
        x.numpy()
    assert len(shared_memory._handed_out[id(x.array.base if type(x.array) is not np.ndarray else x.array)].states) == 1
    before = len(shared_memory._handed_out)
    del x
    assert len(shared_memory._handed_out) == before - 1
