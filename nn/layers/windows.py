"""Unfold and Fold as modules."""

from __future__ import annotations

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.functional.windows import Sizes
from tensorgrad.nn.module.module import Module


class Unfold(Module):
    """The windows of (N, C, H, W) as columns (N, C * kernel elements, positions): im2col."""

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Return the columns."""
        return functional.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Unfold):
    """Columns (N, C * kernel elements, positions) added up in (N, C, *output_size): the adjoint of `Unfold`."""

    def __init__(
        self, output_size: Sizes, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Return the images."""
        sizes = self.output_size, self.kernel_size
        return functional.fold(input, *sizes, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"output_size={self.output_size}, {super().extra_repr()}"
