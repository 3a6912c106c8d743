"""Independent variables taken together as one value."""

from __future__ import annotations

from typing import Self

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError

from . import constraints
from .arguments import summed
from .constraints import Constraint
from .distribution import Distribution, Shape


class Independent(Distribution):
    """`base_distribution` with its last batch axes taken as axes of one value: their log_prob is summed.

    Args:
        base_distribution: any.
        reinterpreted_batch_ndims: how many of its batch axes.
        validate_args: whether values are checked.

    Raises:
        ShapeError: it has fewer batch axes.

    >>> import tensorgrad as tg
    >>> d = tg.distributions
    >>> d.Independent(d.Normal(tg.zeros(3), tg.ones(3)), 1).log_prob(tg.zeros(3))
    tensor(-2.7568)
    """

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        shape, n = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= n <= len(shape):
            raise ShapeError(
                f"Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual {n} vs {len(shape)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        self.has_rsample = base_distribution.has_rsample
        self.has_enumerate_support = base_distribution.has_enumerate_support and not n
        super().__init__(
            shape[: len(shape) - n], (*shape[len(shape) - n :], *base_distribution.event_shape), validate_args
        )

    @property
    def support(self) -> Constraint:
        """That of the base, over all axes of a value."""
        return constraints.independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    @property
    def mean(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        """That of the base."""
        return self.base_dist.variance

    def expand(self, batch_shape: Shape) -> Self:
        """Return the distribution with the parameters expanded to `batch_shape`."""
        n = self.reinterpreted_batch_ndims
        base = self.base_dist.expand((*batch_shape, *self._event_shape[:n]))
        return type(self)(base, n, self._validate_args)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples of the base."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return samples of the base, differentiable by its parameters."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the sum of the base's over the axes that are taken together."""
        return summed(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return that of the base, where no axes are taken together: the combinations of several would be too many."""
        if self.reinterpreted_batch_ndims:
            raise self._unknown("enumerate_support")
        return self.base_dist.enumerate_support(expand)

    def entropy(self) -> Tensor:
        """Return the sum of the base's over the axes that are taken together."""
        return summed(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
