"""The same elements in another shape or another order of axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import as_dtype
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.views import link_alias
from tensorgrad.errors import ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import (
    Dims,
    Lengths,
    Operand,
    chosen,
    dimension,
    keywords,
    lengths,
    operand,
    separate,
    widened,
)


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.array.size


def _inferred(wanted: Sequence[Any], size: int, found: Sequence[int]) -> tuple[int, ...]:
    """Return `wanted` with the length -1 worked out from the number of elements."""
    numbers = [whole_number(n) for n in wanted]
    known = math.prod(n for n in numbers if n != -1)
    if numbers.count(-1) > 1:
        raise ShapeError(f"only one dimension can be inferred: found {numbers}")
    if -1 in numbers:
        if not known:
            raise ShapeError(
                f"cannot reshape tensor of {size} elements into shape {numbers} because the unspecified dimension size "
                f"-1 can be any value and is ambiguous"
            )
        numbers[numbers.index(-1)] = size // known
    if math.prod(numbers) != size or min(numbers, default=0) < 0:
        raise ShapeError(f"shape '{list(wanted)}' is invalid for input of size {size}: found shape {list(found)}")
    return tuple(numbers)


@keywords
def reshape(input: Tensor, *shape: Lengths) -> Tensor:
    """Return the elements of `input` in `shape`; one length may be -1. The memory is shared where it can be."""
    return ops.reshape(input, shape=_inferred(lengths(shape), input.array.size, input.array.shape))


@keywords
def view(input: Tensor, *shape: Any) -> Tensor:
    """Return `input` in `shape` on the same memory; A dtype: the same bytes in it.

    Raises:
        ShapeError: that cannot be.
    """
    if len(shape) == 1 and not isinstance(shape[0], int | np.integer | list | tuple):
        bits = wrap(input.array.view(as_dtype(shape[0])))
        link_alias(bits, input)
        return bits
    y = reshape(input, *shape)
    if y.array.size and not np.may_share_memory(y.array, input.array):
        raise ShapeError(
            f"view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces). Use .reshape(...) instead: shape {list(input.array.shape)} as {list(shape)}"
        )
    return y


@keywords
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return `input` in the shape of `other`, on the same memory."""
    return view(input, other.array.shape)


@keywords
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the elements of `input` in the shape of `other`."""
    return reshape(input, other.array.shape)


@keywords
def ravel(input: Tensor) -> Tensor:
    """Return the elements of `input` as a vector."""
    return ops.reshape(input, shape=(input.array.size,))


@keywords
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return `input` with the axes from `start_dim` to `end_dim` as one."""
    return composed.flattened(input, start_dim, end_dim)


@keywords
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Return `input` with the axis `dim` as several, of lengths `sizes`; one may be -1.

    Raises:
        RangeError: there is no axis `dim`.
        ShapeError: the product of `sizes` is not its length, or two are -1.

    >>> import tensorgrad as tg
    >>> tg.ones(2, 6).unflatten(1, (3, -1)).shape
    tensorgrad.Size([2, 3, 2])
    """
    shape = input.array.shape
    axis = dimension(dim, len(shape))
    n = shape[axis]
    try:
        parts = _inferred(lengths((sizes,)), n, shape)
    except ShapeError as error:
        raise ShapeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {axis} ({n}) in the input "
            f"tensor"
        ) from error
    return ops.reshape(input, shape=(*shape[:axis], *parts, *shape[axis + 1 :]))


@keywords
def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """Return `input` without its axes of length 1, or without those of them in `dim`."""
    return composed.squeezed(input, chosen(dim)) if dim != () else input


@keywords
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return `input` with an axis of length 1 inserted at `dim`.

    Raises:
        RangeError: `dim` is more than one place behind the last axis.
    """
    return composed.expanded(input, whole_number(dim))


@keywords
def permute(input: Tensor, *dims: Lengths) -> Tensor:
    """Return a view of `input` with its axes in the order `dims`.

    Raises:
        ShapeError: `dims` does not name each axis once.
    """
    order = lengths(dims)
    ndim = input.array.ndim
    if len(order) != ndim:
        raise ShapeError(
            f"permute(dims): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(order)}"
        )
    axes = tuple(dimension(d, ndim) for d in order)
    if len(set(axes)) < ndim:
        raise ShapeError(f"permute(): duplicate dims are not allowed: {list(order)} names an axis twice")
    return ops.transpose(input, axes=axes)


