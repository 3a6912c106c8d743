"""Smooth activation functions, and those along an axis, as modules; those made of pieces stand in `rectifiers`."""

from __future__ import annotations

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ShapeError
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module

from .rectifiers import InPlace


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


class LogSigmoid(Module):
    """``log(sigmoid(x))``, without underflow."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``log(sigmoid(input))``."""
        return functional.logsigmoid(input)


class Softsign(Module):
    """``x / (1 + |x|)``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input / (1 + |input|)``."""
        return functional.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input - tanh(input)``."""
        return functional.tanhshrink(input)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``, and x itself where ``beta * x > threshold``: a smooth ReLU."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return the smooth positive part of `input`."""
        return functional.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return the settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class GELU(Module):
    """`x` times the probability that a standard normal number is below it; `approximate` "tanh" for PyTorch's formula.

    Source: Hendrycks and Gimpel 2016.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` times that probability."""
        return functional.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return the setting."""
        return f"approximate={self.approximate!r}"


class SiLU(InPlace):
    """``x * sigmoid(x)``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input * sigmoid(input)``."""
        return functional.silu(input)


class Mish(InPlace):
    """``x * tanh(softplus(x))``. Source: Misra 2019."""

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input * tanh(softplus(input))``."""
        return functional.mish(input)


class _Along(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class Softmax(_Along):
    """``exp(x) / sum(exp(x))`` over `dim`, without overflow; see `functional.softmax` for `dim` None."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmax of `input`."""
        return functional.softmax(input, self.dim, _stacklevel=5)


class Softmin(_Along):
    """The softmax of ``-x``."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmin of `input`."""
        return functional.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_Along):
    """The logarithm of the softmax, without underflow."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the log-softmax of `input`."""
        return functional.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """The softmax over the channels of (N, C, H, W) or (C, H, W) at every place; ShapeError for other axes."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the softmax of `input`."""
        if input.array.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: expected input to be 3D or 4D, got {input.array.ndim}D instead")
        return functional.softmax(input, -3)


class GLU(Module):
    """``a * sigmoid(b)``, a and b being the halves of x along `dim`. Source: Dauphin et al. 2017."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the gated half of `input`."""
        return functional.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"
