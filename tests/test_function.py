"""Function: users' own operations, first and second order, both modes, several outputs, errors."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.autograd.function import once_differentiable
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tensorgrad.testing import gradcheck


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]


class Scaled(Function):
    """Takes a number and a flag beside tensors, and has setup_context."""

    @staticmethod
    def forward(x: Any, w: Any, factor: float, label: str) -> Any:  # noqa: ARG004
        return x * w * factor

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004
        x, w, ctx.factor, _ = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.saved_tensors
        return g * w * ctx.factor, (g * x * ctx.factor) if ctx.needs_input_grad[1] else None, None, None


class Polar(Function):
    """Two outputs of different shapes, and an integer one."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return (x * x).sum(), x.sin(), x.argmax()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * grads[0] + x.cos() * grads[1]


class WithTangent(Cube):
    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        ctx.used = True
        (x,) = ctx.saved_tensors
        return 3 * x**2 * t


W = tg.tensor([1.5, -0.5, 0.25], dtype=tg.float64)


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


@pytest.mark.parametrize(
    "fn",
    [
        Cube.apply,
        Exp.apply,
        lambda x: Scaled.apply(x, W, 2.5, "label"),
        lambda x: Scaled.apply(W, x + 1, 2.5, "label"),
        lambda x: Scaled.apply(x, x, 2.5, "label"),
        lambda x: Polar.apply(x)[:2],
        lambda x: Polar.apply(x)[1] * x,
        lambda x: Cube.apply(Exp.apply(x) * x),
        WithTangent.apply,
    ],
)
def test_first_and_second_derivatives_are_those_of_the_function(fn: Any) -> None:
    x = leaf(0.5, -1.25, 2.0)
    assert gradcheck(fn, x)

    @tg.enable_grad()
    def gradient(x: Any) -> Any:
        x = x if x.requires_grad else x.clone().requires_grad_()
        ys = fn(x)
        total = sum(y.sum() for y in (ys if isinstance(ys, tuple) else (ys,)))
        return tg.autograd.grad(total * total, x, create_graph=True)[0]

    assert gradcheck(gradient, x)


@pytest.mark.parametrize("function", [Cube, Exp, WithTangent])
def test_forward_mode_is_the_mirror_image(function: type[Function]) -> None:
    x, t, g = leaf(0.5, -1.25), tg.tensor([2.0, 3.0], dtype=tg.float64), tg.tensor([-1.0, 0.5], dtype=tg.float64)
    y = function.apply(x)
    (ty,) = tg.autograd.jvp(y, x, t)
    (gx,) = tg.autograd.grad(y, x, g)
    np.testing.assert_allclose((ty * g).sum().item(), (gx * t).sum().item(), rtol=1e-14)


def test_forward_over_reverse_through_a_function() -> None:
    x = leaf(0.5, -1.25)
    (gx,) = tg.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    (second,) = tg.autograd.jvp(gx, x, tg.ones(2, dtype=tg.float64))
    np.testing.assert_allclose(second.tolist(), [3.0, -7.5], rtol=1e-14)


def test_several_outputs_used_apart_and_together_agree_with_the_plain_composition() -> None:
    x, z = leaf(0.5, -1.25, 2.0), leaf(0.5, -1.25, 2.0)
    square, sine, position = Polar.apply(x)
    assert position.item() == 2
    assert not position.requires_grad
    (square * 3 + (sine * sine).sum()).backward()
    (3 * (z * z).sum() + (z.sin() ** 2).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-14, equal_nan=False)


def test_nothing_is_recorded_without_need() -> None:
    assert not Cube.apply(tg.ones(2)).requires_grad
    with tg.no_grad():
        assert not Cube.apply(leaf(1.0)).requires_grad


def test_an_input_returned_as_it_is_becomes_a_result() -> None:
    class Reversed(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
            return -g

    x = leaf(1.0, 2.0)
    y = Reversed.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0]


class AddOne(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        x.add_(1)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return g * 10  # not the truth, to see that it is used


def test_a_function_in_place_rewrites_the_history_of_its_input() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    z = AddOne.apply(y)
    assert z is y
    y.sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]
    with pytest.raises(InPlaceError, match="a leaf Variable that requires grad"):
        AddOne.apply(leaf(1.0))


def test_a_saved_tensor_that_was_written_is_refused() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    z = Cube.apply(y)
    y.zero_()
    with pytest.raises(InPlaceError, match=r"Cube at test_function\.py"):
        z.sum().backward()


