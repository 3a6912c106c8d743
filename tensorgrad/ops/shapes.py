"""Rearrangements, each beside its adjoint: broadcast_to and sum_to, getitem and scatter, reshape and transpose."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.numerics import accumulated, repeated, room, row_major, total
from tensorgrad.base.switches import compilable
from tensorgrad.base.watched import call_watched, watched_now
from tensorgrad.engine.batched import begun, differs
from tensorgrad.engine.batchrules import added, joined, leading, permuted, put, reshaped, shrunk, stretched, taken
from tensorgrad.engine.dispatch import computed as batched
from tensorgrad.engine.kinds import multilinear, primitive
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.errors import ComplexError


@multilinear(lambda g, x_shape: sum_to(g, shape=x_shape), symbol="⇑", samples="broadcast", batch=stretched)
def broadcast_to(x: Any, *, shape: Any) -> Any:
    """Return a view of `x` repeated to `shape`, read-only where an element stands for several."""
    return repeated(x, shape)


@multilinear(lambda g, x_shape: broadcast_to(g, shape=x_shape), symbol="⇓", samples="sum_to", batch=shrunk)
def sum_to(x: Any, *, shape: Any) -> Any:
    """Return `x` summed over the axes that broadcasting from `shape` would add or stretch."""
    axes, keepdims = _added(x.shape, shape)
    y = total(x, axis=axes, keepdims=keepdims)
    return y if y.shape == shape else y.reshape(shape)


@remembered(maxsize=1024)
def _added(full: tuple[int, ...], shape: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
    """Return the axes that broadcasting `shape` to `full` adds or stretches, and whether any is stretched."""
    lead = len(full) - len(shape)
    stretched = tuple([i + lead for i, n in enumerate(shape) if n == 1 and full[i + lead] != 1])
    return (*range(lead), *stretched), bool(stretched)


@multilinear(lambda g, x_shape: reshape(g, shape=x_shape), symbol="reshape", samples="reshape", batch=reshaped)
def reshape(x: Any, *, shape: Any) -> Any:
    """Return `x` with its elements, in row-major order, in `shape`: a view where memory allows it."""
    return np.reshape(x, shape)


@multilinear(
    lambda g, axes: transpose(g, axes=tuple(np.argsort(axes).tolist())),
    symbol="ᵀ",
    samples="permutation",
    batch=permuted,
)
def transpose(x: Any, *, axes: Any) -> Any:
    """Return a view of `x` with its axes in the order `axes`."""
    return np.transpose(x, axes)


@multilinear(lambda g: g, symbol="astype", samples="dtype", batch=leading)
def astype(x: Any, *, dtype: Any) -> Any:
    """Return `x` converted to `dtype`; the sweeps convert the cotangent back, as for any mixture of dtypes.

    ComplexError where an imaginary part would be lost.
    """
    if x.dtype.kind == "c" and np.dtype(dtype).kind in "fiu":
        raise ComplexError(
            f"conversion from {x.dtype} to {np.dtype(dtype)} would discard the imaginary part: take z.real of the "
            f"tensor z, or z.abs(), first"
        )
    return x.astype(dtype)


@multilinear(
    lambda g, x_shape, index: scatter(g, index=index, shape=x_shape),
    symbol="[ ]",
    hides="any",
    samples="index",
    batch=taken,
)
def getitem(x: Any, *, index: Any) -> Any:
    """Return ``x[index]`` by NumPy's rules: a view for slices and integers, a copy for arrays of indices and masks."""
    if index.__class__ is int and x.ndim > 1:
        return x[index]
    if watched_now(index):
        x = call_watched(operator.getitem, x, ...)  # NumPy would ask the index for a plain array
    parts = index if index.__class__ is tuple else (index,)
    if parts and parts[-1].__class__ is np.ndarray and _picks_from_the_last(parts, x.ndim):
        return x.take(parts[-1], len(parts) - 1)  # row by row at once, and up to ten times as fast
    if begun[0] and differs(index):
        return batched(PRIMITIVES["getitem"], [x], {"index": index})
    y = x[index]
    if not y.ndim and y.base is None:  # NumPy copies a single element; with an ellipsis it makes a view of that, too
        y = x[(*index, ...) if isinstance(index, tuple) else (index, ...)]
    elif not (y.flags.c_contiguous or is_basic(index)):
        y = row_major(y)  # NumPy lays out a copy along the axes in the order in which it came to them
    return y


def is_basic(index: Any) -> bool:
    """Return whether `index` holds no array, so that it gives a view."""
    kinds = [i.__class__ for i in index] if index.__class__ is tuple else [index.__class__]
    return np.ndarray not in kinds and list not in kinds and bool not in kinds


