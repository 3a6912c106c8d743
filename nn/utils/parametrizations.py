"""Parametrisations by name: weights with a length, with a largest singular value, with orthonormal columns."""

from __future__ import annotations

import math

import numpy as np

from tensorgrad import ops
from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note
from tensorgrad.errors import ArgumentError, ShapeError
from tensorgrad.functions.diagonals import tril
from tensorgrad.functions.joining import cat
from tensorgrad.functions.matrices import solve
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


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return `weight` as a matrix whose rows are its axis `dim`."""
    axes = (dim, *(i for i in range(weight.array.ndim) if i != dim))
    return ops.reshape(ops.transpose(weight, axes=axes), shape=(weight.array.shape[dim], -1))


def unit(x: Array, eps: float) -> Array:
    """Return `x` with the norm 1; its own norm counts as `eps` at least."""
    found: Array = x / np.maximum(ops.length(x), eps).astype(x.dtype)
    return found


def iterate(matrix: Array, left: Tensor, right: Tensor, times: int, eps: float) -> None:
    """Bring two vectors nearer to the singular ones of the largest singular value: first `left`, then `right`."""
    for _ in range(times):
        left.array[...] = unit(matrix @ right.array, eps)
        right.array[...] = unit(matrix.T @ left.array, eps)
    if times:
        note(left)
        note(right)


def over_norm(weight: Tensor, matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return `weight` divided by ``u @ matrix @ v``; the vectors are constants, as the derivative allows."""
    left, right = wrap(u.array.copy()), wrap(v.array.copy())  # a graph may hold them when the next iteration writes
    value: Tensor = weight / ops.sum(ops.matmul(ops.reshape(left, shape=(1, -1)), matrix) * right)
    return value


def check_iterations(n_power_iterations: int) -> None:
    """Refuse to iterate not once.

    Raises:
        ValueError: `n_power_iterations` is not positive.
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")


def axis_of_outputs(module: Module) -> int:
    """Return the axis of a layer's weight that its outputs have."""
    return 1 if type(module).__name__.startswith("ConvTranspose") else 0


class _SpectralNorm(Module):
    """The weight divided by its largest singular value, which a power iteration follows."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int, dim: int, eps: float, generator: Generator | None
    ) -> None:
        super().__init__()
        check_iterations(n_power_iterations)
        self.dim = dim % max(weight.array.ndim, 1)
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        matrix = as_matrix(weight, self.dim).array
        for buffer, length in (("_u", matrix.shape[0]), ("_v", matrix.shape[1])):
            start = randn(length, dtype=matrix.dtype, generator=generator)
            self.register_buffer(buffer, wrap(unit(start.array, eps)))
        iterate(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Tensor) -> Tensor:
        """Return `weight` divided by ``u @ W @ v``."""
        matrix = as_matrix(weight, self.dim)
        if self.training:
            iterate(matrix.array, self._u, self._v, self.n_power_iterations, self.eps)
        return over_norm(weight, matrix, self._u, self._v)

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
        dim = axis_of_outputs(module)
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps, generator))


_TERMS = 15  # of the series: (1/2) ** 16 / 16! is nothing beside 1


class _Orthogonal(Module):
    """A matrix with orthonormal columns, or rows where there are more columns, from one without constraint."""

    def __init__(self, weight: Tensor, orthogonal_map: str) -> None:
        super().__init__()
        self.shape = weight.array.shape
        self.wide = self.shape[-2] < self.shape[-1]
        self.orthogonal_map = orthogonal_map

    def mapped(self, tall: Tensor) -> Tensor:
        """Return the orthogonal matrix of one with at least as many rows as columns."""
        return _reflected(tall) if self.orthogonal_map == "householder" else _turned(tall, self.orthogonal_map)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the orthogonal matrix that `weight` is mapped to."""
        return self.mapped(weight.mT).mT if self.wide else self.mapped(weight)

    def tall(self, value: Tensor) -> Array:
        """Return the matrix that is assigned, or its transpose; ShapeError for one of another shape."""
        if value.array.shape != self.shape:
            raise ShapeError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{value.array.shape}."
            )
        return value.array.swapaxes(-1, -2) if self.wide else value.array


