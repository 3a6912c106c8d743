"""Arrays of what users write: nested lists of numbers, arrays and tensors, with PyTorch's choice of the dtype.

A tensor is known here by its attribute `array`: the class stands above this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.errors import DTypeError, ShapeError

from .dtypes import (
    HELD,
    NAMES,
    Array,
    DType,
    DTypeLike,
    as_dtype,
    bool_,
    default_complex,
    get_default_dtype,
    int64,
    met,
)
from .hints import short
from .size import Size

_NUMBERS = {bool, int, float, complex}


class _Indexed(Sequence[Any]):
    """What has a length and elements: a sequence by Python's register, or a user's class that behaves as one."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        known = issubclass(other, Mapping) or any(hasattr(other, name) for name in ("__array__", "dtype"))
        return not known and hasattr(other, "__len__") and hasattr(other, "__getitem__")


_SEQUENCES = (list, tuple, _Indexed)  # the usual ones first: to ask the abstract class takes ten times as long


def tracked(data: Any) -> bool:
    """Whether `data` is a tensor with a history, or nested sequences that hold one.

    >>> tracked([1.0, [2.0]])
    False
    """
    if isinstance(data, _SEQUENCES) and not isinstance(data, str | bytes):
        return not _kinds(data) <= _NUMBERS and any(map(tracked, data))
    return bool(getattr(data, "tracked", False))


def forgotten(data: Any, who: str) -> Any:
    """Return `data`, of which the numbers alone are used; `who` says which argument it is.

    >>> forgotten(2.0, "full(): argument 'fill_value'")
    2.0

    Raises:
        TypeError: it is a tensor with a history, which would be lost, or holds one.
    """
    if tracked(data):
        raise TypeError(
            f"{who} takes numbers, not a Tensor that requires grad, or a list with one: the result would be a "
            f"constant, without its gradient; if that is meant, give .item() or .detach(), else compute with the Tensor"
        )
    return data


