"""Code of the user's within a sweep, hooks and functions: called once, shown what is right, and checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import Function
from tensorgrad.utils.checkpoint import checkpoint


def rooted(x: tg.Tensor) -> tg.Tensor:
    """The root where there is one: plain products give 0 times infinity at 0, so that the sweep is run again."""
    return tg.where(x > 0, x.sqrt(), 0.0)


class Same(Function):
    calls: list[Any]

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
        Same.calls.append((g.dtype, g.tolist()))
        return g * 1


class Root(nn.Module):
    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return rooted(x)


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_function_is_called_once_where_the_sweep_is_run_again(create_graph: bool) -> None:
    Same.calls = []
    x = tg.tensor([0.0, 4.0], requires_grad=True)
    Same.apply(rooted(Same.apply(x))).sum().backward(create_graph=create_graph)
    assert [g for _, g in Same.calls] == [[1.0, 1.0], [0.0, 0.25]]
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.25]


def test_hooks_of_modules_are_called_once_where_the_sweep_is_run_again() -> None:
    first, second, seen = Root(), Root(), []
    first.register_full_backward_hook(lambda m, given, taken: seen.append((given[0].tolist(), taken[0].tolist())))
    second.register_full_backward_pre_hook(lambda m, taken: seen.append(taken[0].tolist()))
    x = tg.tensor([0.0, 16.0], requires_grad=True)
    second(first(x)).sum().backward()
    assert seen == [[1.0, 1.0], ([0.0, 0.03125], [0.0, 0.25])]


def test_a_function_that_makes_a_nan_itself_is_asked_again() -> None:
    class Slope(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            ctx.save_for_backward(x)
            return x.sqrt()

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * (0.5 / ctx.saved_tensors[0].sqrt())

    x = tg.tensor([0.0, 4.0], requires_grad=True)
    tg.where(x > 0, Slope.apply(x), 0.0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.25]


USES: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {
    "hook": lambda x: x,
    "function": lambda x: Same.apply(x),
    "checkpoint": lambda x: checkpoint(lambda a: a * 1, x, use_reentrant=False),
}


@pytest.mark.parametrize("use", USES)
def test_a_number_that_is_used_twice_stays_in_double_precision(use: str) -> None:
    Same.calls = []
    x = tg.tensor(0.1, dtype=tg.float64, requires_grad=True)
    y = USES[use](x * 1)
    y.register_hook(lambda g: g * (1 / 3))
    (y * y + y * 3).backward()
    assert x.grad is not None
    assert x.grad.dtype == tg.float64
    assert abs(x.grad.item() - 3.2 / 3) < 1e-15
    assert all(dtype == tg.float64 for dtype, _ in Same.calls)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_hook_on_an_argument_of_a_checkpoint_is_called_once(reentrant: bool) -> None:
    for make in (lambda x: x, lambda x: x * 1):
        x, seen = tg.tensor(1.24, dtype=tg.float64, requires_grad=True), []
        y = make(x)
        y.register_hook(lambda g, seen=seen: seen.append(g.item()) or g * 2)
        checkpoint(lambda a: a.sin() * a, y, use_reentrant=reentrant).backward()
        wanted = 1.24 * math.cos(1.24) + math.sin(1.24)
        assert x.grad is not None
        assert seen == pytest.approx([wanted], rel=1e-14)
        assert x.grad.item() == pytest.approx(2 * wanted, rel=1e-14)


WRONG: list[tuple[Callable[[tg.Tensor], Any], type[Exception], str]] = [
    (lambda g: g.mean(), RuntimeError, "a gradient of size"),
    (lambda g: g[:1], RuntimeError, "a gradient of size"),
    (lambda g: g.double(), RuntimeError, "a gradient with dtype float64"),
    (lambda g: tg.ones(2, 3, dtype=tg.int64), RuntimeError, "a gradient with dtype int64"),
    (lambda g: 2.0, TypeError, "float as a gradient"),
    (lambda g: (g,), TypeError, "tuple as a gradient"),
    (lambda g: g.numpy(), TypeError, "ndarray as a gradient"),
]


@pytest.mark.parametrize(("wrong", "error", "words"), WRONG)
def test_what_a_hook_returns_must_be_a_gradient_of_the_tensor(wrong: Any, error: Any, words: str) -> None:
    for make in (lambda x: x, lambda x: x * 1):
        x = tg.ones(2, 3, requires_grad=True)
        y = make(x)
        y.register_hook(wrong)
        with pytest.raises(error, match=f"hook '<lambda>' has returned {words}"):
            (y * 2).sum().backward()


@pytest.mark.parametrize(("wrong", "error", "words"), [case for case in WRONG if case[2] != "tuple as a gradient"])
def test_what_a_hook_of_a_module_returns_must_be_gradients_too(wrong: Any, error: Any, words: str) -> None:
    def before(module: Any, taken: Any) -> Any:
        return (wrong(taken[0]),)

    def after(module: Any, given: Any, taken: Any) -> Any:
        return (wrong(given[0]),)

    for register in (
        lambda m: m.register_full_backward_pre_hook(before),
        lambda m: m.register_full_backward_hook(after),
    ):
        module = nn.Identity()
        register(module)
        with pytest.raises(error, match=f"Backward hook returned {words}"):
            module(tg.ones(2, 3, requires_grad=True)).sum().backward()
    module = nn.Identity()
    module.register_full_backward_hook(lambda m, given, taken: (given[0], given[0]))
    with pytest.raises(RuntimeError, match="invalid number of gradients, got 2, but expected 1"):
        module(tg.ones(2, 3, requires_grad=True)).sum().backward()


@pytest.mark.parametrize(("wrong", "error", "words"), WRONG)
def test_what_is_assigned_as_a_gradient_must_be_one(wrong: Any, error: Any, words: str) -> None:
    x, known = tg.ones(2, 3, requires_grad=True), tg.ones(2, 3)
    x.grad = known
    with pytest.raises(error, match=f"attempting to assign {words}"):
        x.grad = wrong(tg.ones(2, 3))
    assert x.grad is known
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x
    x.grad = None
    assert x.grad is None


def test_both_uses_of_one_tensor_have_their_gradient() -> None:
    class Product(nn.Module):
        def forward(self, a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
            return a * b * b

    class Twice(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor, new: bool) -> tuple[tg.Tensor, tg.Tensor]:  # noqa: ARG004
            y = x * 1 if new else x
            return y, y

        @staticmethod
        def backward(ctx: Any, a: tg.Tensor, b: tg.Tensor) -> Any:  # noqa: ARG004
            return a * 10 + b, None

    product, seen = Product(), []
    product.register_full_backward_hook(lambda m, given, taken: seen.append([g.tolist() for g in given]))
    x = tg.tensor([3.0], requires_grad=True)
    product(x, x).sum().backward()
    assert seen == [[[9.0], [18.0]]]
    for new in (False, True):
        x = tg.ones(2, requires_grad=True)
        a, b = Twice.apply(x, new)
        (a * 2 + b * 3).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [23.0, 23.0]


def test_a_pass_that_comes_in_by_a_tensor_inside_shows_no_gradient_of_an_older_one() -> None:
    net, kept, seen = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), {}, []
    net[0].register_forward_hook(lambda m, args, output: kept.update(output=output))
    net[0].register_full_backward_hook(lambda m, given, taken: seen.append(taken[0].tolist()))
    net(tg.ones(1, 2, requires_grad=True)).sum().backward(retain_graph=True)
    (kept["output"] * 100).sum().backward()
    assert len(seen) == 1


def test_the_gradient_of_a_result_leaves_the_operation_that_made_it_alone() -> None:
    x = tg.ones(3, dtype=tg.float64, requires_grad=True)
    h = x.exp()
    (g,) = tg.autograd.grad((h * h).sum(), h)
    h.backward(g)
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([2 * math.e**2] * 3, rel=1e-14)
    h = x.exp()
    g, gx = tg.autograd.grad((h * h).sum(), (h, x))  # behind h lies another target
    assert gx.tolist() == pytest.approx([2 * math.e**2] * 3, rel=1e-14)
    with pytest.raises(RuntimeError, match="a second time"):
        h.backward(g)
    y = (h := x * 2) * x
    with tg.no_grad():
        x.add_(1)  # what h saved is not read
    assert tg.autograd.grad((h * 3).sum(), h)[0].tolist() == [3.0] * 3
    del y


@pytest.mark.parametrize(
    "jump",
    [
        tg.floor, tg.ceil, tg.round, tg.trunc, tg.sign, tg.sgn, tg.fix, lambda x: x // 1,
        lambda x: tg.div(1, x, rounding_mode="floor"), lambda x: tg.div(x, 2, rounding_mode="trunc"),
    ],
)  # fmt: skip
def test_between_jumps_the_slope_is_a_recorded_zero(jump: Callable[[tg.Tensor], tg.Tensor]) -> None:
    x = tg.tensor([1.3, -2.6], requires_grad=True)
    y = jump(x)
    assert y.requires_grad
    assert y.grad_fn is not None
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0]
    assert tg.autograd.jvp(jump(x), x, tg.ones(2))[0].tolist() == [0.0, 0.0]
    infinite = tg.tensor([1.3, -2.6], requires_grad=True)
    jump(infinite).backward(tg.full((2,), math.inf))
    assert infinite.grad is not None
    assert infinite.grad.tolist() == [0.0, 0.0]


def test_backward_is_not_differentiated_through_what_forward_computed() -> None:
    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            square = x * x
            ctx.save_for_backward(square)
            return square * x

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * 3 * ctx.saved_tensors[0]

    x = tg.tensor(2.0, requires_grad=True)
    Cube.apply(x).backward()
    assert x.grad is not None
    assert x.grad.item() == 12.0
    assert tg.autograd.jvp(Cube.apply(x), x, tg.tensor(1.0))[0].item() == 12.0
    (slope,) = tg.autograd.grad(Cube.apply(x) * x, x, create_graph=True)
    assert slope.item() == 32.0
    with pytest.raises(RuntimeError, match="function Cube was differentiated through a tensor that its forward"):
        tg.autograd.grad(slope, x)


def test_a_constant_that_is_an_attribute_of_the_context_is_one() -> None:
    class Scaled(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            ctx.factor = tg.tensor(3.0)
            return x * ctx.factor

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * ctx.factor

    x = tg.tensor(2.0, requires_grad=True)
    (slope,) = tg.autograd.grad(Scaled.apply(x) ** 2, x, create_graph=True)
    assert tg.autograd.grad(slope, x)[0].item() == 18.0
