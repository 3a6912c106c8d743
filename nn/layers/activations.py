"""Activation functions as modules: smooth ones, those along an axis, and those made of pieces.

`inplace` is accepted and changes nothing: inputs are never written. At a kink the derivative is PyTorch's.
"""

from __future__ import annotations

from dataclasses import InitVar
from typing import Any

from tensorgrad.base.callsite import warn
from tensorgrad.create.creation import full
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter
from tensorgrad.nn.module.settings import Applied, OfOneTensor, setting, settings

# --- smooth ones ------------------------------------------------------------------------------------------------------


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``1 / (1 + exp(-input))``, element by element."""
        return input.sigmoid()


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``tanh(input)``, element by element."""
        return input.tanh()


class LogSigmoid(OfOneTensor, function=functional.logsigmoid):
    """``log(sigmoid(x))``, without underflow."""


class Softsign(OfOneTensor, function=functional.softsign):
    """``x / (1 + |x|)``."""


class Tanhshrink(OfOneTensor, function=functional.tanhshrink):
    """``x - tanh(x)``."""


@settings
class Softplus(OfOneTensor, function=functional.softplus):
    """``log(1 + exp(beta * x)) / beta``, and x itself where ``beta * x > threshold``: a smooth ReLU."""

    beta: float = 1.0
    threshold: float = 20.0


@settings
class GELU(Module):
    """`x` times the probability that a standard normal number is below it; `approximate` "tanh" for PyTorch's formula.

    Source: Hendrycks and Gimpel 2016.
    """

    approximate: str = "none"

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` times that probability."""
        return functional.gelu(input, self.approximate)


@settings
class _InPlace(Applied):
    inplace: bool = setting(default=False, shown="changed")

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of each element of `input` that the class is described by."""
        return self._function(input)


class SiLU(_InPlace, function=functional.silu):
    """``x * sigmoid(x)``."""


class Mish(_InPlace, function=functional.mish):
    """``x * tanh(softplus(x))``. Source: Misra 2019."""


# --- along an axis ----------------------------------------------------------------------------------------------------


@settings
class _Along(Applied):
    dim: int | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of `input` over `dim`."""
        return self._function(input, self.dim)


class Softmax(_Along, function=functional.softmax):
    """``exp(x) / sum(exp(x))`` over `dim`, without overflow; see `functional.softmax` for `dim` None."""


class Softmin(_Along, function=functional.softmin):
    """The softmax of ``-x``."""


class LogSoftmax(_Along, function=functional.log_softmax):
    """The logarithm of the softmax, without underflow."""


class Softmax2d(Module):
    """The softmax over the channels of (N, C, H, W) or (C, H, W) at every place; ShapeError for other axes."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmax of `input`."""
        if input.array.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected input to be 3D or 4D, got {input.array.ndim}D instead")
        return functional.softmax(input, -3)


@settings
class GLU(OfOneTensor, function=functional.glu):
    """``a * sigmoid(b)``, a and b being the halves of x along `dim`. Source: Dauphin et al. 2017."""

    dim: int = -1


# --- made of pieces ---------------------------------------------------------------------------------------------------


class ReLU(_InPlace):
    """``max(x, 0)``, with derivative 0 at 0. `inplace` is accepted and changes nothing: inputs are never written."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(input, 0)``, element by element."""
        return input.relu()


@settings
class LeakyReLU(OfOneTensor, function=functional.leaky_relu):
    """``x`` where it is positive, ``negative_slope * x`` elsewhere."""

    negative_slope: float = 0.01
    inplace: bool = setting(default=False, shown="changed")


@settings
class PReLU(Module):
    """``x`` where it is positive, ``weight * x`` elsewhere, with learned slopes: one, or one for each channel (axis 1).

    Source: He, Zhang, Ren and Sun 2015.

    Raises:
        ShapeError: `num_parameters` is negative.
    """

    num_parameters: int = 1
    init: float = setting(default=0.25, shown="never")
    device: InitVar[Any] = None
    dtype: InitVar[Any] = None

    def _complete(self, **placed: Any) -> None:
        self.weight = Parameter(full((self.num_parameters,), float(self.init), **placed))

    def reset_parameters(self) -> None:
        """Reset the slopes to what they began with."""
        self.weight.detach().fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative elements scaled."""
        return functional.prelu(input, self.weight)


@settings
class RReLU(Module):
    """``x`` where it is positive, elsewhere times a slope: uniform in [lower, upper) in training, else their mean.

    Source: Xu et al. 2015.
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = setting(default=False, shown="changed")
    generator: Generator | None = setting(default=None, kw_only=True, shown="never")

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative elements scaled."""
        return functional.rrelu(input, self.lower, self.upper, self.training, generator=self.generator)


@settings
class _Bent(OfOneTensor):
    alpha: float = 1.0
    inplace: bool = setting(default=False, shown="changed")


class ELU(_Bent, function=functional.elu):
    """``x`` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere. Source: Clevert et al. 2016."""


class CELU(_Bent, function=functional.celu):
    """``x`` where it is positive, ``alpha * (exp(x / alpha) - 1)`` elsewhere: smooth at 0. Source: Barron 2017."""


class SELU(_InPlace, function=functional.selu):
    """``scale * elu(x, alpha)``, with the numbers that keep mean 0 and variance 1. Source: Klambauer et al. 2017."""


@settings
class Threshold(OfOneTensor, function=functional.threshold):
    """``x`` where it exceeds `threshold`, `value` elsewhere."""

    threshold: float
    value: float
    inplace: bool = setting(default=False, shown="changed")


@settings
class Hardtanh(OfOneTensor, function=functional.hardtanh):
    """``x`` limited to [min_val, max_val], with derivative 0 at the bounds; `min_value`, `max_value` are old names.

    Raises:
        AssertionError: `max_val` is not above `min_val`.
    """

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = setting(default=False, shown="changed")
    min_value: InitVar[float | None] = None
    max_value: InitVar[float | None] = None

    def _complete(self, **old: float | None) -> None:
        for name, value in old.items():
            if value is not None:
                new = name.removesuffix("ue")
                warn(f"keyword argument `{name}` is deprecated and rename to `{new}`", FutureWarning)
                setattr(self, new, value)
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")


class ReLU6(Hardtanh):
    """``min(max(x, 0), 6)``, with derivative 0 at 0 and 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Return the setting that is not fixed."""
        return "inplace=True" if self.inplace else ""


@settings
class _Silent(OfOneTensor):
    inplace: bool = setting(default=False, shown="never")  # as in PyTorch


class Hardsigmoid(_Silent, function=functional.hardsigmoid):
    """``relu6(x + 3) / 6``."""


class Hardswish(_Silent, function=functional.hardswish):
    """``x * relu6(x + 3) / 6``. Source: Howard et al. 2019."""


@settings
class _Shrink(OfOneTensor):
    lambd: float = setting(default=0.5, shown="value")


class Softshrink(_Shrink, function=functional.softshrink):
    """``x`` moved by `lambd` towards 0, and 0 within."""


class Hardshrink(_Shrink, function=functional.hardshrink):
    """``x`` where its absolute value exceeds `lambd`, 0 elsewhere."""
