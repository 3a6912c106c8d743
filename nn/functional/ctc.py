"""The loss of a sequence of labels that says nothing of when each occurs: connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, int64
from tensorgrad.engine.generalforms import own
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.joining import unbind
from tensorgrad.functions.precision import wide

from .reduction import check_reduction, reduced

Counts = Tensor | Sequence[int] | int

_NEVER = -1e30
"""The logarithm of a probability of 0, as a number that may be added to, subtracted, and differentiated."""


@wide
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Counts,
    target_lengths: Counts,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return minus the logarithm of the probability that the labels `targets` are read, over all alignments.

    An alignment names a class at each time; those that are repeated count once, and blanks are left out. The sums run
    over the times, in logarithms, along the labels with a blank around each (Graves et al. 2006).

    The gradient is that of the formula. PyTorch's for `log_probs` itself has ``exp(log_probs)`` added to it, which a
    `log_softmax` before it takes out again: behind one, the two are the same.

    Args:
        log_probs: logarithms of the probabilities of the classes, (T, N, C) or (T, C).
        targets: whole numbers, (N, S) with padding behind, or all labels one after the other, (sum of the lengths,).
        input_lengths: how many times of each sequence count, (N,) or a number.
        target_lengths: how many labels each has, (N,) or a number.
        blank: the class that stands for none.
        reduction: "mean", of the losses divided by the numbers of labels (at least 1), "sum" or "none".
        zero_infinity: a loss of labels that have no place in their time is 0, as its gradient is; else it is infinite,
            and its gradient is not finite.

    Raises:
        ShapeError: where the lengths are not as many as sequences, or longer than these.
        RangeError: for a class that is not there.
        DTypeError: for targets that are no whole numbers.

    >>> import tensorgrad as tg
    >>> p = tg.tensor([[[0.6, 0.4]], [[0.3, 0.7]]])
    >>> loss = ctc_loss(p.log(), tg.tensor([[1]]), [2], [1], reduction="sum")
    >>> (-loss).exp()  # of label 1 at the first time, at the second, or at both: all but two blanks
    tensor(0.8200)
    """
    check_reduction(reduction)
    if log_probs.array.ndim not in (2, 3):
        raise ShapeError(f"ctc_loss takes log_probs (T, N, C) or (T, C), found {list(log_probs.array.shape)}")
    alone = log_probs.array.ndim == 2
    x = composed.expanded(log_probs, 1) if alone else log_probs
    steps, n, classes = x.array.shape
    times, counts = _lengths("input_lengths", input_lengths, n), _lengths("target_lengths", target_lengths, n)
    if n and times.max() > steps:
        raise ShapeError(f"Expected input_lengths to have value at most {steps}, but got value {times.max()}")
    rows = _with_blanks(_labels(targets, counts, blank, classes), blank)
    losses = _losses(ops.clip(x, low=_NEVER, high=None), rows, times, counts, blank)
    dtype, endless = losses.array.dtype, losses.array > -_NEVER / 10
    if zero_infinity:
        losses = ops.where(wrap(endless), wrap(np.zeros((), dtype)), losses)
    else:
        losses = losses * wrap(np.where(endless, np.inf, 1.0).astype(dtype))
    if reduction == "mean":
        losses = losses * wrap((1 / np.maximum(counts, 1)).astype(dtype))
    y = reduced(losses, reduction)
    return composed.squeezed(y, 0) if alone and reduction == "none" else y


def _lengths(name: str, given: Counts, n: int) -> Array:
    """Return `given` as (n,)."""
    held = given.array if isinstance(given, Tensor) else np.asarray(given)
    found: Array = np.atleast_1d(own(held, int64))
    if held.dtype.kind not in "iu" and held.size:
        raise DTypeError(f"{name} must be integral, found {held.dtype}")
    if found.shape != (n,):
        raise ShapeError(f"{name} must be of size batch_size: expected ({n},), found {found.shape}")
    if n and found.min() < 0:
        raise ArgumentError(f"{name} must not be negative, found {found.min()} for sequence {found.argmin()}")
    return found


