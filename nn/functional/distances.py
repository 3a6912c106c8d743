"""Distances and angles between vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import magnitude
from tensorgrad.engine.generalforms import finite
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import arithmetic, elementwise, linalg, norms, shapes
from tensorgrad.functions.common import in_dtype, meeting, stretched
from tensorgrad.functions.precision import real, wide

from .reduction import chosen, reduced


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 of shape (*, num_classes) with a 1 at the class that `tensor` (*) holds, and 0 elsewhere.

    `num_classes` -1 takes one more than the largest class.

    Raises:
        ArgumentError: a class that is negative or too large.

    >>> import tensorgrad as tg
    >>> one_hot(tg.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    classes = tensor.array
    if classes.dtype.kind not in "iu":
        raise DTypeError(f"one_hot is only applicable to index tensor of type LongTensor, found {classes.dtype}")
    if not classes.size and num_classes <= 0:
        raise ArgumentError("Can not infer total number of classes from empty tensor.")
    if classes.size and classes.min() < 0:
        raise ArgumentError(f"Class values must be non-negative. Found {classes.min()}")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    if classes.size and classes.max() >= num_classes:
        raise ArgumentError(f"Class values must be smaller than num_classes. Found {classes.max()} of {num_classes}")
    return wrap((classes[..., None] == np.arange(num_classes)).astype(np.int64))


@wide
def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """Return ``input / max(norm, eps)`` with the p-norm over `dim`: vectors of length 1."""
    return arithmetic.div(*_over_length(input, p, dim, eps), out=out)


def _over_length(x: Tensor, p: float, dim: int, eps: float) -> tuple[Tensor, Tensor]:
    """Return `x` and its p-norms over `dim`, those below `eps` as `eps`; both in a larger unit where those overflow."""
    with np.errstate(over="ignore"):
        size = linalg.vector_norm(x, p, dim, keepdim=True)
    if finite(size.array):
        return x, elementwise.clamp(size, min=eps)
    unit = magnitude(x.array, dim)
    x = x * wrap(1 / unit)
    return x, elementwise.clamp(linalg.vector_norm(x, p, dim, keepdim=True), min=wrap(eps / unit))


@wide
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosine of the angle between the vectors along `dim`: their product over that of their lengths.

    A length below `eps` counts as `eps`.

    Raises:
        ArgumentError: `eps` is negative.

    >>> import tensorgrad as tg
    >>> cosine_similarity(tg.tensor([[1.0, 0.0]]), tg.tensor([[3.0, 4.0]]))
    tensor([0.6000])
    """
    if eps < 0:
        raise ArgumentError(f"cosine_similarity: eps must not be negative, but got {eps}")
    dtype = meeting(x1, x2)
    shape = shapes.broadcast_shapes(x1.array.shape, x2.array.shape)
    x1, x2 = (in_dtype(stretched(x, shape), dtype) for x in (x1, x2))
    first, second = (ops.div(*_over_length(x, 2, dim, eps)) for x in (x1, x2))
    return ops.sum(first * second, axis=dim)


@real
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return the p-norm of ``x1 - x2 + eps`` over the last axis; eps keeps the slope finite where they are equal."""
    return norms.distance(x1, x2, p, -1, keepdim, eps)


@wide
def pdist(input: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm distances of every pair of rows of `input` (N, M), of shape (N (N - 1) / 2,).

    The pairs (0, 1), (0, 2), ... (1, 2), ... in this order.

    Raises:
        ShapeError: `input` is no matrix.
        ArgumentError: `p` is negative.
    """
    if input.array.ndim != 2:
        raise ShapeError(f"pdist only supports 2D tensors, got: {input.array.ndim}D of shape {input.array.shape}")
    if p < 0:
        raise ArgumentError(f"pdist only supports non-negative p values, but got {p}")
    first, second = np.triu_indices(len(input.array), 1)
    return norms.distance(ops.getitem(input, index=(first,)), ops.getitem(input, index=(second,)), p, -1)


@wide
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``1 - cos`` of the two vectors where `target` is 1, and ``max(0, cos - margin)`` where it is -1.

    Inputs (D,) with a target (), or (N, D) with (N,). ``cos = x1 x2 / sqrt((x1 x1 + e) (x2 x2 + e))``, e = 1e-12.

    Raises:
        ShapeError: `target` has not one number for each pair of vectors.
    """
    if input1.array.ndim != target.array.ndim + 1 or input2.array.ndim != input1.array.ndim or target.array.ndim > 1:
        raise ShapeError(
            f"{target.array.ndim}D target tensor expects {target.array.ndim + 1}D input tensors, but found inputs with "
            f"sizes {list(input1.array.shape)} and {list(input2.array.shape)}."
        )
    cos = ops.sum(_directed(input1) * _directed(input2), axis=-1)
    alike = ops.where(wrap(target.array == 1), 1 - cos, 0.0)
    apart = ops.where(wrap(target.array == -1), ops.clip(cos - margin, low=0, high=None), 0.0)
    return reduced(alike + apart, chosen(reduction, size_average, reduce))


def _directed(x: Tensor) -> Tensor:
    """Return ``x / sqrt(sum(x * x) + 1e-12)`` over the last axis, by a length that scales, and is nowhere 0."""
    slight = np.full((*x.array.shape[:-1], 1), 1e-6, x.array.dtype)
    with np.errstate(over="ignore"):
        size = _longer(x, slight)
    if finite(size.array):
        return x / size
    unit = magnitude(x.array, -1)
    x = x * wrap(1 / unit)
    return x / _longer(x, slight / unit)


def _longer(x: Tensor, slight: Array) -> Tensor:
    return ops.length(ops.concatenate(x, wrap(slight), axis=-1), p=2, axis=-1, keepdims=True)


@wide
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, -target * (input1 - input2) + margin)``: `input1` should be the larger where `target` is 1.

    All three broadcast, to the shape of the result with ``reduction="none"``.

    Raises:
        ShapeError: the three have different numbers of axes.
    """
    if not input1.array.ndim == input2.array.ndim == target.array.ndim:
        raise ShapeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape}"
        )
    return reduced(
        ops.clip(margin - target * (input1 - input2), low=0, high=None), chosen(reduction, size_average, reduce)
    )


def check_margin(name: str, margin: float) -> None:
    """Raise ArgumentError in the name of a loss, unless `margin` is positive: without one, equal is near enough."""
    if not margin > 0:
        raise ArgumentError(f"{name}: expected margin to be greater than 0, got {margin} instead")


@wide
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return ``max(0, margin + d(anchor, positive) - d(anchor, negative))`` with the p-norm distance.

    `swap` takes d(positive, negative) where that is the smaller. Source: Balntas et al. 2016.

    Raises:
        ShapeError: tensors of different numbers of dimensions.
        ArgumentError: a margin that is not positive.
    """
    ndims = [x.array.ndim for x in (anchor, positive, negative)]
    if len(set(ndims)) > 1:
        raise ShapeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {ndims[0]}D, positive {ndims[1]}D, and negative {ndims[2]}D inputs"
        )
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=chosen(reduction, size_average, reduce),
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """Return `triplet_margin_loss` with a distance of one's own; by default `pairwise_distance`.

    All three have one shape (N, D), or (D,); the result is (N,), or (), with ``reduction="none"``.

    Raises:
        ArgumentError: a `margin` that is not above 0.
    """
    check_margin("triplet_margin_loss", margin)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduced(ops.clip(margin + near - far, low=0, high=None), reduction)
