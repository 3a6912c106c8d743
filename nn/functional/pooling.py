"""Maxima and averages of windows."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, check_real
from tensorgrad.base.numerics import bounded, room
from tensorgrad.base.watched import call_watched, is_watched, one_way
from tensorgrad.engine.batched import of_rows
from tensorgrad.engine.generalforms import one_traced_step
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.tracedtensors import rises_with
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.precision import wide

from .windows import Sizes, batched, grown, per_axis, unbatched

Pooled = Tensor | tuple[Tensor, Tensor]


def _windows(n: int, size: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> Array:
    """Return the places on an axis, one row for each window; in the padding they are outside of 0 to n - 1."""
    room = n + 2 * padding - dilation * (size - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (count - 1) * stride >= n + padding:
        count -= 1  # the last window would start behind the input
    return np.arange(count)[:, None] * stride - padding + np.arange(size) * dilation


def _sliding(x: Tensor, settings: Sequence[tuple[int, ...]], ceil_mode: bool) -> list[Array]:
    """Return the places of the windows on each axis for (size, stride, padding, dilation), each of them per axis."""
    for size, stride, padding, dilation in zip(*settings, strict=True):
        for name, value in (("kernel size", size), ("stride", stride), ("dilation", dilation)):
            if value <= 0:
                raise ArgumentError(f"{name} should be greater than zero, but got {value}")
        if not 0 <= 2 * padding <= dilation * (size - 1) + 1:
            raise ArgumentError(
                f"pad should be at most half of effective kernel size and not negative, but got pad={padding}, "
                f"kernel_size={size} and dilation={dilation}"
            )
    shape = x.array.shape[1:]
    axes = [
        _windows(m, size, stride, padding, dilation, ceil_mode)
        for m, size, stride, padding, dilation in zip(shape[1:], *settings, strict=True)
    ]
    found = (shape[0], *(max(len(places), 0) for places in axes))
    if min(found[1:]) < 1:
        raise ShapeError(
            f"Given input size: ({'x'.join(map(str, shape))}). Calculated output size: ({'x'.join(map(str, found))}). "
            f"Output size is too small: the kernel {settings[0]} does not fit"
        )
    return axes


def _adaptive(n: int, count: int) -> Array:
    """Return the places of `count` windows that share an axis of length `n`, the last of each repeated."""
    starts = np.arange(count) * n // count
    ends = -(-(np.arange(count) + 1) * n // count)
    size = int((ends - starts).max(initial=1))
    return np.asarray(np.minimum(starts[:, None] + np.arange(size), ends[:, None] - 1))


def _evenly(places: Array) -> Array | slice:
    """Return `places` as a slice where they are evenly spaced: a view instead of a copy."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    even = step > 0 and (np.diff(places) == step).all()
    return slice(int(places[0]), int(places[-1]) + 1, step) if even else places


@one_traced_step
def _highest(x: Array, axes: Sequence[Array]) -> Array:
    """Return where in the flattened spatial axes each window has its first maximum, or its last NaN."""
    columns = []
    for axis, (places, n) in enumerate(zip(axes, x.shape[2:], strict=True), 2):
        valid = (places >= 0) & (places < n)
        first = np.take_along_axis(places, valid.argmax(1)[:, None], 1)
        inside = np.where(valid, places, first)  # a repeated place changes no maximum
        stride = math.prod(x.shape[axis + 1 :])
        columns.append([((slice(None),) * axis + (_evenly(each),), each * stride) for each in inside.T])
    nan = x.dtype.kind == "f" and (True if one_way(x) else bool(np.isnan(x).any()))
    table = []
    for number, window in enumerate(product(*columns)):
        value, where = x, np.zeros((), np.int64)
        for index, offset in window:
            value, where = value[index], where[..., None] + offset
        table.append(where)
        if not number:
            best = value.copy()
            chosen = room(np.zeros, value.shape, np.min_scalar_type(math.prod(map(len, columns))), x)
            continue
        better = (value > best) | np.isnan(value) if nan else value > best
        np.maximum(best, value, out=best)
        np.maximum(
            chosen, better * chosen.dtype.type(number), out=chosen
        )  # numbers grow: no masked copy, which is slow
    places = np.stack(table)
    steps = places.reshape(len(places), -1)[:, 0] - places.flat[0]
    if (places == places[0] + steps.reshape(-1, *(1,) * len(axes))).all():  # a third of the time where all are alike
        apart = call_watched(operator.getitem, steps, chosen) if is_watched(x) else steps[chosen]
        found: Array = places[0] + apart
        return found
    index = (chosen, *np.ogrid[tuple(map(slice, chosen.shape))][2:])
    return call_watched(operator.getitem, places, index) if is_watched(x) else places[index]


