"""What all schedules share: the epoch, the learning rates they started from, the step, the state."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from tensorgrad.autograd.hooks import RemovableHandle
from tensorgrad.base.callsite import warn
from tensorgrad.base.watched import outside
from tensorgrad.errors import ArgumentError
from tensorgrad.optim.optimizer import Optimizer

_EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler; with an epoch the closed form is used, where there is one."
)
_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite order: "
    "`optimizer.step()` before `lr_scheduler.step()`; otherwise the first value of the schedule is skipped."
)
_OUTSIDE = "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."


class LRScheduler:
    """Base class: subclasses define `get_lr`, the learning rates of all groups for the epoch `last_epoch`.

    Args:
        optimizer: its parameter groups are changed, and nothing else of it is touched.
        last_epoch: the last epoch that an earlier run has done; -1 to start, which notes each group's `lr` as its
            `initial_lr`.

    Attributes:
        last_epoch: how often `step` was called.
        base_lrs: the `initial_lr` of each group.

    Raises:
        TypeError: `optimizer` is none.
        KeyError: `last_epoch` is given and a group has no `initial_lr`.

    >>> import tensorgrad as tg
    >>> class Halved(LRScheduler):
    ...     def get_lr(self):
    ...         return [base_lr * 0.5**self.last_epoch for base_lr in self.base_lrs]
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=0.8)
    >>> scheduler = Halved(optimizer)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.4]
    """

    _get_lr_called_within_step = False
    _is_initial = False
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with last_epoch "
                    f">= 0: load the state of the optimizer first, or start with last_epoch=-1"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _await_step(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the learning rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """Return the learning rate of each group for the epoch `last_epoch`; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} has to define get_lr()")

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of each group as the last step has set it."""
        return self._last_lr

    @outside
    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch and set its learning rates; call it after the optimizer's step.

        An `epoch` is accepted with a warning, as PyTorch does, and gone to by the closed form.
        """
        if self._step_count == 1 and not _has_stepped(self.optimizer):
            warn(_ORDER)
        self._step_count += 1
        warn_of(epoch)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the learning rates of the next epoch, or of `epoch`, without counting a step."""
        if epoch is None:
            self.last_epoch += 1
            choose = self.get_lr
        else:
            self.last_epoch = epoch
            choose = getattr(self, "_get_closed_form_lr", self.get_lr)
        self._set_lr(choose)

    def _set_lr(self, choose: Callable[[], list[float]]) -> None:
        """Set the learning rates that `choose` returns, which is told that it is asked within a step."""
        self._get_lr_called_within_step = True
        try:
            set_lrs(self.optimizer, choose())
        except (ValueError, KeyError) as error:
            made, groups = len(self.base_lrs), len(self.optimizer.param_groups)
            if made == groups:
                raise
            raise ArgumentError(
                f"{type(self).__name__}.step(): the optimizer has {groups} parameter groups, and had {made} when the "
                f"schedule was made: call add_param_group first"
            ) from error
        finally:
            self._get_lr_called_within_step = False
        self._note_lr()

    def _warn_outside_step(self) -> None:
        """Warn that most schedules answer `get_lr` with the value after the present one."""
        if not self._get_lr_called_within_step:
            warn(_OUTSIDE)

    def _note_lr(self) -> None:
        self._last_lr = self._lrs()

    def _lrs(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, which has a state of its own."""
        return {k: v for k, v in vars(self).items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned; load the state of the optimizer too."""
        vars(self).update(state_dict)


_awaited: WeakKeyDictionary[Optimizer, RemovableHandle | None] = WeakKeyDictionary()
"""For the optimisers that have a schedule: the hook that waits for their first step, None once it is made."""


def _await_step(optimizer: Optimizer) -> None:
    """Have it noted when `optimizer` makes a step."""
    if optimizer not in _awaited:
        _awaited[optimizer] = optimizer.register_step_post_hook(_note_step)


def _note_step(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
    handle = _awaited[optimizer]
    if handle is not None:
        handle.remove()
        _awaited[optimizer] = None


def _has_stepped(optimizer: Optimizer) -> bool:
    """Return whether `optimizer` has made a step since its first schedule; of a copy nothing is known."""
    return _awaited.get(optimizer) is None


def warn_of(epoch: Any) -> None:
    """Warn the caller of the caller that a step with an epoch is deprecated, if there is one."""
    if epoch is not None:
        warn(_EPOCH)


def check_optimizer(optimizer: Any) -> None:
    """Raise TypeError unless `optimizer` is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def set_lrs(optimizer: Optimizer, values: list[Any]) -> None:
    """Give each parameter group its learning rate of `values`."""
    for group, lr in zip(optimizer.param_groups, values, strict=True):
        group["lr"] = lr


def check_positive(what: str, value: Any) -> None:
    """Raise ValueError unless `value` is an integer above 0, which the message calls `what`."""
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected {what}, but got {value}")


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return `value` once for each parameter group, or the list that it is; ValueError if that has another length."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * groups
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups "
            f"has {groups}."
        )
    return list(value)


def state_of(function: Callable[..., Any] | None) -> dict[str, Any] | None:
    """Return the attributes of an object that is called like a function; None for functions, which are not saved."""
    return None if function is None or isinstance(function, FunctionType) else vars(function).copy()
