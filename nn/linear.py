"""The affine layer."""

from __future__ import annotations

import math

from tensorgrad.creation import empty
from tensorgrad.random import Generator
from tensorgrad.tensor import Tensor

from . import functional, init
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """The affine map ``y = x @ weight.T + bias``, from (..., in_features) to (..., out_features).

    Weight (out_features, in_features) and bias start uniform in ±1/sqrt(in_features), as PyTorch's do.

    >>> import tensorgrad as tg
    >>> Linear(3, 2)(tg.ones(5, 3)).shape
    tensorgrad.Size([5, 2])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, generator: Generator | None = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features))
        self.bias = Parameter(empty(out_features)) if bias else None
        if self.bias is None:
            self.register_parameter("bias", None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        for parameter, name in ((self.weight, "W"), (self.bias, "b")):
            if parameter is not None:
                init.uniform_(parameter, -bound, bound, generator)
                parameter.name = name

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input @ weight.T + bias``."""
        parameters = self._parameters  # the registry itself: attributes go through __getattr__, at every call
        weight = parameters["weight"]
        assert weight is not None
        return functional.linear(input, weight, parameters["bias"])

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
