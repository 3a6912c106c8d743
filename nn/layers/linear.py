"""The affine layers."""

from __future__ import annotations

import math
from typing import Any

from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.creation import empty
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.nn import functional, init
from tensorgrad.nn.module.lazy import LazyModuleMixin
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter, UninitializedParameter


class Linear(Module):
    """The affine map ``y = x @ weight.T + bias``, from (..., in_features) to (..., out_features).

    Weight (out_features, in_features) and bias start uniform in ±1/sqrt(in_features), as PyTorch's do.

    >>> import tensorgrad as tg
    >>> Linear(3, 2)(tg.ones(5, 3)).shape
    tensorgrad.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew."""
        uniform_within(1 / math.sqrt(self.in_features) if self.in_features else 0.0, self, generator)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input @ weight.T + bias``."""
        parameters = self._parameters  # the registry itself: attributes go through __getattr__, at every call
        weight = parameters["weight"]
        assert weight is not None
        return functional.linear(input, weight, parameters["bias"])

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def uniform_within(bound: float, layer: Module, generator: Generator | None) -> None:
    """Fill weight and bias with numbers uniform in ±bound, and name them for the drawing."""
    for parameter, name in ((layer._parameters["weight"], "W"), (layer._parameters["bias"], "b")):
        if parameter is not None:
            init.uniform_(parameter, -bound, bound, generator)
            parameter.name = name


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` that takes `in_features` from its first input, and is one from then on."""

    cls_to_become = Linear

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(0, 0, False, device, dtype)
        self.out_features = out_features
        self.generator = generator
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew, once there are any."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters(generator)

    def initialize_parameters(self, input: Tensor) -> None:
        """Give weight and bias their shapes and values; a state that was loaded before stays."""
        if not input.array.ndim:
            raise ShapeError("LazyLinear takes an input of shape (..., in_features), found one without axes")
        fresh = self.has_uninitialized_params()
        self.in_features = input.array.shape[-1]
        for name, shape in (("weight", (self.out_features, self.in_features)), ("bias", (self.out_features,))):
            parameter = self._parameters[name]
            if isinstance(parameter, UninitializedParameter):
                parameter.materialize(shape)
        if fresh:
            self.reset_parameters(self.generator)
        del self.generator


class Bilinear(Module):
    """The map ``y[o] = x1 @ weight[o] @ x2 + bias[o]`` of two inputs, (..., in1_features) and (..., in2_features).

    Weight (out_features, in1_features, in2_features) and bias start uniform in ±1/sqrt(in1_features).

    >>> import tensorgrad as tg
    >>> Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(5, 4)).shape
    tensorgrad.Size([5, 2])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ArgumentError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew."""
        uniform_within(1 / math.sqrt(self.in1_features), self, generator)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return the product of the two with the weight; see `functional.bilinear`."""
        return functional.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
