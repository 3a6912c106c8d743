"""Training curves, drawn by matplotlib: loss on the left, accuracy on the right."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorgrad.errors import MissingDependencyError

from .files import write_whole

# The colours of Okabe and Ito 2008, which the colour-blind can tell apart, and dashes as well.
LINES = (("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."), ("#8a5fbf", ":"))
_INK = "#123456"  # stands for the colour of text and axes in matplotlib's output, and is replaced there
_STYLE = """<style>.tg-curves{color:#222}
@media (prefers-color-scheme:dark){.tg-curves{color:#ddd;background:#16181d}
.tg-curves [style*="stroke: #0072b2"]{stroke:#56b4e9!important}
.tg-curves [style*="stroke: #d55e00"]{stroke:#ff9d5c!important}}
@media print{.tg-curves{color:#000;background:none}}</style>"""


@dataclass(frozen=True)
class Curves:
    """Training curves as a self-contained SVG that follows a dark colour scheme; same numbers, same bytes."""

    svg: str

    def save(self, path: str | Path) -> Path:
        """Write the SVG to `path`, whole or not at all, and return the path."""
        return write_whole(Path(path), self.svg)

    def _repr_svg_(self) -> str:
        return self.svg


def training_curves(
    loss: Mapping[str, Sequence[float]], accuracy: Mapping[str, Sequence[float]], *, title: str = ""
) -> Curves:
    """Return curves over the epochs 1, 2, ...: losses on a logarithmic axis, accuracies beside them in per cent.

    Args:
        loss: one value after each epoch, in nats, by the name of the line; may be empty.
        accuracy: one value from 0 to 1 after each epoch, by the name of the line; may be empty.
        title: a heading for both.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator, PercentFormatter
    except ImportError as error:
        raise MissingDependencyError.of("the training curves", "matplotlib", "plot") from error
    # A Figure without pyplot needs no display. The salt makes the ids in the file the same in every run.
    with mpl.rc_context({"svg.hashsalt": "tensorgrad", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for axes, series, label in ((left, loss, "loss"), (right, accuracy, "accuracy")):
            _plot(axes, series, label)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if any(value > 0 for values in loss.values() for value in values):
            left.set_yscale("log")
        right.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
        if title:
            figure.suptitle(title, color=_INK)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return Curves(_themed(text.getvalue(), title or "Training curves"))


def _plot(axes: Any, series: Mapping[str, Sequence[float]], label: str) -> None:
    for (name, values), (colour, dashes) in zip(series.items(), LINES, strict=False):
        axes.plot(range(1, len(values) + 1), values, dashes, color=colour, linewidth=1.8, label=name)
        if len(values) == 1:  # one point has no line
            axes.plot([1], values, "o", color=colour)
    axes.set_xlabel("epoch", color=_INK)
    axes.set_ylabel(label, color=_INK)
    axes.tick_params(which="both", colors=_INK)
    axes.grid(visible=True, color=_INK, alpha=0.15)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(_INK)
    if any(series.values()):
        axes.legend(frameon=False, labelcolor=_INK)
    else:
        axes.text(0.5, 0.5, "no epoch was completed", ha="center", transform=axes.transAxes, color=_INK)


def _themed(svg: str, title: str) -> str:
    """Return matplotlib's SVG with the reader's text colour, a title for screen readers and room to shrink."""
    start = svg.index("<svg")
    end = svg.index(">", start)
    opening = svg[start:end].replace("<svg", '<svg class="tg-curves" role="img" style="max-width:100%;height:auto"', 1)
    body = svg[end:].replace(_INK, "currentColor")
    words = title.replace("&", "&amp;").replace("<", "&lt;")
    return f"{opening}><title>{words}</title>{_STYLE}{body[1:]}"
