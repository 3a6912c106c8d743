"""Normalisation over a batch, with running statistics: the modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.answers import answering
from tensorgrad.base.context import RECOMPUTING, context
from tensorgrad.base.convention import check_convention
from tensorgrad.create.creation import ones, zeros
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import before_write
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.common import checked
from tensorgrad.nn import init
from tensorgrad.nn.functional.normalization import batch_norm, book_batch_norm
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter


class _Default(float):
    """A number that a convention replaces by its own, unless the caller gives one."""


EPS, MOMENTUM = _Default(1e-5), _Default(0.1)


class Affine(Module):
    """A module with scales that start at 1 and shifts that start at 0, either of which may be absent."""

    def _register(self, shape: Any, affine: bool, bias: bool, placed: dict[str, Any]) -> None:
        self.register_parameter("weight", Parameter(ones(shape, **placed)) if affine else None)
        self.register_parameter("bias", Parameter(zeros(shape, **placed)) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Reset the scales to 1 and the shifts to 0."""
        for name, start in (("weight", 1.0), ("bias", 0.0)):
            parameter = self._parameters.get(name)
            if parameter is not None:
                init.constant_(parameter, start)


class StatisticsNorm(Affine):
    """What normalisations with running statistics share: the parameters, the buffers, the text."""

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    _may_be_missing = frozenset({"num_batches_tracked"})
    _ndims: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """Make parameters and statistics.

        Raises:
            ShapeError: `num_features` is negative.
        """
        super().__init__()
        placed = {"device": device, "dtype": dtype}
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self._register(num_features, affine, bias, placed)
        self._name_parameters()
        self.register_buffer("running_mean", zeros(num_features, **placed) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, **placed) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", wrap(np.zeros((), np.int64)) if track_running_stats else None)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all parameters and statistics that have one."""
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))

    def _name_parameters(self) -> None:
        """Give the parameters the letters that the drawing shows."""
        for parameter, letter in ((self.weight, "γ"), (self.bias, "β")):
            if parameter is not None:
                parameter.name = letter

    def _channel_axis(self, ndim: int) -> int:  # noqa: ARG002 - which others need
        return 1

    def reset_running_stats(self) -> None:
        """Let the running statistics be those of no batch."""
        if self.track_running_stats:
            for name, start in (("running_mean", 0), ("running_var", 1), ("num_batches_tracked", 0)):
                self._buffers[name].fill_(start)  # type: ignore[union-attr]

    def reset_parameters(self) -> None:
        """Reset the running statistics, the scales to 1 and the shifts to 0."""
        self.reset_running_stats()
        super().reset_parameters()

    def _unfit(self, x: Tensor) -> ShapeError:
        """Return the error for an input with another number of axes."""
        return ShapeError(
            f"expected {' or '.join(f'{n}D' for n in self._ndims)} input (got {x.array.ndim}D input): found shape "
            f"{x.array.shape}, and {type(self).__name__} has {self.num_features} channels"
        )

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(StatisticsNorm):
    _function: Callable[..., Tensor] = staticmethod(batch_norm)

    def forward(self, x: Tensor) -> Tensor:  # the drawing takes the name: figure 6-17 has an x
        """Return the normalised batch, of the shape of `x`."""
        if checked(type(self).__name__, x).array.ndim not in self._ndims:
            raise self._unfit(x)
        parameters, buffers = self._parameters, self._buffers  # attributes go through __getattr__, at every call
        mean, var = buffers["running_mean"], buffers["running_var"]
        counter = buffers["num_batches_tracked"] if self.training else None
        momentum: Any = self.momentum
        if momentum is None:  # the average of all batches: this one is one of as many as there are now
            momentum = 0.0 if counter is None else 1 / (counter.array + 1)
        eps, training = self.eps, self.training or mean is None
        usual = momentum.__class__ is float and eps.__class__ is float and momentum == momentum  # noqa: PLR0124 - NaN
        function = self._function if usual else answering(self._function)
        y = function(x, mean, var, parameters["weight"], parameters["bias"], training, momentum, eps)
        if counter is not None and not context().flags & RECOMPUTING:  # a checkpoint runs a batch twice
            before_write(counter, "the count of batches")
            counter.array += 1
        return y


class BatchNorm1d(_BatchNorm):
    """Normalise every channel of a batch (N, C) or (N, C, L) to mean 0 and variance 1, then scale and shift.

    ``mu = mean(x)``, ``var = mean((x - mu) ** 2)``, ``y = weight * (x - mu) / sqrt(var + eps) + bias``. The variance of
    the output is the biased one; `running_var` averages the unbiased one, and evaluation uses the running statistics.
    The gradient flows through the batch statistics, and every higher derivative is exact. Half precision is computed in
    single. Run a second time by a checkpoint, the layer counts the batch once.

    Source: Ioffe and Szegedy 2015, algorithm 1.

    Args:
        num_features: C.
        eps: added to the variance inside the root.
        momentum: the weight of the new statistics in the running ones; None for the average of all batches.
        affine, bias: learn a scale, and with it a shift.
        track_running_stats: keep running statistics; otherwise evaluation uses the batch's.
        convention: "book" gives `momentum`, 0.9 if not given, to the old statistics, averages the biased variance from
            0 on, and has an eps of 1e-6.

    Raises:
        ValueError: one value per channel in training, whose variance says nothing.

    >>> import tensorgrad as tg
    >>> bn = BatchNorm1d(2)
    >>> bn(tg.tensor([[1.0, 10.0], [3.0, 30.0]])).detach()
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """

    _ndims = (2, 3)

    def __init__(
        self,
        num_features: int,
        eps: float = EPS,
        momentum: float | None = MOMENTUM,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        convention: str = "pytorch",
    ) -> None:
        book = check_convention(convention)
        eps = (1e-6 if book else 1e-5) if eps is EPS else eps
        momentum = (0.9 if book else 0.1) if momentum is MOMENTUM else momentum
        if book and momentum is None:
            raise ArgumentError("momentum=None, the average of all batches, is not of the book's convention")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.convention = convention
        if book:
            self._function = book_batch_norm
            self.reset_running_stats()

    def reset_running_stats(self) -> None:
        """Let the running statistics be those of no batch: the variance is 1, by the book's convention 0."""
        super().reset_running_stats()
        variance = self._buffers["running_var"]
        if variance is not None and self.convention == "book":
            variance.zero_()

    def extra_repr(self) -> str:
        """Return the settings, the convention where it is the book's."""
        return super().extra_repr() + (", convention='book'" if self.convention == "book" else "")


class BatchNorm2d(_BatchNorm):
    """Normalise every channel of a batch (N, C, H, W); see BatchNorm1d, whose arguments it has."""

    _ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise every channel of a batch (N, C, D, H, W); see BatchNorm1d, whose arguments it has."""

    _ndims = (5,)
