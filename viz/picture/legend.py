"""What is too long for an arrow: it stands below the picture, and on the arrow its name, or a number."""

from __future__ import annotations

import itertools
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

    `written` says how a name is written in `texts`. What several arrows tell has one line; a text that leaves something
    out may look like another's, and is one thing only where it is the same value.
    """
    legend: Legend = {}
    known: dict[tuple[str, str], str] = {}
    taken = {word for pair in texts for text in pair for word in text.split(" ")}
    numbers = (f"({n})" for n in itertools.count(1) if f"({n})" not in taken)

    def short(name: str, text: str, red: bool, of: str) -> str:
        if len(text) <= long:
            return text
        key = text, of if "…" in text else ""
        if key not in known:
            defined = len(name) <= long and text.startswith(f"{name} ") and name not in legend and " " not in name
            known[key] = name if defined else next(numbers)
            legend[known[key]] = (text if defined else f"{known[key]} {text}", red)
        return known[key]

    shown = [
        (
            short(written(edge.forward), value, False, f"value of {edge.tail}"),
            short(written(edge.backward or ""), gradient, True, f"gradient of {edge.id}"),
        )
        for edge, (value, gradient) in zip(edges, texts, strict=True)
    ]
    return shown, legend
