"""Every element alike: constants, and independent numbers from one distribution."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.base.callsite import warn
from tensorgrad.create.random import Generator, generator_of
from tensorgrad.create.sampling import rand, randn
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError


def filled(tensor: Tensor, values: Tensor) -> Tensor:
    """Return `tensor` with `values` written to it, which no graph records."""
    with no_grad():
        return tensor.copy_(values)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with independent normal numbers.

    The tensor has any shape, and is filled in place.

    Raises:
        ArgumentError: a negative `std`.
    """
    if not std >= 0:
        raise ArgumentError(f"normal expects std >= 0.0, but found std {std}")
    return filled(tensor, randn(tensor.array.shape, dtype=tensor.array.dtype, generator=generator) * std + mean)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with independent numbers, uniform in [a, b).

    The tensor has any shape, and is filled in place.

    Raises:
        ArgumentError: a > b.
    """
    if not 0 <= b - a < math.inf:
        raise ArgumentError(
            f"uniform_ expects to return a [from, to) range, and a finite one, but found from={a}, to={b}"
        )
    return filled(tensor, rand(tensor.array.shape, dtype=tensor.array.dtype, generator=generator) * (b - a) + a)


_BELOW_ONE = 1 - 2.0**-53  # the largest probability whose quantile is finite


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with normal numbers that lie in [a, b]: the quantiles of uniform probabilities between those of the bounds.

    The tail with the smaller probabilities is the one that is computed in, so that the numbers are right, unlike
    PyTorch's, however far from `mean` the bounds are (a warning says so where it is more than 2 `std`, as there).

    The tensor has any shape, and is filled in place.

    Raises:
        ArgumentError: a > b, or `std` is not positive.
    """
    from statistics import NormalDist  # it brings fractions and decimals, which nothing else needs

    if a > b:
        raise ArgumentError(f"trunc_normal_ expects a <= b, but found a={a} > b={b}")
    if not std > 0:
        raise ArgumentError(f"trunc_normal_ expects std > 0.0, but found std {std}")
    if mean < a - 2 * std or mean > b + 2 * std:
        warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
        )
    low, high = (a - mean) / std, (b - mean) / std
    mirrored = low + high > 0
    if mirrored:
        low, high = -high, -low
    first, last = _below(low), _below(high)
    p = first + generator_of(generator).random(tensor.array.shape) * (last - first)
    p = np.clip(p, np.nextafter(0.0, 1.0), _BELOW_ONE)
    z = np.asarray(np.frompyfunc(NormalDist().inv_cdf, 1, 1)(p), np.float64)
    return filled(tensor, wrap(np.clip((-z if mirrored else z) * std + mean, a, b)))


def _below(z: float) -> float:
    """Return the probability that a standard normal number is below `z`, right in the lower tail."""
    return math.erfc(-z * math.sqrt(0.5)) / 2


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`.

    The tensor has any shape, and is filled in place.
    """
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    The tensor has any shape, and is filled in place.
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    The tensor has any shape, and is filled in place.
    """
    return constant_(tensor, 1.0)
