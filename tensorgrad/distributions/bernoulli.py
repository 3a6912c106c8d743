"""The Bernoulli distribution: of 1 and 0."""

from __future__ import annotations

from tensorgrad import where
from tensorgrad.autograd import no_grad
from tensorgrad.create.sampling import bernoulli
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn.functional.losses import binary_cross_entropy_with_logits

from . import constraints
from .arguments import Derived, Value, along_first_axis, as_tensors, log_odds, one_of
from .constraints import Constraint
from .distribution import Distribution, Shape


class Bernoulli(Distribution):
    """1 with probability ``probs``, which is ``sigmoid(logits)``, and 0 else.

    Logarithms of given `probs` are those of `probs` at least the spacing of numbers at 1 away from 0 and 1, as in
    PyTorch.

    Args:
        probs: the probability of 1, in [0, 1]; its shape is that of the distribution.
        logits: ``log(probs / (1 - probs))``: one of the two is given.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: `probs` is outside of [0, 1], or both are given, or none.

    >>> import tensorgrad as tg
    >>> coin = tg.distributions.Bernoulli(0.25)
    >>> coin.log_prob(tg.tensor([0.0, 1.0])), coin.variance
    (tensor([-0.2877, -1.3863]), tensor(0.1875))
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    has_enumerate_support = True

    def __init__(
        self, probs: Value | None = None, logits: Value | None = None, validate_args: bool | None = None
    ) -> None:
        name, value = one_of("Bernoulli", probs, logits)
        vars(self)[name] = value
        super().__init__(value.shape, validate_args=validate_args)

    @Derived
    def probs(self) -> Tensor:
        """The probability of 1."""
        return self.logits.sigmoid()

    @Derived
    def logits(self) -> Tensor:
        """``log(probs / (1 - probs))``."""
        return log_odds(self.probs)

    @property
    def support(self) -> Constraint:
        """0 and 1."""
        return constraints.boolean

    @property
    def mean(self) -> Tensor:
        """``probs``."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The more probable of 0 and 1, NaN where both are equally so."""
        probs = self.probs.detach()
        return where(probs == 0.5, float("nan"), (probs > 0.5).to(probs.dtype))

    @property
    def variance(self) -> Tensor:
        """``probs * (1 - probs)``."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ones and zeros, in the dtype of the parameter."""
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ``value * log(probs) + (1 - value) * log(1 - probs)``."""
        self._validate_sample(value)
        logits, target = as_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, target, reduction="none")

    def entropy(self) -> Tensor:
        """Return the mean of ``-log_prob``."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return 0 and 1 along a new first axis."""
        return along_first_axis(2, self._batch_shape, expand, self.probs.dtype)
