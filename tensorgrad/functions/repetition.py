"""Elements repeated, reversed, moved around, and seen through windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import (
    Dims,
    Lengths,
    along_axis,
    dimension,
    keywords,
    lengths,
    lifted,
    like,
    operand,
)
from tensorgrad.functions.shapes import movedim, ravel


@keywords
def repeat(input: Tensor, *repeats: Lengths) -> Tensor:
    """Return `input` repeated: as often along each axis as `repeats` says, whose first numbers are for new axes.

    Raises:
        ShapeError: `repeats` has fewer numbers than there are axes, or a negative one.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 2]).repeat(2, 2).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    times = lengths(repeats)
    lead = len(times) - input.array.ndim
    if lead < 0:
        raise ShapeError(
            f"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{list(times)} for shape {list(input.array.shape)}"
        )
    if min(times, default=0) < 0:
        raise ShapeError(f"Trying to create tensor with negative dimension: repeats {list(times)}")
    shape = (1,) * lead + input.array.shape
    apart = ops.reshape(input, shape=tuple(n for m in shape for n in (1, m)))
    wide = ops.broadcast_to(apart, shape=tuple(n for pair in zip(times, shape, strict=True) for n in pair))
    return composed.unshared(ops.reshape(wide, shape=tuple(n * m for n, m in zip(times, shape, strict=True))), input)


@keywords
def tile(input: Tensor, *dims: Lengths) -> Tensor:
    """Return `input` repeated as often along each axis as `dims` says; missing first numbers are 1."""
    times = lengths(dims)
    return repeat(input, (1,) * (input.array.ndim - len(times)) + times)


@keywords
def repeat_interleave(
    input: Tensor, repeats: Tensor | int | None = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Return `input` with every element along `dim` (None: of the flattened tensor) repeated in place.

    `repeats` is one number, or an integer tensor with a number for each element; given alone, it repeats 0, 1, 2, ...

    Raises:
        ShapeError: `repeats` is neither one number nor one for each element of the axis.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    if repeats is None:
        return wrap(np.repeat(np.arange(input.array.size, dtype=input.array.dtype), input.array))
    x, axis = (ravel(input), 0) if dim is None else (lifted(input), dimension(dim, input.array.ndim))
    n = x.array.shape[axis]
    times = operand(repeats).array
    if times.size == 1:
        shape = x.array.shape
        k = int(times.reshape(()))
        wide = ops.broadcast_to(composed.expanded(x, axis + 1), shape=(*shape[: axis + 1], k, *shape[axis + 1 :]))
        return composed.unshared(ops.reshape(wide, shape=(*shape[:axis], n * k, *shape[axis + 1 :])), input)
    if times.ndim != 1 or times.size != n:
        raise ShapeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {times.size} and "
            f"input.size({axis}) = {n}"
        )
    return ops.getitem(x, index=along_axis(axis, np.repeat(np.arange(n), times)))


@keywords
def flip(input: Tensor, *axes: Lengths, dims: Dims = None) -> Tensor:
    """Return a copy of `input` with the order of elements reversed along `dims`, one sequence or several numbers."""
    wanted = normalized(lengths(axes if dims is None else (dims,)), input.array.ndim)
    index = tuple(slice(None, None, -1) if i in wanted else slice(None) for i in range(input.array.ndim))
    return ops.contiguous(ops.getitem(input, index=index))


@keywords
def fliplr(input: Tensor) -> Tensor:
    """Return a copy of `input` with its second axis reversed.

    Raises:
        ShapeError: `input` has fewer than two axes.
    """
    if input.array.ndim < 2:
        raise ShapeError("Input must be >= 2-d.")
    return flip(input, 1)


@keywords
def flipud(input: Tensor) -> Tensor:
    """Return a copy of `input` with its first axis reversed.

    Raises:
        ShapeError: `input` has no axis.
    """
    if not input.array.ndim:
        raise ShapeError("Input must be >= 1-d.")
    return flip(input, 0)


@keywords
def roll(input: Tensor, shifts: Lengths, dims: Dims = None) -> Tensor:
    """Return `input` with its elements moved on by `shifts` along `dims`; what leaves at the end comes in again.

    Raises:
        ShapeError: `shifts` and `dims` have different lengths.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 2, 3]).roll(1)
    tensor([3, 1, 2])
    """
    if dims is None:
        return ops.reshape(roll(ravel(input), shifts, 0), shape=input.array.shape)
    steps, axes = (((v,) if isinstance(v, int) else tuple(v)) for v in (shifts, dims))
    if len(steps) != len(axes):
        raise ShapeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    x = lifted(input)
    for step, dim in zip(steps, axes, strict=True):
        axis = dimension(dim, input.array.ndim)
        n = x.array.shape[axis]
        if n and (cut := -step % n):
            last, first = (ops.getitem(x, index=along_axis(axis, s)) for s in (slice(cut, None), slice(cut)))
            x = ops.concatenate(last, first, axis=axis)
    return composed.unshared(like(x, input), input)


@keywords
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Return `input` turned by 90 degrees `k` times, from the first of `dims` towards the second.

    Raises:
        ShapeError: `dims` names one axis twice.
    """
    first, second = (dimension(d, input.array.ndim) for d in dims)
    if first == second:
        raise ShapeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    turns = k % 4
    if turns == 0:
        return ops.contiguous(input)
    if turns == 2:
        return flip(input, (first, second))
    return (
        composed.exchanged(flip(input, second), first, second)
        if turns == 1
        else flip(composed.exchanged(input, first, second), second)
    )


@keywords
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return a view of all windows of `size` elements along an axis, `step` apart; those of a window are the last axis.

    Where windows overlap, it cannot be written.

    Raises:
        ShapeError: `size` is more than the length of the axis.
        ArgumentError: `step` is not positive.

    >>> import tensorgrad as tg
    >>> tg.tensor([1, 2, 3, 4]).unfold(0, 2, 1).tolist()
    [[1, 2], [2, 3], [3, 4]]
    """
    x = lifted(input)
    (axis,) = normalized(dimension, x.array.ndim)
    n = x.array.shape[axis]
    if size > n:
        raise ShapeError(f"maximum size for tensor at dimension {axis} is {n} but size is {size}")
    if step <= 0:
        raise ArgumentError(f"step is {step} but must be > 0")
    windows = movedim(ops.windowed(movedim(x, axis, -1), size=size, step=step), -2, axis)
    return windows if input.array.ndim else ops.getitem(windows, index=0)
