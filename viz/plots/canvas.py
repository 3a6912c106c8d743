"""What all plots share: a figure without pyplot, colours and dashes, readable axes, and the way into a file.

A figure made here needs no display and no pyplot, which keeps every figure of a process in a list. The settings that
matplotlib reads from its one global table are put in place for as long as a figure is built or written, under a lock.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorgrad.errors import ArgumentError, needing
from tensorgrad.files.atomic import write_whole
from tensorgrad.viz.picture.text import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure  # noqa: PLC0414 - which other files take from here
else:
    Figure = "matplotlib.figure.Figure"  # for annotations alone: matplotlib need not be installed

INK = "#222222"  # text and axes; currentColor in `figure_svg`
BLUE, VERMILLION = "#0072b2", "#d55e00"
COLOURS = (BLUE, VERMILLION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK)
"""Okabe and Ito 2008, which the colour-blind can tell apart; their yellow is too pale for lines on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One more than colours, so that seven times eight lines differ."""

_SETTINGS = {
    "svg.hashsalt": "tensorgrad",  # the ids in the file are the same in every run
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "legend.fontsize": 10.0,
}
_DPI = 150  # of what is made of pixels
_ONE_AT_A_TIME = threading.RLock()
_STYLE = """<style>.tg-plot{color:#222}
@media (prefers-color-scheme:dark){.tg-plot{color:#ddd;background:#16181d}
.tg-plot [style*="stroke: #0072b2"]{stroke:#4aa8e8!important}.tg-plot [style*="fill: #0072b2"]{fill:#4aa8e8!important}
.tg-plot [style*="stroke: #d55e00"]{stroke:#ff8f4f!important}.tg-plot [style*="fill: #d55e00"]{fill:#ff8f4f!important}}
@media print{.tg-plot{color:#000;background:none}}</style>"""


@contextmanager
def settings(what: str) -> Iterator[None]:
    """Put matplotlib's default style and the settings of this file in place.

    Raises:
        MissingDependencyError: matplotlib, which `what` needs, is not installed.
    """
    with needing(what, "matplotlib"):
        from matplotlib import style
    with _ONE_AT_A_TIME, style.context(["default", _SETTINGS]):
        yield


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """Return an empty figure, in inches, whose layout keeps texts apart; call it within `settings`, as `settled`."""
    from matplotlib import figure as figures

    figure = figures.Figure(figsize=(width, height), layout="constrained")
    # IPython knows how to show the figures of pyplot only; asked for this method, any object shows itself.
    vars(figure)["_repr_svg_"] = partial(figure_svg, figure)
    if title:
        figure.suptitle(words(title, 200), color=INK)
    return figure


def settled(figure: Figure) -> Figure:
    """Return `figure` laid out, once and for all.

    Matplotlib would do it at each drawing anew, from where the last one has left it, and never to the same bit.
    """
    with _any_script():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


@contextmanager
def _any_script() -> Iterator[None]:
    """Let pass letters that matplotlib's font lacks: an SVG keeps text as text, and its reader has other fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def grid(count: int, columns: int) -> tuple[int, int]:
    """Return rows and columns that hold `count` panels in rows of at most `columns`, as full as can be.

    >>> grid(3, 5), grid(6, 5), grid(11, 5)
    ((1, 3), (2, 3), (3, 4))
    """
    rows = -(-count // columns)
    return rows, -(-count // rows)


def words(text: str, longest: int = 40) -> str:
    """Return `text` as matplotlib shows it letter by letter: no formulas, no control characters."""
    shown = clean(str(text), longest).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown  # matplotlib leaves such names out of a legend


def dress(axes: Any, x: str = "", y: str = "", title: str = "") -> None:
    """Give `axes` labels, a title, two quiet spines and a pale grid."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.set_title(title, color=INK)
    axes.tick_params(which="both", colors=INK)
    axes.grid(visible=True, color=INK, alpha=0.15)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in {"left", "bottom"}, color=INK)


def legend(figure: Any, handles: list[Any]) -> None:
    """Put a legend of `handles` below the axes of `figure`, where it covers nothing, in as many columns as fit."""
    if handles:
        names = [handle.get_label() for handle in handles]
        width = 0.6 + 0.07 * max(map(len, names))  # inches of one column: a sample, and its name in ten points
        rows, columns = grid(len(handles), max(1, int(figure.get_figwidth() / width)))
        figure.set_figheight(figure.get_figheight() + 0.22 * (rows - 1))
        figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, labelcolor=INK)


def figure_svg(figure: Any, title: str = "") -> str:
    """Return a matplotlib figure as one self-contained SVG that follows the reader's dark colour scheme.

    The same figure gives the same bytes in every run on one machine with the same version of matplotlib. What is drawn
    in the colour of text, ``#222222``, takes on that of the page.

    Args:
        figure: any `matplotlib.figure.Figure`, as the functions ``plot_*`` return it.
        title: what screen readers read; the figure's own heading if not given.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    text = io.StringIO()
    with settings("the SVG of a figure"), _any_script():
        figure.savefig(text, format="svg", transparent=True, dpi=_DPI, metadata={"Date": None})
        title = title or figure.get_suptitle()
    return _themed(text.getvalue(), clean(title, 200).replace(r"\$", "$") or "Plot")


def _themed(svg: str, title: str) -> str:
    """Return matplotlib's SVG with the reader's text colour, a title for screen readers and room to shrink."""
    attributes, _, body = svg[svg.index("<svg") + 4 :].partition(">")
    opening = f'<svg class="tg-plot" role="img" style="max-width:100%;height:auto"{attributes}>'
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # text of XML holds no ]]>
    return f"{opening}<title>{escaped}</title>{_STYLE}{body.replace(INK, 'currentColor')}"


_KINDS = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}


def save_figure(figure: Any, path: str | Path, *, dpi: int = _DPI) -> Path:
    """Write a matplotlib figure to `path`, whole or not at all, and return the path; same figure, same bytes.

    Args:
        figure: any `matplotlib.figure.Figure`.
        path: its suffix decides: .svg (as `figure_svg` makes it), .png or .pdf.
        dpi: pixels per inch of a PNG, and of the images inside a PDF.

    Raises:
        ArgumentError: another suffix.
        MissingDependencyError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind == ".svg":
        return write_whole(target, figure_svg(figure))
    if kind not in _KINDS:
        raise ArgumentError(f"cannot save {target.name!r}: the name must end in .svg, .png or .pdf")
    content = io.BytesIO()
    with settings("saving a figure"):
        figure.savefig(content, format=kind[1:], dpi=dpi, metadata=_KINDS[kind])
    return write_whole(target, content.getvalue())
