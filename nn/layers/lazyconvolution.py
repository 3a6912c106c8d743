"""Convolutions that take `in_channels` from their first input."""

from __future__ import annotations

from typing import Any

from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn.functional.windows import Sizes, batched
from tensorgrad.nn.module.lazy import LazyModuleMixin
from tensorgrad.nn.module.parameter import UninitializedParameter

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


class _Lazy(LazyModuleMixin, Convolution):
    def _await(self, out_channels: int, bias: bool, device: Any, dtype: Any, generator: Generator | None) -> None:
        self.out_channels = out_channels
        self.generator = generator
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew, once there are any."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters(generator)

    def initialize_parameters(self, input: Tensor, output_size: Any = None) -> None:  # noqa: ARG002 - forward's argument
        """Give weight and bias their shapes and values; a state that was loaded before stays."""
        x, _ = batched(input, self.ndim, type(self).__name__)
        fresh = self.has_uninitialized_params()
        self.in_channels = x.array.shape[1]
        for name, shape in (("weight", self.weight_shape()), ("bias", (self.out_channels,))):
            parameter = self._parameters[name]
            if isinstance(parameter, UninitializedParameter):
                parameter.materialize(shape)
        if fresh:
            self.reset_parameters(self.generator)
        del self.generator


class _LazyForward(_Lazy, ForwardConvolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._await(out_channels, bias, device, dtype, generator)


class LazyConv1d(_LazyForward, Conv1d):
    """A `Conv1d` that takes `in_channels` from its first input, and is one from then on."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyForward, Conv2d):
    """A `Conv2d` that takes `in_channels` from its first input, and is one from then on.

    >>> import tensorgrad as tg
    >>> layer = LazyConv2d(8, 3)
    >>> layer(tg.ones(5, 4, 9, 9)).shape
    tensorgrad.Size([5, 8, 7, 7])
    >>> layer
    Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyForward, Conv3d):
    """A `Conv3d` that takes `in_channels` from its first input, and is one from then on."""

    cls_to_become = Conv3d


class _LazyTransposed(_Lazy, TransposedConvolution):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        self._await(out_channels, bias, device, dtype, generator)


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A `ConvTranspose1d` that takes `in_channels` from its first input, and is one from then on."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A `ConvTranspose2d` that takes `in_channels` from its first input, and is one from then on."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A `ConvTranspose3d` that takes `in_channels` from its first input, and is one from then on."""

    cls_to_become = ConvTranspose3d
