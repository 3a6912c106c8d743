"""What is too long for an arrow: it stands below the picture, and on the arrow its name, or a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .edgetexts import Texts
from .model import EdgeRecord
from .text import LONGEST

_FORMULA, _NARROW = 36, 20  # letters: the longest formula that stands on an arrow; where the picture has to fit a page

Legend = dict[str, tuple[str, bool]]
"""From what stands on an arrow to what stands below the picture, and whether that is red."""


def longest(labels: str, narrow: bool) -> int:
    """Return how many letters may stand on an arrow in the mode `labels`."""
    return (_NARROW if narrow else _FORMULA) if labels == "formulas" else LONGEST


def shortened(
    edges: Sequence[EdgeRecord], texts: Sequence[Texts], written: Callable[[str], str], long: int
) -> tuple[list[Texts], Legend]:
    """Return what stands on the arrows, and the legend of what has more than `long` letters.

    `written` says how a name is written in `texts`. What several arrows tell has one line.
    """
    legend: Legend = {}
    known: dict[str, str] = {}

    def short(name: str, text: str, red: bool) -> str:
        if len(text) <= long:
            return text
        if text not in known:
            defined = len(name) <= long and text.startswith(f"{name} ") and name not in legend
            known[text] = name if defined else f"({sum(key[0] == '(' for key in legend) + 1})"
            legend[known[text]] = (text if defined else f"{known[text]} {text}", red)
        return known[text]

    shown = [
        (short(written(edge.forward), value, False), short(written(edge.backward or ""), gradient, True))
        for edge, (value, gradient) in zip(edges, texts, strict=True)
    ]
    return shown, legend
