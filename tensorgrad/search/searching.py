"""The search: data that it splits, trials that it runs and keeps, rounds that narrow, and one look at the test set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tensorgrad.data import holdout
from tensorgrad.errors import ArgumentError, ShapeError, TensorgradError
from tensorgrad.utils.progress import Progress

from .memory import Memory
from .running import Data, Objective, Outcome, Task, run_one
from .samplers import key_of, make_sampler
from .space import Params, Space, distributions, narrow
from .storage import open_storage, open_study
from .workers import BEATS, Watch, at_work, done


class Search:
    """A search for the best hyper-parameters on validation data; the test set is looked at once, at the end.

    The rows of `train` are shuffled and split: an objective sees one part to learn from and one to be judged by, and
    never the test set, which the search keeps to itself until `test`. After that nothing more is tried.

    Args:
        objective: called as ``objective(trial, train, valid)``, returns how good ``trial.params`` are.
        space: what may be tried, by name; see `log_uniform`, `uniform`, `integers` and `choice`.
        train: arrays or tensors with as many rows each, such as images and labels.
        test: the same, or None if there is no test set.
        validation: the share of the rows of `train` to judge by.
        seed: the same seed gives the same split and, with the same name, the same trials; those that learn from others,
            as "tpe" and "gp" do, in one process alone.
        direction: "maximize" or "minimize".
        sampler: "random", "tpe" (Bergstra et al. 2011), "gp" (`GPSampler`), or a sampler of Optuna's. With "random" and
            "gp", and neither `pruner` nor `storage`, Optuna is not needed.
        pruner: None, "median", "halving" (Li et al. 2020), or a pruner of Optuna's; it judges what trials report.
        storage: None, a file or an address; see `open_storage`. With a file or an address a search that was broken off
            goes on where it was, and processes that run the same script share the trials.
        name: tells apart the searches in one storage, and those with one seed.
        heartbeat: seconds between the signs of life of a trial. A trial without four of them is run again.

    Raises:
        ArgumentError: a setting that is not as said.
        ShapeError: the data have not as many rows each, or fewer than two.
        MissingDependencyError: Optuna is not installed.
        DataError, OSError, TensorgradError: the storage cannot be opened; see `open_storage`.

    >>> import tensorgrad as tg
    >>> from tensorgrad import search
    >>> def objective(trial, train, valid):
    ...     return (valid[0] * trial.params["w"] - valid[1]).square().mean()
    >>> x = tg.linspace(0, 1, 20)
    >>> found = search.Search(objective, {"w": search.uniform(0, 4)}, (x, 2 * x), direction="minimize")
    >>> abs(found.run(50, progress=False)[0].params["w"] - 2) < 0.2
    True
    """

    def __init__(
        self,
        objective: Objective,
        space: Space,
        train: Sequence[Any],
        test: Sequence[Any] | None = None,
        *,
        validation: float = 0.2,
        seed: int = 0,
        direction: str = "maximize",
        sampler: Any = "random",
        pruner: Any = None,
        storage: Any = None,
        name: str = "search",
        heartbeat: float = 15.0,
    ) -> None:
        if direction not in {"maximize", "minimize"}:
            raise ArgumentError(f"direction {direction!r}: there are 'maximize' and 'minimize'")
        if heartbeat <= 0:
            raise ArgumentError(f"heartbeat={heartbeat}: expected more than 0 seconds")
        alone = storage is None and pruner is None and sampler in ("random", "gp")
        self._storage: Any = Memory() if alone else open_storage(storage)
        self._objective, self._space = objective, dict(space)
        self._all, self._test = tuple(train), None if test is None else tuple(test)
        self._train, self._valid = _split(self._all, validation, seed)
        self._seed, self._direction, self._name = seed, direction, name
        self._sampler, self._pruner = sampler, pruner
        self._heartbeat = 0.0 if storage is None else heartbeat

    def run(self, trials: int, *, progress: bool = True) -> list[Outcome]:
        """Search until there are `trials` finished ones, those of earlier runs counted, and return them, best first.

        Raises:
            ArgumentError: `trials` below 1, or the storage holds a search over another space.
            TensorgradError: the test set has been looked at.
            Exception: whatever the objective raises; its trial is run again when the search goes on.
        """
        return self._round(0, self._space, trials, progress)

    def rounds(
        self, trials: Sequence[int], *, keep: float = 0.1, margin: float = 0.1, progress: bool = True
    ) -> list[list[Outcome]]:
        """Search in rounds, each in the space of the last one's best, and return the trials of each, best first.

        Args:
            trials: how many, for each round.
            keep: the share of a round's trials that the space is narrowed to, at least two of them.
            margin: see `narrow`.

        Raises:
            As `run`.
        """
        space: Space = self._space
        found: list[list[Outcome]] = []
        for number, count in enumerate(trials):
            if found:
                good = [outcome for outcome in found[-1] if not math.isnan(outcome.value)]
                space = narrow(space, [o.params for o in good[: max(2, round(keep * len(found[-1])))]], margin)
            found.append(self._round(number, space, count, progress))
        return found

    def test(self, best: Outcome, evaluate: Callable[[Params, Data, Data], Any]) -> float:
        """Return ``evaluate(best.params, train, test)``, where `train` is all of it, and end the search.

        Raises:
            ArgumentError: the search was made without a test set.
            TensorgradError: the test set has been looked at before, here or by another process on the same storage.
        """
        if self._test is None:
            raise ArgumentError("Search.test: there is no test set: give it to Search")
        study = self._study(0, self._space)
        self._check_untested(study)
        value = float(evaluate(dict(best.params), self._all, self._test))
        study.set_user_attr("test", {"value": value, "params": best.params})
        return value

    def _check_untested(self, study: Any) -> None:
        tested = study.user_attrs.get("test")
        if tested is not None:
            raise TensorgradError(
                f"the test set has been looked at: {tested['value']:.6g} with {tested['params']}. What is chosen after "
                "that is fitted to it; start a new search with another name and other test data"
            )

    def _study(self, number: int, space: Space) -> Any:
        sampler = make_sampler(self._sampler, space, key_of(self._seed, self._name, number))
        study = open_study(self._storage, f"{self._name}/{number + 1}", self._direction, sampler, self._pruner)
        here = {"space": repr(dict(space)), "seed": self._seed, "rows": len(self._train[0])}
        there = study.user_attrs.get("search")
        if there is None:
            study.set_user_attr("search", here)
        elif there != here:
            raise ArgumentError(f"the storage holds another search named {self._name!r}: {there}, here {here}")
        return study

    def _round(self, number: int, space: Space, trials: int, progress: bool) -> list[Outcome]:
        if trials < 1:
            raise ArgumentError(f"Search: {trials} trials: expected at least 1")
        self._check_untested(self._study(0, self._space))
        study = self._study(number, space)
        data = self._train, self._valid
        asked = space if isinstance(self._storage, Memory) else distributions(space)
        shown: AbstractContextManager[Progress | None] = Progress(trials, unit="trial") if progress else nullcontext()
        with shown as table, at_work() as owner:
            key = key_of(self._seed, self._name, number)
            task = Task(self._objective, data, asked, key, self._heartbeat, owner)
            watch = Watch(owner, BEATS * self._heartbeat or math.inf)
            outcomes = self._outcomes(study, trials, [], table)
            while len(outcomes) < trials:
                watch.rescue(study)
                if not run_one(study, task, trials):
                    time.sleep(min(0.2, self._heartbeat))
                outcomes = self._outcomes(study, trials, outcomes, table)
        return sorted(outcomes, key=self._rank)

    def _outcomes(self, study: Any, trials: int, before: list[Outcome], table: Progress | None) -> list[Outcome]:
        """Return the trials that are finished now, and tell `table` those that were not `before`."""
        known = {outcome.slot for outcome in before}
        found = [Outcome.of(trial) for slot, trial in done(study).items() if slot < trials]
        for outcome in found:
            if table is not None and outcome.slot not in known:
                before = [*before, outcome]
                table.epoch(value=outcome.value, best=min(before, key=self._rank).value)
        return found

    def _rank(self, outcome: Outcome) -> tuple[bool, float]:
        """Return what is the less the better the outcome is; no number comes last."""
        none = math.isnan(outcome.value)
        return none, 0.0 if none else outcome.value if self._direction == "minimize" else -outcome.value


def _split(data: Data, fraction: float, seed: int) -> tuple[Data, Data]:
    """Return the rows of `data` in random order, those to learn from and the last `fraction`, to be judged by."""
    if not data or len({len(part) for part in data}) != 1:
        raise ShapeError(f"Search: expected data with as many rows each, found {[len(part) for part in data]}")
    rows = np.arange(len(data[0]))
    train, valid = holdout(rows, rows, fraction, seed=np.random.default_rng(seed % 2**64))
    return tuple(part[train.images] for part in data), tuple(part[valid.images] for part in data)
