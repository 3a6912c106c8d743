"""The group of processes: begun, asked, ended; and what happens to the others when one of them fails."""

from __future__ import annotations

import atexit
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from tensorgrad.errors import ArgumentError, DistributedError
from tensorgrad.ops.processes import RANKS, Alone

from .mpi import Ranks, alone, started_by_mpi

_BACKENDS = (None, "mpi", "gloo")
_PATIENCE = 0.3  # seconds: what has just been printed is lost if the process is ended at once
_begun = [False]


def is_available() -> bool:
    """Return True: a group of one needs nothing; one of several, mpi4py."""
    return True


def is_initialized() -> bool:
    """Return whether `init_process_group` has been called."""
    return _begun[0]


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    *,
    handshake: bool = True,
) -> None:
    """Begin the group of all processes that ``mpiexec`` has started, of one where it has not.

    An error on one rank is printed with its number and ends all of them.

    Args:
        backend: "mpi", or "gloo" as scripts have it: mpi4py is what speaks.
        init_method, timeout: as in PyTorch; MPI knows its processes, and "env://" is all that may be given.
        world_size, rank: what MPI must find, where given.
        handshake: let ranks compare what they do before each exchange, so that they do not wait for ever.

    Raises:
        ArgumentError: another backend or method.
        DistributedError: there is a group, MPI finds another one, or Slurm has started processes without MPI.
        MissingDependencyError: ``mpiexec`` has started the script, and mpi4py is not there.

    >>> import tensorgrad as tg
    >>> tg.distributed.init_process_group()
    >>> tg.distributed.get_rank(), tg.distributed.get_world_size()
    (0, 1)
    >>> tg.distributed.destroy_process_group()
    """
    if backend not in _BACKENDS or init_method not in (None, "env://"):
        raise ArgumentError(
            f"init_process_group: backend {backend!r}, init_method {init_method!r}: there is MPI, which knows its "
            f"processes: start the script with mpiexec and leave both out"
        )
    if _begun[0]:
        raise DistributedError("trying to initialize the default process group twice!: destroy_process_group() first")
    ranks = Ranks(handshake) if started_by_mpi() else alone()
    for name, given, found in (("world_size", world_size, ranks.size), ("rank", rank, ranks.rank)):
        if given not in (-1, found):
            raise DistributedError(f"init_process_group: {name}={given}, and MPI says {found}")
    RANKS[0], _begun[0] = ranks, True
    if ranks.size > 1:
        sys.excepthook = _failed
        atexit.register(_ended)


def destroy_process_group(group: Any = None) -> None:
    """End the group: what follows is computed by each process alone. All ranks must come here.

    Raises:
        DistributedError: there is no group.
    """
    world(group)
    RANKS[0].leave()
    RANKS[0], _begun[0] = Alone(), False
    sys.excepthook = sys.__excepthook__
    atexit.unregister(_ended)


@contextmanager
def whole_group() -> Iterator[Alone]:
    """Context manager: the group of all processes; what is raised inside on one rank ends all of them.

    But for SystemExit, with which all of them leave.
    """
    init_process_group()
    try:
        yield RANKS[0]
    except BaseException as error:
        if RANKS[0].size > 1 and not isinstance(error, SystemExit):
            _failed(type(error), error, error.__traceback__)
        raise
    finally:
        destroy_process_group()


def world(group: Any = None) -> Alone:
    """Return the group; an error if there is none, or another one is wanted."""
    if not _begun[0]:
        raise DistributedError("Default process group has not been initialized: call init_process_group() first")
    if group is not None:
        raise ArgumentError("group: there is one group, of all ranks: leave it out")
    return RANKS[0]


def get_rank(group: Any = None) -> int:
    """Return the number of this process, from 0 on.

    Raises:
        DistributedError: there is no group.
    """
    return world(group).rank


def get_world_size(group: Any = None) -> int:
    """Return how many processes there are.

    Raises:
        DistributedError: there is no group.
    """
    return world(group).size


def get_backend(group: Any = None) -> str:
    """Return "mpi".

    Raises:
        DistributedError: there is no group.
    """
    world(group)
    return "mpi"


def barrier(group: Any = None) -> None:
    """Wait until all ranks have come here.

    Raises:
        DistributedError: there is no group, or another rank does something else.
    """
    world(group).meet("barrier")


def _failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error that nobody has caught, with the rank, and end the processes that would wait for this one."""
    atexit.unregister(_ended)  # others are not to be told of an end as of any script's
    lines = "".join(traceback.format_exception(kind, error, trace)).splitlines()
    sys.stdout.flush()
    sys.stderr.write("".join(f"[rank {RANKS[0].rank}] {line}\n" for line in lines))
    sys.stderr.flush()
    time.sleep(_PATIENCE)
    if isinstance(RANKS[0], Ranks):
        RANKS[0].abort()


def _ended() -> None:
    """At the end of the script, let those who wait for this rank know."""
    try:
        RANKS[0].leave()
    except DistributedError as error:
        _failed(type(error), error, None)
