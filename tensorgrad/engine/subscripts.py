"""PyTorch's indices in NumPy's terms."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from types import EllipsisType, NoneType
from typing import Any

import numpy as np

from tensorgrad.base.callsite import warn
from tensorgrad.base.dtypes import Array, int64

from .batched import is_batched
from .generalforms import one_step, own
from .tensor import Tensor, as_array

_NUMBERS = frozenset((int, bool))
_PLAIN = frozenset((int, bool, NoneType, EllipsisType))
_SINGLE = _PLAIN | {slice, Tensor, np.ndarray}
_SEVERAL: tuple[Any, ...] = (Sequence, Tensor, np.ndarray, slice, NoneType, EllipsisType)
_WHOLE = slice(None)
_MOST_AXES = 32  # a list of as many items is one index, whatever they are


def for_numpy(index: Any) -> Any:
    """Return `index` as int, bool, slice, None, Ellipsis, an array of its own, or a tuple of these.

    A recorded index must not change afterwards. Tensors and arrays without axes are numbers, as in PyTorch; a sequence
    holds positions, of which there may be none; uint8 says which elements are taken, not where they stand.

    Raises:
        IndexError: `index` is, or holds, something else.
    """
    several = index.__class__ is tuple or (index.__class__ not in _SINGLE and _is_several(index))
    return tuple([_part(i) for i in index]) if several else _part(index)


def _is_several(index: Any) -> bool:
    """Return whether `index` holds one for each axis: a tuple does, and what holds more than numbers is read so."""
    if isinstance(index, tuple):
        return True
    if isinstance(index, str) or not isinstance(index, Sequence) or len(index) >= _MOST_AXES:
        return False
    several = not _NUMBERS.issuperset([i.__class__ for i in index]) and any(isinstance(i, _SEVERAL) for i in index)
    if several:
        warn(
            "Using a non-tuple sequence for multidimensional indexing: it is read as one index for each axis, as "
            "PyTorch reads it and NumPy does not; write x[tuple(seq)] for that, or x[tensorgrad.tensor(seq)]",
        )
    return several


def _part(i: Any) -> Any:
    """Return one index, for one axis or several, as NumPy reads it."""
    if i.__class__ in _PLAIN:
        return i
    if i.__class__ is slice:
        plain = i.start.__class__ in _PLAIN and i.stop.__class__ in _PLAIN and i.step.__class__ in _PLAIN
        return i if plain else slice(_bound(i.start), _bound(i.stop), _bound(i.step))
    if isinstance(i, Tensor | np.ndarray | np.generic):
        return _positions(own(i.array if isinstance(i, Tensor) else i))
    if isinstance(i, Sequence) and not isinstance(i, str):
        array = np.array(i) if _NUMBERS.issuperset([v.__class__ for v in i]) else as_array(i)
        return _positions(array if array.size else array.astype(int64))
    if hasattr(i, "__index__"):
        return operator.index(i)
    raise IndexError(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{type(i).__name__})"
    )


def _bound(i: Any) -> int | None:
    if i is not None and not hasattr(i, "__index__"):
        raise TypeError(f"slice indices must be integers or None or have an __index__ method (got {type(i).__name__})")
    return None if i is None else operator.index(i)


def _positions(array: Array) -> Any:
    """Return an array of positions or a mask; without axes, the number that it holds."""
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors: arrays used as indices must be of "
            f"integer (or boolean) type, found {array.dtype}"
        )
    if array.dtype == np.uint8:
        warn(
            "indexing with dtype uint8 is deprecated: it says which elements are taken, not where they stand; use bool "
            "for that, and int64 for positions",
        )
        array = array.astype(np.bool_)
    return array if array.ndim or is_batched(array) else array.item()


def split(index: Any, ndim: int) -> tuple[Any, Any]:
    """Return `index`, for `ndim` axes, as integers to apply first and the rest, where NumPy orders axes differently.

    PyTorch selects by integers before it indexes with arrays: ``x[0, :, [1, 1]]`` has the shape of ``x[0][:, [1, 1]]``.
    Nor does an ellipsis that stands for no axis keep two arrays apart.
    """
    if index.__class__ is not tuple:
        return None, index
    kinds = [i.__class__ for i in index]
    if not any(isinstance(i, np.ndarray | bool) for i in index):
        return None, index
    if EllipsisType in kinds:
        index = _spelled_out(index, ndim)
    numbers = list(map(_is_number, index))
    if True not in numbers or False not in numbers:
        return None, index
    first: list[Any] = []
    for i, number in zip(index, numbers, strict=True):
        first += [i] if number else [_WHOLE] * _axes(i)
    return tuple(first), tuple([i for i, number in zip(index, numbers, strict=True) if not number])


def _is_number(i: Any) -> bool:
    """Return whether an index is one position; that of each example of a batch may be another one."""
    return i.__class__ is int or (is_batched(i) and not i.ndim)


def _axes(i: Any) -> int:
    """Return how many axes one index, other than an ellipsis, is for."""
    if isinstance(i, np.ndarray) and i.dtype.kind == "b":
        return i.ndim
    return 0 if i is None or i.__class__ is bool else 1


def _spelled_out(index: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Return `index` with slices in the place of an ellipsis."""
    at = [i.__class__ for i in index].index(EllipsisType)
    others = (*index[:at], *index[at + 1 :])
    return (*index[:at], *[_WHOLE] * (ndim - sum([_axes(i) for i in others])), *index[at + 1 :])


def whole(shape: tuple[int, ...], index: Any) -> Any:
    """Return `index` for one assignment: as it is, or as positions where `split` would need two steps."""
    first, rest = split(index, len(shape))
    if first is None:
        return rest
    numbered = np.arange(int(np.prod(shape))).reshape(shape)
    return np.unravel_index(numbered[first][rest], shape)


def distinct(shape: tuple[int, ...], index: Any, value: Any, region: tuple[int, ...]) -> tuple[Any, Any]:
    """Return `index` and `value` without what a later one of repeated positions overwrites, as NumPy assigns them."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(i, np.ndarray) and i.dtype.kind != "b" for i in parts):
        return index, value
    places = np.arange(int(np.prod(shape))).reshape(shape)[index].ravel()
    _, last = np.unique(places[::-1], return_index=True)
    if last.size == places.size:
        return index, value
    found = _lasting(parts, shape)
    values = value if value.shape == region else value.expand(region)
    return tuple(found[1:]), values.reshape((-1,))[found[0]]


@one_step
def _lasting(index: tuple[Any, ...], shape: tuple[int, ...]) -> Array:
    """Return which elements of a source stay where they are written at `index`, and then their places on each axis."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[index].ravel()
    _, last = np.unique(places[::-1], return_index=True)
    winners = np.sort(places.size - 1 - last)
    return np.array((winners, *np.unravel_index(places[winners], shape)))