def array_of(data: Any, dtype: DTypeLike = None, copy: bool = False, who: str = "data") -> Array:
    """Return `data` as an array: Python numbers in PyTorch's dtype for them, arrays in their own unless asked.

    `who` says which argument it is where it is a list with a tensor that has a history: see `forgotten`.

    >>> array_of([1, 2.5]), array_of([True]).dtype
    (array([1. , 2.5], dtype=float32), dtype('bool'))
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if type(data) in _NUMBERS:
        return _converted(data, wanted or _dtype_of_numbers({type(data)}))
    if not hasattr(data, "dtype") and isinstance(data, _SEQUENCES) and not isinstance(data, str | bytes):
        return _nested(data, wanted, who)
    result: Array
    if isinstance(data, np.ndarray) and data.dtype.kind not in "biufc":
        wanted = None  # which no number of another dtype comes of: it is refused below
    if hasattr(data, "__array_function__") and not issubclass(type(data), np.generic):
        kept = data.copy() if copy else data  # an array of another library stays what it is
        if issubclass(type(kept), np.ndarray):
            kept = np.asarray(kept)  # masks and other natures of NumPy's subclasses do not live on inside a tensor
        result = kept if wanted is None else kept.astype(wanted, copy=False)
    elif hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        result = np.array(data, wanted) if copy else np.asarray(data, wanted)
    else:
        result = _converted(data, wanted or _dtype_of_numbers({_kind_of_number(data)}))
    if result.dtype not in HELD:
        native = result.dtype.newbyteorder("=")
        cure = f"use array.astype('{native}')" if native in HELD else f"there are {', '.join(NAMES)}"
        raise DTypeError(
            f"can't convert np.ndarray of type {result.dtype if native not in HELD else result.dtype.str}, found an "
            f"array of shape {list(result.shape)}: cannot make a tensor of it; {cure}"
        )
    return result


def filling(value: Any, dtype: DType) -> Array:
    """Return the number `value` as an array of `dtype`, which is filled with it.

    >>> filling(2.5, np.dtype("float16"))
    array(2.5, dtype=float16)

    Raises:
        DTypeError: it has no place there, not even as a float that is rounded.
    """
    with np.errstate(over="ignore"):
        array = _converted(value, dtype)
    if dtype.kind in "fc" and np.isfinite(value) and not np.isfinite(array):
        raise DTypeError(f"value cannot be converted to type {dtype} without overflow: found {value}")
    return array


def held(values: Array, dtype: DType) -> Array:
    """Return `values`, finite numbers, in `dtype`.

    >>> held(np.array([0, 200]), np.dtype("uint8"))
    array([  0, 200], dtype=uint8)

    Raises:
        DTypeError: one has no place there.
    """
    if values.size and dtype.kind in "iuf":
        for extreme in (values.min(), values.max()):
            filling(extreme.item(), dtype)
    return values.astype(dtype)


def constructed(data: tuple[Any, ...], dtype: DTypeLike = None) -> Array:
    """Return the array that the classes `Tensor` and `FloatTensor` start with: lengths of axes, or one sequence."""
    wanted = get_default_dtype() if dtype is None else as_dtype(dtype)
    if len(data) == 1 and isinstance(data[0], Size):
        data = tuple(data[0])
    elif len(data) == 1 and (isinstance(data[0], bool) or not isinstance(data[0], int | np.integer)):
        if hasattr(data[0], "array"):
            array: Array = data[0].array
            return array if dtype is None else array.astype(wanted, copy=False)
        if isinstance(data[0], bool | float | complex | str | None):
            raise DTypeError(
                f"new(): data must be a sequence (got {type(data[0]).__name__}): tensorgrad.tensor makes a tensor of a "
                f"number"
            )
        return array_of(data[0], wanted, True, "Tensor(): argument 'data'")
    if not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in data):
        raise DTypeError(f"new(): data must be lengths of axes, or one sequence, found {', '.join(map(short, data))}")
    if min(data, default=0) < 0:
        raise ShapeError(f"new(): Trying to create tensor with negative dimension: {list(data)}")
    try:
        return np.empty(data or 0, wanted)
    except ValueError as error:
        raise ShapeError(f"new(): no array is as large as {', '.join(map(short, data))}") from error


def _nested(data: Sequence[Any], dtype: DType | None, who: str) -> Array:
    kinds = _kinds(data)
    if not kinds <= _NUMBERS:
        found = met(list(_dtypes(data)))  # asked in any case: it refuses what is no number
        dtype, data = dtype or found, unboxed(forgotten(data, who))
    return _converted(data, dtype or _dtype_of_numbers(kinds))


def _kinds(data: Sequence[Any]) -> set[type]:
    """Return the types of the elements at the ends of nested sequences."""
    kinds = set(map(type, data))
    if kinds <= _NUMBERS:
        return kinds
    nested = {kind for kind in kinds if issubclass(kind, _SEQUENCES) and not issubclass(kind, str | bytes)}
    return (kinds - nested).union(*(_kinds(x) for x in data if type(x) in nested)) if nested else kinds


def _dtypes(data: Sequence[Any]) -> Iterator[DType]:
    """Yield the dtype of every element; DTypeError for one that is no number, tensor or array."""
    for x in data:
        array = getattr(x, "array", x)
        if isinstance(x, _SEQUENCES) and not isinstance(x, str | bytes):
            yield from _dtypes(x)
        elif hasattr(array, "dtype"):
            yield array.dtype
        else:
            yield _dtype_of_numbers({_kind_of_number(x)})


def unboxed(data: Any) -> Any:
    """Return nested sequences with arrays in the place of tensors; those of one element are numbers, as in PyTorch."""
    if isinstance(data, _SEQUENCES):
        return [unboxed(x) for x in data]
    array = getattr(data, "array", None)
    return data if array is None else array.reshape(()) if array.size == 1 else array


def _kind_of_number(data: Any) -> type:
    """Return the kind of number that `data` is, one of a subclass too; DTypeError if it is none."""
    for kind in (bool, int, float, complex):
        if isinstance(data, kind):
            return kind
    raise DTypeError(
        f"Could not infer dtype of {type(data).__name__}: cannot make a tensor of {data!r:.60}, not a number, a list "
        f"of numbers or an array"
    )


def _dtype_of_numbers(kinds: set[type]) -> DType:
    if complex in kinds:
        return default_complex()
    if float in kinds or not kinds:
        return get_default_dtype()
    return bool_ if kinds == {bool} else int64


def _converted(data: Any, dtype: DType) -> Array:
    """Return numbers as an array of `dtype`; floats are cut to integers, as PyTorch does."""
    try:
        return np.array(data, dtype)
    except OverflowError as error:
        raise DTypeError(f"value cannot be converted to type {dtype} without overflow: {error}") from error
    except (ValueError, TypeError) as error:
        place = _ragged(data)
        if place is None:
            raise DTypeError(f"value cannot be converted to type {dtype}: {error}") from error
        expected, axis, found = place
        raise ShapeError(
            f"expected sequence of length {expected} at dim {axis} (got {found}): rows must be of equal length"
        ) from error


def _ragged(data: Any, axis: int = 0) -> tuple[Any, int, Any] | None:
    """Return where nested lists are not rectangular: the length of the first, the axis, another length."""
    if not isinstance(data, list | tuple) or not data:
        return None
    lengths = [len(x) if isinstance(x, _SEQUENCES) or getattr(x, "ndim", None) else "a number" for x in data]
    for length in lengths:
        if length != lengths[0]:
            return lengths[0], axis + 1, length
    return next((place for x in data if (place := _ragged(x, axis + 1)) is not None), None)
