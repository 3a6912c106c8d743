"""Losses of real numbers, and of yes and no: errors, likelihoods, margins for targets of 1 and -1."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import bounded
from tensorgrad.engine.generalforms import assumed
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.elementwise import clamp
from tensorgrad.functions.precision import real, wide

from .reduction import chosen, reduced, warn_of_sizes, weighted


@wide
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


@wide
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


@real
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return ``d ** 2 / (2 beta)`` where ``d = |input - target| < beta``, and ``d - beta / 2`` elsewhere.

    Source: Girshick 2015. `beta` 0 is the absolute error.

    `input` and `target` broadcast, to the shape of the result with ``reduction="none"``.

    Raises:
        ArgumentError: `beta` is negative.
    """
    if beta < 0:
        raise ArgumentError(f"smooth_l1_loss does not support negative values for beta. Found {beta}")
    error = input - target
    size = ops.abs(error)
    warn_of_sizes(input, target)
    if beta:
        size = ops.where(wrap(size.array < beta), error * error * (0.5 / beta), size - 0.5 * beta)
    return reduced(size, chosen(reduction, size_average, reduce))


@real
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return ``d ** 2 / 2`` where ``d = |input - target| < delta``, and ``delta (d - delta / 2)`` elsewhere.

    Source: Huber 1964. `weight` multiplies the elements.

    Raises:
        ArgumentError: a `delta` that is not positive.
    """
    if delta <= 0:
        raise ArgumentError(f"huber_loss does not support non-positive values for delta. Found {delta}")
    error = input - target
    size = ops.abs(error)
    warn_of_sizes(input, target)
    loss = ops.where(wrap(size.array < delta), error * error * 0.5, (size - 0.5 * delta) * delta)
    return reduced(loss if weight is None else weighted(loss, weight, "none", input), reduction)


@real
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

    `input` and `target` broadcast, to the shape of the result with ``reduction="none"``.
    """
    rate = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        small = wrap(target.array <= 1)
        t = ops.where(small, 1.0, target)
        rate = rate + ops.where(small, 0.0, t * ops.log(t) - t + 0.5 * ops.log(2 * math.pi * t))
    return reduced(rate, chosen(reduction, size_average, reduce))


@real
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

    Raises:
        ValueError: a negative variance, or one of another shape.
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


@real
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``-w (t log(x) + (1 - t) log(1 - x))`` of probabilities x; the logarithm of 0 counts as -100.

    Its slope counts as 1e12 there, as in PyTorch, so that a certain and wrong prediction is drawn back.
    `input` and `target` have one shape, `weight` one that broadcasts to it. Logits are better given to
    `binary_cross_entropy_with_logits`.

    Raises:
        ArgumentError: numbers outside [0, 1].

    >>> import tensorgrad as tg
    >>> binary_cross_entropy(tg.tensor([0.5, 1.0]), tg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    if input.array.shape != target.array.shape:
        raise ShapeError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    for name, array in (("input", input.array), ("target", target.array)):
        if not ((array >= 0) & (array <= 1)).all():
            raise ArgumentError(f"all elements of {name} should be between 0 and 1")
    loss = ops.neg(target * _log(input) + (1 - target) * _log(1 - input))
    return reduced(loss if weight is None else loss * weight, chosen(reduction, size_average, reduce))


def _log(x: Tensor) -> Tensor:
    """Return ``log(x)``, and -100 at 0 with the slope 1e12: a certain and wrong prediction is still drawn back."""
    low = wrap(x.array <= np.exp(-100))
    return ops.where(low, 1e12 * x - 100, ops.log(ops.where(low, 1.0, x)))


@real
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return ``-w (p t log(s) + (1 - t) log(1 - s))`` with ``s = sigmoid(input)``, finite for any finite logits.

    `input` and `target` have one shape; `weight` w and `pos_weight` p broadcast to it.

    Raises:
        ShapeError: `target` has another shape than `input`.
    """
    if input.array.shape != target.array.shape:
        raise ShapeError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape}): reshape one of them, for "
            "instance with .view_as"
        )
    yes = target if pos_weight is None else target * pos_weight
    loss = _of_logits(yes, target, input)
    return reduced(loss if weight is None else loss * weight, chosen(reduction, size_average, reduce))


def _of_logits(yes: Tensor, target: Tensor, x: Tensor) -> Tensor:
    """Return the binary cross entropy with logits `x`; an infinite one is right, and lost nothing, or lost all.

    The slope by a target is the infinite logit itself: of targets that are tracked, the product is left as it is.
    """
    inside = np.logical_not(((target.array < 0) | (target.array > 1)).any())
    if not assumed(inside) and not inside:  # asked twice: neither form is right for all inputs, and a trace says so
        return _of_any_target(yes, target, x)
    no, parts = 1 - target, (composed.softplus(ops.neg(x)), composed.softplus(x))
    with np.errstate(invalid="ignore"):
        loss = yes * parts[0] + no * parts[1]
        if target.tracked or (running() is None and bounded(loss.array)):
            return loss
        terms = [
            ops.where(ops.bitwise_and(ops.eq(share, 0.0), ops.eq(part, math.inf)), 0.0, share * part)
            for share, part in zip((yes, no), parts, strict=True)
        ]
    return ops.add(*terms)


def _of_any_target(yes: Tensor, target: Tensor, x: Tensor) -> Tensor:
    """Return what `_of_logits` does of targets beyond [0, 1], for which its two terms would cancel."""
    both, no = (yes - target) + 1, 1 - target
    above, below = both * composed.softplus(ops.neg(x)) + no * x, both * composed.softplus(x) - yes * x
    return ops.where(target > 0.5, above, below)


@real
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes, the last axis, of the binary cross entropies of logits with `target`."""
    loss = _of_logits(target, target, input)
    mean = ops.mean(loss if weight is None else loss * weight, axis=-1)
    return reduced(mean, chosen(reduction, size_average, reduce))


@real
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``log(1 + exp(-target * input))`` for targets of 1 and -1, finite for any finite input.

    `input` and `target` broadcast, to the shape of the result with ``reduction="none"``.
    """
    return reduced(composed.softplus(ops.neg(target * input)), chosen(reduction, size_average, reduce))


@real
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the distance `input` where `target` is 1, and ``max(0, margin - input)`` where it is -1.

    `input` and `target` broadcast, to the shape of the result with ``reduction="none"``.
    """
    alike = ops.where(wrap(target.array != -1), input, 0.0)
    apart = ops.where(wrap(target.array != 1), ops.clip(margin - input, low=0, high=None), 0.0)
    return reduced(alike + apart, chosen(reduction, size_average, reduce))
