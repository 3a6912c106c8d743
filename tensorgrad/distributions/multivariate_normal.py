"""The normal distribution of vectors, whose components vary together."""

from __future__ import annotations

import math

from tensorgrad.create.creation import eye
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.shapes import broadcast_shapes
from tensorgrad.linalg import cholesky, solve_triangular

from . import constraints
from .arguments import Derived
from .constraints import Constraint
from .distribution import Distribution, Shape


class MultivariateNormal(Distribution):
    """``density(x) = exp(-(x - loc) @ inv(C) @ (x - loc) / 2) / sqrt(det(2 * pi * C))``.

    Args:
        loc: the mean, of shape (..., n).
        covariance_matrix: C, of shape (..., n, n), positive definite.
        precision_matrix: its inverse.
        scale_tril: its factor L, lower triangular with a positive diagonal, ``C = L @ L.mT``: one of the three.
        validate_args: whether arguments are checked.

    Raises:
        ArgumentError: a matrix is not what it must be, or not exactly one is given.
        ShapeError: `loc` has no axis, or a matrix less than two.

    >>> import tensorgrad as tg
    >>> d = tg.distributions.MultivariateNormal(tg.zeros(2), tg.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> d.log_prob(tg.zeros(2)), d.variance
    (tensor(-2.3872), tensor([2.0000, 2.0000]))
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        matrices = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
                    "scale_tril": scale_tril}  # fmt: skip
        given = {name: x for name, x in matrices.items() if x is not None}
        if len(given) != 1:
            raise ArgumentError(
                "MultivariateNormal: exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                f"specified, found {len(given)}"
            )
        ((name, matrix),) = given.items()
        if loc.ndim < 1 or matrix.ndim < 2:
            raise ShapeError(
                f"MultivariateNormal: loc must be at least one-dimensional and {name} two-dimensional, found shapes "
                f"{list(loc.shape)} and {list(matrix.shape)}"
            )
        shape = broadcast_shapes(loc.shape[:-1], matrix.shape[:-2])
        self.loc = loc.expand(*shape, -1)
        vars(self)[name] = matrix.expand(*shape, -1, -1)
        super().__init__(shape, loc.shape[-1:], validate_args)
        if matrix.shape[-2:] != 2 * loc.shape[-1:]:
            raise ShapeError(f"MultivariateNormal: {name} {list(matrix.shape)} does not fit loc {list(loc.shape)}")

    @Derived
    def scale_tril(self) -> Tensor:
        """The factor L of the covariance."""
        if "covariance_matrix" in vars(self):
            return cholesky(self.covariance_matrix)
        flipped = cholesky(self.precision_matrix.flip(-2, -1))  # P = U U^T, U upper: L is the inverse of U^T
        return _inverse(flipped.flip(-2, -1).mT)

    @Derived
    def covariance_matrix(self) -> Tensor:
        """``scale_tril @ scale_tril.mT``."""
        factor = self.scale_tril
        return factor @ factor.mT

    @Derived
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        inverse = _inverse(self.scale_tril)
        return inverse.mT @ inverse

    @property
    def support(self) -> Constraint:
        """All vectors."""
        return constraints.real_vector

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        return (self.scale_tril**2).sum(-1)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """Return ``loc + scale_tril @ noise`` of standard normal `noise`."""
        noise = randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density at `value`, by substitution with L."""
        self._validate_sample(value)
        factor = self.scale_tril
        white = solve_triangular(factor, (value - self.loc).unsqueeze(-1), upper=False).squeeze(-1)
        constant: float = self._event_shape[0] * math.log(2 * math.pi) / 2
        return -(white**2).sum(-1) / 2 - self._log_volume(factor) - constant

    def entropy(self) -> Tensor:
        """Return ``log(det(2 * pi * e * C)) / 2``."""
        constant: float = self._event_shape[0] * (1 + math.log(2 * math.pi)) / 2
        return constant + self._log_volume(self.scale_tril)

    def _log_volume(self, factor: Tensor) -> Tensor:
        return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _inverse(lower: Tensor) -> Tensor:
    unit = eye(lower.shape[-1], dtype=lower.dtype).expand(lower.shape)
    return solve_triangular(lower, unit, upper=False)
