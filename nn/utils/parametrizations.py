"""Parametrisations by name: weight normalisation and spectral normalisation."""

from __future__ import annotations

import numpy as np

from tensorgrad import ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import norm
from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note
from tensorgrad.nn.module.module import Module

from .parametrize import register_parametrization


class _WeightNorm(Module):
    """``g * v / |v|``, the norm over all axes but `dim`."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim
        self.whole = dim is None or dim == -1  # -1 is PyTorch's other word for the norm over all axes

    def _norm(self, v: Tensor) -> Tensor:
        if self.whole:
            return ops.length(v)
        axes = tuple(i for i in range(v.array.ndim) if i != self.dim % v.array.ndim)
        return ops.length(v, axis=axes, keepdims=True)

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """Return `weight_v` with the norms `weight_g`."""
        return weight_v / self._norm(weight_v) * weight_g

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the norms of `weight`, and `weight`."""
        return self._norm(weight), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let `weight` be ``g * v / |v|``: its length and its direction are trained apart. Return `module`.

    The norm is over all axes but `dim`, so that every output has its own; over all axes where `dim` is None. The
    parameters are ``parametrizations.weight.original0``, g, and ``original1``, v.

    Source: Salimans and Kingma 2016.

    >>> from tensorgrad import nn
    >>> [(n, tuple(p.shape)) for n, p in weight_norm(nn.Linear(20, 40, bias=False)).named_parameters()]
    [('parametrizations.weight.original0', (40, 1)), ('parametrizations.weight.original1', (40, 20))]
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """The weight divided by its largest singular value, which a power iteration follows."""

    def __init__(
        self, weight: Tensor, n_power_iterations: int, dim: int, eps: float, generator: Generator | None
    ) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % max(weight.array.ndim, 1)
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        matrix = self._matrix(weight).array
        for buffer, length in (("_u", matrix.shape[0]), ("_v", matrix.shape[1])):
            start = randn(length, dtype=matrix.dtype, generator=generator)
            self.register_buffer(buffer, wrap(self._unit(start.array)))
        self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        axes = (self.dim, *(i for i in range(weight.array.ndim) if i != self.dim))
        return ops.reshape(ops.transpose(weight, axes=axes), shape=(weight.array.shape[self.dim], -1))

    def _unit(self, x: Array) -> Array:
        unit: Array = x / np.maximum(norm(x), self.eps).astype(x.dtype)
        return unit

    def _iterate(self, matrix: Array, times: int) -> None:
        """Bring the two vectors nearer to the singular ones."""
        u, v = self._buffers["_u"], self._buffers["_v"]
        assert u is not None
        assert v is not None
        for _ in range(times):
            u.array[...] = self._unit(matrix @ v.array)
            v.array[...] = self._unit(matrix.T @ u.array)
        note(u)
        note(v)

    def forward(self, weight: Tensor) -> Tensor:
        """Return `weight` divided by ``u @ W @ v``; the vectors are constants, as the derivative allows."""
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.array, self.n_power_iterations)
        # copies, as a graph may hold them when the next iteration writes
        u, v = (wrap(self._buffers[name].array.copy()) for name in ("_u", "_v"))  # type: ignore[union-attr]
        return weight / ops.sum(ops.matmul(ops.reshape(u, shape=(1, -1)), matrix) * v)

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return `value`, taken to be normalised already."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    generator: Generator | None = None,
) -> Module:
    """Let `weight`, as a matrix with the axis `dim` (0) as its rows, have the largest singular value 1.

    The singular vectors are buffers, improved by `n_power_iterations` steps whenever the weight is read in training.
    The module is returned.

    Source: Miyato, Kataoka, Koyama and Yoshida 2018.
    """
    weight = getattr(module, name)
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps, generator))


_complete(__name__)
