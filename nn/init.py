"""Initial values of weights. Each function fills a tensor in place, without recording, and returns it.

Every function takes `generator`, the source of its random numbers; the default one otherwise.
"""

from __future__ import annotations

import math

from tensorgrad.autograd import no_grad
from tensorgrad.names import answer_unknown_names
from tensorgrad.random import Generator
from tensorgrad.sampling import rand, randn
from tensorgrad.tensor import Tensor

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which the standard deviation is enlarged for an activation function.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}: one of {', '.join(GAINS)}, leaky_relu")
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return the number of inputs and outputs of one unit of a weight (out, in, ...)."""
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, found {shape}"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with independent normal numbers."""
    with no_grad():
        return tensor.copy_(randn(tensor.array.shape, dtype=tensor.array.dtype, generator=generator) * std + mean)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with independent numbers, uniform in [a, b)."""
    with no_grad():
        return tensor.copy_(rand(tensor.array.shape, dtype=tensor.array.dtype, generator=generator) * (b - a) + a)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def xavier_std(tensor: Tensor, gain: float = 1.0) -> float:
    """Return ``gain * sqrt(2 / (fan_in + fan_out))`` (Glorot and Bengio 2010, eq. 16)."""
    return gain * math.sqrt(2 / sum(fans(tensor)))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of standard deviation ``gain * sqrt(2 / (fan_in + fan_out))``.

    Source: Glorot and Bengio 2010, for activations that are nearly linear around 0.
    """
    return normal_(tensor, 0.0, xavier_std(tensor, gain), generator)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform numbers of the standard deviation of `xavier_normal_`."""
    bound = math.sqrt(3) * xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """Return ``gain / sqrt(fan)``; He's ``sqrt(2 / fan_in)`` for relu."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with normal numbers of standard deviation ``gain / sqrt(fan)``: for relu, ``sqrt(2 / n)``.

    Source: He, Zhang, Ren and Sun 2015, which keeps the spread of activations through layers of relu.
    """
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with uniform numbers of the standard deviation of `kaiming_normal_`."""
    bound = math.sqrt(3) * kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


he_normal_ = kaiming_normal_
he_uniform_ = kaiming_uniform_

answer_unknown_names(__name__)
