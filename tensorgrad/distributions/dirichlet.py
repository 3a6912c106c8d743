"""The Dirichlet distribution: of probabilities, which have the sum 1."""

from __future__ import annotations

import math

from tensorgrad import where
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.nn.functional.distances import one_hot

from . import constraints
from .constraints import Constraint
from .distribution import Distribution, Shape
from .pathwise import dirichlet


class Dirichlet(Distribution):
    """``density(x) = prod(x**(a - 1)) * gamma(sum(a)) / prod(gamma(a))`` of x with the sum 1.

    Args:
        concentration: a, above 0, of shape (..., classes).
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `concentration` is not positive.
        ShapeError: it has no axis.

    >>> import tensorgrad as tg
    >>> tg.distributions.Dirichlet(tg.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}  # noqa: RUF012
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ShapeError("Dirichlet: `concentration` parameter must be at least one-dimensional, found a number")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    @property
    def support(self) -> Constraint:
        """Numbers from 0 on with the sum 1."""
        return constraints.simplex

    @property
    def mean(self) -> Tensor:
        """``a / sum(a)``."""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """``(a - 1) / sum(a - 1)`` of the concentrations above 1; of those below 1, the largest alone."""
        above = (self.concentration - 1).clamp(min=0)
        total = above.sum(-1, keepdim=True)
        largest = one_hot(self.concentration.argmax(-1), self.concentration.shape[-1]).to(above.dtype)
        return where(
            (self.concentration < 1).all(-1, keepdim=True), largest, above / where(total == 0, math.nan, total)
        )

    @property
    def variance(self) -> Tensor:
        """``mean * (1 - mean) / (sum(a) + 1)``."""
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples, once differentiable by the concentration."""
        return dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density at `value`."""
        self._validate_sample(value)
        a = self.concentration
        return (a - 1).xlogy(value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        """Return ``sum(log(gamma(a)) - (a - 1) * digamma(a)) - log(gamma(A)) - (n - A) * digamma(A)``, A = sum(a)."""
        a, total = self.concentration, self.concentration.sum(-1)
        n: int = a.shape[-1]
        rest = (n - total) * total.digamma() + ((a - 1) * a.digamma()).sum(-1)
        return a.lgamma().sum(-1) - total.lgamma() - rest
