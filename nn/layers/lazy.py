"""Layers that take their number of inputs from their first input, and are the layer they stand for from then on."""

from __future__ import annotations

from typing import Any, ClassVar

from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.nn.functional.windows import Sizes, batched
from tensorgrad.nn.module.lazy import LazyModuleMixin
from tensorgrad.nn.module.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, StatisticsNorm
from .convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    Convolution,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    ForwardConvolution,
    TransposedConvolution,
)
from .linear import Linear, begin
from .normalization import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d


class _Lazy(LazyModuleMixin):
    """A layer made with 0 inputs whose parameters and statistics then lose their shape; its last base is the layer."""

    size: ClassVar[str]  # the name of the number of inputs
    generator: Generator | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.cls_to_become = cls.__bases__[-1]

    def __init__(self: Any, *args: Any, generator: Generator | None = None, **kwargs: Any) -> None:
        """Make the layer and take the shapes away; the first call draws the values."""
        super().__init__(*args, **kwargs)
        self.generator = generator
        for registry, kind in ((self._parameters, UninitializedParameter), (self._buffers, UninitializedBuffer)):
            for name, x in registry.items():
                if x is not None and x.array.ndim:  # not the count of batches
                    registry[name] = kind(dtype=x.array.dtype)

    def reset_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their initial values anew, once there are any."""
        if getattr(self, self.size) and not self.has_uninitialized_params():
            super().reset_parameters(*args, **kwargs)  # type: ignore[misc]  # of the layer

    def _size_of(self, input: Tensor) -> Any:
        raise NotImplementedError

    def initialize_parameters(self: Any, input: Tensor, output_size: Any = None) -> None:  # noqa: ARG002 - forward's
        """Give parameters and statistics their shapes and values; a state that was loaded before stays."""
        fresh = self.has_uninitialized_params()
        setattr(self, self.size, self._size_of(input))
        shapes = self.state_shapes()
        for name, x in (*self._parameters.items(), *self._buffers.items()):
            if is_lazy(x):
                x.materialize(shapes[name])
        if fresh:
            begin(self, self.generator)
        del self.generator


class LazyLinear(_Lazy, Linear):
    """A `Linear` that takes `in_features` from its first input, and is one from then on.

    Raises:
        ShapeError: `out_features` is negative.
    """

    size = "in_features"

    def __init__(
        self,
        out_features: int,
        bias: bool | None = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(0, out_features, bias, device, dtype, generator=generator)

    def _size_of(self, input: Tensor) -> Any:
        if not input.array.ndim:
            raise ShapeError("LazyLinear takes an input of shape (..., in_features), found one without axes")
        return input.array.shape[-1]


class _LazyConvolution(_Lazy, Convolution):
    size = "in_channels"

    def _size_of(self, input: Tensor) -> Any:
        return batched(input, self.ndim, type(self).__name__)[0].array.shape[1]


class _LazyForward(_LazyConvolution, ForwardConvolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool | None = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layer; the first call draws the values.

        Raises:
            ArgumentError, ShapeError: as of the layer that it becomes.
        """
        super().__init__(
            0, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype,
            generator=generator,
        )  # fmt: skip


class LazyConv1d(_LazyForward, Conv1d):
    """A `Conv1d` that takes `in_channels` from its first input, and is one from then on."""


class LazyConv2d(_LazyForward, Conv2d):
    """A `Conv2d` that takes `in_channels` from its first input, and is one from then on.

    >>> import tensorgrad as tg
    >>> layer = LazyConv2d(8, 3)
    >>> layer(tg.ones(5, 4, 9, 9)).shape
    tensorgrad.Size([5, 8, 7, 7])
    >>> layer
    Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1))
    """


class LazyConv3d(_LazyForward, Conv3d):
    """A `Conv3d` that takes `in_channels` from its first input, and is one from then on."""


class _LazyTransposed(_LazyConvolution, TransposedConvolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool | None = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layer; the first call draws the values.

        Raises:
            ArgumentError, ShapeError: as of the layer that it becomes.
        """
        super().__init__(
            0, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode,
            device, dtype, generator=generator,
        )  # fmt: skip


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A `ConvTranspose1d` that takes `in_channels` from its first input, and is one from then on."""


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A `ConvTranspose2d` that takes `in_channels` from its first input, and is one from then on."""


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A `ConvTranspose3d` that takes `in_channels` from its first input, and is one from then on."""


class _LazyNorm(_Lazy, StatisticsNorm):
    size = "num_features"

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _size_of(self, input: Tensor) -> Any:
        if input.array.ndim not in self._ndims:
            raise self._unfit(input)
        return input.array.shape[self._channel_axis(input.array.ndim)]

    def reset_parameters(self) -> None:
        """Give parameters and statistics their initial values anew, and their letters, once there are any."""
        super().reset_parameters()
        if not self.has_uninitialized_params():
            self._name_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes `num_features` from its first input, and is one from then on."""


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes `num_features` from its first input, and is one from then on."""


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes `num_features` from its first input, and is one from then on."""


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """A `InstanceNorm1d` that takes `num_features` from its first input, and is one from then on."""


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """A `InstanceNorm2d` that takes `num_features` from its first input, and is one from then on."""


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """A `InstanceNorm3d` that takes `num_features` from its first input, and is one from then on."""
