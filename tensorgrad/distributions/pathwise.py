"""Samples of the gamma and of the Dirichlet distribution as functions of their parameters.

Neither is a simple function of noise. But a sample x stays where it is in the distribution, ``F(x; a)`` is constant:
``dx/da = -(dF/da) / (dF/dx)``, the implicit reparametrisation of Figurnov, Mohamed and Mnih 2018, "Implicit
Reparameterization Gradients". ``dF/da`` is the integral of ``(log t - E[log t]) * density(t)`` up to x, or the opposite
of that from x on; of the two that one is taken in which the first factor keeps its sign: nothing is lost by
cancellation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd.function import Function, once_differentiable
from tensorgrad.base.dtypes import Array, finfo
from tensorgrad.create.random import generator_of
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.ops.gammafunctions import digamma_of

_DEPTH = 40.0  # where the density is exp(-40) of that at x, nothing is left to add


def gamma_slope(a: Array, x: Array) -> Array:
    """Return the slope by `a` of samples `x` of the gamma distribution of concentration `a` and rate 1.

    ``density(t) = t**(a - 1) * exp(-t) / gamma(a)``, and ``E[log t] = digamma(a)``; the integral is over ``u = log t``.
    """
    start, center = np.log(x), digamma_of(a)
    return x * _integral(
        lambda u: a * (u - start) - (np.exp(u) - x),
        lambda u: np.abs(u - center),
        start, np.log(a), np.where(start < center, -1.0, 1.0),
    )  # fmt: skip


def beta_slope(a: Array, b: Array, x: Array) -> Array:
    """Return the slope by `a`, over ``1 - x``, of samples `x` of the beta distribution of `a` and `b`.

    ``density(t) ~ t**(a - 1) * (1 - t)**(b - 1)``, and ``E[log t] = digamma(a) - digamma(a + b)``; the integral is over
    ``u = log(t / (1 - t))``.
    """
    start, center = np.log(x) - np.log1p(-x), digamma_of(a) - digamma_of(a + b)
    return x * _integral(
        lambda u: a * (u - start) - (a + b) * (np.logaddexp(0, u) - np.logaddexp(0, start)),
        lambda u: np.abs(-np.logaddexp(0, -u) - center),
        start, np.log(a / b), np.where(np.log(x) < center, -1.0, 1.0),
    )  # fmt: skip


def _integral(
    exponent: Callable[[Array], Array], weight: Callable[[Array], Array], start: Array, peak: Array, side: Array
) -> Array:
    """Return the integral of ``weight * exp(exponent)`` from `start` on, to the left (`side` -1) or to the right (1).

    The exponent is 0 at `start`, concave, and greatest at `peak`; the weight varies slowly. Gauss and Legendre's rule
    of 128 nodes is taken from `start` to `peak`, where that lies ahead, and on to where the exponent is `-_DEPTH`.
    """
    knee = np.maximum(side * (peak - start), 0.0)
    near, far = np.zeros_like(start), np.ones_like(start)
    while (inside := exponent(start + side * (knee + far)) > -_DEPTH).any():
        far = np.where(inside, 2 * far, far)
    for _ in range(40):
        middle = (near + far) / 2
        inside = exponent(start + side * (knee + middle)) > -_DEPTH
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    total = np.zeros_like(start)
    for node, share in zip(*np.polynomial.legendre.leggauss(128), strict=True):
        for first, length in ((0, knee), (knee, far)):
            u = start + side * (first + length * (1 + node) / 2)
            total += share / 2 * length * weight(u) * np.exp(exponent(u))
    return total


class _Gamma(Function):
    """A sample of the gamma distribution of a concentration, and of rate 1."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        drawn = asarray(generator_of(None).standard_gamma(concentration.array.astype(np.float64)))
        x = wrap(np.maximum(drawn, finfo(concentration.dtype).tiny).astype(concentration.array.dtype))
        ctx.save_for_backward(concentration, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        a, x = (t.array.astype(np.float64) for t in ctx.saved_tensors)
        return grads[0] * wrap(gamma_slope(a, x).astype(grads[0].array.dtype))


class _Dirichlet(Function):
    """A sample of the Dirichlet distribution; each component is of a beta distribution of its own and all others."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        a = concentration.array.astype(np.float64)
        tiny = finfo(concentration.dtype).tiny
        parts = np.maximum(asarray(generator_of(None).standard_gamma(a)), tiny)
        x = wrap((parts / parts.sum(-1, keepdims=True)).astype(concentration.array.dtype))
        ctx.save_for_backward(concentration, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        a, x = (t.array.astype(np.float64) for t in ctx.saved_tensors)
        g = grads[0].array
        inside = np.clip(x, finfo(np.float64).tiny, 1 - finfo(np.float64).eps)
        slopes = beta_slope(a, a.sum(-1, keepdims=True) - a, inside)  # and the others share what is left as before
        return wrap((slopes * (g - (x * g).sum(-1, keepdims=True))).astype(g.dtype))


def standard_gamma(concentration: Tensor) -> Tensor:
    """Return samples of the gamma distribution of rate 1, differentiable once by the concentration."""
    drawn: Tensor = _Gamma.apply(concentration)
    return drawn


def dirichlet(concentration: Tensor) -> Tensor:
    """Return samples of the Dirichlet distribution over the last axis, differentiable once by the concentration."""
    drawn: Tensor = _Dirichlet.apply(concentration)
    return drawn
