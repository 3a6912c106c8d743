"""Where a search keeps its trials: what is wrong with a storage is told, and what is finished is not lost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

from tensorgrad import search
from tensorgrad.errors import ArgumentError, DataError, TensorgradError
from tests.killing import killed
from tests.optunaserver import free_port, served
from tests.waiting import CEILING

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

ROOT = Path(__file__).resolve().parent.parent
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


AS_A_READER = """
import os, sys
from tests.test_search_storage import searched
searched("sqlite:///:memory:", 1)  # what is imported is no more to be read afterwards
if os.geteuid() == 0:  # who may write everything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for place in sys.argv[1:]:
    try:
        searched(place, 6)
    except Exception as error:
        print(type(error).__name__, error)
"""


@pytest.fixture
def folder(tmp_path: Path):
    """Yields a folder that other users may look into, which pytest's are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        root = Path(os.environ["PYTEST_DEBUG_TEMPROOT"]).resolve()
        for above in takewhile(lambda at: at != root, path.parents):  # the folders of a session are its user's
            above.chmod(above.stat().st_mode | 0o011)
        yield path
        path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="users and what they may do are POSIX's here")
def test_in_a_folder_that_may_only_be_read_no_finished_trial_is_lost(folder: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="Optuna's databases need sqlalchemy")
    journal, database = folder / "a.journal", f"sqlite:///{folder}/a.db"
    before = [{o.slot: o.value for o in searched(storage, 5)} for storage in (journal, database)]
    files = {file: file.read_bytes() for file in folder.iterdir()}
    for file in files:
        file.chmod(0o444)
    folder.chmod(0o555)
    places = [str(journal), str(folder / "b.journal"), str(folder / "new" / "b.journal"), database, f"{database}2"]
    command = [sys.executable, "-c", AS_A_READER, *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=CEILING, check=False)
    told = done.stdout.splitlines()
    assert len(told) == 5, done.stdout + done.stderr
    for place, line in zip(places[:3], told, strict=False):
        assert line.startswith("PermissionError")
        assert "give a file that can be written" in line
        assert place in line
    assert "TensorgradError the storage of the search does not answer, or cannot be written:" in told[3]
    assert "readonly database; what was finished before is kept" in told[3]
    assert "TensorgradError storage 'sqlite:///" in told[4]
    assert "unable to open database file" in told[4]

    assert {file: file.read_bytes() for file in folder.iterdir()} == files
    folder.chmod(0o755)
    for file in files:
        file.chmod(0o644)
    for storage, known in zip((journal, database), before, strict=True):
        assert known.items() < {o.slot: o.value for o in searched(storage, 6)}.items()


def test_a_server_that_goes_away_is_told_and_every_finished_trial_is_there_when_it_is_back(tmp_path: Path) -> None:
    database, port, begun = f"sqlite:///{tmp_path}/a.db", free_port(), list[int]()
    with ExitStack() as server:
        address = server.enter_context(served(database, port))

        def objective(trial, train, valid):
            begun.append(trial.slot)
            if len(begun) == 4:
                server.close()
            return trial.params["a"]

        with pytest.raises(TensorgradError, match=r"does not answer.*what was finished before is kept") as told:
            searched(address, 6, objective)
        assert "\n" not in str(told.value)
    with served(database, port):
        assert len(searched(address, 6, objective)) == 6
    assert begun == [0, 1, 2, 3, 3, 4, 5]


@pytest.mark.skipif(sys.platform == "win32", reason="a process may write files of any size")
@pytest.mark.parametrize("size", range(9000, 10500, 150))  # so the disk is full in the middle of each line of a trial
def test_what_was_finished_before_the_disk_was_full_is_kept(tmp_path: Path, size: int) -> None:
    import resource

    begun: list[int] = []

    def objective(trial, train, valid):
        begun.append(trial.slot)
        return trial.params["a"]

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))  # where the disk is full, a file cannot grow either
    try:
        with pytest.raises(OSError, match=r"what was finished before is kept; make room.*a\.journal"):
            searched(tmp_path / "a.journal", 1000, objective)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    count = len(begun)
    assert count > 2
    outcomes = searched(tmp_path / "a.journal", count + 2, objective)
    assert [o.slot for o in sorted(outcomes, key=lambda o: o.slot)] == list(range(count + 2))
    assert len(begun) <= count + 3  # at most the one that could not be told is run again, and at once: see `Watch`


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_no_finished_trial_is_lost_whenever_a_worker_is_killed(tmp_path: Path) -> None:
    assert killed(tmp_path / "a.journal", 2) > 0  # `python -m tests.killing --rounds 50` is the long form
