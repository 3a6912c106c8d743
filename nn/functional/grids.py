"""Images read at any places: the sampler of Jaderberg et al. 2015, and the places under an affine map."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import Array, int64
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.precision import wide

_MODES = {"bilinear": (2, 3), "nearest": (2, 3), "bicubic": (2,)}
_PADDING = ("zeros", "border", "reflection")


class _Axis(NamedTuple):
    """One spatial axis: its number of pixels, and how places beside them are meant."""

    length: int
    padding: str
    align_corners: bool

    def place(self, u: Tensor) -> Tensor:
        """Return the place in pixels of coordinates, which are -1 and 1 at the ends."""
        return (u + 1) * ((self.length - 1) / 2) if self.align_corners else ((u + 1) * self.length - 1) * 0.5

    def within(self, place: Tensor) -> Tensor:
        """Return a place on the axis for each place, or one not too far outside where zeros lie there."""
        if self.padding == "zeros":
            return ops.clip(place, low=-4.0, high=self.length + 3.0)  # no pixel is as near
        x = self._mirrored(place) if self.padding == "reflection" else place
        between = ops.bitwise_and(ops.gt(x, 0.0), ops.lt(x, self.length - 1.0))
        return ops.where(between, x, composed.detached(ops.clip(x, low=0.0, high=self.length - 1.0)))

    def _mirrored(self, place: Tensor) -> Tensor:
        start, span = (0.0, self.length - 1) if self.align_corners else (-0.5, self.length)
        if not span:
            return place * 0.0
        away = ops.abs(place - start)
        times = composed.detached(ops.floor(away * (1 / span)))
        rest = away - times * float(span)
        even = ops.eq(times, ops.floor(times * 0.5) * 2.0)
        return ops.where(even, rest, span - rest) + start


class _Tap(NamedTuple):
    """Pixels of one axis that are read: where, whether there are any, and with what weight."""

    pixels: Array
    inside: Tensor
    weight: Tensor


@wide
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return (N, C, *, ...) of the shape of the grid: `input` read at the places that `grid` says, between its pixels.

    The gradient goes to both. A place that is not a number gives what is none.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, H', W', 2) or (N, D', H', W', 3): x, y and z, of the last axis first, from -1 to 1 inside.
        mode: "bilinear", which is trilinear of three axes, "nearest" or, of two axes, "bicubic".
        padding_mode: outside lie "zeros", the pixels of the "border", or the "reflection" of what is inside.
        align_corners: -1 and 1 are the middles of the first and the last pixel, and not their outer edges.

    Raises:
        ShapeError: where the two do not fit.
        DTypeError: where they have two dtypes.

    >>> import tensorgrad as tg
    >>> image = tg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> grid_sample(image, tg.tensor([[[[0.0, 0.0], [1.0, -1.0]]]]), align_corners=True)
    tensor([[[[2.5000, 2.0000]]]])
    """
    _check(input, grid, mode, padding_mode)
    n, _, *spatial = input.array.shape
    pixels = ops.transpose(input, axes=(0, *range(2, input.array.ndim), 1))
    taps = [
        _taps(_Axis(length, padding_mode, bool(align_corners)), ops.getitem(grid, index=(..., k)), mode)
        for k, length in zip(reversed(range(len(spatial))), spatial, strict=True)
    ]
    numbers = np.arange(n).reshape(n, *(1,) * len(spatial))
    nothing = wrap(np.zeros((), input.array.dtype))
    parts = []
    for axes in product(*taps):
        inside = functools.reduce(ops.bitwise_and, [tap.inside for tap in axes])
        weight = functools.reduce(ops.mul, [tap.weight for tap in axes])
        found = ops.getitem(pixels, index=(numbers, *(tap.pixels for tap in axes)))
        there = ops.where(composed.expanded(inside, inside.array.ndim), found, nothing)
        parts.append(there * composed.expanded(weight, weight.array.ndim))
    y = functools.reduce(ops.add, parts)
    return ops.transpose(y, axes=(0, y.array.ndim - 1, *range(1, y.array.ndim - 1)))


