"""Windows as modules: their maxima and averages, and the windows themselves as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.pooling import Pooled
from tensorgrad.nn.functional.windows import Sizes, per_axis
from tensorgrad.nn.module.settings import Applied, OfOneTensor, setting, settings


@settings
class _Windowed(Applied):
    """A module with windows that stand side by side where no stride is given."""

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0

    def _complete(self) -> None:
        self.stride = self.kernel_size if self.stride is None else self.stride


@settings
class _MaxPool(_Windowed):
    dilation: Sizes = 1
    return_indices: bool = setting(default=False, shown="never")
    ceil_mode: bool = False

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        return self._applied(input)


class MaxPool1d(_MaxPool, function=functional.max_pool1d):
    """The maximum of each window of (N, C, L)."""


class MaxPool2d(_MaxPool, function=functional.max_pool2d):
    """The maximum of each window of (N, C, H, W)."""


class MaxPool3d(_MaxPool, function=functional.max_pool3d):
    """The maximum of each window of (N, C, D, H, W)."""


@settings
class _AvgPool(_Windowed, OfOneTensor):
    ceil_mode: bool = setting(default=False, shown="never")
    count_include_pad: bool = setting(default=True, shown="never")


class AvgPool1d(_AvgPool, function=functional.avg_pool1d):
    """The average of each window of (N, C, L).

    Raises:
        ArgumentError: a setting has more than one number.
    """

    def _complete(self) -> None:
        super()._complete()
        for name in ("kernel_size", "stride", "padding"):
            setattr(self, name, per_axis(getattr(self, name), 1, name))


@settings
class AvgPool2d(_AvgPool, function=functional.avg_pool2d):
    """The average of each window of (N, C, H, W)."""

    divisor_override: int | None = setting(default=None, shown="never")


@settings
class AvgPool3d(_AvgPool, function=functional.avg_pool3d):
    """The average of each window of (N, C, D, H, W)."""

    divisor_override: int | None = setting(default=None, shown="never")


@settings
class _LPPool(OfOneTensor):
    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    ceil_mode: bool = False


class LPPool1d(_LPPool, function=functional.lp_pool1d):
    """The norm of each window of (N, C, L); see `functional.lp_pool1d`."""


class LPPool2d(_LPPool, function=functional.lp_pool2d):
    """The norm of each window of (N, C, H, W); see `functional.lp_pool1d`."""


class LPPool3d(_LPPool, function=functional.lp_pool3d):
    """The norm of each window of (N, C, D, H, W); see `functional.lp_pool1d`."""


@settings
class _MaxUnpool(_Windowed):
    ndim: ClassVar[int]

    def _complete(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: a setting has neither one number nor one for each axis.
        """
        super()._complete()
        for name in ("kernel_size", "stride", "padding"):
            setattr(self, name, per_axis(getattr(self, name), self.ndim, name))

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Return (N, C, ...) of `output_size`, the maxima at their places and zeros elsewhere."""
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool, function=functional.max_unpool1d):
    """The maxima of `MaxPool1d` at the places they came from, and zeros elsewhere."""

    ndim = 1


class MaxUnpool2d(_MaxUnpool, function=functional.max_unpool2d):
    """The maxima of `MaxPool2d` at the places they came from, and zeros elsewhere."""

    ndim = 2


class MaxUnpool3d(_MaxUnpool, function=functional.max_unpool3d):
    """The maxima of `MaxPool3d` at the places they came from, and zeros elsewhere."""

    ndim = 3


@settings
class _Adaptive(Applied):
    output_size: int | Sequence[int | None] | None


class AdaptiveAvgPool1d(_Adaptive, OfOneTensor, function=functional.adaptive_avg_pool1d):
    """Averages of `output_size` windows that share the axis of (N, C, L) evenly."""


class AdaptiveAvgPool2d(_Adaptive, OfOneTensor, function=functional.adaptive_avg_pool2d):
    """Averages of windows that share the axes of (N, C, H, W) evenly; a size None keeps the length."""


class AdaptiveAvgPool3d(_Adaptive, OfOneTensor, function=functional.adaptive_avg_pool3d):
    """Averages of windows that share the axes of (N, C, D, H, W) evenly; a size None keeps the length."""


@settings
class _AdaptiveMax(_Adaptive):
    return_indices: bool = setting(default=False, shown="never")

    def forward(self, input: Tensor) -> Pooled:
        """Return the maxima, and their places if `return_indices`."""
        return self._applied(input)


class AdaptiveMaxPool1d(_AdaptiveMax, function=functional.adaptive_max_pool1d):
    """Maxima of `output_size` windows that share the axis of (N, C, L) evenly."""


class AdaptiveMaxPool2d(_AdaptiveMax, function=functional.adaptive_max_pool2d):
    """Maxima of windows that share the axes of (N, C, H, W) evenly; a size None keeps the length."""


class AdaptiveMaxPool3d(_AdaptiveMax, function=functional.adaptive_max_pool3d):
    """Maxima of windows that share the axes of (N, C, D, H, W) evenly; a size None keeps the length."""


@settings
class Unfold(OfOneTensor, function=functional.unfold):
    """The windows of (N, C, H, W) as columns (N, C * kernel elements, positions): im2col."""

    kernel_size: Sizes
    dilation: Sizes = 1
    padding: Sizes = 0
    stride: Sizes = 1


@settings
class Fold(OfOneTensor, function=functional.fold):
    """Columns (N, C * kernel elements, positions) added up in (N, C, *output_size): the adjoint of `Unfold`."""

    output_size: Sizes
    kernel_size: Sizes
    dilation: Sizes = 1
    padding: Sizes = 0
    stride: Sizes = 1
