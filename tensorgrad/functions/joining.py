"""Several tensors as one, and one as several."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import (
    Lengths,
    Operand,
    along_axis,
    dimension,
    keywords,
    operand,
    separate,
    tensors_of,
)
from tensorgrad.functions.shapes import ravel

_MOST_PARTS = 2**20  # more views than this would not end, nor fit into memory


@keywords
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` joined along `dim`.

    Raises:
        ShapeError: a tensor has no axis, or their shapes differ in another axis than `dim`.

    >>> import tensorgrad as tg
    >>> tg.cat([tg.zeros(1), tg.ones(2)])
    tensor([0., 1., 1.])
    """
    xs = tensors_of("cat", tensors)
    used = [x for x in xs if x.array.shape != (0,)] or xs[:1]  # PyTorch lets an empty vector stand among any others
    first = used[0].array.shape
    axis = dimension(dim, len(first))
    if not first:
        raise ShapeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    for i, x in enumerate(used):
        shape = x.array.shape
        if shape == first:
            continue
        if len(shape) != len(first):
            raise ShapeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)} (shapes "
                f"{list(first)} and {list(shape)})"
            )
        for k, (n, m) in enumerate(zip(first, shape, strict=True)):
            if n != m and k != axis:
                raise ShapeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size {n} but got size {m} for "
                    f"tensor number {i} in the list (shapes {list(first)} and {list(shape)})."
                )
    nothing = (*first[:axis], 0, *first[axis + 1 :])
    fitting = [x if x.array.shape != (0,) else ops.reshape(x, shape=nothing) for x in xs]
    return ops.concatenate(*fitting, axis=axis)


@keywords
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` of one shape joined along a new axis at `dim`."""
    return composed.stack(tensors_of("stack", tensors), dim)


@keywords
def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one axis."""
    return _each(tensors, lambda x: x if x.array.ndim else ops.reshape(x, shape=(1,)))


@keywords
def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two axes; a vector becomes a row."""
    return _each(tensors, lambda x: x if x.array.ndim > 1 else ops.reshape(x, shape=(1, x.array.size)))


@keywords
def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three axes; a vector becomes (1, n, 1), a matrix (n, m, 1)."""

    def deep(x: Tensor) -> Tensor:
        shape = x.array.shape
        return x if len(shape) > 2 else ops.reshape(x, shape=(*shape, 1) if len(shape) == 2 else (1, x.array.size, 1))

    return _each(tensors, deep)


def _each(tensors: tuple[Any, ...], change: Any) -> Any:
    """Return `change` of one tensor, or of each in a sequence."""
    given = separate(tensors)
    found = tuple(change(operand(x)) for x in given)
    return found[0] if given is tensors and len(tensors) == 1 else found


@keywords
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` joined along the second axis; vectors along their only one."""
    xs = [atleast_1d(x) for x in tensors_of("hstack", tensors)]
    return cat(xs, 0 if xs[0].array.ndim == 1 else 1)


@keywords
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` joined along the first axis; vectors are rows."""
    return cat([atleast_2d(x) for x in tensors_of("vstack", tensors)], 0)


