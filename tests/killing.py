"""Two workers on one journal, one of which is killed again and again: `python -m tests.killing --rounds 50`.

After each round every trial that had been finished is still there, with its value. At the end the search is finished,
and has the trials of one process that was never killed. What was found is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tensorgrad import search
from tests.waiting import CEILING, until

ROOT = Path(__file__).resolve().parent.parent
X = np.arange(20.0)
ENDLESS, BEAT = 10**6, 1.0


def objective(trial: search.Trial, train: object, valid: object) -> float:
    """Return something that takes many lines of the journal."""
    trial.note(curve=[trial.params["a"]] * 50)
    return float(trial.params["a"]) ** 2


def searched(storage: Path, trials: int) -> list[search.Outcome]:
    """Search until there are so many trials."""
    space = {"a": search.uniform(0, 1)}
    return search.Search(objective, space, (X,), storage=storage, heartbeat=BEAT).run(trials, progress=False)


def finished(storage: Path) -> dict[int, float]:
    """Return the values of the finished trials, as another process reads them."""
    import optuna

    study = optuna.load_study(study_name="search/1", storage=search.open_storage(storage))
    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    return {t.user_attrs["slot"]: t.value for t in done}


def worker(storage: Path) -> subprocess.Popen[bytes]:
    """Start a worker that goes on until it is killed."""
    code = f"from tests.killing import *; searched(Path({str(storage)!r}), ENDLESS)"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})


def killed(storage: Path, rounds: int, seed: int = 0) -> int:
    """Kill a worker in each round, after it has written some bytes; return how many trials were finished then.

    Raises:
        AssertionError: a finished trial is gone, has another value, or is not that of a process that was not killed.
    """
    rng, known = random.Random(seed), dict[int, float]()
    workers = [worker(storage), worker(storage)]
    try:
        for number in range(rounds):
            size = storage.stat().st_size if storage.exists() else 0
            more = size + rng.randrange(10_000, 60_000)
            until(lambda more=more: storage.exists() and storage.stat().st_size > more, "the workers have gone on")
            victim = rng.randrange(2)
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].wait(CEILING)
            now = finished(storage)
            lost = [slot for slot in known if now.get(slot) != known[slot]]
            assert not lost, f"round {number}: the trials {lost} are gone"
            known = now
            workers[victim] = worker(storage)
    finally:
        for process in workers:
            process.kill()
            process.wait(CEILING)
    known = finished(storage)
    trials = max(known) + 1
    found = {o.slot: o.value for o in searched(storage, trials)}
    assert known.items() <= found.items()
    with tempfile.TemporaryDirectory() as folder:
        alone = {o.slot: o.value for o in searched(Path(folder) / "alone", trials)}
    assert found == alone
    return len(known)


def main() -> None:
    """Kill as often as is asked for, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        count = killed(Path(folder) / "a.journal", rounds)
    print(f"{rounds} rounds of kill -9: {count} trials were finished, none of them was lost or another one")


if __name__ == "__main__":
    main()
