"""The gamma distribution, and that of a sum of squares."""

from __future__ import annotations

from tensorgrad.engine.tensor import Tensor

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .distribution import Distribution, Shape
from .pathwise import standard_gamma


class Gamma(Distribution):
    """``density(x) = rate**a * x**(a - 1) * exp(-rate * x) / gamma(a)`` for x from 0 on.

    Args:
        concentration: a, above 0.
        rate: the inverse of the scale, above 0; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: a parameter is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Gamma(2.0, 1.0).log_prob(tg.tensor(1.0))
    tensor(-1.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}  # noqa: RUF012
    has_rsample = True

    def __init__(self, concentration: Value, rate: Value, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = as_tensors(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        """From 0 on."""
        return constraints.nonnegative

    @property
    def mean(self) -> Tensor:
        """``concentration / rate``."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """``(concentration - 1) / rate``, at least 0."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """``concentration / rate**2``."""
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples, once differentiable by the concentration, by the rate to any order."""
        return standard_gamma(self.concentration.expand(self._extended_shape(sample_shape))) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``a * log(rate) + (a - 1) * log(value) - rate * value - log(gamma(a))``."""
        (value,) = as_tensors(value)
        self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return a.xlogy(rate) + (a - 1).xlogy(value) - rate * value - a.lgamma()

    def entropy(self) -> Tensor:
        """Return ``a - log(rate) + log(gamma(a)) + (1 - a) * digamma(a)``."""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal variables: ``Gamma(df / 2, 1 / 2)``.

    Args:
        df: the degrees of freedom, above 0; its shape is that of the distribution.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `df` is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Chi2(3.0).mean
    tensor(3.)
    """

    def __init__(self, df: Value, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * as_tensors(df)[0], 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2
