"""Memory that a plan gives away at each run: used again once nobody else has it any more."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .contents import Value
from .cvalues import address

_COUNTED = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
"""Whether the number of references to an array tells that nobody else has it."""
_ALONE = list(map(sys.getrefcount, [object()])) if _COUNTED else [0]


class Rooms:
    """Two sets of arrays in turn, for the last one is in use when the next one is wanted.

    The addresses of a set go to the slots from `first` on of a table of pointers.
    """

    def __init__(self, values: Sequence[Value], table: Array, first: int) -> None:
        self.values = values
        self.part = table[first : first + len(values)]
        self.sets: list[list[Array]] = [[], []]
        self.addresses = [np.zeros(len(values), np.uint64) for _ in self.sets]
        self.turn = 0
        self.alone = _ALONE * len(values)

    def __call__(self) -> list[Array]:
        """Return arrays that nobody else has, whose addresses stand in the table."""
        self.turn = 1 - self.turn
        arrays = self.sets[self.turn]
        if not _COUNTED or list(map(sys.getrefcount, arrays)) != self.alone:
            self._renew(arrays)
        self.part[:] = self.addresses[self.turn]
        return arrays

    def _renew(self, arrays: list[Array]) -> None:
        """Put new arrays in the place of those that somebody has."""
        counts: list[Any] = list(map(sys.getrefcount, arrays)) if _COUNTED else []
        for i, v in enumerate(self.values):
            if i >= len(counts) or counts[i] != self.alone[i]:
                made = np.ndarray(v.shape, v.dtype, strides=v.strides)
                arrays[i : i + 1] = [made]
                self.addresses[self.turn][i] = address(made)
