"""Elements put in at positions: a choice between two tensors, each of which gets the gradient of its own elements.

Where a position is named twice, the last element counts, and it alone gets a gradient; the functions that add let all
of them count.
"""

from __future__ import annotations

import math
import operator
from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, DType, check_real, int64
from tensorgrad.base.numerics import room
from tensorgrad.base.watched import call_watched, watched_in
from tensorgrad.engine.generalforms import at, one_step, own
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import (
    along_axis,
    constant,
    dimension,
    fitting,
    in_dtype,
    keywords,
    lifted,
    like,
    operand,
    stretched,
)
from tensorgrad.functions.diagonals import diagonal
from tensorgrad.functions.indexing import boolean, grid_of, placed, slices
from tensorgrad.functions.precision import wide


def _kept(y: Tensor, x: Tensor) -> Tensor:
    """Return `y` in the dtype of `x`, row by row: what is put into a tensor takes on its dtype."""
    return composed.row_major(in_dtype(y, x.array.dtype))


@keywords
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | complex) -> Tensor:
    """Return `input` with `value`, a number or 0-d tensor, where `mask` holds.

    Raises:
        DTypeError: `mask` is not boolean.
        ShapeError: `value` is a tensor with axes.
    """
    where = operand(mask)
    if where.array.dtype.kind != "b":
        raise DTypeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {where.array.dtype}; compare first, as "
            f"in x == 0"
        )
    if isinstance(value, Tensor) and value.array.ndim:
        raise ShapeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.array.ndim} "
            f"dimension(s); see where()"
        )
    return _kept(ops.where(where, fitting(value, input), input), input)


@one_step
def _winners(index: Any, shape: tuple[int, ...]) -> Array:
    """Return which element of a source each place gets where they are written at `index`; -1: none."""
    size = math.prod(shape)
    table = np.arange(size).reshape(shape)
    places = call_watched(operator.getitem, table, index) if watched_in(index) else table[index]
    winner: Array = room(np.zeros, size, np.intp, places) - 1
    winner[places.reshape(-1)] = np.arange(places.size)  # NumPy writes in order: the last one stays
    return winner.reshape(shape)


def put_in(input: Tensor, index: Any, source: Tensor | complex) -> Tensor:
    """Return `input` with the elements of `source`, broadcast to what `index` names, at `index`; or a number there."""
    shape = input.array.shape
    region = at(np.broadcast_to(np.empty(()), shape), index).shape
    if not math.prod(region):
        return ops.contiguous(input)
    winner = _winners(index, shape)
    if not isinstance(source, Tensor):
        return _kept(ops.where(constant(winner >= 0), source, input), input)
    flat = ops.reshape(stretched(source, region), shape=(math.prod(region),))
    elements = ops.getitem(flat, index=np.maximum(winner, 0))
    return _kept(ops.where(constant(winner >= 0), elements, input), input)


def _source(name: str, input: Tensor, src: Any, shape: tuple[int, ...]) -> Tensor:
    """Return `src`, a tensor or a number, as the elements that belong to an index of `shape`."""
    if not isinstance(src, Tensor):
        return ops.broadcast_to(operand(fitting(src, input)), shape=shape)
    if src.array.dtype != input.array.dtype:
        raise DTypeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, found {input.array.dtype} and {src.array.dtype}"
        )
    return ops.getitem(lifted(src), index=tuple(slice(n) for n in shape))


@keywords
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | complex | None = None,
    *,
    value: Tensor | complex | None = None,
    reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return `input` with the elements of `src` (a number: that number) at the positions `index` along `dim`.

    With `reduce` 'add' or 'multiply' they are added to, or multiplied with, what is there; without it, the last of
    several elements for one position counts.

    Raises:
        ArgumentError: `reduce` is neither 'add' nor 'multiply'.

    >>> import tensorgrad as tg
    >>> tg.zeros(2, 3).scatter(1, tg.tensor([[1], [2]]), 1.0).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    given = value if src is None else src
    limits = (lifted(given).array.shape,) if isinstance(given, Tensor) else ()
    x, axis, places = placed("scatter", input, dim, index, limits)
    if reduce is None and isinstance(number := fitting(given, input), bool | int | float | complex):
        return like(put_in(x, grid_of(places, axis), number), input)
    source, grid = _source("scatter", input, given, places.shape), grid_of(places, axis)
    if reduce is None:
        return like(put_in(x, grid, source), input)
    if reduce == "add":
        return like(_added(x, grid, source), input)
    if reduce != "multiply":
        raise ArgumentError(f"reduce argument must be either add or multiply, found {reduce!r}")
    return like(_multiplied(x, grid, source), input)


