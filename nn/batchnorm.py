"""Batch normalisation, from primitive operations: the computational graph of figure 6-17."""

from __future__ import annotations

from tensorgrad.context import RECOMPUTING, context
from tensorgrad.creation import ones, zeros
from tensorgrad.dtypes import Array
from tensorgrad.errors import ShapeError
from tensorgrad.tensor import Tensor, wrap
from tensorgrad.writes import note

from . import functional
from .module import Module
from .parameter import Parameter


class BatchNorm1d(Module):
    """Normalise every feature of a batch (N, D) to mean 0 and variance 1, then scale and shift.

    ``mu = mean(x)``, ``var = mean((x - mu) ** 2)``, ``y = weight * (x - mu) / sqrt(var + eps) + bias``. The variance of
    the output is the biased one; `running_var` averages the unbiased one, and evaluation uses the running statistics.
    The gradient flows through the batch statistics, and every higher derivative is exact.

    Source: Ioffe and Szegedy 2015, algorithm 1.

    Args:
        num_features: D.
        eps: added to the variance inside the root.
        momentum: the weight of the new statistics in the running ones; None for the average of all batches.
        affine, bias: learn a scale, and with it a shift.
        track_running_stats: keep running statistics; otherwise evaluation uses the batch's.

    Raises:
        ValueError: one value per feature in training, whose variance says nothing.

    >>> import tensorgrad as tg
    >>> bn = BatchNorm1d(2)
    >>> bn(tg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.register_parameter("weight", Parameter(ones(num_features)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(num_features)) if affine and bias else None)
        for parameter, name in ((self.weight, "γ"), (self.bias, "β")):
            if parameter is not None:
                parameter.name = name
        self.register_buffer("running_mean", zeros(num_features) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features) if track_running_stats else None)
        self.register_buffer(
            "num_batches_tracked", wrap(zeros().array.astype("int64")) if track_running_stats else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised batch, of the shape of `x` (N, D)."""
        n, features = x.array.shape if x.array.ndim == 2 else (0, -1)
        if features != self.num_features:
            raise ShapeError(f"expected 2D input (N, {self.num_features}), found shape {x.array.shape}")
        weight, bias = self._parameters["weight"], self._parameters["bias"]
        running_mean, running_var = self._buffers["running_mean"], self._buffers["running_var"]
        if not self.training and running_mean is not None and running_var is not None:
            return functional.normalized(x, weight, bias, running_mean, running_var, self.eps)
        if self.training and n < 2:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {x.array.shape}")
        y, mean, var = functional.batch_norm(x, weight, bias, self.eps)
        first = not context().flags & RECOMPUTING  # a checkpoint runs it twice for one batch
        if self.training and first and running_mean is not None and running_var is not None:
            factor = self._next_factor()
            _move(running_mean, mean, factor, factor)
            _move(running_var, var, factor, factor * n / (n - 1))  # from the biased to the unbiased variance
        return y

    def _next_factor(self) -> float:
        """Count the batch and return its weight in the running statistics."""
        counter = self._buffers["num_batches_tracked"]
        assert counter is not None
        counter.array += 1
        return 1 / int(counter.array) if self.momentum is None else self.momentum

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


def _move(running: Tensor, new: Array, factor: float, scale: float) -> None:
    """``running = (1 - factor) * running + scale * new``, in place."""
    running.array *= 1 - factor  # not through a name for the array, which `note` would take for somebody else's
    running.array += scale * new
    note(running)
