"""Wrong calls of every primitive: the class and the words of the error, and the engine is as good as before.

What is wrong follows from the record: its kind, its parameters, and the family of its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.base.context import context
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES, Primitive
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError, ShapeError
from tests.cases import OF_REALS, Rolled, case
from tests.checks import leaves


class Wrong(NamedTuple):
    """A wrong call: what is wrong with it, its arguments made from right ones, its parameters, and the error."""

    what: str
    arguments: Callable[[list[Tensor]], list[Any]]
    params: dict[str, Any]
    error: type[Exception] | tuple[type[Exception], ...]
    message: str


def same(xs: list[Tensor]) -> list[Tensor]:
    return xs


def ones(*shapes: tuple[int, ...], dtype: Any = np.float64) -> Callable[[list[Tensor]], list[Any]]:
    return lambda xs: [tg.ones(shape, dtype=dtype) for shape in shapes]


# By the family of the samples: shapes, positions and axes that do not fit.
OF_FAMILY = {
    "broadcast": [Wrong("shape", ones((2, 3)), {"shape": (2, 4)}, ShapeError, r"\[2, 3\]")],
    "reshape": [Wrong("size", ones((2, 3)), {"shape": (4,)}, ShapeError, "cannot reshape array of size 6")],
    "permutation": [
        Wrong("axis twice", ones((2, 3)), {"axes": (0, 0)}, ShapeError, "repeated axis"),
        Wrong("axes missing", ones((2, 3)), {"axes": (0,)}, ShapeError, "axes don't match"),
    ],
    "index": [
        Wrong("index", ones((2, 3)), {"index": 2}, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        Wrong("indices", ones((2, 3)), {"index": (0, 0, 0)}, IndexError, "too many indices"),
        Wrong("mask", ones((2, 3)), {"index": np.array([True] * 3)}, IndexError, "boolean index did not match"),
        Wrong("float index", ones((2, 3)), {"index": 0.5}, IndexError, "only integers, slices"),
    ],
    "scatter": [
        Wrong("place", ones((2,)), {"index": np.array([0, 5]), "shape": (4,)}, IndexError, "out of bounds"),
        Wrong("shape", ones((2,)), {"index": slice(0, 3), "shape": (4,)}, ShapeError, r"\[2\]"),
    ],
    "assign": [Wrong("shape", ones((4,), (2,)), {"index": slice(0, 3)}, ShapeError, r"\[2\]")],
    "concatenate": [
        Wrong("length", ones((2, 3), (2, 4)), {"axis": 0}, ShapeError, "must match exactly"),
        Wrong("axes", ones((2, 3), (2,)), {"axis": 0}, ShapeError, "same number of dimensions"),
        Wrong("0-d", ones((), ()), {"axis": 0}, ShapeError, "zero-dimensional"),
    ],
    "(n,k),(k,m)->(n,m)": [
        Wrong("inner length", ones((2, 3), (2, 3)), {}, ShapeError, r"matmul.*\[2, 3\]"),
        Wrong("batch", ones((2, 2, 3), (3, 3, 2)), {}, ShapeError, r"\[2, 2, 3\]"),
        Wrong("0-d", ones((), (2, 2)), {}, ShapeError, "does not have enough dimensions"),
    ],
    "(n,k),(m,k)->(n,m)": [Wrong("inner length", ones((2, 3), (2, 4)), {}, ShapeError, r"\[2, 3\].*\[2, 4\]")],
    "(n,k),(m,k),(m)->(n,m)": [
        Wrong("inner length", ones((2, 3), (2, 4), (2,)), {}, ShapeError, r"\[2, 3\].*\[2, 4\]"),
        Wrong("bias", ones((2, 3), (4, 3), (3,)), {}, ShapeError, r"\[4, 3\].*\[3\]"),
    ],
    "dtype": [Wrong("dtype", ones((2,)), {"dtype": "no dtype"}, TypeError, "no dtype")],
}

NO_OPERANDS = {"text": "text", "a list of tensors": [tg.ones(2), tg.ones(2)], "None": None, "a dict": {}}


def wrong_calls(primitive: Primitive, params: dict[str, Any], count: int) -> Iterator[Wrong]:
    """What cannot be right, for any primitive of this kind with these parameters."""
    for what, value in NO_OPERANDS.items():
        words = rf"argument '\w+' must be a Tensor, an array or a number, not {type(value).__name__}"
        for i in range(count):
            yield Wrong(
                f"{what} as argument {i}",
                lambda xs, i=i, value=value: [*xs[:i], value, *xs[i + 1 :]],
                params,
                TypeError,
                rf"{primitive.name}\(\): {words}",
            )
    if primitive.kind in ("elementwise", "constant") and isinstance(primitive.samples, list):
        dtype = np.bool_ if "mask" in primitive.samples else np.float64
        if count > 1:
            shapes = [(2, 3)] * (count - 1) + [(2, 4)]
            words = r"The size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dimension 1"
            yield Wrong("shapes", ones(*shapes, dtype=dtype), params, ShapeError, words)
        if set(primitive.samples) == {"mask"}:
            yield Wrong(
                "floats", ones(*[(2,)] * count), params, DTypeError, rf"{primitive.name}\(\) cannot take float64"
            )
    if "axis" in params and primitive.samples != "concatenate":
        yield Wrong("axis", same, {**params, "axis": 7}, IndexError, "axis 7 is out of bounds")
        yield Wrong("axis below", same, {**params, "axis": -8}, IndexError, "axis -8 is out of bounds")
        yield Wrong("axis as text", same, {**params, "axis": "x"}, TypeError, "axis|str|integer")
    yield Wrong("an unknown parameter", same, {**params, "no_such": 1}, TypeError, "unexpected keyword|no_such")
    yield from OF_FAMILY.get(primitive.samples, []) if isinstance(primitive.samples, str) else []


def right_case(primitive: Primitive) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Arguments with elements and axes."""
    return next(
        (arrays, params)
        for seed in range(300)
        for arrays, params in [case(primitive, Rolled(seed))]
        if all(a.size and a.ndim for a in arrays)
    )


