"""Histograms side by side: the same bins, and the numbers that a histogram hides in words above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError

from .canvas import BLUE, INK, words

_SATURATED = 0.01
"""How near to a bound a value is saturated, as a part of the distance of the bounds."""


@dataclass(frozen=True)
class Panel:
    """The values of one layer, and the bounds of its activation function if it has any."""

    name: str
    values: Array
    bounds: tuple[float, float] | None = None

    def inside(self, limits: tuple[float, float]) -> Array:
        """Return the values within `limits`; NaN and infinities are outside."""
        return self.values[(self.values >= limits[0]) & (self.values <= limits[1])]

    def told(self, limits: tuple[float, float]) -> str:
        """Return the shares of zeros, of saturated values, and of all that the histogram cannot show; mean and std."""
        n = self.values.size
        finite = self.values[np.isfinite(self.values)]
        told = [f"{_percent(int((self.values == 0).sum()), n)} zero"]
        if self.bounds is not None:
            low, high = self.bounds
            near = _SATURATED * (high - low)
            count = int(((self.values <= low + near) | (self.values >= high - near)).sum())
            told.append(f"{_percent(count, n)} saturated")
        lost = {"outside": finite.size - self.inside(limits).size, "not finite": n - finite.size}
        told += [f"{_percent(count, n)} {what}" for what, count in lost.items() if count]
        moments = f"\nmean {finite.mean():.2g}, std {finite.std():.2g}" if finite.size else ""
        return ", ".join(told) + moments


def _percent(count: int, n: int) -> str:
    """Return a share that is 0% or 100% only if it is exactly that.

    >>> _percent(0, 9), _percent(1, 9), _percent(1, 9999), _percent(9998, 9999)
    ('0%', '11.1%', '<0.1%', '>99.9%')
    """
    if count in {0, n}:
        return "100%" if count else "0%"
    part = count / n
    return "<0.1%" if part < 0.001 else ">99.9%" if part > 0.999 else f"{part:.1%}"


def common_limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """Return the bounds that all panels share, or else the least and the greatest finite value."""
    bounds = {panel.bounds for panel in panels}
    shared = bounds.pop() if len(bounds) == 1 else None
    if shared is not None:
        return shared
    finite = np.concatenate([panel.values[np.isfinite(panel.values)] for panel in panels])
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    room = abs(low) / 2 or 0.5  # all values are one: it stands in the middle
    return low - room, high + room


def check_bins(bins: Any) -> None:
    """Raise ArgumentError unless `bins` is a positive integer."""
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ArgumentError(f"bins={bins!r}: expected the number of bins, at least 1")


def edges_between(limits: tuple[float, float], bins: int, *, zero: bool) -> Array:
    """Return the `bins` + 1 edges of bins of one width.

    With `zero`, one edge is 0 if it lies within: the bins then reach beyond the limits a little, and what is rectified
    stands to the right of 0 alone.

    >>> edges_between((-1.0, 3.0), 3, zero=True), edges_between((0.0, 1.0), 2, zero=True)
    (array([-2.,  0.,  2.,  4.]), array([0. , 0.5, 1. ]))
    """
    low, high = limits
    if not zero or not low < 0 < high or bins == 1:
        return np.linspace(low, high, bins + 1)
    width = (high - low) / (bins - 1)
    before = int(np.ceil(-low / width))
    edges: Array = width * np.arange(-before, bins - before + 1)
    return edges


def draw_histogram(axes: Any, panel: Panel, edges: Array) -> None:
    """Draw what share of all values of `panel` falls into each bin, the last one closed, and the shares in words."""
    heading = f"{words(panel.name, 32)}\n"
    if not panel.values.size:
        axes.set_title(f"{heading}no values", color=INK, fontsize=9)
        return
    limits = float(edges[0]), float(edges[-1])
    counts, _ = np.histogram(panel.inside(limits), edges)
    axes.stairs(counts / panel.values.size, edges, fill=True, color=BLUE)
    axes.set_title(f"{heading}{panel.told(limits)}", color=INK, fontsize=9)
