"""Other resolutions, as modules."""

from __future__ import annotations

from collections.abc import Sequence

from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.settings import settings


@settings
class Upsample(Module):
    """Resampling of (N, C, d1, ...) along the spatial axes; see `functional.interpolate`."""

    size: int | Sequence[int] | None = None
    scale_factor: float | Sequence[float] | None = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def _complete(self) -> None:
        factor = self.scale_factor
        if isinstance(factor, Sequence):
            self.scale_factor = tuple(float(f) for f in factor)
        else:
            self.scale_factor = float(factor) if factor else None

    def forward(self, input: Tensor) -> Tensor:
        """Return the resampled images."""
        return functional.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        """Return the size or the factor, and the mode."""
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with the nearest pixel."""

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` between four pixels, the corners keeping their places."""

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


@settings
class PixelShuffle(Module):
    """Channels that become pixels; see `functional.pixel_shuffle`."""

    upscale_factor: int

    def forward(self, input: Tensor) -> Tensor:
        """Return (*, C, H r, W r)."""
        return functional.pixel_shuffle(input, self.upscale_factor)


@settings
class PixelUnshuffle(Module):
    """Pixels that become channels; see `functional.pixel_unshuffle`."""

    downscale_factor: int

    def forward(self, input: Tensor) -> Tensor:
        """Return (*, C r r, H, W)."""
        return functional.pixel_unshuffle(input, self.downscale_factor)


@settings
class ChannelShuffle(Module):
    """Channels dealt out to groups; see `functional.channel_shuffle`."""

    groups: int

    def forward(self, input: Tensor) -> Tensor:
        """Return the same channels in another order."""
        return functional.channel_shuffle(input, self.groups)
