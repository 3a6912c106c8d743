"""Weights with a structure: the identity, an orthogonal matrix, mostly zeros."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad.create.random import Generator, generator_of
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError

from .filling import filled


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: ones on the diagonal, zeros elsewhere.

    Raises:
        ValueError: other shapes.
    """
    if tensor.array.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, found shape {tensor.array.shape}")
    return filled(tensor, wrap(np.eye(*tensor.array.shape, dtype=tensor.array.dtype)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution (out, in, ...) so that as many channels as possible pass unchanged.

    Each of the `groups` of output channels preserves the first of its inputs.

    Raises:
        ValueError: other than 3 to 5 axes, or an `out` that is no multiple of `groups`.

    >>> import tensorgrad as tg
    >>> dirac_(tg.empty(2, 2, 3)).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    shape = tensor.array.shape
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported, found shape {shape}")
    if shape[0] % groups:
        raise ValueError(f"dim 0 must be divisible by groups: found {shape[0]} and {groups}")
    values = np.zeros(shape, tensor.array.dtype)
    size = shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for group in range(groups):
        for channel in range(min(size, shape[1])):
            values[(group * size + channel, channel, *middle)] = 1
    return filled(tensor, wrap(values))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with `gain` times a random matrix (out, the rest) with orthonormal rows, or columns if these are fewer.

    The orthogonal factor of a normal matrix, with the signs that make every orthogonal matrix equally likely (Mezzadri
    2007); why: Saxe, McClelland and Ganguli 2014.

    Raises:
        ValueError: a tensor with fewer than 2 axes.
    """
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(f"Only tensors with 2 or more dimensions are supported, found shape {shape}")
    if not tensor.array.size:
        return tensor
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator_of(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return filled(tensor, wrap((gain * (q.T if rows < columns else q)).reshape(shape)))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix with normal numbers, and the part `sparsity` of every column, rounded up, with zeros.

    Source: Martens 2010.

    Raises:
        ValueError: other shapes.
        ArgumentError: a negative `std`.
    """
    if tensor.array.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, found shape {tensor.array.shape}")
    if not std >= 0:
        raise ArgumentError(f"normal expects std >= 0.0, but found std {std}")
    rows, columns = tensor.array.shape
    source = generator_of(generator)
    values = std * source.standard_normal((rows, columns))
    order = source.permuted(np.tile(np.arange(rows)[:, None], columns), axis=0)
    np.put_along_axis(values, order[: math.ceil(sparsity * rows)], 0.0, axis=0)
    return filled(tensor, wrap(values))
