"""What the names of training curves tell: their panel, and which of them are one thing on different data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError, ShapeError

from .numbers import numbers

TRAINING = frozenset({"train", "training"})
HELD_OUT = frozenset({"test", "testing", "val", "valid", "validation", "eval", "dev"})
LOWER_IS_BETTER = frozenset({"loss", "error", "perplexity", "mse", "mae", "rmse"})
HIGHER_IS_BETTER = frozenset({"accuracy", "acc", "f1", "precision", "recall", "auc", "score"})
_METRICS = LOWER_IS_BETTER | HIGHER_IS_BETTER | {"lr", "norm"}


def parts(name: str) -> list[str]:
    """Return the words of a name.

    >>> parts("train_loss"), parts("SGD/test accuracy")
    (['train', 'loss'], ['SGD', 'test', 'accuracy'])
    """
    return [word for word in re.split(r"[\s_/.:-]+", name) if word]


def metric(name: str) -> str:
    """Return the last word of `name` that is a known metric, or "".

    >>> metric("test_Accuracy"), metric("Adam")
    ('accuracy', '')
    """
    return next((word.lower() for word in reversed(parts(name)) if word.lower() in _METRICS), "")


def share(name: str, values: Sequence[float | None] | Array) -> bool:
    """Return whether `values` are shares, which are written in per cent: an accuracy from 0 to 1."""
    if metric(name) not in {"accuracy", "acc", "precision", "recall"}:
        return False
    return all(0 <= value <= 1 for value in values if value is not None and np.isfinite(value))


@dataclass(frozen=True)
class Line:
    """One curve: its label, the metric in its name, if any, the rest but for the split, the split, and its points."""

    label: str
    metric: str
    thing: str
    split: str
    x: Array
    y: Array


def panels(series: Mapping[str, Any], x: Sequence[float] | None) -> dict[str, list[Line]]:
    """Return the lines of each panel.

    Names without panels are put in order by the metric in them: ``train_loss`` and ``test_loss`` into the panel
    "loss". A metric that all lines of a panel share is left out of their labels. In each, None is left out; NaN and
    infinities stay.

    Raises:
        ArgumentError: there is no line at all, or only some of the values are mappings.
        ShapeError: a line that is not one row of numbers, or that `x` does not fit.
    """
    if len({isinstance(value, Mapping) for value in series.values()}) > 1:
        raise ArgumentError("plot_curves: expected lines, or mappings of lines, one for each panel; found both")
    found: dict[str, list[Line]] = {}
    for name, value in series.items():
        if isinstance(value, Mapping):
            metrics = {metric(str(label)) for label in value}
            shared = metrics.pop() if len(metrics) == 1 else ""
            found[name] = [_line(str(label), shared, values, x) for label, values in value.items()]
        else:
            found.setdefault(metric(name), []).append(_line(str(name), metric(name), value, x))
    if not any(found.values()):
        raise ArgumentError("plot_curves: found no line: give a mapping from names to the values after each epoch")
    return found


def quantity(panel: str, lines: Sequence[Line]) -> str:
    """Return what all `lines` measure if the name of their panel does not tell it; then that name is a heading."""
    metrics = {line.metric for line in lines}
    return metrics.pop() if len(metrics) == 1 and metric(panel) not in metrics else ""


def _line(name: str, known: str, values: Any, x: Sequence[float] | None) -> Line:
    every = parts(name)
    label = [word for word in every if word.lower() != known]
    split = next((word.lower() for word in label if word.lower() in TRAINING | HELD_OUT), "")
    thing = " ".join(word for word in label if word.lower() != split)
    shown = " ".join(label) if known and len(label) < len(every) else name
    y = numbers(f"plot_curves: {name!r}", values)
    if y.ndim != 1:
        raise ShapeError(
            f"plot_curves: {name!r} has shape {y.shape}, expected one number after each epoch or step: (n,)"
        )
    at = np.arange(1.0, len(y) + 1) if x is None else numbers("plot_curves: x", x)
    if at.ndim != 1 or len(at) < len(y) or not np.isfinite(at).all():
        raise ShapeError(f"plot_curves: x of shape {at.shape} does not fit the {len(y)} values of {name!r}")
    measured = [value is not None for value in values] if isinstance(values, list | tuple) else [True] * len(y)
    return Line(shown or name, known, thing, split, at[: len(y)][measured], y[measured])
