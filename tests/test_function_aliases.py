"""Functions that return their input, a view of it, or one memory twice: writes to it are right, or refused."""

from __future__ import annotations

from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.errors import InPlaceError


class Same(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return g * 3


class Flat(Same):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x.view(-1)


class First(Same):
    """Returns its first argument, which may be a constant."""

    @staticmethod
    def forward(ctx: Any, c: Any, w: Any) -> Any:  # noqa: ARG004
        return c

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return None, g * 3


class Twice(Same):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        y = x * 1
        return y, y.view(-1)

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:  # noqa: ARG004
        return g + h


class Double(Same):
    """Writes to its argument."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)


WRITES = {
    "to the input": lambda h, y: h.mul_(5),
    "to the output": lambda h, y: y.mul_(5),
    "to a part of the input": lambda h, y: h.__setitem__(0, 5.0),
    "to a part of the output": lambda h, y: y.__setitem__(0, 5.0),
    "through a view of the input": lambda h, y: h.view(-1).mul_(5),
    "through a view of the output": lambda h, y: y.view(-1).mul_(5),
    "by a function": lambda h, y: Double.apply(h),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("function", [Same, Flat])
def test_a_write_to_either_side_is_refused(function: Any, write: str) -> None:
    h = tg.ones(2, requires_grad=True) * 1
    y = function.apply(h)
    with pytest.raises(InPlaceError, match=rf"{function.__name__}\.forward returned its input.*\.clone\(\)"):
        WRITES[write](h, y)


def test_of_two_in_a_row_the_outer_ones_are_related_as_well() -> None:
    h = tg.ones(2, requires_grad=True) * 1
    y = Same.apply(Flat.apply(h))
    with pytest.raises(InPlaceError, match="Same"):
        h.mul_(5)
    assert y.tolist() == [1.0, 1.0]


def test_a_constant_that_came_out_and_two_outputs_on_one_memory_are_refused() -> None:
    w, c = tg.ones(2, requires_grad=True), tg.ones(2)
    y = First.apply(c, w)
    with pytest.raises(InPlaceError, match="First"):
        c.mul_(5)
    with pytest.raises(InPlaceError, match="First"):
        tg.mul(w.detach(), 5, out=c)
    with pytest.raises(InPlaceError, match="First"):
        tg.zeros(2, out=c)
    a, b = Twice.apply(w)
    with pytest.raises(InPlaceError, match="Twice"):
        a.mul_(5)
    with pytest.raises(InPlaceError, match="Twice"):
        b.mul_(5)
    assert y.tolist() == a.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("function", [Same, Flat])
def test_without_a_write_or_another_side_all_is_as_before(function: Any) -> None:
    x = tg.ones(2, requires_grad=True)
    function.apply(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    function.apply(x * 1).mul_(5).sum().backward()  # the input is gone
    assert x.grad.tolist() == [18.0, 18.0]
    h = x * 1
    z = function.apply(h) * 2  # the output is gone
    h.mul_(5)
    (z + h).sum().backward()
    assert x.grad.tolist() == [29.0, 29.0]


def test_other_parts_of_the_memory_and_steps_without_grad_are_free() -> None:
    x = tg.ones(2, requires_grad=True)
    h = x * 1
    y = Same.apply(h[:1])
    h[1] = 7.0
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 0.0]
    y = Same.apply(x)
    y.sum().backward()
    with tg.no_grad():
        x -= 0.5 * x.grad
    assert y.tolist() == x.tolist() == [-2.0, 1.0 - 1.5]
    x.data.mul_(2)
