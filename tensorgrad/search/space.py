"""What a hyper-parameter may be: ranges and options, their place in the unit cube, and how they are narrowed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError, needing

Params = dict[str, Any]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`: their logarithms are uniform if `log`, they themselves otherwise.

    Raises:
        ArgumentError: `low` is not below `high`, one of them is not finite, or is not above 0 where `log`.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ArgumentError(f"a range needs two finite ends, the lower first: found {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ArgumentError(f"a logarithmic range starts above 0: found {self.low}")

    width = 1
    """How many coordinates it takes in the unit cube."""

    def distribution(self) -> Any:
        """Return what Optuna calls it."""
        from optuna import distributions

        if self.integer:
            return distributions.IntDistribution(int(self.low), int(self.high), log=self.log)
        return distributions.FloatDistribution(self.low, self.high, log=self.log)

    def _ends(self) -> tuple[float, float]:
        room = 0.5 if self.integer else 0.0  # every integer has the same room, the first and the last, too
        low, high = self.low - room, self.high + room
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def place(self, value: Any) -> Array:
        """Return where `value` is between the ends, from 0 to 1, of shape (1,)."""
        low, high = self._ends()
        at = ((math.log(value) if self.log else float(value)) - low) / (high - low)
        return np.array([min(max(at, 0.0), 1.0)])

    def value(self, place: Array) -> Any:
        """Return the number at `place`, of shape (1,)."""
        low, high = self._ends()
        at = low + float(place[0]) * (high - low)
        number = math.exp(at) if self.log else at
        number = min(max(round(number) if self.integer else number, self.low), self.high)
        return int(number) if self.integer else float(number)

    def narrowed(self, values: Sequence[Any], margin: float) -> Range:
        """Return the range of `values`, wider by `margin` of it at either end, and never wider than this one."""
        places = [float(self.place(value)[0]) for value in values]
        low, high = min(places), max(places)
        room = margin * (high - low) or margin / 2  # all values the same: the surroundings of that one
        low, high = max(low - room, 0.0), min(high + room, 1.0)
        ends = [self.value(np.array([at])) for at in (low, high)]
        return replace(self, low=ends[0], high=ends[1]) if ends[0] < ends[1] else self


@dataclass(frozen=True)
class Choice:
    """One of `options`: numbers, texts, truth values or None.

    Raises:
        ArgumentError: there is no option.
    """

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ArgumentError("a choice needs at least one option")

    @property
    def width(self) -> int:
        """How many coordinates it takes in the unit cube: one for each option."""
        return len(self.options)

    def distribution(self) -> Any:
        """Return what Optuna calls it."""
        from optuna import distributions

        return distributions.CategoricalDistribution(self.options)

    def place(self, value: Any) -> Array:
        """Return 1 at the option that is `value` and 0 at the others."""
        at = np.zeros(len(self.options))
        at[self.options.index(value)] = 1.0
        return at

    def value(self, place: Array) -> Any:
        """Return the option where `place` is largest."""
        return self.options[int(np.argmax(place))]

    def narrowed(self, values: Sequence[Any], margin: float) -> Choice:  # noqa: ARG002 - as of a Range
        """Return the options that occur in `values`."""
        return Choice(tuple(option for option in self.options if option in values))


Space = Mapping[str, Range | Choice]


def uniform(low: float, high: float) -> Range:
    """Return the numbers from `low` to `high`, all alike.

    Raises:
        ArgumentError: ends that are infinite, or the higher one first.
    """
    return Range(float(low), float(high))


def log_uniform(low: float, high: float) -> Range:
    """Return the numbers from `low` to `high`, each power of ten alike: ``10 ** U(log10(low), log10(high))``.

    Raises:
        ArgumentError: ends that are infinite or not above 0, or the higher one first.
    """
    return Range(float(low), float(high), log=True)


def integers(low: int, high: int, *, log: bool = False) -> Range:
    """Return the integers from `low` to `high`, both included; the small ones more often if `log`."""
    return Range(low, high, log, integer=True)


def choice(*options: Any) -> Choice:
    """Return a choice among `options`."""
    return Choice(options)


def narrow(space: Space, best: Sequence[Params], margin: float = 0.1) -> dict[str, Range | Choice]:
    """Return `space` narrowed to where the `best` parameters lie: step 3 of chapter 6.5.2.

    A range, of logarithms where it is one, becomes the span of the best values and a `margin` of it at either end, but
    never leaves the old one. A choice keeps the options that occur.

    Raises:
        ArgumentError: there is no best.

    >>> new = narrow({"lr": log_uniform(1e-6, 1e-1)}, [{"lr": 1e-3}, {"lr": 1e-2}], margin=0.0)
    >>> f"{new['lr'].low:.1e} {new['lr'].high:.1e}"
    '1.0e-03 1.0e-02'
    """
    if not best:
        raise ArgumentError("narrow: no trial to narrow the space to")
    return {name: entry.narrowed([params[name] for params in best], margin) for name, entry in space.items()}


def distributions(space: Space) -> dict[str, Any]:
    """Return `space` as Optuna's ``study.ask`` takes it; MissingDependencyError where Optuna is not installed."""
    need_optuna()
    return {name: entry.distribution() for name, entry in space.items()}


def need_optuna() -> Any:
    """Return the library Optuna.

    Raises:
        MissingDependencyError: it is not installed.
    """
    with needing("a search by TPE, with a pruner or a storage,", "optuna"):
        import optuna
    return optuna
