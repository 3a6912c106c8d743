"""Averages of the weights that training goes through, as models of their own, and the schedule that goes with them.

Sources: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, "Averaging weights leads to wider optima and better
generalization", arXiv:1803.05407; the exponential average is Polyak's.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from tensorgrad.autograd import no_grad
from tensorgrad.base.answers import complete as _complete
from tensorgrad.create.creation import tensor
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import Module
from tensorgrad.nn.layers.batchnorm import _BatchNorm
from tensorgrad.optim.optimizer import Optimizer

from .lr_scheduler import LRScheduler

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Tensor | int], Tensor]
Averages = Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return ``(average, weight, n) -> decay * average + (1 - decay) * weight``.

    Raises:
        ArgumentError: `decay` is not in [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ArgumentError(f"Invalid decay value {decay} provided. Please provide a value in [0, 1] range.")
    return _Average(decay)


def get_swa_avg_fn() -> Average:
    """Return ``(average, weight, n) -> average + (weight - average) / (n + 1)``: the mean of all."""
    return _Average(None)


class _Average:
    """The exponential average of that decay, the mean of all for None: told by a number, which a file can hold."""

    def __init__(self, decay: float | None) -> None:
        self.decay = decay

    def __call__(self, average: Tensor, weight: Tensor, n: Tensor | int) -> Tensor:
        if self.decay is None:
            return average + (weight - average) / (n + 1)
        return self.decay * average + (1 - self.decay) * weight


class _OfAll:
    """It writes `average` of each pair to the first of it."""

    def __init__(self, average: Average) -> None:
        self.average = average

    def __call__(self, averages: Sequence[Tensor], weights: Sequence[Tensor], n: Tensor | int) -> None:
        with no_grad():
            for own, weight in zip(averages, weights, strict=True):
                own.copy_(self.average(own, weight, n))  # of whole numbers the average is cut to one


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """Return what writes the average of `get_ema_avg_fn` to each of a list of tensors.

    Raises:
        ArgumentError: `decay` is not in [0, 1].
    """
    return _OfAll(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Averages:
    """Return what writes the average of `get_swa_avg_fn` to each of a list of tensors."""
    return _OfAll(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of `model` whose parameters are the average of those that `update_parameters` is shown.

    Args:
        model: copied.
        device: the CPU.
        avg_fn: ``(average, weight, n) -> average`` of one parameter, after n before it; their mean unless given.
        multi_avg_fn: ``(averages, weights, n)`` that writes to all averages: one of the two is given at most.
        use_buffers: average the buffers, too, those of whole numbers cut to one; they are those of the last model
            otherwise.

    Raises:
        ArgumentError: both functions are given.

    >>> import tensorgrad as tg
    >>> layer = tg.nn.Linear(1, 1)
    >>> ema = AveragedModel(layer, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    >>> ema.update_parameters(layer)
    >>> tg.equal(ema.module.weight, layer.weight), ema.n_averaged
    (True, tensor(1))
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ArgumentError("AveragedModel: only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model).to(device)
        self.register_buffer("n_averaged", tensor(0))
        self.use_buffers = use_buffers
        average = multi_avg_fn or _OfAll(avg_fn or get_swa_avg_fn())
        rule = average.average if isinstance(average, _OfAll) else average
        self._of_each = isinstance(average, _OfAll)
        self._rule: Any = rule.decay if isinstance(rule, _Average) else rule  # a number can be saved with the model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the averaged model gives."""
        return self.module(*args, **kwargs)

    def _averages(self) -> Averages:
        rule: Any = self._rule if callable(self._rule) else _Average(self._rule)
        return _OfAll(rule) if self._of_each else rule

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the average; the first ones are it.

        Raises:
            ArgumentError: `model` has other parameters, by number or shape.
        """
        ours: list[Tensor] = [*self.module.parameters()]
        theirs: list[Tensor] = [*model.parameters()]
        buffers = list(zip(self.module.buffers(), model.buffers(), strict=False))
        if self.use_buffers:
            ours, theirs = [*ours, *(own for own, _ in buffers)], [*theirs, *(other for _, other in buffers)]
        if [x.shape for x in ours] != [x.shape for x in theirs]:
            raise ArgumentError("update_parameters: the model has other parameters than the one that was copied")
        count = int(self.n_averaged.item())
        with no_grad():
            if not count:
                for own, other in zip(ours, theirs, strict=True):
                    own.copy_(other)
            else:
                self._averages()([x.detach() for x in ours], [x.detach() for x in theirs], count)
            for own, other in () if self.use_buffers else buffers:
                own.copy_(other)
        self.n_averaged += 1


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Set the running statistics of the BatchNorm layers in `model` to their mean over the batches of `loader`.

    Args:
        loader: gives inputs of `model`, or lists and tuples that begin with one.
        model: in the mode it was in, afterwards.
        device: the CPU.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.BatchNorm1d(1))
    >>> update_bn([tg.tensor([[1.0], [3.0]]), tg.tensor([[5.0], [7.0]])], net)
    >>> net[0].running_mean
    tensor([4.])
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if not layers:
        return
    before, momenta = model.training, [m.momentum for m in layers]
    try:
        model.train()
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean of all batches
        with no_grad():
            for batch in loader:
                given = batch[0] if isinstance(batch, list | tuple) else batch
                model(given.to(device) if device is not None else given)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(before)


class SWALR(LRScheduler):
    """From the present learning rate to `swa_lr` in `anneal_epochs`, and no further.

    Args:
        optimizer: of the weights that are averaged.
        swa_lr: the last learning rate, or one for each parameter group.
        anneal_epochs: the length of the way.
        anneal_strategy: "cos", half a cosine, or "linear".
        last_epoch: as of every schedule.

    Raises:
        ArgumentError: another strategy, a negative length, or not one rate for each group.

    >>> import tensorgrad as tg
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=1.0)
    >>> schedule = SWALR(optimizer, swa_lr=0.2, anneal_epochs=4, anneal_strategy="linear")
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.8]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = list(swa_lr) if isinstance(swa_lr, Sequence) else [swa_lr] * len(optimizer.param_groups)
        if len(rates) != len(optimizer.param_groups):
            raise ArgumentError(f"SWALR: {len(rates)} values of swa_lr for {len(optimizer.param_groups)} groups")
        if anneal_strategy not in {"cos", "linear"}:
            raise ArgumentError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if anneal_epochs < 0:
            raise ArgumentError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def _way(self, epoch: int) -> float:
        """Return which part of the way lies behind after `epoch` epochs."""
        part = min(1.0, max(0.0, epoch / max(1, self.anneal_epochs)))
        return part if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2

    def get_lr(self) -> list[float]:
        """Return the learning rates, by the step from those of the epoch before."""
        self._warn_outside_step()
        epoch = max(1, self._step_count - 1) if self.anneal_epochs == 0 else self._step_count - 1
        before, now = self._way(epoch - 1), self._way(epoch)
        found = []
        for group in self.optimizer.param_groups:
            end, rate = group["swa_lr"], group["lr"]
            start = end if before == 1 else (rate - before * end) / (1 - before)
            found.append(end * now + start * (1 - now))
        return found


_complete(__name__)
