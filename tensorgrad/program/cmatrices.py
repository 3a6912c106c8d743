"""Products of matrices in C: those that BLAS knows, one for each place of the axes before their last two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address

from .contents import Ref, Step
from .cops import Matrix, Op, Product
from .cvalues import Access, Unspoken, short, thin

if TYPE_CHECKING:
    from .clowering import Lowering


def product(lowering: Lowering, step: Step) -> list[Op]:
    """Return what ``np.matmul`` and ``np.dot`` are.

    Raises:
        Unspoken: the product is of no floats, or of nothing.
    """
    out = lowering.target(step)
    if set(step.kwargs) - {"out"} or len(step.args) != 2 or not all(isinstance(x, Ref) for x in step.args):
        raise Unspoken
    a, b = (x.number for x in step.args)
    ones = _sum_by_ones(lowering, a, b, out)
    if ones:
        return ones
    whole, left, right = (lowering.memory.array(n) for n in (out, a, b))
    if whole.dtype.kind != "f" or not lowering.products:
        raise Unspoken
    if 0 in (left.ndim, right.ndim) or (step.function is not np.matmul and right.ndim > 2):
        raise Unspoken
    first = left[None] if left.ndim == 1 else left
    second = right[:, None] if right.ndim == 1 else right
    whole = whole[..., None] if right.ndim == 1 else whole
    whole = whole[..., None, :] if left.ndim == 1 else whole
    if second.ndim == 2 and first.ndim > 2:  # one product of all rows, where they lie evenly
        rows, made = _of_rows(first), _of_rows(whole)
        if rows is not None and made is not None:
            first, whole = rows, made
    return _multiplied(lowering, (a, first), (b, second), (out, whole))


def _of_rows(array: Array) -> Array | None:
    """Return an array as one matrix of its rows, a view; None where they do not lie evenly."""
    view = array.view()
    try:
        view.shape = (-1, array.shape[-1])
    except AttributeError:
        return None
    return view


def _multiplied(lowering: Lowering, a: tuple[int, Array], b: tuple[int, Array], out: tuple[int, Array]) -> list[Op]:
    """Return the products of arrays, which are views of the values of these numbers."""
    batch = out[1].shape[:-2]
    made = _matrix(*_placed(lowering, *out), batch)
    if made is None or 0 in a[1].shape or 0 in b[1].shape:
        raise Unspoken
    ops: list[Op] = []
    found = []
    for number, array in (a, b):
        known = array.dtype == out[1].dtype
        matrix = _matrix(*_placed(lowering, number, array), batch) if known else None
        if matrix is None:  # it is copied into the dtype and order that BLAS asks for
            access = lowering.made(array.shape, out[1].dtype)
            ops += lowering.moved(lowering.memory.access(number, array.shape, array), access, array.shape)
            matrix = _matrix(access.root, 0, np.empty(array.shape, out[1].dtype), batch)
            assert matrix is not None
        found.append(matrix)
    left, right = found
    if any(lowering.overlap(x, made.access, m, made.whole) for x, m in ((m.access, m.whole) for m in found)):
        raise Unspoken
    if made.transposed:
        return [*ops, Product(_turned(made), _turned(right), _turned(left))]
    return [*ops, Product(made, left, right)]


def _placed(lowering: Lowering, number: int, array: Array) -> tuple[int, int, Array]:
    """Return the root of a value, which of its elements an array begins with that is a view of the value, and it.

    Raises:
        Unspoken: its elements do not stand in whole steps, or BLAS does not multiply them.
    """
    size, root = array.itemsize, lowering.memory.roots[number]
    shift = address(array) - address(lowering.memory.array(root))
    if any(s % size for s in array.strides) or shift % size or short(array.dtype) not in ("f4", "f8"):
        raise Unspoken
    return root, shift // size, array


def _matrix(root: int, shift: int, array: Array, batch: tuple[int, ...]) -> Matrix | None:
    """Return the last two axes as a matrix for each place of `batch`; None where neither rows nor columns are whole."""
    m, n = array.shape[-2:]
    strides = [s // array.itemsize for s in np.broadcast_to(array, (*batch, m, n)).strides]
    steps = tuple(s for s, size in zip(strides, batch, strict=False) if size != 1)
    down, along = strides[-2:]
    access = Access(root, short(array.dtype), shift, (*steps, down, along))
    if (along == 1 or n == 1) and (m == 1 or down >= n):
        return Matrix(access, (m, n), False, max(down if m > 1 else n, n), thin(batch))
    if (down == 1 or m == 1) and (n == 1 or along >= m):
        return Matrix(access, (m, n), True, max(along if n > 1 else m, m), thin(batch))
    return None


def _turned(m: Matrix) -> Matrix:
    """Return the transpose of a matrix."""
    return Matrix(m.access, (m.shape[1], m.shape[0]), not m.transposed, m.distance, m.batch)


def _sum_by_ones(lowering: Lowering, a: int, b: int, out: int) -> list[Op] | None:
    """Return the sum along the axis before the last that a product with a row of ones is, or along the last one."""
    values = lowering.program.values
    for ones, summed, axis in ((a, b, -2), (b, a, -1)):
        left, right = values[ones], values[summed]
        row = thin(left.shape) == thin(left.shape[-1:]) if axis == -2 else len(left.shape) == 1
        if left.kind != "constant" or not row or len(right.shape) < 2:
            continue
        if (lowering.memory.array(ones) == 1).all() and {left.dtype, right.dtype} == {values[out].dtype}:
            axes = len(right.shape)
            keepdims = len(values[out].shape) == axes
            return lowering.folded("add", summed, out, [i == axes + axis for i in range(axes)], keepdims=keepdims)
    return None
