"""The dtype in which two operands meet, from either side."""

from __future__ import annotations

import itertools
import operator
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.kinds import elementwise
from tests.peer import torch_
from tests.values import RNG, close, grad_of

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
NUMBERS: list[Any] = [True, 3, 2.5]
OPERATORS = [operator.add, operator.mul, operator.truediv, operator.lt, operator.eq]


def operands() -> list[tuple[str, Any]]:
    made: list[tuple[str, Any]] = [(f"{d}[2]", np.array([1, 1]).astype(d)) for d in DTYPES]
    made += [(f"{d}[]", np.array(1).astype(d)) for d in DTYPES]
    return made + [(repr(v), v) for v in NUMBERS]


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.__name__)
def test_every_pair_of_dtypes_meets_in_the_dtype_in_which_pytorch_has_it(op: Any) -> None:
    torch = torch_()
    wrong = []
    for (left, a), (right, b) in itertools.product(operands(), repeat=2):
        if not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
            continue
        wanted = op(*(torch.from_numpy(v.copy()) if isinstance(v, np.ndarray) else v for v in (a, b)))
        found = op(*(tg.tensor(v) if isinstance(v, np.ndarray) else v for v in (a, b)))
        if f"torch.{found.dtype}" != str(wanted.dtype) or found.tolist() != wanted.tolist():
            wrong.append(f"{left} {op.__name__} {right}: {found.dtype} {found.tolist()}, PyTorch {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        (np.ones(2, np.int64), np.ones(2, np.float32), "float32"),
        (np.ones(2, np.int64), np.ones(2, np.float16), "float16"),
        (np.ones(2, np.float32), np.ones((), np.float64), "float32"),
        (np.ones(2, np.int64), np.ones((), np.float64), "float64"),
        (np.ones(2, np.float32), np.ones(2, np.float64), "float64"),
        (np.ones(2, np.uint8), np.ones(2, np.int8), "int16"),
        (np.ones(2, np.float16), 2.5, "float16"),
        (np.ones(2, np.int8), 2.5, "float32"),
        (np.ones(2, np.int8), 3, "int8"),
        (np.ones(2, np.bool_), 3, "int64"),
        (np.ones((), np.int64), 2.5, "float32"),
        (np.ones((), np.float64), np.ones((), np.float32), "float64"),
    ],
)
def test_the_promotion_table_holds_without_pytorch(a: Any, b: Any, dtype: str) -> None:
    left, right = tg.tensor(a), tg.tensor(b) if isinstance(b, np.ndarray) else b
    assert (left * right).dtype == (right * left).dtype == np.dtype(dtype)


@pytest.mark.parametrize("op", [operator.floordiv, operator.mod, operator.pow], ids=lambda op: op.__name__)
@pytest.mark.parametrize("dtype", ["int64", "int8", "float16", "float32", "float64"])
@pytest.mark.parametrize("number", [2, 2.0])
def test_other_operators_keep_the_table_too(op: Any, dtype: str, number: float) -> None:
    torch = torch_()
    a = np.array([7, 5]).astype(dtype)
    wanted, found = op(torch.from_numpy(a), number), op(tg.tensor(a), number)
    assert f"torch.{found.dtype}" == str(wanted.dtype)
    assert found.tolist() == wanted.tolist()


def test_where_of_two_python_floats_has_the_default_dtype() -> None:
    assert tg.where(tg.tensor([True, False]), 1.0, 2.0).dtype == tg.float32
    assert tg.where(tg.tensor([True, False]), tg.ones(2), 2).dtype == tg.float32


def test_a_numpy_array_on_the_left_gives_a_tensor_with_a_gradient() -> None:
    x = tg.tensor([1.0, 2.0], dtype=tg.float64, requires_grad=True)
    for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
        y = op(np.array([3.0, 4.0]), x)
        assert type(y) is tg.Tensor
        assert y.requires_grad
        assert type(op(np.float64(2.0), x)) is tg.Tensor
    y = np.array([3.0, 4.0]) * x
    y.sum().backward()
    close(grad_of(x), [3.0, 4.0])
    assert type(np.eye(2) @ x) is tg.Tensor
    assert (np.array([1.0, 3.0]) == x).tolist() == [True, False]


