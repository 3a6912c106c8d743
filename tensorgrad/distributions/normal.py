"""The normal distribution: of a mean and a standard deviation."""

from __future__ import annotations

import math

from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor
from tensorgrad.special import ndtr, ndtri

from . import constraints
from .arguments import Value, as_tensors
from .constraints import Constraint
from .distribution import Distribution, Shape


class LocationScale(Distribution):
    """All numbers, symmetrically around ``loc``, as far from it as ``scale`` says; subclasses say how.

    Each has its own constructor: a subclass of the user's calls the one above it with a batch shape, as in PyTorch.
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}  # noqa: RUF012
    has_rsample = True

    loc: Tensor
    scale: Tensor

    @property
    def support(self) -> Constraint:
        """All numbers."""
        return constraints.real

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc


class Normal(LocationScale):
    """``density(x) = exp(-((x - loc) / scale)**2 / 2) / (scale * sqrt(2 * pi))``.

    Args:
        loc: the mean.
        scale: the standard deviation, above 0; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `scale` is not positive.

    >>> import tensorgrad as tg
    >>> normal = tg.distributions.Normal(0.0, 2.0)
    >>> normal.log_prob(tg.tensor(0.0)), normal.entropy()
    (tensor(-1.6121), tensor(2.1121))
    """

    def __init__(self, loc: Value, scale: Value, validate_args: bool | None = None) -> None:
        self.loc, self.scale = as_tensors(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def stddev(self) -> Tensor:
        """``scale``."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """``scale**2``."""
        return self.scale**2

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ``loc + scale * noise`` of standard normal `noise`."""
        return self.loc + self.scale * randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``-((value - loc) / scale)**2 / 2 - log(scale) - log(2 * pi) / 2``."""
        self._validate_sample(value)
        return -(((value - self.loc) / self.scale) ** 2) / 2 - self.scale.log() - math.log(2 * math.pi) / 2

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of values up to `value`."""
        self._validate_sample(value)
        return ndtr((value - self.loc) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value below which lies the probability `value`."""
        return self.loc + self.scale * ndtri(value)

    def entropy(self) -> Tensor:
        """Return ``log(scale) + (1 + log(2 * pi)) / 2``."""
        return self.scale.log() + (1 + math.log(2 * math.pi)) / 2
