"""What becomes of a distribution when its values are transformed, as in a normalising flow."""

from __future__ import annotations

from typing import Self

from tensorgrad import where
from tensorgrad.autograd import no_grad
from tensorgrad.engine.generalforms import surely
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from .arguments import as_tensors, summed
from .constraints import Constraint
from .distribution import Distribution, Shape
from .independent import Independent
from .transform import ComposeTransform, Transform, raised


class TransformedDistribution(Distribution):
    """The distribution of ``transforms[-1](... transforms[0](x))`` of x from `base_distribution`.

    ``log_prob(y) = base.log_prob(x) - log |det dy/dx|``.

    Args:
        base_distribution: any.
        transforms: a transform, or several, of which the first is applied first.
        validate_args: whether values are checked.

    The shape is that of the base, batch and event together, as the transforms change it.

    Raises:
        ArgumentError: `base_distribution` has fewer axes than the transforms take.

    >>> import tensorgrad as tg
    >>> d = tg.distributions
    >>> flow = d.TransformedDistribution(d.Normal(0.0, 1.0), [d.transforms.AffineTransform(1.0, 2.0)])
    >>> flow.log_prob(tg.tensor(1.0)), d.Normal(1.0, 2.0).log_prob(tg.tensor(1.0))
    (tensor(-1.6121), tensor(-1.6121))
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        whole = ComposeTransform(self.transforms)
        shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        if len(shape) < whole.domain.event_dim:
            raise ArgumentError(
                f"base_distribution needs to have shape with size at least {whole.domain.event_dim}, but got {shape}"
            )
        image = whole.forward_shape(shape)
        before = whole.inverse_shape(image)
        wanted = before[: len(before) - len(base_distribution.event_shape)]
        base = base_distribution if wanted == base_distribution.batch_shape else base_distribution.expand(wanted)
        missing = whole.domain.event_dim - len(base.event_shape)
        self.base_dist = Independent(base, missing, validate_args) if missing > 0 else base
        axes = whole.codomain.event_dim + max(len(base.event_shape) - whole.domain.event_dim, 0)
        self._whole = whole
        self.has_rsample = base.has_rsample
        cut = len(image) - axes
        super().__init__(image[:cut], image[cut:], validate_args)

    @property
    def support(self) -> Constraint:
        """The image of the last transform."""
        return raised(self._whole.codomain, len(self._event_shape)) if self.transforms else self.base_dist.support

    def expand(self, batch_shape: Shape) -> Self:
        """Return the distribution with the parameters of the base expanded."""
        shape = self._whole.inverse_shape((*batch_shape, *self._event_shape))
        base = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        other = self._get_checked_instance(TransformedDistribution)
        TransformedDistribution.__init__(other, base, self.transforms, self._validate_args)
        return other  # type: ignore[no-any-return]

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return transformed samples of the base, without a gradient."""
        with no_grad():
            return self._whole(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return transformed samples of the base, differentiable by the parameters of both."""
        return self._whole(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``base.log_prob(x) - log |det dy/dx|`` at `value`, the image of x."""
        self._validate_sample(value)
        total: Tensor | float = 0.0
        axes, y = len(self._event_shape), value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            axes += transform.domain.event_dim - transform.codomain.event_dim
            total = total - summed(transform.log_abs_det_jacobian(x, y), axes - transform.domain.event_dim)
            y = x
        return total + summed(self.base_dist.log_prob(y), axes - len(self.base_dist.event_shape))

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of values up to `value`, of transforms that rise or fall throughout."""
        self._validate_sample(value)
        return self._turned(self.base_dist.cdf(self._whole.inv(value)))

    def icdf(self, value: Tensor) -> Tensor:
        """Return the value below which lies the probability `value`."""
        return self._whole(self.base_dist.icdf(self._turned(value)))

    def _turned(self, probability: Tensor) -> Tensor:
        """Return 1 - p where the transforms fall; NotImplementedError where one does neither throughout."""
        if not self._whole.bijective:
            raise self._unknown("cdf")
        (sign,) = as_tensors(self._whole.sign)
        if surely((sign > 0).array.all()):
            return probability
        return where(sign > 0, probability, 1 - probability)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.transforms})"