def test_operators_compute_what_numpy_computes_from_either_side() -> None:
    a, b = RNG(0).uniform(0.5, 2, (2, 3)), RNG(1).uniform(0.5, 2, 3)
    x, y = tg.tensor(a), tg.tensor(b)
    for op in (
        operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.floordiv,
    ):  # fmt: skip
        close(op(x, y).numpy(), op(a, b))
        close(op(x, 1.5).numpy(), op(a, 1.5))
        close(op(1.5, x).numpy(), op(1.5, a))
    close((-x).numpy(), -a)
    close(abs(-x).numpy(), a)


def test_an_operand_of_a_strange_type_is_refused_with_its_name() -> None:
    with pytest.raises(TypeError, match=r"add.*not str"):
        tg.ones(2) + "text"
    with pytest.raises(TypeError):
        operator.add([1.0, 2.0], tg.ones(2))


def test_whole_numbers_meet_floats_in_the_default_dtype_before_they_are_divided() -> None:
    x = tg.tensor([3, 6, 9, -3])
    for found, single in ((x // 0.3, x.float() // 0.3), (x % 0.3, x.float() % 0.3), (x * 0.1, x.float() * 0.1)):
        assert found.dtype == np.float32
        assert found.tolist() == single.tolist()
    big, one = tg.tensor([2**40 + 1]), tg.tensor(np.array([1], np.uint64))
    for made in (big + one, one * big, tg.maximum(big, one)):
        assert made.dtype == tg.result_type(big, one) == np.float64
    assert (big + one).item() == 2**40 + 2
    assert tg.clamp(tg.tensor([1, 2]), 0.5).dtype == np.float32


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, tg.atan2])
def test_beside_a_number_a_gradient_has_the_dtype_of_what_it_is_of(op: Any, dtype: str) -> None:
    for number in (-2, 0, 0.0, 1, 2.5):
        for swapped in (False, True):
            x = tg.ones(2, dtype=dtype, requires_grad=True)
            with np.errstate(divide="ignore"):
                y = op(number, x) if swapped else op(x, number)
            (first,) = tg.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
            assert y.dtype == first.dtype == x.dtype, (number, swapped)
            if first.requires_grad:
                (second,) = tg.autograd.grad(first.sum(), x)
                assert second.dtype == x.dtype, (number, swapped)


@pytest.mark.parametrize("op", [operator.floordiv, operator.mod, tg.fmod, tg.remainder, tg.floor_divide])
def test_whole_numbers_of_any_kind_divided_by_zero_are_refused(op: Any) -> None:
    whole = [tg.tensor([1, 0], dtype=d) for d in DTYPES if "float" not in d]
    for a, b in itertools.product([*whole, *(x[0] for x in whole), 3, True], [*whole, 0, False]):
        if isinstance(a, tg.Tensor) or (isinstance(b, tg.Tensor) and op in (operator.floordiv, operator.mod)):
            with pytest.raises(ZeroDivisionError, match="whole numbers are divided by 0"):
                op(a, b)


def test_an_operation_of_the_users_gives_integers_one_dtype_on_every_path() -> None:
    slope = lambda a: 0.5  # noqa: E731 - a rule
    half = elementwise("half_of_sum", lambda a, b: (a + b) / 2, slope, slope, samples=[(-1, 1)] * 2, doc="(a + b) / 2")
    try:
        x = tg.arange(3)
        with tg.autograd.detect_anomaly():
            watched = half(x, x)
        assert half(x, x).dtype == watched.dtype == np.float32
    finally:
        PRIMITIVES.pop("half_of_sum")


def test_matrix_products_and_layers_promote_as_sums_do() -> None:
    narrow, wide = tg.ones(2, 2), tg.ones(2, 2, dtype=tg.float64)
    layer = tg.nn.Linear(2, 2)
    for made in (narrow @ wide, wide @ narrow, tg.einsum("ij,jk->ik", narrow, wide), layer(wide)):
        assert made.dtype == (narrow + wide).dtype == tg.float64
