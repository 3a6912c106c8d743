"""The memory that a tensor lies on, which it may share with others, as one row of numbers or of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, owner_of
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.engine.writes import note


class Storage:
    """All elements of the memory under a tensor, in the order in which they lie, and of every view of it.

    Args:
        tensor: the memory is that under it.
        bytewise: as bytes, and not as numbers of its dtype.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([[4.0, 1.0], [5.0, 3.0]])
    >>> list(x[1].storage())
    [4.0, 1.0, 5.0, 3.0]
    """

    def __init__(self, tensor: Tensor, bytewise: bool = False) -> None:
        owner = owner_of(plain(tensor.array))
        row = owner.reshape(-1) if owner.flags.c_contiguous else owner.T.reshape(-1)
        self._row: Array = row.view(np.uint8 if bytewise else tensor.array.dtype)

    def __len__(self) -> int:
        return len(self._row)

    def __getitem__(self, index: int | slice) -> Any:
        return self._row[index].tolist()

    def __setitem__(self, index: int | slice, value: Any) -> None:
        self._row[index] = value
        note(wrap(self._row), "a write to a storage")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._row.tolist())

    def size(self) -> int:
        """Return the number of elements."""
        return len(self._row)

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._row.nbytes

    def tolist(self) -> list[Any]:
        """Return the elements as Python numbers."""
        return list(self)

    def data_ptr(self) -> int:
        """Return the address of the first byte: the same of every tensor on this memory."""
        return address(self._row)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._row.dtype}, {len(self)} elements, {self.nbytes()} bytes)"


def storage(self: Tensor) -> Storage:
    """Return the elements of the memory that the tensor lies on: those of all views."""
    return Storage(self)


def untyped_storage(self: Tensor) -> Storage:
    """Return the bytes of the memory that the tensor lies on."""
    return Storage(self, bytewise=True)
