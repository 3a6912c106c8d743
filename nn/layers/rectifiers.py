"""Activation functions made of pieces, as modules. `inplace` is accepted and changes nothing: inputs are never written.

At a kink the derivative is PyTorch's.
"""

from __future__ import annotations

import warnings
from typing import Any

from tensorgrad import ops
from tensorgrad.create.creation import full
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter


class InPlace(Module):
    """What modules with the setting `inplace` share."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return the settings, `inplace` where it is not the default."""
        settings = [self._settings()] if self._settings() else []
        return ", ".join([*settings, *(["inplace=True"] if self.inplace else [])])

    def _settings(self) -> str:
        return ""


class ReLU(InPlace):
    """``max(x, 0)``, with derivative 0 at 0. `inplace` is accepted and changes nothing: inputs are never written."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(input, 0)``."""
        return ops.relu(input)


class LeakyReLU(InPlace):
    """``x`` where it is positive, ``negative_slope * x`` elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part scaled."""
        return functional.leaky_relu(input, self.negative_slope)

    def _settings(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """``x`` where it is positive, ``weight * x`` elsewhere, with learned slopes: one, or one for each channel (axis 1).

    Source: He, Zhang, Ren and Sun 2015.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Reset the slopes to what they began with."""
        self.weight.detach().fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part scaled."""
        return functional.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the number of slopes."""
        return f"num_parameters={self.num_parameters}"


class RReLU(InPlace):
    """``x`` where it is positive, elsewhere times a slope: uniform in [lower, upper) in training, else their mean.

    Source: Xu et al. 2015.
    """

    def __init__(
        self,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        inplace: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part scaled."""
        return functional.rrelu(input, self.lower, self.upper, self.training, generator=self.generator)

    def _settings(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class ELU(InPlace):
    """``x`` where it is positive, ``alpha * (exp(x) - 1)`` elsewhere. Source: Clevert et al. 2016."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part bent."""
        return functional.elu(input, self.alpha)

    def _settings(self) -> str:
        return f"alpha={self.alpha}"


class CELU(InPlace):
    """``x`` where it is positive, ``alpha * (exp(x / alpha) - 1)`` elsewhere: smooth at 0. Source: Barron 2017."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part bent."""
        return functional.celu(input, self.alpha)

    def _settings(self) -> str:
        return f"alpha={self.alpha}"


class SELU(InPlace):
    """``scale * elu(x, alpha)``, with the numbers that keep mean 0 and variance 1. Source: Klambauer et al. 2017."""

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with its negative part bent, scaled."""
        return functional.selu(input)


class Threshold(InPlace):
    """``x`` where it exceeds `threshold`, `value` elsewhere."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` where it exceeds the threshold."""
        return functional.threshold(input, self.threshold, self.value)

    def _settings(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class Hardtanh(InPlace):
    """``x`` limited to [min_val, max_val], with derivative 0 at the bounds; `min_value`, `max_value` are old names."""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                text = f"keyword argument `{old}` is deprecated and rename to `{new}`"
                warnings.warn(text, FutureWarning, stacklevel=2)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """Return `input`, limited."""
        return functional.hardtanh(input, self.min_val, self.max_val)

    def _settings(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Hardtanh):
    """``min(max(x, 0), 6)``, with derivative 0 at 0 and 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def _settings(self) -> str:
        return ""


class _Silent(InPlace):
    def extra_repr(self) -> str:
        """Return nothing, as PyTorch does for these."""
        return ""


class Hardsigmoid(_Silent):
    """``relu6(x + 3) / 6``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``relu6(input + 3) / 6``."""
        return functional.hardsigmoid(input)


class Hardswish(_Silent):
    """``x * relu6(x + 3) / 6``. Source: Howard et al. 2019."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input * relu6(input + 3) / 6``."""
        return functional.hardswish(input)


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Return the setting."""
        return str(self.lambd)


class Softshrink(_Shrink):
    """``x`` moved by `lambd` towards 0, and 0 within."""

    def forward(self, input: Tensor) -> Tensor:
        """Return `input`, moved towards 0."""
        return functional.softshrink(input, self.lambd)


class Hardshrink(_Shrink):
    """``x`` where its absolute value exceeds `lambd`, 0 elsewhere."""

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` without its small elements."""
        return functional.hardshrink(input, self.lambd)
