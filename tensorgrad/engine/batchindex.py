"""Indices for all examples of a batch at once, by NumPy's rules for where the axes of several arrays of positions go."""

from __future__ import annotations

from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from .batched import Batch, Batched, Levels, Unbatchable

_WHOLE = slice(None)


class Plan(NamedTuple):
    """An index for arrays with the batch in front, and where the axes of the result go: to those in `order`."""

    index: tuple[Any, ...]
    order: tuple[int, ...]

    def outward(self, y: Any) -> Any:
        """Return what the index takes with the axes as one example has them, those of the batch in front."""
        return y if self.order == tuple(range(len(self.order))) else np.transpose(y, self.order)

    def inward(self, batch: Batch, x: Any) -> Any:
        """Return `x`, which has the shape of what is taken of one example or broadcasts to it, as the index takes it."""
        y = batch.placed(x, len(self.order) - len(batch.lead))
        return y if self.order == tuple(range(len(self.order))) else np.transpose(y, np.argsort(self.order))


def planned(batch: Batch, index: Any, x: Any, own: Levels) -> Plan:
    """Return how `index` is applied to `x`, whose array has the axes of the levels `own` in front.

    Raises:
        Unbatchable: a mask differs between examples, and how much it takes.
    """
    parts = _parts(index, x.ndim)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    if arrays:  # NumPy counts numbers beside arrays as arrays
        parts = [np.asarray(p) if isinstance(p, int | np.integer) else p for p in parts]
        arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    differs = any(type(p) is Batched for p in parts)
    lead = len(batch.lead) if differs else len(own)
    axes = sum(part is None or isinstance(part, slice) for part in parts)
    if not arrays:
        return Plan((_WHOLE,) * len(own) + tuple(parts), tuple(range(lead + axes)))
    rank = max([np.ndim(parts[i]) for i in arrays])
    together = arrays[-1] - arrays[0] == len(arrays) - 1
    before = arrays[0] if together else 0  # how many axes of one example stand before those of the arrays
    prefix: tuple[Any, ...] = (_WHOLE,) * len(own)
    block = rank  # how many axes NumPy puts in one place
    first = len(own) + before if together else 0  # the place where it does
    if differs:
        block = lead + rank
        placed = [batch.placed(p, rank) if isinstance(p, np.ndarray) else p for p in parts]
        prefix = tuple([_counting(batch, rank, i) for i, level in enumerate(batch.levels) if level in own])
        parts, first = placed, (0 if prefix else first)
        if not prefix and not together:
            first = 0
    return Plan((*prefix, *parts), _order(lead, axes, rank, before, first, block, differs))


def _order(lead: int, axes: int, rank: int, before: int, first: int, block: int, differs: bool) -> tuple[int, ...]:
    """Return which axis of the result each axis of one example is, behind those of the batch."""
    result = lead + axes + rank
    taken = list(range(first, first + block))
    rest = [i for i in range(result) if i not in taken]
    front, own = (taken[:lead], taken[lead:]) if differs else (rest[:lead], taken)
    others = rest if differs else rest[lead:]
    return (*front, *others[:before], *own, *others[before:])


def _counting(batch: Batch, rank: int, i: int) -> Any:
    """Return the numbers of the examples along the axis `i` of the batch."""
    shape = [1] * (len(batch.lead) + rank)
    shape[i] = batch.lead[i]
    return np.arange(batch.lead[i]).reshape(shape)


def _parts(index: Any, ndim: int) -> list[Any]:
    """Return an entry for each axis of one example: a number, a slice, an array of positions, or None for a new one."""
    given = list(index) if isinstance(index, tuple) else [index]
    parts: list[Any] = []
    for part in given:
        if isinstance(part, list):
            part = np.asarray(part)
        if isinstance(part, bool | np.bool_) or (type(part) is Batched and part.dtype == np.bool_):
            raise Unbatchable("a mask takes another number of elements of each example: tensorgrad.where keeps all")
        parts += np.nonzero(part) if isinstance(part, np.ndarray) and part.dtype == np.bool_ else [part]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    fill = [_WHOLE] * (ndim - used)
    if EllipsisType not in map(type, parts):
        return parts + fill
    at = [type(p) for p in parts].index(EllipsisType)
    return parts[:at] + fill + parts[at + 1 :]
