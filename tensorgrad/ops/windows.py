"""The windows that slide over the last axes, and their adjoint: windows added up where they came from."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import accumulated, restrided, room
from tensorgrad.base.switches import compilable
from tensorgrad.base.watched import call_watched, is_watched
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.kinds import multilinear
from tensorgrad.ops.contractions import swapped


def offsets(size: Any, stride: Any, dilation: Any, positions: Any) -> Any:
    """Return, for each element of a window, its place in the window and the slices of it in all windows."""
    for place in product(*map(range, size)):
        starts = [i * d for i, d in zip(place, dilation, strict=True)]
        yield place, tuple(slice(a, a + s * n, s) for a, s, n in zip(starts, stride, positions, strict=True))


@multilinear(
    lambda g, x_shape, stride, dilation: fold(g, shape=x_shape[-len(stride) :], stride=stride, dilation=dilation),
    symbol="⊞",
    hides="any",
    samples="unfold",
    batch=leading,
)
def unfold(x: Any, *, size: Any, stride: Any, dilation: Any) -> Any:
    """Return the windows of `size` over the last axes of `x`, copied: (..., *size, *positions).

    The copy is as many times larger than `x` as windows share an element: the product of `size` at stride 1.
    """
    lead = x.ndim - len(size)
    positions = tuple(
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[lead:], size, stride, dilation, strict=True)
    )
    return _copied(x, size=size, stride=stride, dilation=dilation, positions=positions)


@compilable(sized=True)
def _copied(x: Any, *, size: Any, stride: Any, dilation: Any, positions: Any) -> Any:
    """Return the copy of all windows, which lie at so many `positions`."""
    y = room(np.empty, (*x.shape[: x.ndim - len(size)], *size, *positions), x.dtype, x)
    for place, inside in offsets(size, stride, dilation, positions):
        y[(..., *place, *(slice(None),) * len(size))] = x[(..., *inside)]
    return y


@multilinear(
    lambda g, x_shape, step: fold(swapped(g), shape=x_shape[-1:], stride=(step,), dilation=(1,)),
    symbol="⊟",
    hides="any",
    samples="windowed",
    batch=leading,
)
def windowed(x: Any, *, size: Any, step: Any) -> Any:
    """Return a view of the windows of `size` elements over the last axis of `x`, `step` apart: (..., positions, size).

    It is read-only where windows overlap: a write would hit an element twice.
    """
    return call_watched(_windows, x, size, step) if is_watched(x) else _windows(x, size, step)


def _windows(x: Array, size: int, step: int) -> Array:
    positions = (x.shape[-1] - size) // step + 1
    y = restrided(x, (*x.shape[:-1], positions, size), (*x.strides[:-1], step * x.strides[-1], x.strides[-1]))
    if size > step and positions > 1:
        y.flags.writeable = False
    return y


@multilinear(
    lambda g, x_shape, stride, dilation: unfold(
        g, size=x_shape[-2 * len(stride) : -len(stride)], stride=stride, dilation=dilation
    ),
    symbol="⊞ᵀ",
    samples="fold",
    batch=leading,
)
def fold(x: Any, *, shape: Any, stride: Any, dilation: Any) -> Any:
    """Return the windows `x` (..., *size, *positions) added up in zeros of (..., *shape), the adjoint of `unfold`."""
    return _piled_up(x, shape=shape, stride=stride, dilation=dilation)


@compilable(sized=True)
def _piled_up(x: Any, *, shape: Any, stride: Any, dilation: Any) -> Any:
    """Return what `fold` does."""
    n = len(stride)
    y = room(np.zeros, (*x.shape[: -2 * n], *shape), accumulated(x.dtype), x)
    for place, inside in offsets(x.shape[-2 * n : -n], stride, dilation, x.shape[-n:]):
        y[(..., *inside)] += x[(..., *place, *(slice(None),) * n)]
    return y.astype(x.dtype, copy=False)
