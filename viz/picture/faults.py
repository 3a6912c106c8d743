"""Numbers that are not finite: where the first one appears, in the order of computation, and who only passes it on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Fault:
    """A value or gradient that holds `count` numbers that are not finite: `kind` is "NaN" if one is, else "Inf".

    `first`: nothing before it holds one of this kind, so it is where the search begins.
    """

    kind: str
    count: int
    first: bool = False

    @property
    def mark(self) -> str:
        """What stands in the picture."""
        return f"first {self.kind} here" if self.first else self.kind

    @property
    def told(self) -> str:
        """What hovering tells."""
        return f"{self.mark}, {self.count:,} not finite"

    @property
    def classes(self) -> str:
        """The words that the style sheet knows."""
        return "bad origin" if self.first else "bad"


def faults(values: Iterable[tuple[_Key, Array | None]]) -> dict[_Key, Fault]:
    """Return what is wrong with which of `values`, which come in the order of computation; None is not known.

    The first that is not finite is marked, and so is the first NaN: an infinity is often meant, as in a mask.

    >>> faults([("a", np.ones(2)), ("b", np.array([np.inf, 1])), ("c", np.array([np.nan, np.inf]))])
    {'b': Fault(kind='Inf', count=1, first=True), 'c': Fault(kind='NaN', count=2, first=True)}
    """
    found: dict[_Key, Fault] = {}
    seen: set[str] = set()
    for key, value in values:
        if value is None or value.dtype.kind not in "fc":
            continue
        count = value.size - int(np.count_nonzero(np.isfinite(value)))
        if count:
            kind = "NaN" if np.isnan(value).any() else "Inf"
            found[key] = Fault(kind, count, kind not in seen and "NaN" not in seen)
            seen.add(kind)
    return found


def gravest(found: Iterable[Fault | None]) -> Fault | None:
    """Return the first fault that is an origin, a NaN before an infinity; else any; None if there is none."""
    return min(filter(None, found), key=lambda fault: (not fault.first, fault.kind != "NaN"), default=None)


def is_zero(gradient: Array | None) -> bool:
    """Return whether a gradient is known, and zero everywhere."""
    return gradient is not None and gradient.size > 0 and not gradient.any()


def marked(texts: tuple[str, str], fault: Fault | None) -> tuple[str, str]:
    """Return the texts of an arrow and its red twin, the second with what is not finite in the gradient."""
    return texts if fault is None else (texts[0], " ".join(filter(None, [texts[1], fault.mark.removesuffix(" here")])))
