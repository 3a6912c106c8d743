"""Memory that a plan gives away at each run: used again once nobody else has it any more."""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address
from tensorgrad.engine import references

from .contents import Value

_SERIAL = not sysconfig.get_config_var("Py_GIL_DISABLED")
"""Whether no other thread takes a reference while they are counted."""


class Rooms:
    """Two sets of arrays in turn, for the last one is in use when the next one is wanted.

    The addresses of a set go to the slots from `first` on of a table of pointers, where there is one.
    """

    def __init__(self, values: Sequence[Value], table: Array | None = None, first: int = 0) -> None:
        self.values = values
        self.part = np.zeros(len(values), np.uint64) if table is None else table[first : first + len(values)]
        self.sets: list[list[Array]] = [[], []]
        self.addresses = [np.zeros(len(values), np.uint64) for _ in self.sets]
        self.turn = 0

    def __call__(self) -> list[Array]:
        """Return arrays that nobody else has, whose addresses stand in the table."""
        self.turn = 1 - self.turn
        arrays = self.sets[self.turn]
        loose = references.loose(arrays) if _SERIAL else []
        if len(loose) < len(self.values) or not all(loose):
            self._renew(arrays, loose)
        self.part[:] = self.addresses[self.turn]
        return arrays

    def _renew(self, arrays: list[Array], loose: list[bool]) -> None:
        """Put new arrays in the place of those that are not there, or not `loose`: somebody may have them."""
        for i, v in enumerate(self.values):
            if i >= len(loose) or not loose[i]:
                made = np.ndarray(v.shape, v.dtype, strides=v.strides)
                arrays[i : i + 1] = [made]
                self.addresses[self.turn][i] = address(made)
