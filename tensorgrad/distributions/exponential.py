"""The exponential distribution: of the time to the next of events that come at a constant rate."""

from __future__ import annotations

from tensorgrad.create.sampling import rand
from tensorgrad.engine.tensor import Tensor

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .distribution import Distribution, Shape


class Exponential(Distribution):
    """``density(x) = rate * exp(-rate * x)`` for x from 0 on.

    Args:
        rate: the inverse of the mean, above 0; its shape is that of the distribution.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `rate` is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Exponential(2.0).log_prob(tg.tensor(1.0))
    tensor(-1.3069)
    """

    arg_constraints = {"rate": constraints.positive}  # noqa: RUF012
    has_rsample = True

    def __init__(self, rate: Value, validate_args: bool | None = None) -> None:
        (self.rate,) = as_tensors(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        """From 0 on."""
        return constraints.nonnegative

    @property
    def mean(self) -> Tensor:
        """``1 / rate``."""
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        """0."""
        return self.rate.detach() * 0

    @property
    def stddev(self) -> Tensor:
        """``1 / rate``."""
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        """``1 / rate**2``."""
        return 1 / self.rate**2

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ``-log(1 - noise) / rate`` of uniform `noise` in [0, 1)."""
        return -(-rand(self._extended_shape(sample_shape), dtype=self.rate.dtype)).log1p() / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``log(rate) - rate * value``."""
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        """Return ``1 - exp(-rate * value)``."""
        self._validate_sample(value)
        return -(-self.rate * value).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value below which lies the probability `value`."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        """Return ``1 - log(rate)``."""
        return 1 - self.rate.log()
