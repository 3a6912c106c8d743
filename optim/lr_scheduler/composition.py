"""Several schedules on one optimiser: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tensorgrad.base.watched import outside
from tensorgrad.optim.optimizer import Optimizer

from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class _Composed(LRScheduler):
    """Base class: the state is that of the parts."""

    _schedulers: Sequence[LRScheduler]

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        """Check and keep the parts, which must all act on `optimizer`."""
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(f"{name} expects at least one scheduler, but got no scheduler.")
        for i, part in enumerate(schedulers):
            if not hasattr(part, "optimizer"):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(part, ReduceLROnPlateau):
                raise ValueError(  # noqa: TRY004 - PyTorch's class
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be "
                    f"specified when calling `step`, but got one at index {i} in the given schedulers sequence."
                )
            optimizer = optimizer or part.optimizer
            if part.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but got scheduler "
                    f"{type(part).__name__} at index {i} has {part.optimizer}, which is different from {optimizer}."
                )
        assert optimizer is not None
        self.optimizer = optimizer
        self._schedulers = schedulers

    def _update_lr(self, epoch: int | None = None) -> None:
        """Start all over: how a sequence begins this one when its turn comes."""
        self._rewind()
        for part in _simple(self._schedulers):
            part.last_epoch = -1
        self._initial_step()

    def _rewind(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]

    def state_dict(self) -> dict[str, Any]:
        """Return the state of each part, and what this schedule adds."""
        return {**super().state_dict(), "_schedulers": [part.state_dict() for part in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned, with the parts that this schedule was made with."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for part, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            part.load_state_dict(state)


class SequentialLR(_Composed):
    """The first schedule until epoch ``milestones[0]``, then the second until ``milestones[1]``, and so on.

    Each starts at its own epoch 0 when its turn comes. The parts have set the learning rate when they were made; the
    sequence starts from `initial_lr` again. With `last_epoch` it goes through all steps up to that epoch, so that the
    rate and the places of the parts are those of a run that was never interrupted (PyTorch loses them).

    Raises:
        ValueError: no schedule, one of another optimizer, or not one milestone less than schedules.
        TypeError: a part is no schedule.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"Sequential Schedulers expects number of schedulers provided to be one more than the number of "
                f"milestone points, but got number of schedulers {len(schedulers)} and the number of milestones to be "
                f"equal to {len(milestones)}"
            )
        self._milestones = milestones
        self._rewind()
        for part in _simple(schedulers):
            part.last_epoch -= 1
        self._initial_step()
        for part in _simple(schedulers) if last_epoch > 0 else ():
            part._step_count += 1  # the optimiser's first step was made in the run that is resumed
        for _ in range(last_epoch):
            self.step()

    def _initial_step(self) -> None:
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    @outside
    def step(self) -> None:  # type: ignore[override]
        """Go on by one epoch of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        part = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            part._update_lr(0)
        else:
            part.step()
        self._last_lr = part.get_last_lr()


def _simple(schedulers: Sequence[LRScheduler]) -> list[LRScheduler]:
    """Return the schedules that are not composed of others, at any depth."""
    return [s for part in schedulers for s in (_simple(part._schedulers) if isinstance(part, _Composed) else [part])]


class ChainedScheduler(_Composed):
    """All schedules at every epoch, in their order: each goes on from the learning rate that the one before has set.

    It may stand at any place of a SequentialLR, and that in turn; PyTorch allows it at the first place only, and there
    takes the first epoch of an ExponentialLR for its second.

    Raises:
        ValueError: no schedule, or one of another optimizer.
        TypeError: a part is no schedule.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self._note_lr()

    def _initial_step(self) -> None:
        for part in self._schedulers:
            part._initial_step()
        self._note_lr()

    @outside
    def step(self) -> None:  # type: ignore[override]
        """Go on by one epoch of every schedule."""
        for part in self._schedulers:
            part.step()
        self._note_lr()
