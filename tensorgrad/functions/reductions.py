"""Sums, means, products, variances and their relatives over dimensions."""

from __future__ import annotations

from collections.abc import Callable
from operator import index as whole_number
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike, check_real
from tensorgrad.base.numerics import normalized, power_of_two
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import (
    Dims,
    chosen,
    constant,
    dimension,
    in_dtype,
    keywords,
    lifted,
    like,
    whole,
    widened,
)
from tensorgrad.functions.precision import floating, wide


class VarMean(NamedTuple):
    """The variance and the mean."""

    var: Tensor
    mean: Tensor


class StdMean(NamedTuple):
    """The standard deviation and the mean."""

    std: Tensor
    mean: Tensor


@keywords
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the sum over `dim` (None: all axes), in `dtype`; integers and booleans are summed in int64.

    >>> import tensorgrad as tg
    >>> tg.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
    tensor([4., 6.])
    """
    x = input if dtype is None and input.array.dtype.kind == "f" else widened(input, dtype)
    y = ops.sum(x, axis=None if dim is None else chosen(dim), keepdims=keepdim)  # no call for what is usual
    return y if dtype is None else in_dtype(y, dtype)  # NumPy adds small whole numbers in a larger dtype


@keywords
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the mean over `dim` (None: all axes), in `dtype`.

    Raises:
        DTypeError: integers, as in PyTorch.
    """
    x = in_dtype(input, dtype)
    composed.check_floating(x, "mean")
    return ops.mean(x, axis=chosen(dim), keepdims=keepdim)


def _without_nan(input: Tensor) -> Tensor:
    check_real("nansum", input.array)
    return input if input.array.dtype.kind != "f" else ops.where(constant(np.isnan(input.array)), 0.0, input)


@keywords
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike = None, out: Tensor | None = None
) -> Tensor:
    """Return the sum of the elements that are not NaN."""
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


@keywords
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike = None, out: Tensor | None = None
) -> Tensor:
    """Return the mean of the elements that are not NaN; NaN where there are none.

    Raises:
        DTypeError: no floating point numbers.
    """
    x = in_dtype(input, dtype)
    composed.check_floating(x, "nanmean")
    return _nanmean(x, chosen(dim), keepdim)


@wide
def _nanmean(x: Tensor, axis: composed.Axis, keepdims: bool) -> Tensor:
    counted = ops.astype(constant(~np.isnan(x.array)), dtype=x.array.dtype)
    sums = [ops.sum(each, axis=axis, keepdims=keepdims) for each in (_without_nan(x), counted)]
    with np.errstate(invalid="ignore"):
        return ops.div(*sums)


@keywords
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DTypeLike = None, out: Tensor | None = None
) -> Tensor:
    """Return the product over `dim` (None: of all elements), in `dtype`; integers and booleans in int64.

    Halves are multiplied until one element is left: no division, so the derivatives are right where elements are 0.
    """
    x = widened(input, dtype)
    if dim is None:
        return whole(composed.prod(ops.reshape(x, shape=(x.array.size,)), 0), x, keepdim)
    axis = dimension(dim, x.array.ndim)
    y = composed.prod(lifted(x), axis)
    return composed.expanded(y, axis) if keepdim and x.array.ndim else y


def _spread(
    measure: Callable[..., Tensor], input: Tensor, dim: Any, unbiased: bool, keepdim: bool, correction: float | None
) -> Tensor:
    """Return what `measure`, of `composed`, says with the arguments of `var` and `std`."""
    if input.array.dtype.kind not in "fc":
        raise DTypeError(
            f"std and var only support floating point and complex dtypes, found {input.array.dtype}; convert first, "
            f"for instance with .float()"
        )
    over, unbiased = _positional(dim, unbiased)
    return measure(input, chosen(over), float(unbiased) if correction is None else correction, keepdim)


def _positional(dim: Any, unbiased: bool) -> tuple[Any, bool]:
    """Return `dim` and `unbiased`, of which PyTorch lets the second stand alone: ``x.var(False)``."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


@keywords
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the variance over `dim`, with n - 1 in the denominator unless `correction` says otherwise.

    The shape is that of `input` without the axes `dim`, or with 1 in their places where `keepdim` is given.

    Raises:
        RangeError: there is no axis `dim`.
        DTypeError: whole numbers.
    """
    return _spread(composed.var, input, dim, unbiased, keepdim, correction)


