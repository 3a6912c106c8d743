"""Paths of optimisers over the contours of a function of two variables: figures 6-3 to 6-8 of the book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import wrap
from tensorgrad.errors import ArgumentError, ShapeError

from .canvas import COLOURS, INK, MARKERS, Figure, dress, grid, legend, new_figure, settings, settled, words
from .linestyles import legend_mark
from .numbers import at_least_one, limits_of, numbers

Surface = Callable[[Any, Any], Any]
_COLUMNS = 2
_POINTS = 201  # of the grid, each way
_DASHES = ("-", "--", "-.", ":")


def plot_paths(
    function: Surface,
    paths: Mapping[str, Any],
    *,
    minimum: tuple[float, float] | None = None,
    limits: tuple[tuple[float, float], tuple[float, float]] | None = None,
    levels: int = 12,
    panels: bool = True,
    title: str = "",
) -> Figure:
    """Return the paths of optimisers on the contours of ``function(x, y)``, with the value each ends at.

    Args:
        function: called with two float64 tensors of one shape, the coordinates of all points of a grid at once, and
            gives a tensor or array of that shape: ``lambda x, y: x**2 / 20 + y**2``. It must work element by element.
        paths: the points of each path, (steps + 1, 2), by the name of the optimiser. Points that are not finite are
            left out, and the first of them is named.
        minimum: where the least value is known to be; by default the lowest point of the grid is marked.
        limits: of x and of y; by default what the paths and the minimum need.
        levels: how many contours; they lie closer together near the minimum.
        panels: one panel for each path; else all of them on the same axes.
        title: a heading.

    Raises:
        ArgumentError: there is no path, none has a finite point, or `levels` is below 1.
        ShapeError: a path is not (steps + 1, 2), or `function` gives another shape than it was given.
        MissingDependencyError: matplotlib is not installed.

    >>> plot_paths(lambda x, y: x**2 / 20 + y**2, {"SGD": [(-7.0, 2.0), (-6.3, -1.8)]})  # doctest: +SKIP
    """
    if not paths:
        raise ArgumentError("plot_paths: found no path: give a mapping from names to points (steps + 1, 2)")
    points = {str(name): _points(name, path) for name, path in paths.items()}
    at_least_one("plot_paths", levels=levels)
    known = None if minimum is None else _points("minimum", [minimum])[0]
    (x0, x1), (y0, y1) = _limits(points, known) if limits is None else [limits_of("limits", ends) for ends in limits]
    x, y = np.meshgrid(np.linspace(x0, x1, _POINTS), np.linspace(y0, y1, _POINTS))
    z = _values(function, x, y)
    lowest = np.nanargmin(z)
    marked = (x.flat[lowest], y.flat[lowest]) if known is None else known
    told = {name: _told(name, path, function) for name, path in points.items()}
    with settings("plot_paths"):
        rows, columns = grid(len(points), _COLUMNS) if panels else (1, 1)
        figure = new_figure(4.8 * columns + 1.5 * (columns == 1), 3.2 * rows + 0.5, title)
        every = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        used = every[: len(points)] if panels else every
        for axes in used:
            _ground(axes, x, y, z, levels)
            axes.plot(*marked, marker="*", markersize=14, color=INK, markeredgecolor="white", zorder=5)
        for axes in every[len(used) :]:
            axes.set_visible(False)
        drawn = []
        for i, (name, path) in enumerate(points.items()):
            axes = used[i if panels else 0]
            drawn.append(_draw(axes, path, i, told[name]))
            axes.set_title(told[name] if panels else "", color=INK)
        used[0].set(xlim=(x0, x1), ylim=(y0, y1))  # which all share
        star = legend_mark("*", "lowest point of the grid" if minimum is None else "minimum")
        legend(figure, [*([] if panels else drawn), legend_mark("o", "start", hollow=True), star])
        return settled(figure)


def _points(name: str, path: Any) -> Array:
    found = numbers(f"plot_paths: {name!r}", path)
    if found.ndim != 2 or found.shape[1] != 2 or not len(found):
        raise ShapeError(f"plot_paths: {name!r} has shape {found.shape}, expected (steps + 1, 2): a row is (x, y)")
    if not np.isfinite(found).all(1).any():
        raise ArgumentError(f"plot_paths: no point of {name!r} is finite: nothing to draw")
    return found


def _limits(points: Mapping[str, Array], minimum: Array | None) -> list[tuple[float, float]]:
    rows = [path[np.isfinite(path).all(1)] for path in points.values()]
    every = np.concatenate([*rows, *([] if minimum is None else [minimum.reshape(1, 2)])])
    low, high = every.min(0), every.max(0)
    room = np.where(high > low, 0.15 * (high - low), 1.0)
    return [(float(a), float(b)) for a, b in zip(low - room, high + room, strict=True)]


def _values(function: Surface, x: Array, y: Array) -> Array:
    """Return the values of `function` at the points (x, y); infinities are NaN."""
    try:
        with no_grad():
            given = function(wrap(x), wrap(y))
    except TypeError as error:
        raise ArgumentError(
            f"plot_paths: the function cannot be called with two tensors: {error}; write it with operators and "
            f"tensorgrad's functions"
        ) from error
    found = numbers("plot_paths: the function", given)
    if found.shape != x.shape:
        raise ShapeError(
            f"plot_paths: the function was given two tensors of shape {x.shape} and returned {found.shape}: it must "
            f"work element by element"
        )
    if not np.isfinite(found).any():
        raise ArgumentError("plot_paths: the function is finite nowhere on the grid: give other limits")
    return np.where(np.isfinite(found), found, np.nan)


def _told(name: str, path: Array, function: Surface) -> str:
    finite = np.isfinite(path).all(1)
    last = path[finite][-1:]
    value = _values(function, last[:, 0], last[:, 1]).item()
    steps = len(path) - 1
    end = f"f = {value:.3g} after {steps} step{'s' * (steps != 1)}"
    return f"{words(name)}: {end if finite.all() else f'not finite from step {int(np.argmin(finite))} on'}"


def _ground(axes: Any, x: Array, y: Array, z: Array, levels: int) -> None:
    """Draw contours at values that grow with the square: of a bowl they are evenly spaced."""
    dress(axes, "x", "y")
    axes.grid(visible=False)
    low, high = float(np.nanmin(z)), float(np.nanmax(z))
    if low == high:  # a plain has no contours
        return
    heights = low + (high - low) * (np.arange(1, levels + 1) / (levels + 1)) ** 2
    drawn = axes.contour(x, y, np.ma.masked_invalid(z), levels=heights, colors=INK, linewidths=0.8, alpha=0.4)
    axes.clabel(drawn, drawn.levels[1::3], fontsize=7, fmt="%.2g")


def _draw(axes: Any, path: Array, place: int, label: str) -> Any:
    (line,) = axes.plot(
        *np.where(np.isfinite(path).all(1, keepdims=True), path, np.nan).T,
        color=COLOURS[place % len(COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        linestyle=_DASHES[place % len(_DASHES)],
        markersize=4,
        linewidth=1.5,
        label=label,
    )
    axes.plot(*path[0], marker="o", markersize=9, markerfacecolor="none", color=line.get_color())
    return line
