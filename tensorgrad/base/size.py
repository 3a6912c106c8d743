"""Size: the shape of a tensor, a tuple that PyTorch scripts also ask for its number of elements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import index
from typing import Any, Self


class Size(tuple[int, ...]):
    """The lengths of the axes: a tuple of integers that stays a Size when it is sliced, repeated and joined.

    Raises:
        TypeError: a length is no whole number.

    >>> Size([2, 3]), Size([2, 3]).numel(), Size([2, 3])[1:] + (4,)
    (tensorgrad.Size([2, 3]), 6, tensorgrad.Size([3, 4]))
    """

    __slots__ = ()

    def __new__(cls, lengths: Iterable[Any] = ()) -> Self:  # noqa: D102 - described by the class
        items = list(lengths)
        for place, n in enumerate(items):
            if not hasattr(n, "__index__"):
                raise TypeError(f"Size() takes an iterable of 'int' (item {place} is '{type(n).__name__}')")
        return super().__new__(cls, map(index, items))

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> Self:
        """Return a NumPy shape, which needs no checks, as a Size."""
        return tuple.__new__(cls, shape)

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return math.prod(self)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, tuple):
            raise TypeError(f"can only concatenate tuple (not {type(other).__name__}) to tensorgrad.Size")
        return Size.of((*self, *other))

    def __radd__(self, other: tuple[int, ...]) -> Size:
        return Size.of((*other, *self))

    def __mul__(self, times: Any) -> Size:
        return Size.of(tuple(self) * times)

    __rmul__ = __mul__

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Size.of(found) if isinstance(found, tuple) else found

    def __repr__(self) -> str:
        return f"tensorgrad.Size({list(self)})"
