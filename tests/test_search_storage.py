"""Where a search keeps its trials: what is wrong with a storage is told, and what is finished is not lost."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tensorgrad import search
from tensorgrad.errors import ArgumentError, DataError, TensorgradError
from tests.killing import killed

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

X = np.arange(20.0)


def searched(storage: object, trials: int, objective=lambda trial, *_: trial.params["a"]) -> list[search.Outcome]:
    return search.Search(objective, {"a": search.uniform(0, 1)}, (X,), storage=storage).run(trials, progress=False)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Returns a journal of five finished trials."""
    searched(tmp_path / "a.journal", 5)
    return tmp_path / "a.journal"


DAMAGE = {
    "garbage": lambda lines: [b"hello\n", b"\x00\xff\n"],
    "bytes without a line": lambda lines: [b"\x93NUMPY" + bytes(300)],
    "bytes within": lambda lines: [*lines[:4], lines[4][:9] + b"\xff\x00" + lines[4][11:], *lines[5:]],
    "two lines in one": lambda lines: [*lines[:4], lines[4][:20] + lines[5], *lines[6:]],
    "another file of JSON": lambda lines: [b"[1, 2]\n"],
    "an unknown operation": lambda lines: [*lines[:4], b'{"op_code":99,"worker_id":"x"}\n', *lines[4:]],
    "no beginning": lambda lines: lines[3:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_journal_is_refused_and_left_as_it_is(journal: Path, damage) -> None:
    damaged = b"".join(damage(journal.read_bytes().splitlines(keepends=True)))
    journal.write_bytes(damaged)
    with pytest.raises(DataError, match=r"a\.journal.*(no line of a journal|missing or damaged)"):
        searched(journal, 6)
    assert journal.read_bytes() == damaged


@pytest.mark.parametrize("cut", [1, 30, 2000])
def test_a_journal_that_was_cut_off_goes_on_from_its_whole_lines(journal: Path, cut: int) -> None:
    expected = {o.slot: o.value for o in searched(journal, 5)}
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert {o.slot: o.value for o in searched(journal, 5)} == expected


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "a.journal"):
        with pytest.raises(OSError, match=r"give a file that can be written"):
            searched(place, 1)
    for address in ("nosuch://me:secret@here/x", f"sqlite:///{tmp_path}/none/a.db"):
        if "sqlite" in address:
            pytest.importorskip("sqlalchemy", reason="Optuna's databases need sqlalchemy")
        with pytest.raises(TensorgradError, match="cannot be opened") as told:
            searched(address, 1)
        assert "secret" not in str(told.value)
    with pytest.raises(ArgumentError, match="a storage of Optuna's"):
        searched(3, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything can be written by root")
def test_a_folder_that_may_only_be_read_is_told(journal: Path) -> None:
    journal.chmod(0o444)
    with pytest.raises(PermissionError, match=r"give a file that can be written.*a\.journal"):
        searched(journal, 6)
    journal.parent.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="give a file that can be written"):
            searched(journal.parent / "b.journal", 1)
    finally:
        journal.parent.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="a process may write files of any size")
def test_what_was_finished_before_the_disk_was_full_is_kept(tmp_path: Path) -> None:
    import resource

    begun: list[int] = []

    def objective(trial, train, valid):
        begun.append(trial.slot)
        return trial.params["a"]

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, before[1]))  # where the disk is full, a file cannot grow either
    try:
        with pytest.raises(OSError, match=r"what was finished before is kept; make room.*a\.journal"):
            searched(tmp_path / "a.journal", 1000, objective)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    count = len(begun)
    assert count > 2
    outcomes = searched(tmp_path / "a.journal", count + 2, objective)
    assert [o.slot for o in sorted(outcomes, key=lambda o: o.slot)] == list(range(count + 2))
    assert len(begun) <= count + 3  # at most the one that could not be told is run again


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_no_finished_trial_is_lost_whenever_a_worker_is_killed(tmp_path: Path) -> None:
    assert killed(tmp_path / "a.journal", 2) > 0  # `python -m tests.killing --rounds 50` is the long form
