"""Sums and means that are right in float32 and float16, and fast.

NumPy adds the rows of a tall float32 array one after the other: the mean of a million rows of 0.1 comes out as
0.100958. Here tall axes are added in blocks, half precision is accumulated in single, and the commonest case of
training, the sum over a batch of rows, is a product with a vector of ones, which BLAS does in half the time.
"""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.errors import RangeError, ShapeError

from .caching import remembered
from .dtypes import Array
from .watched import as_one, call_watched, is_watched, memory_of, one_way, watched_now

_reduce: Callable[..., Array] = np.add.reduce  # NumPy's stubs do not know that both axis and keepdims may vary
BLOCK = 512  # rows added one after the other where there are no more
MANY, PIECE = 16384, 128  # elements: from so many on, all of them are added in such pieces
LINE = 64  # bytes: what the processor fetches at once
STEP = 64  # rows of a taller array added so before their sums are: the error grows with this, not with the height


def normalized(axis: int | tuple[int, ...] | None, ndim: int) -> tuple[int, ...]:
    """Return `axis` as a tuple of distinct non-negative axes; RangeError (an IndexError) otherwise.

    >>> normalized(-1, 3), normalized(None, 2)
    ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(ndim))
    if axis.__class__ is int and -ndim <= axis < ndim:  # nearly always: nothing else is asked
        return (axis + ndim if axis < 0 else axis,)
    axes = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    if ndim == 0 and all(a in (0, -1) for a in axes):
        return ()  # PyTorch: a 0-d tensor may be reduced over its imaginary axis
    # a range refuses what is no whole number, and needs no import where this is copied to
    result = tuple([a + ndim if a < 0 else a for a in [range(a).stop for a in axes]])
    for a, given in zip(result, axes, strict=True):
        if not 0 <= a < ndim:
            raise axis_error(given, ndim)
    for a in result:
        if result.count(a) > 1:
            raise ShapeError(f"dim {a} appears multiple times in the list of dims: {axis} names an axis twice")
    return result


def axis_error(axis: int, ndim: int) -> IndexError:
    """Return the error for an axis that an array of `ndim` axes does not have, PyTorch's wording first.

    >>> print(axis_error(2, 2))
    Dimension out of range (expected to be in range of [-2, 1], but got 2): axis 2 is out of bounds for 2 dimensions
    """
    last = max(ndim, 1) - 1  # a 0-d tensor has one imaginary axis
    return RangeError(
        f"Dimension out of range (expected to be in range of [{-last - 1}, {last}], but got {axis}): "
        f"axis {axis} is out of bounds for {ndim} dimensions"
    )


def accumulated(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which numbers of `dtype` are added up: single for half precision, which soon stands still.

    >>> accumulated(np.dtype(np.float16)), accumulated(np.dtype(np.float64))
    (dtype('float32'), dtype('float64'))
    """
    return np.dtype(np.float32) if dtype == np.float16 else dtype


@remembered(maxsize=256)
def ones_of(n: int, dtype: np.dtype[Any]) -> Array:
    """Return a vector of `n` ones, which cannot be written."""
    ones = np.ones(n, dtype)
    ones.flags.writeable = False
    return ones


def room(make: Callable[..., Array], shape: Any, dtype: Any, *by: Any) -> Array:
    """Return ``make(shape, dtype)``, watched if one of `by` is: the numbers, or the index, of what is to be written.

    >>> room(np.zeros, 2, np.float32, np.ones(1))
    array([0., 0.], dtype=float32)
    """
    return call_watched(np.zeros, shape, dtype) if watched_now(by) else make(shape, dtype)


def row_major(x: Array) -> Array:
    """Return `x`, or a copy whose elements lie row by row: NumPy lays out a result as its arguments are, or as it came.

    >>> row_major(np.ones((2, 3)).T).flags.c_contiguous
    True
    """
    return x if x.__class__ is not np.ndarray or x.flags.c_contiguous else x.copy()


