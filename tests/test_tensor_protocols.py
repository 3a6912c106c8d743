"""Tensors as Python's objects: text, comparison, numbers, iteration, copies, conversions."""

from __future__ import annotations

import copy
import math
import operator
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import AutogradError
from tests.peer import torch_
from tests.values import close, grad_of

# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (lambda: tg.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: tg.tensor([0.25, 10.0]), "tensor([ 0.2500, 10.0000])"),
        (lambda: tg.tensor(3.0), "tensor(3.)"),
        (lambda: tg.tensor(3.14159), "tensor(3.1416)"),
        (lambda: tg.tensor(3), "tensor(3)"),
        (lambda: tg.tensor(True), "tensor(True)"),
        (lambda: tg.tensor([True, False]), "tensor([ True, False])"),
        (lambda: tg.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
        (lambda: tg.tensor([1e-9, 1.0]), "tensor([1.0000e-09, 1.0000e+00])"),
        (lambda: tg.tensor([1.5, math.nan, math.inf]), "tensor([1.5000,    nan,    inf])"),
        (lambda: tg.tensor([]), "tensor([])"),
        (lambda: tg.zeros(0, 3), "tensor([], size=(0, 3))"),
        (lambda: tg.tensor([1.0]).double(), "tensor([1.], dtype=float64)"),
        (lambda: tg.tensor([1]).int(), "tensor([1], dtype=int32)"),
        (lambda: tg.tensor([-0.5, 2.0]), "tensor([-0.5000,  2.0000])"),
        (lambda: tg.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
    ],
)
def test_the_text_of_a_tensor_is_pytorchs(x: Callable[[], tg.Tensor], text: str) -> None:
    assert repr(x()) == str(x()) == text


@pytest.mark.parametrize(
    "data",
    [[1.0, 2.0], [0.25, 10.0], 3.0, 3.14159, 3, True, [True, False], [[1, 2], [3, 4]], [1e-9, 1.0],
     [1.5, math.nan, math.inf], [], [-0.5, 2.0], [[0.1, -200.5], [3.25, 4.0]], math.inf, -0.0, [1e9, 1.0], 1e-5,
     [[[1.0], [2.0]]], [1.0, math.inf], [-1, 10], 1e10, [0.5] * 30, list(range(2000)), [0.0] * 1001,
     [[(i + j) / 3 for j in range(12)] for i in range(3)], [-math.inf, 1e-3, 1e3]],
    ids=lambda data: str(data)[:30],
)  # fmt: skip
def test_the_text_is_what_pytorch_prints(data: Any) -> None:
    torch = torch_()
    assert repr(tg.tensor(data)) == repr(torch.tensor(data))


def test_the_text_of_a_result_names_the_operation() -> None:
    x = tg.ones(2, requires_grad=True)
    assert repr(x * 2).startswith("tensor([2., 2.], grad_fn=<Mul")


# --- Python's protocols -----------------------------------------------------------------------------------------------


def test_equality_is_elementwise_and_tensors_are_hashable_by_identity() -> None:
    x, y = tg.tensor([1.0, 2.0]), tg.tensor([1.0, 3.0])
    assert (x == y).tolist() == [True, False]
    assert (x != y).tolist() == [False, True]
    assert (x == 2).dtype == tg.bool
    assert hash(x) == hash(x)
    assert {x: "x", y: "y"}[y] == "y"
    assert len({x, y, tg.tensor([1.0, 2.0])}) == 3
    assert (tg.equal(x, y), tg.equal(x, tg.tensor([1.0, 2.0]))) == (False, True)


def test_a_comparison_with_none_is_false() -> None:
    x = tg.ones(2)
    assert operator.eq(x, None) is False
    assert operator.ne(x, None) is True
    assert None not in (x, x)


def test_item_gives_a_python_number_and_only_of_one_element() -> None:
    assert type(tg.tensor([[2.5]]).item()) is float
    assert type(tg.tensor(2).item()) is int
    assert tg.tensor(True).item() is True
    with pytest.raises((RuntimeError, ValueError), match="cannot be converted to Scalar"):
        tg.ones(2).item()
    with pytest.raises((RuntimeError, ValueError), match="cannot be converted to Scalar"):
        tg.zeros(0).item()


def test_item_and_bool_of_several_elements_raise_pytorchs_class() -> None:
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        tg.ones(2).item()
    with pytest.raises(RuntimeError, match="Boolean value of Tensor"):
        bool(tg.ones(2))


