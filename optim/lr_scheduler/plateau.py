"""A schedule that looks at the progress of training."""

from __future__ import annotations

import math
from typing import Literal, SupportsFloat

from tensorgrad.base.misfits import wrong_type
from tensorgrad.base.watched import outside
from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler, check_optimizer, warn_of


class ReduceLROnPlateau(LRScheduler):
    """``lr *= factor`` after more than `patience` epochs without a better metric than the best so far.

    Args:
        optimizer: whose parameter groups are changed.
        mode: "min" if less is better, "max" if more is.
        factor: less than 1.
        patience: how many epochs without progress are tolerated.
        threshold: how much better counts: than ``best * (1 - threshold)``, or ``best - threshold`` with "abs"; plus
            in place of minus for "max".
        threshold_mode: "rel" or "abs".
        cooldown: for how many epochs after a reduction none is counted.
        min_lr: below which no learning rate goes, one number or one for each group.
        eps: a smaller reduction is left out.

    Raises:
        ValueError: `factor` is 1 or more, a mode is unknown, or `min_lr` has not one value for each group.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, found {factor}.")
        check_optimizer(optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! There are min and max")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! There are rel and abs")
        groups = len(optimizer.param_groups)
        several = isinstance(min_lr, list | tuple)
        self.min_lrs: list[float] = list(min_lr) if several else [min_lr] * groups  # type: ignore[arg-type,list-item]
        if len(self.min_lrs) != groups:
            raise ValueError(f"expected {groups} min_lrs, got {len(self.min_lrs)}")
        self.default_min_lr = None if several else min_lr
        self.optimizer = optimizer
        self.factor = factor
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.last_epoch = 0
        self._note_lr()
        self._reset()

    def _reset(self) -> None:
        """Forget all that was seen."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @outside
    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take notice of `metrics`, this epoch's loss or score, and reduce the learning rates if it is time."""
        if not isinstance(metrics, SupportsFloat):
            raise TypeError(wrong_type("ReduceLROnPlateau.step", "metrics", 1, metrics, float))
        current = float(metrics)
        warn_of(epoch)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._note_lr()

    @property
    def in_cooldown(self) -> bool:
        """Whether a reduction is so recent that no bad epoch is counted."""
        return self.cooldown_counter > 0

    def _is_better(self, current: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        margin = sign * self.threshold
        bar = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return current * sign > bar * sign

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from when "
                    f"`ReduceLROnPlateau` was initialized ({len(self.min_lrs)}), usually due to a new param group "
                    f"being added to the optimizer. Please modify the `min_lrs` field to match the length of the "
                    f"`optimizer` param groups."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)  # type: ignore[list-item]
        for group, lowest in zip(groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, lowest)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr
