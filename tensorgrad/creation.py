"""Functions that make tensors, with PyTorch's names and defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.dtypes import Array, DTypeLike, get_default_dtype, int64
from tensorgrad.exposure import adopted
from tensorgrad.random import Generator, generator_of
from tensorgrad.tensor import Tensor, as_array, wrap


def _made(array: Array, dtype: DTypeLike, requires_grad: bool) -> Tensor:
    x = wrap(array.astype(dtype if dtype is not None else get_default_dtype(), copy=False))
    if requires_grad:
        x.requires_grad = True
    return x


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    wanted = size[0] if len(size) == 1 and not isinstance(size[0], int | np.integer) else size
    return tuple(int(n) for n in wanted)


def tensor(data: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor with a copy of `data`: Python floats become float32, NumPy arrays keep their dtype.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> tensor(2.5, requires_grad=True)
    tensor(2.5000, requires_grad=True)
    """
    return Tensor(data, dtype, requires_grad)


def as_tensor(data: Any, dtype: DTypeLike = None) -> Tensor:
    """Return `data` as a tensor, on the same memory if it is an array of that dtype already."""
    if isinstance(data, Tensor) and (dtype is None or data.array.dtype == dtype):
        return data
    array = as_array(data, dtype)
    return adopted(array) if array is data else wrap(array)


def from_numpy(array: Array) -> Tensor:
    """Return a tensor on the memory of `array`."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return adopted(as_array(array))


def zeros(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape `size`, float32 by default."""
    return _made(np.zeros(_shape(size), dtype or get_default_dtype()), dtype, requires_grad)


def ones(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape `size`, float32 by default.

    >>> ones(2, 3).shape
    (2, 3)
    """
    return _made(np.ones(_shape(size), dtype or get_default_dtype()), dtype, requires_grad)


def full(size: Any, fill_value: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of the shape `size` filled with `fill_value`, in the dtype of that value."""
    value = as_array(fill_value, dtype)
    return _made(np.full(_shape((size,)), value), value.dtype, requires_grad)


def empty(*size: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of the shape `size` whose elements are whatever the memory held."""
    return _made(np.empty(_shape(size), dtype or get_default_dtype()), dtype, requires_grad)


def eye(n: int, m: int | None = None, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return the (n, m) matrix with ones on the diagonal."""
    return _made(np.eye(n, m), dtype, requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, dtype: DTypeLike = None, requires_grad: bool = False
) -> Tensor:
    """Return the numbers from `start` (0 if it is the only argument) below `end` in steps of `step`.

    >>> arange(3), arange(1.0, 2.0, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    values = np.arange(start, step=step) if end is None else np.arange(start, end, step)
    return _made(values, dtype or (int64 if values.dtype.kind == "i" else None), requires_grad)


def linspace(start: float, end: float, steps: int, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return `steps` numbers from `start` to `end`, both included, at equal distances."""
    return _made(np.linspace(start, end, steps), dtype, requires_grad)


def zeros_like(input: Tensor, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return zeros of the shape and dtype of `input`."""
    return _made(np.zeros_like(input.array, dtype), dtype or input.array.dtype, requires_grad)


def ones_like(input: Tensor, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return ones of the shape and dtype of `input`."""
    return _made(np.ones_like(input.array, dtype), dtype or input.array.dtype, requires_grad)


def full_like(input: Tensor, fill_value: Any, dtype: DTypeLike = None, requires_grad: bool = False) -> Tensor:
    """Return a tensor of the shape and dtype of `input` filled with `fill_value`."""
    return _made(np.full_like(input.array, fill_value, dtype), dtype or input.array.dtype, requires_grad)


def _random(kind: str, shape: tuple[int, ...], dtype: DTypeLike, generator: Generator | None) -> Array:
    wanted = np.dtype(get_default_dtype() if dtype is None else dtype)
    native = wanted if wanted.itemsize in (4, 8) else np.dtype(np.float32)
    sample: Array = getattr(generator_of(generator), kind)(shape, dtype=native)
    return np.asarray(sample, dtype=wanted)


def rand(
    *size: Any, dtype: DTypeLike = None, requires_grad: bool = False, generator: Generator | None = None
) -> Tensor:
    """Return independent numbers, uniform in [0, 1)."""
    return _made(_random("random", _shape(size), dtype, generator), dtype, requires_grad)


def randn(
    *size: Any, dtype: DTypeLike = None, requires_grad: bool = False, generator: Generator | None = None
) -> Tensor:
    """Return independent numbers from the normal distribution with mean 0 and standard deviation 1."""
    return _made(_random("standard_normal", _shape(size), dtype, generator), dtype, requires_grad)


def rand_like(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return uniform numbers in the shape and dtype of `input`."""
    return rand(input.array.shape, dtype=input.array.dtype, generator=generator)


def randn_like(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return standard normal numbers in the shape and dtype of `input`."""
    return randn(input.array.shape, dtype=input.array.dtype, generator=generator)


def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Return int64 numbers, uniform in [low, high); ``randint(high, size)`` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    return wrap(generator_of(generator).integers(low, high, _shape((size,)), dtype=np.int64))


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """Return the numbers 0 to n - 1 in random order, int64."""
    return wrap(generator_of(generator).permutation(n).astype(np.int64))


def normal(
    mean: float | Tensor, std: float | Tensor, size: Any = None, *, generator: Generator | None = None
) -> Tensor:
    """Return normal numbers with `mean` and `std`, numbers or tensors, of the shape `size` or of theirs."""
    m, s = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    shape = np.broadcast_shapes(np.shape(m), np.shape(s)) if size is None else _shape((size,))
    return wrap(np.asarray(m + s * _random("standard_normal", shape, None, generator), dtype=get_default_dtype()))
