"""The back end of `einops` for tensors: after `register`, its functions take them, and keep their graph.

>>> import tensorgrad as tg
>>> tg.utils.einops.register()  # doctest: +SKIP
>>> from einops import rearrange  # doctest: +SKIP
>>> rearrange(tg.zeros(2, 3, 4), "a b c -> (a b) c").shape  # doctest: +SKIP
Size([6, 4])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import MissingDependencyError

__all__ = ["register"]


class _Tensors:
    """What einops asks of a back end."""

    framework_name = "tensorgrad"

    def is_appropriate_type(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor)

    def from_numpy(self, x: Any) -> Tensor:
        return tg.from_numpy(x)

    def to_numpy(self, x: Tensor) -> Any:
        return np.asarray(x)  # which is refused where a gradient would be lost

    def arange(self, start: int, stop: int) -> Tensor:
        return tg.arange(start, stop)

    def reduce(self, x: Tensor, operation: str, axes: Sequence[int]) -> Tensor:
        name = {"min": "amin", "max": "amax"}.get(operation, operation)
        if name in ("prod", "any", "all"):
            for axis in sorted(axes, reverse=True):
                x = getattr(x, name)(axis)
            return x
        found: Tensor = getattr(x, name)(tuple(axes))
        return found

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return x.permute(*axes)

    def stack_on_zeroth_dimension(self, tensors: list[Tensor]) -> Tensor:
        return tg.stack(tensors)

    def add_axis(self, x: Tensor, new_position: int) -> Tensor:
        return x.unsqueeze(new_position)

    def tile(self, x: Tensor, repeats: Sequence[int]) -> Tensor:
        return tg.tile(x, tuple(repeats))

    def concat(self, tensors: list[Tensor], axis: int) -> Tensor:
        return tg.cat(tensors, axis)

    def is_float_type(self, x: Tensor) -> bool:
        return x.is_floating_point()

    def einsum(self, pattern: str, *x: Tensor) -> Tensor:
        return tg.einsum(pattern, *x)


def register() -> None:
    """Let einops know tensors, from here on: it looks for the subclasses of its own back end.

    Raises:
        MissingDependencyError: einops is not installed.
    """
    try:
        from einops._backends import AbstractBackend
    except ImportError as error:
        raise MissingDependencyError("utils.einops.register() needs the library einops: pip install einops") from error
    if not _REGISTERED:
        _REGISTERED.append(type("Backend", (_Tensors, AbstractBackend), {}))


_REGISTERED: list[type] = []
"""The class that einops finds, once there is one: einops keeps no list, but asks for the subclasses that there are."""
