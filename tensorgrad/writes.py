"""Which memory has been written in place, and when: so that a gradient is right or refused.

A write is noted with the serial clock that also numbers the recorded operations. A sweep that comes to a node older
than the last write looks whether that write hit one of the values the node saved. In ordinary training every write (the
optimiser's) is older than the graph of the next step, so the sweep makes one comparison per node and no look-up.
"""

from __future__ import annotations

import sys
import weakref
from typing import Any

import numpy as np

from tensorgrad.dtypes import Array
from tensorgrad.tensor import Tensor, tick, wrap

_written: dict[int, list[Any]] = {}  # id of the array that owns the memory -> [weak reference to it, serial]
last_write = [0]


def _owner(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def note(x: Tensor) -> None:
    """Note that the memory of `x` has just been written.

    Nothing need be noted where nobody else holds the array: a saved value, a view and an alias all count as a reference
    to it. That is the common case, an optimiser's step after backward has freed the graph, or running statistics.
    """
    if sys.getrefcount(x.array) <= _ALONE and x.array.base is None:
        return
    owner = _owner(x.array)
    serial = last_write[0] = tick()
    entry = _written.get(id(owner))
    if entry is None:
        key = id(owner)
        _written[key] = [weakref.ref(owner, lambda _: _written.pop(key, None)), serial]
    else:
        entry[1] = serial


def _references_of_a_new_tensor() -> int:
    x = wrap(np.zeros(1))
    return sys.getrefcount(x.array)


_ALONE = _references_of_a_new_tensor()  # measured, because how many references a call adds differs between Pythons


def written_since(array: Any, serial: float) -> bool:
    """Return whether the memory of `array` has been written after the moment `serial`."""
    if not isinstance(array, np.ndarray):
        return False
    entry = _written.get(id(_owner(array)))
    return entry is not None and entry[1] > serial
