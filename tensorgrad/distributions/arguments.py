"""Numbers and tensors as the parameters of one distribution, and probabilities as their logarithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, overload

from tensorgrad.base.dtypes import DTypeLike, finfo, get_default_dtype
from tensorgrad.create.creation import arange, full
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.functions.reductions import logsumexp
from tensorgrad.functions.shapes import broadcast_tensors

from .distribution import Distribution

Value = float | Tensor


def as_tensors(*values: Value) -> tuple[Tensor, ...]:
    """Return `values` broadcast; numbers, whole ones too, in the dtype of the first tensor, or in the default one."""
    known = next((x.dtype for x in values if isinstance(x, Tensor)), get_default_dtype())
    return broadcast_tensors(*[x if isinstance(x, Tensor) else full((), x, dtype=known) for x in values])


def one_of(name: str, probs: Value | None, logits: Value | None) -> tuple[str, Tensor]:
    """Return which of `probs` and `logits` is given, and its value.

    Raises:
        ArgumentError: both are given, or none.
    """
    if (probs is None) == (logits is None):
        raise ArgumentError(f"{name}: either `probs` or `logits` must be specified, but not both")
    return ("probs", as_tensors(probs)[0]) if probs is not None else ("logits", as_tensors(logits)[0])  # type: ignore[arg-type]


def clamped(probs: Tensor) -> Tensor:
    """Return `probs`, at least the spacing of numbers at 1 away from 0 and 1, as PyTorch has them in logarithms."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def log_odds(probs: Tensor) -> Tensor:
    """Return ``log(p / (1 - p))``."""
    inside = clamped(probs)
    return inside.log() - (-inside).log1p()


def log_normalized(logits: Tensor) -> Tensor:
    """Return `logits` so that their exponentials have the sum 1 over the last axis."""
    return logits - logsumexp(logits, -1, keepdim=True)


def summed(x: Tensor, axes: int) -> Tensor:
    """Return `x` summed over its last `axes` axes."""
    return x.sum(tuple(range(-axes, 0))) if axes else x


def along_first_axis(n: int, shape: Sequence[int], expand: bool, dtype: DTypeLike) -> Tensor:
    """Return 0 to n - 1 along the first axis, before axes of the lengths `shape`, or of 1 without `expand`."""
    values = arange(n, dtype=dtype).reshape(n, *(1 for _ in shape))
    return values.expand(n, *shape) if expand else values


class Derived:
    """A parameter as a function of the one that is given in its place; where it is given itself, that is found first.

    It is computed each time, and not kept: what was computed without a graph would have none later.
    """

    def __init__(self, function: Callable[[Any], Tensor]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, holder: None, owner: type) -> Self: ...

    @overload
    def __get__(self, holder: Distribution, owner: type) -> Tensor: ...

    def __get__(self, holder: Distribution | None, owner: type) -> Self | Tensor:
        return self if holder is None else self._function(holder)
