"""Who asks a tensor for its number: NumPy's compiled code, or the script, by ``float()``.

Neither is a frame of Python's. The return addresses on the stack of the machine tell them apart, where its C library
reads them (``backtrace`` of Linux and macOS).
"""

from __future__ import annotations

import ctypes
import sys
from itertools import pairwise
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered

DEPTH = 16
"""How many calls are looked at: Python's own between `by_numpy` and what asks are some ten."""
_known: dict[int, bool] = {}
"""Whether an address is NumPy's: those that ask are few."""


class _Place(ctypes.Structure):
    """What ``dladdr`` tells of an address: the library that holds it, and where that begins."""

    file: bytes | None
    base: int
    symbol: bytes | None
    address: int | None
    _fields_ = (("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("symbol", ctypes.c_char_p),
                ("address", ctypes.c_void_p))  # fmt: skip


class _Probe:
    """A number that notes who asked for it."""

    def __float__(self) -> float:
        self.seen = _stack()
        return 0.0

    def __complex__(self) -> complex:
        self.seen = _stack()
        return 0j


@remembered()
def _library() -> Any:
    """Return what reads the stack; None where there is no such library."""
    try:
        found = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no library of this name
        return None
    return found if hasattr(found, "backtrace") and hasattr(found, "dladdr") else None


def _stack() -> list[int]:
    """Return the return addresses of the calls that are running, the innermost first."""
    addresses = (ctypes.c_void_p * DEPTH)()
    count = _library().backtrace(addresses, DEPTH)
    return [address or 0 for address in addresses[:count]]


def _holder(address: int) -> _Place:
    """Return the library that an address lies in."""
    place = _Place()
    _library().dladdr(ctypes.c_void_p(address), ctypes.byref(place))
    return place


@remembered()
def _marks() -> tuple[frozenset[int], int]:
    """Return the addresses in Python at which NumPy asks for a number, and where NumPy's library begins."""
    path = str(sys.modules["numpy._core._multiarray_umath"].__file__).encode()
    name = path.replace(b"\\", b"/").rpartition(b"/")[2]
    probe, marks, base = _Probe(), set(), 0
    for dtype in (float, complex):
        np.zeros(1, dtype).fill(probe)
        for inner, outer in pairwise(probe.seen):
            place = _holder(outer)
            if (place.file or b"").endswith(name):
                marks.add(inner)
                base = place.base
                break
    return frozenset(marks), base


def by_numpy() -> bool | None:
    """Return whether compiled code of NumPy's asks for the number whose method is running; None if nobody knows."""
    if _library() is None or len(_marks()[0]) < 2:
        return None
    marks, base = _marks()
    seen = _stack()
    asking = next((outer for inner, outer in pairwise(seen) if inner in marks), None)
    if asking is not None and asking not in _known:
        _known[asking] = _holder(asking).base == base
    return asking is not None and _known[asking]
