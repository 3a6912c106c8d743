"""Parameter: a tensor that a module registers and an optimiser updates."""

from __future__ import annotations

from typing import Any

from tensorgrad.tensor import Tensor


class Parameter(Tensor):
    """A tensor that requires a gradient and is registered when assigned to an attribute of a Module.

    >>> import tensorgrad as tg
    >>> Parameter(tg.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data)
        self.requires_grad = requires_grad

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
