"""Elements chosen by their positions. Reading is `getitem`, whose adjoint adds."""

from __future__ import annotations

from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, int64
from tensorgrad.engine.generalforms import own
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, DTypeError, RangeError, ShapeError
from tensorgrad.functions.common import (
    Operand,
    along_axis,
    constant,
    dimension,
    keywords,
    lifted,
    like,
    operand,
    positions,
    stretched,
)


@keywords
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the view of `input` at `index` along `dim`, without that axis.

    Raises:
        RangeError: there is no such element, or no axis.
    """
    if not input.array.ndim:
        raise RangeError("select() cannot be applied to a 0-dim tensor.")
    axis = dimension(dim, input.array.ndim)
    n = input.array.shape[axis]
    if not -n <= index < n:
        raise RangeError(
            f"select(): index {index} out of range for tensor of size {list(input.array.shape)} at dimension {axis}"
        )
    return ops.getitem(input, index=along_axis(axis, whole_number(index)))


@keywords
def narrow(input: Tensor, dim: int, start: Tensor | int, length: int) -> Tensor:
    """Return the view of `length` elements of `input` along `dim`, from `start` on.

    Raises:
        ArgumentError: `length` is negative.
        RangeError: the part reaches beyond the axis.
    """
    axis = dimension(dim, input.array.ndim)
    n, first = input.array.shape[axis], whole_number(start)
    if length < 0:
        raise ArgumentError("narrow(): length must be non-negative.")
    if not -n <= first <= n:
        raise RangeError(f"start out of range (expected to be in range of [{-n}, {n}], but got {first})")
    first = first + n if first < 0 else first
    if first + length > n:
        raise RangeError(f"start ({first}) + length ({length}) exceeds dimension size ({n}).")
    return ops.getitem(input, index=along_axis(axis, slice(first, first + length)))


def slices(name: str, input: Tensor, dim: int, index: Any, backwards: bool = False) -> tuple[Tensor, int, Array]:
    """Return the lifted `input`, the axis and the checked `index`, which must be a vector, or a number."""
    x, axis, found = lifted(input), dimension(dim, input.array.ndim), operand(index)
    if found.array.ndim > 1:
        raise RangeError(f"{name}(): Index is supposed to be a vector, found shape {list(found.array.shape)}")
    return x, axis, positions(name, found, x.array.shape[axis], axis, backwards).reshape(-1)


@keywords
def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the slices of `input` at the positions `index`, a vector, along `dim`."""
    x, axis, places = slices("index_select", input, dim, index)
    return like(ops.getitem(x, index=along_axis(axis, places)), input)


def boolean(name: str, mask: Any) -> Tensor:
    """Return `mask`; DTypeError unless it is boolean."""
    found = operand(mask)
    if found.array.dtype.kind != "b":
        raise DTypeError(f"{name}: expected BoolTensor for mask, found {found.array.dtype}; compare first, as in x > 0")
    return found


@keywords
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Return the elements of `input` where `mask` holds, as a vector; the two broadcast.

    Raises:
        DTypeError: a `mask` that is not boolean.
        ShapeError: the two do not broadcast.
    """
    where = boolean("masked_select", mask).array
    shape = np.broadcast_shapes(input.array.shape, where.shape)
    return ops.getitem(stretched(input, shape), index=own(np.broadcast_to(where, shape)))


@keywords
def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at the positions `index` of the flattened `input`, in the shape of `index`.

    Raises:
        DTypeError: `index` does not hold integers.
        RangeError: a position is outside of `input`.
    """
    n = input.array.size
    places = operand(index).array
    if places.dtype.kind not in "iu" and places.size:
        raise DTypeError(f"take(): Expected a long tensor for index, but got {places.dtype}")
    wrong = (places < -n) | (places >= n)
    if wrong.any():
        raise RangeError(f"out of range: tried to access index {places[wrong].flat[0]} on a tensor of {n} elements.")
    return ops.getitem(ops.reshape(input, shape=(n,)), index=own(places, int64))


