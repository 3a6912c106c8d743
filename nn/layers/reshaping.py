"""Modules that change at most the shape of their input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import shapes
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.settings import OfOneTensor, settings


class Identity(Module):
    """Returns its input; whatever arguments it is made with mean nothing.

    >>> Identity(54, unused=0.1)
    Identity()
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - so that it fits where any layer stands
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return `input`, of any shape."""
        return input


@settings
class Flatten(OfOneTensor, function=shapes.flatten):
    """The axes from `start_dim` to `end_dim` as one; by default all but the first, which is the batch.

    >>> import tensorgrad as tg
    >>> Flatten()(tg.ones(32, 1, 28, 28)).shape
    tensorgrad.Size([32, 784])
    """

    start_dim: int = 1
    end_dim: int = -1


@settings
class Unflatten(Module):
    """The axis `dim` as several, of lengths `unflattened_size`, one of which may be -1.

    Raises:
        TypeError: `unflattened_size` is no tuple or list of whole numbers.

    >>> import tensorgrad as tg
    >>> Unflatten(1, (3, -1))(tg.ones(2, 12)).shape
    tensorgrad.Size([2, 3, 4])
    """

    dim: int
    unflattened_size: Sequence[int]

    def _complete(self) -> None:
        if not isinstance(self.unflattened_size, tuple | list):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(self.unflattened_size).__name__}"
            )
        for i, length in enumerate(self.unflattened_size):
            if not isinstance(length, int):
                raise TypeError(
                    f"unflattened_size must be tuple of ints, but found element of type {type(length).__name__} at "
                    f"pos {i}"
                )

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with that axis as several."""
        return shapes.unflatten(input, self.dim, self.unflattened_size)
