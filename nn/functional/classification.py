"""Losses of classes: cross entropies of logits, of logarithms of probabilities, and margins between scores."""

from __future__ import annotations

import numpy as np

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.fused import fused, fusible
from tensorgrad.engine.generalforms import perhaps
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.elementwise import xlogy
from tensorgrad.functions.precision import real, wide
from tensorgrad.nn.functional import kernels

from .reduction import chosen, reduced

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@wide
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross entropy of the softmax of `input` with `target`, finite for any finite logits.

    ``L = -sum_c w_c t_c log_softmax(x)_c``; for a class index, t is one there and zero elsewhere.

    Args:
        input: logits (C,), (N, C) or (N, C, d1, ...).
        target: class indices, of the shape without C, or probabilities of the shape of `input`.
        weight: (C,), multiplies the terms of the classes; the mean over class indices is then weighted by them.
        size_average, reduce: PyTorch's old names for `reduction`.
        ignore_index: positions of this class have no loss, and do not count in the mean.
        reduction: "mean", "sum" or "none".
        label_smoothing: between 0 and 1; t becomes ``(1 - s) t + s / C`` (Szegedy et al. 2016).

    Raises:
        ShapeError, IndexError, DTypeError: shapes that do not fit, a class that is not there, targets that are neither
            classes nor probabilities.

    >>> import tensorgrad as tg
    >>> cross_entropy(tg.zeros(2, 4), tg.tensor([0, 3]))
    tensor(1.3863)
    """
    plain = weight is None and not label_smoothing and reduction == "mean" and size_average is None and reduce is None
    if plain and ignore_index < 0 and fusible(input) and _are_classes(input.array, classes := target.array.copy()):
        return _fused_cross_entropy(input, target=classes)[0]
    reduction = chosen(reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = _class_axis(input, weight)
    if input.array.dtype.kind in "bui" and target.array.dtype.kind == "f":
        input = ops.astype(input, dtype=target.array.dtype)
    logs = composed.log_softmax(input, axis)
    loss = _with_probabilities if target.array.shape == input.array.shape else _with_classes
    return loss(logs, target, weight, axis, label_smoothing, reduction, ignore_index)


def _mean_cross_entropy(input: Tensor, *, target: Array) -> Tensor:
    logs = composed.log_softmax(input, -1)
    return ops.mean(ops.neg(ops.getitem(logs, index=(np.arange(len(target)), target))))


_fused_cross_entropy = fused(
    "cross_entropy", _mean_cross_entropy, kernels.cross_entropy, kernels.cross_entropy_adjoint, reads=()
)


def _are_classes(x: Array, t: Array) -> bool:
    """Return whether `x` is (N, C), and `t` a class for every row."""
    if x.ndim != 2 or t.ndim != 1 or not 0 < len(t) == len(x) or t.dtype.kind not in "iu":
        return False
    # a negative number, read without its sign, is a huge one: one pass instead of two
    return bool(np.maximum.reduce(t.view(_UNSIGNED[t.dtype.itemsize])) < x.shape[1])


@wide
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``-w_t input_t`` for class indices t: with logarithms of probabilities, their negative log likelihood.

    Shapes, weights, ignored classes, reductions and errors are those of `cross_entropy` with class indices.

    From (N, C, ...), or (C,), and classes (N, ...), or (): the shape of the classes with ``reduction="none"``.
    """
    reduction = chosen(reduction, size_average, reduce)
    return _with_classes(input, target, weight, _class_axis(input, weight), 0.0, reduction, ignore_index)


def _class_axis(x: Tensor, weight: Tensor | None) -> int:
    """Return which axis of `x` are the classes; ShapeError where there is none, or `weight` has another length."""
    if not x.array.ndim:
        raise ShapeError("Expected an input of shape (C), (N, C) or (N, C, d1, ...), found a scalar")
    axis = 0 if x.array.ndim == 1 else 1
    classes = x.array.shape[axis]
    if weight is not None and weight.array.shape != (classes,):
        raise ShapeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor of "
            f"shape: {list(weight.array.shape)}"
        )
    return axis


def _with_classes(
    logs: Tensor, target: Tensor, weight: Tensor | None, axis: int, smoothing: float, reduction: str, ignore_index: int
) -> Tensor:
    ignored, t = _checked(logs.array, target.array, axis, ignore_index)
    losses = ops.neg(composed.squeezed(composed.along(logs, np.expand_dims(t, axis), axis), axis))
    factor = None if weight is None else ops.getitem(weight, index=(t,))
    if factor is not None:
        losses = losses * factor
    if smoothing:
        even = ops.sum(_weighted(logs, weight, axis), axis=axis) * (-smoothing / logs.array.shape[axis])
        losses = losses * (1 - smoothing) + even
    if ignored is not None:
        losses = ops.where(wrap(ignored), 0.0, losses)
        counted = wrap((~ignored).astype(losses.array.dtype))
        factor = counted if factor is None else ops.where(wrap(ignored), 0.0, factor)
    if reduction != "mean" or factor is None:
        return reduced(losses, reduction)
    count = ops.sum(factor)  # 0 where every position is ignored: the mean of nothing
    return ops.sum(losses) / count if perhaps(count.array) else ops.mean(losses) * np.nan


