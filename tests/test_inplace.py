"""In-place operations and views: recorded, right to second order, or refused with both operations named."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import AutogradError, DTypeError, InPlaceError, ShapeError
from tensorgrad.tensor.inplace import InPlace
from tensorgrad.tensor.names import WRITING
from tests.writing import WITHOUT_TORCH, X, leaf

W = np.array([0.75, -1.5, 0.25])


def grow(t: Any, x: Any, w: Any) -> Any:
    y = x * 2
    y += w
    return y * y


def two_operators(t: Any, x: Any, w: Any) -> Any:
    y = x.exp() + 0
    y *= x
    y -= w
    y /= x * x + 1
    return y * x


def itself(t: Any, x: Any, w: Any) -> Any:
    y = x + 0
    y *= 3
    return y.sum() * y


def setitem_row(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[0] = w * w
    return y * x


def setitem_of_its_own_part(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[0] = y[1] + w
    return y * y


def setitem_broadcast(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[:, 1:] = w[1:]
    return y * x


def setitem_extra_axes(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[0] = (w * w).reshape(1, 1, 3)
    return y * x


def setitem_into_zeros(t: Any, x: Any, w: Any) -> Any:
    y = t.zeros(2, 3, dtype=t.float64)
    for i in range(2):
        for j in range(3):
            y[i, j] = x[i, j] * w[j]
    return y * y


def setitem_mask(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[x > 0] = w.sum()
    return y * x


def setitem_integers(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[:, t.tensor([2, 0])] = x[:, :2] * w[:2]
    return y * x


def setitem_number(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y[1, 1:] = 7.0
    return y * y + w


def fill_and_zero(t: Any, x: Any, w: Any) -> Any:
    y, z = x * x, x * w
    y[0].zero_()
    z.fill_(3.0)
    return y * x + z * w


def copy_into(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y.copy_(w * w)
    return y * x


def write_to_view(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    v = y[1]
    v *= w
    return y * x


def write_to_view_of_view(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    v = y.t()[1:][:, 0]
    v.add_(w[1:])
    return y * y


def write_to_reshaped(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y.view(-1)[2:5].mul_(w)
    return y * y


def view_sees_write_to_base(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    v = y[0]
    y.mul_(w)
    return v * v + w


def view_sees_write_to_other_view(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    row, column = y[0], y[:, 0]
    row.mul_(w)
    return column * column


def base_is_gone(t: Any, x: Any, w: Any) -> Any:
    v = (x * x).view(6)
    u = v[:3]
    v[1:4] = w
    return u * u + v[3:]


def constant_becomes_tracked(t: Any, x: Any, w: Any) -> Any:
    y = t.zeros(2, 3, dtype=t.float64)
    row = y[0]
    y += x
    return row * row * w


def view_of_constant(t: Any, x: Any, w: Any) -> Any:
    y = t.ones(2, 3, dtype=t.float64)
    y[1].mul_(w)
    y[1] += x[0]
    return y * x


def loop_of_steps(t: Any, x: Any, w: Any) -> Any:
    h = t.zeros(3, dtype=t.float64)
    for i in range(4):
        h = h * 0.5
        h += (w * (i + 1)).sin()
        h.tanh_()
    return h * x


def functions_in_place(t: Any, x: Any, w: Any) -> Any:
    y, z, u = (x * 0.5).exp_(), (x * w).relu_(), (x + 3).clamp_(2, 4)
    return y * z + u.sin_() + (x + 5).sqrt_() + (x * w).pow_(3) + (x * 2).tanh_()


def transposed_in_place(t: Any, x: Any, w: Any) -> Any:
    y = x * x
    y.t_()
    y.unsqueeze_(0)
    y += 1
    return y.squeeze_(0) * y


def no_grad_write_is_a_constant_change(t: Any, x: Any, w: Any) -> Any:
    y = x + 1
    with t.no_grad():
        y.mul_(2)
    return y * 1 + w


def after_floor_nothing_flows(t: Any, x: Any, w: Any) -> Any:
    y = x * w
    y.floor_()
    return y * 2 + x


PROGRAMS = [
    grow, two_operators, itself, setitem_row, setitem_of_its_own_part, setitem_broadcast, setitem_extra_axes,
    setitem_into_zeros, setitem_mask, setitem_integers, setitem_number, fill_and_zero, copy_into, write_to_view,
    write_to_view_of_view, write_to_reshaped, view_sees_write_to_base, view_sees_write_to_other_view, base_is_gone,
    constant_becomes_tracked, view_of_constant, loop_of_steps, functions_in_place, transposed_in_place,
    no_grad_write_is_a_constant_change, after_floor_nothing_flows,
]  # fmt: skip


def results(t: Any, program: Callable[..., Any], order: int) -> list[Any]:
    """Value, gradients and, for order 2, the gradients of a scalar made of the gradients."""
    x, w = (t.tensor(a, dtype=t.float64, requires_grad=True) for a in (X, W))
    y = program(t, x, w)
    grads = t.autograd.grad(y.sum(), [x, w], create_graph=order == 2, allow_unused=True)
    out = [y.detach().numpy().copy(), *[None if g is None else g.detach().numpy().copy() for g in grads]]
    if order == 2:
        scalar = sum((g * g.detach().cos()).sum() + (g * g).sum() for g in grads if g is not None and g.requires_grad)
        if isinstance(scalar, int):
            return out
        out += [None if g is None else g.detach().numpy() for g in t.autograd.grad(scalar, [x, w], allow_unused=True)]
    return out


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_with_writes_gives_pytorchs_values_and_derivatives(program: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    for mine, theirs in zip(results(tg, program, 2), results(torch, program, 2), strict=True):
        if theirs is None or mine is None:
            # what is None in one may be a plain zero in the other: both say that nothing depends on it
            assert all(a is None or not a.any() for a in (mine, theirs))
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12, equal_nan=False)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if "no_grad" not in p.__name__ and "floor" not in p.__name__],
                         ids=lambda p: p.__name__)  # fmt: skip
def test_the_gradients_of_a_program_with_writes_are_its_slopes(program: Callable[..., Any]) -> None:
    _, gx, gw = results(tg, program, 1)
    direction_x, direction_w = np.cos(np.arange(6.0)).reshape(2, 3), np.sin(1 + np.arange(3.0))

    def value(s: float) -> float:
        x, w = tg.tensor(X + s * direction_x), tg.tensor(W + s * direction_w)
        return float(program(tg, x, w).sum().item())

    h = 1e-3
    d = [(value(k * h) - value(-k * h)) / (2 * k * h) for k in (1, 2, 3)]
    numeric = (15 * d[0] - 6 * d[1] + d[2]) / 10
    analytic = sum(float((g * v).sum()) for g, v in ((gx, direction_x), (gw, direction_w)) if g is not None)
    np.testing.assert_allclose(analytic, numeric, rtol=1e-7, atol=1e-9, equal_nan=False)


def test_a_tangent_goes_through_a_write_into_a_view_of_a_number() -> None:
    x = tg.tensor(0.35, dtype=tg.float64, requires_grad=True)
    y = (x * x).reshape(1, 1)
    y += y
    (t,) = tg.autograd.jvp(y, x, tg.tensor(1.0, dtype=tg.float64))
    (g,) = tg.autograd.grad(y.sum(), x)
    np.testing.assert_allclose([t.item(), g.item()], [1.4, 1.4], rtol=1e-15, equal_nan=False)


def test_a_part_may_be_written_while_another_one_is_needed() -> None:
    """A recurrence in one buffer, which PyTorch refuses: its counter of versions does not know rows."""
    w, h = leaf([0.5, -0.25]), tg.zeros(5, 2, dtype=tg.float64)
    h[0] = w
    for t in range(1, 5):
        h[t] = (h[t - 1] * w).sin() + w
    h[4].sum().backward()
    again = leaf([0.5, -0.25])
    y = again
    for _ in range(1, 5):
        y = (y * again).sin() + again
    y.sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), again.grad.numpy(), rtol=1e-14, equal_nan=False)


def test_functions_in_place_one_after_the_other_keep_what_their_rules_read() -> None:
    x, z = leaf([0.3, 0.9]), leaf([0.3, 0.9])
    y = x * 1
    y.exp_().sin_().sigmoid_().sqrt_().mul_(y)
    y.sum().backward()
    u = z.exp().sin().sigmoid().sqrt()
    (u * u).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-14, equal_nan=False)


@pytest.mark.parametrize("write", [lambda y, w: y.copy_(w), lambda y, w: operator.setitem(y, ..., w)])
def test_a_copy_of_a_leaf_is_no_leaf(write: Any) -> None:
    w, y = leaf(), tg.zeros(2, dtype=tg.float64)
    write(y, w)
    assert not y.is_leaf
    y.mul_(3)
    y.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]
    assert y.grad is None


def test_a_single_element_is_a_view() -> None:
    x = tg.zeros(3)
    x[1].fill_(5.0)
    x[2] += 1
    assert x.tolist() == [0.0, 5.0, 1.0]


@pytest.mark.parametrize("write", [lambda v: v.add_(1), lambda v: operator.setitem(v, 0, 3.0), lambda v: v.zero_()])
def test_a_view_of_a_leaf_is_refused_and_nothing_is_written(write: Any) -> None:
    x = leaf()
    with pytest.raises(InPlaceError, match="a view of a leaf Variable that requires grad"):
        write(x[:2])
    with pytest.raises(InPlaceError, match="a view of a leaf Variable that requires grad"):
        write(x.view(1, 2).view(2))
    assert x.tolist() == [1.0, 2.0]
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_view_made_under_no_grad_cannot_be_written_with_grad_mode_on() -> None:
    y = leaf() * 2
    with tg.no_grad():
        v = y[:1]
    with pytest.raises(InPlaceError, match="A view was created in no_grad mode"):
        v.add_(leaf([1.0]))
    assert y.tolist() == [2.0, 4.0]


def test_detached_tensors_are_written_apart_from_history_and_backward_sees_it() -> None:
    x = leaf()
    y = x * 2
    square = (y * y).sum()
    y.detach().add_(1.0)
    assert y.tolist() == [3.0, 5.0]
    with pytest.raises(InPlaceError):
        square.backward()


def test_the_error_names_both_operations_and_both_lines() -> None:
    x = leaf()
    y = x * 2
    z = y.exp()  # reads y? no: exp keeps its own output
    loss = (y * z).sum()
    y.add_(1.0)
    with pytest.raises(InPlaceError) as caught:
        loss.backward()
    message = str(caught.value)
    assert "mul at test_inplace.py" in message
    assert "loss = (y * z).sum()" in message
    assert "add_ at test_inplace.py" in message
    assert "y.add_(1.0)" in message


def test_a_write_after_the_value_was_saved_by_an_operation_that_does_not_read_it_is_fine() -> None:
    x = leaf()
    y = x + 1
    z = y + 1
    y.mul_(10)
    (z + y).sum().backward()
    assert x.grad.tolist() == [11.0, 11.0]


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda y: y.add_(tg.ones(3)), ShapeError, "size of tensor a"),
        (lambda y: y.add_(tg.ones(3, 2)), ShapeError, r"with shape \[2\] doesn't match the broadcast shape \[3, 2\]"),
        (lambda y: operator.setitem(y, slice(1), tg.ones(2)), ShapeError, "doesn't match the broadcast shape"),
        (lambda y: operator.setitem(y, 5, 1.0), IndexError, "out of bounds"),
        (lambda y: y.fill_(tg.ones(2)), ShapeError, "fill_ only supports 0-dimension"),
        (lambda y: y.resize_(3), AutogradError, "cannot resize variables that require grad"),
        (lambda y: y.expand(2, 2).add_(1), InPlaceError, "read-only"),
    ],
)  # fmt: skip
def test_a_refused_write_leaves_value_and_history_alone(write: Any, error: type[Exception], message: str) -> None:
    x = leaf()
    y = x * 2
    with pytest.raises(error, match=message):
        write(y)
    assert y.tolist() == [2.0, 4.0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [8.0, 16.0]


def test_a_float_does_not_go_into_integers_in_place() -> None:
    x = tg.tensor([1, 2])
    with pytest.raises(DTypeError, match="can't be cast to the desired output type int64"):
        x += 0.5
    x[0] = tg.tensor(7.9)
    assert x.tolist() == [7, 2]


def test_of_repeated_indices_the_last_wins_and_alone_has_a_gradient() -> None:
    y, v = tg.zeros(3, dtype=tg.float64), leaf([1.0, 2.0, 3.0])
    y[tg.tensor([0, 0, 2])] = v
    assert y.tolist() == [2.0, 0.0, 3.0]
    y.sum().backward()
    assert v.grad.tolist() == [0.0, 1.0, 1.0]


def test_retained_gradients_stay_with_the_tensor_that_was_written() -> None:
    x = leaf()
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * y).sum().backward()
    assert y.grad.tolist() == (2 * y.detach()).tolist()
    assert x.grad.tolist() == (12 * y.detach()).tolist()


def test_augmented_assignment_to_an_item_writes_once() -> None:
    x, y = leaf(), tg.zeros(2, dtype=tg.float64)
    y[0] += x[1]
    y[0] *= 5
    y.sum().backward()
    assert y.tolist() == [10.0, 0.0]
    assert x.grad.tolist() == [0.0, 5.0]


def test_random_fills_draw_from_the_given_generator_and_cut_the_history() -> None:
    for name in ("normal_", "uniform_", "bernoulli_", "exponential_", "random_"):
        draws = [getattr(tg.zeros(50), name)(generator=tg.Generator().manual_seed(3)).tolist() for _ in range(2)]
        assert draws[0] == draws[1]
        assert len(set(draws[0])) > 1
    x = leaf()
    y = x * 1
    y.normal_()
    (y * x).sum().backward()
    assert x.grad.tolist() == y.tolist()


def test_many_views_of_one_tensor_do_not_pile_up() -> None:
    from tensorgrad.engine.views import position_of

    base = tg.zeros(10)
    for i in range(1000):
        base[i % 10].item()
    assert len(position_of(base).memory) < 50


def test_many_living_views_are_not_gone_through_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorgrad.engine.views import Memory

    passes = []
    monkeypatch.setattr(Memory, "thin", lambda self, plain=Memory.thin: passes.append(len(self)) or plain(self))
    base = tg.zeros(3000, 1)
    rows = [base[i] for i in range(3000)]
    assert sum(passes) < 4 * len(rows)
    base[2000] = 5.0
    assert rows[2000].item() == 5.0


def test_a_view_made_without_recording_is_not_written_with_it() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x * 2
    with tg.no_grad():
        view = y[:2]
        view.mul_(3)  # recorded nowhere, as both are asked to be
    for write in (lambda: view.mul_(3), lambda: view.add_(x[:2]), lambda: view.__setitem__(0, 5.0), view.zero_):
        with pytest.raises(RuntimeError, match="A view was created in no_grad mode"):
            write()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_the_table_names_the_methods_that_write_and_are_no_operation() -> None:
    assert set(WRITING) == {name for name, member in vars(InPlace).items() if inspect.isfunction(member)}
