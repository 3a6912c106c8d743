"""Losses of real numbers: squared and absolute errors, and likelihoods of counts and of normal numbers."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError
from tensorgrad.functions.elementwise import clamp

from .reduction import chosen, reduced, warn_of_sizes, weighted


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return ``|input - target|`` averaged (by `weight`, if given), summed or per element; 0 is its slope at 0."""
    error, reduction = ops.abs(input - target), chosen(reduction, size_average, reduce)
    warn_of_sizes(input, target)
    return reduced(error, reduction) if weight is None else weighted(error, weight, reduction, input)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return ``(input - target) ** 2`` averaged (by `weight`, if given), summed or per element.

    Warns where the shapes differ: (N,) against (N, 1) would give all N * N differences.
    """
    error, reduction = (input - target) ** 2, chosen(reduction, size_average, reduce)
    warn_of_sizes(input, target)
    return reduced(error, reduction) if weight is None else weighted(error, weight, reduction, input)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return ``d ** 2 / (2 beta)`` where ``d = |input - target| < beta``, and ``d - beta / 2`` elsewhere.

    Source: Girshick 2015. `beta` 0 is the absolute error; ArgumentError for a negative one.
    """
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss does not support negative values for beta. Found {beta}")
    error = ops.abs(input - target)
    warn_of_sizes(input, target)
    if beta:
        error = ops.where(wrap(error.array < beta), error * error * (0.5 / beta), error - 0.5 * beta)
    return reduced(error, chosen(reduction, size_average, reduce))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return ``d ** 2 / 2`` where ``d = |input - target| < delta``, and ``delta (d - delta / 2)`` elsewhere.

    Source: Huber 1964. `weight` multiplies the elements. ArgumentError for a `delta` that is not positive.
    """
    if delta <= 0:
        raise ArgumentError(f"huber_loss does not support non-positive values for delta. Found {delta}")
    error = ops.abs(input - target)
    warn_of_sizes(input, target)
    loss = ops.where(wrap(error.array < delta), error * error * 0.5, (error - 0.5 * delta) * delta)
    return reduced(loss if weight is None else weighted(loss, weight, "none", input), reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of counts `target` under Poisson's law, without the term ``log(target!)``.

    ``exp(input) - target * input``, or ``input - target * log(input + eps)`` where `log_input` is false. `full` adds
    Stirling's ``t log(t) - t + log(2 pi t) / 2`` for targets above 1.
    """
    rate = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        small = wrap(target.array <= 1)
        t = ops.where(small, 1.0, target)
        rate = rate + ops.where(small, 0.0, t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t))
    return reduced(rate, chosen(reduction, size_average, reduce))


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood ``(log(v) + (input - target) ** 2 / v) / 2`` with ``v = max(var, eps)``.

    `var` has the shape of `input`, or lacks its last axis, or has length 1 there. `full` adds ``log(2 pi) / 2``.
    ValueError for a negative variance, or one of another shape.
    """
    if not isinstance(var, Tensor):
        var = wrap(np.full_like(input.array, var))
    if (var.array < 0).any():
        raise ValueError(f"var has negative entry/entries: the least is {var.array.min()}")
    shape, given = input.array.shape, var.array.shape
    if given != shape and given == shape[:-1]:
        var = ops.reshape(var, shape=(*given, 1))
    elif given != shape and [n for n, m in zip(given, shape, strict=False) if n != m] != [1] * (
        len(given) == len(shape)
    ):
        raise ValueError(f"var is of incorrect size: found {given} for an input of shape {shape}")
    v = clamp(var, min=eps)
    loss = 0.5 * (ops.log(v) + (input - target) ** 2 / v)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
