"""The learning rate over the steps of a schedule."""

from __future__ import annotations

import copy
from typing import Any

from tensorgrad.errors import ArgumentError

from .canvas import Figure
from .curves import plot_curves
from .numbers import at_least_one


def plot_lr(scheduler: Any, steps: int, *, log: bool = False, unit: str = "epoch", title: str = "") -> Figure:
    """Return the learning rates that `scheduler` will set from now on, a line for each parameter group.

    A copy of the schedule is run; the schedule itself, its optimizer and the parameters stay as they are.

    Args:
        scheduler: one of `tensorgrad.optim.lr_scheduler` whose `step` needs no measured value. Rates that were
            recorded are drawn by ``plot_curves({"lr": rates})``.
        steps: how many rates; the first is the present one.
        log: a logarithmic scale.
        unit: what a step of the schedule is, "epoch" or "step".
        title: a heading.

    Raises:
        ArgumentError: no schedule, one that waits for a measured value, or `steps` below 1.
        MissingDependencyError: matplotlib is not installed.

    >>> plot_lr(scheduler, 30)  # doctest: +SKIP
    """
    if not hasattr(scheduler, "optimizer") or not hasattr(scheduler, "step"):
        raise ArgumentError(f"plot_lr: expected a schedule of the learning rate, found {type(scheduler).__name__}")
    at_least_one("plot_lr", steps=steps)
    optimizer, groups = scheduler.optimizer, scheduler.optimizer.param_groups
    large = [optimizer.state, *(p for group in groups for p in group["params"])]  # a schedule reads none of it
    twin = copy.deepcopy(scheduler, {id(part): part for part in large})
    rates = []
    for _ in range(steps):
        rates.append([float(group["lr"]) for group in twin.optimizer.param_groups])
        try:
            twin.step()
        except TypeError as error:
            raise ArgumentError(
                f"plot_lr: {type(scheduler).__name__}.step() waits for a measured value: record the rates while "
                f"training, and give them to plot_curves"
            ) from error
    label = "learning rate"
    names = [label] if len(groups) == 1 else [f"group {i}" for i in range(len(groups))]
    lines = dict(zip(names, zip(*rates, strict=True), strict=True))
    return plot_curves({label: lines}, log=log, unit=unit, title=title)