def _multiplied(x: Tensor, grid: tuple[Array, ...], source: Tensor) -> Tensor:
    """Return `x` times the elements of `source` at the positions `grid`, which may name one several times."""
    turns = _turns(x.array.shape, grid)
    for turn in turns:
        where = tuple(np.broadcast_to(g, source.array.shape)[turn] for g in grid)
        ones = constant(np.ones(x.array.shape, x.array.dtype))
        x = ops.mul(x, put_in(ones, where, ops.getitem(source, index=turn)))
    return x if turns else ops.contiguous(x)


def _turns(shape: tuple[int, ...], grid: tuple[Array, ...]) -> list[Array]:
    """Return masks over an index, each of which names no position twice, that together are all of it."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[grid]
    flat = places.reshape(-1)
    order = np.argsort(flat, kind="stable")
    ranked = flat[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if flat.size else np.empty(0, int64)
    turn = np.empty(flat.size, int64)
    turn[order] = np.arange(flat.size) - np.repeat(starts, np.diff(np.r_[starts, flat.size]))
    return [(turn == k).reshape(places.shape) for k in range(int(turn.max(initial=-1)) + 1)]


def _added(x: Tensor, index: Any, source: Tensor) -> Tensor:
    return _kept(ops.add(x, ops.scatter(source, index=index, shape=x.array.shape)), x)


@keywords
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return `input` with the elements of `src` added at the positions `index` along `dim`: the adjoint of `gather`."""
    return scatter(input, dim, index, src, reduce="add")


def _slices(name: str, input: Tensor, dim: int, index: Any, source: Tensor) -> tuple[Tensor, Any]:
    x, axis, places = slices(name, input, dim, index)
    found = lifted(source).array.shape
    if len(found) == x.array.ndim and found[axis] != places.size:
        raise RangeError(
            f"{name}(): Number of indices ({places.size}) should be equal to source.size(dim): ({found[axis]}), for "
            f"dim: {axis}"
        )
    expected = (*x.array.shape[:axis], places.size, *x.array.shape[axis + 1 :])
    if found != expected:
        raise ShapeError(f"{name}(): source has shape {list(found)}, the slices at dim {axis} {list(expected)}")
    return x, along_axis(axis, places)


@keywords
@wide
def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: complex = 1, out: Tensor | None = None
) -> Tensor:
    """Return `input` with `alpha` times the slices of `source` added to those at the positions `index` along `dim`."""
    x, where = _slices("index_add_", input, dim, index, source)
    return like(_added(x, where, lifted(source if alpha == 1 else ops.mul(source, alpha))), input)


@keywords
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return `input` with the slices of `source` in place of those at the positions `index` along `dim`."""
    x, where = _slices("index_copy_", input, dim, index, source)
    return like(put_in(x, where, lifted(source)), input)


@keywords
def index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | complex) -> Tensor:
    """Return `input` with `value`, a number or 0-d tensor, in all slices at the positions `index` along `dim`."""
    x, axis, places = slices("index_fill_", input, dim, index, backwards=True)
    return like(put_in(x, along_axis(axis, places), fitting(value, input)), input)


@keywords
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return `input` with the elements of `source`, in their order, where `mask` holds; the two broadcast.

    Raises:
        ShapeError: `source` has fewer elements than `mask` asks for.
    """
    chosen = boolean("masked_scatter", mask).array
    shape = np.broadcast_shapes(chosen.shape, input.array.shape)
    where = own(np.broadcast_to(chosen, shape))
    n = int(where.sum())
    if source.array.size < n:
        raise ShapeError(
            f"masked_scatter: expected self and source to have same dtypes and enough elements: {source.array.size} "
            f"for {n} places"
        )
    flat = ops.reshape(source, shape=(source.array.size,))
    return put_in(stretched(input, shape), where, ops.getitem(flat, index=slice(n)))


