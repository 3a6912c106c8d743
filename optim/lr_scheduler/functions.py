"""Schedules that a user's function gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler, state_of

OfEpoch = Callable[[int], float]


class _OfFunctions(LRScheduler):
    """Base class: one function of the epoch for each group.

    A function is no part of the state, but the attributes of an object with ``__call__`` are.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: OfEpoch | Sequence[OfEpoch], last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas: list[OfEpoch] = (
            list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * groups  # type: ignore[list-item]
        )
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"Expected {groups} lr_lambdas, but got {len(self.lr_lambdas)}")
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer and the functions; of objects that are called, their attributes."""
        return {**super().state_dict(), "lr_lambdas": [state_of(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, with the functions that this schedule was made with."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, state in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if state is not None:
                vars(function).update(state)


class LambdaLR(_OfFunctions):
    """``base_lr * lr_lambda(epoch)``, with one function or one for each group.

    Raises:
        ValueError: another number of functions than of groups.
        TypeError: what cannot be called.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def get_lr(self) -> list[float]:
        """Return the learning rates of the start times the functions of the epoch."""
        self._warn_outside_step()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_OfFunctions):
    """``lr *= lr_lambda(epoch)``, with one function or one for each group.

    Raises:
        ValueError: another number of functions than of groups.
        TypeError: what cannot be called.
    """

    def get_lr(self) -> list[float]:
        """Return the present learning rates times the functions of the epoch."""
        self._warn_outside_step()
        if self._is_initial:
            return self._lrs()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self._lrs(), strict=True)]
