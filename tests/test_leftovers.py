"""A session that leaves something behind fails, and says what; one that does not passes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import CEILING, PROC, lives

ROOT = Path(__file__).resolve().parent.parent
CONFTEST = """
import tests.leftovers
from pathlib import Path
from tests.leftovers import *

tests.leftovers.GRACE = 0.5
tests.leftovers.ROOT = Path(__file__).parent
"""
CLEAN = """
import subprocess, sys, tempfile
def test_clean(tmp_path):
    with tempfile.NamedTemporaryFile():
        subprocess.run([sys.executable, "-c", ""], check=True)
    (tmp_path / "kept").touch()
def test_more():
    pass
"""
FILE = (
    CLEAN
    + """
def test_a_file():
    tempfile.mkstemp(prefix="forgotten-")
"""
)
# The child of a child that has ended is nobody's child, and is still found.
PROCESS = (
    CLEAN
    + """
def test_a_process():
    code = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(36000)'],"
    code += "stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); print(p.pid)"
    open("pid", "wb").write(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)
"""
)
CHANGED = (
    CLEAN
    + """
def test_a_change():
    open("new.txt", "w").close()
"""
)


def outcome(folder: Path, tests: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    (folder / "test_sample.py").write_text(tests, "utf-8")
    (folder / ".gitignore").write_text("__pycache__\npid\n.pytest_cache\n", "utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_XDIST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", *arguments],
        cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=CEILING,
        check=False,
    )  # fmt: skip


TWO = pytest.param(("-n", "2"), id="two workers", marks=pytest.mark.slow)
WAYS = pytest.mark.parametrize("arguments", [pytest.param((), id="one process"), TWO])


@WAYS
def test_a_session_that_leaves_nothing_passes(tmp_path: Path, arguments) -> None:
    run = outcome(tmp_path, CLEAN, *arguments)
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


@WAYS
def test_a_temporary_file_that_is_left_fails_the_session(tmp_path: Path, arguments) -> None:
    run = outcome(tmp_path, FILE, *arguments)
    assert run.returncode == 1, run.stdout
    assert "the tests leave something behind" in run.stdout
    assert "forgotten-" in run.stdout
    assert "3 passed, 1 error" in run.stdout


@pytest.mark.skipif(not PROC, reason="no /proc: what runs is not known")
@WAYS
def test_a_process_that_is_left_fails_the_session(tmp_path: Path, arguments) -> None:
    run = outcome(tmp_path, PROCESS, *arguments)
    pid = int((tmp_path / "pid").read_text())
    assert lives(pid)
    os.kill(pid, 9)
    assert run.returncode == 1, run.stdout
    assert f"the process {pid} still runs: {sys.executable} -c import time; time.sleep(36000)" in run.stdout


@WAYS
def test_a_change_of_the_checkout_fails_the_session(tmp_path: Path, arguments) -> None:
    try:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    except OSError:
        pytest.skip("there is no git")
    run = outcome(tmp_path, CHANGED, *arguments)
    assert run.returncode == 1, run.stdout
    assert "the tests have changed the checkout" in run.stdout
    assert "\n?? new.txt\n" in run.stdout
    assert "3 passed" in run.stdout


def fixed_waits(tree: ast.Module) -> list[str]:
    """Return the calls that wait more than a second for a child or a thread, and no longer, whoever else is busy."""
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        waits = call.args[:1] if name in ("join", "wait", "get") else []
        waits += [k.value for k in call.keywords if k.arg == "timeout" and name not in ("DataLoader", "draw")]
        found += [
            f"line {call.lineno}: {ast.unparse(call)}"
            for wait in waits
            if isinstance(wait, ast.Constant) and isinstance(wait.value, int | float) and wait.value > 1
        ]
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("*.py")), ids=lambda file: file.stem)
def test_no_test_waits_for_a_length_of_time(file: Path) -> None:
    assert fixed_waits(ast.parse(file.read_text("utf-8"))) == []


def test_a_fixed_wait_is_found() -> None:
    text = "thread.join(60)\nchild.wait(timeout=30)\nrun(command, timeout=5)\nstop.wait(0.01)\nchild.wait(CEILING)"
    assert len(fixed_waits(ast.parse(text))) == 3
