"""Reading and assigning through every kind of index."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.views import position_of
from tests.peer import torch_
from tests.values import RNG, close, grad_of

MASK = np.array([[True, False, True, False], [False, False, True, True], [True, True, False, False]])
INDICES: dict[str, Any] = {
    "integer": 1,
    "negative": -1,
    "tuple": (1, 2),
    "slice": slice(1, None),
    "steps": (slice(None, None, 2), slice(3, 0, 1)),
    "none": (None, slice(None), None),
    "ellipsis": (..., 0),
    "ellipsis_alone": ...,
    "integers": np.array([0, 2, 0, 0]),
    "matrix_of_integers": np.array([[0, 1], [2, 2]]),
    "pair_of_integers": (np.array([0, 2, 0]), np.array([3, 1, 3])),
    "integers_and_slice": (slice(None), np.array([1, 1, 0])),
    "integers_that_broadcast": (np.array([[0], [1]]), np.array([[2, 3]])),
    "mask": MASK,
    "mask_of_rows": np.array([True, False, True]),
    "mask_of_nothing": np.zeros((3, 4), np.bool_),
    "negative_integers": np.array([-1, -3]),
    "empty": slice(2, 2),
    "zero_d": np.array(2),
}


@pytest.mark.parametrize("name", INDICES)
def test_indexing_has_pytorchs_value_and_gradient(name: str) -> None:
    torch = torch_()
    a = RNG(2).normal(size=(3, 4))
    x, z = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    ours, theirs = (
        tuple(make(i) if isinstance(i, np.ndarray) else i for i in INDICES[name])
        if isinstance(INDICES[name], tuple)
        else make(INDICES[name])
        if isinstance(INDICES[name], np.ndarray)
        else INDICES[name]
        for make in (tg.tensor, torch.tensor)
    )
    y, w = x[ours], z[theirs]
    close(y.detach(), w.detach().numpy())
    factor = RNG(3).normal(size=y.shape)
    (y * factor).sum().backward()
    (w * torch.tensor(factor)).sum().backward()
    close(grad_of(x), z.grad.numpy())


@pytest.mark.parametrize("name", INDICES)
def test_indexing_is_numpys_and_its_gradient_adds_at_repeated_places(name: str) -> None:
    a = RNG(2).normal(size=(3, 4))
    x = tg.tensor(a, requires_grad=True)
    y = x[INDICES[name]]
    close(y.detach(), a[INDICES[name]])
    factor = RNG(3).normal(size=y.shape)
    (y * factor).sum().backward()
    wanted = np.zeros_like(a)
    np.add.at(wanted, INDICES[name], factor)
    close(grad_of(x), wanted)


def test_lists_index_and_negative_steps_reverse() -> None:
    x = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert x[[1, 0]].tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]
    assert x[:, ::-1].tolist() == [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]
    (x[:, ::-1] * np.arange(6.0).reshape(2, 3)).sum().backward()
    close(grad_of(x), np.arange(6.0).reshape(2, 3)[:, ::-1])


def test_an_integer_before_a_slice_and_a_list_keeps_pytorchs_order_of_axes() -> None:
    x = tg.tensor(np.arange(24.0).reshape(2, 3, 4))
    assert x[0, :, [1, 1]].shape == (3, 2)


def test_an_index_out_of_range_is_an_index_error_that_names_the_shape() -> None:
    with pytest.raises(IndexError, match=r"index 5 is out of bounds.*\[2, 3\]"):
        tg.zeros(2, 3)[5]
    with pytest.raises(IndexError):
        tg.zeros(2, 3)[0, 0, 0]


@pytest.mark.parametrize("name", [n for n in INDICES if n != "none"])
def test_assignment_works_through_every_index(name: str) -> None:
    a = RNG(4).normal(size=(3, 4))
    wanted, x = a.copy(), tg.tensor(a)
    index = INDICES[name]
    wanted[index] = 7.5
    x[tg.tensor(index) if isinstance(index, np.ndarray) else index] = 7.5
    np.testing.assert_array_equal(x.numpy(), wanted)
    x[index] = tg.tensor(np.zeros(()))
    wanted[index] = 0
    np.testing.assert_array_equal(x.numpy(), wanted)


def test_a_slice_is_a_view_and_integers_make_a_copy() -> None:
    x = tg.zeros(3, 4)
    x[1:].fill_(5.0)
    x[:, 0].zero_()
    x[np.array([0])].fill_(9.0)
    assert x.tolist() == [[0.0] * 4, [0.0, 5.0, 5.0, 5.0], [0.0, 5.0, 5.0, 5.0]]


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int16, np.bool_])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (3,), (0, 2)])
def test_one_row_is_what_the_general_form_gives(shape: tuple[int, ...], dtype: Any, grad: bool) -> None:
    x = tg.from_numpy(RNG(5).normal(size=shape).astype(dtype))
    if x.dtype.kind in "fc":
        x.requires_grad_()
    with tg.set_grad_enabled(grad):
        for i in range(-len(x) - 1, len(x) + 1):
            try:
                want = apply(PRIMITIVES["getitem"], (x,), {"index": i})
            except IndexError as error:
                with pytest.raises(IndexError, match=re.escape(str(error))):
                    x[i]
                continue
            y = x[i]
            np.testing.assert_array_equal(y.detach().numpy(), want.detach().numpy(), strict=True)
            assert np.shares_memory(y.array, x.array)
            assert y.requires_grad is want.requires_grad
            assert repr(y.grad_fn) == repr(want.grad_fn)
            assert y.grad_fn is None or y.grad_fn.primitive is want.grad_fn.primitive
            assert position_of(y).chain == position_of(want).chain
            assert position_of(y).without_history is position_of(want).without_history