def test_the_gradient_argument_may_be_written_by_backward() -> None:
    class Clipped(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            g[ctx.saved_tensors[0] < 0] = 0
            return g

    x = leaf(-1.0, 2.0)
    y = x * 1
    (Clipped.apply(y) + y).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


def wrong(result: Any) -> type[Function]:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:  # noqa: ARG004
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
            return result(g)

    return Wrong


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (lambda g: g, AutogradError, r"WrongBackward returned an incorrect number of gradients \(expected 2, got 1\)"),
        (lambda g: (g, g, g), AutogradError, r"expected 2, got 3"),
        (lambda g: (g.sum(), g), ShapeError, r"invalid gradient at index 0 - got \[\] but expected shape .* \[2\]"),
        (lambda g: (g, 1.0), TypeError, "expected a Tensor or None as gradient 1, got float"),
    ],
)
def test_a_wrong_backward_is_told(result: Any, error: type[Exception], message: str) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    with pytest.raises(error, match=message):
        wrong(result).apply(x, y).sum().backward()


def test_none_is_no_gradient_and_extra_nones_are_allowed() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    wrong(lambda g: (None, 2 * g, None)).apply(x, y).sum().backward()
    assert x.grad is None
    assert y.grad.tolist() == [2.0, 2.0]


def test_missing_methods_are_told() -> None:
    class Nothing(Function):
        pass

    class Half(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
            return x * 2

    with pytest.raises(NotImplementedError, match="forward"):
        Nothing.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="backward"):
        Half.apply(leaf(1.0)).backward()
    with pytest.raises(TypeError, match="save_for_backward can only save variables"):
        tg.autograd.function.FunctionCtx().save_for_backward(3)


def test_a_once_differentiable_backward_gives_first_derivatives_and_refuses_second_ones() -> None:
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return tg.tensor(3 * x.detach().numpy() ** 2) * g

    x = leaf(2.0)
    Once.apply(x).backward()
    assert x.grad.tolist() == [12.0]
    (gx,) = tg.autograd.grad(Once.apply(x), x, create_graph=True)
    with pytest.raises(AutogradError, match="once_differentiable"):
        gx.backward()


def test_a_function_leaves_no_cycle_and_frees_what_it_saved() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = x * 1
        z = Exp.apply(y) + Cube.apply(y) + Polar.apply(y)[1]
        saved = weakref.ref(y.array)
        node = weakref.ref(z.grad_fn)
        del y
        z.sum().backward()
        assert saved() is None
        del z
        assert node() is None
    finally:
        gc.enable()


