"""What the tests leave behind fails the session: files in the checkout, temporary files, processes.

The session has a temporary folder of its own, with one inside for each worker of pytest-xdist, so that what is in it at
the end was left by a test. Each worker looks for its own processes and files, when all fixtures have been torn down;
the checkout, which all share, is looked at by the one process that started them. `tests/conftest.py` imports the hooks.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import util
from pathlib import Path

import pytest

from tests.waiting import PROC, children, lives

ROOT = Path(__file__).resolve().parent.parent
GRACE = 30.0  # seconds for processes that are about to end
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")  # which Python keeps until its own end
PEERS = ("torchinductor_",)  # folders that PyTorch, where it is installed, makes when it is imported
OWN = pytest.StashKey[Path]()
BEFORE = pytest.StashKey[set[str] | None]()
LEFT = pytest.StashKey[list[str]]()


def checkout() -> set[str] | None:
    """Return the lines of `git status`; None where this is no checkout, or there is no git."""
    try:
        command = ["git", "status", "--porcelain", "--untracked-files=all"]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return set(answer.stdout.splitlines()) if answer.returncode == 0 else None


def processes(folder: Path) -> dict[int, str]:
    """Return the command lines of the processes that this one, or one of its children, has started and that run.

    A process whose parent has ended is known by its environment: its temporary folder is this session's, or in it.
    """
    if not PROC:
        return {}
    found = set(children())
    marks = [f"TMPDIR={folder}{end}".encode() for end in ("\0", "/")]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes() + b"\0"
            except OSError:  # it has ended, or is another user's
                continue
            if any(mark in environment for mark in marks):
                found.add(int(entry.name))
    told = {pid: _command(pid) for pid in found if lives(pid)}
    return {pid: line for pid, line in told.items() if line and not any(helper in line for helper in HELPERS)}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def pytest_configure(config: pytest.Config) -> None:
    """Give the session, and each worker, a temporary folder; pytest's own stays where people look for it."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    if hasattr(config, "workerinput"):
        folder = Path(tempfile.gettempdir()) / config.workerinput["workerid"]
        folder.mkdir()
    else:
        folder = Path(tempfile.mkdtemp(prefix="tg-tests-")).resolve()
    config.stash[OWN] = folder
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    # After multiprocessing has removed its own folder, which has priority -100 and is inside.
    util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the checkout."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[BEFORE] = checkout()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session where the checkout is not what it was."""
    if hasattr(session.config, "workerinput"):
        return
    before, after = session.config.stash[BEFORE], checkout()
    left = [] if before is None or after is None else sorted(before ^ after)
    session.config.stash[LEFT] = left
    if left and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what has changed in the checkout."""
    if left := config.stash.get(LEFT, []):
        terminalreporter.section("the tests have changed the checkout", red=True)
        terminalreporter.write_line("`git status` differs from before the tests, by these lines (or have you edited?):")
        for line in left:
            terminalreporter.write_line(line)


_first_seen: dict[str, str] = {}


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    """Remember after which test a temporary file was first there: the one that a message names."""
    for name in os.listdir(tempfile.gettempdir()):  # noqa: PTH208 - the quickest, after every test
        _first_seen.setdefault(name, nodeid)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(pytestconfig: pytest.Config) -> Iterator[None]:
    """Fail, after everything else has been torn down, where processes run or temporary files lie about."""
    folder = pytestconfig.stash[OWN]
    before = processes(folder).keys()
    yield
    deadline = time.monotonic() + GRACE
    while (running := {p: c for p, c in processes(folder).items() if p not in before}) and time.monotonic() < deadline:
        time.sleep(0.05)
    # The folders of workers are inside that of the process that started them, which runs no tests.
    left = [f"the process {pid} still runs: {line}" for pid, line in sorted(running.items())]
    kept = {multiprocessing.current_process()._config.get("tempdir")}  # with multiprocessing's sockets, to the end
    left += [
        f"the temporary file {path} is still there (first seen after {_first_seen.get(path.name, 'the last test')})"
        for path in sorted(folder.iterdir())
        if str(path) not in kept and not path.name.startswith(PEERS)
    ]
    assert not left, "the tests leave something behind:\n" + "\n".join(left)
