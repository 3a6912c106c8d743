"""Activation functions along an axis."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import rand
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.common import along_axis, dimension


def _axis(name: str, input: Tensor, dim: int | None, level: int) -> int:
    """Return the axis meant by `dim`; None is a choice that PyTorch warns of: 1, but 0 for 0, 1 or 3 axes."""
    if dim is not None:
        return dimension(dim, input.array.ndim)
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=level,
    )
    return 0 if input.array.ndim in (0, 1, 3) else 1


def _converted(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None else ops.astype(input, dtype=np.dtype(dtype))


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return ``exp(input) / sum(exp(input))`` over `dim`, without overflow, computed in `dtype` where that is given.

    Without `dim` it is the axis 1, or 0 for inputs of 0, 1 or 3 axes, and a warning.
    """
    axis = _axis("softmax", input, dim, _stacklevel)
    return composed.softmax(_converted(input, dtype), axis)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return the softmax of ``-input``."""
    axis = _axis("softmin", input, dim, _stacklevel)
    return composed.softmax(ops.neg(_converted(input, dtype)), axis)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Return the logarithm of `softmax`, without underflow."""
    axis = _axis("log_softmax", input, dim, _stacklevel)
    return composed.log_softmax(_converted(input, dtype), axis)


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,  # as in PyTorch, which does not use it either
    dim: int = -1,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return a random point of the simplex that is near a corner drawn with the probabilities ``softmax(logits)``.

    ``softmax((logits + g) / tau)`` with g from the Gumbel distribution (Jang et al. 2017). With `hard` the value is the
    corner itself, the gradient that of the point.
    """
    drawn = rand(logits.array.shape, dtype=logits.array.dtype, generator=generator)
    exponential = ops.neg(ops.log1p(ops.neg(drawn)))  # positive but where a draw is exactly 0
    least = float(np.finfo(logits.array.dtype).tiny)
    gumbel = ops.neg(ops.log(ops.clip(exponential, low=least, high=None)))
    axis = dimension(dim, logits.array.ndim)
    soft = composed.softmax((logits + gumbel) / tau, axis)
    if not hard:
        return soft
    corner = ops.astype(
        ops.eq(_positions(soft, axis), ops.argmax(soft, axis=axis, keepdims=True)), dtype=soft.array.dtype
    )
    return corner - composed.detached(soft) + soft


def _positions(x: Tensor, axis: int) -> Tensor:
    n = x.array.shape[axis]
    return Tensor(np.arange(n).reshape(n, *(1,) * (x.array.ndim - axis - 1)))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return ``a * sigmoid(b)``, a and b being the halves of `input` along `dim` (Dauphin et al. 2017).

    ShapeError where `dim` cannot be halved.
    """
    shape = input.array.shape
    if not shape:
        raise ShapeError("glu does not support scalars because halving size must be even")
    axis = dimension(dim, len(shape))
    if shape[axis] % 2:
        raise ShapeError(f"Halving dimension must be even, but dimension {axis} is size {shape[axis]}")
    half = shape[axis] // 2
    first, second = (ops.getitem(input, index=along_axis(axis, part)) for part in (slice(half), slice(half, None)))
    return first * ops.sigmoid(second)
