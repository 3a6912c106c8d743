"""Starts scripts on several ranks, as `mpiexec` does, where there is one."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.waiting import CEILING

ROOT = Path(__file__).resolve().parent.parent
BESIDE = Path(sys.executable).parent / "mpiexec"
LAUNCHER = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")


@functools.cache
def missing() -> str:
    """Return why no ranks can be started here; empty if they can."""
    if LAUNCHER is None or importlib.util.find_spec("mpi4py") is None:
        return "no mpiexec with mpi4py: pip install mpi4py mpich"
    done = launched(2, ["-c", "from mpi4py import MPI; MPI.COMM_WORLD.Barrier()"])
    return f"mpiexec does not start two processes here: {done.stderr[-300:]}" if done.returncode else ""


def launched(ranks: int, arguments: Sequence[str], **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments on so many ranks, to the end."""
    assert LAUNCHER is not None
    command = [LAUNCHER, "-n", str(ranks), sys.executable, *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=CEILING, env=environment, check=False
    )