@keywords
@wide
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return `input` with the 'sum', 'prod', 'mean', 'amax' or 'amin' of the elements of `src` for each position.

    The element that is there counts as one of them unless `include_self` is False; positions that `index` does not name
    keep it. Equal extrema share the gradient.

    Raises:
        ArgumentError: `reduce` names no reduction.

    >>> import tensorgrad as tg
    >>> tg.zeros(2).scatter_reduce(0, tg.tensor([0, 0, 1]), tg.tensor([1.0, 3.0, 5.0]), "mean", include_self=False)
    tensor([2., 5.])
    """
    x, axis, places = placed("scatter_reduce", input, dim, index, (lifted(src).array.shape,))
    source, grid = _source("scatter_reduce", input, src, places.shape), grid_of(places, axis)
    if reduce not in _REDUCTIONS:
        raise ArgumentError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    return like(_REDUCTIONS[reduce](x, grid, source, include_self), input)


@one_step
def _counts(grid: tuple[Array, ...], shape: tuple[int, ...], dtype: DType, own: bool) -> Array:
    """Return how many elements an index adds to each place of `shape`, and the one there if it is its `own`."""
    counts = np.zeros(shape, dtype)
    np.add.at(counts, grid, 1)
    return np.where(counts > 0, counts + own, 1)


def _started(x: Tensor, grid: tuple[Array, ...], own: bool, value: float) -> Tensor:
    """Return `x`, with `value` where elements come that it is none of."""
    return x if own else ops.where(constant(_named(grid, x.array.shape)), value, x)


@one_step
def _named(grid: tuple[Array, ...], shape: tuple[int, ...]) -> Array:
    """Return which places of `shape` an index names."""
    named = np.zeros(shape, bool)
    named[grid] = True
    return named


def _total(x: Tensor, grid: tuple[Array, ...], source: Tensor, own: bool) -> Tensor:
    return _added(_started(x, grid, own, 0), grid, source)


def _mean(x: Tensor, grid: tuple[Array, ...], source: Tensor, own: bool) -> Tensor:
    divide = ops.floor_divide if x.array.dtype.kind in "iu" else ops.div
    return divide(_total(x, grid, source, own), constant(_counts(grid, x.array.shape, x.array.dtype, own)))


def _product(x: Tensor, grid: tuple[Array, ...], source: Tensor, own: bool) -> Tensor:
    return _multiplied(_started(x, grid, own, 1), grid, source)


def _extremum(extreme: np.ufunc) -> Any:
    def reduction(x: Tensor, grid: tuple[Array, ...], source: Tensor, own: bool) -> Tensor:
        check_real("scatter_reduce", x.array, source.array)
        whole = x.array.dtype.kind in "iu"
        limits = np.iinfo(x.array.dtype) if whole else None
        ends = (-np.inf, np.inf) if limits is None else (limits.min, limits.max)
        start = _started(x, grid, own, ends[extreme is np.minimum])
        value = start.array.copy()
        extreme.at(value, grid, source.array)
        if whole:
            return constant(value)
        unknown = np.isnan(value)
        here, there = (start.array == value) | unknown, (source.array == value[grid]) | unknown[grid]
        equal = here.astype(value.dtype)
        np.add.at(equal, grid, there)
        equal[unknown] = np.nan
        kept = ops.where(constant(here), start, 0.0)
        came = ops.where(constant(there), source, 0.0)
        return ops.div(_added(kept, grid, came), constant(equal))  # equal: the gradient is shared

    return reduction


_REDUCTIONS = {
    "sum": _total, "prod": _product, "mean": _mean, "amax": _extremum(np.maximum), "amin": _extremum(np.minimum),
}  # fmt: skip


@keywords
def index_put(input: Tensor, indices: tuple[Tensor, ...], values: Tensor, accumulate: bool = False) -> Tensor:
    """Return `input` with `values` at the positions `indices`, integer or boolean tensors, or added there.

    The result has the shape of `input`.
    """
    where = tuple(own(operand(i).array) for i in indices)
    if accumulate:
        return _added(input, where, stretched(values, input.array[where].shape))
    return put_in(input, where, values)


@keywords
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return `input` with `src` in place of the slice that ``select(dim, index)`` is a view of."""
    return put_in(input, along_axis(dimension(dim, input.array.ndim), whole_number(index)), src)


@keywords
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Return `input` with `src` in place of the slices from `start` to `end` along `dim`."""
    return put_in(input, along_axis(dimension(dim, input.array.ndim), slice(start, end, step)), src)


@keywords
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return `input` with `src` in place of the diagonal that ``diagonal(offset, dim1, dim2)`` is a view of."""
    n, shape = input.array.size, input.array.shape
    where = diagonal(constant(np.arange(n).reshape(shape)), offset, dim1, dim2).array
    return ops.reshape(put_in(ops.reshape(input, shape=(n,)), where, src), shape=shape)