def grid_of(index: Array, axis: int) -> tuple[Array, ...]:
    """Return the positions of all elements of `index` in a tensor whose axis `axis` it indexes."""
    grid: list[Array] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[axis] = index
    return tuple(grid)


def placed(name: str, input: Tensor, dim: int, index: Any, limits: tuple[tuple[int, ...], ...]) -> Any:
    """Return the lifted `input`, the axis and the checked `index`; `limits` are shapes that it must fit in."""
    x, axis = lifted(input), dimension(dim, input.array.ndim)
    places = positions(name, index, x.array.shape[axis], axis)
    places = places.reshape(1) if not places.ndim else places
    if places.size and any(places.ndim != len(shape) for shape in (x.array.shape, *limits)):
        raise ShapeError(
            f"Index tensor must have the same number of dimensions as input tensor: {name}() of shapes "
            f"{list(places.shape)} and {[list(s) for s in (x.array.shape, *limits)]}"
        )
    for i, n in enumerate(places.shape if places.size else ()):
        if (i != axis and n > x.array.shape[i]) or any(n > shape[i] for shape in limits):
            rest = f" and to be no larger size than src {list(limits[0])}" if limits else ""
            raise ShapeError(
                f"Size does not match at dimension {i} expected index {list(places.shape)} to be no larger than self "
                f"{list(x.array.shape)} apart from dimension {axis}{rest}"
            )
    return x, axis, places


@keywords
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Return the elements of `input` at the positions `index` along `dim`, in the shape of `index`.

    ``y[i, j] = input[index[i, j], j]`` for dim 0 of a matrix. The other dimensions of `index` may be shorter.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1, 2], [3, 4]]).gather(1, tg.tensor([[0], [1]])).tolist()
    [[1], [4]]
    """
    x, axis, places = placed("gather", input, dim, index, ())
    if not places.size:
        return constant(np.empty(places.shape, x.array.dtype))
    return ops.reshape(ops.getitem(x, index=grid_of(places, axis)), shape=operand(index).array.shape)


@keywords
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """Return the elements of `input` at `indices` along `dim` (None: of both flattened); other dimensions broadcast."""
    if dim is None:
        return take(input, ops.reshape(indices, shape=(indices.array.size,)))
    axis = dimension(dim, input.array.ndim)
    a, b = list(input.array.shape), list(indices.array.shape)
    shape = list(np.broadcast_shapes((*a[:axis], 1, *a[axis + 1 :]), (*b[:axis], 1, *b[axis + 1 :])))
    x = ops.broadcast_to(input, shape=(*shape[:axis], a[axis], *shape[axis + 1 :]))
    return gather(x, axis, ops.broadcast_to(indices, shape=(*shape[:axis], b[axis], *shape[axis + 1 :])))


@keywords
def where(
    condition: Operand, input: Operand | None = None, other: Operand | None = None, *, out: Tensor | None = None
) -> Any:
    """Return elements of `input` where `condition` holds, of `other` elsewhere; without these, the places it holds.

    Raises:
        DTypeError: `condition` is not boolean.
    """
    mask = operand(condition)
    if input is None and other is None:
        return nonzero(mask, as_tuple=True)
    if mask.array.dtype.kind not in "bu":
        raise DTypeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {mask.array.dtype}: compare "
            f"first, as in x != 0"
        )
    return ops.where(mask, input, other)


@keywords
def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | None = None) -> Any:
    """Return the positions of the elements that are not zero, one a row; or one int64 vector for each dimension.

    >>> import tensorgrad as tg
    >>> tg.nonzero(tg.tensor([[0, 5], [6, 0]])).tolist()
    [[0, 1], [1, 0]]
    """
    return tuple(map(constant, np.nonzero(lifted(input).array))) if as_tuple else argwhere(input)


@keywords
def argwhere(input: Tensor) -> Tensor:
    """Return the positions of the elements that are not zero, one a row."""
    return constant(np.argwhere(input.array))
