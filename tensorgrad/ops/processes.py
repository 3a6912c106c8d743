"""The processes that compute together, and how arrays go from one to the others.

Each runs the same script and has a number, its rank. A single process is a group of one, which is what stands here;
`tensorgrad.distributed` puts in its place what speaks MPI.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.watched import exchange


class Alone:
    """A group of one. What others put in its place has the same methods, which all ranks call in the same order."""

    rank, size = 0, 1

    def total(self, x: Array, how: str = "sum") -> Array:  # noqa: ARG002 - which of one are the same
        """Return the sum of the arrays of all ranks, of one shape; "product", "min" and "max" are others."""
        return np.array(x, order="C")

    def joined(self, x: Array, counts: Sequence[int]) -> Array:  # noqa: ARG002 - all are its own
        """Return the rows of all ranks, one rank's after the other's; the rank r has ``counts[r]`` of them."""
        return np.array(x, order="C")

    def part(self, x: Array, counts: Sequence[int]) -> Array:  # noqa: ARG002 - as above
        """Return the rows of the sum of all ranks' arrays that `joined` would take from this one."""
        return np.array(x, order="C")

    def sent(self, x: Array, source: int) -> Array:  # noqa: ARG002 - there is one
        """Return the array of the rank `source`, to the bit; those of the others have its shape and dtype."""
        return np.array(x, order="C")

    def objects(self, value: Any) -> list[Any]:
        """Return what each rank has given, in the order of the ranks."""
        return [value]

    def meet(self, where: str) -> None:
        """Wait until all ranks have come to the same place."""

    def leave(self) -> None:
        """End the group."""


class _StandIn(Alone):
    """Gives what has the shape and the dtype of what the others would give, and asks nobody."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size

    def joined(self, x: Array, counts: Sequence[int]) -> Array:
        return np.ones((sum(counts), *x.shape[1:]), x.dtype)

    def part(self, x: Array, counts: Sequence[int]) -> Array:
        return np.array(x[: counts[self.rank]], order="C")


@contextmanager
def others_stood_in_for() -> Iterator[None]:
    """Context manager: nothing is exchanged, where numbers do not matter and the others may do something else."""
    before = RANKS[0]
    RANKS[0] = _StandIn(before.rank, before.size)
    try:
        yield
    finally:
        RANKS[0] = before


@exchange
def total(x: Array) -> Array:
    """Return the sum of the arrays of all ranks, of one shape."""
    return RANKS[0].total(x)


@exchange
def sent(x: Array, source: int) -> Array:
    """Return the array of the rank `source`; those of the others have its shape and dtype."""
    return RANKS[0].sent(x, source)


RANKS: list[Alone] = [Alone()]
"""The group that computes now."""

EXCHANGES = frozenset(("all_reduce", "all_gather", "reduce_scatter"))
"""The operations of `exchanges`, which need the others to compute."""
