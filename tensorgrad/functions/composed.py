"""Functions without rules: each is a composition of primitives, so its derivatives of every order follow.

The arguments are engine words (`axis`, `keepdims`); the public functions accept PyTorch's `dim` and
`keepdim` for the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tensorgrad.base.dtypes import Array, check_real
from tensorgrad.base.numerics import normalized, owner_of
from tensorgrad.engine.fused import fused, fusible
from tensorgrad.engine.generalforms import perhaps, surely
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.tracedtensors import unasked
from tensorgrad.engine.traces import running
from tensorgrad.errors import DTypeError, ShapeError
from tensorgrad.functions.precision import floating, wide
from tensorgrad.ops import (
    amax,
    concatenate,
    contiguous,
    exp,
    getitem,
    length,
    log,
    logaddexp,
    matmul,
    mean,
    mul,
    neg,
    reshape,
    rowwise,
    sub,
    sum,
    transpose,
    where,
)
from tensorgrad.ops.reductions import kept, reduced
from tensorgrad.ops.selection import unknown

Axis = int | tuple[int, ...] | None


def detached(x: Tensor) -> Tensor:
    """Return a tensor on the same memory, without history."""
    return wrap(x.array)


def compared(x: Tensor) -> Tensor:
    """Return `x` for a function that takes its pieces by comparing it: where it is NaN, so is its slope.

    No comparison with NaN holds, and what is left over would lend its slope to it.
    """
    if not x.tracked or not perhaps((missing := np.isnan(x.array)).any()):
        return x
    y: Tensor = unknown(x, wrap(missing))
    return y


def row_major(y: Tensor) -> Tensor:
    """Return `y`, or a copy of it whose elements lie in memory row by row."""
    return y if y.array.flags.c_contiguous else unasked(contiguous(y))


def laid_out(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, made of an input `x` (N, C, ...), row by row, or with the channels last where those of `x` are."""
    shape = x.array.shape
    if len(shape) > 3:  # one that lies row by row has them last where they are alone, or what is not
        rows = x.array.flags.c_contiguous and shape[1] > 1 and math.prod(shape[2:]) > 1
        if not rows and np.moveaxis(x.array, 1, -1).flags.c_contiguous:
            return y
    return row_major(y)


