"""The largest, the smallest, and the whole order of elements along a dimension.

Positions are found on the arrays; values are then read at these positions, so that gradients go there and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, check_real, int64
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.tracedtensors import rises_with
from tensorgrad.errors import RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import Dims, Selection, along_axis, chosen, constant, dimension, keywords, lifted

LONG = 512
"""Elements from which on the calls that pack them are less than what they save."""


class Extrema(NamedTuple):
    """The result of ``aminmax``."""

    min: Tensor
    max: Tensor


def selected(input: Tensor, where: Array, axis: int, keepdim: bool = True, rising: bool = True) -> Selection:
    """Return the elements of `input` at the positions `where` along `axis`, and these positions.

    `where` has one axis at least; what is found in a 0-d tensor has none. `rising`: by their rank among all.
    """
    x = lifted(input)
    values = composed.along(x, where, axis)
    values = rises_with(values, x) if rising else values
    if not (keepdim and input.array.ndim):
        values = composed.squeezed(values, axis)
        where = where.reshape(values.array.shape)
    return Selection(values, constant(where.astype(int64, copy=False)))


def _extremum(input: Tensor, dim: Any, keepdim: bool, name: str) -> Any:
    if isinstance(dim, Tensor):
        return (ops.maximum if name == "max" else ops.minimum)(input, dim)
    if dim is None:
        if not input.array.size:
            raise ShapeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                f"with the 'dim' argument."
            )
        return (ops.amax if name == "max" else ops.amin)(input, keepdims=keepdim)
    axis, a = dimension(dim, input.array.ndim), np.atleast_1d(input.array)
    check_real(name, a)
    if not a.shape[axis]:
        raise RangeError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    return selected(input, (np.argmax if name == "max" else np.argmin)(a, axis=axis, keepdims=True), axis, keepdim)


@keywords
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the largest element; with `dim`, the pair (values, indices) along it; with a Tensor, as `maximum`.

    Ties share the gradient equally; with `dim` it goes to the index that is returned, the first.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1.0, 5.0], [4.0, 2.0]]).max(dim=1).indices
    tensor([1, 0])
    """
    return _extremum(input, dim if other is None else other, keepdim, "max")


@keywords
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None) -> Any:
    """Return the smallest element; with `dim`, the pair (values, indices) along it; with a Tensor, as `minimum`."""
    return _extremum(input, dim if other is None else other, keepdim, "min")


@keywords
def amax(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Return the largest element over `dim`; ties share the gradient equally."""
    return ops.amax(input, axis=chosen(dim), keepdims=keepdim)


@keywords
def amin(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Return the smallest element over `dim`; ties share the gradient equally."""
    return ops.amin(input, axis=chosen(dim), keepdims=keepdim)


@keywords
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Extrema:
    """Return the pair of `amin` and `amax` over `dim`."""
    return Extrema(amin(input, dim, keepdim), amax(input, dim, keepdim))


def _position(input: Tensor, dim: Any, keepdim: bool, op: Callable[..., Tensor]) -> Tensor:
    if dim is None and not input.array.size:
        raise RangeError(f"{op.__name__}(): Expected reduction dim to be specified for input.numel() == 0.")
    if dim is not None and not input.array.ndim:
        dim = dimension(dim, 0) or None
    return op(input, axis=chosen(dim), keepdims=keepdim)


@keywords
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 index of the largest element along `dim` (None: in the flattened tensor)."""
    return _position(input, dim, keepdim, ops.argmax)


@keywords
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the int64 index of the smallest element along `dim` (None: in the flattened tensor)."""
    return _position(input, dim, keepdim, ops.argmin)


def stable_order(a: Array, axis: int) -> Array:
    """Return ``np.argsort(a, axis, kind="stable")``: NaN stands last, and equal elements keep their places.

    The plain form compares and moves positions. Where number and position have room in one integer, these are sorted
    instead, each of its own kind, by NumPy's vectors: a fifth of the time (`breadth` in `benchmarks`, sort).
    """
    if type(a) is not np.ndarray or a.dtype.char not in "fi" or a.size < LONG or a.shape[axis] >= 1 << 32:
        plain: Array = np.argsort(a, axis=axis, kind="stable")
        return plain
    bits = (a + a.dtype.type(0)).view(np.int32)  # minus zero becomes zero, to which it is equal
    if a.dtype.kind == "f":
        bits ^= (bits >> 31) & 0x7FFFFFFF  # the order of negative numbers is that of their bits backwards
        if (unknown := np.isnan(a)).any():
            bits[unknown] = 0x7FFFFFFF
    keys: Array = bits.astype(np.int64, order="C")
    keys <<= 32
    keys |= np.arange(a.shape[axis]).reshape(-1, *(1,) * (a.ndim - axis - 1))
    keys.sort(axis)
    keys &= 0xFFFFFFFF
    return keys


def order_of(input: Tensor, axis: int, descending: bool = False) -> Array:
    """Return the stable order of `input` along `axis`, NaN as the largest: equal elements keep their places."""
    a = np.atleast_1d(input.array)
    check_real("sort", a)
    order = stable_order(np.flip(a, axis) if descending else a, axis)
    return a.shape[axis] - 1 - np.flip(order, axis) if descending else order


@keywords
def sort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    stable: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> Selection:
    """Return the pair (values, indices) of `input` in order along `dim`; equal elements always keep their order.

    >>> import tensorgrad as tg
    >>> tg.tensor([3.0, 1.0, 2.0]).sort(descending=True).values
    tensor([3., 2., 1.])
    """
    axis = dimension(dim, input.array.ndim)
    return selected(input, order_of(input, axis, descending), axis)


@keywords
def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return `input` in order along its first dimension."""
    return sort(input, 0).values


@keywords
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the positions that put `input` in order along `dim`."""
    return sort(input, dim, descending).indices


@keywords
def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> Selection:
    """Return the pair (values, indices) of the `k` largest elements along `dim`, the largest first.

    Raises:
        RangeError: `k` is more than the length of the axis, or negative.
    """
    axis = dimension(dim, input.array.ndim)
    order = order_of(input, axis, largest)
    if not 0 <= k <= order.shape[axis]:
        raise RangeError(f"selected index k out of range: {k} of {order.shape[axis]} elements along dim {axis}")
    return selected(input, order[along_axis(axis, slice(k))], axis)


def _running(input: Tensor, dim: int, extreme: np.ufunc) -> Selection:
    axis, a = dimension(dim, input.array.ndim), np.atleast_1d(input.array)
    check_real("cummax" if extreme is np.maximum else "cummin", a)
    reached = extreme.accumulate(a, axis=axis)
    steps = np.arange(a.shape[axis]).reshape(-1, *(1,) * (a.ndim - axis - 1))
    here = (a == reached) | (a != a)  # noqa: PLR0124 - NaN, which is not equal to itself
    return selected(input, np.maximum.accumulate(np.where(here, steps, 0), axis=axis), axis)


@keywords
def cummax(input: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> Selection:
    """Return the pair (values, indices) of the largest element up to each one along `dim`, the last of equal ones."""
    return _running(input, dim, np.maximum)


@keywords
def cummin(input: Tensor, dim: int, *, out: tuple[Tensor, Tensor] | None = None) -> Selection:
    """Return the pair (values, indices) of the smallest element up to each one along `dim`, the last of equal ones."""
    return _running(input, dim, np.minimum)
