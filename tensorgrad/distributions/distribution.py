"""What every distribution has: its shapes, what its parameters satisfy, samples, densities, moments.

A distribution holds ``batch_shape`` of independent variables, each a value of ``event_shape``. ``sample`` and
``rsample`` return tensors of shape ``sample_shape + batch_shape + event_shape``, of which ``log_prob`` returns
``sample_shape + batch_shape``. ``rsample`` is a function of noise and of the parameters, and differentiable by these.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from tensorgrad.autograd import no_grad
from tensorgrad.base.size import Size
from tensorgrad.engine.generalforms import valid
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError

from .constraints import Constraint, dependent

Shape = Iterable[int]


class Distribution:
    """Base class of distributions.

    Args:
        batch_shape: the shape of the independent variables.
        event_shape: the shape of one value.
        validate_args: whether parameters and values are checked; `set_default_validate_args` decides otherwise.

    Raises:
        ArgumentError: a parameter does not satisfy its constraint in `arg_constraints`.
    """

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    def __init__(self, batch_shape: Shape = (), event_shape: Shape = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, value in self._given().items():
                self._check(f"parameter {name}", self.arg_constraints[name], value)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether distributions made from now on check their parameters, and the values they are asked about."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args expects True or False, found {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """The shape of the independent variables."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape

    @property
    def support(self) -> Constraint:
        """The values that it may take."""
        raise self._unknown("support")

    @property
    def mean(self) -> Tensor:
        """The expectation, of shape ``batch_shape + event_shape``."""
        raise self._unknown("mean")

    @property
    def mode(self) -> Tensor:
        """The value of the greatest density, of shape ``batch_shape + event_shape``."""
        raise self._unknown("mode")

    @property
    def variance(self) -> Tensor:
        """The expected squared distance to the mean, of shape ``batch_shape + event_shape``."""
        raise self._unknown("variance")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Return values, of shape ``sample_shape + batch_shape + event_shape``, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:  # noqa: ARG002
        """Return values as `sample` does, as a function of noise that is differentiable by the parameters."""
        raise self._unknown("rsample")

    def sample_n(self, n: int) -> Tensor:
        """Return ``sample((n,))``."""
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """Return the logarithm of the density, or of the probability, at `value`."""
        raise self._unknown("log_prob")

    def cdf(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """Return the probability of values up to `value`."""
        raise self._unknown("cdf")

    def icdf(self, value: Tensor) -> Tensor:  # noqa: ARG002
        """Return the value below which lies the probability `value`."""
        raise self._unknown("icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:  # noqa: ARG002
        """Return all values along a new first axis, of shape ``(n,) + batch_shape + event_shape``.

        Without `expand` the axes of the batch have the length 1.
        """
        raise self._unknown("enumerate_support")

    def entropy(self) -> Tensor:
        """Return the expectation of ``-log_prob``, in nats, of shape `batch_shape`."""
        raise self._unknown("entropy")

    def perplexity(self) -> Tensor:
        """Return the exponential of the entropy."""
        return self.entropy().exp()

    def expand(self, batch_shape: Shape) -> Self:
        """Return the distribution with the parameters expanded to `batch_shape`."""
        shape, given = Size(batch_shape), self._given()
        if not given:  # of a subclass of the user's nothing is known that could be expanded
            raise self._unknown("expand")
        other = copy.copy(self)
        for name, value in given.items():
            axes = self.arg_constraints[name].event_dim
            setattr(other, name, value.expand(shape + tuple(value.shape)[value.ndim - axes :]))
        other._batch_shape = shape
        return other

    def _get_checked_instance(self, cls: type[Distribution], _instance: Any = None) -> Any:
        """Return `_instance`, or an object of this class without attributes, which `expand` of `cls` completes.

        Raises:
            NotImplementedError: a subclass of `cls` with a constructor of its own would lack what that makes.
        """
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                f"define a custom .expand() method"
            )
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _given(self) -> dict[str, Tensor]:
        """Return the parameters that it was made of."""
        return {name: vars(self)[name] for name in self.arg_constraints if name in vars(self)}

    def _extended_shape(self, sample_shape: Shape = ()) -> Size:
        """Return the shape of a sample."""
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _validate_sample(self, value: Tensor) -> None:
        """Raise unless `value` has a shape that fits, and lies in the support."""
        if not isinstance(value, Tensor):
            raise TypeError(f"the value of {type(self).__name__} must be a Tensor, not {type(value).__name__}")
        events, axes = self._event_shape, len(self._event_shape)
        if tuple(value.shape[value.ndim - axes :]) != events or value.ndim < axes:
            raise ShapeError(f"{self}: the right-most axes of the value must be {events}, found {value.shape}")
        found, wanted = tuple(value.shape)[: value.ndim - axes], self._batch_shape
        pairs = zip(reversed(found), reversed(wanted), strict=False)
        if any(n != m and 1 not in {n, m} for n, m in pairs):
            raise ShapeError(f"{self}: a value of shape {list(value.shape)} does not broadcast with {list(wanted)}")
        if self._validate_args:
            self._check("value", self.support, value)

    def _check(self, what: str, constraint: Constraint, value: Tensor) -> None:
        """Raise unless `value` satisfies `constraint`."""
        if constraint is dependent:  # on other parameters: its class looks at them together
            return
        with no_grad():
            found = constraint.check(value.detach())
        if not valid(found.array.all()):
            told = f"{type(self).__name__} of batch_shape {list(self._batch_shape)}"
            raise ArgumentError(
                f"Expected {what} (Tensor of shape {tuple(value.shape)}) of distribution {told} to satisfy the "
                f"constraint {constraint}, but found invalid values:\n{value.detach()}"
            )

    def _unknown(self, name: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__}.{name} has no formula here, or none at all")

    def __repr__(self) -> str:
        told = [f"{name}: {x.item() if x.ndim == 0 else x if x.numel() == 1 else x.shape}"
                for name, x in self._given().items()]  # fmt: skip
        return f"{type(self).__name__}({', '.join(told)})"
