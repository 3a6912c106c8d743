"""What the parameters of a distribution, and the values that it may take, satisfy.

>>> import tensorgrad as tg
>>> tg.distributions.constraints.positive.check(tg.tensor([2.0, 0.0]))
tensor([ True, False])
"""

from __future__ import annotations

from tensorgrad.base.answers import complete as _complete
from tensorgrad.engine.tensor import Tensor
from tensorgrad.linalg import eigvalsh

__all__ = [
    "Constraint", "boolean", "dependent", "greater_than", "greater_than_eq", "half_open_interval", "independent",
    "integer_interval", "interval", "less_than", "lower_cholesky", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "real", "real_vector", "simplex", "unit_interval",
]  # fmt: skip


class Constraint:
    """Base class: a region, asked by `check`; `event_dim` of the last axes are looked at together.

    Args:
        event_dim: how many axes make up one value: 0 for a number, 1 for a vector, 2 for a matrix.
        is_discrete: the region is of separate points.
    """

    def __init__(self, event_dim: int = 0, is_discrete: bool = False) -> None:
        self.event_dim = event_dim
        self.is_discrete = is_discrete

    def check(self, value: Tensor) -> Tensor:
        """Return whether each value lies in the region, in the shape of `value` without its last `event_dim` axes."""
        raise NotImplementedError(f"{type(self).__name__} does not define check(value)")

    def __repr__(self) -> str:
        return f"{type(self).__name__.strip('_')}()"


class _Dependent(Constraint):
    """A region that depends on other parameters: it is asked of an object, not of its class."""

    def check(self, value: Tensor) -> Tensor:  # noqa: ARG002
        raise ValueError("Cannot determine validity of dependent constraint: ask the distribution's own .support")


class _Real(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return value == value  # noqa: PLR0124 - all but NaN


class _Boolean(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return (value == 0) | (value == 1)


class _OneHot(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Simplex(Constraint):
    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _LowerCholesky(Constraint):
    def check(self, value: Tensor) -> Tensor:
        lower = (value.tril() == value).flatten(-2).all(-1)
        return lower & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _PositiveDefinite(Constraint):
    """Symmetric to six digits, and all eigenvalues are positive."""

    def check(self, value: Tensor) -> Tensor:
        matrix = value.detach()
        symmetric = matrix.isclose(matrix.mT, atol=1e-6).flatten(-2).all(-1)
        return symmetric & (eigvalsh((matrix + matrix.mT) / 2) > 0).all(-1)


class _Interval(Constraint):
    """Numbers between two bounds, each of which may be one of them or not, and None for none."""

    def __init__(
        self,
        lower_bound: float | Tensor | None,
        upper_bound: float | Tensor | None,
        closed: str = "[]",
        whole: bool = False,
    ) -> None:
        super().__init__(is_discrete=whole)
        self.lower_bound, self.upper_bound, self._closed = lower_bound, upper_bound, closed

    def check(self, value: Tensor) -> Tensor:
        inside = value % 1 == 0 if self.is_discrete else value == value  # noqa: PLR0124 - all but NaN
        if (low := self.lower_bound) is not None:
            inside = inside & (value >= low if self._closed[0] == "[" else value > low)
        if (high := self.upper_bound) is not None:
            inside = inside & (value <= high if self._closed[1] == "]" else value < high)
        return inside

    def __repr__(self) -> str:
        low, high = self.lower_bound, self.upper_bound
        if self.is_discrete or (low is not None and high is not None):
            kind = "IntegerInterval" if self.is_discrete else "Interval" if self._closed == "[]" else "HalfOpenInterval"
            return f"{kind}(lower_bound={low}, upper_bound={high})"
        if low is None:
            return f"LessThan(upper_bound={high})"
        return f"GreaterThan{'Eq' if self._closed[0] == '[' else ''}(lower_bound={low})"


class _Independent(Constraint):
    """Every one of the last axes satisfies `base_constraint`."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        super().__init__(base_constraint.event_dim + reinterpreted_batch_ndims, base_constraint.is_discrete)
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        inside = self.base_constraint.check(value)
        if inside.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return inside.flatten(-n).all(-1) if (n := self.reinterpreted_batch_ndims) else inside

    def __repr__(self) -> str:
        return f"Independent({self.base_constraint}, {self.reinterpreted_batch_ndims})"


def interval(lower_bound: float | Tensor, upper_bound: float | Tensor) -> Constraint:
    """Return the numbers from `lower_bound` to `upper_bound`, both among them."""
    return _Interval(lower_bound, upper_bound)


def half_open_interval(lower_bound: float | Tensor, upper_bound: float | Tensor) -> Constraint:
    """Return the numbers from `lower_bound` on that are below `upper_bound`."""
    return _Interval(lower_bound, upper_bound, "[)")


def integer_interval(lower_bound: float | Tensor, upper_bound: float | Tensor) -> Constraint:
    """Return the whole numbers from `lower_bound` to `upper_bound`, both among them."""
    return _Interval(lower_bound, upper_bound, whole=True)


def greater_than(lower_bound: float | Tensor) -> Constraint:
    """Return the numbers above `lower_bound`."""
    return _Interval(lower_bound, None, "(]")


def greater_than_eq(lower_bound: float | Tensor) -> Constraint:
    """Return the numbers from `lower_bound` on."""
    return _Interval(lower_bound, None)


def less_than(upper_bound: float | Tensor) -> Constraint:
    """Return the numbers below `upper_bound`."""
    return _Interval(None, upper_bound, "[)")


def independent(base_constraint: Constraint, reinterpreted_batch_ndims: int) -> Constraint:
    """Return what holds where `base_constraint` does over all of the last `reinterpreted_batch_ndims` axes."""
    return _Independent(base_constraint, reinterpreted_batch_ndims)


dependent = _Dependent()
real = _Real()
real_vector = independent(real, 1)
boolean = _Boolean(is_discrete=True)
one_hot = _OneHot(1, is_discrete=True)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
nonnegative_integer = _Interval(0, None, whole=True)
unit_interval = interval(0.0, 1.0)
simplex = _Simplex(1)
lower_cholesky = _LowerCholesky(2)
positive_definite = _PositiveDefinite(2)

_complete(__name__)
