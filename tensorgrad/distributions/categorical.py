"""The categorical distribution: of the number of one of several classes."""

from __future__ import annotations

from tensorgrad.autograd import no_grad
from tensorgrad.base.dtypes import finfo, int64
from tensorgrad.create.sampling import multinomial
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError

from . import constraints
from .arguments import Derived, along_first_axis, clamped, log_normalized, one_of
from .constraints import Constraint
from .distribution import Distribution, Shape


class Categorical(Distribution):
    """The class k with probability ``probs[..., k]``, which is ``softmax(logits)``.

    What is given is normalised: `probs` have the sum 1 afterwards, and so have the exponentials of `logits`. Logarithms
    of given `probs` are those of `probs` at least the spacing of numbers at 1 away from 0 and 1, as in PyTorch.

    Args:
        probs: weights from 0 on, of shape (..., classes).
        logits: their logarithms, up to a constant: one of the two is given.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: a weight is negative, or both are given, or none.

    >>> import tensorgrad as tg
    >>> policy = tg.distributions.Categorical(probs=tg.tensor([1.0, 3.0]))
    >>> policy.log_prob(tg.tensor([0, 1])), policy.entropy()
    (tensor([-1.3863, -0.2877]), tensor(0.5623))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        name, value = one_of("Categorical", probs, logits)
        if value.ndim < 1:
            raise ShapeError(f"Categorical: `{name}` parameter must be at least one-dimensional, found a number")
        vars(self)[name] = value / value.sum(-1, keepdim=True) if name == "probs" else log_normalized(value)
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @Derived
    def probs(self) -> Tensor:
        """The probabilities of the classes."""
        return self.logits.softmax(-1)

    @Derived
    def logits(self) -> Tensor:
        """Their logarithms."""
        return clamped(self.probs).log()

    @property
    def support(self) -> Constraint:
        """0 to classes - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of ``probs``."""
        return self.probs.shape

    @property
    def mean(self) -> Tensor:
        """NaN: classes have no order."""
        return self.probs.detach()[..., 0] * float("nan")

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: classes have no order."""
        return self.mean

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return classes, in int64."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            n = shape.numel() // max(len(rows), 1)
            drawn = multinomial(rows, n, replacement=True) if n and len(rows) else rows[:, :0].to(int64)
            return drawn.mT.reshape(shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of the class `value`."""
        self._validate_sample(value)
        classes = value.to(int64).unsqueeze(-1)
        shape = (*(classes + self.logits[..., :1]).shape[:-1], self._num_events)
        return self.logits.expand(shape).gather(-1, classes.expand(*shape[:-1], 1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Return the sum of ``-probs * log(probs)``."""
        return -(self.logits.clamp(min=finfo(self.logits.dtype).min) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return the classes along a new first axis."""
        return along_first_axis(self._num_events, self._batch_shape, expand, int64)
