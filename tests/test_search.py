"""Hyper-parameter search: spaces, rounds, storage, workers that are killed, and the test set that stays away."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import search
from tensorgrad.errors import ArgumentError, ShapeError, TensorgradError
from tensorgrad.search.memory import RandomSampler
from tests.optunaserver import free_port, served
from tests.waiting import CEILING, finished, until

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install optuna")

SPACE = {"lr": search.log_uniform(1e-6, 1e-1), "units": search.integers(1, 9), "kind": search.choice("a", "b")}
X = np.arange(20.0)


def best_at_a_hundredth(trial, train, valid):
    off = math.log10(trial.params["lr"]) + 2
    return -(off**2) - (trial.params["kind"] == "b")


def searched(objective=best_at_a_hundredth, space=SPACE, **options):
    return search.Search(objective, space, (X, X), **options)


def tried(outcomes):
    return [o.params for o in sorted(outcomes, key=lambda o: o.slot)]


def test_a_logarithmic_range_is_drawn_uniformly_in_its_logarithm() -> None:
    rates = [p["lr"] for p in tried(searched().run(200, progress=False))]
    assert all(1e-6 <= rate <= 1e-1 for rate in rates)
    assert 60 < sum(rate < 10**-3.5 for rate in rates) < 140  # of the values, not their logarithms, it were nearly none


@pytest.mark.parametrize("entry", [*SPACE.values(), search.uniform(-2, 3), search.integers(2, 64, log=True)])
def test_a_place_in_the_unit_cube_leads_back_to_the_value(entry) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        value = entry.value(rng.random(entry.width))
        assert np.all((entry.place(value) >= 0) & (entry.place(value) <= 1))
        again = entry.value(entry.place(value))
        assert again == pytest.approx(value) if isinstance(value, float) else again == value


def test_every_integer_has_the_same_room_in_the_unit_cube() -> None:
    entry = search.integers(1, 4)
    found = [entry.value(np.array([at])) for at in np.linspace(0, 1, 4001)]
    counts = np.bincount(found)[1:]
    assert counts.sum() == 4001
    assert np.ptp(counts) <= 2


def test_narrowing_takes_the_span_of_the_best_and_never_leaves_the_space() -> None:
    best = [{"lr": 1e-2, "units": 9, "kind": "a"}, {"lr": 1e-1, "units": 7, "kind": "a"}]
    new = search.narrow(SPACE, best, margin=0.5)
    assert new["lr"].low == pytest.approx(10**-2.5)
    assert new["lr"].high == 1e-1
    assert (new["units"].low, new["units"].high) == (6, 9)
    assert new["kind"] == search.choice("a")


def test_narrowing_to_one_value_leaves_its_surroundings() -> None:
    new = search.narrow({"lr": SPACE["lr"]}, [{"lr": 1e-3}, {"lr": 1e-3}])["lr"]
    assert SPACE["lr"].low < new.low < 1e-3 < new.high < SPACE["lr"].high


def test_the_second_round_searches_where_the_best_of_the_first_were_and_is_better() -> None:
    first, second = searched().rounds([60, 60], keep=0.1, progress=False)
    span = [o.params["lr"] for o in first[:6]]
    room = (max(span) / min(span)) ** 0.11
    assert all(min(span) / room <= o.params["lr"] <= max(span) * room for o in second)
    assert np.median([o.value for o in second]) > np.median([o.value for o in first])


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_same_seed_gives_the_same_trials_and_another_gives_others(sampler: str) -> None:
    runs = [tried(searched(sampler=sampler, seed=seed).run(15, progress=False)) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("sampler", ["random", "gp"])
def test_alone_a_search_does_without_optuna_what_it_does_with_it(monkeypatch, sampler: str) -> None:
    calls = []

    def objective(trial, train, valid):
        calls.append(trial.slot)
        if len(calls) == 5:
            raise RuntimeError("out of memory")
        trial.note(rate=trial.params["lr"])
        trial.report(0.0, 1)
        return best_at_a_hundredth(trial, train, valid) if trial.slot else math.nan

    def run(storage: object) -> list[search.Outcome]:
        calls.clear()
        finder = searched(objective, storage=storage, sampler=sampler)
        with pytest.raises(RuntimeError, match="out of memory"):
            finder.run(12, progress=False)
        return finder.run(12, progress=False)

    expected = run(optuna.storages.InMemoryStorage())
    monkeypatch.setitem(sys.modules, "optuna", None)
    found = run(None)
    assert str(found) == str(expected)  # where NaN equals NaN
    assert found[0].notes == {"rate": found[0].params["lr"]}


@pytest.mark.parametrize("entry", [*SPACE.values(), search.uniform(-2, 3), search.integers(2, 64, log=True)])
def test_what_is_drawn_at_random_is_what_optuna_draws(entry) -> None:
    ours, theirs = RandomSampler({"a": entry}, 3), optuna.samplers.RandomSampler(seed=3)
    for _ in range(50):
        drawn = [sampler.sample_independent(None, None, "a", entry.distribution()) for sampler in (ours, theirs)]
        assert drawn[0] == drawn[1]


def test_a_trial_draws_from_a_generator_of_its_own_and_leaves_the_default_one_alone() -> None:
    tg.manual_seed(5)
    expected = tg.rand(3).tolist()
    tg.manual_seed(5)
    values = [o.value for o in searched(lambda *_: tg.rand(1).item()).run(4, progress=False)]
    assert len(set(values)) == 4
    assert tg.rand(3).tolist() == expected


def test_the_best_come_first_and_what_is_no_number_last() -> None:
    numbers = iter([2.0, math.nan, -math.inf, 3.0, 1.0])
    outcomes = searched(lambda *_: next(numbers), direction="minimize").run(5, progress=False)
    assert [o.value for o in outcomes[:4]] == [-math.inf, 1.0, 2.0, 3.0]
    assert math.isnan(outcomes[4].value)


def test_training_and_validation_data_are_shuffled_and_have_no_row_in_common() -> None:
    seen = []
    searched(lambda trial, train, valid: seen.append((train, valid)) or 0.0, validation=0.25).run(1, progress=False)
    ((a, b), (c, d)) = seen[0]
    assert (len(a), len(c)) == (15, 5)
    assert np.array_equal(a, b)
    assert np.array_equal(c, d)
    assert sorted([*a, *c]) == X.tolist()
    assert not np.array_equal(np.sort(c), X[-5:])
    assert not np.array_equal(a, np.sort(a))


def test_the_test_set_is_looked_at_once_and_nothing_is_tried_after_that(tmp_path: Path) -> None:
    held = (np.array([7.0]), np.array([8.0]))
    given = {"storage": tmp_path / "a.journal"}
    finder = search.Search(best_at_a_hundredth, SPACE, (X, X), held, **given)
    best = finder.run(3, progress=False)[0]
    assert finder.test(best, lambda params, train, test: test[0][0] + len(train[0])) == 27.0
    again = search.Search(best_at_a_hundredth, SPACE, (X, X), held, **given)
    for use in (finder, again):
        with pytest.raises(TensorgradError, match="has been looked at: 27 with"):
            use.test(best, lambda *_: pytest.fail("it was looked at again"))
        with pytest.raises(TensorgradError, match="has been looked at"):
            use.run(4, progress=False)


def test_a_hopeless_trial_is_pruned() -> None:
    epochs = []

    def objective(trial, train, valid):
        for epoch in range(10):
            trial.report(-trial.slot, epoch)
            epochs.append(trial.slot)
        return -trial.slot

    outcomes = searched(objective, pruner=optuna.pruners.MedianPruner(n_startup_trials=2)).run(6, progress=False)
    assert [o.pruned for o in outcomes] == [False, False, True, True, True, True]
    assert epochs.count(5) == 0
    assert outcomes[-1].value == -5.0


def test_a_search_goes_on_where_it_was_and_ends_with_the_same_trials(tmp_path: Path) -> None:
    calls = []

    def objective(trial, train, valid):
        calls.append(trial.slot)
        if len(calls) == 5:
            raise RuntimeError("out of memory")
        trial.note(curve=[1.0, trial.params["lr"]])
        return best_at_a_hundredth(trial, train, valid)

    given = {"storage": tmp_path / "new" / "a.journal", "sampler": "tpe"}
    with pytest.raises(RuntimeError, match="out of memory"):
        searched(objective, **given).run(20, progress=False)
    outcomes = searched(objective, **given).run(20, progress=False)
    assert sorted(calls) == sorted([4, *range(20)])  # the one that failed twice, and no other
    assert {o.slot for o in outcomes} == set(range(20))
    assert all(o.notes["curve"] == [1.0, o.params["lr"]] for o in outcomes)


def test_a_name_gives_other_trials_of_the_same_split() -> None:
    splits = []

    def objective(trial, train, valid):
        splits.append(valid[0].tolist())
        return 0.0

    a, b = (tried(searched(objective, name=name).run(3, progress=False)) for name in "ab")
    assert a != b
    assert all(split == splits[0] for split in splits)


@pytest.mark.parametrize("change", [{"space": {"lr": search.uniform(0, 1)}}, {"seed": 1}])
def test_a_storage_with_another_search_of_that_name_is_refused(tmp_path: Path, change) -> None:
    searched(storage=tmp_path / "a").run(1, progress=False)
    with pytest.raises(ArgumentError, match="another search named 'search'"):
        searched(storage=tmp_path / "a", **change).run(2, progress=False)


def test_half_a_line_that_a_dead_process_left_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a"
    first = tried(searched(storage=path).run(4, progress=False))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":5,"worker_id":"' + b"x" * 9000)
    assert tried(searched(storage=path).run(6, progress=False))[:4] == first
    assert path.read_bytes().startswith(whole)
    assert [json.loads(line) for line in path.read_text().splitlines()]


WORKER = """
import math, os, sys, time
import numpy as np
from tensorgrad import search

