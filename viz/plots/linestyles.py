"""How the lines of training curves look: one colour and marker for a thing, dashes for the data it was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .canvas import COLOURS, INK, MARKERS
from .series import HELD_OUT, Line

_DASHES = {"val": "-.", "valid": "-.", "validation": "-.", "dev": "-."}  # apart from "test", where there are both
_MARKED = 8  # markers along one line


@dataclass(frozen=True)
class LineStyle:
    """Colour and marker of a thing, dashes of a split; None where one thing needs no marker."""

    colour: str
    marker: str | None
    dashes: str

    def options(self, count: int) -> dict[str, Any]:
        """Return the arguments of `Axes.plot` for a line of `count` points."""
        return {
            "color": self.colour,
            "linestyle": self.dashes,
            "marker": self.marker,
            "markevery": max(1, count // _MARKED),
        }


def line_styles(found: Mapping[str, Sequence[Line]]) -> dict[tuple[str, int], LineStyle]:
    """Return a style for every line, by panel and place in it; no two of a panel look the same.

    A thing looks the same in all panels: seven colours and eight markers make 56 of them.
    """
    things = list(dict.fromkeys(line.thing for lines in found.values() for line in lines))
    chosen: dict[tuple[str, int], tuple[int, str]] = {}
    spare = len(things)
    for panel, lines in found.items():
        used: set[tuple[int, str]] = set()
        for place, line in enumerate(lines):
            look = things.index(line.thing), _DASHES.get(line.split, "--" if line.split in HELD_OUT else "-")
            if look in used:
                look, spare = (spare, look[1]), spare + 1
            used.add(look)
            chosen[panel, place] = look
    several = len({index for index, _ in chosen.values()}) > 1
    return {
        key: LineStyle(COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)] if several else None, dashes)
        for key, (index, dashes) in chosen.items()
    }


def legend_mark(marker: str, label: str, *, hollow: bool = False) -> Any:
    """Return an entry of a legend: `marker` alone, in the colour of text."""
    from matplotlib.lines import Line2D

    fill = "none" if hollow else INK
    return Line2D([], [], color=INK, marker=marker, markersize=9, markerfacecolor=fill, linestyle="none", label=label)
