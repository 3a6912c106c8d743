"""Derivatives written by hand, right and wrong, for tensorgrad, NumPy and PyTorch: what `gradients` must tell.

A wrong one has a kind, its function, what is drawn, and words that the message must hold.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from tensorgrad.testing.strategies import arrays, shapes, tensors

Fault = tuple[str, tuple[Any, ...], dict[str, Any], str]
ROWS = {"x": tensors((3, 2)), "b": tensors((2,))}
SOME = {"x": tensors()}


def functions(xp: ModuleType) -> list[Fault]:
    """Faults in the `autograd.Function`s of tensorgrad or of PyTorch."""

    class Square(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

    class Sign(Square):
        @staticmethod
        def backward(ctx, g):
            return -2 * ctx.saved_tensors[0] * g

    class Factor(Square):
        @staticmethod
        def backward(ctx, g):
            return ctx.saved_tensors[0] * g

    class Forgotten(Square):
        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] + 0 * g

    class Rounded(Square):
        @staticmethod
        def backward(ctx, g):
            return (2 * ctx.saved_tensors[0] * g).to(xp.float32)

    class Detached(Square):
        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0].detach() * g

    class Plus(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x, b):
            ctx.save_for_backward(x, b)
            return x + b

        @staticmethod
        def backward(ctx, g):
            return g, g[0].reshape(ctx.saved_tensors[1].shape)

    class Largest(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.amax()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return (x == y) * g

    class Mean(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sum() / max(x.numel(), 1)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return (g * (1 / x.numel())).expand(x.shape)

    return [
        ("sign", (Sign.apply,), SOME, "the sign is wrong"),
        ("factor", (Factor.apply,), SOME, "it is 0.5 of what it should be"),
        ("forgotten g", (Forgotten.apply,), SOME, "backward linear in the gradient g"),
        ("missing sum", (Plus.apply,), ROWS, "gradient of b at"),
        ("ties", (Largest.apply,), {"x": tensors(shapes(min_side=1))}, "wrong at ties or kinks"),
        ("zero size", (Mean.apply,), SOME, "division by zero"),
        ("dtype", (Rounded.apply,), SOME, " of x at "),
        *memory(xp),
        ("detached", (Detached.apply,), SOME, "is the input detached on the way"),
    ]


def memory(xp: ModuleType) -> list[Fault]:
    """Faults in what is read of memory, and written to it."""

    class Written(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g.mul_(2 * ctx.saved_tensors[0])

    class ByColumns(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            slope = x.cos()
            return g * (slope if x.is_contiguous() or x.ndim != 2 else slope.T.reshape(x.shape))

    return [
        ("written", (Written.apply,), SOME, "a backward writes to the gradient that it is given"),
        ("layout", (ByColumns.apply,), {}, "lie column by column"),
    ]


def pairs() -> list[Fault]:
    """Faults in gradients by hand of NumPy functions."""

    def square(x):
        return x * x

    def largest(x):
        return x.max()

    def mean(x):
        return x.sum() / max(x.size, 1)

    def plus(x, b):
        return np.sin(x) + b

    return [
        ("sign", (square, lambda x: -2 * x), SOME, "the sign is wrong"),
        ("factor", (square, lambda x: 4 * x), SOME, "it is 2 times too large"),
        ("forgotten g", (square, lambda x, g: 2 * x), SOME, "backward linear in the gradient g"),
        ("missing sum", (plus, lambda x, b: (np.cos(x), np.ones_like(x))), ROWS, "the gradient of b has shape (3, 2)"),
        ("missing sum, g", (plus, lambda x, b, g: (g * np.cos(x), g)), ROWS, "the gradient of b has shape (3, 2)"),
        ("ties", (largest, lambda x: 1.0 * (x == x.max())), {"x": arrays((3,))}, "wrong at ties or kinks"),
        ("zero size", (mean, lambda x: np.full(x.shape, 1 / x.size, x.dtype)), SOME, "division by zero"),
        (
            "dtype",
            (square, lambda x: 2.0 * x.astype(np.float64)),
            SOME,
            "has the wrong dtype\ngradients: the gradient of x is float64",
        ),
        (
            "rounded",
            (square, lambda x: 2 * x.astype(np.float32)),
            SOME,
            "has the wrong dtype\ngradients: the gradient of x is float32",
        ),
    ]


def right(xp: ModuleType) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Right derivatives, with ties, kinks, arrays without elements and no second order."""
    once = xp.autograd.function.once_differentiable

    class Cube(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

    class Relu(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        @once
        def backward(ctx, g):
            return (ctx.saved_tensors[0] > 0) * g

    return [
        ("product", (lambda x, y: x * xp.sin(y),), {}),
        ("kinks", (lambda x: xp.relu(x) + (x - 1).abs(),), {}),
        ("largest", (lambda x: x.amax(),), {"x": tensors(shapes(min_side=1))}),
        ("a pair that ties", (lambda x, y: xp.maximum(x, y),), {}),
        ("softmax", (lambda x: xp.softmax(x, -1),), {"x": tensors(shapes(min_dims=1))}),
        ("log", (lambda x: xp.log(x),), {"x": tensors(domain=(0.25, 3.0))}),
        ("Function", (Cube.apply,), SOME),
        ("once", (Relu.apply,), SOME),
        ("module", (xp.nn.Linear(2, 2),), {"input": tensors((3, 2))}),
    ]


def right_pairs() -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Right gradients by hand."""

    def softplus(x: np.ndarray) -> np.ndarray:
        return np.logaddexp(x, 0)

    def layer(x, w, b):
        return np.tanh(x @ w + b)

    def gradient_of_layer(x, w, b, g):
        h = g * (1 - np.tanh(x @ w + b) ** 2)
        return h @ w.T, x.T @ h, h.sum(0)

    return [
        ("softplus", (softplus, lambda x: 1 / (1 + np.exp(-x))), {}),
        ("hinge", (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)), {}),
        ("layer", (layer, gradient_of_layer), {"x": arrays((3, 2)), "w": arrays((2, 2)), "b": arrays((2,))}),
        ("empty", (lambda x: x.sum(), lambda x: np.ones_like(x)), {"x": arrays((0, 3))}),
    ]
