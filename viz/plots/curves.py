"""Training curves: loss, accuracy and whatever else is measured after each epoch or step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError

from .canvas import INK, Figure, dress, grid, legend, new_figure, settings, settled, words
from .linestyles import LineStyle, legend_mark, line_styles
from .numbers import limits_of
from .series import Line, panels, quantity, share
from .smoothing import smoothed

_COLUMNS = 3
_BAD, _LOW = ("x", "NaN or infinite"), ("v", "0 or less")
_MEASURED = "as measured"


def plot_curves(
    series: Mapping[str, Any],
    *,
    smoothing: float | str = 0.0,
    log: bool | Collection[str] = False,
    x: Sequence[float] | None = None,
    limits: tuple[float, float] | None = None,
    unit: str = "epoch",
    title: str = "",
) -> Figure:
    """Return training curves as a matplotlib figure, one panel for each metric.

    Args:
        series: the values after each epoch or step, by the name of the line: sequences, arrays or tensors of shape
            (n,), of any lengths. Names with one metric share a panel: ``train_loss`` and ``test_loss``. A mapping of
            such mappings names the panels itself: ``{"loss": {"train": [...], "test": [...]}}``. Panels that compare
            one metric, ``{"plain": {"test_loss": [...]}, "decay": {"test_loss": [...]}}``, share its scale. What was
            measured on training data is solid, on held out data dashed, the same thing in one colour. None is not
            measured, and the line passes over it; NaN and infinities are gaps, marked at the upper edge.
        smoothing: 0 for none; "kaiser" for the book's (a Kaiser window of 11 values, beta 2, edges mirrored);
            "exponential", or its weight of the past from 0 to below 1, for TensorBoard's. The values as measured stand
            pale behind.
        log: a logarithmic scale, for all panels or for those named; values of 0 and less are marked at the lower edge.
        x: where the values stand on the axis; 1, 2, ... by default.
        limits: of the scale of every panel, such as (0, 1), that it has in another figure, too.
        unit: what is counted there, as "epoch" or "step".
        title: a heading.

    Raises:
        ArgumentError: there is no line, `smoothing` or a panel in `log` is not known, or `limits` are no two numbers,
            the lower first, and above 0 where the scale is logarithmic.
        ShapeError: a line is not one row of numbers, or longer than `x`.
        DTypeError: what is no real number.
        MissingDependencyError: matplotlib is not installed.

    >>> history = {"train_loss": [0.9, 0.4], "test_loss": [1.0, 0.6], "test_accuracy": [0.7, 0.8]}
    >>> plot_curves(history, log=["loss"]).savefig("training.png")  # doctest: +SKIP
    """
    found = panels(series, x)
    logarithmic = _logarithmic(list(found), log)
    ends = None if limits is None else limits_of("plot_curves: limits", limits)
    if ends is not None and logarithmic and ends[0] <= 0:
        raise ArgumentError(f"plot_curves: limits={limits!r}: a logarithmic scale starts above 0")
    smoothed(np.zeros(1), smoothing)  # a wrong argument is told before anything is drawn
    styles = line_styles(found)
    with settings("plot_curves"):
        rows, columns = grid(len(found), _COLUMNS)
        figure = new_figure(min(max(4.5 * columns, 6.0), 12.0), 3.1 * rows + 0.4, title)
        entries: dict[Any, Any] = {}  # of the legend, each look once
        scales: dict[Any, Any] = {}
        for place, (name, lines) in enumerate(found.items()):
            compared = quantity(name, lines)
            scale = (compared or place, name in logarithmic, _share(compared or name, lines))
            axes = figure.add_subplot(rows, columns, place + 1, sharey=scales.get(scale))
            scales.setdefault(scale, axes)
            dress(axes, words(unit), words(compared or name), words(name) if compared else "")
            _scale(axes, compared or name, lines, name in logarithmic)
            if ends is not None:
                axes.set_ylim(ends)
            for i, line in enumerate(lines):
                entries |= _draw(axes, line, styles[name, i], smoothing)
        marks = [entries.pop(kind) for kind in (_MEASURED, _BAD, _LOW) if kind in entries]
        named = all(line.label == name for name, lines in found.items() for line in lines)  # by the axes already
        legend(figure, [*(() if named else entries.values()), *marks])
        return settled(figure)


def _logarithmic(names: list[str], log: bool | Collection[str]) -> set[str]:
    if isinstance(log, bool):
        return set(names) if log else set()
    wanted = {log} if isinstance(log, str) else set(log)
    if not wanted <= set(names):
        raise ArgumentError(f"plot_curves: log={sorted(wanted)}: the panels are {', '.join(map(repr, names))}")
    return wanted


def _share(name: str, lines: Sequence[Line]) -> bool:
    return share(name, np.concatenate([line.y for line in lines])) if lines else False


def _scale(axes: Any, name: str, lines: Sequence[Line], logarithmic: bool) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter, StrMethodFormatter

    values = np.concatenate([line.y for line in lines]) if lines else np.zeros(0)
    whole = all(np.all(line.x == np.floor(line.x)) for line in lines)
    axes.xaxis.set_major_locator(MaxNLocator(integer=whole, steps=[1, 2, 5, 10]))
    positive = values[np.isfinite(values) & (values > 0)]
    if logarithmic and positive.size:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        span = positive.max() / positive.min()
        if span < 300:  # powers of ten alone would leave the axis with hardly a number
            axes.yaxis.set_major_locator(LogLocator(subs=range(1, 10) if span < 5 else (1, 2, 5)))
    elif _share(name, lines):
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    if not values.size:
        axes.text(0.5, 0.5, "no value yet", ha="center", transform=axes.transAxes, color=INK)


def _draw(axes: Any, line: Line, style: LineStyle, smoothing: float | str) -> dict[Any, Any]:
    """Draw one line, and return what the legend should tell of it."""
    from matplotlib.lines import Line2D

    if not line.y.size:
        return {}
    entries: dict[Any, Any] = {}
    low = np.isfinite(line.y) & (line.y <= 0) & (axes.get_yscale() == "log")
    bad = ~np.isfinite(line.y)
    values = np.where(bad | low, np.nan, line.y)
    label = words(line.label)
    options = {**style.options(len(values)), "linewidth": 1.8, "label": label}
    if smoothing:
        axes.plot(line.x, values, color=style.colour, linestyle=style.dashes, linewidth=1.0, alpha=0.3, zorder=1.5)
        entries[_MEASURED] = Line2D([], [], color=INK, alpha=0.3, linewidth=1.0, label=f"pale: {_MEASURED}")
    (drawn,) = axes.plot(line.x, smoothed(values, smoothing) if smoothing else values, **options)
    alone = _alone(values)
    axes.plot(line.x[alone], values[alone], color=style.colour, marker=style.marker or "o", linestyle="none")
    for places, edge, kind in ((bad, 1.0, _BAD), (low, 0.0, _LOW)):
        if places.any():
            _mark(axes, line.x[places], edge, kind[0], style.colour)
            entries[kind] = legend_mark(*kind)
    return {(label, style): drawn, **entries}


def _alone(values: Array) -> Array:
    """Return where a finite value has no finite neighbour, so that no line shows it."""
    finite = np.pad(np.isfinite(values), 1)
    alone: Array = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    return alone


def _mark(axes: Any, x: Array, edge: float, marker: str, colour: str) -> None:
    """Put markers on the upper (1) or lower (0) edge of `axes`, where no value says how high."""
    axes.plot(
        x,
        np.full(len(x), edge),
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        linestyle="none",
        marker=marker,
        color=colour,
        markersize=8,
        markeredgewidth=2,
    )
