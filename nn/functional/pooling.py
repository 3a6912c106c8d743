"""Maxima and averages of windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.dtypes import Array
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.tensor import Tensor, wrap

from .windows import Sizes, batched, grown, per_axis, unbatched

Pooled = Tensor | tuple[Tensor, Tensor]


def _windows(n: int, size: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> Array:
    """Return the places on an axis, one row for each window; in the padding they are outside of 0 to n - 1."""
    if stride <= 0:
        raise ArgumentError(f"stride should not be zero or negative, but got {stride}")
    if not 0 <= 2 * padding <= dilation * (size - 1) + 1:
        raise ArgumentError(
            f"pad should be at most half of effective kernel size, but got pad={padding}, kernel_size={size} and "
            f"dilation={dilation}"
        )
    room = n + 2 * padding - dilation * (size - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (count - 1) * stride >= n + padding:
        count -= 1  # the last window would start behind the input
    if count < 1:
        raise ShapeError(
            f"Output size is too small: a kernel of {size} with dilation {dilation} and padding {padding} on an input "
            f"of length {n} gives {count} windows"
        )
    return np.arange(count)[:, None] * stride - padding + np.arange(size) * dilation


def _adaptive(n: int, count: int) -> Array:
    """Return the places of `count` windows that share an axis of length `n`, the last of each repeated."""
    starts = np.arange(count) * n // count
    ends = -(-(np.arange(count) + 1) * n // count)
    size = int((ends - starts).max(initial=1))
    windows: Array = np.minimum(starts[:, None] + np.arange(size), ends[:, None] - 1)
    return windows


def _highest(x: Array, axes: Sequence[Array]) -> Array:
    """Return where in the flattened spatial axes each window has its first maximum, or its last NaN."""
    spatial = x.shape[2:]
    inside: list[Array] = []
    for places, n in zip(axes, spatial, strict=True):
        valid = (places >= 0) & (places < n)
        first = np.take_along_axis(places, valid.argmax(1)[:, None], 1)
        inside.append(np.where(valid, places, first))  # a repeated place changes no maximum
    strides = [math.prod(spatial[i + 1 :]) for i in range(len(spatial))]
    flat = x.reshape(*x.shape[:2], math.prod(spatial))
    best: Any = None
    for columns in product(*(places.T for places in inside)):
        where = np.zeros((), np.int64)
        for places, stride in zip(columns, strides, strict=True):
            where = where[..., None] + places * stride
        value = flat.take(where, axis=2)
        if best is None:
            best, found = value, np.broadcast_to(where, value.shape).copy()
            continue
        better = (value > best) | np.isnan(value)
        np.copyto(best, value, where=better)
        np.copyto(found, where, where=better)
    return found


def _picked(x: Tensor, axes: Sequence[Array], batch: bool, return_indices: bool) -> Pooled:
    found = _highest(x.array, axes)
    n, channels = x.array.shape[:2]
    flat = ops.reshape(x, shape=(n * channels, math.prod(x.array.shape[2:])))
    index = (np.arange(n * channels)[:, None], found.reshape(n * channels, -1))
    y = unbatched(ops.reshape(ops.getitem(flat, index=index), shape=found.shape), batch)
    return (y, unbatched(wrap(found), batch)) if return_indices else y


def _max_pool(
    n: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> Pooled:
    x, batch = batched(input, n, f"max_pool{n}d")
    sizes = per_axis(kernel_size, n, "kernel_size")
    case = zip(
        x.array.shape[2:],
        sizes,
        sizes if stride is None else per_axis(stride, n, "stride"),
        per_axis(padding, n, "padding"),
        per_axis(dilation, n, "dilation"),
        strict=True,
    )
    return _picked(x, [_windows(*each, ceil_mode) for each in case], batch, return_indices)


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Return the maximum of each window of (N, C, L); the gradient goes to the first maximum of a window.

    Padding is never chosen. With `return_indices` the places of the maxima on the input's axis come second.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Return the maximum of each window of (N, C, H, W); the gradient goes to the first maximum of a window.

    Padding is never chosen. With `return_indices` the places of the maxima in the flattened image come second.
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    n: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    x, batch = batched(input, n, f"avg_pool{n}d")
    size, pad = per_axis(kernel_size, n, "kernel_size"), per_axis(padding, n, "padding")
    step = size if stride is None else per_axis(stride, n, "stride")
    if divisor_override == 0:
        raise ArgumentError("divisor must be not zero")
    spatial = x.array.shape[2:]
    case = list(zip(spatial, size, step, pad, strict=True))
    axes = [_windows(m, k, s, p, 1, ceil_mode) for m, k, s, p in case]
    after = [max(int(places.max()) + 1 - m, 0) for places, m in zip(axes, spatial, strict=True)]
    sums = ops.sum(
        ops.unfold(grown(x, pad, after), size=size, stride=step, dilation=(1,) * n), axis=tuple(range(2, 2 + n))
    )
    if divisor_override is not None:
        return unbatched(sums * (1 / divisor_override), batch)
    counted = np.ones(())
    for places, m, p in zip(axes, spatial, pad, strict=True):
        edge = p if count_include_pad else 0
        counted = counted[..., None] * ((places >= -edge) & (places < m + edge)).sum(1)
    return unbatched(sums * wrap((1 / counted).astype(x.array.dtype)), batch)


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the average of each window of (N, C, L), zeros of the padding counted unless told otherwise."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of each window of (N, C, H, W): the sum over the size, or over `divisor_override`."""
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _counts(output_size: int | Sequence[int | None] | None, spatial: tuple[int, ...]) -> list[int]:
    wanted = [output_size] * len(spatial) if isinstance(output_size, int | None) else output_size
    if len(wanted) != len(spatial):
        raise ArgumentError(f"adaptive pooling: output_size must be {len(spatial)}, but got {len(wanted)} sizes")
    return [m if count is None else count for m, count in zip(spatial, wanted, strict=True)]


def _adaptive_avg(n: int, input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    x, batch = batched(input, n, f"adaptive_avg_pool{n}d")
    spatial = x.array.shape[2:]
    for m, count in zip(spatial, _counts(output_size, spatial), strict=True):
        i, k = np.arange(count)[:, None], np.arange(m)
        within = (k >= i * m // count) & (k < -(-(i + 1) * m // count))
        x = ops.linear(_turned(x), wrap((within / within.sum(1, keepdims=True)).astype(x.array.dtype)))
    return unbatched(x, batch)


def _turned(x: Tensor) -> Tensor:
    """Return `x` with its first spatial axis last: after as many turns as axes, the order is the old one."""
    return ops.transpose(x, axes=(0, 1, *range(3, x.array.ndim), 2))


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return (N, C, output_size), averages of windows that share the axis evenly."""
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return (N, C, *output_size), averages of windows that share the axes evenly; None keeps a length."""
    return _adaptive_avg(2, input, output_size)


def _adaptive_max(n: int, input: Tensor, output_size: Any, return_indices: bool) -> Pooled:
    x, batch = batched(input, n, f"adaptive_max_pool{n}d")
    spatial = x.array.shape[2:]
    axes = [_adaptive(m, count) for m, count in zip(spatial, _counts(output_size, spatial), strict=True)]
    return _picked(x, axes, batch, return_indices)


def adaptive_max_pool1d(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Pooled:
    """Return (N, C, output_size), maxima of windows that share the axis evenly."""
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Pooled:
    """Return (N, C, *output_size), maxima of windows that share the axes evenly; None keeps a length."""
    return _adaptive_max(2, input, output_size, return_indices)
