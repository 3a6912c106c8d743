"""Other resolutions: interpolation along the spatial axes, and channels that become pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorgrad import ops
from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.precision import wide

from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}
NEAREST = ("nearest", "nearest-exact")


@wide
def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Return `input` (N, C, d1, ...) resampled to `size`, or to ``floor(d * scale_factor)``, along its spatial axes.

    Args:
        input: shape (N, C, d1, ...).
        size, scale_factor: one of them, a number for all axes or one per axis.
        mode: "nearest", "nearest-exact" (which takes the middle of a pixel), "linear", "bilinear", "trilinear" or
            "area", the mean over what a new pixel covers.
        align_corners: of the linear modes: the first and the last pixel keep their places.
        recompute_scale_factor: take the ratio of the lengths in place of `scale_factor`, which may not be whole.
        antialias: must be false.

    Raises:
        ArgumentError: `mode` is another word, or `antialias` is asked for.
        ValueError: `align_corners` in a mode that knows none.
        ShapeError: `input` has another number of axes than `mode` needs.

    >>> import tensorgrad as tg
    >>> interpolate(tg.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    >>> interpolate(tg.tensor([[[1.0, 3.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    shape = input.array.shape[2:]
    if mode not in (*LINEAR, *NEAREST, "area") or antialias:
        found = "antialias=True" if antialias else f"mode {mode!r}"
        raise ArgumentError(
            f"interpolate knows {', '.join((*NEAREST, 'area', *LINEAR))}, without antialias; found {found}"
        )
    if mode not in LINEAR and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | trilinear"
        )
    _check_mixed(input, mode)
    if LINEAR.get(mode, len(shape)) != len(shape) or not shape:
        raise ShapeError(
            f"Got {input.array.ndim}D input, but {mode} mode needs {LINEAR.get(mode, 1) + 2}D input (N, C, ...)"
        )
    lengths, scales = _lengths(shape, size, scale_factor)
    if recompute_scale_factor or scales is None:
        scales = [n / max(m, 1) for n, m in zip(shape, lengths, strict=True)]
    if mode == "area":
        return _area(input, lengths)
    y = input
    for axis, (n, m, scale) in enumerate(zip(shape, lengths, scales, strict=True), 2):
        if mode in LINEAR:
            y = _along(y, axis, *_between(n, m, scale, bool(align_corners)))
        else:
            places = np.arange(m, dtype=np.float32) + (0.5 if mode == "nearest-exact" else 0)
            y = _taken(y, axis, np.minimum(np.floor(places * np.float32(scale)), n - 1).astype(np.intp))
    return y


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Do what `interpolate` does, which is its name now, of the same shapes; told in a warning."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def _check_mixed(input: Tensor, mode: str) -> None:
    """Raise DTypeError where `mode` would mix whole numbers."""
    if mode not in NEAREST and input.array.dtype.kind != "f":
        raise DTypeError(
            f"interpolate() in mode {mode!r} is not implemented for {input.array.dtype}: between whole numbers lie "
            f"others; convert first, for instance with .float()"
        )


def _lengths(
    shape: Sequence[int], size: int | Sequence[int] | None, factor: float | Sequence[float] | None
) -> tuple[list[int], list[float] | None]:
    """Return the new lengths, and the distance between new pixels in old ones where a factor gives it."""
    if (size is None) == (factor is None):
        raise ValueError(f"{'either' if size is None else 'only one of'} size or scale_factor should be defined")
    given = size if size is not None else factor
    each = list(given) if isinstance(given, Sequence) else [given] * len(shape)
    if len(each) != len(shape):
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial dimensions "
            f"of {list(shape)} and output size or scale_factor {given}"
        )
    if size is not None:
        lengths, scales = [int(n) for n in each if n is not None], None
    else:
        factors = [float(f) for f in each if f is not None]
        lengths, scales = [int(n * f) for n, f in zip(shape, factors, strict=True)], [1 / f for f in factors]
    if min(lengths) <= 0 or min(shape) <= 0:
        raise ShapeError(
            f"Input and output sizes should be greater than 0, but got input {tuple(shape)} and output {tuple(lengths)}"
        )
    return lengths, scales


def _between(n: int, m: int, scale: float, align_corners: bool) -> tuple[Array, Array]:
    """Return for each new pixel the old one before it, and how far it is from there."""
    places = np.arange(m) * ((n - 1) / (m - 1) if m > 1 else 0.0)
    if not align_corners:
        places = np.maximum((np.arange(m) + 0.5) * scale - 0.5, 0)
    before = np.minimum(places.astype(np.intp), n - 1)
    return before, places - before


def _along(x: Tensor, axis: int, before: Array, share: Array) -> Tensor:
    """Return the linear interpolation of `x` along `axis`; of pixels that count in full, two halves.

    A neighbour that is infinite would not be hidden by a share of 0.
    """
    share = share.astype(x.array.dtype)
    after = np.minimum(before + 1, x.array.shape[axis] - 1)
    before, after = np.where(share == 1, after, before), np.where(share == 0, before, after)
    share = np.where((share == 0) | (share == 1), 0.5, share).astype(share.dtype)
    weights = share.reshape(-1, *(1,) * (x.array.ndim - axis - 1))
    return _taken(x, axis, before) * wrap(1 - weights) + _taken(x, axis, after) * wrap(weights)


def _taken(x: Tensor, axis: int, places: Array) -> Tensor:
    return ops.getitem(x, index=(*(slice(None),) * axis, places))


def _area(x: Tensor, lengths: list[int]) -> Tensor:
    if len(lengths) > 3:
        raise ShapeError(f"area mode takes one to three spatial axes, found {len(lengths)}")
    return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[len(lengths) - 1](x, lengths)


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Return (*, C, H r, W r) from (*, C r r, H, W): each pixel becomes r by r of them, out of the channels.

    Source: Shi et al. 2016.

    Raises:
        ShapeError: the channels do not divide.
    """
    *lead, channels, height, width = _image(input, "pixel_shuffle")
    r = upscale_factor
    if r <= 0 or channels % r**2:
        raise ShapeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={channels} is not divisible by {r**2}"
        )
    n, c = len(lead), channels // r**2
    x = ops.reshape(input, shape=(*lead, c, r, r, height, width))
    x = ops.transpose(x, axes=(*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return composed.unshared(ops.reshape(x, shape=(*lead, c, height * r, width * r)), input)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Return (*, C r r, H, W) from (*, C, H r, W r), the inverse of `pixel_shuffle`.

    Raises:
        ShapeError: height or width cannot be divided by the factor.
    """
    *lead, channels, height, width = _image(input, "pixel_unshuffle")
    r = downscale_factor
    if r <= 0 or height % r or width % r:
        raise ShapeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"input.size(-2)={height} or input.size(-1)={width} is not divisible by {r}"
        )
    n = len(lead)
    x = ops.reshape(input, shape=(*lead, channels, height // r, r, width // r, r))
    x = ops.transpose(x, axes=(*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return composed.unshared(ops.reshape(x, shape=(*lead, channels * r * r, height // r, width // r)), input)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Return (N, C, ...) with the channels of `groups` groups dealt out in turn (Zhang et al. 2018).

    Raises:
        ShapeError: the channels cannot be dealt to `groups` groups.
    """
    n, channels, *rest = input.array.shape
    if groups <= 0 or channels % groups:
        raise ShapeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    x = ops.reshape(input, shape=(n, groups, channels // groups, *rest))
    dealt = ops.transpose(x, axes=(0, 2, 1, *range(3, x.array.ndim)))
    return composed.unshared(ops.reshape(dealt, shape=(n, channels, *rest)), input)


def _image(x: Tensor, name: str) -> tuple[int, ...]:
    if x.array.ndim < 3:
        raise ShapeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {x.array.ndim} dimension(s)"
        )
    return x.array.shape
