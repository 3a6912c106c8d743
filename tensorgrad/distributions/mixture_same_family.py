"""A mixture: a component is drawn, then a value of it."""

from __future__ import annotations

from typing import Self

from tensorgrad.autograd import no_grad
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError

from .categorical import Categorical
from .constraints import Constraint
from .distribution import Distribution, Shape


class MixtureSameFamily(Distribution):
    """``density(x) = sum(weight[k] * density[k](x))``.

    Args:
        mixture_distribution: the weights, over the last batch axis of the components.
        component_distribution: the components, its last batch axis.
        validate_args: whether values are checked.

    Raises:
        ShapeError: the numbers of weights and components differ.

    >>> import tensorgrad as tg
    >>> d = tg.distributions
    >>> two = d.MixtureSameFamily(d.Categorical(tg.ones(2)), d.Normal(tg.tensor([-1.0, 1.0]), tg.ones(2)))
    >>> two.mean, two.variance
    (tensor(0.), tensor(2.))
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        weights, shape = mixture_distribution.param_shape[-1], component_distribution.batch_shape
        if not shape or shape[-1] != weights:
            raise ShapeError(f"MixtureSameFamily: {weights} weights, and components of batch_shape {list(shape)}")
        if mixture_distribution.batch_shape != shape[:-1]:
            mixture_distribution = mixture_distribution.expand(shape[:-1])
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(shape[:-1], component_distribution.event_shape, validate_args)

    def expand(self, batch_shape: Shape) -> Self:
        """Return the mixture with weights and components expanded to `batch_shape`."""
        other = self._get_checked_instance(MixtureSameFamily)
        components = self.component_distribution.expand((*batch_shape, self.mixture_distribution.param_shape[-1]))
        MixtureSameFamily.__init__(
            other, self.mixture_distribution.expand(batch_shape), components, self._validate_args
        )
        return other  # type: ignore[no-any-return]

    @property
    def support(self) -> Constraint:
        """That of the components."""
        return self.component_distribution.support

    @property
    def mean(self) -> Tensor:
        """The weighted mean of the components' means."""
        return self._weighted(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The weighted mean of the components' variances, and the variance of their means."""
        means = self.component_distribution.mean
        axis = -1 - len(self._event_shape)
        return self._weighted(self.component_distribution.variance + (means - self.mean.unsqueeze(axis)) ** 2)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return a value of a component that is drawn for each."""
        with no_grad():
            classes = self.mixture_distribution.sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            axis = values.ndim - 1 - len(self._event_shape)
            index = classes.reshape(*values.shape[:axis], *(1 for _ in self._event_shape), 1)
            place = index.movedim(-1, axis).expand(*values.shape[:axis], 1, *self._event_shape)
            return values.gather(axis, place).squeeze(axis)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the weighted sum of the components' densities."""
        self._validate_sample(value)
        found = self.component_distribution.log_prob(value.unsqueeze(-1 - len(self._event_shape)))
        return (found + self.mixture_distribution.logits).logsumexp(-1)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the weighted sum of the components' probabilities of values up to `value`."""
        self._validate_sample(value)
        return (self.component_distribution.cdf(value.unsqueeze(-1)) * self.mixture_distribution.probs).sum(-1)

    def _weighted(self, moments: Tensor) -> Tensor:
        """Return `moments` of the components summed by their weights."""
        events = len(self._event_shape)
        probs = self.mixture_distribution.probs
        return (probs.reshape(*probs.shape, *(1 for _ in range(events))) * moments).sum(-1 - events)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mixture_distribution}, {self.component_distribution})"
