"""The element of a given rank along a dimension: the k-th smallest, the middle one, quantiles, the commonest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, check_real, int64
from tensorgrad.base.numerics import bounded
from tensorgrad.engine.generalforms import asarray, one_step, perhaps
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.tracedtensors import rises_with
from tensorgrad.engine.traces import running
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Selection, along_axis, constant, dimension, keywords, lifted, whole
from tensorgrad.functions.ordering import order_of, selected, sort
from tensorgrad.functions.shapes import ravel
from tensorgrad.ops.reductions import kept


def _along(input: Tensor, dim: int | None) -> tuple[Tensor, int]:
    """Return `input` with one axis at least, and the axis that `dim` means (None: that of the flattened tensor)."""
    return (ravel(input), 0) if dim is None else (lifted(input), dimension(dim, input.array.ndim))


def _middle(input: Tensor, dim: int | None, keepdim: bool, where: Array) -> Any:
    """Return what stands `where` as `median` gives it out."""
    flat, axis = _along(input, dim)
    if dim is not None:
        return selected(flat, where, axis, keepdim and bool(input.array.ndim))
    value = flat.array[where[0]]
    if running() is not None:  # how many are equal is another number on other inputs
        least = -math.inf if flat.array.dtype.kind == "f" else np.iinfo(flat.array.dtype).min
        same = ops.where(constant((flat.array == value) | np.isnan(value)), flat, least)
        return whole(rises_with(ops.amax(same), input), input, keepdim)
    missing = bool(np.isnan(value))
    equals = ops.getitem(flat, index=(np.isnan(flat.array) if missing else flat.array == value,))
    return whole((ops.mean if missing else ops.amax)(equals), input, keepdim)  # both share the slope among all of them


@keywords
def kthvalue(
    input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: tuple[Tensor, Tensor] | None = None
) -> Selection:
    """Return the pair (value, index) of the `k`-th smallest element along `dim`, counted from 1.

    Raises:
        RangeError: `k` is not from 1 to the length of the axis.
    """
    axis = dimension(dim, input.array.ndim)
    order = order_of(input, axis)
    n = order.shape[axis]
    if not 1 <= k <= n:
        raise RangeError(f"kthvalue(): selected number k out of range for dimension {axis}: {k} of {n} elements")
    return selected(input, order[along_axis(axis, slice(k - 1, k))], axis, keepdim)


@keywords
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element, the lower of two; with `dim`, the pair (values, indices) along it.

    NaN where an element is NaN. The gradient goes to the element that is returned; without `dim`, all that are equal
    to it share it.
    """
    flat, axis = _along(input, dim)
    n = flat.array.shape[axis]
    if not n:
        return _of_nothing(input, dim, keepdim)
    where = order_of(flat, axis)[along_axis(axis, slice((n - 1) // 2, (n - 1) // 2 + 1))]
    missing = np.isnan(flat.array)
    where = np.where(missing.any(axis, keepdims=True), missing.argmax(axis, keepdims=True), where)
    return _middle(input, dim, keepdim, where)


def _of_nothing(input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is not None:
        raise RangeError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    if input.array.dtype.kind != "f":
        raise RangeError(f"median(): there is no middle one of no elements, and no NaN in {input.array.dtype}")
    return whole(constant(np.array(np.nan, input.array.dtype)), input, keepdim)


@keywords
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle one of the elements that are not NaN, as `median`; NaN where all are."""
    flat, axis = _along(input, dim)
    if not flat.array.shape[axis]:
        return _of_nothing(input, dim, keepdim)
    order = order_of(flat, axis)  # NaN last
    numbers = (~np.isnan(flat.array)).sum(axis, keepdims=True)
    return _middle(input, dim, keepdim, np.take_along_axis(order, np.maximum(numbers - 1, 0) // 2, axis))


@keywords
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Selection:
    """Return the pair (values, indices) of the commonest element along `dim`, of several the smallest.

    No NaN is equal to another, and each stands behind all numbers. Both have the shape of `input` without `dim`, which
    `keepdim` keeps with length 1.

    Raises:
        RangeError: there is no axis `dim`, or none of its elements.
        ComplexError: the numbers are complex.

    >>> import tensorgrad as tg
    >>> tg.tensor([3, 1, 1, 3, 2]).mode().values.item()
    1
    """
    check_real("mode", input.array)
    axis = dimension(dim, input.array.ndim)
    a = np.atleast_1d(input.array)
    if a.size:
        where = _commonest_along(a, axis)
    elif a.shape[axis]:
        where = np.zeros(kept(a.shape, axis), np.intp)
    else:
        raise RangeError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    return selected(input, where, axis, keepdim, rising=False)


@one_step
def _commonest_along(a: Array, axis: int) -> Array:
    return np.expand_dims(np.apply_along_axis(_commonest, axis, a), axis)


def _commonest(row: Array) -> int:
    order = np.argsort(row, kind="stable")
    ends = np.flatnonzero(np.append(row[order[1:]] != row[order[:-1]], True))
    return int(order[ends[np.diff(ends, prepend=-1).argmax()]])


@keywords
def quantile(
    input: Tensor,
    q: Tensor | float | Sequence[float],
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """Return the `q`-quantiles along `dim` (None: of all elements), one for each of `q` in the leading dimension.

    `interpolation` between neighbours is 'linear', 'lower', 'higher', 'midpoint' or 'nearest'.

    Raises:
        DTypeError: the elements are no floating point numbers.
        ArgumentError: a `q` is outside of [0, 1].
        ShapeError: the axis is empty.

    >>> import tensorgrad as tg
    >>> tg.tensor([0.0, 1.0, 2.0, 3.0]).quantile(0.5)
    tensor(1.5000)
    """
    check_real("quantile", input.array)
    if input.array.dtype.kind != "f":
        raise DTypeError(f"quantile() input tensor must be either float or double dtype, found {input.array.dtype}")
    share = q if isinstance(q, Tensor) else constant(asarray(q, input.array.dtype))
    if not ((share.array >= 0) & (share.array <= 1)).all():
        raise ArgumentError(f"quantile() q must be in the range [0, 1] but got {share.array.tolist()}")
    x, axis = _along(input, dim)
    if not x.array.shape[axis]:
        raise ShapeError(f"quantile() input tensor must be non-empty, found shape {list(input.array.shape)}")
    y = _interpolated(sort(x, axis).values, ops.reshape(share, shape=(share.array.size,)), axis, interpolation)
    missing = np.isnan(x.array).any(axis, keepdims=True)
    if perhaps(missing.any()):
        y = ops.where(constant(missing), ops.amax(x, axis=axis, keepdims=True), y)  # NaN, and so are its slopes
    y = composed.exchanged(composed.expanded(y, 0), 0, axis + 1)  # the quantiles first, length 1 in their old place
    if dim is None:
        return ops.reshape(y, shape=(*share.array.shape, *((1,) * input.array.ndim if keepdim else ())))
    if not share.array.ndim:
        y = composed.squeezed(y, 0)
    return y if keepdim and input.array.ndim else composed.squeezed(y, share.array.ndim + axis)


_ROUNDING = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _interpolated(ordered: Tensor, share: Tensor, axis: int, how: str) -> Tensor:
    exact = ops.mul(share, ordered.array.shape[axis] - 1)
    place = exact.array
    if how in _ROUNDING:
        place = _ROUNDING[how](place)
    elif how not in ("linear", "midpoint"):
        raise ArgumentError(
            f"quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {how}"
        )
    below = np.floor(place).astype(int64)
    above = np.ceil(place).astype(int64)
    weight = ops.sub(exact, constant(np.floor(place))) if how == "linear" else constant((above - below) * 0.5)
    weight = ops.reshape(weight, shape=(place.size, *(1,) * (ordered.array.ndim - axis - 1)))
    low = ops.getitem(ordered, index=along_axis(axis, below))
    high = ops.getitem(ordered, index=along_axis(axis, above))
    weight = ops.astype(weight, dtype=ordered.array.dtype)
    with np.errstate(invalid="ignore"):
        y: Tensor = ops.add(low, ops.mul(ops.sub(high, low), weight))
        if not share.tracked and (running() is not None or not bounded(y.array)):
            beside = ops.add(ops.mul(low, ops.sub(1.0, weight)), ops.mul(high, weight))  # no difference of infinities
            y = ops.where(ops.eq(weight, 0.0), low, beside)
    return y