def _labels(targets: Tensor, counts: Array, blank: int, classes: int) -> Array:
    """Return the labels as (N, most of them), blanks behind their ends."""
    if targets.array.dtype.kind not in "iu":
        raise DTypeError(f"ctc_loss: targets must be whole numbers, found {targets.array.dtype}")
    if not 0 <= blank < classes:
        raise RangeError(f"blank must be in label range: 0 to {classes - 1}, found {blank}")
    given, most = own(targets.array, int64), int(counts.max(initial=0))
    if given.ndim == 2 and (len(given) != len(counts) or given.shape[1] < most):
        raise ShapeError(
            f"Expected tensor to have size at least ({len(counts)}, {most}) by the lengths of the targets, but got "
            f"targets of shape {list(given.shape)}"
        )
    if given.ndim != 2 and given.shape != (counts.sum(),):
        raise ShapeError(
            f"Expected targets (N, S), or ({counts.sum()},), the sum of target_lengths, but got {list(given.shape)}"
        )
    within = np.arange(most) < counts[:, None]
    if given.ndim == 1:
        starts = np.cumsum(counts) - counts
        places = np.where(within, starts[:, None] + np.arange(most), 0)
        labels = given[places] if most else np.zeros_like(places)
    else:
        labels = given[:, :most]
    wrong = within & ((labels < 0) | (labels >= classes) | (labels == blank))
    if wrong.any():
        raise RangeError(
            f"targets of ctc_loss are classes from 0 to {classes - 1} without the blank, {blank}; found "
            f"{labels[wrong].flat[0]}"
        )
    return np.where(within, labels, blank)


def _with_blanks(labels: Array, blank: int) -> Array:
    """Return (N, 2 S + 1): a blank before, between and behind the labels."""
    n, most = labels.shape
    pairs = np.stack([labels, np.full_like(labels, blank)], axis=2).reshape(n, 2 * most)
    return np.concatenate([np.full((n, 1), blank), pairs], axis=1)


def _losses(x: Tensor, rows: Array, times: Array, counts: Array, blank: int) -> Tensor:
    """Return (N,), minus the logarithm of the sum over all paths along `rows`, which stay, go on, or leave out a blank.

    ``a[t, s] = log(exp a[t-1, s] + exp a[t-1, s-1] + exp a[t-1, s-2]) + x[t, row[s]]``, the last one only onto a label
    unlike the one before. Before the first time all is at place 0.
    """
    dtype, (n, length) = x.array.dtype, rows.shape
    numbers = np.arange(n)[:, None]
    before = np.concatenate([np.full((n, 2), blank), rows], axis=1)[:, :length]
    barred = wrap(np.where((rows == blank) | (rows == before), _NEVER, 0).astype(dtype))
    edge = wrap(np.full((n, 2), _NEVER, dtype))
    a = wrap(np.where(np.arange(length) == 0, 0, np.full((n, length), _NEVER)).astype(dtype))
    history = [a]
    for emitted in unbind(ops.getitem(x, index=(slice(0, int(times.max(initial=0))), numbers, rows)), 0):
        wide_row = ops.concatenate(edge, a, axis=1)
        one, two = (ops.getitem(wide_row, index=(slice(None), slice(2 - k, 2 - k + length))) for k in (1, 2))
        a = composed.logsumexp(composed.stack([a, one, two + barred]), 0) + emitted
        history.append(a)
    last = np.stack([2 * counts, np.maximum(2 * counts - 1, 0)], axis=1)
    ends = ops.getitem(composed.stack(history), index=(times[:, None], numbers, last))
    none = np.stack([np.zeros_like(counts), np.where(counts == 0, _NEVER, 0)], axis=1)
    return -composed.logsumexp(ends + wrap(none.astype(dtype)), 1)