def _picked(x: Tensor, axes: Sequence[Array], batch: bool, return_indices: bool) -> Pooled:
    check_real("max_pool", x.array)
    found = of_rows(_highest, x.array, axes)
    lead, size = x.array.shape[:2], math.prod(x.array.shape[2:])
    starts = np.arange(math.prod(lead)).reshape(*lead, *(1,) * len(axes)) * size
    flat, index = ops.reshape(x, shape=(x.array.size,)), (starts + found).reshape(found.size)
    picked = rises_with(ops.getitem(flat, index=index), x)
    y = unbatched(ops.reshape(picked, shape=found.shape), batch)
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
    size = per_axis(kernel_size, n, "kernel_size")
    step = size if stride is None or stride == () else per_axis(stride, n, "stride")
    settings = size, step, per_axis(padding, n, "padding"), per_axis(dilation, n, "dilation")
    return _picked(x, _sliding(x, settings, ceil_mode), batch, return_indices)


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

    Raises:
        ShapeError: an input that is not (C, L) or (N, C, L), or shorter than a window.
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

    Raises:
        ShapeError: an input that is not (C, H, W) or (N, C, H, W), or smaller than a window.
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Return the maximum of each window of (N, C, D, H, W); the gradient goes to the first maximum of a window.

    Padding is never chosen. With `return_indices` the places of the maxima in the flattened volume come second.

    Raises:
        ShapeError: an input that is not (C, D, H, W) or (N, C, D, H, W), or smaller than a window.
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@wide
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
    step = size if stride is None or stride == () else per_axis(stride, n, "stride")
    if divisor_override == 0:
        raise ArgumentError("divisor must be not zero")
    spatial, apart = x.array.shape[2:], (1,) * n
    axes = _sliding(x, (size, step, pad, apart), ceil_mode)
    after = [max(int(places.max()) + 1 - m, 0) for places, m in zip(axes, spatial, strict=True)]
    sums = ops.sum(
        ops.unfold(grown(x, pad, after), size=size, stride=step, dilation=apart), axis=tuple(range(2, 2 + n))
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


def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the average of each window of (N, C, D, H, W): the sum over the size, or over `divisor_override`."""
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _counts(output_size: int | Sequence[int | None] | None, spatial: tuple[int, ...]) -> list[int]:
    wanted = [output_size] * len(spatial) if isinstance(output_size, int | None) else output_size
    if len(wanted) != len(spatial):
        raise ArgumentError(f"adaptive pooling: output_size must be {len(spatial)}, but got {len(wanted)} sizes")
    counts = [m if count is None else count for m, count in zip(spatial, wanted, strict=True)]
    if min(counts) < 0:
        raise ArgumentError(f"adaptive pooling: elements of output_size must not be negative, but got {output_size}")
    return counts


@wide
def _adaptive_avg(n: int, input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    x, batch = batched(input, n, f"adaptive_avg_pool{n}d")
    spatial = x.array.shape[2:]
    counts = _counts(output_size, spatial)
    if all(m and count and m % count == 0 for m, count in zip(spatial, counts, strict=True)):
        return unbatched(_even_averages(x, counts), batch)
    for m, count in zip(spatial, counts, strict=True):
        x = _averages(_turned(x), m, count)
    return unbatched(x, batch)


def _even_averages(x: Tensor, counts: Sequence[int]) -> Tensor:
    """Return the averages of so many windows of one size along each spatial axis, which they fill."""
    if set(counts) == {1}:
        return ops.mean(x, axis=tuple(range(2, x.array.ndim)), keepdims=True)
    lead, spatial = x.array.shape[:2], x.array.shape[2:]
    split = (length for m, count in zip(spatial, counts, strict=True) for length in (count, m // count))
    windows = ops.reshape(x, shape=(*lead, *split))
    return ops.mean(windows, axis=tuple(range(3, windows.array.ndim, 2)), keepdims=False)


def _averages(x: Tensor, m: int, count: int) -> Tensor:
    """Return the averages of `count` windows that share the last axis, of length `m`: an infinity stays in its own."""
    i, k = np.arange(count)[:, None], np.arange(m)
    within = (k >= i * m // count) & (k < -(-(i + 1) * m // count))
    sizes = within.sum(1, keepdims=True)
    if running() is None and bounded(x.array):
        return ops.linear(x, wrap((within / sizes).astype(x.array.dtype)))
    places = _adaptive(m, count)
    windows = ops.getitem(x, index=(*(slice(None),) * (x.array.ndim - 1), places))
    own = ops.where(wrap(np.arange(places.shape[1]) < sizes), windows, 0.0)
    return ops.sum(own, axis=-1) * wrap((1 / sizes[:, 0]).astype(x.array.dtype))


def _turned(x: Tensor) -> Tensor:
    """Return `x` with its first spatial axis last: after as many turns as axes, the order is the old one."""
    return ops.transpose(x, axes=(0, 1, *range(3, x.array.ndim), 2))


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return (N, C, output_size), averages of windows that share the axis evenly."""
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return (N, C, *output_size), averages of windows that share the axes evenly; None keeps a length."""
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """Return (N, C, *output_size) of volumes, averages of windows that share the axes evenly; None keeps a length."""
    return _adaptive_avg(3, input, output_size)


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


def adaptive_max_pool3d(
    input: Tensor, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Pooled:
    """Return (N, C, *output_size) of volumes, maxima of windows that share the axes evenly; None keeps a length."""
    return _adaptive_max(3, input, output_size, return_indices)
