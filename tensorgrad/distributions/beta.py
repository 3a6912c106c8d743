"""The beta distribution: of a probability."""

from __future__ import annotations

from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions.joining import stack

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .dirichlet import Dirichlet
from .distribution import Distribution, Shape


class Beta(Distribution):
    """``density(x) = x**(a - 1) * (1 - x)**(b - 1) * gamma(a + b) / (gamma(a) * gamma(b))`` for x in [0, 1].

    Args:
        concentration1: a, above 0.
        concentration0: b, above 0; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: a parameter is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Beta(2.0, 2.0).log_prob(tg.tensor(0.5))
    tensor(0.4055)
    """

    arg_constraints = {  # noqa: RUF012
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }
    has_rsample = True

    def __init__(self, concentration1: Value, concentration0: Value, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = as_tensors(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        """From 0 to 1."""
        return constraints.unit_interval

    @property
    def mean(self) -> Tensor:
        """``a / (a + b)``."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """``(a - 1) / (a + b - 2)`` where both are above 1, else the end with the greater density."""
        return self._pair().mode[..., 0]

    @property
    def variance(self) -> Tensor:
        """``a * b / ((a + b)**2 * (a + b + 1))``."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples, once differentiable by the concentrations."""
        return self._pair().rsample(sample_shape)[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density at `value`."""
        (value,) = as_tensors(value)
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        scale = (a + b).lgamma() - a.lgamma() - b.lgamma()
        return (a - 1).xlogy(value) + (b - 1).xlogy(1 - value) + scale

    def entropy(self) -> Tensor:
        """Return that of the Dirichlet distribution of the two concentrations."""
        return self._pair().entropy()

    def _pair(self) -> Dirichlet:
        """Return the distribution of x and 1 - x."""
        return Dirichlet(stack([self.concentration1, self.concentration0], -1), validate_args=False)
