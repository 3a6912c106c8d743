"""Pooling as modules."""

from __future__ import annotations

from collections.abc import Sequence

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.pooling import Pooled
from tensorgrad.nn.functional.windows import Sizes, per_axis
from tensorgrad.nn.module.module import Module


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window of (N, C, L)."""

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        settings = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        return functional.max_pool1d(input, *settings)


class MaxPool2d(_MaxPool):
    """The maximum of each window of (N, C, H, W)."""

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        settings = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        return functional.max_pool2d(input, *settings)


class AvgPool1d(Module):
    """The average of each window of (N, C, L)."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = per_axis(kernel_size, 1, "kernel_size")
        self.stride = self.kernel_size if stride is None else per_axis(stride, 1, "stride")
        self.padding = per_axis(padding, 1, "padding")
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        settings = self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        return functional.avg_pool1d(input, *settings)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The average of each window of (N, C, H, W)."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        settings = self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        return functional.avg_pool2d(input, *settings, self.divisor_override)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Adaptive(Module):
    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """Return the size of the output."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_Adaptive):
    """Averages of `output_size` windows that share the axis of (N, C, L) evenly."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return functional.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """Averages of windows that share the axes of (N, C, H, W) evenly; a size None keeps the length."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the averages."""
        return functional.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size: int | Sequence[int | None] | None, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """Maxima of `output_size` windows that share the axis of (N, C, L) evenly."""

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        return functional.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """Maxima of windows that share the axes of (N, C, H, W) evenly; a size None keeps the length."""

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        return functional.adaptive_max_pool2d(input, self.output_size, self.return_indices)
