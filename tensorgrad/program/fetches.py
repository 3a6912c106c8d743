"""Where the arrays stand that a plan fetches from outside: C is told when others come than have come before."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter, call, is_, itemgetter
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, reach

from .contents import Value
from .numpyplan import Deviation

_is_writeable = attrgetter("flags.writeable")
_NOWHERE = -(2**62)


class Fetches:
    """The arrays that come as some values, and the slots of a table of pointers that their addresses go to.

    Two that did not share memory when the program was recorded, and of which one is `written`, must not do so now: the
    order of what is done to them was not kept.
    """

    def __init__(self, values: Sequence[Value], slots: Sequence[int], table: Array, written: set[int]) -> None:
        self.values, self.slots, self.table = list(values), np.array(slots, np.intp), table
        self.bound: list[Callable[[], Any]] = [nothing] * len(self.values)  # weak references
        self.places = np.zeros(len(self.values), np.int64)
        reach = [_reach(v) for v in values]
        self.first, self.end = (np.array([r[i] for r in reach], np.int64) for i in (0, 1))
        self.blocks = np.array([v.block for v in values], np.intp)
        self.written = np.array([v.block in written for v in values], bool)
        self.groups: list[Together] = []

    def one(self, index: int, array: Any) -> None:
        """Note where an array stands that is another one than in the last run.

        Raises:
            Deviation: C cannot reach it there, it is another kind of array, or shares memory that it did not share.
        """
        self.note(index, array)
        self._compare(index)

    def note(self, index: int, array: Any) -> None:
        """Note where an array stands, which is still to be compared with the others.

        Raises:
            Deviation: C cannot reach it there, or it is another kind of array.
        """
        self.places[index] = self.table[self.slots[index]] = place(array, self.values[index])
        self.bound[index] = weakref.ref(array)  # who asks whether an array is held elsewhere finds that it is not

    def compare(self) -> None:
        """Compare all arrays with each other.

        Raises:
            Deviation: two share memory that did not share it.
        """
        low = self.places + self.first
        order = np.argsort(low)
        if (low[order][1:] < np.maximum.accumulate((self.places + self.end)[order])[:-1]).any():
            for index in range(len(self.values)):
                self._compare(index)

    def _compare(self, index: int) -> None:
        low, high = self.places + self.first, self.places + self.end
        meets = (low < high[index]) & (low[index] < high) & (self.blocks != self.blocks[index])
        hits = (meets & (self.written | self.written[index])).nonzero()[0]
        if hits.size and self.bound[index]() is not None and any(self.bound[i]() is not None for i in hits):
            self.forget()
            raise Deviation

    def forget(self, beside: Together | None = None) -> None:
        """Let all arrays be told anew, but those that come together with others."""
        kept = slice(0, 0) if beside is None else beside.part
        self.bound[:] = [ref if kept.start <= i < kept.stop else nothing for i, ref in enumerate(self.bound)]
        for group in self.groups:
            group.current = group.current if group is beside else None


class Together:
    """Arrays that are fetched at once: mostly those of the last run come again, or of the one before.

    Of gradients there are two sets in turn.
    """

    def __init__(self, fetches: Fetches, start: int, stop: int, changed: Sequence[int]) -> None:
        self.fetches = fetches
        self.part = slice(start, stop)
        self.slots = fetches.slots[self.part]
        self.changed = itemgetter(*changed, *changed[:1]) if changed else None  # at least two: a tuple
        self.known: list[tuple[list[Callable[[], Any]], Array]] = []
        self.current: Any = None
        fetches.groups.append(self)

    def __call__(self, arrays: list[Any]) -> list[Any]:
        """Note where arrays stand, and return them.

        Raises:
            Deviation: they are none that C can reach as those of the recorded run, or may not be written.
        """
        for known in self.known:
            if all(map(is_, arrays, map(call, known[0]))):
                if known is not self.current:
                    self._take(known)
                break
        else:
            self._learn(arrays)
        if self.changed is not None and not all(map(_is_writeable, self.changed(arrays))):
            raise Deviation
        return arrays

    def _take(self, known: tuple[list[Callable[[], Any]], Array]) -> None:
        """Let the arrays of an earlier run be there again, which may meet others now than they met then."""
        fetches = self.fetches
        fetches.bound[self.part], fetches.places[self.part] = known
        fetches.table[self.slots] = known[1]
        if len(fetches.values) > len(known[0]):
            fetches.compare()
        self._settle(known)

    def _learn(self, arrays: list[Any]) -> None:
        fetches, self.current = self.fetches, None
        for index, array in enumerate(arrays, self.part.start):
            if array is not fetches.bound[index]():
                fetches.note(index, array)
        known = (fetches.bound[self.part], fetches.places[self.part].copy())
        fetches.compare()
        self._settle(known)
        self.known = [known, *self.known[:1]]

    def _settle(self, known: Any) -> None:
        self.current = known
        if len(self.fetches.values) > len(known[0]):
            self.fetches.forget(self)


def place(array: Array, v: Value) -> int:
    """Return where an array stands that comes as a value.

    Raises:
        Deviation: C cannot reach it there, or it is another kind of array.
    """
    where = address(array)
    if where % array.dtype.alignment or (array.shape, array.dtype, array.strides) != (v.shape, v.dtype, v.strides):
        raise Deviation
    return where


def nothing() -> None:
    """Stand for a reference to an array that is not known."""


def _reach(v: Value) -> tuple[int, int]:
    """Return the first byte that an array covers, and one past the last, from where its first element stands."""
    low, high = reach(v.shape, v.strides, v.dtype.itemsize)
    return (low, high) if low < high else (0, _NOWHERE)
