"""Work that ranks share: numbers from 0 on, each of which one rank gets, whoever asks first."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from tensorgrad.ops.processes import RANKS

from .mpi import Ranks

_LOOK = 0.1  # seconds between two looks at whether the others are at their end: MPI itself would keep the core busy


class Tickets:
    """Numbers that are given out once among all ranks, which make these, and close them, together.

    The rank 0 keeps the count, and answers whenever it calls something of MPI's: `answer`, as often as it can.
    """

    def __init__(self) -> None:
        self._alone, self._mpi = itertools.count(), None
        ranks = RANKS[0]
        if isinstance(ranks, Ranks):
            self._mpi, self._world = ranks.mpi, ranks.world
            self._window: Any = self._mpi.Win.Allocate(8 * (ranks.rank == 0), 8, comm=self._world)
            np.frombuffer(self._window.tomemory(), np.int64)[:] = 0
            self._world.Barrier()

    def next(self) -> int:
        """Return the next number."""
        if self._mpi is None:
            return next(self._alone)
        found = np.empty(1, np.int64)
        self._window.Lock(0, self._mpi.LOCK_SHARED)
        self._window.Fetch_and_op(np.ones(1, np.int64), found, 0, 0, self._mpi.SUM)
        self._window.Unlock(0)
        return int(found[0])

    def answer(self) -> None:
        """Answer the others."""
        if self._mpi is not None:
            self._world.Iprobe()

    def close(self) -> None:
        """Wait until all ranks have come here."""
        if self._mpi is not None:
            request = self._world.Ibarrier()
            while not request.Test():
                time.sleep(_LOOK)
            self._window.Free()