def total(x: Array, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """Return the sum of `x` over `axis`, in its own dtype for floats.

    >>> float(total(np.full((1_000_000, 1), 0.1, np.float32), axis=0)[0]) / 1e6  # doctest: +ELLIPSIS
    0.1000...
    """
    if x.__class__ is not np.ndarray or x.dtype.kind != "f":
        return row_major(np.sum(x, axis=axis, keepdims=keepdims))
    if x.dtype.itemsize == 2:
        return total(x.astype(np.float32), axis=axis, keepdims=keepdims).astype(x.dtype)
    if x.ndim < 2 or (axis is None and x.flags.forc):  # NumPy adds all that lies without gaps pairwise
        whole = x.size >= MANY and x.flags.forc
        return _whole_sum(x, keepdims) if whole else _reduce(x, axis=axis, keepdims=keepdims)
    if x.ndim > 2 and x.size and axis.__class__ is tuple and axis == tuple(range(len(axis))) and x.flags.c_contiguous:
        y = total(x.reshape(-1, *x.shape[len(axis) :]), axis=0)  # the first axes are one to run along
        return y.reshape(*(1,) * len(axis), *y.shape) if keepdims else y
    if x.ndim == 2 and (axis == 0 or axis == (0,)) and x.shape[0] <= BLOCK:  # noqa: PLR1714 - `in` is slower
        row: Array = ones_of(x.shape[0], x.dtype) @ x
        return row[None] if keepdims else row
    tall = [a for a in normalized(axis, x.ndim) if x.shape[a] > BLOCK and x.strides[a] != x.itemsize]
    for a in tall:
        x = _block_sums(x, a)
    # it adds pairwise along adjacent memory, too
    y = _reduce(x, axis=axis, keepdims=keepdims, dtype=np.float64 if tall else None)
    return row_major(y.astype(x.dtype, copy=False))


def _whole_sum(x: Array, keepdims: bool) -> Array:
    """Return the sum of all elements of an array without gaps: BLAS adds pieces, twice as fast, NumPy their sums."""
    flat, whole = x.ravel("K"), x.size - x.size % PIECE
    y: Array = _reduce(flat[:whole].reshape(-1, PIECE) @ ones_of(PIECE, x.dtype)) + _reduce(flat[whole:])
    return y.reshape((1,) * x.ndim) if keepdims else y


def column_sums(x: Array) -> Array:
    """Return ``total(x, axis=0)`` of a float matrix, without asking what it is: half of the time of a small one.

    >>> column_sums(np.ones((3, 2)))
    array([3., 3.])
    """
    n = x.shape[0]
    return ones_of(n, x.dtype) @ x if n <= BLOCK else total(x, axis=0)


def _block_sums(x: Array, axis: int) -> Array:
    """Return `x` with the sums of blocks along `axis` in the place of its elements, at most BLOCK of them.

    Splitting an axis is a view. The blocks of a matrix are products with ones: NumPy's loop would run over short rows,
    and add them one after the other, where BLAS keeps several sums; only long rows of doubles are better left to it.
    """
    if x.ndim == 2 and axis == 1:
        return _block_sums(x.T, 0).T
    while (n := x.shape[axis]) > BLOCK:
        lead, whole = (slice(None),) * axis, n - n % STEP
        blocks = x[(*lead, slice(whole))].reshape(*x.shape[:axis], whole // STEP, STEP, *x.shape[axis + 1 :])
        if x.ndim == 2 and (x.itemsize == 4 or x.shape[1] < BLOCK):
            sums = np.matmul(ones_of(STEP, x.dtype)[None], blocks)[:, 0]
        else:
            sums = _reduce(blocks, axis=axis + 1)
        rest = x[(*lead, slice(whole, None))]
        x = np.concatenate([sums, _reduce(rest, axis=axis, keepdims=True)], axis) if n > whole else sums
    return x


def average(
    x: Array, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, refined: bool = False
) -> Array:
    """Return the mean of `x` over `axis`; half precision is summed and divided in single, where it cannot overflow.

    It is `refined` by the mean of the deviations from it: that of equal elements is then that element.

    >>> tenths = np.full(6, 0.1)
    >>> bool(average(tenths) == 0.1), bool(average(tenths, refined=True) == 0.1)
    (False, True)
    """
    if x.dtype.kind == "f" and x.dtype.itemsize == 2:
        return average(x.astype(np.float32), axis=axis, keepdims=keepdims, refined=refined).astype(x.dtype)
    if refined:
        y = average(x, axis=axis, keepdims=True)
        with np.errstate(invalid="ignore"):
            rest = average(x - y, axis=axis, keepdims=True)
        y = np.where(np.isfinite(rest), y + rest, y)
        return y if keepdims else np.squeeze(y, normalized(axis, x.ndim))
    y = total(x, axis=axis, keepdims=keepdims)
    n = x.size // y.size if y.size else 1
    return y / n if n else np.full_like(y, np.nan)  # as PyTorch: the mean of nothing is NaN


def known(mask: Any, *values: Any) -> Any:
    """Return `mask`, found by comparing `values`, with NaN where one of these is NaN: no comparison with it holds.

    >>> known(np.array([True, False]), np.array([2.0, np.nan]))
    array([ 1., nan])
    """
    if one_way(values):
        return _marked(mask, values)
    for v in values:
        square = np.vdot(v, v)  # the quickest way to see whether there is a NaN
        if square != square:  # noqa: PLR0124 - NaN is what differs from itself
            return _marked(mask, values)
    return mask


def _marked(mask: Any, values: tuple[Any, ...]) -> Any:
    dtype = np.result_type(*values)
    if dtype.kind not in "fc":
        return mask
    unknown = functools.reduce(np.logical_or, map(np.isnan, values))
    return np.where(unknown, dtype.type(np.nan), mask.astype(dtype))


def repeated(x: Array | np.generic[Any], shape: tuple[int, ...]) -> Array:
    """Return ``np.broadcast_to(x, shape)``, whose own steps in Python take ten times as long as making the view.

    Where nothing is repeated, it can be written if `x` can.

    >>> repeated(np.arange(2), (2, 2)).strides[0]
    0
    """
    if type(x) is not np.ndarray:
        if is_watched(x):
            watched: Array = call_watched(repeated, x, shape)
            return watched
        if not isinstance(x, np.generic):
            return np.broadcast_to(x, shape)
        x = np.asarray(x)  # NumPy answers products of arrays without axes with numbers
    if not x.ndim and math.prod(shape) > 1:  # the gradient of a sum
        strides: tuple[int, ...] = (0,) * len(shape)
    else:
        lead = len(shape) - x.ndim
        if x.shape == shape[max(lead, 0) :] and math.prod(shape[: max(lead, 0)]) == 1:
            return x.reshape(shape)
        fits = lead >= 0 and x.size and 0 not in shape and x.flags.c_contiguous
        if not fits or not all(m in (n, 1) for m, n in zip(x.shape, shape[lead:], strict=True)):
            return np.broadcast_to(x, shape)
        strides = (0,) * lead + tuple([s if m != 1 else 0 for m, s in zip(x.shape, x.strides, strict=True)])
    view: Array = np.ndarray(shape, x.dtype, x, 0, strides)
    view.setflags(write=False)  # a quarter of the time of what goes by way of `flags`
    return view


def owner_of(array: Array) -> Array:
    """Return the array that owns the memory of `array`."""
    array = array if type(array) is np.ndarray else memory_of(array)
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def address(array: Array) -> int:
    """Return where the first element of an array stands."""
    memory: Any = array
    try:  # a sixth of the time of what follows, for an array that is whole, not empty, and may be written
        return ctypes.addressof(ctypes.c_char.from_buffer(memory))
    except (TypeError, ValueError, BufferError):
        return int(array.__array_interface__["data"][0])


def byte_bounds(array: Array) -> tuple[int, int]:
    """Return where the first byte of an array's elements stands, and the place after the last one, as NumPy says it."""
    place, (low, high) = address(array), reach(array.shape, array.strides, array.itemsize)
    return place + low, place + high


def reach(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> tuple[int, int]:
    """Return how far from its first element the first byte of an array stands, and the place after its last one.

    >>> reach((2, 3), (-12, 4), 4), reach((0, 3), (12, 4), 4)
    ((-12, 12), (0, 0))
    >>> x = np.zeros((3, 4), np.float32)
    >>> low, high = byte_bounds(x[::-1, 1:3])
    >>> low - address(x), high - low
    (4, 40)
    """
    if 0 in shape:
        return 0, 0
    ways = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
    return sum(way for way in ways if way < 0), sum(way for way in ways if way > 0) + itemsize


def aligned(size: int) -> Array:
    """Return `size` new bytes that begin where one of the processor's lines does.

    >>> aligned(3).nbytes, address(aligned(3)) % LINE
    (3, 0)
    """
    room = np.empty(size + LINE, np.uint8)
    shift = -address(room) % LINE
    return room[shift : shift + size]


def restrided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Return the view of `shape` and `strides` (in bytes) that begins where `x` does, on the memory that `x` lies in.

    NumPy's `as_strided` hides whose memory that is behind an object of its own.

    >>> restrided(np.arange(4), (2, 2), (8, 8)).tolist()
    [[0, 1], [1, 2]]

    Raises:
        ValueError: the memory has gaps, or the view leaves it.
    """
    if is_watched(x):
        watched: Array = call_watched(restrided, x, shape, strides)
        return watched
    owner = owner_of(x)
    offset = address(x) - address(owner)
    dense = owner.transpose(np.argsort([-s for s in owner.strides], kind="stable"))  # a buffer must be row-major
    view: Array = np.ndarray(shape, x.dtype, dense, offset, strides)
    view.flags.writeable = x.flags.writeable
    return view


def norm(x: Array, p: float = 2, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """Return ``sum(|x| ** p) ** (1 / p)`` over `axis`, also where the powers leave the dtype.

    >>> float(norm(np.array([3e200, 0.0]))), float(norm(np.array([3e-200, 0.0])))
    (3e+200, 3e-200)
    """
    if x.dtype.kind == "f" and x.dtype.itemsize == 2:
        return np.asarray(norm(x.astype(np.float32), p, axis, keepdims)).astype(x.dtype)
    if one_way(x):
        return _scaled_norm(x, p, axis, keepdims)
    if p != 2:
        return _scaled_norm(x, p, axis, keepdims)
    with np.errstate(over="ignore", under="ignore"):
        squares = total(x * x, axis=axis, keepdims=keepdims)
    limits = np.finfo(x.dtype)
    if squares.size and not (squares.min() > limits.tiny / limits.eps and squares.max() < np.inf):
        return _scaled_norm(x, p, axis, keepdims)
    return np.sqrt(squares)


def _scaled_norm(x: Array, p: float, axis: int | tuple[int, ...] | None, keepdims: bool) -> Array:
    """Return the norm by way of ``|x|`` over the element that counts most, whose powers are at most 1."""
    size = np.abs(x)
    first = np.max(size, axis, keepdims=True, initial=0) if p > 0 else np.min(size, axis, keepdims=True, initial=np.inf)
    scale = np.where((first > 0) & (first < np.inf), first, 1).astype(x.dtype)
    with np.errstate(divide="ignore", under="ignore"):  # with p < 0, an element that is 0 makes the norm 0
        y = size / scale
        sums = total(y * y if p == 2 else y**p, axis=axis, keepdims=True)
        roots: Array = (np.sqrt(sums) if p == 2 else sums ** (1 / p)) * scale
    return roots if keepdims else np.squeeze(roots, normalized(axis, x.ndim))


def magnitude(x: Array, axis: int | tuple[int, ...] | None = None, least: float = 1) -> Array:
    """Return the power of two that fits the largest ``|x|`` over `axis`, kept; 1 where that is not finite, or nothing.

    Division by it is exact, and leaves numbers whose squares do not overflow. What is less than `least` counts as that.

    >>> magnitude(np.array([[3e200, 1.0], [0.1, 0.0], [np.inf, 5.0]]), 1).tolist() == [[2.0**665], [1.0], [1.0]]
    True
    """
    return power_of_two(np.max(np.abs(x), axis=axis, keepdims=True, initial=least))


def power_of_two(largest: Array) -> Array:
    """Return the power of two at or below each element, 1 for what is not a positive number; it has a reciprocal.

    >>> power_of_two(np.array([5.0, 0.3, 0.0, np.inf])).tolist()
    [4.0, 0.25, 1.0, 1.0]
    """
    known, most = (largest > 0) & (largest < np.inf), np.finfo(largest.dtype).maxexp - 2
    exponents = np.clip(np.frexp(np.where(known, largest, 1))[1] - 1, -most, most)
    powers: Array = np.ldexp(np.ones_like(largest), exponents)
    return powers


def bounded(x: Array) -> bool:
    """Return whether `x` is finite; nearly always one call of BLAS tells, and nothing warns.

    >>> bounded(np.array([1e200])), bounded(np.array([np.nan]))
    (True, False)
    """
    return bool(np.vdot(x, x) < np.inf) or bool(np.isfinite(x).all())


@as_one
def of_finite(factorize: Callable[..., Any], x: Array, **options: Any) -> Any:
    """Return what `factorize`, of NumPy's linear algebra, gives of the matrices `x`; NaN for one that is not finite.

    LAPACK would refuse the whole batch, look for the singular values of an infinity for ever, or pass over a product
    of 0 and NaN and answer with a number.

    >>> of_finite(np.linalg.svd, np.array([[[np.inf, 0.0], [0.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]]), compute_uv=False)
    array([[nan, nan],
           [ 2.,  1.]])
    """
    finite: Array = np.asarray(np.isfinite(x).all((-2, -1)))
    if finite.all():
        return factorize(x, **options)

    def marked(part: Array) -> Array:
        known: Array = np.where(finite.reshape(finite.shape + (1,) * (part.ndim - finite.ndim)), part, np.nan)
        return known.astype(part.dtype, copy=False)

    found = factorize(np.where(finite[..., None, None], x, np.eye(*x.shape[-2:], dtype=x.dtype)), **options)
    return tuple(map(marked, found)) if isinstance(found, tuple) else marked(found)
