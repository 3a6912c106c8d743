"""Bayesian optimisation, which chapter 6.5.2 cites, as a sampler for Optuna."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .gaussian import GaussianProcess, most_promising
from .memory import RandomSampler
from .space import Params, Range, Space, distributions

_CANDIDATES = 500
_FIRST = 100  # places of which the farthest from all trials is tried, as long as these are few
_NEAR = 20  # candidates around each of the best trials


class GPSampler(RandomSampler):
    """Chooses what is expected to improve most on the best so far, by a Gaussian process over all trials.

    Ranges are scaled to [0, 1], by their logarithms where they are logarithmic; a choice has a coordinate for each of
    its options. The first trials are those of some random ones that are farthest from what has been tried. A trial
    without a number counts as the worst, one that still runs as an average one, so that several workers try different
    things. It has the methods of `optuna.samplers.BaseSampler`, and needs nothing but NumPy and
    this library.

    Args:
        space: what may be tried; the objective asks Optuna for the same.
        seed: of the first trials and of what is drawn later.
        startup: how many trials come before the first that the process chooses; by default two for each coordinate, at
            least four.
        kernel: see `GaussianProcess`.

    Source: Snoek, Larochelle and Adams 2012.

    >>> study = optuna.create_study(sampler=GPSampler({"lr": log_uniform(1e-6, 1e-2)}))  # doctest: +SKIP
    """

    def __init__(self, space: Space, seed: int = 0, *, startup: int | None = None, kernel: str = "matern52") -> None:
        self._ring = np.concatenate([np.full(entry.width, isinstance(entry, Range)) for entry in space.values()])
        self._startup = max(4, 2 * len(self._ring)) if startup is None else startup
        self._kernel = kernel
        self._rng = np.random.default_rng(seed)
        super().__init__(space, int(self._rng.integers(2**32)))

    def reseed_rng(self) -> None:
        """Start from the system's entropy."""
        super().reseed_rng()
        self._rng = np.random.default_rng()

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:  # noqa: ARG002 - as Optuna calls it
        """Return the whole space: the process draws all parameters together."""
        return distributions(self._space)

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> Params:  # noqa: ARG002
        """Return the most promising parameters; in the first trials those farthest from all that were tried."""
        known = [t for t in study.get_trials(deepcopy=False) if t.params.keys() >= self._space.keys()]
        sign = 1.0 if study.direction.name == "MINIMIZE" else -1.0
        losses = np.array([math.nan if t.value is None else sign * t.value for t in known])
        x = np.array([self._place(t.params) for t in known])
        if np.isfinite(losses).sum() < 2 or len(known) < self._startup:
            return self._farthest(x)
        y = tamed(losses, np.array([t.state.name == "RUNNING" for t in known]))
        process = GaussianProcess(self._kernel, seed=int(self._rng.integers(2**32))).fit(x, y)
        return self._params(most_promising(process, y.min(), self._candidates(x[np.argsort(y, kind="stable")])))

    def _farthest(self, x: Array) -> Params:
        """Return of some random parameters those whose place is farthest from the nearest in `x`, if any are tried.

        Each range is a ring, so that what is farthest is not always at the ends.
        """
        drawn = [self._params(place) for place in self._rng.random((_FIRST, len(self._ring)))]
        if not len(x):
            return drawn[0]
        apart = np.abs(np.stack([self._place(params) for params in drawn])[:, None] - x)
        around = np.where(self._ring, np.minimum(apart, 1 - apart), apart / 2)
        return drawn[int(np.square(around).sum(2).min(1).argmax())]

    def _candidates(self, x: Array) -> Array:
        """Return places all over the unit cube, and some around the first, the best, of those that were tried."""
        spread = self._rng.random((_CANDIDATES, x.shape[1]))
        near = np.repeat(x[:5], _NEAR, axis=0)
        return np.concatenate([spread, np.clip(near + self._rng.normal(0, 0.05, near.shape), 0, 1)])

    def _place(self, params: Params) -> Array:
        return np.concatenate([entry.place(params[name]) for name, entry in self._space.items()])

    def _params(self, place: Array) -> Params:
        ends = np.cumsum([entry.width for entry in self._space.values()])
        parts = np.split(place, ends[:-1])
        return {name: entry.value(part) for (name, entry), part in zip(self._space.items(), parts, strict=True)}


def tamed(losses: Array, running: Array) -> Array:
    """Return finite losses: none is better than the best, nor so bad that the others look alike beside it.

    Args:
        losses: shape (n,), at least one of them finite; NaN where there is none.
        running: which of them are not known yet; they count as the mean.
    """
    known = losses[np.isfinite(losses)]
    best, middle = known.min(), np.median(known)
    worst = min(known.max(), max(float(np.quantile(known, 0.9)), middle + 2 * (middle - best)))
    lowest = np.where(np.isneginf(losses), best, losses)
    y = np.where(np.isnan(lowest), worst, np.minimum(lowest, worst))
    y[running] = y[~running].mean()
    return np.asarray(y)
