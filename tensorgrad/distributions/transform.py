"""What every transform has, and transforms made of others."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError

from . import constraints
from .arguments import Value, summed
from .constraints import Constraint


class Transform:
    """Base class: subclasses define ``_call(x)``, ``_inverse(y)`` and ``log_abs_det_jacobian(x, y)``.

    Args:
        cache_size: 1 to answer the inverse of the last result with what it was made of, all its digits; else 0.

    Raises:
        ArgumentError: another size.
    """

    bijective = False
    domain: Constraint = constraints.real
    codomain: Constraint = constraints.real
    sign: Value = 1

    def __init__(self, cache_size: int = 0) -> None:
        """Keep `cache_size` results, 0 or 1; ArgumentError for another number."""
        if cache_size not in {0, 1}:
            raise ArgumentError(f"cache_size must be 0 or 1, found {cache_size}")
        self._cache_size = cache_size
        self._last: tuple[Tensor, Tensor] | None = None

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _Inverse(self)

    def with_cache(self, cache_size: int = 1) -> Self:
        """Return the same transform with another cache."""
        other = copy.copy(self)
        Transform.__init__(other, cache_size)
        return other

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is of the same class with the same parameters."""
        return type(self) is type(other) and _same(self._parameters(), other._parameters())

    def __hash__(self) -> int:
        return hash(type(self))

    def _parameters(self) -> list[Any]:
        return [value for name, value in sorted(vars(self).items()) if name not in {"_cache_size", "_last", *_TELLING}]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the image of `x`."""
        if self._last is not None and self._last[0] is x:
            return self._last[1]
        y = self._call(x)
        self._last = (x, y) if self._cache_size else None
        return y

    def _undone(self, y: Tensor) -> Tensor:
        if self._last is not None and self._last[1] is y:
            return self._last[0]
        x = self._inverse(y)
        self._last = (x, y) if self._cache_size else None
        return x

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _call(x)")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define _inverse(y)")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |det dy/dx|`` at `x`, whose image is `y`."""
        raise NotImplementedError(f"{type(self).__name__} does not define log_abs_det_jacobian(x, y)")

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the image of what has `shape`."""
        return shape

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what has an image of `shape`."""
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


_TELLING = {"bijective", "codomain", "domain", "sign"}  # which follow from the parameters


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and bool((a == b).all())
    return bool(a == b)


class _Inverse(Transform):
    """`transform` read backwards."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._transform = transform
        self.bijective, self.sign = transform.bijective, transform.sign
        self.domain, self.codomain = transform.codomain, transform.domain

    @property
    def inv(self) -> Transform:
        return self._transform

    def _call(self, x: Tensor) -> Tensor:
        return self._transform._undone(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self._transform(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._transform.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._transform.inverse_shape(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self._transform.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__.strip('_')}Transform({self._transform})"


class ComposeTransform(Transform):
    """`parts` one after the other.

    Args:
        parts: transforms, of which the first is applied first.
        cache_size: as of `Transform`.
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        self.bijective = all(part.bijective for part in self.parts)
        self.sign = math.prod([part.sign for part in self.parts])
        if self.parts:
            changes = [part.codomain.event_dim - part.domain.event_dim for part in self.parts]
            needs = [part.domain.event_dim - sum(changes[:i]) for i, part in enumerate(self.parts)]
            first, last = max(needs), max(needs) + sum(changes)
            self.domain = raised(self.parts[0].domain, first)
            self.codomain = raised(self.parts[-1].codomain, last)

    @property
    def inv(self) -> Transform:
        """The inverses of the parts, the last one first."""
        return ComposeTransform([part.inv for part in reversed(self.parts)])

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum of those of the parts."""
        total, axes = x.new_zeros(x.shape[: x.ndim - self.domain.event_dim]), self.domain.event_dim
        for part in self.parts:
            image = y if part is self.parts[-1] else part(x)
            total = total + summed(part.log_abs_det_jacobian(x, image), axes - part.domain.event_dim)
            axes += part.codomain.event_dim - part.domain.event_dim
            x = image
        return total

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape after all parts."""
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape before all parts."""
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return f"ComposeTransform({self.parts})"


def raised(constraint: Constraint, event_dim: int) -> Constraint:
    """Return `constraint` over `event_dim` axes."""
    more = event_dim - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


class IndependentTransform(Transform):
    """`base_transform` with its last batch axes taken as axes of one value: the logarithms are summed.

    Args:
        base_transform: any.
        reinterpreted_batch_ndims: how many axes.
        cache_size: as of `Transform`.
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform, self.reinterpreted_batch_ndims = base_transform, reinterpreted_batch_ndims
        self.bijective, self.sign = base_transform.bijective, base_transform.sign
        self.domain = constraints.independent(base_transform.domain, reinterpreted_batch_ndims)
        self.codomain = constraints.independent(base_transform.codomain, reinterpreted_batch_ndims)

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum of the base's."""
        return summed(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return what the base does."""
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return what the base does."""
        return self.base_transform.inverse_shape(shape)
