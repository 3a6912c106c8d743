"""The categorical distribution as rows with a single one."""

from __future__ import annotations

import copy
from typing import Self

from tensorgrad.create.creation import eye
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn.functional.distances import one_hot

from . import constraints
from .categorical import Categorical
from .constraints import Constraint
from .distribution import Distribution, Shape


class OneHotCategorical(Distribution):
    """A row with 1 at the class k, with probability ``probs[..., k]``, and 0 elsewhere.

    Args:
        probs: weights from 0 on, of shape (..., classes).
        logits: their logarithms, up to a constant: one of the two is given.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: a weight is negative, or both are given, or none.

    >>> import tensorgrad as tg
    >>> tg.distributions.OneHotCategorical(probs=tg.tensor([0.0, 1.0])).sample((2,))
    tensor([[0., 1.],
            [0., 1.]])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities of the classes."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """Their logarithms."""
        return self._categorical.logits

    @property
    def support(self) -> Constraint:
        """Rows with a single one."""
        return constraints.one_hot

    @property
    def mean(self) -> Tensor:
        """``probs``."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The row of the most probable class."""
        return self._row(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        """``probs * (1 - probs)``."""
        return self.probs * (1 - self.probs)

    def expand(self, batch_shape: Shape) -> Self:
        """Return the distribution with the parameters expanded to `batch_shape`."""
        other = copy.copy(self)
        other._categorical = self._categorical.expand(batch_shape)
        other._batch_shape = other._categorical.batch_shape
        return other

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return rows with a single one, in the dtype of the parameter."""
        return self._row(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of the class that has the one."""
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        """Return the sum of ``-probs * log(probs)``."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return the rows of the unit matrix along a new first axis."""
        n = self._event_shape[0]
        rows = eye(n, dtype=self.probs.dtype).reshape(n, *(1 for _ in self._batch_shape), n)
        return rows.expand(n, *self._batch_shape, n) if expand else rows

    def _row(self, classes: Tensor) -> Tensor:
        return one_hot(classes, self._event_shape[0]).to(self.probs.dtype)

    def __repr__(self) -> str:
        return repr(self._categorical).replace("Categorical", type(self).__name__, 1)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """The same, with samples whose gradient is that of ``probs``, a biased estimate (Bengio et al. 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return `sample` with the gradient of ``probs``: an estimate, which is biased."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
