"""Normalisation over the batch of all ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError
from tensorgrad.functions.precision import narrowed, widened
from tensorgrad.nn.functional.normalization import by_channel, move, scaled_by_channel
from tensorgrad.nn.layers.batchnorm import _BatchNorm
from tensorgrad.nn.module.module import Module
from tensorgrad.ops.processes import RANKS


class SyncBatchNorm(_BatchNorm):
    """`BatchNorm1d` to `BatchNorm3d` with the mean and the variance of the rows of all ranks, of (N, C, ...).

    ``n, s = all_reduce(rows), all_reduce(sum(x))``, ``mu = s / n``, ``var = all_reduce(sum((x - mu) ** 2)) / n``: sums
    over all ranks, whose derivatives are such sums, so every derivative of any order is that of one process with the
    whole batch. Ranks may have different numbers of rows. In evaluation, and in a group of one, it is BatchNorm.

    Args:
        num_features, eps, momentum, affine, track_running_stats: as for `BatchNorm1d`.
        process_group: None, for all ranks.

    Raises:
        ArgumentError: another group.

    >>> import tensorgrad as tg
    >>> SyncBatchNorm(2)(tg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """

    _ndims = (2, 3, 4, 5)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if process_group is not None:
            raise ArgumentError("process_group: there is one group, of all ranks: leave it out")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)

    @staticmethod
    def _function(
        x: Tensor, mean: Any, var: Any, weight: Any, bias: Any, training: bool, momentum: Any, eps: float
    ) -> Tensor:
        if training and RANKS[0].size > 1:
            return _over_ranks(x, mean, var, weight, bias, momentum, eps)
        return _BatchNorm._function(x, mean, var, weight, bias, training, momentum, eps)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return `module` with a layer of this class, on the same tensors, for each `BatchNorm1d` to 3d in it.

        Raises:
            ArgumentError: a layer by the book's convention, whose variance is another one.

        >>> from tensorgrad import nn
        >>> nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)))[1]
        SyncBatchNorm(2, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
        """
        if isinstance(module, _BatchNorm) and not isinstance(module, cls):
            if getattr(module, "convention", "pytorch") != "pytorch":
                raise ArgumentError(
                    "convert_sync_batchnorm: a BatchNorm by the book's convention has no form for ranks"
                )
            made = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats,
                process_group,
            )  # fmt: skip
            made._parameters.update(module._parameters)
            made._buffers.update(module._buffers)
            return made.train(module.training)
        for name, child in list(module.named_children()):
            converted = cls.convert_sync_batchnorm(child, process_group)
            if converted is not child:
                setattr(module, name, converted)
        return module


def _over_ranks(
    input: Tensor, running_mean: Any, running_var: Any, weight: Any, bias: Any, momentum: Any, eps: float
) -> Tensor:
    """Return what `batch_norm` does in training, with the rows of all ranks."""
    x = widened(input)
    shape, ndim = x.array.shape, x.array.ndim
    axes, dtype = (0, *range(2, ndim)), x.array.dtype
    own = wrap(np.full(1, x.array.size // max(shape[1], 1), dtype))
    found = ops.all_reduce(ops.concatenate(own, ops.sum(x, axis=axes), axis=0))
    n, mean = found[:1], found[1:] / found[:1]
    if n.array[0] < 2:
        raise ValueError(
            f"Expected more than 1 value per channel when training, over all ranks, got input size {shape}"
        )
    xmu = x - by_channel(mean, ndim)
    var = ops.all_reduce(ops.sum(xmu * xmu, axis=axes)) / n
    if running_mean is not None and running_var is not None:
        move(running_mean, mean.array, 1 - momentum, momentum)
        move(running_var, var.array, 1 - momentum, momentum * (n.array / (n.array - 1)))
    return narrowed(scaled_by_channel(xmu, by_channel(var, ndim), weight, bias, eps), input)
