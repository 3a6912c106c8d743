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
from tensorgrad.functions.shapes import broadcast_shapes
from tensorgrad.nn.functional import logsigmoid, pad, softplus

from . import constraints
from .arguments import Value, as_tensors, clamped, summed
from .transform import ComposeTransform, IndependentTransform, Transform, raised

__all__ = [
    "AbsTransform", "AffineTransform", "ComposeTransform", "ExpTransform", "IndependentTransform", "PowerTransform",
    "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform", "SoftplusTransform", "StickBreakingTransform",
    "TanhTransform", "Transform", "identity_transform",
]  # fmt: skip


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

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

    bijective = True

    def __init__(self, loc: Value, scale: Value, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim
        self.domain = self.codomain = raised(constraints.real, event_dim)
        self.sign = scale.sign() if isinstance(scale, Tensor) else math.copysign(1, scale) if scale else 0

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` broadcast with those of ``loc`` and ``scale``."""
        return broadcast_shapes(shape, *(x.shape for x in (self.loc, self.scale) if isinstance(x, Tensor)))

    inverse_shape = forward_shape

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``log |scale|``."""
        scale = self.scale if isinstance(self.scale, Tensor) else full((), self.scale, dtype=x.dtype)
        return summed(scale.abs().log().expand(x.shape), self.event_dim)


class ExpTransform(Transform):
    """``y = exp(x)``.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

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

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
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

    def forward_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return `shape` broadcast with that of ``exponent``."""
        return broadcast_shapes(shape, self.exponent.shape)

    inverse_shape = forward_shape

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return ``log |exponent * y / x|``."""
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(Transform):
    """``y = 1 / (1 + exp(-x))``.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

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
    """``y = log(1 + exp(x))``.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

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
    """``y = tanh(x)``; of the inverse digits are lost near 1 and -1: give a cache to what asks for both.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

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
    """``y = |x|``, which has no inverse: `inv` gives the one from 0 on.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class SoftmaxTransform(Transform):
    """``y = softmax(x)`` over the last axis, which has no inverse: `inv` gives the logarithms.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()


class StickBreakingTransform(Transform):
    """n numbers as n + 1 probabilities, each a share ``sigmoid(x[i] - log(n - i))`` of what those before it left.

    Raises:
        ArgumentError: `cache_size` is neither 0 nor 1.
    """

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
