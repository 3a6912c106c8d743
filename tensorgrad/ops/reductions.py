"""Sums, means, running sums and extrema over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.base.numerics import average, normalized, repeated, row_major, total
from tensorgrad.base.switches import compilable
from tensorgrad.base.watched import as_one, one_way
from tensorgrad.engine.batchrules import along, along_one
from tensorgrad.engine.kinds import Op, constant, multilinear, primitive
from tensorgrad.engine.primitive import CONCAVE, CONVEX, TIES, Kink
from tensorgrad.ops.shapes import broadcast_to, reshape

WIDE, MANY = 32, 1 << 14
"""Elements of what a running sum moves by, and of all: with fewer, NumPy's loop is the quicker one."""


def kept(shape: Any, axis: Any) -> Any:
    """Return `shape` with length 1 in place of the axes `axis`."""
    axes = normalized(axis, len(shape))
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def spread(g: Any, x_shape: Any, axis: Any, keepdims: Any) -> Any:
    """Return `g`, of a reduction's output, repeated to the shape of its input."""
    if not g.ndim and (g.__class__ is np.ndarray or isinstance(g, np.generic)):
        return g if g.shape == x_shape else repeated(g, x_shape)  # as below, in a third of the time
    if g.ndim and not keepdims:
        g = reshape(g, shape=kept(x_shape, axis))
    return broadcast_to(g, shape=x_shape)


def reduced(shape: Any, axis: Any) -> Any:
    """Return how many elements of `shape` the axes `axis` hold."""
    return math.prod(shape) if axis is None else math.prod([shape[i] for i in normalized(axis, len(shape))])


sum: Op = multilinear(
    spread,
    symbol="Σ",
    samples="reduction",
    batch=along,
    compiles=True,
    name="sum",
    doc="Return the sum over `axis` (None: all), accurate for tall float32 arrays.",
)(total)
mean: Op = multilinear(
    lambda g, x_shape, axis, keepdims: spread(g * (1 / max(reduced(x_shape, axis), 1)), x_shape, axis, keepdims),
    symbol="mean",
    samples="reduction",
    batch=along,
    compiles=True,
    name="mean",
    doc="Return the mean over `axis` (None: all), accurate for tall float32 arrays.",
)(average)


@multilinear(
    lambda g, axis, reverse: cumsum(g, axis=axis, reverse=not reverse),
    symbol="Σ≤",
    samples="cumulative",
    batch=along_one,
)
def cumsum(x: Any, *, axis: Any, reverse: Any) -> Any:
    """Return the sums of all elements up to each one along `axis`; with `reverse`, from each one on: the adjoint."""
    return _sums_so_far(x, axis=axis, reverse=reverse)


@compilable()
def _sums_so_far(x: Any, *, axis: Any, reverse: Any) -> Any:
    """Return what `cumsum` does."""
    turned = np.flip(x, axis) if reverse else x
    if x.dtype.kind == "f" and x.dtype.itemsize < 8:
        y = _running(turned, axis)  # the error of a running sum grows with its length
        return row_major((np.flip(y, axis) if reverse else y).astype(x.dtype))
    y = np.cumsum(turned, axis)
    return row_major(np.flip(y, axis) if reverse else y)


def _running(x: Any, axis: Any) -> Any:
    """Return the running sums of `x`, of single or half precision, in double."""
    if one_way(x):
        return np.cumsum(x, axis, dtype=np.float64)
    width = math.prod(x.shape[axis:][1:])
    if width < WIDE or x.size < MANY:
        return np.cumsum(x, axis, dtype=np.float64)
    return _running_in_blocks(x, axis, width)


@as_one
def _running_in_blocks(x: Any, axis: Any, width: Any) -> Any:
    """Return the running sums of blocks along `axis`, all at once, moved by those of what stands before each.

    NumPy would add one element after the other, each to the one that has just been computed.
    """
    n, step = x.shape[axis], 16
    lead = x.size // (n * width)
    blocks = np.zeros((lead, -(-n // step), step, width))
    y = blocks.reshape(lead, -1, width)[:, :n]
    y[...] = x.reshape(lead, n, width)
    for i in range(1, step):
        np.add(blocks[:, :, i], blocks[:, :, i - 1], out=blocks[:, :, i])
    blocks[:, 1:] += np.cumsum(blocks[:, :, -1], 1)[:, :-1, None]
    return y.reshape(x.shape)


@constant(symbol="ties", samples="ties", batch=along)
def ties(x: Any, y: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the part of the extremum `y` that each element of `x` is: equal shares among equals, 0 elsewhere."""
    mask = x == (y if keepdims else y.reshape(kept(x.shape, axis)))
    return mask * (1 / mask.sum(axis=axis, keepdims=True)).astype(y.dtype)  # a count may have no place in float16


def _extremum(g: Any, y: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    return spread(g, x.shape, axis, keepdims) * ties(x, y, axis=axis, keepdims=keepdims)


def _extremum_tangent(t: Any, y: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    return sum(t * ties(x, y, axis=axis, keepdims=keepdims), axis=axis, keepdims=keepdims)


@primitive(
    (_extremum,),
    (_extremum_tangent,),
    symbol="max",
    hides="any",
    samples="extremum",
    batch=along,
    kinks=[Kink(((1.0, 3.0, 3.0),), ((0.0, 0.5, 0.5),), CONVEX, beyond=TIES)],
)
def amax(x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the largest element over `axis`; equal elements share the gradient equally."""
    return row_major(np.max(x, axis=axis, keepdims=keepdims))


@primitive(
    (_extremum,),
    (_extremum_tangent,),
    symbol="min",
    hides="any",
    samples="extremum",
    batch=along,
    kinks=[Kink(((1.0, 1.0, 3.0),), ((0.5, 0.5, 0.0),), CONCAVE, beyond=TIES)],
)
def amin(x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the smallest element over `axis`; equal elements share the gradient equally."""
    return row_major(np.min(x, axis=axis, keepdims=keepdims))


@constant(symbol="argmax", samples="argument", batch=along_one)
def argmax(x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the int64 position of the first largest element over `axis` (None: in the flattened array)."""
    return np.argmax(x, axis=axis, keepdims=keepdims)


@constant(symbol="argmin", samples="argument", batch=along_one)
def argmin(x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    """Return the int64 position of the first smallest element over `axis` (None: in the flattened array)."""
    return np.argmin(x, axis=axis, keepdims=keepdims)