@keywords
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view of `input` with two axes swapped."""
    return composed.exchanged(input, dim0, dim1)


@keywords
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Return a view of `input` with two axes swapped."""
    return composed.exchanged(input, axis0, axis1)


@keywords
def movedim(input: Tensor, source: Lengths, destination: Lengths) -> Tensor:
    """Return a view of `input` with the axes `source` at the places `destination`; the others keep their order.

    Raises:
        ShapeError: `source` and `destination` name different numbers of axes.
    """
    ndim = input.array.ndim
    first, last = ((d,) if isinstance(d, int) else tuple(d) for d in (source, destination))
    if len(first) != len(last):
        raise ShapeError(
            f"movedim: Invalid source or destination dims: source ({list(first)} dims) should contain the same number "
            f"of dims as destination ({list(last)} dims)"
        )
    taken = dict(zip(normalized(last, ndim), normalized(first, ndim), strict=True))
    rest = iter(i for i in range(ndim) if i not in taken.values())
    return ops.transpose(input, axes=tuple(taken[i] if i in taken else next(rest) for i in range(ndim)))


@keywords
def t(input: Tensor) -> Tensor:
    """Return the transpose of a tensor of at most two axes.

    Raises:
        ShapeError: `input` has more than two axes.
    """
    if input.array.ndim > 2:
        raise ShapeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.array.ndim}D")
    return ops.transpose(input, axes=tuple(range(input.array.ndim))[::-1])


@keywords
def adjoint(input: Tensor) -> Tensor:
    """Return `input` with its last two axes swapped, a view, and the conjugate of that if it is complex."""
    return composed.exchanged(input, -1, -2).conj()


@keywords
def broadcast_to(input: Tensor, *size: Lengths) -> Tensor:
    """Return a view of `input` repeated to `size`, read-only where an element stands for several; -1 keeps a length.

    Raises:
        ShapeError: `input` does not broadcast to `size`.
    """
    wanted, found = lengths(size), input.array.shape
    lead = len(wanted) - len(found)
    if lead < 0:
        raise ShapeError(
            f"expand: the number of sizes provided ({len(wanted)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(found)}): sizes {list(wanted)} for shape {list(found)}"
        )
    if -1 in wanted[:lead]:
        raise ShapeError(
            f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension: sizes "
            f"{tuple(wanted)} for a tensor of shape {found}"
        )
    shape = tuple(found[i - lead] if n == -1 else whole_number(n) for i, n in enumerate(wanted))
    for i, (n, m) in enumerate(zip(shape[lead:], found, strict=True), lead):
        if m not in (1, n):
            raise ShapeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({m}) at non-singleton dimension "
                f"{i}.  Target sizes: {list(shape)}.  Tensor sizes: {list(found)}"
            )
    return ops.broadcast_to(input, shape=shape)


@keywords
def expand(input: Tensor, *size: Lengths) -> Tensor:
    """Return a view of `input` repeated to `size`: see `broadcast_to`."""
    return broadcast_to(input, *size)


@keywords
def sum_to_size(input: Tensor, *size: Lengths) -> Tensor:
    """Return `input` summed over the axes that broadcasting from `size` would add or stretch.

    Raises:
        ShapeError: `size` does not broadcast to the shape of `input`.
    """
    shape = tuple(whole_number(n) for n in lengths(size))
    if broadcast_shapes(shape, input.array.shape) != input.array.shape:
        raise ShapeError(f"size {{{list(shape)}}} is not expandable to size {{{list(input.array.shape)}}}.")
    if shape and shape == input.array.shape:
        return input
    return composed.row_major(ops.sum_to(widened(input, None), shape=shape))


@keywords
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Return a view of `input` repeated to the shape of `other`: see `broadcast_to`."""
    return broadcast_to(input, other.array.shape)


@keywords
def broadcast_tensors(*tensors: Operand | Sequence[Operand]) -> tuple[Tensor, ...]:
    """Return views of `tensors` repeated to the shape in which they all meet: see `broadcast_to`."""
    found = [operand(x) for x in separate(tensors)]
    shape = broadcast_shapes(*(x.array.shape for x in found))
    return tuple(ops.broadcast_to(x, shape=shape) for x in found)


def broadcast_shapes(*shapes: Lengths) -> tuple[int, ...]:
    """Return the shape in which `shapes` meet.

    Raises:
        ShapeError: they do not.

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeError(f"Shape mismatch: objects cannot be broadcast to a single shape: {list(shapes)}") from error
