"""Trials in the memory of this process, with what a search asks of Optuna's: alone and unpruned it needs no Optuna."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from .space import Params, Space, need_optuna


class State(Enum):
    """Where a trial stands, in Optuna's words."""

    WAITING = 0
    RUNNING = 1
    COMPLETE = 2
    PRUNED = 3
    FAIL = 4


@dataclass(eq=False)
class MemoryTrial:
    """A trial; `params` are drawn when it is asked for, those of one that waits are `given`."""

    number: int
    given: Params = field(default_factory=dict)
    user_attrs: dict[str, Any] = field(default_factory=dict)
    params: Params = field(default_factory=dict)
    value: float | None = None
    state: State = State.WAITING

    def set_user_attr(self, name: str, value: Any) -> None:
        """Keep `value` under `name`."""
        self.user_attrs[name] = value

    def report(self, value: float, step: int) -> None:
        """Do nothing: nothing is pruned."""

    def should_prune(self) -> bool:
        """Return False."""
        return False


class _Direction(NamedTuple):
    name: str


class MemoryStudy:
    """The trials of one round; `sampler` has the methods of `optuna.samplers.BaseSampler`."""

    def __init__(self, direction: str) -> None:
        self.direction = _Direction(direction.upper())
        self.sampler: Any = None
        self.trials: list[MemoryTrial] = []
        self.user_attrs: dict[str, Any] = {}
        self._lock = threading.Lock()

    def set_user_attr(self, name: str, value: Any) -> None:
        """Keep `value` under `name`."""
        self.user_attrs[name] = value

    def get_trials(self, deepcopy: bool = False) -> list[MemoryTrial]:  # noqa: ARG002 - as Optuna calls it
        """Return the trials, each as it stands."""
        return list(self.trials)

    def enqueue_trial(self, params: Params, user_attrs: Mapping[str, Any]) -> None:
        """Let a trial with these parameters wait until it is asked for."""
        with self._lock:
            self.trials.append(MemoryTrial(len(self.trials), params, dict(user_attrs)))

    def ask(self, space: Space) -> MemoryTrial:
        """Return the trial that has waited longest, or a new one, with parameters from `space`."""
        with self._lock:
            trial = next((t for t in self.trials if t.state is State.WAITING), None)
            if trial is None:
                trial = MemoryTrial(len(self.trials))
                self.trials.append(trial)
            trial.state = State.RUNNING
        self.sampler.before_trial(self, trial)
        drawn = trial.given or self.sampler.sample_relative(self, trial, {})
        for name, entry in space.items():
            known = name in drawn
            trial.params[name] = drawn[name] if known else self.sampler.sample_independent(self, trial, name, entry)
        return trial

    def tell(
        self,
        trial: MemoryTrial,
        value: float | None = None,
        state: State | None = None,
        *,
        skip_if_finished: bool = False,  # noqa: ARG002 - as Optuna is told
    ) -> None:
        """End `trial` with a value or in a state; its worker alone does so, and once."""
        trial.value, trial.state = value, state or State.COMPLETE
        self.sampler.after_trial(self, trial, trial.state, value)


class Memory(dict[str, MemoryStudy]):
    """The studies of a search by name."""


class RandomSampler:
    """Draws each parameter from `space` by itself, as `optuna.samplers.RandomSampler` does, to the bit."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = dict(space)
        self._uniform = np.random.RandomState(seed)

    def reseed_rng(self) -> None:
        """Start from the system's entropy."""
        self._uniform = np.random.RandomState()

    def before_trial(self, study: Any, trial: Any) -> None:
        """Do nothing."""

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        """Do nothing."""

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:  # noqa: ARG002 - as Optuna calls it
        """Return that nothing is drawn together."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> Params:  # noqa: ARG002
        """Return nothing."""
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        """Return one parameter; one that is not in the space is Optuna's to draw."""
        entry = self._space.get(param_name)
        if entry is None:
            other = need_optuna().samplers.RandomSampler(seed=self._uniform.randint(2**31))
            return other.sample_independent(study, trial, param_name, param_distribution)
        return entry.value(self._uniform.random_sample(entry.width))


def states_of(study: Any) -> Any:
    """Return the states that the trials of `study` have: `State`, or Optuna's."""
    return State if isinstance(study, MemoryStudy) else need_optuna().trial.TrialState


def ended_elsewhere(study: Any) -> tuple[type[Exception], ...]:
    """Return what `study` raises about a trial that another worker has ended."""
    if isinstance(study, MemoryStudy):
        return ()
    return (need_optuna().exceptions.UpdateFinishedTrialError,)
