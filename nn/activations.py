"""Activation functions and Dropout as modules."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.random import Generator
from tensorgrad.tensor import Tensor

from . import functional
from .module import Module


class ReLU(Module):
    """``max(x, 0)``, with derivative 0 at 0. `inplace` is accepted and changes nothing: inputs are never written."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(input, 0)``."""
        return ops.relu(input)

    def extra_repr(self) -> str:
        """Return the setting where it is not the default."""
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``1 / (1 + exp(-input))``."""
        return ops.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``tanh(input)``."""
        return ops.tanh(input)


class Dropout(Module):
    """In training, zero each element with probability `p` and divide the others by ``1 - p``; else do nothing.

    Source: Srivastava et al. 2014. ValueError for p outside [0, 1].

    >>> import tensorgrad as tg
    >>> Dropout(0.5).eval()(tg.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace  # accepted for PyTorch's sake: the input is never written
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with a new random mask, or unchanged in evaluation."""
        return functional.dropout(input, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}, inplace={self.inplace}"
