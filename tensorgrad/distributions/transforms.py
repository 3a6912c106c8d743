"""Invertible functions with the logarithm of their Jacobian's determinant, as normalising flows chain them.

>>> import tensorgrad as tg
>>> scaled = tg.distributions.transforms.AffineTransform(1.0, 3.0)
>>> x = tg.tensor([0.0, 1.0])
>>> scaled(x), scaled.inv(scaled(x)), scaled.log_abs_det_jacobian(x, scaled(x))
(tensor([1., 4.]), tensor([0., 1.]), tensor([1.0986, 1.0986]))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tensorgrad.base.answers import complete as _complete
from tensorgrad.create.creation import full
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn.functional import logsigmoid, pad, softplus

from . import constraints
from .arguments import Value, as_tensors, clamped, summed
from .constraints import Constraint

__all__ = [
    "AbsTransform", "AffineTransform", "ComposeTransform", "ExpTransform", "IndependentTransform", "PowerTransform",
    "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform", "SoftplusTransform", "StickBreakingTransform",
    "TanhTransform", "Transform", "identity_transform",
]  # fmt: skip


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
        if cache_size not in {0, 1}:
            raise ArgumentError(f"cache_size must be 0 or 1, found {cache_size}")
        self._cache_size = cache_size
        self._last: tuple[Tensor, Tensor] | None = None

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _Inverse(self)

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
            self.domain = _raised(self.parts[0].domain, first)
            self.codomain = _raised(self.parts[-1].codomain, last)

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


def _raised(constraint: Constraint, event_dim: int) -> Constraint:
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


class ReshapeTransform(Transform):
    """Another shape of the same numbers.

    Args:
        in_shape: the last axes of what is transformed.
        out_shape: those of its image, of as many elements.
        cache_size: as of `Transform`.

    Raises:
        ArgumentError: the numbers of elements differ.
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ArgumentError(
                f"in_shape {self.in_shape}, out_shape {self.out_shape} have different numbers of elements"
            )
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return 0."""
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` with `out_shape` for `in_shape`."""
        return (*shape[: len(shape) - len(self.in_shape)], *self.out_shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` with `in_shape` for `out_shape`."""
        return (*shape[: len(shape) - len(self.out_shape)], *self.in_shape)


class AffineTransform(Transform):
    """``y = loc + scale * x``.

    Args:
        loc: added.
        scale: multiplied, not 0.
        event_dim: how many of the last axes are of one value.
        cache_size: as of `Transform`.
    """

    bijective = True

    def __init__(self, loc: Value, scale: Value, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim
        self.domain = self.codomain = _raised(constraints.real, event_dim)
        self.sign = scale.sign() if isinstance(scale, Tensor) else math.copysign(1, scale) if scale else 0

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``log |scale|``."""
        scale = self.scale if isinstance(self.scale, Tensor) else full((), self.scale, dtype=x.dtype)
        return summed(scale.abs().log().expand(x.shape), self.event_dim)


class ExpTransform(Transform):
    """``y = exp(x)``."""

    bijective = True
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return `x`."""
        return x


class PowerTransform(Transform):
    """``y = x**exponent`` of positive x.

    Args:
        exponent: not 0.
        cache_size: as of `Transform`.
    """

    bijective = True
    domain = codomain = constraints.positive

    def __init__(self, exponent: Value, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        (self.exponent,) = as_tensors(exponent)
        self.sign = self.exponent.sign()

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |exponent * y / x|``."""
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(Transform):
    """``y = 1 / (1 + exp(-x))``."""

    bijective = True
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        return clamped(x.sigmoid())

    def _inverse(self, y: Tensor) -> Tensor:
        inside = clamped(y)
        return inside.log() - (-inside).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``log(y) + log(1 - y)``."""
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Transform):
    """``y = log(1 + exp(x))``."""

    bijective = True
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-(-y).expm1()).log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return the logarithm of ``sigmoid(x)``."""
        return logsigmoid(x)


class TanhTransform(Transform):
    """``y = tanh(x)``; of the inverse digits are lost near 1 and -1: give a cache to what asks for both."""

    bijective = True
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``log(1 - tanh(x)**2)``, as ``2 * (log(2) - x - softplus(-2 * x))``, which keeps its digits."""
        return 2 * (math.log(2) - x - softplus(-2 * x))


class AbsTransform(Transform):
    """``y = |x|``, which has no inverse: `inv` gives the one from 0 on."""

    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class SoftmaxTransform(Transform):
    """``y = softmax(x)`` over the last axis, which has no inverse: `inv` gives the logarithms."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()


class StickBreakingTransform(Transform):
    """n numbers as n + 1 probabilities, each a share ``sigmoid(x[i] - log(n - i))`` of what those before it left."""

    bijective = True
    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        shares = clamped((x - self._offsets(x)).sigmoid())
        left = (1 - shares).cumprod(-1)
        return pad(shares, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        left = (1 - y[..., :-1].cumsum(-1)).clamp(min=2.0**-52)
        return y[..., :-1].log() - left.log() + self._offsets(left)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sum over the shares, ``log(y[i]) + log(1 - share)``."""
        x = x - self._offsets(x)
        return (logsigmoid(x) - x + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` with a last axis longer by 1."""
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` with a last axis shorter by 1."""
        return (*shape[:-1], shape[-1] - 1)

    @staticmethod
    def _offsets(x: Tensor) -> Tensor:
        ones = x.detach() * 0 + 1
        return ones.flip(-1).cumsum(-1).flip(-1).log()


identity_transform = ComposeTransform([])

_complete(__name__)
