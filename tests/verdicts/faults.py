"""Faults that a gradient checker must see: right values with wrong derivatives, each a slip of its kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.testing import Report, check, gradcheck, gradgradcheck

Case = Callable[[], Report]
MANY = np.linspace(0.0, 1.0, 1500)


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(np.asarray(values, float), requires_grad=True)


def normal(*shape: int) -> tg.Tensor:
    return leaf(np.random.default_rng(0).normal(size=shape))


def own(forward: Callable[..., Any], backward: Callable[..., Any], jvp: Callable[..., Any] | None = None) -> Any:
    """The application of a Function: `forward` of the inputs; `backward` and `jvp` of the inputs, and what is given."""

    class Own(Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return forward(*xs)

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            return backward(ctx.saved_tensors, *gs)

    if jvp is None:
        return Own.apply

    class WithTangent(Own):
        @staticmethod
        def jvp(ctx: Any, *ts: Any) -> Any:
            return jvp(ctx.saved_tensors, *ts)

    return WithTangent.apply


def array(x: Any) -> Any:
    return x.detach().numpy()


def sine(slope: Callable[..., Any]) -> Any:
    """sin, whose backward multiplies the right answer with ``slope(x, g)``."""
    return own(lambda x: x.sin(), lambda s, g: g * s[0].cos() * slope(s[0], g))


def times(fn: Callable[..., Any], factor: Any) -> Callable[..., Any]:
    """`fn` with a gradient wrong by `factor`, made of the engine's own operations."""
    return lambda *xs: fn(*xs) * factor + fn(*xs).detach() * (1 - factor)


def one_of(n: int, at: int, by: float) -> Any:
    return 1 + by * (tg.arange(float(n), dtype=tg.float64) == at)


def matmul(a: Callable[..., Any], b: Callable[..., Any]) -> Any:
    return own(lambda x, y: x @ y, lambda s, g: (a(*s, g), b(*s, g)))


def written(x: tg.Tensor, value: Any) -> Any:
    """Write to the memory of `x` behind the back of the engine."""
    x.array[...] = x.array * value
    return 1.0


def drifting(slope: bool) -> Any:
    calls = count()
    if slope:
        return sine(lambda x, g: 1 + 1e-3 * next(calls))
    return own(lambda x: x.sin() + 1e-3 * next(calls), lambda s, g: g * s[0].cos())


def in_pairs(x: tg.Tensor, y: tg.Tensor, z: tg.Tensor) -> Any:
    """A product whose gradients are right but where exactly two arguments require one."""

    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, z: Any) -> Any:
            ctx.save_for_backward(x, y, z)
            return x * y * z

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y, z = ctx.saved_tensors
            g = g * 1.1 if sum(ctx.needs_input_grad) == 2 else g
            return g * y * z, g * x * z, g * x * y

    return Own.apply(x, y, z)


def only_together(x: tg.Tensor, y: tg.Tensor) -> Any:
    """A product whose gradients are right where both arguments require one."""

    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x, y), (first, second) = ctx.saved_tensors, ctx.needs_input_grad
            factor = 1 if first and second else 2
            return factor * g * y if first else None, factor * g * x if second else None

    return Own.apply(x, y)


