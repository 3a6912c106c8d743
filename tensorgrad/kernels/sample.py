"""Arguments of a function by what its code depends on: types, layouts, which sizes are equal, and all that is no array.

From these, arguments are made for which the function is recorded: with sizes that are told apart by their values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array

Dims = tuple[int | None, ...]
"""The axes of an array: which of the sizes each has, None where its length is 1."""

PRIMES: dict[int, Sequence[Sequence[int]]] = {
    0: ((), ()), 1: ((1009,), (1013,)), 2: ((101, 103), (107, 109)), 3: ((17, 19, 23), (13, 29, 31)),
    4: ((5, 7, 11, 13), (3, 17, 7, 19)),
}  # fmt: skip
"""Sizes for two runs, by how many there are: no two products of some of a run are equal; rows make one block."""
MOST = 1 << 22
"""Elements of an array for which a function is recorded."""
STATIC = frozenset((int, float, bool, str, type(None)))
"""The types of what is no array, and stands in the code."""
FLOATS = frozenset((np.dtype(np.float32), np.dtype(np.float64)))
"""The types of elements: those of the machine's own order of bytes."""


class NoFormError(Exception):
    """A function, for such arguments, that stays as it is; the message says why."""


class Kind(NamedTuple):
    """One array, as code depends on it."""

    dtype: str
    dims: Dims
    repeats: bool  # one element in all places


class Slot(NamedTuple):
    """The place of an array among arguments, or results, by its number."""

    number: int


def slotted(value: Any, arrays: list[Array]) -> Any:
    """Return arguments with a slot for each array, which is added to `arrays`.

    Raises:
        NoFormError: there is something that code cannot depend on.
    """
    kind = type(value)
    if kind is np.ndarray:
        arrays.append(value)
        return Slot(len(arrays) - 1)
    if kind is tuple:
        return tuple([slotted(x, arrays) for x in value])
    if kind in STATIC:
        return value
    raise NoFormError(f"arguments of type {kind.__name__}")


def filled(value: Any, arrays: Sequence[Any]) -> Any:
    """Return arguments with arrays for their slots."""
    kind = type(value)
    if kind is Slot:
        return arrays[value.number]
    return tuple([filled(x, arrays) for x in value]) if kind is tuple else value


def examples(kinds: Sequence[Kind], sizes: Sequence[int]) -> Iterator[Array]:
    """Yield arrays of these kinds, of numbers between 0 and 1; positions are 0, which there is in every axis.

    Raises:
        NoFormError: many axes of one length make one that is too large.
    """
    rng = np.random.default_rng(0)
    for kind in kinds:
        shape = tuple([1 if d is None else sizes[d] for d in kind.dims])
        if math.prod(shape) > MOST:
            raise NoFormError(f"{len(shape)} axes, of which several are equally long")
        drawn = rng.uniform(0.1, 0.9, () if kind.repeats else shape).astype(kind.dtype)
        yield np.broadcast_to(drawn, shape) if kind.repeats else drawn
