"""The experiments of chapter 6.5: figure 6-24, Bayesian optimisation, and verdicts that can fail."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install matplotlib")

import tensorgrad as tg
from tensorgrad import search
from tensorgrad.chapter6 import EXPERIMENTS, bayesian_search, hypergradients, random_search
from tensorgrad.chapter6.run import Run, Settings, perform

MNIST = Path(os.environ.get("TENSORGRAD_MNIST") or Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist")
DATA = [
    Settings(),
    pytest.param(
        Settings("mnist", 0, str(MNIST)),
        marks=pytest.mark.skipif(
            not MNIST.is_dir(), reason="MNIST is not at hand: name its folder in TENSORGRAD_MNIST"
        ),
    ),
]


def outcome(slot: int, lr: float, value: float) -> search.Outcome:
    return search.Outcome(slot, {"lr": lr, "decay": 1e-6}, value, False, {"validation": [value], "training": [value]})


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("settings", DATA, ids=["digits", "mnist"])
def test_random_search_draws_its_figures_and_narrows_the_range(tmp_path, monkeypatch, settings: Settings) -> None:
    monkeypatch.setattr(random_search, "TRIALS", (14, 6))
    monkeypatch.setattr(random_search, "EPOCHS", 12)
    run = perform("random_search", random_search.experiment, settings, tmp_path)
    assert tuple(figure.number for figure in run.figures) == EXPERIMENTS["random_search"]
    assert {"figure-6-24.svg", "figure-6-24.png", "figure-6-24-rounds.svg", "result.json"} <= names(tmp_path)
    first, second = json.loads((tmp_path / "result.json").read_text("utf-8"))["numbers"]["rounds"]
    assert (len(first), len(second)) == (14, 6)
    assert all(1e-6 <= trial["lr"] <= 1e-2 and 1e-8 <= trial["decay"] <= 1e-4 for trial in [*first, *second])
    span = [trial["lr"] for trial in first[:2]]
    assert all(min(span) * 0.5 < trial["lr"] < max(span) * 2 for trial in second)
    assert [len(curve["validation"]) for curve in run.numbers["curves"]] == [12] * 14


def test_the_workers_of_random_search_need_optuna_and_one_does_without(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(random_search, "TRIALS", (3, 2))
    monkeypatch.setattr(random_search, "EPOCHS", 2)
    tg.manual_seed(0)
    expected = random_search.searched(Run("a", Settings(), tmp_path))
    monkeypatch.setitem(sys.modules, "optuna", None)
    tg.manual_seed(0)
    assert random_search.searched(Run("b", Settings(), tmp_path, workers=2)) == expected


def verdicts(first, second, right: float) -> list[bool]:
    run = Run("random_search", Settings(), Path())
    random_search.conclude(run, first, second, right)
    return [verdict.passed for verdict in run.verdicts]


def test_the_verdicts_on_random_search_can_fail() -> None:
    rates = np.logspace(-2.1, -6, 100)
    first = [outcome(i, lr, 0.8 - 0.1 * i / 100 if lr > 1e-3 else 0.1) for i, lr in enumerate(rates)]
    better = [outcome(i, lr, 0.9) for i, lr in enumerate(np.logspace(-2, -3, 20))]
    assert verdicts(first, better, 0.85) == [True] * 4
    assert verdicts(first[::-1], first, 0.1) == [False] * 4


@pytest.mark.parametrize("settings", DATA, ids=["digits", "mnist"])
def test_bayesian_search_is_compared_with_random_search(tmp_path, monkeypatch, settings: Settings) -> None:
    monkeypatch.setattr(bayesian_search, "RANDOM_TRIALS", 8)
    monkeypatch.setattr(bayesian_search, "TRIALS", 11)
    monkeypatch.setattr(random_search, "EPOCHS", 8)
    run = perform("bayesian_search", bayesian_search.experiment, settings, tmp_path)
    assert tuple(figure.number for figure in run.figures) == EXPERIMENTS["bayesian_search"]
    assert [len(run.numbers[name]) for name in ("needed", "bayesian", "random")] == [3, 3, 8]
    for needed, trials in zip(run.numbers["needed"], run.numbers["bayesian"], strict=True):
        reached = [trial["accuracy"] >= run.numbers["target"] for trial in trials]
        assert needed == (reached.index(True) + 1 if any(reached) else 12)


def test_the_trials_to_reach_a_value_are_counted_from_one() -> None:
    outcomes = [outcome(i, 1e-3, value) for i, value in enumerate([0.1, 0.5, 0.5, 0.9])]
    assert [bayesian_search.trials_to_reach(value, outcomes) for value in (0.05, 0.5, 0.9, 1.0)] == [1, 2, 4, 5]


def test_hypergradients_agree_with_finite_differences_and_find_a_better_rate(tmp_path: Path) -> None:
    run = perform("hypergradients", hypergradients.experiment, Settings(), tmp_path)
    assert run.passed
    assert tuple(figure.number for figure in run.figures) == EXPERIMENTS["hypergradients"]
    assert len(run.verdicts) == 3