def _picks_from_the_last(index: Any, ndim: Any) -> bool:
    """Return whether `index` takes all of its axes, at most `ndim`, but the last one, of which it names positions."""
    return (
        len(index) <= ndim
        and index[-1].dtype.kind == "i"
        and all(i.__class__ is slice and i == slice(None) for i in index[:-1])
    )


@multilinear(lambda g, index: getitem(g, index=index), symbol="[ ]ᵀ", samples="scatter", batch=added)
def scatter(x: Any, *, index: Any, shape: Any) -> Any:
    """Return zeros of `shape` to which `x` is added at `index`; repeated indices add up."""
    parts = index if isinstance(index, tuple) else (index,)
    if begun[0] and differs(index):
        return batched(PRIMITIVES["scatter"], [x], {"index": index, "shape": shape})
    if parts and all(i.__class__ is np.ndarray and i.dtype.kind == "i" for i in parts):
        nothing = repeated(np.zeros((), accumulated(x.dtype)), shape)
        return _added_at(x, parts, nothing).astype(x.dtype, copy=False)
    y = room(np.zeros, shape, accumulated(x.dtype), x, *parts)
    if any(isinstance(i, np.ndarray | list) and getattr(i, "dtype", None) != np.bool_ for i in parts):
        np.add.at(y, index, x)
    else:
        y[index] = x  # slices, integers and masks name no element twice
    return y.astype(x.dtype, copy=False)


@compilable()
def _added_at(x: Any, index: Any, nothing: Any) -> Any:
    """Return `nothing`, of zeros, to which `x` is added at `index`, arrays of positions on the first axes."""
    y = room(np.zeros, nothing.shape, nothing.dtype, x, *index)
    _add_at(y, index, x)
    return y


def _add_at(y: Any, index: Any, x: Any) -> None:
    """Do what ``np.add.at(y, index, x)`` does where `y` has no gaps, and arrays of positions are for its first axes.

    NumPy has a loop for single elements of a vector, which adds in the same order, and rows of 64 five times as fast.
    """
    if any(type(v) is not np.ndarray for v in (y, x, *index)):  # what is watched, or of a batch, is told of the call
        np.add.at(y, index, x)
        return
    axes, places = len(index), index[0].astype(np.intp)
    for i, n in zip(index[1:], y.shape[1:], strict=False):
        places = places * n + i % n  # a negative one counts from the end: of the vector, if it is the first
    width = math.prod(y.shape[axes:])
    spots = places.reshape(-1, 1) * width + np.arange(width)
    np.add.at(y.reshape(-1), spots.reshape(-1), repeated(x, (*places.shape, *y.shape[axes:])).reshape(-1))


def region(shape: Any, index: Any) -> Any:
    """Return the shape of ``x[index]`` for `x` of `shape`."""
    return np.broadcast_to(np.empty(()), shape)[index].shape


@primitive(
    (lambda g, index: assign(g, 0.0, index=index), lambda g, index: getitem(g, index=index)),
    (
        lambda t, index: assign(t, 0.0, index=index),
        lambda t, y_shape, index: scatter(broadcast_to(t, shape=region(y_shape, index)), index=index, shape=y_shape),
    ),
    symbol="[ ]=",
    hides="any",
    samples="assign",
    batch=put,
    complex=True,
)
def assign(a: Any, b: Any, *, index: Any) -> Any:
    """Return a copy of `a` with `b`, broadcast, at `index`, which names no element twice."""
    y = np.array(a) if isinstance(a, np.generic) else a.copy()  # NumPy answers 0-d arithmetic with a scalar
    y[index] = b
    return y


def piece(shapes: Any, axis: Any, position: Any) -> Any:
    """Return the index of argument `position` in the concatenation of arrays of `shapes`."""
    return _pieces(shapes, axis)[position]


@remembered(maxsize=256)
def _pieces(shapes: Any, axis: Any) -> Any:
    """Return the index of each argument: found once for all, for each begins where those before it end."""
    ends = list(itertools.accumulate([s[axis] for s in shapes], initial=0))
    lead = (slice(None),) * (axis % len(shapes[0]))
    return [(*lead, slice(start, end)) for start, end in itertools.pairwise(ends)]


def _part(g: Any, index: Any) -> Any:
    """Return ``g[index]`` of slices: of an array at once, in a fifth of the time of `getitem`."""
    return g[index] if g.__class__ is np.ndarray else getitem(g, index=index)


@primitive(
    (lambda g, shapes, axis, position: _part(g, piece(shapes, axis, position)),),
    (lambda t, y_shape, shapes, axis, position: scatter(t, index=piece(shapes, axis, position), shape=y_shape),),
    symbol="concat",
    samples="concatenate",
    batch=joined,
    complex=True,
)
def concatenate(*xs: Any, axis: Any) -> Any:
    """Return the arrays joined along `axis`, which is the only one they may differ in."""
    return row_major(np.concatenate(xs, axis))