def _check(x: Tensor, grid: Tensor, mode: str, padding: str) -> None:
    shape, places = x.array.shape, grid.array.shape
    for word, name, known in ((mode, "mode", _MODES), (padding, "padding_mode", _PADDING)):
        if word not in known:
            raise ValueError(f"grid_sample: expected {name} to be one of {', '.join(known)}, but got: '{word}'")
    if len(shape) not in (4, 5) or len(places) != len(shape):
        raise ShapeError(
            f"grid_sample(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(shape)} and grid with sizes {list(places)}"
        )
    if places[0] != shape[0] or places[-1] != len(shape) - 2:
        raise ShapeError(
            f"grid_sample(): expected grid ({shape[0]}, ..., {len(shape) - 2}), with the batch size of the input and "
            f"a coordinate for each of its axes, but got input with sizes {list(shape)} and grid with sizes "
            f"{list(places)}"
        )
    if not all(shape[2:]):
        raise ShapeError(
            f"grid_sample(): expected input to have non-empty spatial dimensions, but input has sizes {list(shape)}"
        )
    if len(shape) - 2 not in _MODES[mode]:
        raise ArgumentError(f"grid_sample(): {mode} interpolation only supports 4D input, found {list(shape)}")
    if x.array.dtype != grid.array.dtype or x.array.dtype.kind != "f":
        raise DTypeError(
            f"grid_sample(): expected input and grid to have same floating point dtype, but input has "
            f"{x.array.dtype} and grid has {grid.array.dtype}"
        )


def _taps(axis: _Axis, u: Tensor, mode: str) -> list[_Tap]:
    place = axis.place(u)
    if mode == "nearest":
        place = axis.within(place)
        return [_tap(axis, ops.round(place), place * 0.0 + 1.0)]  # the gradient is 0, and what is no number stays
    place = axis.within(place) if mode == "bilinear" or axis.padding == "zeros" else place
    low = composed.detached(ops.floor(place))
    beyond = place - low
    if mode == "bilinear":
        return [_tap(axis, low, 1 - beyond), _tap(axis, low + 1, beyond)]
    weights = (_outer(beyond + 1), _inner(beyond), _inner(1 - beyond), _outer(2 - beyond))
    return [_tap(axis, axis.within(low + (k - 1)), weight) for k, weight in enumerate(weights)]


def _tap(axis: _Axis, place: Tensor, weight: Tensor) -> _Tap:
    """Return the tap at whole numbers `place`."""
    inside = ops.bitwise_and(ops.ge(place, 0.0), ops.le(place, axis.length - 1.0))
    held = ops.where(inside, composed.detached(place), wrap(np.zeros((), place.array.dtype)))
    return _Tap(ops.astype(held, dtype=int64).array, inside, weight)


_SHARPNESS = -0.75  # of the cubic convolution of Keys 1981; PyTorch's choice


def _inner(t: Tensor) -> Tensor:
    """Return the weight of a pixel at the distance t, at most 1."""
    return ((_SHARPNESS + 2) * t - (_SHARPNESS + 3)) * t * t + 1


def _outer(t: Tensor) -> Tensor:
    """Return the weight of a pixel at the distance t, from 1 to 2."""
    return ((_SHARPNESS * t - 5 * _SHARPNESS) * t + 8 * _SHARPNESS) * t - 4 * _SHARPNESS


@wide
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the grid for `grid_sample` that reads an image of `size` through affine maps.

    Args:
        theta: the maps from places in the result to places in the input, (N, 2, 3), or (N, 3, 4) of three axes.
        size: of the result: (N, C, H, W) or (N, C, D, H, W).
        align_corners: as for `grid_sample`.

    Raises:
        ShapeError: where `theta` and `size` do not fit.

    >>> import tensorgrad as tg
    >>> identity = tg.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> affine_grid(identity, (1, 1, 1, 2), align_corners=True)
    tensor([[[[-1.,  0.],
              [ 1.,  0.]]]])
    """
    if theta.array.dtype.kind != "f":
        raise DTypeError(f"Expected theta to have floating point type, but got {theta.array.dtype}")
    n, _, *spatial = size
    wanted = (n, len(spatial), len(spatial) + 1)
    if len(spatial) not in (2, 3) or min(size) < 1 or theta.array.shape != wanted:
        raise ShapeError(
            f"affine_grid takes theta (N, 2, 3) and size (N, C, H, W), or (N, 3, 4) and (N, C, D, H, W), positive; "
            f"found theta {list(theta.array.shape)} and size {list(size)}"
        )
    axes = [_ends(length, bool(align_corners)) for length in spatial]
    places = np.stack([*reversed(np.meshgrid(*axes, indexing="ij")), np.ones(spatial)], axis=-1)
    base = wrap(places.reshape(math.prod(spatial), -1).astype(theta.array.dtype))
    y = ops.matmul(base, ops.transpose(theta, axes=(0, 2, 1)))
    return ops.reshape(y, shape=(n, *spatial, len(spatial)))


def _ends(length: int, align_corners: bool) -> Array:
    """Return the coordinates of the pixels of an axis; one alone stands in the middle."""
    if length == 1:
        return np.zeros(1)
    return np.linspace(-1, 1, length) * (1 if align_corners else (length - 1) / length)
