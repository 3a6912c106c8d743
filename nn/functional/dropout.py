"""Random masks: of elements, of whole channels, and those that keep the mean and variance of self-normalising nets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.base.callsite import warn
from tensorgrad.base.convention import check_convention
from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import WatchedStream
from tensorgrad.create.random import Generator, generator_of, words
from tensorgrad.engine.generalforms import one_step
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError, ShapeError

from .naming import named

ALPHA = -1.7580993408473766
"""What SELU gives for minus infinity: ``-scale * alpha`` (Klambauer et al. 2017)."""


def check_probability(p: float) -> None:
    """Raise ValueError for a probability outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Tensor, shape: tuple[int, ...], p: float, generator: Generator | None, scale: Any = None) -> Array:
    """Return booleans of `shape`, each false with probability `p` to within 2**-33, from one 32-bit word each.

    The words of a stream are the same everywhere, and so is the mask of a seed, whatever the dtype of the `input`. With
    `scale` they are numbers, 0 and `scale`. DTypeError for whole numbers, which cannot be divided by ``1 - p``.
    """
    if input.array.dtype.kind not in "fc":
        raise DTypeError(f"dropout is not implemented for {input.array.dtype}: convert the input, with .float()")
    source, limit = generator_of(generator), round(p * 2**32)
    if isinstance(source, WatchedStream):  # only the words are drawn: what is made of them a plan computes itself
        return _chosen(source.draw(words, shape), limit, scale)
    return _mask(source, shape, limit, scale)


@one_step
def _mask(source: np.random.Generator, shape: tuple[int, ...], limit: int, scale: Any) -> Array:
    """Return which words of the stream are at least `limit`, times `scale` if there is one."""
    return _chosen(words(source, shape), limit, scale)


def _chosen(drawn: Array, limit: int, scale: Any) -> Array:
    kept: Array = drawn >= limit
    return kept if scale is None else kept * scale


def _masked(input: Tensor, shape: tuple[int, ...], p: float, generator: Generator | None) -> Tensor:
    """Return `input` times a mask of `shape` that is 0 with probability `p` and ``1 / (1 - p)`` elsewhere."""
    if p == 1:
        return input * 0.0
    scale = input.array.dtype.type(1 / (1 - p))
    return input * named("mask", wrap(_kept(input, shape, p, generator, scale)))


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
    convention: str = "pytorch",
) -> Tensor:
    """Return `input` with each element zeroed with probability `p` and the others divided by ``1 - p``.

    Source: Srivastava et al. 2014, in the inverted form, which leaves evaluation unchanged. By the convention "book"
    the others are left as they are, and evaluation multiplies all by ``1 - p``. `inplace` is accepted and changes
    nothing, here and below: inputs are never written.

    Raises:
        ValueError: p outside [0, 1].
    """
    check_probability(p)
    if check_convention(convention):
        if not training:
            return input * (1.0 - p)
        keep = _kept(input, input.array.shape, p, generator)
        return input * named("mask", wrap(keep.astype(input.array.dtype)))
    return _masked(input, input.array.shape, p, generator) if training and p else input


def _by_channel(input: Tensor, p: float, training: bool, generator: Generator | None, batched: bool) -> Tensor:
    """Return `input` with whole channels zeroed: of (N, C, ...), or of (C, ...) without a batch."""
    check_probability(p)
    return _masked(input, _channels(input, batched), p, generator) if training and p else input


def _channels(input: Tensor, batched: bool = True) -> tuple[int, ...]:
    """Return the shape of a mask with one element for each channel."""
    shape, lead = input.array.shape, 1 + batched
    if len(shape) < lead:
        raise ShapeError(f"Feature dropout requires at least 2 dimensions in the input, found shape {shape}")
    return (*shape[:lead], *(1,) * (len(shape) - lead))


def _advised(name: str, input: Tensor, space: int) -> None:
    ndim = input.array.ndim
    if ndim not in (space + 1, space + 2):
        warn(
            f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error in a future "
            f"release. To retain the behavior and silence this warning, please use dropout instead. Note that {name} "
            f"exists to provide channel-wise dropout on inputs with {space} spatial dimensions, a channel dimension, "
            f"and an optional batch dimension (i.e. {space + 1}D or {space + 2}D inputs).",
        )


def dropout1d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return `input` (N, C, L) or (C, L) with each channel zeroed with probability `p`, the others over ``1 - p``.

    Raises:
        ValueError: p outside [0, 1].
        ShapeError: another number of axes.
    """
    ndim = input.array.ndim
    if ndim not in (2, 3):
        raise ShapeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. Note that dropout1d exists to provide "
            f"channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch "
            f"dimension (i.e. 2D or 3D inputs)."
        )
    return _by_channel(input, p, training, generator, batched=ndim == 3)


def dropout2d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return `input` (N, C, H, W) with each channel zeroed with probability `p`, the others over ``1 - p``.

    Three axes are taken for (N, C, L), with a warning, as PyTorch does. ValueError for p outside [0, 1].
    """
    _advised("dropout2d", input, 2)
    if input.array.ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
        )
    return _by_channel(input, p, training, generator, batched=True)


def dropout3d(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return `input` (N, C, D, H, W) or (C, D, H, W) with each channel zeroed with probability `p`, as `dropout2d`."""
    _advised("dropout3d", input, 3)
    return _by_channel(input, p, training, generator, batched=input.array.ndim != 4)


def _alpha(input: Tensor, shape: tuple[int, ...], p: float, generator: Generator | None) -> Tensor:
    """Return `input` where a mask of `shape` keeps it, `ALPHA` elsewhere, moved back to mean 0 and variance 1."""
    if p == 1:
        return input * 0.0
    dtype = input.array.dtype
    keep = _kept(input, shape, p, generator)
    scale = 1 / math.sqrt((1 - p) * (1 + p * ALPHA**2))
    mask = named("mask", wrap(keep * dtype.type(scale)))
    dropped = named("dropped", wrap((~keep * dtype.type(ALPHA * scale) - dtype.type(ALPHA * scale * p)).astype(dtype)))
    return input * mask + dropped


def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return `input` with each element put to the lower end of SELU with probability `p`, then scaled and shifted.

    Inputs of mean 0 and variance 1 keep both. Source: Klambauer et al. 2017.

    Raises:
        ValueError: p outside [0, 1].
    """
    check_probability(p)
    return _alpha(input, input.array.shape, p, generator) if training and p else input


def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return what `alpha_dropout` does, with whole channels of `input` (N, C, ...) dropped.

    Raises:
        ValueError: `p` is not between 0 and 1.
    """
    check_probability(p)
    return _alpha(input, _channels(input), p, generator) if training and p else input
