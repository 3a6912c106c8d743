"""Parts of experiments side by side: files and verdicts are what they are in turn, and no process stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the experiments draw with it")
pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

import tensorgrad as tg
from tensorgrad.chapter6.forked import in_turn, side_by_side
from tensorgrad.chapter6.run import Settings, perform
from tests.waiting import PROC, children, finished, lives, until

SMALL = {
    "optimizers": {"ITERATIONS": 40},
    "initial_values": {"STEPS": 40},
    "batchnorm": {"EPOCHS": 3, "SCALES": [1.0, 0.03, 0.01, 0.001], "SHOWN": 1, "EARLY": 2},
    "weight_decay": {"EPOCHS": 4},
    "dropout": {"EPOCHS": 3},
    "random_search": {"EPOCHS": 2, "TRIALS": (5, 3)},
    "bayesian_search": {"RANDOM_TRIALS": 4, "TRIALS": 3},
}
forks = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def files(folder: Path, name: str, workers: int) -> dict[str, object]:
    """What the experiment `name` writes: the bytes of figures, and results but for how long it took."""
    perform(name, import_module(f"tensorgrad.chapter6.{name}").experiment, Settings(), folder, workers)
    told = json.loads((folder / "result.json").read_text("utf-8"))
    del told["seconds"]
    return {"result": told} | {file.name: file.read_bytes() for file in folder.iterdir() if "result" not in file.name}


@pytest.mark.parametrize("name", SMALL)
def test_workers_and_plans_change_no_byte(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, value in SMALL[name].items():
        monkeypatch.setattr(f"tensorgrad.chapter6.{name}.{setting}", value)
    monkeypatch.setattr("tensorgrad.chapter6.random_search.EPOCHS", 2)
    expected = files(tmp_path / "in turn", name, 1)
    assert files(tmp_path / "side by side", name, 2) == expected
    monkeypatch.setenv("TENSORGRAD_COMPILE", "0")
    assert files(tmp_path / "as it is", name, 2) == expected


def test_shares_go_on_in_the_stream_of_random_numbers() -> None:
    def draw(count: int) -> list[float]:
        return tg.rand(count).tolist()

    found = []
    for workers in (1, 2, 3, 5):
        tg.manual_seed(1)
        found.append((in_turn((2, 1, 3), draw, draw, workers), tg.rand(1).item()))
    assert all(one == found[0] for one in found)
    assert list(found[0][0]) == [2, 1, 3]


@forks
def test_what_a_process_raises_is_raised_here_and_what_it_loses_is_done_here(capfd) -> None:
    here, before = os.getpid(), children().keys()  # another test's server of processes may run

    def lost() -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return 7

    def wrong() -> int:
        raise ValueError("wrong")

    assert side_by_side([lost, os.getpid], 2)[0] == 7
    assert "part 1 of 2 did not come back" in capfd.readouterr().out
    with pytest.raises(ValueError, match="wrong"):
        side_by_side([wrong, os.getpid], 2)
    assert children().keys() <= before


@forks
def test_ctrl_c_ends_every_process(monkeypatch) -> None:
    def stopped(lines) -> list:
        raise KeyboardInterrupt

    before = children().keys()
    monkeypatch.setattr("tensorgrad.chapter6.forked.wait", stopped)
    with pytest.raises(KeyboardInterrupt):
        side_by_side([partial(time.sleep, 36000)] * 2, 2)
    assert children().keys() <= before


@forks
@pytest.mark.skipif(not PROC, reason="no /proc: whether a process runs is not known")
def test_the_processes_end_with_the_one_that_forked_them(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, time; from tensorgrad.chapter6.forked import side_by_side\n"
        f"def part(): pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch(); time.sleep(36000)\n"
        "side_by_side([part, part], 2)"
    )
    root = str(Path(__file__).resolve().parent.parent)
    started = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": root})
    try:
        until(lambda: len(list(tmp_path.iterdir())) == 2, "both parts run")
    finally:
        started.kill()
        finished(started)
    for file in tmp_path.iterdir():
        until(lambda file=file: not lives(int(file.name)), "a part has ended")
