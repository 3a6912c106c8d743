"""What an optimiser computes, written out in NumPy: nothing in place, nothing shared with the package; and PyTorch.

Each formula takes the start, for every step the function that gives the gradient, and PyTorch's settings; it returns
the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tests.peer import torch_

Array = np.ndarray
Gradients = Iterator[Callable[[Array], Array]]


def sgd(w, gradients, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False) -> Array:
    v = None
    for gradient in gradients:
        g = gradient(w) + weight_decay * w
        v = g if v is None else momentum * v + (1 - dampening) * g
        w = w - lr * (g + momentum * v if nesterov else v if momentum else g)
    return w


def adagrad(w, gradients, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10) -> Array:
    h = np.full_like(w, initial_accumulator_value)
    for k, gradient in enumerate(gradients):
        g = gradient(w) + weight_decay * w
        h = h + g**2
        w = w - lr / (1 + k * lr_decay) * g / (np.sqrt(h) + eps)
    return w


def adadelta(w, gradients, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0) -> Array:
    h = a = np.zeros_like(w)
    for gradient in gradients:
        g = gradient(w) + weight_decay * w
        h = rho * h + (1 - rho) * g**2
        d = np.sqrt((a + eps) / (h + eps)) * g
        a = rho * a + (1 - rho) * d**2
        w = w - lr * d
    return w


def rmsprop(w, gradients, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False) -> Array:
    h = mean = v = np.zeros_like(w)
    for gradient in gradients:
        g = gradient(w) + weight_decay * w
        h = alpha * h + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        v = momentum * v + g / (np.sqrt(h - mean**2 if centered else h) + eps)
        w = w - lr * v
    return w


def adam(
    w, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, decoupled_weight_decay=False
) -> Array:
    b1, b2 = betas
    m = v = largest = np.zeros_like(w)
    for t, gradient in enumerate(gradients, 1):
        g = gradient(w)
        if decoupled_weight_decay:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        largest = np.maximum(largest, v)
        w = w - lr * (m / (1 - b1**t)) / (np.sqrt((largest if amsgrad else v) / (1 - b2**t)) + eps)
    return w


def adamw(w, gradients, weight_decay=1e-2, **settings) -> Array:
    return adam(w, gradients, weight_decay=weight_decay, decoupled_weight_decay=True, **settings)


def nadam(
    w, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
    decoupled_weight_decay=False,
) -> Array:  # fmt: skip
    b1, b2 = betas
    m = v = np.zeros_like(w)
    mus = []
    for t, gradient in enumerate(gradients, 1):
        g = gradient(w)
        if decoupled_weight_decay:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        mus.append(b1 * (1 - 0.96 ** (t * momentum_decay) / 2))
        after = b1 * (1 - 0.96 ** ((t + 1) * momentum_decay) / 2)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        ahead = (1 - mus[-1]) * g / (1 - math.prod(mus)) + after * m / (1 - math.prod(mus) * after)
        w = w - lr * ahead / (np.sqrt(v / (1 - b2**t)) + eps)
    return w


def radam(w, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False) -> Array:
    b1, b2 = betas
    m = v = np.zeros_like(w)
    for t, gradient in enumerate(gradients, 1):
        g = gradient(w)
        if decoupled_weight_decay:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)
        step = m / (1 - b1**t)
        if length > 5:
            r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step = step * math.sqrt(r * (1 - b2**t)) / (np.sqrt(v) + eps)
        w = w - lr * step
    return w


def adamax(w, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0) -> Array:
    b1, b2 = betas
    m = u = np.zeros_like(w)
    for t, gradient in enumerate(gradients, 1):
        g = gradient(w) + weight_decay * w
        m = b1 * m + (1 - b1) * g
        u = np.maximum(b2 * u, abs(g) + eps)
        w = w - lr * m / (1 - b1**t) / u
    return w


def asgd(w, gradients, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0) -> Array:
    for t, gradient in enumerate(gradients):
        eta = lr / (1 + lambd * lr * t) ** alpha
        g = gradient(w) + weight_decay * w
        w = w - eta * (lambd * w + g)
    return w


def rprop(w, gradients, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)) -> Array:
    before, size = np.zeros_like(w), np.full_like(w, lr)
    for gradient in gradients:
        g = gradient(w)
        turned = np.sign(g) * np.sign(before)
        factor = np.select([turned > 0, turned < 0], [etas[1], etas[0]], 1.0)
        size = np.clip(size * factor, *step_sizes)
        before = np.where(turned < 0, 0, g)
        w = w - np.sign(before) * size
    return w


FORMULAS: dict[str, Callable[..., Array]] = {
    "SGD": sgd, "Adagrad": adagrad, "Adadelta": adadelta, "RMSprop": rmsprop, "Adam": adam, "AdamW": adamw,
    "NAdam": nadam, "RAdam": radam, "Adamax": adamax, "ASGD": asgd, "Rprop": rprop,
}  # fmt: skip


@contextmanager
def torch_in_double() -> Iterator[Any]:
    """PyTorch, with float64 as its default dtype: some of its optimisers round the numbers in their state to that."""
    torch = torch_()
    torch.set_default_dtype(torch.float64)
    try:
        yield torch
    finally:
        torch.set_default_dtype(torch.float32)
