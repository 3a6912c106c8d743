"""Runs of a user's pytest that need not load anew what all of them do: forks of a process that has loaded it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import forking
from .sandbox import COPY, Commands, Ran

LOADED = frozenset({"_pytest", "hypothesis", "numpy", "pytest", "scipy", "tensorgrad", "torch"})
"""The packages that are loaded before the fork, where the tests have loaded them, and not from the user's folder."""


class Called(NamedTuple):
    """What a command calls pytest with: the Python, what its path begins with (None: the folder), the arguments."""

    python: str
    first: str | None
    arguments: Sequence[str]


def called(command: Sequence[str], path: str) -> Called | None:
    """Return how `command` calls pytest, where nothing else comes before: ``pytest ...``, ``python -m pytest ...``."""
    found = shutil.which(command[0], path=path)
    if found is None or not hasattr(os, "fork"):
        return None
    name = Path(command[0]).name
    if name.startswith("python") and list(command[1:3]) == ["-m", "pytest"]:
        return Called(found, None, command[3:])
    if name not in ("pytest", "py.test"):
        return None
    with Path(found).open("rb") as file:
        first = file.readline().decode("utf-8", "replace").strip()
    python = first.removeprefix("#!").strip()
    return Called(python, str(Path(found).parent), command[1:]) if Path(python).name.startswith("python") else None


def loadable(modules: Iterable[tuple[str, str]]) -> list[str]:
    """Return those of `modules`, names with their files, that may be loaded before the fork: none from a copy."""
    listed = [(name, file) for name, file in modules if name.partition(".")[0] in LOADED]
    own = {name.partition(".")[0] for name, file in listed if COPY in file}
    return [name for name, _ in listed if name.partition(".")[0] not in own]


class Server:
    """A process that forks; one run at a time."""

    def __init__(self, call: Called, modules: Sequence[str], variables: Mapping[str, str], folder: str) -> None:
        text = Path(forking.__file__).read_text("utf-8")
        self.child = 0
        self.process = subprocess.Popen(  # noqa: S603 - the Python of the user's own command
            [call.python, "-c", text, *modules], cwd=folder, env=variables, bufsize=0, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, text: str, limit: float) -> int | None:
        """Return the status of the run that `text` asks for; None where it took longer than `limit`.

        Raises:
            EOFError: the server is gone.
        """
        assert self.process.stdin
        try:
            self.process.stdin.write(text.encode() + b"\n")
        except OSError as error:
            raise EOFError from error
        self.child = int(self._line(None))
        try:
            return int(self._line(limit))
        except TimeoutError:
            self.end()
            self._line(None)
            return None
        finally:
            self.child = 0

    def _line(self, limit: float | None) -> bytes:
        assert self.process.stdout
        found, end = b"", None if limit is None else time.monotonic() + limit
        while not found.endswith(b"\n"):
            left = None if end is None else max(end - time.monotonic(), 0.0)
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self.process.stdout.fileno(), 64)
            if not part:
                raise EOFError
            found += part
        return found

    def end(self) -> None:
        """End the run, with what it has started."""
        if (child := self.child) > 0:
            for kill in (os.killpg, os.kill):  # of its own group, from its first step on
                try:
                    kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                break

    def close(self) -> None:
        """End the run and the server."""
        self.end()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Forks:
    """Servers as many as there are runs at the same time; a run that finds none is one of `commands`."""

    def __init__(self, call: Called, modules: Sequence[str], variables: Mapping[str, str], commands: Commands) -> None:
        self.call, self.modules, self.variables, self.commands = call, modules, variables, commands
        self.servers: list[Server] = []
        self.free: list[Server] = []
        self.lock = threading.Lock()
        self.closed = False
        self.folder = tempfile.TemporaryDirectory(prefix="tensorgrad-forks-", ignore_cleanup_errors=True)

    def run(self, command: Sequence[str], folder: Path, variables: Mapping[str, str], limit: float) -> Ran:
        """Run `command`, which calls pytest, in `folder`, until a test fails: the status is the same."""
        start = time.monotonic()
        with tempfile.NamedTemporaryFile() as output:
            asked = {
                "folder": str(folder), "variables": dict(variables), "output": output.name,
                "first": self.call.first or str(folder), "arguments": ["-x", *self.call.arguments],
            }  # fmt: skip
            try:
                server = self._taken()
                status = server.ask(json.dumps(asked), limit)
            except EOFError:
                return self.commands.run(command, folder, variables, limit)
            with self.lock:
                self.free.append(server)
            return Ran(status, output.read().decode("utf-8", "replace"), time.monotonic() - start)

    def _taken(self) -> Server:
        with self.lock:
            if self.closed:
                raise EOFError
            if self.free:
                return self.free.pop()
            self.servers.append(made := Server(self.call, self.modules, self.variables, self.folder.name))
            return made

    def close(self) -> None:
        """End all that runs."""
        with self.lock:
            self.closed = True
            servers = list(self.servers)
        for server in servers:
            server.close()
        self.folder.cleanup()
