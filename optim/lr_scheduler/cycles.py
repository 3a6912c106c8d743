"""Schedules that lead the learning rate up and down, and the momentum the other way.

Sources: Smith 2017, "Cyclical learning rates for training neural networks", arXiv:1506.01186; Smith and Topin 2018,
"Super-convergence", arXiv:1708.07120.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler, check_optimizer, check_positive, per_group, set_lrs, state_of
from .cosine import along_cosine


class _WithMomentum(LRScheduler):
    """Base class: the momentum, or Adam's first beta, moves between two bounds of each group."""

    cycle_momentum: bool
    use_beta1: bool

    def _bound_momentum(self, optimizer: Optimizer, base: Any, largest: Any, last_epoch: int) -> tuple[Any, Any]:
        """Note the bounds in the groups, start from the largest, and return both."""
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in optimizer.defaults
        bases = per_group("base_momentum", optimizer, base)
        largests = per_group("max_momentum", optimizer, largest)
        if last_epoch == -1:
            for group, low, high in zip(optimizer.param_groups, bases, largests, strict=True):
                self._set_momentum(group, high)
                group["max_momentum"] = high
                group["base_momentum"] = low
        return bases, largests

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


Scale = Callable[[float], float]


class CyclicLR(_WithMomentum):
    """In straight lines from `base_lr` up to `max_lr` and back, again and again.

    Args:
        optimizer: whose parameter groups are changed.
        base_lr: the lower bound, one number or one for each group; the schedule starts from it.
        max_lr: the upper bound likewise.
        step_size_up: how many steps lead up.
        step_size_down: how many lead down; None for as many.
        mode: the height of cycle n, the first being 1: "triangular" is full; "triangular2" is ``0.5 ** (n - 1)``;
            "exp_range" is ``gamma ** step``.
        gamma: see `mode`.
        scale_fn: a function that gives the height in place of `mode`.
        scale_mode: whether `scale_fn` takes the number of the "cycle" or of the step, "iterations".
        cycle_momentum: also move the momentum, or Adam's first beta, the other way.
        base_momentum: the lower bound of the momentum, one number or one for each group.
        max_momentum: the upper bound likewise.
        last_epoch: as for every schedule.

    Raises:
        ValueError: an unknown mode, lists of another length than there are groups, or no momentum to move.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Scale | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None: mode is triangular, triangular2 or exp_range")
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._bound_momentum(
                optimizer, base_momentum, max_momentum, last_epoch
            )
        if last_epoch == -1:
            set_lrs(optimizer, base_lrs)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """Return the height of the cycle, or at the step, `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular2":
            return math.pow(0.5, x - 1)
        return math.pow(self.gamma, x) if self.mode == "exp_range" else 1.0

    def get_lr(self) -> list[float]:
        """Return the learning rates of this step, and set its momentum."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        part = 1 + self.last_epoch / self.total_size - cycle
        height = part / self.step_ratio if part <= self.step_ratio else (part - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                self._set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer and `scale_fn`; of an object that is called, its attributes."""
        return {**super().state_dict(), "_scale_fn_custom": state_of(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, with the function that this schedule was made with."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(_WithMomentum):
    """Once up from ``max_lr / div_factor`` to `max_lr`, and down to ``max_lr / div_factor / final_div_factor``.

    Args:
        optimizer: whose parameter groups are changed.
        max_lr: the highest learning rate, one number or one for each group.
        total_steps: the number of steps; or
        epochs: their product with
        steps_per_epoch: this one.
        pct_start: the part of all steps that leads up.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: also move the momentum, or Adam's first beta, the other way.
        base_momentum: the lower bound of the momentum, one number or one for each group.
        max_momentum: the upper bound likewise.
        div_factor: see above.
        final_div_factor: see above.
        three_phase: come down to the start as fast as it went up, and only then to the end.
        last_epoch: as for every schedule.

    Raises:
        ValueError: no number of steps, a setting out of range, lists of another length than there are groups, no
            momentum to move, or more steps than there are.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.total_steps = _steps(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._bound_momentum(optimizer, base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, highest in zip(optimizer.param_groups, max_lrs, strict=True):
                group["initial_lr"] = highest / div_factor
                group["max_lr"] = highest
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates of this step, and set its momentum; ValueError after the last step."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}"
            )
        begin = 0.0
        for phase in self._schedule_phases:
            if self.last_epoch <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            begin = phase["end_step"]
        length = phase["end_step"] - begin
        part = (self.last_epoch - begin) / length if length else 1.0  # a phase of no steps is at its end
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                self._set_momentum(group, self._between(group, phase, "momentum", part))
        return [self._between(group, phase, "lr", part) for group in self.optimizer.param_groups]

    def _between(self, group: dict[str, Any], phase: dict[str, Any], of: str, part: float) -> float:
        """Return the learning rate or momentum at `part` of the way through `phase`."""
        start, end = group[phase[f"start_{of}"]], group[phase[f"end_{of}"]]
        return along_cosine(start, end, part) if self._anneal_func_type == "cos" else start + (end - start) * part


def _steps(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """Return the number of all steps, given as such or as a product."""
    product: dict[str, Any] = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    given = product if total_steps is None else {"total_steps": total_steps}
    if None in given.values():
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in given.items():
        check_positive(f"positive integer {name}", value)
    return math.prod(given.values())


def _phases(total: int, start: float, three: bool) -> list[dict[str, Any]]:
    """Return the last step of each phase, and by which names a group holds the values between which it leads."""
    up = _phase(start * total - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [up, _phase(total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    down = _phase(2 * start * total - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    return [up, down, _phase(total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]


def _phase(end_step: float, *names: str) -> dict[str, Any]:
    return {
        "end_step": end_step,
        **dict(zip(("start_lr", "end_lr", "start_momentum", "end_momentum"), names, strict=True)),
    }
