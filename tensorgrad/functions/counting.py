"""Which values there are and how many of each: counts have no gradient."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, check_real, get_default_dtype, int32, int64
from tensorgrad.base.literals import forgotten
from tensorgrad.engine.generalforms import one_step
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions.common import Operand, along_axis, constant, dimension, in_dtype, keywords, operand


class Histogram(NamedTuple):
    """The counts, and the edges of the bins, one more than counts."""

    hist: Tensor
    bin_edges: Tensor


@keywords
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the different elements of `input` (with `dim`: slices) in ascending order, every NaN for itself.

    With `return_inverse` also where each element went, with `return_counts` how often each occurs, in a tuple.

    Raises:
        ComplexError: complex numbers.

    >>> import tensorgrad as tg
    >>> tg.tensor([3, 1, 3]).unique(return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    check_real("unique", input.array)
    axis = None if dim is None else _row_axis(input, dim)
    values, first, inverse, counts = np.unique(input.array, True, True, True, axis, equal_nan=False)
    inverse = inverse.reshape(input.array.shape if axis is None else -1)
    found = _at(input, axis, first) if input.tracked else constant(values)
    return _found(found, inverse, counts, return_inverse, return_counts)


def _row_axis(input: Tensor, dim: int) -> int:
    """Return the axis that `dim` means; ShapeError where its slices hold nothing that could differ."""
    axis = dimension(dim, input.array.ndim)
    if 0 in (*input.array.shape[:axis], *input.array.shape[axis + 1 :]):
        raise ShapeError(
            f"There are 0 sized dimensions, and they aren't selected, so unique cannot be applied: found shape "
            f"{list(input.array.shape)} with dim {dim}"
        )
    return axis


def _at(input: Tensor, axis: int | None, places: Any) -> Tensor:
    """Return the elements of `input`, or its slices along `axis`, at `places`, of which each has its gradient."""
    flat = ops.reshape(input, shape=(input.array.size,)) if axis is None else input
    return ops.getitem(flat, index=along_axis(axis or 0, places))


def _found(values: Tensor, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    more = [constant(part) for part, asked in ((inverse, return_inverse), (counts, return_counts)) if asked]
    return (values, *more) if more else values


@keywords
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements of `input` (with `dim`: slices) that differ from the one before; extras as in `unique`."""
    axis = 0 if dim is None else _row_axis(input, dim)
    a = input.array.reshape(-1) if dim is None else input.array
    rows = np.moveaxis(a, axis, 0).reshape(a.shape[axis], math.prod(n for i, n in enumerate(a.shape) if i != axis))
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(1)
    inverse = (np.cumsum(new) - 1).reshape(input.array.shape if dim is None else -1)
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(rows)))
    values = _at(input, None if dim is None else axis, starts)
    return _found(values, inverse, counts, return_inverse, return_counts)


