"""Whether anybody else holds an array: asked of CPython's reference counts, in this module alone.

How many references a call adds differs between Pythons; one that lends a local variable to a call instead of counting
it (3.14) may even count what is held elsewhere like what is not. So no count is compared with a number: it is compared
with that of a thing that nobody else holds, asked in the same way at the same moment. And each question is tried at
import with a thing that somebody else does hold. Where that is told to be alone, the answer is from then on that all is
shared: more copies and more notes of writes, and never a wrong gradient.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .tensor import Tensor, wrap

_ALONE = wrap(np.zeros(1))  # nobody else holds its array
_VIEW: Array = np.zeros(1)[:]  # nobody else holds its base


def count(thing: Any) -> int:
    """Return how many references there are to `thing`, those of this call among them."""
    return sys.getrefcount(thing)


def alone(x: Tensor) -> bool:
    """Return whether nobody but `x` holds its array: no saved value, no view, no alias, no variable."""
    return _trusted["array"] and sys.getrefcount(x.array) <= sys.getrefcount(_ALONE.array)


def all_alone(arrays: list[Array]) -> bool:
    """Return whether each of `arrays` is held by one tensor and this list alone."""
    return _trusted["list"] and max(map(sys.getrefcount, arrays)) <= max(map(sys.getrefcount, [_ALONE.array]))


def loose(arrays: list[Array]) -> list[bool]:
    """Return of each of `arrays` whether it is held by this list alone."""
    if not _trusted["loose"]:
        return [False] * len(arrays)
    free = max(map(sys.getrefcount, [object()]))
    return [found <= free for found in map(sys.getrefcount, arrays)]


def base_alone(view: Array) -> bool:
    """Return whether `view` refers to an array that owns its memory, and that nobody but `view` holds."""
    own = isinstance(view.base, np.ndarray) and view.base.base is None
    return own and _trusted["base"] and sys.getrefcount(view.base) <= sys.getrefcount(_VIEW.base)


class Argument:
    """How many references an argument of ``__init__`` has, asked there."""

    def __init__(self, data: Any) -> None:
        self.references = count(data)


def fresh(references: int) -> bool:
    """Return whether an argument of ``__init__`` with so many references is held by the call alone."""
    return _trusted["argument"] and references <= Argument(wrap(np.empty(0))).references


def tried() -> dict[str, bool]:
    """Return which questions tell what somebody else holds from what nobody does."""
    _trusted.update(dict.fromkeys(("array", "list", "loose", "base", "argument"), True))
    x, free = wrap(np.zeros(1)), wrap(np.zeros(1))
    held = x.array
    elsewhere = [np.zeros(1)]
    owner = np.zeros(1)
    view = owner[:]
    return {
        "array": alone(free) and not alone(x),
        "list": all_alone([free.array]) and not all_alone([held]),
        "loose": loose([np.zeros(1), elsewhere[0]]) == [True, False],
        "base": base_alone(np.zeros(1)[:]) and not base_alone(view),
        "argument": fresh(Argument(wrap(np.zeros(1))).references) and not fresh(Argument(x).references),
    }


_trusted: dict[str, bool] = {}
_trusted.update(tried())