def test_conversions_to_python_numbers() -> None:
    assert (float(tg.tensor(2.5)), int(tg.tensor([2.5])), bool(tg.tensor([0.0]))) == (2.5, 2, False)
    assert [10, 20, 30][tg.tensor(1)] == 20
    with pytest.raises(TypeError, match="integer"):
        [10, 20][tg.tensor(1.0)]
    with pytest.raises(TypeError):
        float(tg.tensor([[1.0]]), 2)  # type: ignore[call-arg]


def test_length_and_iteration_are_those_of_the_first_axis() -> None:
    x = tg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    rows = list(x)
    assert len(x) == len(rows) == 2
    (rows[1] * 2).sum().backward()
    close(grad_of(x), [[0.0, 0.0], [2.0, 2.0]])
    with pytest.raises(TypeError, match="0-d tensor"):
        len(tg.tensor(1.0))
    with pytest.raises(TypeError, match="0-d tensor"):
        iter(tg.tensor(1.0))
    assert 3.0 in x
    assert 5.0 not in x


def test_format_takes_a_spec_for_one_element_only() -> None:
    assert f"{tg.tensor(3.14159):.2f}" == "3.14"
    assert f"{tg.tensor(7):4d}" == "   7"
    assert f"{tg.ones(2)}" == "tensor([1., 1.])"
    with pytest.raises(TypeError, match="format"):
        f"{tg.ones(2):.2f}"


def test_numpy_of_a_tensor_that_requires_grad_is_refused() -> None:
    x = tg.ones(2, requires_grad=True)
    for convert in (lambda: x.numpy(), lambda: np.asarray(x), lambda: (x * 2).numpy()):
        with pytest.raises(AutogradError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
            convert()
    assert np.asarray(x.detach()).tolist() == [1.0, 1.0]
    assert np.array(x.detach(), dtype=np.int32).dtype == np.int32
    assert np.shares_memory(x.numpy(force=True), x.array)


def test_a_deep_copy_of_a_leaf_is_independent_and_of_a_result_is_refused() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    y = copy.deepcopy(x)
    assert (y.requires_grad, y.is_leaf, y.tolist(), y.grad.tolist()) == (True, True, [1.0, 2.0], [3.0, 3.0])
    assert not np.shares_memory(x.detach().numpy(), y.detach().numpy())
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)
    one, two = copy.deepcopy([x, x])
    assert one is two