@keywords
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Return how often each of the numbers 0, 1, 2, ... occurs in `input`, or the sum of the `weights` found there.

    Raises:
        ArgumentError: `input` is no vector of integers that are not negative.
        ShapeError: `weights` has another shape than `input`.

    >>> import tensorgrad as tg
    >>> tg.bincount(tg.tensor([0, 2, 2]), minlength=4)
    tensor([1, 0, 2, 0])
    """
    a = input.array
    if a.ndim != 1 or a.dtype.kind not in "biu" or (a.size and a.min() < 0):
        raise ArgumentError(
            f"bincount only supports 1-d non-negative integral inputs, found {a.dtype} of shape {list(a.shape)}"
        )
    if weights is None:
        return constant(np.bincount(a, minlength=minlength))
    check_real("bincount", forgotten(weights, "bincount(): argument 'weights'").array)
    if weights.array.shape != a.shape:
        raise ShapeError("weights should be 1-d and have the same length as input")
    wide = np.float32 if weights.array.dtype == np.float32 else np.float64
    return constant(np.bincount(a, weights.array, minlength).astype(wide))


def _range(a: Any, low: float, high: float) -> tuple[float, float]:
    """Return the range of a histogram: what is asked for, or what the elements span."""
    if low == high and a.size:
        low, high = float(a.min()), float(a.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ArgumentError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise ArgumentError(f"max must be larger than min, found the range [{low}, {high}]")
    return low, high


@keywords
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None) -> Tensor:
    """Return how many elements fall in each of `bins` equal parts of [min, max]; of all elements if both are 0.

    The counts have the dtype of `input`.

    Raises:
        DTypeError: the elements are no floating point numbers.
        ArgumentError: `bins` is not positive, or the bounds make no range.
    """
    a = input.array
    check_real("histc", a)
    if a.dtype.kind != "f":
        raise DTypeError(f"\"histogram_cpu\" not implemented for '{a.dtype}': histc() counts floating point elements")
    if bins <= 0:
        raise ArgumentError("bins must be > 0")
    return constant(np.histogram(a, bins, _range(a, min, max))[0].astype(a.dtype))


@keywords
def histogram(
    input: Tensor,
    bins: Tensor | int = 100,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> Histogram:
    """Return the pair (hist, bin_edges): how many elements of `input` fall in each bin, and the edges of the bins.

    `bins` is their number, over `range` or what the elements span, or a tensor of edges.

    Raises:
        ComplexError: complex numbers.
    """
    forgotten(weight, "histogram(): argument 'weight'")
    a = input.array
    edges: Any = bins.array if isinstance(bins, Tensor) else bins
    check_real("histogram", a, edges, *([] if weight is None else [weight.array]))
    span = None if isinstance(bins, Tensor) else _range(a, *(range or (0.0, 0.0)))
    weights = None if weight is None else weight.array.reshape(-1)
    hist, found = np.histogram(a.reshape(-1), edges, span, density, weights)
    dtype = a.dtype if a.dtype.kind == "f" else get_default_dtype()
    ends = None if range or not input.tracked else input
    return Histogram(constant(hist.astype(dtype)), _edges(found.astype(dtype), bins, ends))


def _edges(found: Array, bins: Any, spanned: Tensor | None) -> Tensor:
    """Return the edges `found`: those given as `bins`, or between the extremes of what is `spanned`."""
    if isinstance(bins, Tensor):
        return in_dtype(bins, found.dtype)
    if spanned is None:
        return constant(found)
    share = np.linspace(0, 1, len(found), dtype=found.dtype)
    edges = ops.add(ops.mul(ops.amin(spanned), constant(1 - share)), ops.mul(ops.amax(spanned), constant(share)))
    return ops.add(edges, constant(found - edges.array))


@keywords
def searchsorted(
    sorted_sequence: Tensor,
    input: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return where each of `input` would be put in to keep the last dimension of `sorted_sequence` in order.

    Before equal elements, or after them with `right`. The other dimensions of the two are the same. NaN belongs after
    all numbers, and a NaN in `sorted_sequence` is passed over: the search goes on behind it.

    Raises:
        ShapeError: the sequence is no vector, and differs from `input` in another axis than the last.
    """
    rows, values = sorted_sequence.array, operand(input).array
    check_real("searchsorted", rows, values)
    if sorter is not None:
        rows = np.take_along_axis(rows, sorter.array, -1)
    if rows.ndim != 1 and rows.shape[:-1] != values.shape[:-1]:
        raise ShapeError(
            f"searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input "
            f"value tensor {list(values.shape)}"
        )
    before: Any = "right" if right or side == "right" else "left"
    return constant(_searched(rows, values, before, np.dtype(int32 if out_int32 else int64)))


@one_step
def _searched(rows: Array, values: Array, side: Any, dtype: Any) -> Array:
    found = np.empty(values.shape, dtype)
    for at in np.ndindex(rows.shape[:-1]):  # once, with (), for a vector
        unordered = np.isnan(rows[at]).any() or np.isnan(values[at]).any()
        found[at] = (_bisected if unordered else np.searchsorted)(rows[at], values[at], side)
    return found


def _bisected(row: Array, values: Array, side: str) -> Any:
    """Return what `np.searchsorted` does, by comparisons alone: NaN, of which none holds, lies beyond all numbers."""
    low, high = np.zeros(values.shape, int64), np.full(values.shape, row.size, int64)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        there = row[np.minimum(middle, row.size - 1)]
        further = ~(there > values if side == "right" else there >= values)
        low, high = np.where(open_ & further, middle + 1, low), np.where(open_ & ~further, middle, high)
    return low


@keywords
def bucketize(input: Operand, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return the number of the bucket between ascending `boundaries` that each of `input` is in.

    Raises:
        ShapeError: `boundaries` is no vector.

    >>> import tensorgrad as tg
    >>> tg.bucketize(tg.tensor([0.5, 1.0, 2.5]), tg.tensor([1.0, 2.0]))
    tensor([0, 0, 2])
    """
    if boundaries.array.ndim != 1:
        raise ShapeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.array.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
