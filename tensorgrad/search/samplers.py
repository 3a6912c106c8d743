"""How the next parameters are chosen: at random, by TPE, or by a Gaussian process."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.errors import ArgumentError

from .bayesian import GPSampler
from .memory import RandomSampler
from .space import Space, need_optuna
from .workers import slot_of

Key = tuple[int, ...]
"""What the random numbers of a round come from: the seed, the name of the search and the number of the round."""


def key_of(seed: int, name: str, number: int) -> Key:
    """Return the key of round `number` of the search `name`."""
    return seed % 2**64, zlib.crc32(name.encode()), number


def seed_of(key: Key, slot: int) -> int:
    """Return the seed of the trial in `slot`, a number below 2**32."""
    return int(np.random.SeedSequence([*key, slot]).generate_state(1)[0])


class PerTrial:
    """A sampler of Optuna's, made anew for each trial with a seed of its own.

    So a trial is the same in one process and in several, in a run without a break and in one that went on. It has the
    methods of `optuna.samplers.BaseSampler`.
    """

    def __init__(self, make: Callable[[int], Any], key: Key) -> None:
        self._make, self._key = make, key
        self._made: dict[int, Any] = {}

    def __str__(self) -> str:
        return type(self._make(0)).__name__

    def reseed_rng(self) -> None:
        """Do nothing: the numbers do not depend on who draws them."""

    def before_trial(self, study: Any, trial: Any) -> None:
        """Make the sampler of `trial`."""
        self._made[trial.number] = self._make(seed_of(self._key, slot_of(study, trial)))
        self._made[trial.number].before_trial(study, trial)

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return what is drawn together."""
        space: dict[str, Any] = self._made[trial.number].infer_relative_search_space(study, trial)
        return space

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        """Return what is drawn together."""
        drawn: dict[str, Any] = self._made[trial.number].sample_relative(study, trial, search_space)
        return drawn

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        """Return one parameter."""
        return self._made[trial.number].sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
        """Forget the sampler of `trial`."""
        made = self._made.pop(trial.number, None)  # another worker's trial, ended here, has none
        if made is not None:
            made.after_trial(study, trial, state, values)


def make_sampler(sampler: Any, space: Space, key: Key) -> Any:
    """Return the sampler named `sampler`, "random", "tpe" or "gp", for a round; else it is one of Optuna's.

    Raises:
        ArgumentError: another name.
        MissingDependencyError: TPE is Optuna's, which is not installed.
    """
    if not isinstance(sampler, str):
        return sampler
    makers: dict[str, Callable[[int], Any]] = {
        "random": lambda s: RandomSampler(space, s),
        "tpe": lambda s: need_optuna().samplers.TPESampler(seed=s),
        "gp": lambda s: GPSampler(space, s),
    }
    if sampler not in makers:
        raise ArgumentError(f"sampler {sampler!r}: there are {', '.join(makers)}, and the samplers of Optuna")
    return PerTrial(makers[sampler], key)


def make_pruner(pruner: Any) -> Any:
    """Return the pruner named `pruner`, None, "median" or "halving"; anything else is one of Optuna's already.

    Raises:
        ArgumentError: another name.
    """
    optuna = need_optuna()
    makers = {
        None: optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "halving": optuna.pruners.SuccessiveHalvingPruner,
    }
    if pruner is not None and not isinstance(pruner, str):
        return pruner
    if pruner not in makers:
        raise ArgumentError(f"pruner {pruner!r}: there are None, 'median', 'halving', and the pruners of Optuna")
    return makers[pruner]()
