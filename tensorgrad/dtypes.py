"""The dtypes, the default one, and the promotion table of PyTorch.

NumPy and PyTorch answer differently when dtypes meet: ``int64 + float32`` is float64 in NumPy and float32 in PyTorch,
and a 0-d array counts as much as any other in NumPy while PyTorch lets it decide only between kinds of number. Scripts
written for PyTorch expect PyTorch's answers; this module is the one place that gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from tensorgrad.errors import DeviceError, DTypeError

Array = npt.NDArray[Any]
DType = np.dtype[Any]
DTypeLike = npt.DTypeLike | None

bool_ = np.dtype(np.bool_)
uint8 = np.dtype(np.uint8)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_ELSEWHERE = ("cuda", "mps", "xpu", "meta")  # PyTorch's names of devices, which must not be taken for dtypes
_default: list[DType] = [float32]


def get_default_dtype() -> DType:
    """Return the dtype that Python floats get.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default[0]


def set_default_dtype(dtype: npt.DTypeLike) -> None:
    """Make `dtype`, a floating point one, what Python floats get from now on; DTypeError for any other."""
    found = np.dtype(dtype)
    if found.kind != "f":
        raise DTypeError(f"only floating-point types are supported as the default type, found {found}")
    _default[0] = found


def check_differentiable(dtype: DType) -> None:
    """Raise DTypeError unless tensors of `dtype` can require gradients."""
    if dtype.kind not in "fc":
        raise DTypeError(
            f"only Tensors of floating point dtype can require gradients, found {dtype}: "
            f"a derivative needs values that can change by a little; convert first, for instance with .float()"
        )


def target_dtype(target: Any, device: Any = None) -> DType | None:
    """Return the dtype that the first argument of ``.to()`` asks for; None where it names only the device.

    >>> target_dtype("cpu"), target_dtype("float64")
    (None, dtype('float64'))
    """
    named = target if isinstance(target, str) and target.split(":")[0] in ("cpu", *_ELSEWHERE) else None
    for place in (device, named):
        if place is not None and str(place) != "cpu":
            raise DeviceError(
                f"there is no device {place!r}: tensorgrad computes on the CPU only; say 'cpu' or nothing"
            )
    return None if target is None or named is not None else np.dtype(target)


def promoted(operands: Sequence[Any]) -> DType:
    """Return the dtype in which `operands`, arrays and Python numbers, meet (PyTorch's promotion table).

    Arrays with axes decide first, then 0-d arrays, then Python numbers; a later group counts only if its kind of
    number (bool < integer < float < complex) is higher than what the earlier ones gave.

    >>> promoted([np.ones(3, np.int64), np.ones((), np.float64)])
    dtype('float64')
    >>> promoted([np.ones(3, np.float32), np.ones((), np.float64)])
    dtype('float32')
    >>> promoted([np.ones(3, np.int64), np.ones(3, np.float32)])
    dtype('float32')
    """
    groups: tuple[list[DType], list[DType], list[DType]] = ([], [], [])
    for x in operands:
        shape = getattr(x, "shape", None)
        groups[2 if shape is None else 0 if shape else 1].append(_of_number(x) if shape is None else x.dtype)
    result: DType | None = None
    for group in groups:
        highest = max((_RANK[d.kind] for d in group), default=-1)
        if result is None or highest > _RANK[result.kind]:
            same = [d for d in group if _RANK[d.kind] == highest]
            result = reduce(np.promote_types, same) if same else result
    assert result is not None, "no operand"
    return result


def _of_number(x: Any) -> DType:
    if isinstance(x, bool):
        return bool_
    if isinstance(x, int):
        return int64
    if isinstance(x, complex) and not isinstance(x, float):
        return np.result_type(_default[0], np.complex64)
    return _default[0]


def aligned(operands: Sequence[Any]) -> list[Any]:
    """Return `operands` with every array in the dtype in which they all meet; Python numbers stay as they are."""
    dtype = promoted(operands)
    return [x.astype(dtype) if hasattr(x, "dtype") and x.dtype != dtype else x for x in operands]