@keywords
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Return the standard deviation over `dim`, the square root of `var`, in its shape.

    Raises:
        RangeError: there is no axis `dim`.
        DTypeError: whole numbers.
    """
    return _spread(composed.std, input, dim, unbiased, keepdim, correction)


@keywords
def var_mean(
    input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> VarMean:
    """Return the pair of `var` and `mean` over `dim`."""
    over, unbiased = _positional(dim, unbiased)
    return VarMean(var(input, over, unbiased, keepdim, correction=correction), mean(input, over, keepdim))


@keywords
def std_mean(
    input: Tensor, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> StdMean:
    """Return the pair of `std` and `mean` over `dim`."""
    over, unbiased = _positional(dim, unbiased)
    return StdMean(std(input, over, unbiased, keepdim, correction=correction), mean(input, over, keepdim))


@keywords
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Return ``log(sum(exp(input)))`` over `dim`, without overflow."""
    return composed.logsumexp(input, chosen(dim), keepdim)


@keywords
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Return how many elements over `dim` are not zero."""
    return constant(np.count_nonzero(input.array, axis=normalized(chosen(dim), input.array.ndim)))


@keywords
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike = None, out: Tensor | None = None) -> Tensor:
    """Return the sum of all elements up to each one along `dim`; integers and booleans are summed in int64.

    >>> import tensorgrad as tg
    >>> tg.tensor([1.0, 2.0, 3.0]).cumsum(0)
    tensor([1., 3., 6.])
    """
    x = widened(input, dtype)
    return like(in_dtype(ops.cumsum(lifted(x), axis=dimension(dim, x.array.ndim), reverse=False), x.array.dtype), x)


@keywords
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike = None, out: Tensor | None = None) -> Tensor:
    """Return the product of all elements up to each one along `dim`; the derivatives are right where elements are 0."""
    x = widened(input, dtype)
    return like(composed.scan(ops.mul, lifted(x), dimension(dim, x.array.ndim)), x)


@keywords
def logcumsumexp(input: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """Return the logarithm of the running sum of exponentials along `dim`, without overflow.

    Raises:
        DTypeError: no floating point numbers.
    """
    composed.check_floating(input, "logcumsumexp")
    return like(composed.scan(ops.logaddexp, lifted(input), dimension(dim, input.array.ndim)), input)


def _centred(input: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the deviations of the rows (variables) of `input` from their weighted means, and the sum of weights."""
    if weights is None:
        return composed.centred(input, 1), constant(float(input.array.shape[1]))
    total = ops.sum(weights)
    return ops.sub(input, ops.div(ops.sum(ops.mul(input, weights), axis=1, keepdims=True), total)), total


@keywords
@wide
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Return the covariance matrix of the variables in the rows of `input`, whose columns are observations.

    `fweights` counts how often each observation was made, `aweights` says how important it is.

    Raises:
        ShapeError: more than two axes.
        ComplexError: complex numbers.
    """
    composed.check_ndim(input, "cov", 2)
    check_real("cov", input.array)
    x = input if input.array.ndim == 2 else ops.reshape(input, shape=(1, input.array.size))
    x = floating(x)
    given = [ops.astype(w, dtype=x.array.dtype) for w in (fweights, aweights) if w is not None]
    weights = ops.mul(*given) if len(given) == 2 else given[0] if given else None
    deviations, total = _centred(x, weights)
    if aweights is None:
        freedom = ops.sub(total, float(whole_number(correction)))
    else:
        ratio = ops.div(ops.sum(ops.mul(weights, given[-1])), total)
        freedom = ops.sub(total, ops.mul(ratio, float(whole_number(correction))))
    scaled = deviations if weights is None else ops.mul(deviations, weights)
    freedom = ops.maximum(freedom, 0.0)  # as in PyTorch: infinite or not a number, but no variance below 0
    y = ops.div(ops.matmul(scaled, ops.transpose(deviations, axes=(1, 0))), freedom)
    return composed.squeezed(y) if y.array.size == 1 else y


@keywords
@wide
def corrcoef(input: Tensor) -> Tensor:
    """Return Pearson's correlations of the variables in the rows of `input`, between -1 and 1: of (n, m) shape (n, n).

    Raises:
        ShapeError: more than two axes.
    """
    composed.check_ndim(input, "corrcoef", 2)
    x = floating(input)
    largest = np.max(np.abs(x.array), axis=-1 if x.array.ndim else None, keepdims=True, initial=0)
    c = cov(ops.div(x, wrap(power_of_two(largest))))  # the same of x / u, whose squares neither overflow nor underflow
    if not c.array.ndim:
        return ops.div(c, c)
    deviation = ops.sqrt(ops.diagonal(c))
    scaled = ops.div(ops.div(c, composed.expanded(deviation, 1)), composed.expanded(deviation, 0))
    return ops.clip(scaled, low=-1.0, high=1.0)
