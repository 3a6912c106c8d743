"""Normalisation within each example: over its own space, its last axes, groups of channels, neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.create.creation import ones
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.nn.module.settings import OfOneTensor, setting, settings

from .batchnorm import Affine, StatisticsNorm


class _InstanceNorm(StatisticsNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _channel_axis(self, ndim: int) -> int:
        return 0 if ndim == self._ndims[0] else 1

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised examples, of the shape of `input`."""
        shape = input.array.shape
        if len(shape) not in self._ndims:
            raise self._unfit(input)
        axis = self._channel_axis(len(shape))
        self._check_channels(shape, axis)
        x = input if axis else ops.reshape(input, shape=(1, *shape))
        mean, var = self._buffers["running_mean"], self._buffers["running_var"]
        weight, bias = self._parameters["weight"], self._parameters["bias"]
        own, momentum = self.training or mean is None, self.momentum or 0.0
        y = functional.instance_norm(x, mean, var, weight, bias, own, momentum, self.eps)
        return y if axis else ops.reshape(y, shape=shape)

    def _check_channels(self, shape: tuple[int, ...], axis: int) -> None:
        if shape[axis] == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={axis} to match num_features ({self.num_features}), but got: "
                f"{shape[axis]}."
            )
        warn(
            f"input's size at dim={axis} does not match num_features. You can silence this warning by not passing in "
            f"num_features, which is not used because affine=False",
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalise every channel of every example (N, C, L), or of one (C, L), over L: contrast is taken away.

    As BatchNorm1d, whose arguments it has, but with the mean and variance of each example, and by default without
    parameters and running statistics. Source: Ulyanov, Vedaldi and Lempitsky 2016.

    Raises:
        ValueError: one value per channel, or, with `affine`, a wrong number of channels (a warning without).
    """

    _ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise every channel of every example (N, C, H, W), or of one (C, H, W); see InstanceNorm1d."""

    _ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise every channel of every example (N, C, D, H, W), or of one (C, D, H, W); see InstanceNorm1d."""

    _ndims = (4, 5)


def _lengths(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)


class LayerNorm(Affine):
    """Normalise each example over its last axes, of the lengths `normalized_shape`, then scale and shift each element.

    ``y = weight * (x - mean) / sqrt(var + eps) + bias``, with the biased variance: no statistics of the batch are
    needed. Source: Ba, Kiros and Hinton 2016.

    Args:
        normalized_shape: the lengths of the last axes, or the one length of the last axis.
        eps: added to the variance inside the root.
        elementwise_affine, bias: learn a scale, and with it a shift, for each element of `normalized_shape`.

    Raises:
        ShapeError: a length of `normalized_shape` is negative.

    >>> import tensorgrad as tg
    >>> LayerNorm(2)(tg.tensor([[1.0, 3.0], [10.0, 30.0]])).detach()
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _lengths(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register(self.normalized_shape, elementwise_affine, bias, {"device": device, "dtype": dtype})

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised examples, of the shape of `input`."""
        weight, bias = self._parameters["weight"], self._parameters["bias"]
        return functional.layer_norm(input, self.normalized_shape, weight, bias, self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Affine):
    """Normalise each of `num_groups` groups of the `num_channels` channels of every example (N, C, ...).

    Then scale and shift each channel. One group: over all of an example; as many as channels: InstanceNorm.
    Source: Wu and He 2018.

    Raises:
        ValueError: `num_channels` is no multiple of `num_groups`, or one of them is not positive.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups}), which must be positive"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register(num_channels, affine, bias, {"device": device, "dtype": dtype})

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised examples, of the shape of `input`."""
        return functional.group_norm(
            input, self.num_groups, self._parameters["weight"], self._parameters["bias"], self.eps
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Affine):
    """Divide each example by the root of its mean square over its last axes, then scale each element.

    ``y = weight * x / sqrt(mean(x ** 2) + eps)``; `eps` None is the machine epsilon of the input's dtype. Arguments as
    those of LayerNorm. Source: Zhang and Sennrich 2019.

    Raises:
        ShapeError: a length of `normalized_shape` is negative.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _lengths(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def forward(self, input: Tensor) -> Tensor:
        """Return the scaled examples, of the shape of `input`."""
        return functional.rms_norm(input, self.normalized_shape, self._parameters["weight"], self.eps)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


@settings
class LocalResponseNorm(OfOneTensor, function=functional.local_response_norm):
    """Divide each element of (N, C, L...) by a power of the squares of neighbouring channels.

    ``y = x / (k + alpha / size * sum(neighbours ** 2)) ** beta``. Source: Krizhevsky et al. 2012, section 3.3.
    """

    size: int = setting(shown="value")
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
