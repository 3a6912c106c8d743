"""Schedules along half a cosine, once or again and again.

Source: Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", arXiv:1608.03983, eq. 5.
"""

from __future__ import annotations

import math

from tensorgrad.base.watched import outside
from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler, check_positive


def along_cosine(start: float, end: float, part: float) -> float:
    """Return the value at `part`, from 0 to 1, of the way from `start` to `end` along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


class CosineAnnealingLR(LRScheduler):
    """``eta_min + (base_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2``, in the form of steps.

    After `T_max` epochs the learning rate rises again, as the cosine does.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates by the quotient of two cosines; by the closed form where a run is resumed."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        if self._step_count == 1 and self.last_epoch > 0:
            return self._get_closed_form_lr()
        before, now = (1 + math.cos(math.pi * e / self.T_max) for e in (self.last_epoch - 1, self.last_epoch))
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the lowest point, where `before` is 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [lr + (base - self.eta_min) * rise for lr, base in zip(self._lrs(), self.base_lrs, strict=True)]
        return [now / before * (lr - self.eta_min) + self.eta_min for lr in self._lrs()]

    def _get_closed_form_lr(self) -> list[float]:
        return [along_cosine(lr, self.eta_min, self.last_epoch / self.T_max) for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """From `base_lr` to `eta_min` in `T_0` epochs, then again from the start, each time `T_mult` times as long.

    `step` also takes a fraction of an epoch, ``epoch + batch / batches``, to move after each batch.

    Raises:
        ValueError: `T_0` or `T_mult` is no positive integer, or `eta_min` is no number.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        check_positive("positive integer T_0", T_0)
        check_positive("integer T_mult >= 1", T_mult)
        if not isinstance(eta_min, float | int):
            raise ValueError(  # noqa: TRY004 - PyTorch's class
                f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the learning rates after `T_cur` of the `T_i` epochs of this descent."""
        self._warn_outside_step()
        return [along_cosine(lr, self.eta_min, self.T_cur / self.T_i) for lr in self.base_lrs]

    @outside
    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch, or to `epoch`; ValueError if that is negative."""
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            if epoch < 0:
                raise ValueError(f"Expected non-negative epoch, but got {epoch}")
            self._enter(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_lr(self.get_lr)

    def _enter(self, epoch: float) -> None:
        """Find the descent that `epoch` is in, by counting: a logarithm would be off by one at some restarts."""
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur %= self.T_i
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
