"""Making tensors: from numbers, lists and arrays, by factories, and what cannot become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DTypeError


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1.5, "float32", ()),
        (2, "int64", ()),
        (True, "bool", ()),
        ([], "float32", (0,)),
        ([1, 2], "int64", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([[True], [False]], "bool", (2, 1)),
        (((1.0, 2.0), (3.0, 4.0)), "float32", (2, 2)),
        (np.float64(1.0), "float64", ()),
        (np.float16(1.0), "float16", ()),
        ([np.float64(1.0)], "float64", (1,)),
        (np.ones(3), "float64", (3,)),
        (np.ones(3, np.float32), "float32", (3,)),
        (np.ones(3, np.int8), "int8", (3,)),
        (np.ones((0, 2), np.uint8), "uint8", (0, 2)),
        (np.array(True), "bool", ()),
    ],
)
def test_python_numbers_get_the_default_dtype_and_arrays_keep_their_own(data: Any, dtype: str, shape: Any) -> None:
    x = tg.tensor(data)
    assert (x.dtype, x.shape) == (np.dtype(dtype), shape)
    assert (x.requires_grad, x.is_leaf, x.grad, x.grad_fn) == (False, True, None, None)


def test_a_list_of_tensors_becomes_one_tensor_of_their_dtype() -> None:
    x = tg.tensor([[tg.tensor(1.0), tg.tensor(2.0)], [tg.tensor(3.0), tg.tensor(4.0)]])
    assert x.dtype == tg.float32
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_tensor_copies_and_from_numpy_and_as_tensor_share_memory() -> None:
    a = np.zeros(2)
    copied, shared, same = tg.tensor(a), tg.from_numpy(a), tg.as_tensor(a)
    a[0] = 7
    assert (copied[0].item(), shared[0].item(), same[0].item()) == (0.0, 7.0, 7.0)
    assert tg.as_tensor(copied) is copied
    assert not np.shares_memory(tg.tensor(copied).numpy(), copied.numpy())
    with pytest.raises(TypeError, match=r"expected np\.ndarray"):
        tg.from_numpy([1.0])


@pytest.mark.parametrize("data", ["text", None, object(), [None], {"a": 1}, np.array(["a"])])
def test_what_is_no_number_cannot_become_a_tensor(data: Any) -> None:
    with pytest.raises(TypeError, match="cannot make a tensor"):
        tg.tensor(data)


class Steps:
    """A sequence by what it does, of no class that Python knows as one."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> float:
        return [1.0, 2.0, 4.0][i]


def test_what_has_a_length_and_elements_is_a_sequence() -> None:
    assert tg.tensor(Steps()).tolist() == tg.as_tensor(Steps()).tolist() == [1, 2, 4]
    assert tg.tensor([Steps(), [0, 0, tg.ones(())]]).tolist() == [[1, 2, 4], [0, 0, 1]]
    assert tg.zeros(2).new_tensor(Steps()).shape == (3,)
    with pytest.raises(TypeError, match="Could not infer dtype of dict"):
        tg.tensor({0: 1.0})


def test_the_default_dtype_can_be_changed_and_only_to_floats() -> None:
    tg.set_default_dtype(tg.float64)
    try:
        assert tg.tensor(1.5).dtype == tg.zeros(2).dtype == (tg.tensor([1]) / 2).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)
    with pytest.raises(DTypeError, match="int64"):
        tg.set_default_dtype(tg.int64)
    assert tg.get_default_dtype() == tg.float32


@pytest.mark.parametrize("dtype", [tg.int64, tg.int8, tg.bool, tg.uint8])
@pytest.mark.parametrize(
    "ask",
    [
        lambda x: tg.tensor([1, 0], dtype=x.dtype, requires_grad=True),
        lambda x: setattr(x, "requires_grad", True),
        lambda x: x.requires_grad_(),
        lambda x: tg.zeros(2, dtype=x.dtype, requires_grad=True),
    ],
    ids=["argument", "assignment", "method", "factory"],
)
def test_integers_cannot_require_a_gradient_and_the_error_says_why(dtype: Any, ask: Any) -> None:
    x = tg.zeros(2, dtype=dtype)
    with pytest.raises(DTypeError, match="only Tensors of floating point dtype can require gradients") as caught:
        ask(x)
    assert str(dtype) in str(caught.value)
    assert isinstance(caught.value, RuntimeError)
    assert not x.requires_grad


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda: tg.zeros(2, 3), np.zeros((2, 3), np.float32)),
        (lambda: tg.zeros((2, 3), dtype=tg.int64), np.zeros((2, 3), np.int64)),
        (lambda: tg.ones(2), np.ones(2, np.float32)),
        (lambda: tg.zeros(), np.zeros((), np.float32)),
        (lambda: tg.full((2,), 7), np.full(2, 7)),
        (lambda: tg.full((2,), 7.0), np.full(2, 7, np.float32)),
        (lambda: tg.eye(2, 3), np.eye(2, 3, dtype=np.float32)),
        (lambda: tg.arange(3), np.arange(3)),
        (lambda: tg.arange(1, 7, 2), np.arange(1, 7, 2)),
        (lambda: tg.arange(0.0, 1.0, 0.25), np.arange(0, 1, 0.25, np.float32)),
        (lambda: tg.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32)),
        (lambda: tg.zeros_like(tg.arange(3)), np.zeros(3, np.int64)),
        (lambda: tg.ones_like(tg.arange(3), dtype=tg.float64), np.ones(3)),
        (lambda: tg.full_like(tg.zeros(2), 3), np.full(2, 3, np.float32)),
    ],
)
def test_a_factory_has_pytorchs_values_and_dtype(made: Callable[[], tg.Tensor], wanted: np.ndarray) -> None:
    x = made()
    assert x.dtype == wanted.dtype
    assert x.shape == wanted.shape
    np.testing.assert_array_equal(x.numpy(), wanted)


def test_random_factories_follow_their_seed_and_not_numpys() -> None:
    def draw() -> list[Any]:
        parts = [tg.rand(3), tg.randn(3), tg.randint(10, (3,)), tg.randperm(5), tg.normal(0.0, 1.0, (3,))]
        return [p.tolist() for p in parts]

    tg.manual_seed(5)
    first = draw()
    np.random.seed(99)  # noqa: NPY002 - the point: NumPy's global generator has no say
    tg.manual_seed(5)
    assert draw() == first
    assert draw() != first
    own = tg.Generator().manual_seed(5)
    assert tg.rand(3, generator=own).tolist() == first[0]
    assert sorted(tg.randperm(50).tolist()) == list(range(50))
    low_high = tg.randint(-2, 3, (1000,))
    assert (low_high.dtype, low_high.min().item(), low_high.max().item()) == (tg.int64, -2, 2)
