"""Differences of neighbours, and integrals from them."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.common import along_axis, dimension, keywords
from tensorgrad.functions.joining import cat
from tensorgrad.functions.precision import real


def _piece(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    return ops.getitem(x, index=along_axis(axis, slice(start, stop)))


@keywords
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the differences of neighbours along `dim`, taken `n` times, with tensors joined to either end first.

    >>> import tensorgrad as tg
    >>> diff(tg.tensor([1, 4, 9, 16])), diff(tg.tensor([1, 4, 9, 16]), n=2)
    (tensor([3, 5, 7]), tensor([2, 2]))

    Raises:
        ShapeError: `input` has no axes.
        ArgumentError: `n` is negative.
    """
    if not input.array.ndim:
        raise ShapeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise ArgumentError(f"order must be non-negative but got {n}")
    axis = dimension(dim, input.array.ndim)
    parts = [x for x in (prepend, input, append) if x is not None]
    x = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, x.array.shape[axis])):  # then nothing is left
        after, before = _piece(x, axis, 1, None), _piece(x, axis, None, -1)
        x = ops.bitwise_xor(after, before) if x.array.dtype.kind == "b" else ops.sub(after, before)
    return ops.contiguous(x) if x is input else x


@keywords
@real
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """Return the integral of `y` along `dim` by the trapezoidal rule, at the points `x` or points `dx` apart."""
    axis = dimension(dim, y.array.ndim)
    heights = ops.add(_piece(y, axis, 1, None), _piece(y, axis, None, -1))
    if x is None:
        return ops.sum(ops.mul(heights, dx / 2), axis=axis)
    widths = diff(x, dim=-1 if x.array.ndim == 1 else dim)
    if x.array.ndim == 1:
        widths = ops.reshape(widths, shape=(-1, *(1,) * (y.array.ndim - axis - 1)))
    return ops.mul(ops.sum(ops.mul(heights, widths), axis=axis), 0.5)
