"""Runs of pytest in forks of one process: the verdicts of runs that start anew, and nothing passes between them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tensorgrad.mutation import score as scoring
from tensorgrad.mutation.forks import called, loadable
from tensorgrad.mutation.sandbox import COPY
from tensorgrad.mutation.score import FOUND, HANGS, Verdict, score, subject

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks: each run starts anew")
PLAIN = "def gradient(g, x):\n    return 2 * x * g\n"
ISOLATED = """
import os, sys
from pathlib import Path
import numpy as np
from squares import gradient

def test_that_nothing_of_another_run_is_here():
    assert not hasattr(np, "seen") and "SEEN" not in os.environ and not Path("seen").exists()
    assert Path.cwd() == Path(__file__).parent and Path(sys.modules["squares"].__file__).parent == Path.cwd()
    np.seen = os.environ["SEEN"] = "yes"
    Path("seen").touch()

def test_gradient():
    assert (gradient(np.array([3.0, 1.0]), np.array([2.0, 0.5])) == [12.0, 1.0]).all()
"""


def examined(folder: Path, test: str, source: str = PLAIN, *options: str) -> list[Verdict]:
    (folder / "squares.py").write_text(source, "utf-8")
    (folder / "test_squares.py").write_text(test, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_squares.py"]
    return score(subject("squares.py:gradient", command, folder), 2)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Filled with whether each run is a fork."""
    forked: list[bool] = []
    whole = scoring.outcome_of

    def outcome_of(about, source, commands, limit):
        forked.append(isinstance(commands, scoring.Forks))
        return whole(about, source, commands, limit)

    monkeypatch.setattr(scoring, "outcome_of", outcome_of)
    return forked


def test_forks_see_what_runs_see_that_start_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked = counted(monkeypatch)
    found = [v.outcome for v in examined(tmp_path, ISOLATED)]
    assert forked == [True] * (len(found) + 1)
    monkeypatch.setattr(scoring, "called", lambda *_: None)
    assert [v.outcome for v in examined(tmp_path, ISOLATED)] == found
    assert forked[len(found) + 1 :] == [False] * len(found)
    assert FOUND in found


def test_tests_that_fail_in_a_fork_are_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked = counted(monkeypatch)
    early = "import sys\nassert 'numpy' not in sys.modules or 'squares' in sys.modules\n"
    found = examined(tmp_path, early + ISOLATED)
    assert forked == [True] + [False] * len(found)
    assert FOUND in {v.outcome for v in found}


def test_a_fork_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "LEAST", 3.0)
    monkeypatch.setattr(scoring, "TIMES", 1.0)
    loop = "from squares import gradient\ndef test_walk():\n    x = 3.0\n    while abs(x) > 0.1:\n"
    outcomes = {
        v.mutant.after.strip(): v.outcome for v in examined(tmp_path, f"{loop}        x -= 0.25 * gradient(1.0, x)\n")
    }
    assert outcomes["return 0 * (2 * x * g)"] == HANGS


def test_warnings_that_are_errors_are_none_of_the_forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forked = counted(monkeypatch)
    examined(tmp_path, ISOLATED, PLAIN, "-W", "error")
    assert all(forked)


def test_what_calls_pytest_is_known_and_nothing_else(tmp_path: Path) -> None:
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent)])
    script = tmp_path / "pytest"
    script.write_text(f"#!{sys.executable}\n", "utf-8")
    script.chmod(0o755)
    found = called(["pytest", "-x", "tests"], path)
    assert found is not None
    assert (found.python, found.first, found.arguments) == (sys.executable, str(tmp_path), ["-x", "tests"])
    script.write_text("#!/usr/bin/env python3\n", "utf-8")
    assert called(["pytest"], path) is None
    assert called([sys.executable, "test_mine.py"], path) is None
    assert called(["make", "test"], path) is None
    modules = [("numpy", "/lib/numpy/__init__.py"), ("mine", ""), ("torch", f"/tmp/{COPY}1/x/torch/__init__.py")]
    assert loadable([*modules, ("torch._C", "/lib/_C.so")]) == ["numpy"]
