"""The user's command, run in a copy of the folder: the files of the user are never written to."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tensorgrad.errors import TensorgradError

MADE_ANEW = {
    *(".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", "node_modules", "__pycache__", ".mypy_cache"),
    *(".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints"),
}


COPY = "tensorgrad-mutate-"
"""What the folders begin with in which copies are."""


class Ran(NamedTuple):
    """What became of a command: its exit status, None if it was stopped at the time limit; its output; its seconds."""

    status: int | None
    output: str
    seconds: float


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """A copy of `folder`, without what is made anew and what is no file; it is gone afterwards."""

    def left_out(path: str, names: list[str]) -> set[str]:
        inside = [Path(path, name) for name in names]
        return {
            full.name
            for full in inside
            if full.name in MADE_ANEW
            or Path(full, "pyvenv.cfg").exists()
            or not (full.is_symlink() or full.is_file() or full.is_dir())
        }

    with tempfile.TemporaryDirectory(prefix=COPY, ignore_cleanup_errors=True) as made:
        place = Path(made).resolve() / folder.name
        shutil.copytree(folder, place, symlinks=True, ignore=left_out)
        yield place


class Commands:
    """Commands that run at the same time, each with a time limit; `stop` ends all of them, and those to come."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: Sequence[str], folder: Path, variables: Mapping[str, str], limit: float | None) -> Ran:
        """Run `command` in `folder` until it ends, or for `limit` seconds: then it is ended, with what it has started.

        Raises:
            TensorgradError: there is no such command.
        """
        start = time.monotonic()
        with tempfile.TemporaryFile() as output:
            try:
                process = self._started(command, folder, variables, output.fileno())
            except (FileNotFoundError, PermissionError) as error:
                raise TensorgradError(
                    f"the command {command[0]!r} cannot be run: {error.strerror}; behind -- stands what runs the "
                    f"tests, such as: -- pytest tests/test_mine.py"
                ) from error
            try:
                status: int | None = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self._end(process)
            output.seek(0)
            return Ran(status, output.read().decode("utf-8", "replace"), time.monotonic() - start)

    def stop(self) -> None:
        """End every command."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _kill(process)

    def _started(
        self, command: Sequence[str], folder: Path, variables: Mapping[str, str], output: int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
            return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        _kill(process)
        process.wait()
        with self._lock:
            self._running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that runs and, where groups of processes exist, those that it has started."""
    if process.poll() is None:  # otherwise the number of its group may be another's by now
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def variables(roots: Sequence[Path], folder: Path, copy: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command in `copy`: modules are looked for in `roots` first, never in `folder`."""
    known = [Path(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    known = [
        copy / p.resolve().relative_to(folder) if p.resolve().is_relative_to(folder) else p.absolute() for p in known
    ]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [*roots, *known])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)]),
        **more,
    }
