"""The affine layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.creation import empty
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.nn import functional, init
from tensorgrad.nn.functional.linear import linear
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Parameter


def register_weights(
    layer: Module, shapes: Mapping[str, tuple[int, ...]], bias: bool | None, device: Any, dtype: DTypeLike
) -> None:
    """Register parameters of these shapes, not filled yet; those named bias only where there is one."""
    for name, shape in shapes.items():
        there = bias or not name.startswith("bias")
        layer.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if there else None)


def begin(layer: Any, generator: Generator | None) -> None:
    """Have `layer` draw its initial values, which a class of the user's may do without a generator."""
    layer.reset_parameters(*(() if generator is None else (generator,)))


class Linear(Module):
    """The affine map ``y = x @ weight.T + bias``, from (..., in_features) to (..., out_features).

    Weight (out_features, in_features) and bias start uniform in ±1/sqrt(in_features), as PyTorch's do.

    Raises:
        ShapeError: `in_features` or `out_features` is negative.

    >>> import tensorgrad as tg
    >>> Linear(3, 2)(tg.ones(5, 3)).shape
    tensorgrad.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool | None = True,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        register_weights(self, self.state_shapes(), bias, device, dtype)
        begin(self, generator)

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of weight and bias."""
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew."""
        uniform_within(1 / math.sqrt(self.in_features) if self.in_features else 0.0, self, generator)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input @ weight.T + bias``."""
        parameters = self._parameters  # the registry itself: attributes go through __getattr__, at every call
        weight = parameters["weight"]
        assert weight is not None
        return linear(input, weight, parameters["bias"])  # the plain one: what calls a module answers for it

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def uniform_within(bound: float, layer: Module, generator: Generator | None) -> None:
    """Fill weight and bias with numbers uniform in ±bound, and name them for the drawing."""
    for parameter, name in ((layer._parameters["weight"], "W"), (layer._parameters["bias"], "b")):
        if parameter is not None:
            init.uniform_(parameter, -bound, bound, generator)
            parameter.name = name


class Bilinear(Module):
    """The map ``y[o] = x1 @ weight[o] @ x2 + bias[o]`` of two inputs, (..., in1_features) and (..., in2_features).

    Weight (out_features, in1_features, in2_features) and bias start uniform in ±1/sqrt(in1_features).

    Raises:
        ArgumentError: `in1_features` is not positive.

    >>> import tensorgrad as tg
    >>> Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(5, 4)).shape
    tensorgrad.Size([5, 2])
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool | None = True,
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
        shapes = {"weight": (out_features, in1_features, in2_features), "bias": (out_features,)}
        register_weights(self, shapes, bias, device, dtype)
        begin(self, generator)

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
