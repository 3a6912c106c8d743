"""Waiting in tests: for what is to happen, never for a length of time, and with one ceiling for all.

A machine may be slow or busy. So a wait ends when the event is there, the ceiling only keeps a fault from hanging for
ever, and what is said to be quick is measured in the seconds that the processor worked for it, not in those passed.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CEILING = 600.0
"""Seconds after which a wait is given up."""
PROC = Path("/proc/self/stat").exists()
"""Whether this system tells of its processes in /proc."""


def until(condition: Callable[[], object], what: str, ceiling: float = CEILING) -> None:
    """Return as soon as `condition` holds, which is `what`."""
    deadline = time.monotonic() + ceiling
    pause = 0.005
    while not condition():
        assert time.monotonic() < deadline, f"waited {ceiling:g} s, and still not: {what}"
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def finished(process: subprocess.Popen) -> tuple:
    """Return what a process has written to its pipes, when it has ended; kill it where it never does."""
    with process:
        try:
            return process.communicate(timeout=CEILING)
        except BaseException:
            process.kill()
            raise


def joined(*threads: threading.Thread) -> None:
    """Return when the threads have ended."""
    for thread in threads:
        thread.join(CEILING)
        assert not thread.is_alive(), f"{thread.name} has not ended in {CEILING:g} s"


@dataclass
class Work:
    """How long the processor has worked."""

    seconds: float = 0.0


@contextmanager
def worked() -> Iterator[Work]:
    """Context manager: the seconds of the processor's that the block takes, those of processes that end in it too."""
    work, before = Work(), os.times()
    try:
        yield work
    finally:
        work.seconds = sum(os.times()[:4]) - sum(before[:4])


def lives(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return _stat(pid)[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int | None = None) -> dict[int, float]:
    """Return the living children of a process, this one by default, and the seconds that each has worked."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent, *rest = _stat(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == (pid or os.getpid()) and state not in "ZX":
                found[int(folder.name)] = (int(rest[9]) + int(rest[10])) / os.sysconf("SC_CLK_TCK")
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
