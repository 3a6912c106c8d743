"""What makes tensors: values, shapes, dtypes, keywords and refusals, beside PyTorch's where it is installed."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import ArgumentError, AutogradError, DeviceError, DTypeError, ShapeError

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
NAN, INF = float("nan"), float("inf")

Made = Callable[[Any], Any]

# A call, and what it returns: nested lists, and the dtype where it is not float32.
MADE: dict[str, tuple[Made, Any, str]] = {
    "zeros": (lambda t: t.zeros(2, 3), [[0.0] * 3] * 2, "float32"),
    "zeros_tuple": (lambda t: t.zeros((1, 2)), [[0.0, 0.0]], "float32"),
    "zeros_list": (lambda t: t.zeros([2]), [0.0, 0.0], "float32"),
    "zeros_size": (lambda t: t.zeros(size=(2,)), [0.0, 0.0], "float32"),
    "zeros_shape": (lambda t: t.zeros(t.ones(1, 2).shape), [[0.0, 0.0]], "float32"),
    "zeros_tensor": (lambda t: t.zeros(t.tensor(2), 1), [[0.0], [0.0]], "float32"),
    "zeros_no_axes": (lambda t: t.zeros(()), 0.0, "float32"),
    "zeros_nothing": (lambda t: t.zeros(0, 3), [], "float32"),
    "zeros_dtype": (lambda t: t.zeros(2, dtype=t.int16), [0, 0], "int16"),
    "zeros_python_type": (lambda t: t.zeros(2, dtype=float), [0.0, 0.0], "float64"),
    "zeros_everything": (
        lambda t: t.zeros(1, dtype=t.float64, device="cpu", layout=t.strided, pin_memory=False, requires_grad=False),
        [0.0],
        "float64",
    ),
    "zeros_none": (lambda t: t.zeros(1, dtype=None, device=None), [0.0], "float32"),
    "ones": (lambda t: t.ones(2, dtype=t.bool), [True, True], "bool"),
    "ones_complex": (lambda t: t.ones(1, dtype=t.cfloat), [1 + 0j], "complex64"),
    "full": (lambda t: t.full((2,), 7), [7, 7], "int64"),
    "full_float": (lambda t: t.full([2], 7.5), [7.5, 7.5], "float32"),
    "full_bool": (lambda t: t.full((1,), True), [True], "bool"),
    "full_cut": (lambda t: t.full((1,), 2.75, dtype=t.int64), [2], "int64"),
    "full_tensor": (lambda t: t.full((2,), t.tensor(2)), [2, 2], "int64"),
    "full_keywords": (lambda t: t.full(size=(1,), fill_value=2.0), [2.0], "float32"),
    "eye": (lambda t: t.eye(2), [[1.0, 0.0], [0.0, 1.0]], "float32"),
    "eye_wide": (lambda t: t.eye(1, 2, dtype=t.int64), [[1, 0]], "int64"),
    "arange": (lambda t: t.arange(3), [0, 1, 2], "int64"),
    "arange_end": (lambda t: t.arange(end=2), [0, 1], "int64"),
    "arange_start": (lambda t: t.arange(1, 7, 2), [1, 3, 5], "int64"),
    "arange_keywords": (lambda t: t.arange(start=1, end=3, step=1), [1, 2], "int64"),
    "arange_down": (lambda t: t.arange(2, 0, -1), [2, 1], "int64"),
    "arange_empty": (lambda t: t.arange(0), [], "int64"),
    "arange_float": (lambda t: t.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75], "float32"),
    "arange_tensor": (lambda t: t.arange(t.tensor(2)), [0, 1], "int64"),
    "arange_cut": (lambda t: t.arange(0, 2.5, dtype=t.int64), [0, 1], "int64"),
    "linspace": (lambda t: t.linspace(0, 1, 3), [0.0, 0.5, 1.0], "float32"),
    "linspace_steps": (lambda t: t.linspace(-1, 1, steps=2, dtype=t.float64), [-1.0, 1.0], "float64"),
    "linspace_one": (lambda t: t.linspace(3, 5, 1), [3.0], "float32"),
    "linspace_none": (lambda t: t.linspace(3, 5, 0), [], "float32"),
    "linspace_integers": (lambda t: t.linspace(0, 10, 4, dtype=t.int64), [0, 3, 6, 10], "int64"),
    "logspace": (lambda t: t.logspace(0, 2, 3), [1.0, 10.0, 100.0], "float32"),
    "logspace_base": (lambda t: t.logspace(0, 3, 4, base=2.0), [1.0, 2.0, 4.0, 8.0], "float32"),
    "scalar_tensor": (lambda t: t.scalar_tensor(2), 2.0, "float32"),
    "zeros_like": (lambda t: t.zeros_like(t.arange(2)), [0, 0], "int64"),
    "ones_like": (lambda t: t.ones_like(t.arange(2), dtype=t.float64), [1.0, 1.0], "float64"),
    "ones_like_format": (
        lambda t: t.ones_like(t.ones(1), memory_format=t.preserve_format, device="cpu"),
        [1.0],
        "float32",
    ),
    "full_like": (lambda t: t.full_like(t.arange(2), 2.75), [2, 2], "int64"),
    "new_zeros": (lambda t: t.arange(2).new_zeros(1, 2), [[0, 0]], "int64"),
    "new_zeros_size": (lambda t: t.ones(2).new_zeros(size=(2,)), [0.0, 0.0], "float32"),
    "new_ones": (lambda t: t.ones(2).new_ones((2,), dtype=t.int32), [1, 1], "int32"),
    "new_full": (lambda t: t.arange(2).new_full((2,), 3.75), [3, 3], "int64"),
    "new_tensor": (lambda t: t.arange(2).new_tensor([1.5]), [1], "int64"),
    "tensor_float": (lambda t: t.tensor(1.5), 1.5, "float32"),
    "tensor_mixed": (lambda t: t.tensor([1, 2.5, True]), [1.0, 2.5, 1.0], "float32"),
    "tensor_bool_and_int": (lambda t: t.tensor([True, 2]), [1, 2], "int64"),
    "tensor_complex": (lambda t: t.tensor([1 + 2j, 1.0]), [1 + 2j, 1 + 0j], "complex64"),
    "tensor_range": (lambda t: t.tensor(range(3)), [0, 1, 2], "int64"),
    "tensor_empty_rows": (lambda t: t.tensor([[], []]), [[], []], "float32"),
    "tensor_cut": (lambda t: t.tensor([2.75, -2.75], dtype=t.int64), [2, -2], "int64"),
    "tensor_of_tensors": (lambda t: t.tensor([t.tensor(1), 2.5]), [1.0, 2.5], "float32"),
    "tensor_numbers_first": (lambda t: t.tensor([2.5, t.tensor(1)]), [2.5, 1.0], "float32"),
    "tensor_double_among": (lambda t: t.tensor([2.5, t.tensor(1.0, dtype=t.float64)]), [2.5, 1.0], "float64"),
    "tensor_scalars": (lambda t: t.tensor([np.float64(1.0)]), [1.0], "float64"),
    "tensor_array": (lambda t: t.tensor(np.ones(2, np.int8)), [1, 1], "int8"),
    "tensor_rows_of_arrays": (lambda t: t.tensor(list(np.eye(2))), [[1.0, 0.0], [0.0, 1.0]], "float64"),
    "tensor_dtype_of_array": (lambda t: t.tensor(np.ones(1), dtype=t.float16), [1.0], "float16"),
    "as_tensor": (lambda t: t.as_tensor([1, 2.0]), [1.0, 2.0], "float32"),
    "as_tensor_dtype": (lambda t: t.as_tensor(t.ones(1), dtype=t.int64), [1], "int64"),
    "asarray": (lambda t: t.asarray([1, 2]), [1, 2], "int64"),
    "complex": (lambda t: t.complex(t.ones(1), t.zeros(1)), [1 + 0j], "complex64"),
    "Tensor": (lambda t: t.Tensor([1, 2]), [1.0, 2.0], "float32"),
    "Tensor_nothing": (lambda t: t.Tensor(), [], "float32"),
    "Tensor_array": (lambda t: t.Tensor(np.ones(2)), [1.0, 1.0], "float32"),
    "Tensor_tensor": (lambda t: t.Tensor(t.arange(2)), [0, 1], "int64"),
    "Tensor_lengths": (lambda t: t.Tensor(2, 3).zero_(), [[0.0] * 3] * 2, "float32"),
    "Tensor_size": (lambda t: t.Tensor(t.Size([1, 2])).zero_(), [[0.0, 0.0]], "float32"),
    "FloatTensor": (lambda t: t.FloatTensor([1, 2]), [1.0, 2.0], "float32"),
    "DoubleTensor": (lambda t: t.DoubleTensor([[1]]), [[1.0]], "float64"),
    "LongTensor": (lambda t: t.LongTensor([1.5, 2]), [1, 2], "int64"),
    "IntTensor": (lambda t: t.IntTensor(3).zero_(), [0, 0, 0], "int32"),
    "BoolTensor": (lambda t: t.BoolTensor([True, False]), [True, False], "bool"),
    "ByteTensor": (lambda t: t.ByteTensor([1]), [1], "uint8"),
    "out": (lambda t: t.zeros(2, out=t.ones(2, dtype=t.int64)), [0, 0], "int64"),
    "out_empty": (lambda t: t.ones(2, 1, out=t.empty(0)), [[1.0], [1.0]], "float32"),
    "arange_out": (lambda t: t.arange(2, out=t.empty(2)), [0.0, 1.0], "float32"),
    "linspace_out": (lambda t: t.linspace(0, 1, 2, out=t.empty(2, dtype=t.float64)), [0.0, 1.0], "float64"),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_has_its_values_and_its_dtype(name: str) -> None:
    make, values, dtype = MADE[name]
    x = make(tg)
    assert type(x) is tg.Tensor
    assert x.dtype == np.dtype(dtype)
    assert x.tolist() == values
    assert (x.requires_grad, x.is_leaf, x.grad) == (False, True, None)


@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy.ndarrays:UserWarning")
@pytest.mark.parametrize("name", MADE)
def test_pytorch_makes_the_same(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    make = MADE[name][0]
    ours, theirs = make(tg), make(torch)
    assert f"torch.{ours.dtype}" == str(theirs.dtype)
    assert ours.shape == tuple(theirs.shape)
    assert ours.tolist() == theirs.tolist()


# A call, the class of what it raises, a part of the text, and whether PyTorch raises too, with that class among ours.
REFUSED: dict[str, tuple[Made, type[Exception], str, bool]] = {
    "no_number": (lambda t: t.tensor(None), DTypeError, "Could not infer dtype of NoneType", True),
    "no_number_inside": (lambda t: t.tensor([[1.0], [None]]), DTypeError, "Could not infer dtype of NoneType", True),
    "text": (lambda t: t.tensor("a"), DTypeError, "dtype of str", True),
    "texts": (lambda t: t.tensor(["a"]), DTypeError, "dtype of str", False),
    "dict": (lambda t: t.tensor({1: 2}), DTypeError, "dtype of dict", True),
    "array_of_texts": (lambda t: t.tensor(np.array(["a"])), DTypeError, "can't convert np.ndarray of type <U1", True),
    "array_of_objects": (lambda t: t.tensor(np.array([None])), DTypeError, "can't convert np.ndarray", True),
    "ragged": (lambda t: t.tensor([[1, 2], [3]]), ShapeError, "expected sequence of length 2 at dim 1 (got 1)", True),
    "ragged_deep": (lambda t: t.tensor([[[1], [2]], [[3], [4, 5]]]), ShapeError, "length 1 at dim 2 (got 2)", True),
    "ragged_number": (lambda t: t.tensor([[1], 2]), ShapeError, "expected sequence of length 1 at dim 1", False),
    "uint8": (lambda t: t.tensor(300, dtype=t.uint8), DTypeError, "type uint8 without overflow", True),
    "int8": (lambda t: t.tensor([1, -129], dtype=t.int8), DTypeError, "type int8 without overflow", True),
    "nan_as_integer": (lambda t: t.tensor([NAN], dtype=t.int64), DTypeError, "cannot be converted to type int64", True),
    "huge": (lambda t: t.tensor(2**63), DTypeError, "type int64 without overflow", False),
    "positional_dtype": (lambda t: t.tensor([1], t.int64), TypeError, "takes 1 positional argument", True),
    "tensor_keyword": (lambda t: t.tensor([1], foo=1), TypeError, "tensor() got an unexpected keyword argument", True),
    "keyword": (lambda t: t.zeros(2, foo=1), TypeError, "zeros() got an unexpected keyword argument 'foo'", True),
    "negative": (lambda t: t.ones(2, -1), ShapeError, "negative dimension -1: [2, -1]", True),
    "half_length": (lambda t: t.zeros(2, 2.5), TypeError, "zeros(): argument 'size'", True),
    "text_length": (lambda t: t.zeros("a"), TypeError, "zeros(): argument 'size'", True),
    "two_sizes": (lambda t: t.zeros((2,), 3), TypeError, "zeros() takes 1 positional argument but 2 were given", True),
    "size_twice": (lambda t: t.zeros(2, size=(2,)), TypeError, "zeros()", True),
    "size_number": (lambda t: t.zeros(size=2.0), TypeError, "zeros(): argument 'size'", True),
    "integers_that_require_grad": (lambda t: t.zeros(2, dtype=t.int64, requires_grad=True), DTypeError,
                                   "only Tensors of floating point", True),
    "dtype": (lambda t: t.zeros(2, dtype="text"), DTypeError, "argument 'dtype' must be a dtype", True),
    "dtype_object": (lambda t: t.zeros(2, dtype=object), DTypeError, "argument 'dtype' must be a dtype", True),
    "cuda": (lambda t: t.zeros(2, device="cuda"), DeviceError, "CPU only", False),
    "unknown_device": (lambda t: t.zeros(2, device="abc"), DeviceError, "Expected one of cpu, cuda", True),
    "pinned": (lambda t: t.zeros(2, pin_memory=True), DeviceError, "pin_memory=True requires", True),
    "layout": (lambda t: t.zeros(2, layout="sparse"), DeviceError, "layout 'sparse' is not there", False),
    "memory_format": (lambda t: t.zeros_like(t.ones(1), memory_format="x"), DeviceError, "memory_format 'x'", False),
    "out_dtype": (lambda t: t.zeros(2, out=t.ones(2), dtype=t.int64), DTypeError, "does not match dtype of out", True),
    "out_grad": (lambda t: t.zeros(2, out=t.ones(2, requires_grad=True)), AutogradError,
                 "functions with out=... arguments don't support automatic differentiation", True),
    "out_shape": (lambda t: t.zeros(2, out=t.ones(3)), ShapeError, "out has shape [3], the result [2]", False),
    "full_size": (lambda t: t.full(3, 1), TypeError, "full(): argument 'size' (position 1) must be tuple", True),
    "full_value": (lambda t: t.full((2,), [1, 2]), DTypeError, "argument 'fill_value'", True),
    "full_overflow": (lambda t: t.full((2,), 300, dtype=t.uint8), DTypeError, "without overflow", True),
    "full_like_overflow": (lambda t: t.full_like(t.zeros(1, dtype=t.uint8), 300), DTypeError, "overflow", True),
    "eye": (lambda t: t.eye(-1), ShapeError, "n must be greater or equal to 0, got -1", True),
    "eye_m": (lambda t: t.eye(2, -1), ShapeError, "m must be greater or equal to 0, got -1", True),
    "arange_sign": (lambda t: t.arange(3, 0), ArgumentError, "inconsistent with step sign", True),
    "arange_step": (lambda t: t.arange(0, 3, 0), ArgumentError, "step must be nonzero", True),
    "arange_cut_step": (lambda t: t.arange(0, 3, 0.5, dtype=t.int64), ArgumentError, "step must be nonzero", True),
    "arange_endless": (lambda t: t.arange(INF), ArgumentError, "unsupported range: 0 -> inf", True),
    "linspace": (lambda t: t.linspace(0, 1, -1), ShapeError, "number of steps must be non-negative", True),
    "linspace_steps": (lambda t: t.linspace(0, 1), TypeError, "steps", False),
    "like": (lambda t: t.zeros_like([1, 2]), TypeError, "argument 'input' (position 1) must be Tensor, not list", True),
    "from_numpy": (lambda t: t.from_numpy([1]), TypeError, "expected np.ndarray (got list)", True),
    "from_numpy_texts": (lambda t: t.from_numpy(np.array(["a"])), TypeError, "can't convert np.ndarray", True),
    "Tensor_number": (lambda t: t.Tensor(2.5), DTypeError, "new(): data must be a sequence (got float)", True),
    "FloatTensor_device": (lambda t: t.FloatTensor([1], device="cuda"), DeviceError, "CPU only", False),
    "complex_dtypes": (lambda t: t.complex(t.ones(1), t.ones(1).double()), DTypeError, "Expected both inputs", False),
    "asarray_alias": (lambda t: t.asarray([1], copy=False), ValueError, "can't alias", True),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_made_is_refused_with_its_reason(name: str) -> None:
    make, error, text, _ = REFUSED[name]
    with pytest.raises(error) as caught:
        make(tg)
    assert text in str(caught.value)


@pytest.mark.parametrize("name", [name for name in REFUSED if REFUSED[name][3]])
def test_a_refusal_is_of_the_class_that_pytorch_raises(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    make, error = REFUSED[name][:2]
    with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
        make(torch)
    assert issubclass(error, type(caught.value)), f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize("make", [tg.zeros, tg.ones, tg.empty, tg.rand, tg.randn])
def test_requires_grad_makes_a_leaf_that_gets_a_gradient(make: Any) -> None:
    x = make(3, requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_out_is_written_where_it_lies_and_returned() -> None:
    x = tg.ones(4)
    alias, view = x.numpy(), x[:2]
    assert tg.zeros(4, out=x) is x
    assert (alias.tolist(), view.tolist()) == ([0.0] * 4, [0.0, 0.0])
    again = tg.empty(0)
    assert tg.arange(3, out=again) is again
    assert again.tolist() == [0.0, 1.0, 2.0]


def test_a_write_through_out_to_a_saved_value_makes_backward_raise() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    tg.zeros(2, out=y.detach())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_a_copy_of_a_tensor_with_history_is_warned_of_and_of_one_without_is_not() -> None:
    with pytest.warns(UserWarning, match=r"sourceTensor\.detach\(\)\.clone\(\)"):
        y = tg.tensor(tg.ones(2, requires_grad=True))
    assert not y.requires_grad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tg.tensor(tg.ones(2)).tolist() == [1.0, 1.0]


def test_memory_is_shared_where_the_name_says_so() -> None:
    a = np.zeros(2, np.float32)
    for share in (tg.from_numpy, tg.as_tensor, tg.asarray):
        assert np.shares_memory(share(a).numpy(), a)
    x = tg.ones(2)
    assert np.shares_memory(tg.asarray(x).numpy(), x.numpy())
    assert np.shares_memory(tg.asarray(a, copy=False).numpy(), a)
    for copy in (
        tg.tensor(a),
        tg.asarray(a, copy=True),
        tg.as_tensor(a, dtype=tg.float64),
        tg.Tensor(a),
        x.new_tensor(a),
    ):
        assert not np.shares_memory(copy.numpy(), a)


def test_as_tensor_keeps_the_history_of_a_tensor_that_it_converts() -> None:
    x = tg.ones(2, requires_grad=True)
    assert tg.as_tensor(x) is x
    (tg.as_tensor(x, dtype=tg.float64) * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_every_sequence_of_numbers_is_data() -> None:
    for data in ((1, 2), deque([1, 2]), range(1, 3), [np.int64(1), 2], [tg.tensor(1), tg.tensor(2)], tg.Size([1, 2])):
        x = tg.tensor(data)
        assert (x.dtype, x.tolist()) == (tg.int64, [1, 2])


def test_uninitialised_memory_has_the_shape_and_dtype_asked_for() -> None:
    for x in (tg.empty(2, 3), tg.empty((2, 3)), tg.empty_like(tg.ones(2, 3)), tg.ones(1).new_empty(2, 3)):
        assert (x.shape, x.dtype) == ((2, 3), tg.float32)


def test_like_keeps_the_order_of_memory_unless_rows_are_asked_for() -> None:
    x = tg.ones(2, 3).T
    for like in (tg.zeros_like, tg.ones_like, tg.empty_like, lambda x, **options: tg.full_like(x, 2, **options)):
        assert like(x).stride() == like(x, memory_format=tg.preserve_format).stride() == (1, 3)
        assert like(x, memory_format=tg.contiguous_format).stride() == (2, 1)
    assert tg.empty_like(tg.ones(2, 3)).stride() == (3, 1)


def test_range_includes_its_end() -> None:
    assert tg.range(1, 4).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert tg.range(0, 1, 0.5).tolist() == [0.0, 0.5, 1.0]


def test_long_nested_lists_keep_their_values() -> None:
    data = [[float(i + j) for j in range(100)] for i in range(100)]
    np.testing.assert_array_equal(tg.tensor(data).numpy(), np.add.outer(np.arange(100), np.arange(100)))


def test_parameter_shares_the_memory_of_its_tensor_and_makes_floats_of_lists() -> None:
    x = tg.ones(2)
    assert np.shares_memory(tg.nn.Parameter(x).detach().numpy(), x.numpy())
    assert tg.nn.Parameter([1.0, 2.0]).tolist() == [1.0, 2.0]


def test_a_number_to_fill_with_is_rounded_to_the_wanted_dtype_alone() -> None:
    like = tg.zeros(1, dtype=tg.float64)
    for filled in (tg.full((1,), 0.1, dtype=tg.float64), tg.full_like(like, 0.1), like.new_full((1,), 0.1)):
        assert filled.item() == 0.1
    assert tg.full((1,), 0.1 + 0.1j, dtype=tg.complex128).item() == 0.1 + 0.1j


NUMBERS_ALONE: dict[str, Callable[[tg.Tensor], Any]] = {
    "full": lambda w: tg.full((2,), w),
    "full_like": lambda w: tg.full_like(tg.ones(2), w),
    "new_full": lambda w: tg.ones(2).new_full((2,), w),
    "scalar_tensor": lambda w: tg.scalar_tensor(w),
    "arange": lambda w: tg.arange(0, w),
    "range": lambda w: tg.range(0, w),
    "linspace": lambda w: tg.linspace(0, w, 3),
    "logspace": lambda w: tg.logspace(0, w, 3),
    "vector_norm": lambda w: tg.linalg.vector_norm(tg.ones(2), w),
    "cdist": lambda w: tg.cdist(tg.ones(2, 2), tg.ones(2, 2), p=w),
    "pairwise_distance": lambda w: tg.nn.functional.pairwise_distance(tg.ones(2, 2), tg.ones(2, 2), p=w),
    "setitem": lambda w: tg.zeros(2).__setitem__(slice(None), [w, w]),
    "as_tensor": lambda w: tg.as_tensor([w, [2.0]][:1]),
    "asarray": lambda w: tg.asarray((1.0, w)),
    "Tensor": lambda w: tg.Tensor([w]),
}


@pytest.mark.parametrize("call", NUMBERS_ALONE.values(), ids=NUMBERS_ALONE)
def test_a_number_with_a_history_is_refused_where_a_constant_would_come_of_it(call: Callable[[tg.Tensor], Any]) -> None:
    w = tg.tensor(2.0, requires_grad=True)
    with pytest.raises(
        TypeError, match=r"\w\(\): argument '\w+' takes numbers, not a Tensor that requires grad.*\.item"
    ):
        call(w)
    call(w.detach())


def test_a_list_of_numbers_with_a_history_is_copied_with_a_warning() -> None:
    w = tg.tensor(2.0, requires_grad=True)
    for make in (tg.tensor, tg.ones(1).new_tensor):
        with pytest.warns(UserWarning, match="without history"):
            assert make([[w], [2 * w]]).tolist() == [[2.0], [4.0]]


@pytest.mark.parametrize("options", [{}, {"copy": True}, {"dtype": tg.float64}, {"requires_grad": True}])
def test_asarray_keeps_the_history(options: Any) -> None:
    w = tg.tensor(2.0, requires_grad=True)
    for x in (w, w * 1):
        w.grad = None
        y = tg.asarray(x, **options)
        assert (y is x) == (not options or "requires_grad" in options)
        (3 * y).backward()
        assert w.grad is not None
        assert w.grad.item() == 3
        assert not tg.asarray(x, **options | {"requires_grad": False}).requires_grad
        assert x.requires_grad
