"""PyTorch's functions, with PyTorch's argument names and defaults, on the primitives and the composed functions.

`dim` and `axis`, `keepdim` and `keepdims` mean the same. The elementwise functions of `ops` need nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import composed, ops
from tensorgrad.composed import Axis
from tensorgrad.dtypes import int64
from tensorgrad.errors import ShapeError
from tensorgrad.numerics import normalized
from tensorgrad.tensor import Tensor, as_array, wrap


class Extremum(NamedTuple):
    """The result of ``max(dim)`` and ``min(dim)``."""

    values: Tensor
    indices: Tensor


def operand(x: Any) -> Tensor:
    """Return `x` as a Tensor: itself, or a constant of an array's or number's value."""
    return x if isinstance(x, Tensor) else wrap(as_array(x))


def _axis(dim: Axis, axis: Axis) -> Axis:
    return dim if axis is None else axis


def sum(input: Tensor, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `dim` (None: all axes); integers and booleans are summed in int64.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
    tensor([4., 6.])
    """
    x = input if input.array.dtype.kind in "fc" or input.array.dtype == int64 else ops.astype(input, dtype=int64)
    return ops.sum(x, axis=_axis(dim, axis), keepdims=keepdim or keepdims)


def mean(
    input: Tensor, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Return the mean over `dim` (None: all axes); DTypeError for integers, as in PyTorch."""
    composed.check_floating(input, "mean")
    return ops.mean(input, axis=_axis(dim, axis), keepdims=keepdim or keepdims)


def var(
    input: Tensor,
    dim: Axis = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """Return the variance over `dim`, with n - 1 in the denominator unless `correction` says otherwise."""
    composed.check_floating(input, "var")
    n = float(unbiased) if correction is None else correction
    return composed.var(input, _axis(dim, axis), n, keepdim or keepdims)


def std(
    input: Tensor,
    dim: Axis = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Axis = None,
    keepdims: bool = False,
) -> Tensor:
    """Return the standard deviation over `dim`, the square root of `var`."""
    composed.check_floating(input, "std")
    n = float(unbiased) if correction is None else correction
    return composed.std(input, _axis(dim, axis), n, keepdim or keepdims)


def _extremum(input: Tensor, dim: Any, keepdim: bool, name: str) -> Any:
    if dim is None:
        return (ops.amax if name == "max" else ops.amin)(input)
    if isinstance(dim, Tensor):
        return (ops.maximum if name == "max" else ops.minimum)(input, dim)
    x = input if input.array.ndim else ops.reshape(input, shape=(1,))
    (axis,) = normalized(dim, x.array.ndim)
    positions = (np.argmax if name == "max" else np.argmin)(x.array, axis=axis, keepdims=True)
    values = composed.along(x, positions, axis)
    if not keepdim or not input.array.ndim:
        values, positions = composed.squeezed(values, axis), positions.squeeze(axis)
    return Extremum(values, wrap(np.asarray(positions)))


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the largest element; with `dim`, the pair (values, indices) along it; with a Tensor, as `maximum`.

    Ties share the gradient equally; with `dim` it goes to the index that is returned, the first.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1.0, 5.0], [4.0, 2.0]]).max(dim=1).indices
    tensor([1, 0])
    """
    return _extremum(input, dim if axis is None else axis, keepdim or keepdims, "max")


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the smallest element; with `dim`, the pair (values, indices) along it; with a Tensor, as `minimum`."""
    return _extremum(input, dim if axis is None else axis, keepdim or keepdims, "min")


def amax(input: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Return the largest element over `dim`; ties share the gradient equally."""
    return ops.amax(input, axis=_axis(dim, None), keepdims=keepdim)


def amin(input: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Return the smallest element over `dim`; ties share the gradient equally."""
    return ops.amin(input, axis=_axis(dim, None), keepdims=keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Tensor:
    """Return the int64 index of the largest element along `dim` (None: in the flattened tensor)."""
    return ops.argmax(input, axis=dim if axis is None else axis, keepdims=keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Tensor:
    """Return the int64 index of the smallest element along `dim` (None: in the flattened tensor)."""
    return ops.argmin(input, axis=dim if axis is None else axis, keepdims=keepdim)


def matmul(input: Any, other: Any) -> Tensor:
    """Return the matrix product ``input @ other``; leading axes are batches and broadcast.

    >>> import tensorgrad as tg
    >>> (tg.ones(2, 3) @ tg.ones(3, 4)).shape
    tensorgrad.Size([2, 4])
    """
    return composed.product(operand(input), operand(other))


def where(condition: Any, input: Any, other: Any) -> Tensor:
    """Return elements of `input` where `condition` holds, of `other` elsewhere."""
    return ops.where(operand(condition), input, other)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Return `input` limited to [min, max]; the gradient passes at the bounds themselves."""
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        raised = input if min is None else ops.maximum(input, min)
        return raised if max is None else ops.minimum(raised, max)
    return ops.clip(input, low=min, high=max)


def logsumexp(input: Tensor, dim: Axis, keepdim: bool = False) -> Tensor:
    """Return ``log(sum(exp(input)))`` over `dim`, without overflow."""
    return composed.logsumexp(input, _axis(dim, None), keepdim)


def softmax(input: Tensor, dim: int) -> Tensor:
    """Return ``exp(input) / sum(exp(input))`` over `dim`, without overflow."""
    return composed.softmax(input, dim)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """Return the logarithm of `softmax`, without underflow."""
    return composed.log_softmax(input, dim)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """Return the elements of `input` in `shape`; one length may be -1. The memory is shared where it can be."""
    wanted = shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
    lengths = list(map(int, wanted))
    size = input.array.size
    known = int(np.prod([n for n in lengths if n != -1], dtype=np.int64))
    if lengths.count(-1) == 1 and known and size % known == 0:
        lengths[lengths.index(-1)] = size // known
    if -1 in lengths or int(np.prod(lengths, dtype=np.int64)) != size:
        raise ShapeError(
            f"shape '{list(wanted)}' is invalid for input of size {size}: found shape {list(input.array.shape)}"
        )
    return ops.reshape(input, shape=tuple(lengths))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """Return a view of `input` with its axes in the order `dims`."""
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    axes = normalized(tuple(order), input.array.ndim)
    if len(axes) != input.array.ndim:
        raise ShapeError(
            f"permute(dims): number of dims {len(axes)} does not match that of the tensor, {input.array.ndim}"
        )
    return ops.transpose(input, axes=axes)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Return a view of `input` with two axes swapped."""
    return composed.exchanged(input, dim0, dim1)


def t(input: Tensor) -> Tensor:
    """Return the transpose of a tensor of at most two axes."""
    if input.array.ndim > 2:
        raise ShapeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.array.ndim}D")
    return composed.exchanged(input, 0, 1) if input.array.ndim == 2 else input


def broadcast_to(input: Tensor, *size: Any) -> Tensor:
    """Return a read-only view of `input` repeated to `size`; -1 keeps a length."""
    wanted = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    lead = len(wanted) - input.array.ndim
    if lead > 0 and -1 in wanted[:lead]:
        raise ShapeError(
            f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension: sizes "
            f"{tuple(wanted)} for a tensor of shape {input.array.shape}"
        )
    shape = tuple(input.array.shape[i - lead] if n == -1 else int(n) for i, n in enumerate(wanted))
    return ops.broadcast_to(input, shape=shape)


def squeeze(input: Tensor, dim: Axis = None) -> Tensor:
    """Return `input` without its axes of length 1, or without those of them in `dim`."""
    return composed.squeezed(input, dim)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Return `input` with an axis of length 1 inserted at `dim`."""
    return composed.expanded(input, dim)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Return `input` with the axes from `start_dim` to `end_dim` as one."""
    return composed.flattened(input, start_dim, end_dim)


def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Return `tensors` joined along `dim`.

    >>> import tensorgrad as tg
    >>> tg.cat([tg.zeros(1), tg.ones(2)])
    tensor([0., 1., 1.])
    """
    return ops.concatenate(*map(operand, tensors), axis=dim if axis is None else axis)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return `tensors` of one shape joined along a new axis at `dim`."""
    return composed.stack([operand(x) for x in tensors], dim)


def all(input: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Return whether every element over `dim` (None: all axes) is not zero."""
    return wrap(np.asarray(np.all(input.array, axis=dim, keepdims=keepdim)))


def any(input: Tensor, dim: Axis = None, keepdim: bool = False) -> Tensor:
    """Return whether some element over `dim` (None: all axes) is not zero."""
    return wrap(np.asarray(np.any(input.array, axis=dim, keepdims=keepdim)))


def isnan(input: Tensor) -> Tensor:
    """Return whether each element is NaN."""
    return wrap(np.isnan(input.array))


def isfinite(input: Tensor) -> Tensor:
    """Return whether each element is neither infinite nor NaN."""
    return wrap(np.isfinite(input.array))


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Return whether ``|input - other| <= atol + rtol * |other|`` everywhere."""
    return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements."""
    return bool(np.array_equal(input.array, other.array))


def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.array.size
