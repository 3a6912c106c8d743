"""Losses of yes and no: probabilities, logits, and margins for targets of 1 and -1."""

from __future__ import annotations

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed

from .reduction import chosen, reduced


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
    `binary_cross_entropy_with_logits`. ArgumentError for numbers outside [0, 1].

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
    """
    if input.array.shape != target.array.shape:
        raise ShapeError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape}): reshape one of them, for "
            "instance with .view_as"
        )
    log_sigmoid = composed.logsigmoid(input)
    if pos_weight is not None:
        log_sigmoid = log_sigmoid * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input - log_sigmoid
    return reduced(loss if weight is None else loss * weight, chosen(reduction, size_average, reduce))


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over the classes, the last axis, of the binary cross entropies of logits with `target`."""
    loss = ops.neg(target * composed.logsigmoid(input) + (1 - target) * composed.logsigmoid(ops.neg(input)))
    mean = ops.mean(loss if weight is None else loss * weight, axis=-1)
    return reduced(mean, chosen(reduction, size_average, reduce))


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``log(1 + exp(-target * input))`` for targets of 1 and -1, finite for any finite input."""
    return reduced(composed.softplus(ops.neg(target * input)), chosen(reduction, size_average, reduce))


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the distance `input` where `target` is 1, and ``max(0, margin - input)`` where it is -1."""
    alike = ops.where(wrap(target.array != -1), input, 0.0)
    apart = ops.where(wrap(target.array != 1), ops.relu(margin - input), 0.0)
    return reduced(alike + apart, chosen(reduction, size_average, reduce))
