"""What the ranks of a command do together: what goes wrong on one, the folder that all of them see, their cores."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from tensorgrad.errors import TensorgradError
from tensorgrad.ops.processes import Alone

FAILED = 2  # the exit status of a rank that another one tells that it cannot begin


def together(ranks: Alone, act: Callable[[], None]) -> None:
    """Let every rank do something; where it goes wrong on one of them, all of them leave, and that one says why."""
    problem = ""
    try:
        act()
    except (TensorgradError, OSError) as error:
        if ranks.size == 1:
            raise
        problem = f"rank {ranks.rank} on {platform.node()}: {error}"
    problems = list(filter(None, ranks.objects(problem)))
    if problems:
        if problem == problems[0]:
            print(f"tensorgrad: {problem}", file=sys.stderr, flush=True)
        raise SystemExit(FAILED)


def check_shared(ranks: Alone, out: Path) -> None:
    """Raise OSError unless the folder `out` of this rank is that of the rank 0."""
    mark = out / f".of-rank-0-{ranks.objects(os.getpid())[0]}"
    if ranks.rank == 0:
        mark.touch()
    ranks.meet("a look at the folder")
    found = mark.exists()
    ranks.meet("the end of the look")
    if ranks.rank == 0:
        mark.unlink()
    if not found:
        raise OSError(f"{out} is not the folder of rank 0: --out has to be one that all machines see")


def share_of_cores(ranks: Alone) -> int:
    """Return how many of the cores that this process may use fall to it, where others run on the same machine."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, cores // ranks.objects(platform.node()).count(platform.node()))
