"""Convolutions as modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import functional, init
from tensorgrad.nn.functional.convolution import margins
from tensorgrad.nn.functional.windows import Sizes, per_axis
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.nn.module.settings import Applied, changed

from .linear import begin, register_weights

PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


class Convolution(Applied):
    """What all convolutions share: settings, parameters, initial values and text."""

    weight: Parameter
    bias: Parameter | None
    ndim: ClassVar[int]
    transposed: ClassVar[bool] = False

    def __init__(
        self,
        channels: tuple[int, int],
        kernel_size: Sizes,
        stride: Sizes,
        padding: Sizes | str,
        output_padding: Sizes,
        dilation: Sizes,
        groups: int,
        bias: bool | None,
        padding_mode: str,
        device: Any,
        dtype: Any,
        generator: Generator | None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = channels
        if groups <= 0:
            raise ArgumentError(f"groups must be a positive integer, but got {groups}")
        if padding_mode not in PADDING_MODES:
            raise ArgumentError(
                f"padding_mode must be one of {sorted(PADDING_MODES)}, but got padding_mode='{padding_mode}'"
            )
        n = self.ndim
        self.kernel_size, self.stride = per_axis(kernel_size, n, "kernel_size"), per_axis(stride, n, "stride")
        self.dilation = per_axis(dilation, n, "dilation")
        if min(self.kernel_size) < 1:
            raise ArgumentError(f"kernel_size must be positive, but got kernel_size={kernel_size}")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ArgumentError(f"Invalid padding string '{padding}', should be one of 'valid', 'same'")
        margins(padding, self.kernel_size, self.stride, self.dilation)  # raises where "same" has a stride
        self.padding = padding if isinstance(padding, str) else per_axis(padding, n, "padding")
        self.output_padding = per_axis(output_padding, n, "output_padding")
        self.groups, self.padding_mode = groups, padding_mode
        register_weights(self, self.state_shapes(), bias, device, dtype)
        begin(self, generator)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of weight and bias; ArgumentError where the channels are not divisible by the groups."""
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ArgumentError(
                    f"{name} must be divisible by groups, but got {name}={getattr(self, name)}, groups={self.groups}"
                )
        channels = self.out_channels, self.in_channels
        first, second = reversed(channels) if self.transposed else channels
        return {"weight": (first, second // self.groups, *self.kernel_size), "bias": (self.out_channels,)}

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw weight and bias anew, uniform in ±1/sqrt(fan in), as PyTorch does."""
        init.kaiming_uniform_(self.weight, math.sqrt(5), generator=generator)
        if self.bias is not None:
            bound = 1 / math.sqrt(max(init.fans(self.weight)[0], 1))
            init.uniform_(self.bias, -bound, bound, generator)

    def extra_repr(self) -> str:
        """Return the sizes, and the settings that are not the default."""
        none, ones = (0,) * self.ndim, (1,) * self.ndim
        sizes = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        shown = changed(self, {"padding": none, "dilation": ones, "output_padding": none, "groups": 1})
        shown += ["bias=False"] if self.bias is None else []
        return ", ".join([sizes, *shown, *changed(self, {"padding_mode": "zeros"})])


class ForwardConvolution(Convolution):
    """What the convolutions have in common that are no transposes."""

    def __init__(
        self,
        in_channels: int,
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
        super().__init__(
            (in_channels, out_channels), kernel_size, stride, padding, 0, dilation, groups, bias, padding_mode,
            device, dtype, generator,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """Return the cross-correlation of `input` (N, C, ...) or (C, ...) with the weight, plus the bias."""
        padding: Sizes | str = self.padding
        if self.padding_mode != "zeros":
            input, padding = functional.pad(input, self._margins(), self.padding_mode), 0
        return self._function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _margins(self) -> list[int]:
        """Return what `functional.pad` is to add: the last axis comes first."""
        around, n = margins(self.padding, self.kernel_size, self.stride, self.dilation), self.ndim
        return [part for axis in reversed(range(n)) for part in (around[axis], around[axis + n])]


class Conv1d(ForwardConvolution, function=functional.conv1d):
    """The cross-correlation of (N, C, L), weight (out_channels, in_channels / groups, k).

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, `padding` or `padding_mode` is another word, or "same" has a stride.
    """

    ndim = 1


class Conv2d(ForwardConvolution, function=functional.conv2d):
    """The cross-correlation of (N, C, H, W), weight (out_channels, in_channels / groups, kh, kw).

    The windows are copied before the product: memory of about kh * kw times the input's at stride 1.

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, `padding` or `padding_mode` is another word, or "same" has a stride.

    >>> import tensorgrad as tg
    >>> Conv2d(1, 8, 3, padding=1)(tg.ones(5, 1, 28, 28)).shape
    tensorgrad.Size([5, 8, 28, 28])
    """

    ndim = 2


class Conv3d(ForwardConvolution, function=functional.conv3d):
    """The cross-correlation of (N, C, D, H, W), weight (out_channels, in_channels / groups, kd, kh, kw).

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, `padding` or `padding_mode` is another word, or "same" has a stride.
    """

    ndim = 3


class TransposedConvolution(Convolution):
    """What the transposed convolutions have in common."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            raise ArgumentError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            (in_channels, out_channels), kernel_size, stride, padding, output_padding, dilation, groups, bias,
            padding_mode, device, dtype, generator,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return the adjoint of the convolution, applied to `input` (N, C, ...) or (C, ...), plus the bias.

        `output_size`, of the spatial axes or of all, takes the place of `output_padding`: a convolution with a stride
        gives the same size for several, and this says which one.
        """
        more = self.output_padding if output_size is None else self._missing(input.array.shape, tuple(output_size))
        return self._function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _missing(self, shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output padding that gives the `wanted` size for an input of `shape`."""
        n = self.ndim
        if len(wanted) not in (n, len(shape)):
            raise ArgumentError(
                f"{type(self).__name__}: for {len(shape)}D input, output_size must have {n} or {len(shape)} elements "
                f"(got {len(wanted)})"
            )
        spatial, asked = shape[-n:], wanted[-n:]
        pad = per_axis(self.padding, n, "padding") if not isinstance(self.padding, str) else (0,) * n
        case = zip(spatial, self.stride, pad, self.dilation, self.kernel_size, strict=True)
        least = [(m - 1) * s - 2 * p + d * (k - 1) + 1 for m, s, p, d, k in case]
        most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
        if any(not low <= size <= high for low, size, high in zip(least, asked, most, strict=True)):
            raise ArgumentError(
                f"requested an output size of {asked}, but valid sizes range from {least} to {most} (for an input of "
                f"{spatial})"
            )
        return tuple(size - low for low, size in zip(least, asked, strict=True))


class ConvTranspose1d(TransposedConvolution, function=functional.conv_transpose1d):
    """The adjoint of `Conv1d`, weight (in_channels, out_channels / groups, k).

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, or `padding_mode` is not "zeros".
    """

    ndim = 1


class ConvTranspose2d(TransposedConvolution, function=functional.conv_transpose2d):
    """The adjoint of `Conv2d`, weight (in_channels, out_channels / groups, kh, kw).

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, or `padding_mode` is not "zeros".
    """

    ndim = 2


class ConvTranspose3d(TransposedConvolution, function=functional.conv_transpose3d):
    """The adjoint of `Conv3d`, weight (in_channels, out_channels / groups, kd, kh, kw).

    Raises:
        ArgumentError: `groups` does not divide both numbers of channels, `kernel_size` is not positive, a setting has
            not as many numbers as there are axes, or `padding_mode` is not "zeros".
    """

    ndim = 3
