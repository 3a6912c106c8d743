"""Other resolutions, as modules."""

from __future__ import annotations

from collections.abc import Sequence

from tensorgrad.nn import functional
from tensorgrad.nn.module.settings import OfOneTensor, settings


@settings
class Upsample(OfOneTensor, function=functional.interpolate):
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

    def extra_repr(self) -> str:
        """Return the size or the factor, and the mode."""
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of (N, C, H, W) with the nearest pixel."""

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of (N, C, H, W) between four pixels, the corners keeping their places."""

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


@settings
class PixelShuffle(OfOneTensor, function=functional.pixel_shuffle):
    """Channels that become pixels: (*, C r r, H, W) as (*, C, H r, W r); see `functional.pixel_shuffle`."""

    upscale_factor: int


@settings
class PixelUnshuffle(OfOneTensor, function=functional.pixel_unshuffle):
    """Pixels that become channels: (*, C, H r, W r) as (*, C r r, H, W); see `functional.pixel_unshuffle`."""

    downscale_factor: int


@settings
class ChannelShuffle(OfOneTensor, function=functional.channel_shuffle):
    """Channels of (N, C, ...) dealt out to groups; see `functional.channel_shuffle`."""

    groups: int
