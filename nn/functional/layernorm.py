"""Normalisation within each example: over its last axes, or over groups of its channels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import check_real
from tensorgrad.base.numerics import magnitude
from tensorgrad.engine.fused import fused, fusible
from tensorgrad.engine.generalforms import finite
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.composed import row_major
from tensorgrad.functions.precision import narrowed, widened
from tensorgrad.nn.functional import kernels

from .normalization import by_channel, fit, hides, least, scaled_and_shifted, statistics


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return `input` normalised over its last axes, whose lengths are `normalized_shape`, then scaled and shifted.

    ``y = weight * (x - mean) / sqrt(var + eps) + bias`` with the biased variance (Ba, Kiros and Hinton 2016); `weight`
    and `bias` have the shape `normalized_shape`.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import tensorgrad as tg
    >>> layer_norm(tg.tensor([[1.0, 3.0], [10.0, 30.0]]), [2], eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    axes = _last_axes(input, normalized_shape, weight=weight, bias=bias)
    _check_eps("layer_norm", eps)
    x = widened(input)
    given = [v for v in (x, weight, bias) if v is not None]
    if x.array.size and (bias is None or weight is not None) and fusible(*given) and hides(eps, x.array.dtype):
        y, residuals = _fused_layer_norm(*given, axes=axes, eps=eps)
        if residuals:
            return narrowed(y, input)
    return narrowed(_layer_norm(x, weight, bias, axes=axes, eps=eps), input)


def _layer_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, axes: tuple[int, ...], eps: float
) -> Tensor:
    xmu, var, shift, *_ = statistics(x, axes, eps, keepdims=True)
    return row_major(scaled_and_shifted(xmu, var, weight, bias, shift))


_fused_layer_norm = fused(
    "layer_norm", _layer_norm, kernels.layer_norm, kernels.layer_norm_adjoint, reads=(1,), compiles=True
)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Return ``weight * x / sqrt(mean(x ** 2) + eps)`` over the last axes (Zhang and Sennrich 2019).

    `eps` None is the machine epsilon of the dtype.

    Raises:
        ShapeError: the shapes do not fit.
    """
    axes = _last_axes(input, normalized_shape, weight=weight)
    x = widened(input)
    check_real("rms_norm", x.array)
    eps = float(np.finfo(x.array.dtype).eps) if eps is None else eps
    _check_eps("rms_norm", eps)
    with np.errstate(over="ignore"):
        squares = ops.mean(x**2, axis=axes, keepdims=True)
    if finite(squares.array) and fit(squares, eps):
        y = x / ops.sqrt(squares + eps)
    else:
        unit = magnitude(x.array, axes, least(eps))
        x = x * wrap(1 / unit)
        y = x / ops.sqrt(ops.mean(x**2, axis=axes, keepdims=True) + wrap(eps / unit / unit))
    return narrowed(row_major(y if weight is None else y * weight), input)


def _check_eps(name: str, eps: float) -> None:
    """Raise ArgumentError for an `eps` of the function `name` that makes a root of less than a variance."""
    if not eps >= 0:
        raise ArgumentError(f"{name} eps must not be negative, but got {eps}")


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
        raise ShapeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [*, {', '.join(map(str, wanted))}], but "
            f"got input of size{list(shape)}"
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
    _check_eps("group_norm", eps)
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
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {[rows, num_groups, *field]}"
        )
    groups = ops.reshape(widened(input), shape=(n, num_groups, channels // num_groups * math.prod(field)))
    xmu, var, shift, *_ = statistics(groups, 2, eps, keepdims=True)
    y = ops.reshape(scaled_and_shifted(xmu, var, None, None, shift), shape=shape)
    y = y if weight is None else y * by_channel(weight, len(shape))
    return narrowed(y if bias is None else y + by_channel(bias, len(shape)), input)
