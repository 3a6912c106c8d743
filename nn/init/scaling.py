"""Random weights whose spread keeps that of activations or gradients through the layers (Xavier, Kaiming)."""

from __future__ import annotations

import math

from tensorgrad.base.callsite import warn
from tensorgrad.base.convention import check_convention
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor

from .filling import normal_, uniform_

_LINEAR = ("linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)), "sigmoid")
GAINS = {**dict.fromkeys(_LINEAR, 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which the standard deviation is enlarged for an activation function.

    `param` is the negative slope of "leaky_relu", 0.01 if None.

    Raises:
        ValueError: an unknown name or slope.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}: one of {', '.join(GAINS)}, leaky_relu")
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return the number of inputs and outputs of one unit of a weight (out, in, ...).

    Raises:
        ValueError: the weight has fewer than two axes.
    """
    shape = tensor.array.shape
    if len(shape) < 2:
        raise ValueError(
            f"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, found {shape}"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _empty(tensor: Tensor) -> bool:
    """Return whether there is nothing to fill, with PyTorch's warning."""
    if 0 in tensor.array.shape:
        warn("Initializing zero-element tensors is a no-op")
        return True
    return False


def _uniform(tensor: Tensor, std: float, generator: Generator | None) -> Tensor:
    bound = math.sqrt(3) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_std(tensor: Tensor, gain: float = 1.0, convention: str = "pytorch") -> float:
    """Return ``gain * sqrt(2 / (fan_in + fan_out))`` (Glorot and Bengio 2010, eq. 16); the book's: 1 / sqrt(fan_in)."""
    fan_in, fan_out = fans(tensor)
    return gain * (1 / math.sqrt(fan_in) if check_convention(convention) else math.sqrt(2 / (fan_in + fan_out)))


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None, *, convention: str = "pytorch"
) -> Tensor:
    """Fill with normal numbers of standard deviation ``gain * sqrt(2 / (fan_in + fan_out))``.

    By ``convention="book"``: ``gain / sqrt(fan_in)``. A tensor without elements stays as it is, with a warning.
    Source: Glorot and Bengio 2010, for activations that are nearly linear around 0.
    """
    empty = len(tensor.array.shape) > 1 and _empty(tensor)
    return tensor if empty else normal_(tensor, 0.0, xavier_std(tensor, gain, convention), generator)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None, *, convention: str = "pytorch"
) -> Tensor:
    """Fill with uniform numbers of the standard deviation of `xavier_normal_`.

    The tensor is a weight (out, in, ...), and is filled in place.
    """
    empty = len(tensor.array.shape) > 1 and _empty(tensor)
    return tensor if empty else _uniform(tensor, xavier_std(tensor, gain, convention), generator)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """Return ``gain / sqrt(fan)``; He's ``sqrt(2 / fan_in)`` for relu."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode.lower() == "fan_out"])


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with normal numbers of standard deviation ``gain / sqrt(fan)``: for relu, ``sqrt(2 / n)``.

    A tensor without elements stays as it is, with a warning.
    Source: He, Zhang, Ren and Sun 2015, which keeps the spread of activations through layers of relu.
    """
    return tensor if _empty(tensor) else normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill with uniform numbers of the standard deviation of `kaiming_normal_`.

    The tensor is a weight (out, in, ...), and is filled in place.
    """
    return tensor if _empty(tensor) else _uniform(tensor, kaiming_std(tensor, a, mode, nonlinearity), generator)


he_normal_ = kaiming_normal_
he_uniform_ = kaiming_uniform_