@keywords
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` joined along the third axis: of (n, m) and (n, m) shape (n, m, 2).

    Raises:
        ShapeError: lengths that differ along another axis.
    """
    return cat([atleast_3d(x) for x in tensors_of("dstack", tensors)], 2)


@keywords
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Return `tensors` joined along the second axis; vectors are columns."""
    xs = tensors_of("column_stack", tensors)
    return cat([x if x.array.ndim > 1 else ops.reshape(x, shape=(x.array.size, 1)) for x in xs], 1)


@keywords
def block_diag(*tensors: Operand) -> Tensor:
    """Return the matrix with `tensors` of at most two axes as blocks on its diagonal, zeros elsewhere.

    Raises:
        ShapeError: a tensor has more than two axes.
    """
    xs = [operand(x) for x in tensors]
    for i, x in enumerate(xs):
        if x.array.ndim > 2:
            raise ShapeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.array.ndim} dimensions"
            )
    blocks = [atleast_2d(x) for x in xs]
    width = sum(b.array.shape[1] for b in blocks)
    left, rows = 0, []
    for b in blocks:
        n, m = b.array.shape
        rows.append(ops.scatter(b, index=(slice(None), slice(left, left + m)), shape=(n, width)))
        left += m
    return ops.concatenate(*rows, axis=0)


def _cut(input: Tensor, bounds: Sequence[int], axis: int) -> tuple[Tensor, ...]:
    """Return the views of `input` between neighbouring `bounds`."""
    return tuple(ops.getitem(input, index=along_axis(axis, slice(a, max(a, b)))) for a, b in itertools.pairwise(bounds))


@keywords
def split(tensor: Tensor, split_size_or_sections: Lengths, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of `tensor` along `dim`: of one length, the last perhaps shorter, or of each length in a list.

    Raises:
        ShapeError: `tensor` has no axis, or the lengths do not add up to that of the axis.
        ArgumentError: a length is negative, or 0 for an axis that is not empty.

    >>> import tensorgrad as tg
    >>> [x.tolist() for x in tg.arange(5).split(2)]
    [[0, 1], [2, 3], [4]]
    """
    axis = dimension(dim, tensor.array.ndim)
    if not tensor.array.ndim:
        raise ShapeError("split expects at least a 1-dimensional tensor")
    n = tensor.array.shape[axis]
    if isinstance(split_size_or_sections, int | np.integer):
        size = whole_number(split_size_or_sections)
        if size < 0:
            raise ArgumentError(f"split expects split_size be non-negative, but got split_size={size}")
        if not size and n:
            raise ArgumentError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        return _cut(tensor, [*range(0, n, size or 1), n] if n else [0, 0], axis)
    sizes = [whole_number(s) for s in split_size_or_sections]
    if sum(sizes) != n or min(sizes, default=0) < 0:
        raise ShapeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {axis}), "
            f"but got split_sizes={sizes}"
        )
    return _cut(tensor, [0, *itertools.accumulate(sizes)], axis)


@keywords
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of `input` along `dim`, of each length in `split_sizes`."""
    return split(input, list(split_sizes), dim)


@keywords
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of `input` along `dim`, of equal length but for the last.

    Raises:
        ArgumentError: `chunks` is not positive.
    """
    if chunks <= 0:
        raise ArgumentError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.array.shape[dimension(dim, input.array.ndim)]
    return split(input, -(-n // chunks), dim) if n else (split(input, 0, dim) * chunks)


@keywords
def tensor_split(input: Tensor, indices_or_sections: Lengths | Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of `input` along `dim`: a number of them, as equal as can be, or cut at each of the indices.

    Raises:
        ArgumentError: the number of parts is not positive.
    """
    axis = dimension(dim, input.array.ndim)
    n = input.array.shape[axis]
    wanted = indices_or_sections.array.tolist() if isinstance(indices_or_sections, Tensor) else indices_or_sections
    if isinstance(wanted, int | np.integer):
        if not 0 < wanted <= _MOST_PARTS:
            raise ArgumentError(f"number of sections must be larger than 0 and at most {_MOST_PARTS}, got {wanted}")
        short, longer = divmod(n, whole_number(wanted))
        return _cut(input, [i * short + min(i, longer) for i in range(whole_number(wanted) + 1)], axis)
    return _cut(input, [0, *(slice(i).indices(n)[1] for i in wanted), n], axis)


@keywords
def hsplit(input: Tensor, indices_or_sections: Lengths | Tensor) -> tuple[Tensor, ...]:
    """Return views of `input` along its second axis (a vector: its only one), as `tensor_split` cuts them."""
    return tensor_split(input, indices_or_sections, 0 if input.array.ndim == 1 else 1)


@keywords
def vsplit(input: Tensor, indices_or_sections: Lengths | Tensor) -> tuple[Tensor, ...]:
    """Return views of `input` along its first axis, as `tensor_split` cuts them."""
    return tensor_split(input, indices_or_sections, 0)


@keywords
def dsplit(input: Tensor, indices_or_sections: Lengths | Tensor) -> tuple[Tensor, ...]:
    """Return views of `input` along its third axis, as `tensor_split` cuts them."""
    return tensor_split(input, indices_or_sections, 2)


@keywords
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices of `input` along `dim`, without that axis.

    Raises:
        RangeError: `input` has no axis.
    """
    if not input.array.ndim:
        raise RangeError("Dimension specified as 0 but tensor has no dimensions")
    axis = dimension(dim, input.array.ndim)
    return tuple(ops.getitem(input, index=along_axis(axis, i)) for i in range(input.array.shape[axis]))


@keywords
def meshgrid(*tensors: Operand | Sequence[Operand], indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return the coordinates of all points of a grid, one tensor for each of the vectors `tensors`.

    `indexing` is 'ij', the first vector along the first axis, or 'xy', the first vector along the second.

    Raises:
        ArgumentError: `indexing` is neither 'ij' nor 'xy'.
        ShapeError: a tensor has more than one axis.

    >>> import tensorgrad as tg
    >>> [g.tolist() for g in tg.meshgrid(tg.tensor([1, 2]), tg.tensor([3, 4]), indexing="xy")]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    xs = tensors_of("meshgrid", separate(tensors))
    for x in xs:
        if x.array.ndim > 1:
            raise ShapeError(f"meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x.array.ndim}D")
    if indexing not in ("ij", "xy"):
        raise ArgumentError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    sizes = tuple(x.array.size for x in xs)
    grids = []
    for i, x in enumerate(xs):
        line = ops.reshape(x, shape=tuple(n if j == i else 1 for j, n in enumerate(sizes)))
        grid = ops.broadcast_to(line, shape=sizes)
        grids.append(composed.exchanged(grid, 0, 1) if indexing == "xy" and len(xs) > 1 else grid)
    return tuple(grids)


def _vector(x: Any) -> Tensor:
    found = operand(x)
    if found.array.ndim != 1:
        raise ShapeError(f"Expect a 1D vector, but got shape {list(found.array.shape)}")
    return found


@keywords
def cartesian_prod(*tensors: Operand) -> Tensor:
    """Return all tuples of one element from each of the vectors `tensors`, as rows; of one vector, the vector."""
    xs = [_vector(x) for x in tensors]
    return xs[0] if len(xs) == 1 else stack([ravel(grid) for grid in meshgrid(*xs)], 1)


@keywords
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all choices of `r` elements of the vector `input`, as rows, in the order of their places."""
    n = _vector(input).array.size
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    return ops.getitem(
        input, index=np.array(list(choose(range(n), r)), np.int64).reshape(-1, r) if r else np.zeros(0, np.int64)
    )
