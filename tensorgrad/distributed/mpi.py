"""A group of processes that MPI has started, by mpi4py.

Before each exchange the ranks compare what they are about to do, one number each: ranks that disagree get an error that
names both, and do not wait for each other for ever. `handshake` switches that off. Small arrays travel with the number,
and each rank adds them up itself, in the order of the ranks: one message for both.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from tensorgrad.base.callsite import here, is_outside, told
from tensorgrad.base.dtypes import Array
from tensorgrad.errors import DistributedError, DTypeError, MissingDependencyError
from tensorgrad.ops.processes import Alone

_STARTED = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MPI_LOCALRANKID")
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS")
_SLURM = "SLURM_STEP_NUM_TASKS"  # how many processes `srun` has started
_FOLDS: dict[str, np.ufunc] = {"sum": np.add, "product": np.multiply, "min": np.minimum, "max": np.maximum}
_MPI_NAMES = {"sum": "SUM", "product": "PROD", "min": "MIN", "max": "MAX"}


def started_by_mpi() -> bool:
    """Return whether `mpiexec`, or what starts processes in its place, has started this one."""
    return any(name in os.environ for name in _STARTED)


def alone() -> Alone:
    """Return the group of a process that MPI has not started.

    Raises:
        DistributedError: Slurm has started several without MPI: each would be alone, and train the whole.
    """
    count = int(os.environ.get(_SLURM, "1"))
    if count > 1:
        raise DistributedError(
            f"srun has started {count} processes, and MPI none: they do not know each other; start the script with "
            "srun --mpi=pmi2, or with srun --mpi=pmix where mpi4py is built against the MPI of the cluster"
        )
    return Alone()


def without_mpi(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that a rank starts, and that is no rank itself."""
    return {name: value for name, value in environment.items() if name not in (*_STARTED, *_SIZES, _SLURM)}


class Ranks(Alone):
    """The group of all processes that MPI has started.

    Raises:
        MissingDependencyError: mpi4py is not there.
        DistributedError: another MPI than that of mpi4py has started the processes.
    """

    def __init__(self, handshake: bool = True) -> None:
        try:
            from mpi4py import MPI
        except ImportError as error:
            raise MissingDependencyError.of("a script that mpiexec has started", "mpi4py", "mpich") from error
        self.mpi: Any = MPI
        self.world, self._handshake = MPI.COMM_WORLD, handshake
        self.rank, self.size = self.world.Get_rank(), self.world.Get_size()
        room = max(64, 2048 // self.size)
        self._packet, self._found = np.zeros(8 + room, np.uint8), np.empty((self.size, 8 + room), np.uint8)
        self._number, self._numbers = self._packet[:8].view(np.int64), self._found[:, :8].view(np.int64)
        wanted = next((int(os.environ[name]) for name in _SIZES if name in os.environ), self.size)
        if wanted != self.size:
            raise DistributedError(
                f"mpiexec has started {wanted} processes, and mpi4py finds {self.size}: they belong to different "
                f"installations of MPI; start the script with the mpiexec that stands beside this Python"
            )

    def total(self, x: Array, how: str = "sum") -> Array:
        """Return the sum of the arrays of all ranks, or another fold."""
        if x.dtype == np.bool_:
            raise DTypeError("ranks exchange numbers, found booleans: convert them to int8 first")
        y = np.array(x, order="C")
        rows = self._agree(f"{how} of {_described(y)}", y)
        if rows is not None:
            together: Array = _FOLDS[how].reduce(rows, axis=0, dtype=y.dtype)
            return together
        self.world.Allreduce(self.mpi.IN_PLACE, y, getattr(self.mpi, _MPI_NAMES[how]))
        return y

    def joined(self, x: Array, counts: Sequence[int]) -> Array:
        """Return the rows of all ranks."""
        self._agree(f"joining of rows {list(x.shape[1:])} of {x.dtype}, {list(counts)} of them")
        y = np.empty((sum(counts), *x.shape[1:]), x.dtype)
        width = math.prod(x.shape[1:]) * x.itemsize
        byte = self.mpi.BYTE  # MPI has no half precision
        self.world.Allgatherv([np.ascontiguousarray(x), byte], [y, [n * width for n in counts], None, byte])
        return y

    def part(self, x: Array, counts: Sequence[int]) -> Array:
        """Return this rank's rows of the sum."""
        self._agree(f"part of the sum of {_described(x)}, rows {list(counts)}")
        y = np.empty((counts[self.rank], *x.shape[1:]), x.dtype)
        width = math.prod(x.shape[1:])
        self.world.Reduce_scatter(np.ascontiguousarray(x), y, [n * width for n in counts])
        return y

    def sent(self, x: Array, source: int) -> Array:
        """Return the array of one rank."""
        y = np.array(x, order="C")
        rows = self._agree(f"array of rank {source}, {_described(y)}", y)
        if rows is not None:
            return np.array(rows[source])
        self.world.Bcast([y, self.mpi.BYTE], root=source)
        return y

    def objects(self, value: Any) -> list[Any]:
        """Return what each rank has given."""
        self._agree("exchange of objects")
        found: list[Any] = self.world.allgather(value)
        return found

    def meet(self, where: str) -> None:
        """Wait for the others."""
        self._agree(where)
        self.world.Barrier()

    def leave(self) -> None:
        """Wait for the others to leave as well, who would wait for ever if this one did something else."""
        self._agree("the end of the group")

    def abort(self) -> None:
        """End all processes of the group."""
        self.world.Abort(1)

    def _agree(self, what: str, x: Array | None = None) -> Array | None:
        """Raise DistributedError on all ranks unless each is about to do `what`; return the `x` of all, if small."""
        end = 8 if x is None or x.nbytes > len(self._packet) - 8 else 8 + x.nbytes
        if not self._handshake and end == 8:
            return None
        self._number[0] = zlib.crc32(what.encode()) if self._handshake else 0
        if x is not None and end > 8:
            self._packet[8:end] = x.reshape(-1).view(np.uint8)
        self.world.Allgather(self._packet, self._found)
        numbers = self._numbers.ravel().tolist()
        if numbers.count(numbers[0]) < self.size:
            self._disagree(what)
        return None if x is None or end == 8 else self._found[:, 8:end].view(x.dtype).reshape(self.size, *x.shape)

    def _disagree(self, what: str) -> NoReturn:
        place = here()
        known = is_outside(place[0].co_filename)  # not at the end of the script
        found = self.world.allgather(f"{what}, at {told(place)}" if known else what)
        texts = [f"rank {rank}: {text}" for rank, text in enumerate(found)]
        raise DistributedError("the ranks do not do the same: " + "; ".join(texts))


def _described(x: Array) -> str:
    return f"arrays {list(x.shape)} of {x.dtype}"