def calls() -> Iterator[Any]:
    for name, primitive in OF_REALS.items():
        arrays, params = right_case(primitive)
        for wrong in wrong_calls(primitive, params, len(arrays)):
            yield pytest.param(name, wrong, id=f"{name}: {wrong.what}")


def op(name: str, args: list[Any], params: dict[str, Any]) -> Any:
    found = getattr(tg.ops, name, None)
    return found(*args, **params) if found else apply(PRIMITIVES[name], tuple(args), params)


def outcome(name: str, xs: list[Tensor], params: dict[str, Any]) -> list[Any]:
    """The value and all gradients, as lists."""
    y = op(name, xs, params)
    diff = [x for x in xs if x.requires_grad]
    gradients = tg.autograd.grad(y, diff, tg.ones_like(y)) if y.requires_grad else ()
    return [y.detach().tolist(), *(g.tolist() for g in gradients)]


@pytest.mark.parametrize(("name", "wrong"), list(calls()))
def test_a_wrong_call_is_refused_with_its_reason_and_changes_nothing(name, wrong):
    arrays, params = right_case(PRIMITIVES[name])
    xs = leaves(arrays)
    before = outcome(name, xs, params)
    mode = context()
    for y in (None, op(name, xs, params)):  # once with a graph that has not been differentiated yet
        args = wrong.arguments(xs)
        with pytest.raises(wrong.error, match=wrong.message):
            op(name, args, wrong.params)
        if y is not None and y.requires_grad:
            diff = [x for x in xs if x.requires_grad]
            assert [g.tolist() for g in tg.autograd.grad(y, diff, tg.ones_like(y))] == before[1:]
    assert context() is mode
    assert outcome(name, xs, params) == before
    assert all(x.grad is None for x in xs)


@pytest.mark.parametrize("name", OF_REALS)
def test_every_primitive_has_a_wrong_call_beyond_operands_that_are_none(name):
    arrays, params = right_case(PRIMITIVES[name])
    assert len(list(wrong_calls(PRIMITIVES[name], params, len(arrays)))) > len(NO_OPERANDS)


@pytest.mark.parametrize("dtype", [np.int64, np.bool_])
def test_what_cannot_change_by_a_little_cannot_require_a_gradient(dtype):
    x = tg.ones(2, dtype=dtype)
    with pytest.raises(DTypeError, match="only Tensors of floating point dtype can require gradients"):
        x.requires_grad = True
    assert not x.requires_grad
