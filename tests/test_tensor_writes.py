"""Writes in place: seen by aliases, refused where they would falsify a gradient, and never half made."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import AutogradError, DTypeError, InPlaceError, ShapeError
from tensorgrad.graph import Graph
from tests.values import RNG, close, grad_of, leaf


def test_an_in_place_operator_is_seen_by_aliases() -> None:
    x = tg.tensor([1.0, 2.0])
    alias, view, array, plain = x, x[:1], x.numpy(), x.detach()
    x += 1
    x *= tg.tensor([2.0, 3.0])
    x -= 1
    x /= 2
    x **= 2
    assert x is alias
    assert x.tolist() == [2.25, 16.0]
    assert (view.tolist(), array.tolist(), plain.tolist()) == ([2.25], [2.25, 16.0], [2.25, 16.0])


WRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "iadd": lambda x: operator.iadd(x, 1.0),
    "isub": lambda x: operator.isub(x, 1.0),
    "imul": lambda x: operator.imul(x, 2.0),
    "itruediv": lambda x: operator.itruediv(x, 2.0),
    "ipow": lambda x: operator.ipow(x, 2.0),
    "add_": lambda x: x.add_(1.0),
    "mul_": lambda x: x.mul_(2.0),
    "zero_": lambda x: x.zero_(),
    "fill_": lambda x: x.fill_(3.0),
    "copy_": lambda x: x.copy_(tg.zeros(2)),
    "setitem": lambda x: operator.setitem(x, 0, 5.0),
    "setitem_mask": lambda x: operator.setitem(x, x > 0, 5.0),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_refused_write_changes_nothing(name: str) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(InPlaceError, match="a leaf Variable that requires grad"):
        WRITES[name](x)
    assert x.tolist() == [1.0, 2.0]
    (x * 3).sum().backward()
    close(grad_of(x), [3.0, 3.0])


@pytest.mark.parametrize("name", WRITES)
def test_under_no_grad_every_write_is_made(name: str) -> None:
    x, plain = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, 2.0])
    with tg.no_grad():
        WRITES[name](x)
    WRITES[name](plain)
    assert x.tolist() == plain.tolist() != [1.0, 2.0]
    assert x.requires_grad
    assert x.is_leaf


OVERWRITES: dict[str, Callable[[tg.Tensor], Any]] = {
    "itself": lambda x: x.mul_(3.0),
    "operator": lambda x: operator.iadd(x, 1.0),
    "setitem": lambda x: operator.setitem(x, 0, 5.0),
    "view": lambda x: x[:1].fill_(9.0),
    "reshaped_view": lambda x: x.reshape(2, 1)[1].zero_(),
    "transposed_view": lambda x: x.reshape(1, 2).T.zero_(),
    "data": lambda x: x.data.fill_(9.0),
    "detach": lambda x: x.detach().add_(1.0),
    "view_of_detach": lambda x: x.detach()[1:].add_(1.0),
    "from_numpy": lambda x: tg.from_numpy(x.detach().numpy()).add_(1.0),
}


@pytest.mark.parametrize("name", OVERWRITES)
@pytest.mark.parametrize(
    "use",
    [lambda x: x * x, lambda x: x.exp(), lambda x: x.sin(), lambda x: x @ x, lambda x: x.max(), lambda x: x / x],
    ids=["mul", "exp", "sin", "matmul", "max", "div"],
)
def test_a_saved_value_that_was_overwritten_makes_backward_raise(name: str, use: Any) -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = use(x)
    with tg.no_grad():
        OVERWRITES[name](y if use(tg.ones(2)).shape == (2,) and y.grad_fn.primitive.name == "exp" else x)
    with pytest.raises(InPlaceError, match="modified by an inplace operation"):
        y.sum().backward()
    assert x.grad is None
    (x * 2).sum().backward()
    close(grad_of(x), [2.0, 2.0])


def test_a_view_taken_before_and_written_after_makes_backward_raise() -> None:
    base = tg.zeros(4)
    view, w = base[1:3], tg.ones(2, requires_grad=True)
    loss = (view * w).sum()
    base[1] = 5.0
    with pytest.raises(InPlaceError):
        loss.backward()


def test_a_write_to_a_value_that_no_rule_reads_is_no_error() -> None:
    x, c = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([5.0, 5.0])
    y = (x + c).sum()
    c.zero_()
    y.backward()
    close(grad_of(x), [1.0, 1.0])


def test_a_write_before_the_operation_is_no_error() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.no_grad():
        x.mul_(3.0)
    (x * x).sum().backward()
    close(grad_of(x), [6.0, 12.0])


@pytest.mark.parametrize("kind", ["integers", "mask", "class"])
def test_an_index_that_is_overwritten_never_gives_a_wrong_gradient(kind: str) -> None:
    x = tg.zeros(1, 3, requires_grad=True)
    if kind == "class":
        index: Any = tg.tensor([0])
        y = tg.nn.functional.cross_entropy(x, index)
        wanted = [[-2 / 3, 1 / 3, 1 / 3]]
        index[0] = 2
    elif kind == "mask":
        index = tg.tensor([[True, False, False]])
        y, wanted = x[index].sum(), [[1.0, 0.0, 0.0]]
        index[0] = tg.tensor([False, True, False])
    else:
        index = tg.tensor([0, 0])
        y, wanted = (x[0][index] * 1).sum(), [[2.0, 0.0, 0.0]]
        index[0] = 2
    try:
        y.backward()
    except InPlaceError:
        return
    close(grad_of(x), np.array(wanted, np.float32), rtol=1e-6)


def test_a_write_through_the_numpy_array_never_gives_a_wrong_gradient() -> None:
    a = np.array([1.0, 2.0])
    x = tg.from_numpy(a).requires_grad_()
    y = (x * x).sum()
    try:
        a[0] = 100.0
        y.backward()
    except (InPlaceError, ValueError):
        return
    close(grad_of(x), [2.0, 4.0])


def test_an_in_place_result_of_another_dtype_or_shape_is_refused_and_changes_nothing() -> None:
    x, y = tg.tensor([1, 2]), tg.zeros(3)
    with pytest.raises(DTypeError, match="can't be cast"):
        x += 1.5
    with pytest.raises(ShapeError, match=r"3.*2, 3"):
        y += tg.ones(2, 3)
    assert (x.tolist(), y.tolist()) == ([1, 2], [0.0, 0.0, 0.0])


def test_data_can_be_assigned_and_keeps_the_leaf_a_leaf() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.data = tg.tensor([3.0, 4.0])
    assert (x.requires_grad, x.is_leaf, x.tolist()) == (True, True, [3.0, 4.0])
    (x * x).sum().backward()
    close(grad_of(x), [6.0, 8.0])
    x.data -= 1
    assert x.tolist() == [2.0, 3.0]


def test_what_was_recorded_before_data_was_assigned_keeps_its_gradient() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = (x**3).sum()
    x.data = tg.tensor([10.0, 20.0])
    (slope,) = tg.autograd.grad(y, x, create_graph=True)
    close(slope, [3.0, 12.0])
    close(tg.autograd.grad(slope.sum(), x)[0], [6.0, 12.0])
    close(tg.autograd.grad((x**2).sum() + y, x)[0], [23.0, 52.0])


def test_a_gradient_of_another_shape_than_the_tensor_has_by_now_is_refused() -> None:
    x = tg.tensor([1.0], requires_grad=True)
    y = (x * x).sum()
    x.data = tg.ones(3)
    with pytest.raises(AutogradError, match=r"shape \[1\] of what was recorded, and the tensor has \[3\] since its"):
        y.backward()
    assert x.grad is None


def test_an_expanded_tensor_is_read_only() -> None:
    x = tg.zeros(1, 3)
    with pytest.raises(InPlaceError, match="read-only"):
        x.expand(2, 3).fill_(1.0)
    assert x.tolist() == [[0.0, 0.0, 0.0]]


PARTS: dict[str, Any] = {"row": 1, "slice": slice(1, 3), "column": (slice(None), -1), "element": (0, 2), "mask": [0, 2]}


@pytest.mark.parametrize("index", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("traced", [False, True])
def test_a_part_that_is_changed_in_place_is_written_once(index: Any, traced: bool) -> None:
    def f(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        whole = x * 1
        whole[index] += y
        whole[index] *= 2
        return (whole * whole).sum()

    x, y = leaf(RNG(0).normal(size=(3, 4))), leaf(0.5)
    graph = Graph.trace(f, x, y) if traced else Graph.of(f(x, y))
    assert [node.op for node in graph.nodes].count("assign") == 2
    changed = x.detach().clone()
    changed[index] = 2 * (changed[index] + 0.5)
    factor = tg.ones(3, 4, dtype=tg.float64)
    factor[index] = 2.0
    f(x, y).backward()
    close(grad_of(x), 2 * changed * factor)
    close(grad_of(y), (2 * changed * factor)[index].sum())


def test_what_is_written_back_without_its_history_cuts_the_gradient() -> None:
    x = leaf([1.0, 2.0, 3.0])
    whole = x * 1
    whole[:1] = whole.detach()[:1]
    whole[1:] = whole[1:]
    whole.sum().backward()
    assert grad_of(x).tolist() == [0, 1, 1]
    with pytest.raises(InPlaceError, match="a leaf Variable that requires grad"):
        x[1:] = x[1:]