def made(forward: Any, backward: Any) -> Any:
    """The application of a Function: `forward` of the inputs, `backward` of what was saved, the inputs, and g."""

    class Made(Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return backward(ctx.saved_tensors, g)

    return Made.apply


def array(x: Any) -> Any:
    return x.detach().numpy()


sine_by_numpy = made(lambda x: tg.tensor(np.sin(array(x))), lambda s, g: tg.tensor(array(g) * np.cos(array(s[0]))))
OUTSIDE = {
    "NumPy": sine_by_numpy,
    "NumPy in one of two terms": made(
        lambda x: x.sin() + x, lambda s, g: g + tg.tensor(array(g) * np.cos(array(s[0])))
    ),
    "the gradient is forgotten": made(lambda x: x.sin(), lambda s, g: s[0].cos()),
    "the gradient is clipped": made(lambda x: x * 1.0, lambda s, g: g.clamp(-0.6, 0.6)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_backward_that_leaves_the_graph_has_no_tangent_instead_of_zeros(name: str) -> None:
    x, t = leaf(0.3, 0.5).detach(), tg.tensor([1.0, 2.0], dtype=tg.float64)
    with pytest.raises(AutogradError, match=r"forward mode of function Made is not known.*define its jvp"):
        tg.func.jvp(OUTSIDE[name], (x,), (t,))
    with pytest.raises(AutogradError, match="forward mode of function Made"):
        tg.func.jacfwd(OUTSIDE[name])(x)


def test_a_once_differentiable_backward_has_no_tangent() -> None:
    class Once(Cube):
        backward = staticmethod(once_differentiable(lambda ctx, g: 3 * ctx.saved_tensors[0] ** 2 * g))

    with pytest.raises(AutogradError, match="forward mode of function Once is not known"):
        tg.func.jvp(Once.apply, (tg.ones(2),), (tg.ones(2),))


@pytest.mark.filterwarnings("ignore:vmap")  # says that it runs the rows one by one
def test_a_gradient_that_left_the_graph_is_no_constant_in_second_derivatives() -> None:
    x = leaf(0.3, 0.5)
    for seed in (None, leaf(1.0, 1.0)):
        (g,) = tg.autograd.grad(sine_by_numpy(x), x, tg.ones_like(x) if seed is None else seed, create_graph=True)
        np.testing.assert_allclose(g.tolist(), np.cos([0.3, 0.5]), rtol=1e-15)
        with pytest.raises(AutogradError, match=r"the backward of function Made cannot be differentiated.*NumPy"):
            (g.sum() + (x * x).sum()).backward()
    with pytest.raises(AutogradError, match="cannot be differentiated"):
        tg.func.hessian(lambda x: sine_by_numpy(x).sum())(x.detach())


def test_a_linear_function_stays_constant_in_second_derivatives() -> None:
    x = leaf(0.3, 0.5)
    for fn in (made(lambda x: x * 3, lambda s, g: g * 3), made(lambda x: x.round(), lambda s, g: tg.zeros_like(g))):
        (g,) = tg.autograd.grad(fn(x).sum(), x, create_graph=True)
        assert not g.requires_grad
        hessian = tg.func.hessian(lambda x, fn=fn: fn(x).sum())(x.detach())
        assert hessian.tolist() == [[0.0, 0.0], [0.0, 0.0]]
        tg.func.jvp(fn, (x.detach(),), (tg.ones_like(x).detach(),))


def test_the_gradient_itself_may_be_returned_and_summed_by_the_sweep() -> None:
    x, b = tg.tensor(np.ones((3, 2)), requires_grad=True), tg.tensor(2.0, dtype=tg.float64, requires_grad=True)
    through = made(lambda x: x.round(), lambda s, g: g)
    assert tg.func.jvp(through, (tg.tensor([0.4]),), (tg.tensor([3.0]),))[1].tolist() == [3.0]
    assert gradcheck(made(lambda x, y: x + y, lambda s, g: (g, g)), [x, b])
    assert gradcheck(made(lambda x, b: x * b, lambda s, g: (g * s[1], (g * s[0]).sum(0))), [x, b])


@pytest.mark.parametrize("shape", [(0,), (3,), (2, 1, 3)])
def test_a_gradient_that_cannot_be_summed_down_names_the_function(shape: Any) -> None:
    fn = made(lambda x: x * 2, lambda s, g: tg.ones(shape, dtype=tg.float64))
    for x in (leaf(1.0, 2.0), *([tg.tensor(1.0, dtype=tg.float64, requires_grad=True)] if shape == (0,) else [])):
        with pytest.raises(ShapeError, match="function MadeBackward returned an invalid gradient at index 0"):
            fn(x).sum().backward()


def test_a_sum_over_nothing_is_zero() -> None:
    x, b = tg.zeros(0, 3), tg.tensor(2.0, requires_grad=True)
    made(lambda x, b: x + b, lambda s, g: (None, g))(x, b).sum().backward()
    assert b.grad.item() == 0.0


def test_a_gradient_of_zero_that_left_the_graph_is_no_constant_either() -> None:
    x = leaf(0.0, 0.5)
    y = sine_by_numpy(x)
    (g,) = tg.autograd.grad(y[0] * y[0], x, create_graph=True)
    assert g.tolist() == [0.0, 0.0]
    with pytest.raises(AutogradError, match="cannot be differentiated"):
        g.sum().backward()


@pytest.mark.parametrize("materialized", [True, False])
def test_backward_is_given_one_gradient_for_each_output(materialized: bool) -> None:
    given: list[Any] = []

    class Parts(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(materialized)
            copy = x * 5
            ctx.mark_non_differentiable(copy)
            return x * 2, x > 0, copy, None, x * 3

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004
            given[:] = gradients
            return 2 * gradients[0] + 3 * gradients[-1]

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:  # noqa: ARG004
            return 2 * t, None, None, None, 3 * t

    def total(x: Any) -> Any:
        first, _, _, _, last = Parts.apply(x)
        return first.sum() + 2 * last.sum()

    x = leaf(1.0, -2.0)
    total(x).backward()
    assert x.grad.tolist() == [8.0, 8.0]
    shown = [None if g is None else g.tolist() for g in given]
    idle = [[False, False], [0.0, 0.0]] if materialized else [None, None]
    assert shown == [[1.0, 1.0], *idle, None, [2.0, 2.0]]
    assert tg.func.jvp(total, (x.detach(),), (tg.ones(2, dtype=tg.float64),))[1].item() == 16.0
