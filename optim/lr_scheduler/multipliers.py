"""Schedules that multiply the learning rates of all groups by one factor."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler


class Factor(LRScheduler):
    """Base class: `ratio` leads from one epoch to the next, `fraction` from the start to any."""

    def ratio(self) -> float:
        """Return what the learning rates are multiplied by on arrival at the epoch `last_epoch`."""
        raise NotImplementedError

    def fraction(self) -> float:
        """Return the learning rates of the epoch `last_epoch` in units of `base_lrs`."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        """Return the present learning rates times `ratio`."""
        self._warn_outside_step()
        ratio = self.ratio()
        return [lr * ratio for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        fraction = self.fraction()
        return [base_lr * fraction for base_lr in self.base_lrs]


class StepLR(Factor):
    """``lr *= gamma`` every `step_size` epochs.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(4):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return `gamma` at every multiple of `step_size`."""
        return self.gamma if self.last_epoch and self.last_epoch % self.step_size == 0 else 1.0

    def fraction(self) -> float:
        """Return ``gamma ** (epoch // step_size)``."""
        return self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(Factor):
    """``lr *= gamma`` at each of the epochs `milestones`; twice where one is named twice."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return `gamma` to the number of milestones at this epoch."""
        return self.gamma ** self.milestones.get(self.last_epoch, 0)

    def fraction(self) -> float:
        """Return `gamma` to the number of milestones so far."""
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)


class ConstantLR(Factor):
    """``factor * base_lr`` until epoch `total_iters`, then `base_lr`.

    A factor of 0, at which PyTorch divides by it, is allowed: training starts at epoch `total_iters`.

    Raises:
        ValueError: `factor` is not between 0 and 1.
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, found {factor}.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates times `ratio`, and at the end of a factor of 0 those of the start."""
        if self.factor == 0 and 0 < self.last_epoch == self.total_iters:
            return list(self.base_lrs)
        return super().get_lr()

    def ratio(self) -> float:
        """Return the factor at the first epoch and its inverse at epoch `total_iters`."""
        if self.last_epoch == 0:
            return self.factor
        return 1.0 / self.factor if self.last_epoch == self.total_iters else 1.0

    def fraction(self) -> float:
        """Return the factor before epoch `total_iters` and 1 from there on."""
        return self.factor if self.last_epoch < self.total_iters else 1.0


class LinearLR(Factor):
    """From ``start_factor * base_lr`` in equal steps to ``end_factor * base_lr`` at epoch `total_iters`: a warm-up.

    Raises:
        ValueError: `start_factor` is not above 0 and at most 1, or `end_factor` not between 0 and 1.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"Starting multiplicative factor expected to be greater than 0 and less or equal to 1, found "
                f"{start_factor}."
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, found {end_factor}.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return the quotient of this epoch's fraction and the one before."""
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        return self._at(self.last_epoch) / self._at(self.last_epoch - 1)

    def fraction(self) -> float:
        """Return the fraction on the line, and the end of it afterwards."""
        return self._at(min(self.last_epoch, self.total_iters))

    def _at(self, epoch: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * epoch / self.total_iters


class ExponentialLR(Factor):
    """``lr *= gamma`` every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return `gamma`, and 1 at the start."""
        return 1.0 if self._is_initial else self.gamma

    def fraction(self) -> float:
        """Return ``gamma ** epoch``."""
        return self.gamma**self.last_epoch


class PolynomialLR(Factor):
    """``base_lr * (1 - epoch / total_iters) ** power``, and 0 from epoch `total_iters` on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def ratio(self) -> float:
        """Return the quotient of this epoch's fraction and the one before."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1.0
        left = self.total_iters - self.last_epoch
        return math.pow(left / (left + 1), self.power)

    def fraction(self) -> float:
        """Return ``(1 - epoch / total_iters) ** power``."""
        return math.pow(1.0 - min(self.last_epoch, self.total_iters) / self.total_iters, self.power)
