"""The uniform distribution between two bounds."""

from __future__ import annotations

import math

from tensorgrad import where
from tensorgrad.create.sampling import rand
from tensorgrad.engine.generalforms import valid
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .distribution import Distribution, Shape


class Uniform(Distribution):
    """``density(x) = 1 / (high - low)`` for x in [low, high), else 0.

    Args:
        low: the least value.
        high: the bound above all values; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `low` is not below `high`.

    >>> import tensorgrad as tg
    >>> tg.distributions.Uniform(0.0, 4.0).entropy()
    tensor(1.3863)
    """

    arg_constraints = {"low": constraints.dependent, "high": constraints.dependent}  # noqa: RUF012
    has_rsample = True

    def __init__(self, low: Value, high: Value, validate_args: bool | None = None) -> None:
        self.low, self.high = as_tensors(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not valid((self.low < self.high).array.all()):
            raise ArgumentError(f"Uniform is not defined when low >= high: found low {low} and high {high}")

    @property
    def support(self) -> Constraint:
        """From ``low`` to ``high``."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        """``(low + high) / 2``."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: all values have the same density."""
        return self.high * float("nan")

    @property
    def stddev(self) -> Tensor:
        """``(high - low) / sqrt(12)``."""
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> Tensor:
        """``(high - low)**2 / 12``."""
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ``low + (high - low) * noise`` of uniform `noise` in [0, 1)."""
        noise = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + noise * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``-log(high - low)`` within [low, high), else minus infinity."""
        self._validate_sample(value)
        inside = (self.low <= value) & (self.high > value)
        return where(inside, -(self.high - self.low).log(), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of values up to `value`."""
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value below which lies the probability `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """Return ``log(high - low)``."""
        return (self.high - self.low).log()
