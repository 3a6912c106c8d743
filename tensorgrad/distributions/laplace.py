"""The Laplace distribution: two exponentials back to back."""

from __future__ import annotations

import math

from tensorgrad.create.sampling import rand
from tensorgrad.engine.tensor import Tensor

from .arguments import Value, as_tensors
from .distribution import Shape
from .normal import LocationScale


class Laplace(LocationScale):
    """``density(x) = exp(-|x - loc| / scale) / (2 * scale)``.

    Args:
        loc: the mean.
        scale: the mean distance to it, above 0; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `scale` is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.Laplace(0.0, 1.0).cdf(tg.tensor([0.0, 1.0]))
    tensor([0.5000, 0.8161])
    """

    def __init__(self, loc: Value, scale: Value, validate_args: bool | None = None) -> None:
        self.loc, self.scale = as_tensors(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def stddev(self) -> Tensor:
        """``sqrt(2) * scale``."""
        return math.sqrt(2) * self.scale

    @property
    def variance(self) -> Tensor:
        """``2 * scale**2``."""
        return 2 * self.scale**2

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ``loc`` plus or minus ``scale`` times an exponential variable."""
        shape = self._extended_shape(sample_shape)
        sign = 2 * (rand(shape, dtype=self.loc.dtype) < 0.5).to(self.loc.dtype) - 1
        return self.loc - self.scale * sign * (-rand(shape, dtype=self.loc.dtype)).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``-|value - loc| / scale - log(2 * scale)``."""
        self._validate_sample(value)
        return -(value - self.loc).abs() / self.scale - (2 * self.scale).log()

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of values up to `value`."""
        self._validate_sample(value)
        far = (value - self.loc) / self.scale
        return 0.5 - 0.5 * far.sign() * (-far.abs()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value below which lies the probability `value`."""
        half = value - 0.5
        return self.loc - self.scale * half.sign() * (-2 * half.abs()).log1p()

    def entropy(self) -> Tensor:
        """Return ``1 + log(2 * scale)``."""
        return 1 + (2 * self.scale).log()
