"""The same values in memory of their own, or without history."""

from __future__ import annotations

from typing import Any

from tensorgrad import ops
from tensorgrad.devices import check_memory
from tensorgrad.tensor import Tensor, wrap
from tensorgrad.views import link_alias


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """Return a copy that the gradient flows through."""
    check_memory(memory_format=memory_format)
    return ops.astype(input, dtype=input.array.dtype)


def detach(input: Tensor) -> Tensor:
    """Return a tensor on the same memory, without history."""
    alias = wrap(input.array)
    link_alias(alias, input)
    return alias
