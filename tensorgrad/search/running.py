"""One trial: what its objective is given, how it is run, and what comes out of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tensorgrad.create.random import get_rng_state, manual_seed, set_rng_state

from .memory import ended_elsewhere, states_of
from .samplers import Key, seed_of
from .space import Params
from .workers import NAN, NOTES, SLOT, SURPLUS, alive, ask, reaching, slot_of

Data = tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """A finished trial.

    Attributes:
        slot: its place in the search, from 0.
        params: what was tried.
        value: what the objective returned, or had reported last when it was pruned; NaN for no number.
        pruned: whether it was given up early.
        notes: what the objective noted.
    """

    slot: int
    params: Params
    value: float
    pruned: bool
    notes: dict[str, Any]

    @staticmethod
    def of(trial: Any) -> Outcome:
        """Return the outcome of a finished trial of Optuna's."""
        value = math.nan if trial.value is None else float(trial.value)
        told = trial.user_attrs
        return Outcome(told[SLOT], dict(trial.params), value, trial.state.name == "PRUNED", told.get(NOTES, {}))


class Trial:
    """What an objective is given: the parameters to try, and whom to report to.

    Attributes:
        params: by name.
        slot: its place in the search, from 0.
        seed: of the default generator when the objective is called.
    """

    def __init__(self, trial: Any, slot: int, seed: int) -> None:
        self._trial = trial
        self.params: Params = dict(trial.params)
        self.slot, self.seed = slot, seed
        self.notes: dict[str, Any] = {}

    @reaching
    def report(self, value: Any, step: int) -> None:
        """Report how good it is after `step` epochs; a hopeless trial ends here, as the search's pruner decides.

        Raises:
            TrialPruned: Optuna's, which ends a hopeless trial.
        """
        self._trial.report(float(value), step)
        if self._trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned

    def note(self, **values: Any) -> None:
        """Keep values beside the result, such as curves: what JSON can hold."""
        self.notes |= values


Objective = Callable[[Trial, Data, Data], Any]


@dataclass(frozen=True)
class Task:
    """What every trial of a round is: a call of `objective` on `data`, with parameters out of `space`."""

    objective: Objective
    data: tuple[Data, Data]
    space: Mapping[str, Any]
    """What the study draws from: Optuna's distributions by name, or the space itself."""
    key: Key
    """What the seeds of the trials come from."""
    heartbeat: float
    """Seconds between signs of life; 0 for none."""
    owner: str
    """Who runs them."""


def run_one(study: Any, task: Task, trials: int) -> bool:
    """Run the next trial of `study`, and return True; False if others are at the last ones of `trials`.

    Raises:
        Exception: whatever the objective raises; the trial is left to be run again.
    """
    states = states_of(study)
    asked = ask(study, task.space, task.owner)
    slot = slot_of(study, study.trials[asked.number])
    if slot >= trials:
        asked.set_user_attr(SURPLUS, True)
        study.tell(asked, state=states.FAIL)
        return False
    asked.set_user_attr(SLOT, slot)
    trial = Trial(asked, slot, seed_of(task.key, slot))
    try:
        with alive(asked, task.heartbeat):
            value, pruned = _call(task, trial)
    except BaseException:
        study.tell(asked, state=states.FAIL, skip_if_finished=True)
        raise
    _tell(study, asked, trial.notes, value, pruned)
    return True


def _call(task: Task, trial: Trial) -> tuple[float, bool]:
    """Return the value of `trial`, and whether it was pruned; the default generator is left as it was."""
    state = get_rng_state()
    manual_seed(trial.seed)
    try:
        return float(task.objective(trial, *task.data)), False
    except Exception as error:
        optuna = sys.modules.get("optuna")  # who has not loaded it cannot have raised what it prunes by
        if optuna is None or not isinstance(error, optuna.TrialPruned):
            raise
        return math.nan, True
    finally:
        set_rng_state(state)


@reaching
def _tell(study: Any, asked: Any, notes: dict[str, Any], value: float, pruned: bool) -> None:
    """Tell `study` the result, unless another worker has given the trial up for lost: then it is run elsewhere."""
    states = states_of(study)
    failed = math.isnan(value) and not pruned
    try:
        if notes:
            asked.set_user_attr(NOTES, notes)
        if failed:
            asked.set_user_attr(NAN, True)
        if pruned or failed:
            study.tell(asked, state=states.PRUNED if pruned else states.FAIL, skip_if_finished=True)
        else:
            study.tell(asked, value, skip_if_finished=True)
    except ended_elsewhere(study):
        return
