"""Normalisations that learn the number of channels from their first input."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.nn.module.lazy import LazyModuleMixin
from tensorgrad.nn.module.parameter import UninitializedBuffer, UninitializedParameter

from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, StatisticsNorm
from .normalization import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d


class LazyStatisticsNorm(LazyModuleMixin, StatisticsNorm):
    """What the lazy ones share: the number of channels comes with the first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        placed = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**placed)
            if bias:
                self.bias = UninitializedParameter(**placed)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**placed)
            self.running_var = UninitializedBuffer(**placed)
            self.num_batches_tracked = wrap(np.zeros((), np.int64))

    def reset_parameters(self) -> None:
        """Reset everything, once there is something."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Give parameters and statistics their length; a state that was loaded before stays."""
        if input.array.ndim not in self._ndims:
            raise self._unfit(input)
        fresh = self.has_uninitialized_params()
        self.num_features = input.array.shape[self._channel_axis(input.array.ndim)]
        for x in (*self._parameters.values(), *self._buffers.values()):
            if isinstance(x, UninitializedParameter | UninitializedBuffer):
                x.materialize((self.num_features,))
        if fresh:
            self.reset_parameters()
            self._name_parameters()


class LazyBatchNorm1d(LazyStatisticsNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(LazyStatisticsNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(LazyStatisticsNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(LazyStatisticsNorm, InstanceNorm1d):
    """A `InstanceNorm1d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(LazyStatisticsNorm, InstanceNorm2d):
    """A `InstanceNorm2d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(LazyStatisticsNorm, InstanceNorm3d):
    """A `InstanceNorm3d` that takes `num_features` from its first input, and is one from then on."""

    cls_to_become = InstanceNorm3d