def _with_probabilities(
    logs: Tensor, target: Tensor, weight: Tensor | None, axis: int, smoothing: float, reduction: str, ignore_index: int
) -> Tensor:
    if target.array.dtype.kind != "f":
        raise DTypeError(
            f"Expected floating point type for target with class probabilities, got {target.array.dtype}: class "
            f"indices have the shape of the input without its {logs.array.shape[axis]} classes"
        )
    if ignore_index >= 0:
        raise ArgumentError("ignore_index is not supported for floating point target")
    if smoothing:
        target = target * (1 - smoothing) + smoothing / logs.array.shape[axis]
    return reduced(ops.neg(ops.sum(_weighted(logs * target, weight, axis), axis=axis)), reduction)


def _weighted(x: Tensor, weight: Tensor | None, axis: int) -> Tensor:
    """Return `x` with its classes multiplied by `weight` (C,), if there is one."""
    return x if weight is None else x * ops.reshape(weight, shape=(-1, *(1,) * (x.array.ndim - axis - 1)))


def _checked(x: Array, t: Array, axis: int, ignore_index: int) -> tuple[Array | None, Array]:
    """Return which positions are ignored (None: not one), and the classes with 0 in their place."""
    if t.dtype.kind not in "iu":
        raise DTypeError(f"expected target dtype to be Long or Byte, but got {t.dtype}: classes are integers")
    classes, wanted = x.shape[axis], x.shape[:axis] + x.shape[axis + 1 :]
    if x.ndim == 1 and t.shape == (1,):
        raise ShapeError(f"Expected a target without axes for the input of shape {x.shape}, found {t.shape}")
    if t.shape != wanted and t.shape[:1] != wanted[:1]:
        raise ShapeError(
            f"Expected input batch_size ({x.shape[0] if axis else 1}) to match target batch_size "
            f"({t.shape[0] if t.ndim else 0}): classes of shape {wanted} are needed for the input of shape {x.shape}, "
            f"found {t.shape}"
        )
    if t.shape != wanted:
        raise ShapeError(f"Expected target size {list(wanted)}, got {list(t.shape)}, for an input of shape {x.shape}")
    ignored = t == ignore_index
    some = perhaps(ignored.any())
    t = np.where(ignored, 0, t) if some else t.copy()
    if t.size and (t.min() < 0 or t.max() >= classes):
        found = t.min() if t.min() < 0 else t.max()
        raise IndexError(f"Target {found} is out of bounds: classes are 0 to {classes - 1}")
    return (ignored if some else None), t


@real
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return Kullback and Leibler's divergence ``t (log(t) - input)`` of logarithms `input` from probabilities t.

    With `log_target`, t is given by its logarithm. "batchmean" divides the sum by the length of the first axis, which
    is the divergence's definition; "mean", which divides by the number of elements, warns as in PyTorch.
    """
    if size_average is not None or reduce is not None:
        reduction = chosen(reduction, size_average, reduce)
    elif reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
        )
    if target.array.dtype.kind in "bui":
        target = ops.astype(target, dtype=input.array.dtype)
    loss = ops.exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction != "batchmean":
        return reduced(loss, reduction)
    total = ops.sum(loss)
    return total / input.array.shape[0] if input.array.ndim else total


def check_power(p: int) -> None:
    """Raise ArgumentError unless `p` is a power that `multi_margin_loss` knows."""
    if p not in (1, 2):
        raise ArgumentError(f"only p == 1 and p == 2 supported, found {p}")


@wide
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``sum_(i != t) w_t max(0, margin - x_t + x_i) ** p / C`` for scores x (C,) or (N, C) and classes t.

    Raises:
        IndexError: a target is no class.
    """
    check_power(p)
    reduction = chosen(reduction, size_average, reduce)
    axis = _class_axis(input, weight)
    ignored, t = _checked(input.array, target.array, axis, -1)
    if ignored is not None and ignored.any():
        raise IndexError(f"target out of range: classes are 0 to {input.array.shape[axis] - 1}, found -1")
    positions = np.expand_dims(t, axis)
    own = wrap(np.arange(input.array.shape[axis]) == positions)
    excess = ops.relu(input - composed.along(input, positions, axis) + margin)
    losses = ops.where(own, 0.0, excess if p == 1 else excess * excess)
    if weight is not None:
        losses = losses * ops.getitem(weight, index=(positions,))
    return reduced(ops.mean(losses, axis=axis), reduction)


@wide
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``sum max(0, 1 - (x_t - x_i)) / C`` over the classes t of an example and the others, i.

    `target`, of the shape of `input` (), (C,) or (N, C), lists the classes; the first -1 ends a list.

    Raises:
        ShapeError: `target` has another shape than `input`.
        IndexError: a target is no class.
    """
    reduction = chosen(reduction, size_average, reduce)
    t, shape = np.atleast_1d(target.array), input.array.shape or (1,)
    if t.shape != shape or t.dtype.kind not in "iu":
        raise ShapeError(f"inconsistent target size: {t.dtype} of shape {t.shape} for an input of shape {shape}")
    listed = np.cumsum(t < 0, axis=-1) == 0
    if (t[listed] >= shape[-1]).any():
        raise IndexError(f"target out of range: classes are 0 to {shape[-1] - 1}, found {t[listed].max()}")
    counts = ((np.arange(shape[-1]) == t[..., None]) & listed[..., None]).sum(axis=-2)
    pairs = counts[..., :, None] * (counts == 0)[..., None, :]
    x = ops.reshape(input, shape=shape)
    excess = ops.relu(1 - composed.expanded(x, -1) + composed.expanded(x, -2))
    losses = ops.where(wrap(pairs == 0), 0.0, excess * wrap(pairs.astype(excess.array.dtype)))
    return reduced(ops.sum(losses, axis=(-2, -1)) / shape[-1], reduction)