def unshared(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, made of `x`, on memory of its own, row by row: a copy where it is `x` or a view of it."""
    return unasked(contiguous(y)) if owner_of(y.array) is owner_of(x.array) else row_major(y)


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrix product by the rules of ``@``: a 1-d operand is a row on the left, a column on the right."""
    rows, columns = a.array.ndim == 1, b.array.ndim == 1
    if a.array.ndim == 0 or b.array.ndim == 0:
        raise ShapeError(f"both arguments to matmul need to be at least 1D, found {a.array.shape} and {b.array.shape}")
    left = reshape(a, shape=(1, *a.array.shape)) if rows else a
    right = reshape(b, shape=(*b.array.shape, 1)) if columns else b
    if left.array.shape[-1] != right.array.shape[-2]:
        shapes = "x".join(map(str, a.array.shape)), "x".join(map(str, b.array.shape))
        raise ShapeError(
            f"mat1 and mat2 shapes cannot be multiplied ({shapes[0]} and {shapes[1]}): the last axis of the first must "
            f"have the length of the last but one of the second"
        )
    y = matmul(left, right)
    if rows or columns:
        shape = y.array.shape
        y = reshape(y, shape=(*shape[:-2], *(() if rows else shape[-2:-1]), *(() if columns else shape[-1:])))
    return y


@wide
def var(x: Tensor, axis: Axis = None, correction: float = 1, keepdims: bool = False) -> Tensor:
    """Return the variance over `axis`: the sum of squared deviations over ``n - correction``.

    Over nothing, squares are infinite, and 0 is not known, nor is any derivative.
    """
    check_real("var", x.array)

    def squares(deviation: Tensor) -> Tensor:
        return sum(mul(deviation, deviation), axis=axis, keepdims=keepdims)

    return _over(_measured(x, axis, squares, np.sqrt), reduced(x.array.shape, axis) - correction)


def centred(x: Tensor, axis: Axis) -> Tensor:
    """Return ``x - mean(x)`` over `axis`: twice, for a mean that was rounded leaves a mean of its own."""
    once = sub(x, mean(x, axis=axis, keepdims=True))
    return sub(once, mean(once, axis=axis, keepdims=True))


def _measured(x: Tensor, axis: Axis, measure: Callable[[Tensor], Tensor], distance: Callable[[Array], Array]) -> Tensor:
    """Return ``measure(centred(x, axis))``, whose `distance` is the length of the deviations.

    What rounding leaves of the mean is seen only where the deviations are small beside it, for it counts by its square:
    elsewhere they are taken once.
    """
    middle = mean(x, axis=axis, keepdims=True)
    y = measure(sub(x, middle))
    seen = 8 * math.sqrt(np.finfo(x.array.dtype).eps * reduced(x.array.shape, axis))
    enough = seen * np.abs(middle.array).reshape(y.array.shape) <= distance(y.array)
    if running() is None:
        return y if enough.all() else measure(centred(x, axis))
    return where(wrap(enough), y, measure(centred(x, axis)))


def _over(x: Tensor, count: float) -> Tensor:
    y = mul(x, 1 / count if count > 0 else math.nan)
    if count <= 0:
        y.array[x.array > 0] = np.inf  # in place, for the slope is not known
    return y


@wide
def std(x: Tensor, axis: Axis = None, correction: float = 1, keepdims: bool = False) -> Tensor:
    """Return the square root of `var`; where that is 0, the derivative is 0, the subgradient of least norm."""
    count = reduced(x.array.shape, axis) - correction
    y = _measured(x, axis, lambda deviation: length(deviation, axis=axis, keepdims=keepdims), lambda size: size)
    return _over(y, math.sqrt(max(count, 0.0)))


@wide
def logsumexp(x: Tensor, axis: Axis, keepdims: bool = False) -> Tensor:
    """Return ``log(sum(exp(x)))`` over `axis`, finite for any finite `x`.

    The maximum is subtracted and added as a constant: the result is identically independent of it. Beside plus infinity
    it is the maximum, in value and slope.
    """
    x = floating(x)
    highest = _highest(x, axis)
    finite = np.isfinite(highest.array)
    shift = highest if surely(finite.all()) else wrap(np.where(finite, highest.array, 0).astype(x.array.dtype))
    y = _log_of_sum(sub(x, shift), axis) + shift
    endless = np.isposinf(highest.array)
    if endless.size and x.array.size and perhaps(endless.any()):
        y = where(wrap(endless), amax(x, axis=axis, keepdims=True), y)
    return y if keepdims else reshape(y, shape=_without(x.array.shape, axis))


def _highest(x: Tensor, axis: Axis) -> Tensor:
    """Return the largest elements as constants, 0 where there are none."""
    if not reduced(x.array.shape, axis):
        return wrap(np.zeros(kept(x.array.shape, axis), x.array.dtype))
    return detached(amax(x, axis=axis, keepdims=True))


def _log_of_sum(x: Tensor, axis: Axis) -> Tensor:
    with np.errstate(divide="ignore"):  # the logarithm of a sum of nothing but exp(-inf) is -inf
        return log(sum(exp(x), axis=axis, keepdims=True))


def _without(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    axes = normalized(axis, len(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


@wide
def log_softmax(x: Tensor, axis: int) -> Tensor:
    """Return ``x - logsumexp(x)`` over `axis`.

    What is subtracted twice is small: ``x - max`` first, which is exact for what counts, so that large inputs lose no
    digits. Beside plus infinity all is NaN, as are the gradients.
    """
    x = floating(x)
    if x.array.size and x.array.ndim and fusible(x):
        return _fused_log_softmax(x, axis=normalized(axis, x.array.ndim)[0])[0]
    return _log_softmax(x, axis=axis)


def _log_softmax(x: Tensor, *, axis: int) -> Tensor:
    shifted = sub(x, _highest(x, axis))
    return row_major(sub(shifted, _log_of_sum(shifted, axis)))


_fused_log_softmax = fused(
    "log_softmax", _log_softmax, rowwise.log_softmax, rowwise.log_softmax_adjoint, reads=(), compiles=True
)


@wide
def softmax(x: Tensor, axis: int) -> Tensor:
    """Return ``exp(x) / sum(exp(x))`` over `axis`, without overflow."""
    x = floating(x)
    if not x.array.size:
        return exp(x)  # nothing is divided, and a backward pass would take the inverse of a sum of nothing, which is 0
    if x.array.ndim and fusible(x):
        return _fused_softmax(x, axis=normalized(axis, x.array.ndim)[0])[0]
    return _softmax(x, axis=axis)


def _softmax(x: Tensor, *, axis: int) -> Tensor:
    e = exp(sub(x, detached(amax(x, axis=axis, keepdims=True))))
    return row_major(e / sum(e, axis=axis, keepdims=True))


_fused_softmax = fused("softmax", _softmax, rowwise.softmax, rowwise.softmax_adjoint, reads=(), compiles=True)


def softplus(x: Tensor) -> Tensor:
    """Return ``log(1 + e ** x)`` without overflow."""
    return logaddexp(x, 0.0)


def logsigmoid(x: Tensor) -> Tensor:
    """Return ``log(sigmoid(x))`` without underflow."""
    return neg(softplus(neg(floating(x))))


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return tensors of one shape joined along a new axis at position `axis`."""
    for i, x in enumerate(tensors):
        if x.array.shape != tensors[0].array.shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].array.shape)} at entry 0 and "
                f"{list(x.array.shape)} at entry {i}"
            )
    return concatenate(*[expanded(x, axis) for x in tensors], axis=axis)


def expanded(x: Tensor, axis: int) -> Tensor:
    """Return `x` with an axis of length 1 inserted at position `axis`."""
    shape = x.array.shape
    (at,) = normalized(axis, len(shape) + 1)
    return reshape(x, shape=(*shape[:at], 1, *shape[at:]))


def squeezed(x: Tensor, axis: Axis = None) -> Tensor:
    """Return `x` without its axes of length 1, or without those in `axis` that have length 1."""
    shape = x.array.shape
    axes = [i for i in normalized(axis, len(shape)) if shape[i] == 1]
    return reshape(x, shape=tuple(n for i, n in enumerate(shape) if i not in axes))


def flattened(x: Tensor, start: int = 0, end: int = -1) -> Tensor:
    """Return `x` with the axes from `start` to `end` (included) as one."""
    shape = x.array.shape or (1,)
    first, last = normalized(start, len(shape))[0], normalized(end, len(shape))[0]
    if first > last:
        raise ShapeError(f"flatten() has invalid args: start_dim {start} cannot come after end_dim {end}")
    return reshape(x, shape=(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def exchanged(x: Tensor, first: int, second: int) -> Tensor:
    """Return a view of `x` with two axes swapped."""
    axes = list(range(x.array.ndim))
    (i,), (j,) = normalized(first, len(axes) or 1), normalized(second, len(axes) or 1)
    if axes:
        axes[i], axes[j] = axes[j], axes[i]
    return transpose(x, axes=tuple(axes))


def along(x: Tensor, positions: Array, axis: int) -> Tensor:
    """Return the element of `x` at `positions` (the shape of `x` with length 1 at `axis`) along `axis`."""
    shape = x.array.shape
    grid = [np.arange(n).reshape(n, *(1,) * (len(shape) - 1 - i)) for i, n in enumerate(shape)]
    grid[axis] = positions
    return getitem(x, index=tuple(grid))


@wide
def prod(x: Tensor, axis: int) -> Tensor:
    """Return the product over `axis`: halves are multiplied until one element is left.

    Nothing is divided, so that derivatives of every order are right where elements are 0.
    """
    lead = (slice(None),) * axis
    if not x.array.shape[axis]:
        return wrap(np.ones(_without(x.array.shape, axis), x.array.dtype))
    y = x
    while (n := y.array.shape[axis]) > 1:
        half = n // 2
        pairs = mul(getitem(y, index=(*lead, slice(half))), getitem(y, index=(*lead, slice(half, 2 * half))))
        y = concatenate(pairs, getitem(y, index=(*lead, slice(n - 1, n))), axis=axis) if n % 2 else pairs
    return unshared(squeezed(y, axis), x)


@wide
def scan(op: Callable[[Tensor, Tensor], Tensor], x: Tensor, axis: int) -> Tensor:
    """Return what `op`, which is associative, gives of all elements up to each one along `axis`.

    Each step doubles how far an element reaches back (Hillis and Steele 1986): log2(n) operations on n elements.
    """
    lead, n, reach, y = (slice(None),) * axis, x.array.shape[axis], 1, x
    while reach < n:
        first, later = getitem(y, index=(*lead, slice(reach))), getitem(y, index=(*lead, slice(reach, None)))
        y = concatenate(first, op(getitem(y, index=(*lead, slice(n - reach))), later), axis=axis)
        reach *= 2
    return unshared(y, x)


def check_ndim(x: Tensor, what: str, most: int) -> None:
    """Raise ShapeError where `x` has more axes than `what` takes."""
    if x.array.ndim > most:
        raise ShapeError(
            f"{what}(): expected input to have two or fewer dimensions but got an input with {x.array.ndim} dimensions"
        )


def check_floating(x: Tensor, what: str) -> None:
    """Raise DTypeError where `what` of an integer tensor is asked for, as PyTorch does."""
    if x.array.dtype.kind not in "fc":
        raise DTypeError(
            f"{what}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {x.array.dtype}; convert first, for instance with .float()"
        )
