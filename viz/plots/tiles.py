"""The weights of a first layer as images."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ShapeError

from .canvas import INK, Figure, new_figure, settings, settled
from .numbers import at_least_one, some_finite

_COLUMNS = 10


def plot_images(
    weights: Any,
    *,
    shape: tuple[int, int] | None = None,
    limit: int = 60,
    columns: int | None = None,
    title: str = "",
) -> Figure:
    """Return weights as images in a grid: red above zero, blue below, white at zero, on one scale.

    Args:
        weights: an array or tensor (out, in), a row for each image, as ``fc1.weight``; or (out, channels, height,
            width), as ``conv1.weight``, where each channel is an image.
        shape: height and width of a row of `in` numbers; by default a square.
        limit: the most images; the heading says how many are left out.
        columns: images in a row; by default ten, or the channels of a convolution.
        title: a heading.

    Raises:
        ShapeError: `weights` is of neither shape, or `shape` does not hold `in` numbers.
        ArgumentError: no finite number, or `limit` or `columns` below 1.
        MissingDependencyError: matplotlib is not installed.

    >>> plot_images(model.fc1.weight, shape=(28, 28))  # doctest: +SKIP
    """
    at_least_one("plot_images", limit=limit, columns=columns)
    every, channels = _images(some_finite("plot_images", weights), shape)
    shown = every[:limit]
    per_row = columns or (channels if 1 < channels <= _COLUMNS else _COLUMNS)
    tiles = _Tiles(shown, min(per_row, len(shown)))
    told = [f"{len(every) - len(shown):,} of {len(every):,} images are left out"] if len(shown) < len(every) else []
    bad = int((~np.isfinite(shown)).sum())
    told += [f"× marks {bad:,} value{'s' * (bad != 1)} not finite"] if bad else []
    with settings("plot_images"):
        height, width = tiles.mosaic().shape
        scale = min(8.0 / width, 9.0 / height, 0.9 / min(tiles.step))  # inches of a weight
        heading = "\n".join(filter(None, [title, "; ".join(told)]))
        figure = new_figure(max(width * scale + 1.4, 3.2), max(height * scale + 0.8, 2.0), heading)
        figure.set_layout_engine("compressed")  # pixels are square: what they leave free goes to the edges
        _draw(figure, tiles, channels)
        return settled(figure)


def _images(weights: Array, shape: Sequence[int] | None) -> tuple[Array, int]:
    """Return all images (n, height, width), and how many of them belong to one output."""
    if weights.ndim == 4:
        if shape is not None and tuple(shape) != weights.shape[2:]:
            raise ShapeError(f"plot_images: shape={shape} does not fit weights {weights.shape}: leave it out")
        return weights.reshape(-1, *weights.shape[2:]), weights.shape[1]
    if weights.ndim != 2:
        raise ShapeError(
            f"plot_images: found weights of shape {weights.shape}, expected (out, in) or (out, channels, height, width)"
        )
    pixels = weights.shape[1]
    if shape is None:
        side = isqrt(pixels)
        if side * side != pixels:
            raise ShapeError(f"plot_images: rows of {pixels} numbers are no squares: give shape=(height, width)")
        shape = side, side
    if len(shape) != 2 or min(shape) < 1 or shape[0] * shape[1] != pixels:
        raise ShapeError(f"plot_images: shape={shape} does not hold rows of {pixels} numbers")
    return weights.reshape(-1, *shape), 1


class _Tiles:
    """Images side by side, `columns` in a row, with a gap between."""

    def __init__(self, images: Array, columns: int) -> None:
        self.images = images
        self.columns = columns
        self.rows = -(-len(images) // columns)
        self.gap = max(1, min(images.shape[1:]) // 10)
        self.step = images.shape[1] + self.gap, images.shape[2] + self.gap  # from one image to the next

    def mosaic(self) -> Array:
        """Return one array of all images; NaN between them, and where a weight is not finite."""
        n, height, width = self.images.shape
        tiles = np.full((self.rows * self.columns, *self.step), np.nan)
        tiles[:n, :height, :width] = np.where(np.isfinite(self.images), self.images, np.nan)
        whole = tiles.reshape(self.rows, self.columns, *self.step).swapaxes(1, 2)
        return whole.reshape(self.rows * self.step[0], -1)[: -self.gap, : -self.gap]

    def bad(self) -> tuple[Array, Array]:
        """Return the rows and columns in the mosaic of weights that are not finite."""
        i, y, x = np.nonzero(~np.isfinite(self.images))
        return (i // self.columns) * self.step[0] + y, (i % self.columns) * self.step[1] + x


def _draw(figure: Any, tiles: _Tiles, channels: int) -> None:
    mosaic = tiles.mosaic()
    end = float(np.abs(mosaic[np.isfinite(mosaic)]).max(initial=0.0)) or 1.0
    axes = figure.subplots()
    drawn = axes.imshow(np.ma.masked_invalid(mosaic), cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest")
    down, right = tiles.bad()
    if len(down):
        axes.plot(right, down, linestyle="none", marker="x", color=INK)
    by_channel = tiles.columns == channels > 1
    first = range(tiles.rows) if by_channel else range(0, tiles.rows * tiles.columns, tiles.columns)
    across = [f"{column}" if by_channel else f"+{column}" for column in range(tiles.columns)]
    _, height, width = tiles.images.shape
    axes.set_yticks(np.arange(tiles.rows) * tiles.step[0] + (height - 1) / 2, [str(i) for i in first])
    axes.set_xticks(np.arange(tiles.columns) * tiles.step[1] + (width - 1) / 2, across)
    axes.set_ylabel("output", color=INK)
    axes.set_xlabel("channel" if by_channel else "", color=INK)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, aspect=25)
    bar.set_label("weight", color=INK)
    bar.ax.tick_params(colors=INK)
    bar.outline.set_visible(False)