def test_copies_have_functions_too() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    (tg.clone(x) * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    alias = tg.detach(x)
    assert np.shares_memory(alias.numpy(), x.detach().numpy())
    assert not alias.requires_grad


def test_the_old_constructor_of_a_tensor_keeps_the_dtype() -> None:
    x = tg.ones(2, dtype=tg.float64)
    assert x.new([1, 2]).tolist() == [1.0, 2.0]
    assert (x.new(2, 3).shape, x.new(2, 3).dtype, x.new().shape) == ((2, 3), tg.float64, (0,))
    assert x.pin_memory() is x
    assert (x.is_cpu, x.is_sparse, x.is_quantized, x.is_mps) == (True, False, False, False)


def test_a_deep_copy_keeps_the_class() -> None:
    assert type(copy.deepcopy(tg.nn.Parameter(tg.ones(2)))) is tg.nn.Parameter


def test_requires_grad_can_be_changed_on_leaves_only() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 2
    with pytest.raises(AutogradError, match="leaf variables"):
        y.requires_grad = False
    x.requires_grad = False
    assert not (x * 2).requires_grad


def test_conversions_change_the_dtype_and_the_gradient_comes_back_in_the_leafs() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for y, dtype in (
        (x.double(), "float64"),
        (x.half(), "float16"),
        (x.to(tg.float64), "float64"),
        (x.float(), "float32"),
    ):
        assert y.dtype == np.dtype(dtype)
        assert y.requires_grad
    assert x.to("cpu") is x.to(tg.float32) is x.cpu() is x
    (x.double() * 3).sum().backward()
    close(grad_of(x), np.array([3.0, 3.0], np.float32))
    for y, dtype in ((x.long(), "int64"), (x.int(), "int32"), (x.bool(), "bool")):
        assert y.dtype == np.dtype(dtype)
        assert not y.requires_grad
    assert x.detach().type_as(tg.arange(2)).dtype == tg.int64


def test_a_tensor_tells_its_shape_in_pytorchs_words() -> None:
    x = tg.zeros(2, 3)
    assert (x.shape, x.size(), x.size(1), x.ndim, x.dim(), x.numel(), tg.numel(x)) == ((2, 3), (2, 3), 3, 2, 2, 6, 6)
    assert (x.device, x.T.shape, x.mT.shape, x.is_leaf) == (tg.device("cpu"), (3, 2), (3, 2), True)


def test_where_nothing_is_recorded_arrays_may_be_read() -> None:
    x = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        assert x.numpy().tolist() == np.asarray(x).tolist() == [1.0, 1.0]

    class Exp(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            y = tg.tensor(np.exp(x.numpy()))
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * ctx.saved_tensors[0]

    Exp.apply(x * 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([2.0, 2.0]), rtol=1e-6, equal_nan=False)


def test_a_write_to_what_was_read_under_no_grad_is_noticed() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * x
    with tg.no_grad():
        array = x.numpy()
    array[0] = 5.0
    with pytest.raises(RuntimeError, match="NumPy code, through the array handed out"):
        y.sum().backward()


def test_a_result_that_requires_a_gradient_may_be_asked_to_and_not_asked_not_to() -> None:
    y = tg.ones(2, requires_grad=True) * 2
    assert y.requires_grad_() is y
    y.requires_grad = True
    with pytest.raises(AutogradError, match="leaf variables"):
        y.requires_grad_(False)
    assert (+y).requires_grad
    assert (+y).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "array",
    [
        np.ma.array([1.0, 2.0, 3.0], mask=[0, 0, 0]),
        np.array([1.0, 2.0, 3.0]).view(type("Own", (np.ndarray,), {"__add__": lambda a, b: None, "__mul__": None})),
    ],
    ids=lambda a: type(a).__name__,
)
def test_what_numpys_subclasses_add_to_arrays_does_not_live_on_in_a_tensor(array: Any) -> None:
    for make in (tg.tensor, tg.as_tensor, tg.from_numpy, tg.asarray):
        x = make(array).requires_grad_()
        y = (x * x + x).sum()
        y.backward()
        assert np.ravel(x.grad.tolist()).tolist() == [3.0, 5.0, 7.0]
        assert y.item() == 20.0
    z = tg.ones(3, requires_grad=True)
    (z * array).sum().backward()
    assert np.ravel(z.grad.tolist()).tolist() == [1.0, 2.0, 3.0]


# NumPy's functions that call a method of the tensor's: what has the same name in PyTorch may mean something else.
NUMPYS = [
    (np.argwhere, {}), (np.nonzero, {}), (np.flatnonzero, {}), (np.size, {}), (np.size, {"axis": 0}), (np.max, {}),
    (np.max, {"axis": 0}), (np.amax, {"axis": 1, "keepdims": True}), (np.min, {"axis": -1}), (np.amin, {"axis": 0}),
    (np.sum, {"axis": 0}), (np.mean, {"axis": 1}), (np.prod, {"axis": 1}), (np.argmax, {"axis": 0}), (np.sort, {}),
    (np.repeat, {"repeats": 2}), (np.cumsum, {"axis": 0}), (np.transpose, {}), (np.squeeze, {}), (np.diagonal, {}),
    (np.trace, {}), (np.ravel, {}), (np.round, {}), (np.take, {"indices": [1]}), (np.count_nonzero, {"axis": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("function", "options"), NUMPYS)
def test_numpys_functions_say_of_a_tensor_what_they_say_of_its_array(function: Any, options: Any) -> None:
    a = np.array([[0.0, 1.0, 1.0], [0.0, 3.0, 2.0]])
    found, wanted = function(tg.tensor(a), **options), function(a, **options)
    for one, other in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, wanted)), strict=True):
        assert np.asarray(one).tolist() == np.asarray(other).tolist()


def test_no_name_of_a_tensors_is_one_by_which_numpy_knows_masked_arrays() -> None:
    theirs = {n for n in dir(np.ma.MaskedArray) if not n.startswith("_")} - set(dir(np.ndarray))
    assert [name for name in theirs if hasattr(tg.ones(2), name)] == []
    x = tg.tensor([0.5, -2.0], requires_grad=True)
    assert np.ma.masked_where(x.detach() > 0, x.detach()).compressed().tolist() == [-2.0]
    with pytest.raises(TypeError, match=r"tensor\.detach\(\)\.numpy\(\)"):
        np.ma.masked_where(x > 0, x)


@pytest.mark.parametrize("x", [tg.arange(6.0), tg.ones(3, 2)], ids=["numbers", "rows"])
def test_shuffling_by_swaps_is_refused_before_anything_is_lost(x: tg.Tensor) -> None:
    before = x.tolist()
    for shuffle in (random.shuffle, random.Random(0).shuffle):
        with pytest.raises(TypeError, match=r"lose elements.*use x\[tensorgrad\.randperm\(len\(x\)\)\]"):
            shuffle(x)
    assert x.tolist() == before
    assert sorted(x[tg.randperm(len(x))].tolist()) == sorted(before)
    rows = list(x)
    random.shuffle(rows)  # a list of views loses nothing
    assert sorted(row.tolist() for row in rows) == sorted(before)
