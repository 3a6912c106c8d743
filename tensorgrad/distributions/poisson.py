"""The Poisson distribution: of the number of events that come at a constant rate."""

from __future__ import annotations

from tensorgrad.autograd import no_grad
from tensorgrad.create.sampling import poisson
from tensorgrad.engine.tensor import Tensor

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .distribution import Distribution, Shape


class Poisson(Distribution):
    """``probability(k) = rate**k * exp(-rate) / k!`` of k = 0, 1, 2, ...

    Args:
        rate: the mean, from 0 on; its shape is that of the distribution.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `rate` is negative.

    >>> import tensorgrad as tg
    >>> tg.distributions.Poisson(2.0).log_prob(tg.tensor(0.0))
    tensor(-2.)
    """

    arg_constraints = {"rate": constraints.nonnegative}  # noqa: RUF012

    def __init__(self, rate: Value, validate_args: bool | None = None) -> None:
        (self.rate,) = as_tensors(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        """0, 1, 2, ..."""
        return constraints.nonnegative_integer

    @property
    def mean(self) -> Tensor:
        """``rate``."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The whole part of ``rate``."""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """``rate``."""
        return self.rate

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return whole numbers, in the dtype of ``rate``."""
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``value * log(rate) - rate - log(value!)``."""
        self._validate_sample(value)
        return value.xlogy(self.rate) - self.rate - (value + 1).lgamma()
