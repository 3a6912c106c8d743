"""Normalisation within each example: over its last axes, over groups of channels, over neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.create.creation import zeros
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError

from .normalization import by_channel, scaled, statistics
from .precision import narrowed, widened


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return `input` normalised over its last axes, whose lengths are `normalized_shape`, then scaled and shifted.

    ``y = weight * (x - mean) / sqrt(var + eps) + bias`` with the biased variance (Ba, Kiros and Hinton 2016); `weight`
    and `bias` have the shape `normalized_shape`. ShapeError where the shapes do not fit.

    >>> import tensorgrad as tg
    >>> layer_norm(tg.tensor([[1.0, 3.0], [10.0, 30.0]]), [2], eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    axes = _last_axes(input, normalized_shape, weight=weight, bias=bias)
    _, xmu, var = statistics(widened(input), axes, keepdims=True)
    return narrowed(scaled(xmu, var, weight, bias, eps), input)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Return ``weight * x / sqrt(mean(x ** 2) + eps)`` over the last axes (Zhang and Sennrich 2019).

    `eps` None is the machine epsilon of the dtype. ShapeError where the shapes do not fit.
    """
    axes = _last_axes(input, normalized_shape, weight=weight)
    x = widened(input)
    eps = float(np.finfo(x.array.dtype).eps) if eps is None else eps
    y = x / ops.sqrt(ops.mean(x**2, axis=axes, keepdims=True) + eps)
    return narrowed(y if weight is None else y * weight, input)


def _last_axes(x: Tensor, lengths: int | Sequence[int], **parameters: Tensor | None) -> tuple[int, ...]:
    """Return the axes at the end of `x`, which must have these lengths, as the parameters must."""
    wanted = (lengths,) if isinstance(lengths, int) else tuple(lengths)
    if not wanted:
        raise ShapeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, v in parameters.items():
        if v is not None and v.array.shape != wanted:
            raise ShapeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(v.array.shape)} and normalized_shape = {list(wanted)}"
            )
    shape = x.array.shape
    if shape[-len(wanted) :] != wanted:
        stars = ", ".join(["*", *map(str, wanted)])
        raise ShapeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [{stars}], but got input of size"
            f"{list(shape)}"
        )
    return tuple(range(len(shape) - len(wanted), len(shape)))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Return `input` (N, C, ...) normalised over each of `num_groups` groups of channels of each example.

    `weight` and `bias` (C,) then scale and shift each channel (Wu and He 2018).

    Raises:
        ShapeError: C is no multiple of `num_groups`, or not the length of `weight` and `bias`.
        ValueError: one value per group, whose variance says nothing.
    """
    shape = input.array.shape
    if len(shape) < 2:
        raise ShapeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    n, channels, *field = shape
    if num_groups <= 0 or channels % num_groups:
        raise ShapeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(shape)} "
            f"and num_groups={num_groups}"
        )
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and v.array.shape != (channels,):
            raise ShapeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(v.array.shape)} and input of shape {list(shape)}"
            )
    rows = n * channels // num_groups
    if rows * math.prod(field) == 1:
        sizes = [rows, num_groups, *field]
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {sizes}")
    size = channels // num_groups * math.prod(field)
    groups = ops.reshape(widened(input), shape=(n, num_groups, size))
    _, xmu, var = statistics(groups, 2, keepdims=True)
    y = ops.reshape(scaled(xmu, var, None, None, eps), shape=shape)
    scale, shift = by_channel(weight, len(shape)), by_channel(bias, len(shape))
    y = y if scale is None else y * scale
    return narrowed(y if shift is None else y + shift, input)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Return each element of `input` (N, C, L...) over a power of the squares of `size` neighbouring channels.

    ``y = x / (k + alpha / size * sum(neighbours ** 2)) ** beta`` (Krizhevsky et al. 2012, section 3.3).
    """
    shape = input.array.shape
    if len(shape) < 3:
        raise ShapeError(f"Expected 3D or higher dimensionality input (got {len(shape)} dimensions)")
    x = widened(input)
    before, after = (zeros((shape[0], n, *shape[2:]), dtype=x.array.dtype) for n in (size // 2, (size - 1) // 2))
    padded = ops.concatenate(before, x**2, after, axis=1)
    total = ops.getitem(padded, index=(slice(None), slice(0, shape[1])))
    for i in range(1, size):
        total = total + ops.getitem(padded, index=(slice(None), slice(i, i + shape[1])))
    return narrowed(x / (total * (alpha / size) + k) ** beta, input)
