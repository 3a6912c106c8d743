"""Activations and gradients, layer by layer: figures 6-10 to 6-14 of the book, for any network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from tensorgrad.errors import ArgumentError

from .canvas import BLUE, INK, Figure, dress, grid, new_figure, settings, settled, words
from .collecting import activations, gradients
from .histograms import Panel, check_bins, common_limits, draw_histogram, edges_between
from .numbers import limits_of, numbers

_COLUMNS = 5
_WIDTH, _HEIGHT = 2.5, 2.45  # inches of one panel
_BOUNDS = {
    "Sigmoid": (0.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Hardtanh": (-1.0, 1.0),
    "Softsign": (-1.0, 1.0),
}
"""The bounds of activation functions, by class."""


def plot_activations(
    source: Any,
    *inputs: Any,
    layers: Collection[str] = (),
    bins: int = 30,
    limits: tuple[float, float] | None = None,
    bounds: tuple[float, float] | None = None,
    log: bool = False,
    title: str = "",
) -> Figure:
    """Return histograms of activations, one panel for each layer, all on the same axes.

    Above each stand the share of exact zeros and, of a bounded activation function, of saturated values: those within
    a hundredth of the distance of the bounds from either. What a histogram cannot show, values outside and those
    that are not finite, is counted there, too.

    Args:
        source: activations (arrays or tensors of any shape) by the name of the layer; mappings of such, one for each
            row of panels; or a module, which is called on `inputs` as it is, in training or evaluation mode, without
            gradients. Its running statistics and random generators are put back to where they were. Its layers are the
            modules without modules inside.
        inputs: the arguments of the module.
        layers: paths or classes of the layers to show, as ``["ReLU"]``; all if empty.
        bins: how many.
        limits: of the horizontal axis; by default the bounds if all layers have the same, else from the least to the
            greatest value.
        bounds: those of the activation function, as (0, 1) of the sigmoid; by default known from the layer's class.
        log: a logarithmic scale of the shares, which shows few values beside many.
        title: a heading.

    Raises:
        ArgumentError: nothing to draw, no layer that ran, or another argument that is not as said.
        MissingDependencyError: matplotlib is not installed.

    >>> plot_activations(model, images, layers=["ReLU"])  # doctest: +SKIP
    """
    check_bins(bins)
    known = None if bounds is None else limits_of("bounds", bounds)
    rows = _rows(source, inputs, layers, known)
    panels = [panel for row in rows.values() for panel in row]
    if not sum(panel.values.size for panel in panels):
        raise ArgumentError("plot_activations: there are no values: nothing to draw")
    ends = common_limits(panels) if limits is None else limits_of("limits", limits)
    edges = edges_between(ends, bins, zero=limits is None)
    one = len(rows) == 1
    height, width = grid(len(panels), _COLUMNS) if one else (len(rows), max(map(len, rows.values())))
    with settings("plot_activations"):
        figure = new_figure(max(_WIDTH * width, 3.5), _HEIGHT * height + 0.3, title)
        every = figure.subplots(height, width, sharex=True, sharey=True, squeeze=False)
        for axes in every.flat:
            dress(axes)
            _percent(axes, log)
        for i, (name, row) in enumerate(rows.items()):
            places = list(every.flat if one else every[i])
            for axes, panel in zip(places, row, strict=False):
                draw_histogram(axes, panel, edges)
            for axes in places[len(row) :]:
                axes.set_visible(False)
            every[i, 0].set_ylabel(words(name), color=INK, fontweight="bold")
        for axes in every.flat[len(panels) - width :] if one else ():  # below some of them there is no other
            axes.tick_params(labelbottom=True)
        every[0, 0].set_xlim(edges[0], edges[-1])
        figure.supxlabel("activation", color=INK, fontsize=10)
        figure.supylabel("share of the values", color=INK, fontsize=10)
        return settled(figure)


def _rows(
    source: Any, inputs: tuple[Any, ...], layers: Collection[str], bounds: tuple[float, float] | None
) -> dict[str, list[Panel]]:
    if not isinstance(source, Mapping):
        if not hasattr(source, "named_modules"):
            raise ArgumentError(f"plot_activations: expected a module or a mapping, found {type(source).__name__}")
        found = activations(source, inputs, [layers] if isinstance(layers, str) else layers)
        return {"": [Panel(n, numbers(n, x).ravel(), bounds or _BOUNDS.get(kind)) for n, kind, x in found]}
    if inputs or layers:
        raise ArgumentError("plot_activations of a mapping takes no inputs and no layers: it holds the activations")
    if not source:
        raise ArgumentError("plot_activations: the mapping is empty: nothing to draw")
    nested = {isinstance(value, Mapping) for value in source.values()}
    if len(nested) > 1:
        raise ArgumentError("plot_activations: expected activations, or mappings of them, one a row; found both")
    rows = source if nested == {True} else {"": source}
    return {
        str(row): [Panel(str(name), numbers(f"{name!r}", values).ravel(), bounds) for name, values in entries.items()]
        for row, entries in rows.items()
    }


def _percent(axes: Any, log: bool) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(_share))


def _share(value: float, _place: int) -> str:
    return f"{100 * value:.4g}%"


def plot_gradients(
    source: Any, *, bins: int = 30, limits: tuple[float, float] | None = None, title: str = ""
) -> Figure:
    """Return histograms of the gradients of the parameters, one panel for each, and a last one with their norms.

    The norms, on one logarithmic axis, compare the layers: gradients that vanish or explode show there. The histograms
    show the shapes, each on an axis of its own unless `limits` is given.

    Args:
        source: a module, whose parameters' ``.grad`` are drawn; or gradients by name, arrays or tensors, where a leaf
            that requires a gradient stands for its ``.grad``.
        bins: how many.
        limits: of all horizontal axes; by default those of each parameter reach as far to the left as to the right.
        title: a heading.

    Raises:
        AutogradError: nothing has a gradient yet.
        ArgumentError: there is no parameter, or another argument that is not as said.
        MissingDependencyError: matplotlib is not installed.

    >>> loss.backward()  # doctest: +SKIP
    >>> plot_gradients(model)  # doctest: +SKIP
    """
    check_bins(bins)
    panels = [Panel(str(n), numbers(f"{n!r}", [] if g is None else g).ravel()) for n, g in gradients(source).items()]
    wanted = None if limits is None else limits_of("limits", limits)
    rows, columns = grid(len(panels), _COLUMNS)
    with settings("plot_gradients"):
        figure = new_figure(max(_WIDTH * columns, 6.0), _HEIGHT * rows + 0.32 * len(panels) + 1.3, title)
        parts: Any = figure.subfigures(2, 1, height_ratios=[_HEIGHT * rows + 0.3, 0.32 * len(panels) + 1.0])
        above, below = parts
        for i, panel in enumerate(panels):
            axes = above.add_subplot(rows, columns, i + 1)
            dress(axes)
            _percent(axes, log=False)
            axes.ticklabel_format(axis="x", scilimits=(-2, 3))
            end = max(map(abs, common_limits([panel])))
            edges = edges_between(wanted or (-end, end), bins, zero=False)
            draw_histogram(axes, panel, edges)
            axes.set_xlim(edges[0], edges[-1])
        above.supxlabel("gradient", color=INK, fontsize=10)
        above.supylabel("share of the values", color=INK, fontsize=10)
        _norms(below.subplots(), panels)
        return settled(figure)


def _norms(axes: Any, panels: list[Panel]) -> None:
    """Draw the root of the sum of squares of each gradient as a point with its number beside it."""
    norms = np.array([float(np.linalg.norm(panel.values)) if panel.values.size else np.nan for panel in panels])
    dress(axes, "norm of the gradient")
    positive = norms[np.isfinite(norms) & (norms > 0)]
    low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
    places = np.arange(len(panels))
    axes.set_xscale("log")
    axes.plot(norms, places, linestyle="none", marker="o", markersize=7, color=BLUE)
    axes.set_xlim(low / 3, high * 4)
    for place, panel, norm in zip(places, panels, norms, strict=True):
        at = norm if np.isfinite(norm) and norm > 0 else low / 3
        text = f"{norm:.2e}" if panel.values.size else "no gradient"
        axes.text(at, place, f"   {text}", va="center", color=INK, fontsize=9)
    axes.set_yticks(places, [words(panel.name, 32) for panel in panels])
    axes.set_ylim(len(panels) - 0.5, -0.5)