class _OfReflections(_Orthogonal):
    """Begins with the orthogonal matrix of the QR decomposition of what is assigned."""

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return the directions of the reflections below a diagonal of signs."""
        packed, factors = np.linalg.qr(self.tall(value), mode="raw")
        found = packed if self.wide else packed.swapaxes(-1, -2)
        found = found.copy()
        signs = np.sign(np.diagonal(found, axis1=-2, axis2=-1)) * np.where(factors == 0, -1, 1)
        places = np.arange(signs.shape[-1])
        found[..., places, places] = signs
        return wrap(found)


class _Trivialized(_Orthogonal):
    """Turns `base`, the matrix that was assigned, made orthogonal."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str) -> None:
        super().__init__(weight, orthogonal_map)
        self.register_buffer("base", None)

    def mapped(self, tall: Tensor) -> Tensor:
        """Return the base times the orthogonal matrix."""
        assert self.base is not None
        return ops.matmul(self.base, super().mapped(tall))

    def right_inverse(self, value: Tensor) -> Tensor:
        """Return what is mapped to the identity; the base becomes `value`, made orthogonal and square."""
        matrix = self.tall(value)
        n, k = matrix.shape[-2:]
        near = 10 * k * np.finfo(matrix.dtype).eps
        if n != k or not np.allclose(matrix.swapaxes(-1, -2) @ matrix, np.eye(k), atol=near):
            more = randn(*matrix.shape[:-2], n, n - k, dtype=matrix.dtype).array
            q, r = np.linalg.qr(np.concatenate([matrix, more], axis=-1))
            signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1, 1).astype(q.dtype)
            matrix = q * signs[..., None, :]
        self.base = wrap(np.array(matrix))
        found = np.zeros(self.shape, matrix.dtype)
        found[...] = -np.eye(*self.shape[-2:], dtype=matrix.dtype)
        return wrap(found)


def _turned(x: Tensor, orthogonal_map: str) -> Tensor:
    """Return the exponential of A, skew-symmetric of the lower triangle, or Cayley's map ``(I - A/2)^-1 (I + A/2)``."""
    n, k = x.array.shape[-2:]
    lower = tril(x)
    if n != k:
        lower = cat([lower, wrap(np.zeros((*x.array.shape[:-1], n - k), x.array.dtype))], -1)
    skew = lower - lower.mT
    if orthogonal_map == "matrix_exp":
        y = _exponential(skew)
    else:
        one = wrap(np.eye(n, dtype=x.array.dtype))
        y = solve(one - skew * 0.5, one + skew * 0.5)
    return y if n == k else ops.getitem(y, index=(..., slice(0, k)))


def _exponential(x: Tensor) -> Tensor:
    """Return the exponential of matrices: of ``x / 2 ** s`` by its series, squared s times."""
    size = float(np.abs(x.array).sum(-1).max(initial=0.0))
    squarings = max(0, math.ceil(math.log2(size)) + 1) if 0 < size < math.inf else 0
    one = wrap(np.eye(x.array.shape[-1], dtype=x.array.dtype))
    small = x * 2.0**-squarings
    y = one + small * (1 / _TERMS)
    for i in range(_TERMS - 1, 0, -1):
        y = one + ops.matmul(small, y) * (1 / i)
    for _ in range(squarings):
        y = ops.matmul(y, y)
    return y


def _reflected(x: Tensor) -> Tensor:
    """Return the first columns of the product of the reflections whose directions stand below the diagonal.

    Each is ``I - tau v v'`` with ``tau = 2 / (v' v)``, 1 standing at the diagonal of v; the signs are those of the
    diagonal of `x`, without a gradient.
    """
    n, k = x.array.shape[-2:]
    lower = tril(x, -1)
    signs = wrap(np.trunc(np.diagonal(x.array, axis1=-2, axis2=-1))[..., None, :].copy())
    y: Tensor = wrap(np.eye(n, k, dtype=x.array.dtype))
    for i in reversed(range(k)):
        corner = wrap(np.eye(n, dtype=x.array.dtype)[:, i : i + 1])
        v = ops.getitem(lower, index=(..., slice(i, i + 1))) + corner
        tau = 2.0 / ops.sum(v * v, axis=-2, keepdims=True)
        y = y - v * tau * ops.matmul(v.mT, y)
    return y * signs


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Let the matrix `name` have orthonormal columns, or rows if it has more columns, whatever is trained.

    Args:
        module: the layer, which is returned.
        name: of its parameter, (..., m, n).
        orthogonal_map: from any matrix to an orthogonal one: "matrix_exp", the exponential of a skew-symmetric one
            (if the matrix is square), "cayley", or "householder", a product of reflections (otherwise).
        use_trivialization: what is trained turns the matrix that the weight was, or that was assigned. Without it the
            weight begins as the map of what it was, and none can be assigned.

    Raises:
        ValueError: for a vector, and for another map.

    Source: Lezcano-Casado 2019.

    >>> import tensorgrad as tg
    >>> from tensorgrad import nn
    >>> w = orthogonal(nn.Linear(3, 4)).weight
    >>> tg.allclose(w.T @ w, tg.eye(3), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ArgumentError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.array.ndim < 2:
        raise ArgumentError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.array.ndim} dimensions.")
    square = weight.array.shape[-2] == weight.array.shape[-1]
    chosen = orthogonal_map or ("matrix_exp" if square else "householder")
    if chosen not in ("matrix_exp", "cayley", "householder"):
        raise ArgumentError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    kind = _Trivialized if use_trivialization else _OfReflections if chosen == "householder" else _Orthogonal
    return register_parametrization(module, name, kind(weight, chosen), unsafe=True)


_complete(__name__)
