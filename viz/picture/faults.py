"""Numbers that are not finite: where the first one appears, in the order of computation, and who only passes it on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.primitive import Primitive
from tensorgrad.graph import GraphNode

from .summaries import Numbers

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True)
class Fault:
    """A value or gradient that holds `count` numbers that are not finite: `kind` is "NaN" if one is, else "Inf".

    `first`: nothing before it holds one of this kind, so it is where the search begins. `said`, of what somebody asked
    about, stands in the picture instead: there the numbers may be finite.
    """

    kind: str
    count: int
    first: bool = False
    said: str = field(default="", repr=False)

    @property
    def mark(self) -> str:
        """What stands in the picture."""
        if self.said:
            return self.said
        return f"first {self.kind} here" if self.first else self.kind

    @property
    def told(self) -> str:
        """What hovering tells."""
        return f"{self.mark}, {self.count:,} not finite" if self.count else self.mark

    @property
    def classes(self) -> str:
        """The words that the style sheet knows."""
        return "bad origin" if self.first else "bad"


def faults(values: Iterable[tuple[_Key, Array | None]], numbers: Numbers | None = None) -> dict[_Key, Fault]:
    """Return what is wrong with which of `values`, which come in the order of computation; None is not known.

    `numbers` has what is told of most of them. The first that is not finite is marked, and so is the first NaN: an
    infinity is often meant, as in a mask.

    >>> faults([("a", np.ones(2)), ("b", np.array([np.inf, 1])), ("c", np.array([np.nan, np.inf]))])
    {'b': Fault(kind='Inf', count=1, first=True), 'c': Fault(kind='NaN', count=2, first=True)}
    """
    found: dict[_Key, Fault] = {}
    seen: set[str] = set()
    known = [(key, value) for key, value in values if value is not None]
    if (numbers or Numbers()).sound([value for _, value in known]):  # as most often
        return found
    for key, value in known:
        if value.dtype.kind not in "fc":
            continue
        count = value.size - int(np.count_nonzero(np.isfinite(value)))
        if count:
            kind = "NaN" if np.isnan(value).any() else "Inf"
            found[key] = Fault(kind, count, kind not in seen and "NaN" not in seen)
            seen.add(kind)
    return found


def of_values(
    nodes: Sequence[GraphNode],
    values: Sequence[Array | None],
    outputs: Iterable[int] = (),
    numbers: Numbers | None = None,
) -> dict[int, Fault]:
    """Return what is wrong with which values of a graph; the infinities of masks are not, where no NaN comes of them.

    A mask is a constant that somebody has written, as in ``s.masked_fill(m, -inf)`` or ``s + mask``. What is computed
    of it is at fault where it is infinite at another place, and all is where an output that is one number is infinite:
    the loss of what is masked.
    """
    found = faults(enumerate(values), numbers)
    if any(fault.kind == "NaN" for fault in found.values()) or any(i in found and not nodes[i].shape for i in outputs):
        return found
    meant: dict[int, Array] = {}
    for index in found:
        node, value = nodes[index], values[index]
        known = (meant.get(o.source) if o.source is not None else _infinite(o.constant) for o in node.operands)
        written = [places for places in known if places is not None]
        assert value is not None
        if _is_mask(node, value) if node.is_leaf else _only_there(np.isinf(value), written, node.primitive):
            meant[index] = np.isinf(value)
    return faults(((i, value) for i, value in enumerate(values) if i not in meant), numbers)


def _infinite(constant: Any) -> Array | None:
    """Return that a constant is infinite, as an array of its shape; None of any other."""
    return np.array(True) if isinstance(constant, float | np.floating) and math.isinf(constant) else None


def _is_mask(node: GraphNode, value: Array) -> bool:
    return value.dtype.kind == "f" and not (node.requires_grad or np.isposinf(value).any())


def _only_there(infinite: Array, written: Sequence[Array], by: Primitive | None) -> bool:
    """Return whether a value is infinite where what it is computed of is written so, and nowhere else.

    What is arranged anew, or cannot be laid over it, may be anywhere.
    """
    if written and by is not None and by.kind == "multilinear" and len(by.vjps) == 1:
        return True
    try:
        laid = [np.broadcast_to(places, infinite.shape) for places in written]
    except ValueError:
        return True
    return bool(laid) and not (infinite & ~np.logical_or.reduce(laid)).any()


def gravest(found: Iterable[Fault | None]) -> Fault | None:
    """Return the first fault that is an origin, a NaN before an infinity; else any; None if there is none."""
    return min(filter(None, found), key=lambda fault: (not fault.first, fault.kind != "NaN"), default=None)


def is_zero(gradient: Array | None) -> bool:
    """Return whether a gradient is known, and zero everywhere."""
    return gradient is not None and gradient.size > 0 and not gradient.item(0) and not gradient.any()


def marked(texts: tuple[str, str], fault: Fault | None) -> tuple[str, str]:
    """Return the texts of an arrow and its red twin, the second with what is not finite in the gradient."""
    return texts if fault is None else (texts[0], " ".join(filter(None, [texts[1], fault.mark.removesuffix(" here")])))