begun = []

def objective(trial, train, valid):
    with open(sys.argv[2], "a") as file:
        file.write(f"{sys.argv[3]} {trial.slot}\\n")
    begun.append(trial.slot)
    while len(begun) == 3 and not os.path.exists(f"{sys.argv[2]}-{sys.argv[3]}"):
        time.sleep(0.01)  # in the middle of the third trial, until the test lets this worker go on
    return -(math.log10(trial.params["lr"]) + 2) ** 2

x = np.arange(20.0)
space = {"lr": search.log_uniform(1e-6, 1e-1)}
found = search.Search(objective, space, (x, x), storage=sys.argv[1], heartbeat=float(sys.argv[4]))
print(sorted((o.slot, o.params["lr"]) for o in found.run(24, progress=False)))
"""


def worker(storage: object, log: Path, name: str, heartbeat: float) -> subprocess.Popen:
    command = [sys.executable, "-W", "error", "-c", WORKER, str(storage), str(log), name, str(heartbeat)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_its_third(log: Path, name: str) -> None:
    until(lambda: sum(who == name for who, _ in lines(log)) == 3, f"worker {name} is in its third trial")


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture(params=["journal", "sqlite", "grpc"])
def storage(request, tmp_path: Path):
    """Yields where several processes keep their trials: a file, an address of a database, an address of a server."""
    database = f"sqlite:///{tmp_path}/a.db"
    if request.param == "journal":
        yield tmp_path / "a.journal"
    elif request.param == "grpc":
        with served(database, free_port()) as address:
            yield address
    else:
        pytest.importorskip("sqlalchemy", reason="Optuna's databases need sqlalchemy")
        search.open_storage(database)
        yield database


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_processes_share_a_search_and_no_trial_is_lost_when_one_is_killed(tmp_path: Path, storage: object) -> None:
    log = tmp_path / "log"
    a = worker(storage, log, "a", CEILING)
    in_its_third(log, "a")
    b = worker(storage, log, "b", CEILING)
    in_its_third(log, "b")
    b.send_signal(signal.SIGKILL)
    finished(b)
    (tmp_path / "log-a").touch()
    printed, complaints = finished(a)
    assert (a.returncode, complaints) == (0, "")

    alone = tried(searched(lambda *_: 0.0, space={"lr": SPACE["lr"]}).run(24, progress=False))
    assert eval(printed) == [(slot, params["lr"]) for slot, params in enumerate(alone)]
    ran = lines(log)
    assert {name for name, _ in ran} == {"a", "b"}
    assert len(ran) == 25  # the one that was in the middle is run again


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGSTOP")
def test_a_trial_of_a_worker_without_a_sign_of_life_is_run_again(tmp_path: Path) -> None:
    log, storage = tmp_path / "log", tmp_path / "a.journal"
    b = worker(storage, log, "b", 0.2)
    in_its_third(log, "b")
    b.send_signal(signal.SIGSTOP)  # as a machine does that is gone: its process cannot be asked
    (tmp_path / "log-a").touch()
    try:
        a = worker(storage, log, "a", 0.2)
        printed, complaints = finished(a)
    finally:
        b.send_signal(signal.SIGKILL)
        finished(b)
    assert (a.returncode, complaints) == (0, "")
    assert [slot for slot, _ in eval(printed)] == list(range(24))


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"direction": "up"}, ArgumentError, "there are 'maximize' and 'minimize'"),
        ({"sampler": "grid"}, ArgumentError, "sampler 'grid': there are random, tpe"),
        ({"pruner": "hard"}, ArgumentError, "pruner 'hard'"),
        ({"heartbeat": 0}, ArgumentError, "more than 0 seconds"),
        ({"validation": 1.5}, ValueError, "between 0 and 1"),
    ],
)
def test_a_wrong_setting_is_told(options, error, told: str) -> None:
    with pytest.raises(error, match=told):
        searched(**options).run(1, progress=False)


def test_wrong_ranges_data_and_counts_are_told() -> None:
    for low, high in ((1, 1), (2, 1), (0, math.inf), (math.nan, 1)):
        with pytest.raises(ArgumentError, match=r"two finite ends|must be float, not nan"):
            search.uniform(low, high)
    with pytest.raises(ArgumentError, match="starts above 0"):
        search.log_uniform(0, 1)
    with pytest.raises(ArgumentError, match="at least one option"):
        search.choice()
    with pytest.raises(ShapeError, match="as many rows each"):
        search.Search(best_at_a_hundredth, SPACE, (X, X[1:]))
    with pytest.raises(ArgumentError, match="0 trials"):
        searched().run(0)
    with pytest.raises(ArgumentError, match="no test set"):
        searched().test(searched().run(1, progress=False)[0], lambda *_: 0.0)


def test_the_progress_of_a_search_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = iter([1.0, 3.0, 2.0])
    searched(lambda *_: next(numbers)).run(3)
    assert capsys.readouterr().out.splitlines() == [
        "trial 1/3  value 1.0000  best 1.0000",
        "trial 2/3  value 3.0000  best 3.0000",
        "trial 3/3  value 2.0000  best 3.0000",
    ]
