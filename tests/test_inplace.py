"""In-place operations and views: recorded, right to second order, or refused with both operations named."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import AutogradError, DTypeError, InPlaceError, ShapeError
from tensorgrad.tensor import names

WITHOUT_TORCH = "the side-by-side comparison needs PyTorch"
X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])
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


def leaf(values: Any = (1.0, 2.0)) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


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


# --- memory that NumPy code outside can write -------------------------------------------------------------------------


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
    with pytest.raises(InPlaceError, match=r"NumPy code, through the array handed out by numpy\(\) at test_inplace.py"):
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


# --- every operation in place, beside PyTorch's -----------------------------------------------------------------------

Y = np.array([[1.5, 0.25, -0.75], [0.5, 2.0, 1.25]])
ROWS = np.array([0, 1])
WITH_ANOTHER = """add sub subtract mul multiply div divide true_divide floor_divide fmod remainder hypot copysign atan2
    arctan2 eq ne not_equal lt less le less_equal gt greater ge greater_equal logical_and logical_or logical_xor
    heaviside"""
ALONE = """neg negative abs absolute square reciprocal exp exp2 expm1 erf erfc sigmoid relu sin cos tan sinh cosh tanh
    asinh arcsinh atan arctan deg2rad rad2deg floor ceil round trunc fix frac sign sgn nan_to_num
    logical_not tril triu"""
CALLS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(WITH_ANOTHER.split(), ("y",)),
    **dict.fromkeys(ALONE.split(), ()),
    "pow": (2,), "float_power": (2,), "lerp": ("y", 0.25), "addcmul": ("y", "x"), "addcdiv": ("y", "y"),
    "xlogy": (abs(Y),), "clamp": (-0.5, 0.6), "clip": (-0.5, 0.6), "clamp_min": (0.1,), "clamp_max": (0.6,),
    "cumsum": (1,), "cumprod": (1,), "masked_fill": (X > 0.6, 3.0), "masked_scatter": (X > 0.6, Y),
    "index_fill": (1, ROWS, 2.0), "index_copy": (0, ROWS, "y"), "index_add": (0, np.array([1, 1]), "y"),
    "index_put": ((ROWS, ROWS), Y[0, :2]), "scatter": (1, np.array([[0, 2, 1], [2, 1, 0]]), "y"),
    "scatter_add": (1, np.array([[0, 0, 1], [2, 1, 2]]), "y"),
    "scatter_reduce": (1, np.array([[0, 0, 1], [2, 1, 2]]), "y", "sum"),
}  # fmt: skip
# PyTorch gives the gradient of the identity, which is wrong, or none that can be read.
NOT_THEIRS = {"logical_and", "logical_or", "logical_xor", "logical_not", "sgn"}
# On (0, 1) or above 1, and on integers; each by its own test of the function that it is made of.
ELSEWHERE = {
    "sqrt", "rsqrt", "log", "log2", "log10", "log1p", "erfinv", "logit", "asin", "acos", "arcsin", "arccos", "acosh",
    "arccosh", "atanh", "arctanh", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "addmm", "addmv", "addr",
    "addbmm", "baddbmm", "t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze",
}  # fmt: skip


def made_in_place(t: Any, name: str, args: tuple[Any, ...], suffix: str) -> list[Any]:
    x, y = (t.tensor(a, dtype=t.float64, requires_grad=True) for a in (X, Y))

    def converted(a: Any) -> Any:
        if isinstance(a, str) and a in "xy":
            return y if a == "y" else x.detach()
        if isinstance(a, tuple):
            return tuple(map(converted, a))
        return t.tensor(a) if isinstance(a, np.ndarray) else a

    z = x * 1.0
    result = getattr(z, name + suffix)(*map(converted, args))
    assert not suffix or result is z
    grads = t.autograd.grad((result * 1.5).sum(), [x, y], allow_unused=True) if result.requires_grad else (None, None)
    return [result.detach().numpy().copy(), *[None if g is None else g.numpy().copy() for g in grads]]


def test_every_method_in_place_is_in_one_of_the_tables() -> None:
    found = {name[:-1] for row in names.ROWS for name in row.methods if name.endswith("_")}
    assert found == set(CALLS) | ELSEWHERE


@pytest.mark.parametrize("name", CALLS)
def test_in_place_gives_what_the_function_gives(name: str) -> None:
    for made, plain in zip(
        made_in_place(tg, name, CALLS[name], "_"), made_in_place(tg, name, CALLS[name], ""), strict=True
    ):
        if made is None or plain is None:
            assert all(a is None or not a.any() for a in (made, plain))
        else:
            np.testing.assert_array_equal(made, plain)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in NOT_THEIRS])
def test_in_place_gives_what_pytorch_gives(name: str) -> None:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    try:
        theirs = made_in_place(torch, name, CALLS[name], "_")
    except RuntimeError as error:
        assert "not implemented" in str(error)  # noqa: PT017 - any other one is a failure
        pytest.skip(f"PyTorch has no derivative of {name}_")
    for mine, other in zip(made_in_place(tg, name, CALLS[name], "_"), theirs, strict=True):
        if mine is None or other is None:
            assert all(a is None or not a.any() for a in (mine, other))
        else:
            np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-12)


def test_integers_and_masks_in_place() -> None:
    x = tg.tensor([5, 6])
    x &= 4
    x |= 1
    x ^= 3
    x //= 2
    x %= 2
    assert x.tolist() == [1, 1]
    m = tg.zeros(2, 3)
    assert m.fill_diagonal_(7.0).tolist() == [[7.0, 0.0, 0.0], [0.0, 7.0, 0.0]]
