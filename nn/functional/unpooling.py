"""Norms of windows, and maxima put back to where they came from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import int64
from tensorgrad.engine.generalforms import own
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError, RangeError, ShapeError
from tensorgrad.functions.precision import wide

from .pooling import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from .windows import Sizes, batched, per_axis, unbatched

_POOLS: dict[int, tuple[Callable[..., Tensor], Callable[..., Any]]] = {
    1: (avg_pool1d, max_pool1d),
    2: (avg_pool2d, max_pool2d),
    3: (avg_pool3d, max_pool3d),
}


@wide
def _norms(n: int, x: Tensor, p: float, size: Sizes, stride: Sizes | None, ceil_mode: bool) -> Tensor:
    if not p:
        raise ValueError(f"lp_pool{n}d: the norm of order 0 has no root; norm_type must not be 0")
    average, highest = _POOLS[n]
    if math.isinf(p):  # the limit: the largest of the absolute values, or the smallest
        found: Tensor = highest(ops.abs(x) if p > 0 else -ops.abs(x), size, stride, 0, 1, ceil_mode)
        return found if p > 0 else -found
    means = average(ops.pow(x, float(p)), size, stride, 0, ceil_mode)
    sums = means * float(math.prod(per_axis(size, n, "kernel_size")))
    nothing = ops.eq(sums, 0)  # where the slope of the root is infinite: it is taken elsewhere, at 1
    return ops.where(nothing, 0.0 if p > 0 else math.inf, ops.pow(ops.where(nothing, 1.0, sums), 1 / p))


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return ``sum(x ** p) ** (1 / p)`` of each window of (N, C, L), p the `norm_type`.

    With `ceil_mode`, what a window at the end has less of counts as its mean, as in PyTorch. For an infinite p it is
    the maximum of ``|x|``, for one of minus infinity the minimum. Where the sum is 0 the root has no slope: the
    derivatives there are 0, as PyTorch lays down.

    >>> import tensorgrad as tg
    >>> lp_pool1d(tg.tensor([[[3.0, 4.0, 6.0, 8.0]]]), 2, 2)
    tensor([[[ 5., 10.]]])
    """
    return _norms(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return ``sum(x ** p) ** (1 / p)`` of each window of (N, C, H, W); see `lp_pool1d`."""
    return _norms(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return ``sum(x ** p) ** (1 / p)`` of each window of (N, C, D, H, W); see `lp_pool1d`."""
    return _norms(3, input, norm_type, kernel_size, stride, ceil_mode)


def _unpool(
    n: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> Tensor:
    name = f"max_unpool{n}d"
    x, batch = batched(input, n, name)
    if indices.array.dtype.kind not in "iu" or indices.array.shape != input.array.shape:
        kind = DTypeError if indices.array.dtype.kind not in "iu" else ShapeError
        raise kind(
            f"{name}: indices are whole numbers of the shape of the input, {list(input.array.shape)}; found "
            f"{indices.array.dtype} {list(indices.array.shape)}"
        )
    spatial = _spatial(n, x.array.shape[2:], kernel_size, stride, padding, output_size)
    lead, count = x.array.shape[:2], math.prod(spatial)
    found = own(indices.array, int64).reshape(x.array.shape)
    if found.size and not 0 <= found.min() <= found.max() < count:
        raise RangeError(
            f"{name}: found an invalid max index: they go from {found.min()} to {found.max()}, the output has {count} "
            f"places {list(spatial)}"
        )
    starts = np.arange(math.prod(lead)).reshape(*lead, *(1,) * n) * count
    flat = (starts + found).reshape(-1)
    places, later = np.unique(flat[::-1], return_index=True)  # of a place that is named twice, the last one counts
    kept = ops.getitem(ops.reshape(x, shape=(flat.size,)), index=flat.size - 1 - later)
    whole = ops.scatter(kept, index=places, shape=(math.prod(lead) * count,))
    return unbatched(ops.reshape(whole, shape=(*lead, *spatial)), batch)


def _spatial(
    n: int,
    lengths: Sequence[int],
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> tuple[int, ...]:
    size = per_axis(kernel_size, n, "kernel_size")
    step = size if stride is None or stride == () else per_axis(stride, n, "stride")
    pad = per_axis(padding, n, "padding")
    usual = tuple((m - 1) * s + k - 2 * p for m, k, s, p in zip(lengths, size, step, pad, strict=True))
    if output_size is None:
        return usual
    given = tuple(output_size)[-n:]
    if len(output_size) not in (n, n + 1, n + 2):
        raise ValueError(
            f"output_size should be a sequence containing {n} to {n + 2} elements, but it has {len(output_size)}"
        )
    for i, (m, known, s) in enumerate(zip(given, usual, step, strict=True)):
        if not known - s < m < known + s:
            raise ValueError(
                f"invalid output_size {given}: dim {i} must be between {known - s} and {known + s}, which are not "
                f"reached"
            )
    return given


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return (N, C, L) with the maxima of `max_pool1d` at the places that it found, and zeros elsewhere.

    `output_size` says which of the lengths it is that give as many windows.

    >>> import tensorgrad as tg
    >>> from tensorgrad.nn import functional
    >>> maxima, places = functional.max_pool1d(tg.tensor([[[1.0, 3.0, 4.0, 2.0]]]), 2, return_indices=True)
    >>> max_unpool1d(maxima, places, 2)
    tensor([[[0., 3., 4., 0.]]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return (N, C, H, W) with the maxima of `max_pool2d` at the places that it found; see `max_unpool1d`."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Return (N, C, D, H, W) with the maxima of `max_pool3d` at the places that it found; see `max_unpool1d`."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)