def worn(wrong: Callable[[int], bool]) -> Any:
    """sin, whose backward gives twice the answer in the sweeps over one graph that are `wrong`, counted from 1."""

    class Own(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            ctx.sweeps = 0
            return x.sin()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            ctx.sweeps += 1
            return g * ctx.saved_tensors[0].cos() * (2 if wrong(ctx.sweeps) else 1)

    return Own.apply


def beyond(limit: float) -> Any:
    """sin, whose backward is right for cotangents on one side of `limit`: that on which 1 lies."""
    return sine(lambda x, g: tg.where(g.abs() > limit if limit > 1 else (g.abs() < limit) & (g != 0), 2.0, 1.0))


def decaying(fn: Callable[..., Any]) -> Any:
    return own(lambda x: fn(x.exp()), lambda s, g: g * s[0].exp() * (s[0] > -30))


def with_one_at(place: int, value: float) -> tg.Tensor:
    x = np.linspace(-1, 1, 1000)
    x[place] = value
    return leaf(x)


STRIDED = tg.tensor(np.linspace(-1, 1, 24)[::2]).detach().requires_grad_()
TRANSPOSED = tg.tensor(np.linspace(-1, 1, 12).reshape(3, 4)).T.detach().requires_grad_()
POINT = leaf([0.3, 0.5, -0.7])
SQUARE, OTHER = normal(3, 3), leaf(np.random.default_rng(1).normal(size=(3, 3)))
TALL = leaf(np.linspace(-1, 1, 12).reshape(3, 4))

FAULTS: dict[str, Case] = {
    "the sign": lambda: check(own(lambda x: x.sin(), lambda s, g: -g * s[0].cos()), POINT),
    "a factor of two": lambda: check(sine(lambda x, g: 2), POINT),
    "a factor of a half": lambda: check(own(lambda x: x * x, lambda s, g: g * s[0]), POINT),
    "a factor left out at 1e-12": lambda: check(own(lambda x: x * 1e-12, lambda s, g: g * 2e-12), leaf([0.5])),
    "a factor of two at 1e12": lambda: check(own(lambda x: x * 1e12, lambda s, g: g * 2e12), leaf([0.5])),
    "a factor of two of an argument of 1e12": lambda: check(sine(lambda x, g: 2), leaf([1e3])),
    "a factor of two of an argument of 1e-12": lambda: check(
        own(lambda x: x * x, lambda s, g: g * s[0]), leaf([1e-12])
    ),
    "relative 1e-6": lambda: check(times(tg.exp, 1 + 1e-6), POINT),
    "relative 1e-8": lambda: check(sine(lambda x, g: 1 + 1e-8), POINT),
    "relative 1e-10": lambda: check(own(lambda x: x.exp(), lambda s, g: g * s[0].exp() * (1 + 1e-10)), leaf([0.5])),
    "relative 1e-12 where a complex step is possible": lambda: check(times(tg.exp, 1 + 1e-12), POINT),
    "relative 1e-6 where it is not": lambda: check(times(lambda x: abs(x).exp(), 1 + 1e-6), POINT),
    "the wrong axis is summed": lambda: check(
        own(lambda x, b: x + b, lambda s, g: (g, g.sum(1) if g.dim() == 2 else g)), [SQUARE, normal(3)]
    ),
    "the axis of a softmax": lambda: check(
        own(
            lambda x: tg.softmax(x, 0),
            lambda s, g: (y := tg.softmax(s[0], 0)) * (g - (g * y).sum(1, keepdim=True)),
        ),
        SQUARE,
    ),
    "operands swapped": lambda: check(
        own(lambda x, y: x * y, lambda s, g: (g * s[0], g * s[1])), [POINT, leaf([1, 2, 3])]
    ),
    "operands of a difference swapped": lambda: check(
        own(lambda x, y: x - y, lambda s, g: (-g, g)), [POINT, leaf([1, 2, 3])]
    ),
    "a product not transposed": lambda: check(matmul(lambda x, y, g: g @ y, lambda x, y, g: x.T @ g), [SQUARE, OTHER]),
    "a gradient transposed": lambda: check(
        own(lambda x: x * 1.0 * tg.tensor(OTHER.array), lambda s, g: (g * tg.tensor(OTHER.array)).T), SQUARE
    ),
    "the products in the wrong order": lambda: check(
        matmul(lambda x, y, g: y.T @ g, lambda x, y, g: x.T @ g), [SQUARE, OTHER]
    ),
    "a broadcast not summed but read at one place": lambda: check(
        own(lambda x, b: x + b, lambda s, g: (g, g[0])), [TALL, normal(4)]
    ),
    "a broadcast averaged": lambda: check(own(lambda x, b: x + b, lambda s, g: (g, g.mean(0))), [TALL, normal(4)]),
    "in float32": lambda: check(own(lambda x: x.sin(), lambda s, g: (g.float() * s[0].float().cos()).double()), POINT),
    "a gradient of float32": lambda: check(own(lambda x: x.exp(), lambda s, g: (g * s[0].exp()).float()), POINT),
    "a backward with a state": lambda: check(drifting(slope=True), POINT),
    "a forward with a state": lambda: check(drifting(slope=False), POINT),
    "a random forward": lambda: check(lambda x: x * tg.rand(3, dtype=tg.float64), POINT),
    "a random backward": lambda: check(sine(lambda x, g: tg.rand(3, dtype=tg.float64)), POINT),
    "second order by detach": lambda: gradgradcheck(
        own(lambda x: x.exp(), lambda s, g: g * s[0].detach().exp()), POINT, raise_exception=False
    ),
    "second order by NumPy": lambda: gradgradcheck(
        own(lambda x: x.sin(), lambda s, g: g * tg.tensor(np.cos(array(s[0])))), POINT, raise_exception=False
    ),
    "second order all by NumPy": lambda: gradgradcheck(
        own(lambda x: x.sin(), lambda s, g: tg.tensor(array(g) * np.cos(array(s[0])))), POINT, raise_exception=False
    ),
    "None for an input that is used": lambda: check(
        own(lambda x, y: x * y, lambda s, g: (g * s[1], None)), [POINT, leaf([1, 2, 3])]
    ),
    "NaN": lambda: check(sine(lambda x, g: np.nan), POINT),
    "NaN in one element": lambda: check(sine(lambda x, g: tg.where(x < 0, np.nan, 1.0)), POINT),
    "infinity": lambda: check(sine(lambda x, g: np.inf), POINT),
    "another shape": lambda: check(own(lambda x: x.sin(), lambda s, g: (g * s[0].cos())[:2]), POINT),
    "no element": lambda: check(own(lambda x: x * 2, lambda s, g: tg.ones(0, dtype=tg.float64)), leaf(1.0)),
    "too few gradients": lambda: check(own(lambda x, y: x * y, lambda s, g: g * s[1]), [POINT, leaf([1, 2, 3])]),
    "one element of 1,500": lambda: check(
        sine(lambda x, g: one_of(1500, 777, 1e-6) if x.shape == (1500,) else 1), leaf(MANY)
    ),
    "the last of 10,000": lambda: check(
        sine(lambda x, g: one_of(10_000, 9_999, 1e-6)), leaf(np.linspace(0, 1, 10_000))
    ),
    "the last of 10,000, fast": lambda: gradcheck(
        sine(lambda x, g: one_of(10_000, 9_999, 1e-6)),
        leaf(np.linspace(0, 1, 10_000)),
        fast_mode=True,
        raise_exception=False,
    ),
    "the last of 10,000 is left out": lambda: check(
        sine(lambda x, g: tg.arange(10_000.0, dtype=tg.float64) < 9_999), leaf(np.linspace(0, 1, 10_000))
    ),
    "the absolute value of g": lambda: check(own(lambda x: x.sin(), lambda s, g: g.abs() * s[0].cos()), POINT),
    "the cube of g": lambda: check(own(lambda x: x.sin(), lambda s, g: g**3 * s[0].cos()), POINT),
    "the cube of g, one element": lambda: check(own(lambda x: x.sin(), lambda s, g: g**3 * s[0].cos()), leaf([0.3])),
    "g forgotten": lambda: check(own(lambda x: x.sin(), lambda s, g: s[0].cos()), POINT),
    "g forgotten, one element": lambda: check(own(lambda x: x.sin(), lambda s, g: s[0].cos()), leaf([0.3])),
    "g clipped": lambda: check(own(lambda x: x * 1.0, lambda s, g: g.clamp(-0.6, 0.6)), POINT),
    "of small cotangents": lambda: check(beyond(1e-6), POINT),
    "of tiny cotangents": lambda: check(beyond(1e-12), POINT),
    "of large cotangents": lambda: check(beyond(1e6), POINT),
    "of huge cotangents": lambda: check(beyond(1e12), POINT),
    "of cotangents of zero": lambda: check(
        own(lambda x: x.sin(), lambda s, g: tg.where(g == 0, 1.0, g * s[0].cos())), POINT
    ),
    "a gradient clipped": lambda: check(own(lambda x: x.sin(), lambda s, g: (g * s[0].cos()).clamp(-10, 10)), POINT),
    "where one input alone requires a gradient": lambda: check(only_together, [POINT, leaf([1, 2, 3])]),
    "in every sweep but the first": lambda: check(worn(lambda n: n > 1), POINT),
    "in the second sweep only": lambda: check(worn(lambda n: n == 2), POINT),
    "a small element beside a large one in a sum": lambda: check(
        own(lambda x: abs(x).sum(), lambda s, g: g * s[0].sign() * (s[0].abs() > 1e-3)), leaf([1e-5, 1e9])
    ),
    "a slope of 6e-16 among 1,000": lambda: check(decaying(lambda y: y), with_one_at(777, -35)),
    "a slope of 6e-16 in a sum of 1,000": lambda: check(decaying(lambda y: y.sum()), with_one_at(123, -35)),
    "a slope of 6e-16 in a sum of 3": lambda: check(decaying(lambda y: y.sum()), leaf([0, -35, 1])),
    "in place on x, in forward": lambda: check(
        own(lambda x: x.sin() * written(x, 1.5), lambda s, g: g * s[0].cos()), POINT
    ),
    "in place on x, in backward": lambda: check(sine(lambda x, g: written(x, 1.5)), POINT),
    "in place on g": lambda: check(sine(lambda x, g: written(g, 2.0)), POINT),
    "the slope of a leaky rectifier": lambda: check(
        own(lambda x: tg.where(x > 0, x, 0.01 * x), lambda s, g: tg.where(s[0] > 0, g, 0.1 * g)), POINT
    ),
    "the other side of a rectifier": lambda: check(own(lambda x: x.relu(), lambda s, g: g * (s[0] < 0)), POINT),
    "of transposed inputs": lambda: check(sine(lambda x, g: 1 if x.is_contiguous() else 2), TRANSPOSED),
    "of inputs that are not contiguous, found with others": lambda: check(
        sine(lambda x, g: 1 if x.is_contiguous() else 2), TALL
    ),
    "of inputs with gaps": lambda: check(sine(lambda x, g: 1 if x.is_contiguous() else 2), STRIDED),
    "of inputs read backwards": lambda: check(sine(lambda x, g: 2 if x.array.strides[-1] < 0 else 1), POINT),
    "of cotangents that are not contiguous": lambda: check(sine(lambda x, g: 1 if g.is_contiguous() else 2), TALL),
    "of expanded cotangents": lambda: check(sine(lambda x, g: 2 if 0 in g.stride() else 1), TALL),
    "of dimensions of length 1": lambda: check(sine(lambda x, g: 2 if 1 in x.shape else 1), normal(3, 1)),
    "of no dimension": lambda: check(sine(lambda x, g: 1 if x.dim() else 2), leaf(0.3)),
    "at ties only": lambda: check(
        own(lambda x: (x * x).sum(), lambda s, g: g * s[0] * (2 if len(set(array(s[0]).tolist())) == 3 else 3)),
        leaf([0.5, 0.5, 1.0]),
    ),
    "at exact zeros only": lambda: check(
        own(lambda x: x.sin(), lambda s, g: g * s[0].cos() * (s[0] != 0)), leaf([0.0, 0.5])
    ),
    "near 0 only": lambda: check(sine(lambda x, g: tg.where(x.abs() < 1e-6, 2.0, 1.0)), leaf([1e-8, 0.5])),
    "a small output beside a large one": lambda: check(lambda x: (x * 1e9, times(tg.exp, 1.01)(x) * 1e-5), POINT),
    "small elements beside large ones": lambda: check(lambda x: tg.cat([x * 1e15, times(tg.exp, -1)(x)]), POINT),
    "small elements beside large ones, by 1e-4": lambda: check(
        lambda x: tg.cat([x * 1e12, times(tg.exp, 1.0001)(x)]), POINT
    ),
    "where two of three inputs require a gradient": lambda: check(in_pairs, [POINT, leaf([1, 2, 3]), leaf([2, 1, 3])]),
    "beside a kink at a distance of 1e-8": lambda: check(times(lambda x: (x - 1).relu(), 3), leaf([1 + 1e-8])),
    "before a conversion to float32": lambda: check(lambda x: times(tg.sin, 1.001)(x).float().double(), POINT),
    "of a power of a small number": lambda: check(times(lambda x: x**1.5, 1.001), leaf([1e-30])),
    "beside cancellation": lambda: check(lambda x: x - times(tg.sin, 1.001)(x), leaf([1e-5])),
    "a cotangent that is written to": lambda: gradcheck(
        own(lambda x: x * 2, lambda s, g: g.mul_(2)), POINT, raise_exception=False
    ),
    "one of two outputs": lambda: check(
        own(lambda x: (x.sin(), x.cos()), lambda s, g, h: g * s[0].cos() + h * s[0].sin()), POINT
    ),
    "forward mode only": lambda: check(
        own(lambda x: x.sin(), lambda s, g: g * s[0].cos(), lambda s, t: 2 * t * s[0].cos()), POINT
    ),
    "reverse mode only": lambda: check(
        own(lambda x: x.sin(), lambda s, g: 2 * g * s[0].cos(), lambda s, t: t * s[0].cos()), POINT
    ),
    "a straight-through estimator": lambda: check(own(lambda x: x.round(), lambda s, g: g), POINT),
    "a value of NaN": lambda: check(lambda x: tg.sqrt(x) * x, POINT),
}
