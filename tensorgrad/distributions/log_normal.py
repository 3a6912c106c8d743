"""The distribution of the exponential of a normal variable."""

from __future__ import annotations

from typing import Self

from tensorgrad.engine.tensor import Tensor

from .arguments import Value
from .distribution import Shape
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform


class LogNormal(TransformedDistribution):
    """``exp(x)`` of a normal x.

    Args:
        loc: the mean of x.
        scale: its standard deviation, above 0; the two broadcast.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `scale` is not positive.

    >>> import tensorgrad as tg
    >>> tg.distributions.LogNormal(0.0, 1.0).log_prob(tg.tensor(1.0))
    tensor(-0.9189)
    """

    arg_constraints = Normal.arg_constraints

    def __init__(self, loc: Value, scale: Value, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """The mean of the logarithm."""
        return self._normal().loc

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the logarithm."""
        return self._normal().scale

    @property
    def mean(self) -> Tensor:
        """``exp(loc + scale**2 / 2)``."""
        return (self.loc + self.scale**2 / 2).exp()

    @property
    def mode(self) -> Tensor:
        """``exp(loc - scale**2)``."""
        return (self.loc - self.scale**2).exp()

    @property
    def variance(self) -> Tensor:
        """``(exp(scale**2) - 1) * exp(2 * loc + scale**2)``."""
        return (self.scale**2).expm1() * (2 * self.loc + self.scale**2).exp()

    def expand(self, batch_shape: Shape) -> Self:
        """Return the distribution with the parameters expanded to `batch_shape`."""
        normal = self._normal().expand(batch_shape)
        return type(self)(normal.loc, normal.scale, self._validate_args)

    def entropy(self) -> Tensor:
        """Return that of the logarithm, and its mean."""
        return self._normal().entropy() + self.loc

    def _normal(self) -> Normal:
        assert isinstance(self.base_dist, Normal)
        return self.base_dist

    def __repr__(self) -> str:
        return repr(self._normal()).replace("Normal", "LogNormal", 1)
