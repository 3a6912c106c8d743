"""The dtypes, the default one, and the promotion table of PyTorch.

NumPy and PyTorch answer differently when dtypes meet: ``int64 + float32`` is float64 in NumPy and float32 in PyTorch,
and a 0-d array counts as much as any other in NumPy while PyTorch lets it decide only between kinds of number. Scripts
written for PyTorch expect PyTorch's answers; this module is the one place that gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorgrad.errors import ComplexError, DTypeError

from .context import STEPPING, context

DType = np.dtype[Any]
if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    DTypeLike = npt.DTypeLike | None
else:  # the module takes as long to import as forty of the library's, which it is not needed for
    Array, DTypeLike = np.ndarray[tuple[Any, ...], np.dtype[Any]], Any | None

NAMES = (
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
    "complex64", "complex128",
)  # fmt: skip
(
    bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16, float32, float64,
    complex64, complex128,
) = map(np.dtype, NAMES)  # fmt: skip

HELD = frozenset(map(np.dtype, NAMES))
"""What a tensor can hold."""
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_default: list[DType] = [float32]


def get_default_dtype() -> DType:
    """Return the dtype that Python floats get.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default[0]


def set_default_dtype(dtype: npt.DTypeLike) -> None:
    """Make `dtype`, a floating point one, what Python floats get from now on.

    Raises:
        DTypeError: any other.
    """
    found = as_dtype(dtype)
    if found.kind != "f":
        raise DTypeError(f"only floating-point types are supported as the default type, found {found}")
    _default[0] = found


def default_complex() -> DType:
    """Return the complex dtype of the default dtype's precision."""
    return np.result_type(_default[0], np.complex64)


def as_dtype(dtype: Any) -> DType:
    """Return `dtype`, a dtype, its name (``"float64"``, ``"torch.float64"``) or a Python type, as a NumPy dtype.

    DTypeError for what no tensor can hold.
    """
    try:
        if hasattr(type(dtype), "__array__"):
            raise TypeError("an array is no dtype")  # NumPy 2.0 would take the one that it has
        found = np.dtype(dtype.rpartition(".")[2] if isinstance(dtype, str) else dtype)
    except TypeError as error:
        raise DTypeError(
            f"argument 'dtype' must be a dtype, not {dtype!r}: there are {', '.join(NAMES)} (NumPy has no bfloat16)"
        ) from error
    if found not in HELD:  # other libraries teach NumPy dtypes, bfloat16 among them
        raise DTypeError(
            f"argument 'dtype' must be a dtype of numbers, not {dtype!r}: there are {', '.join(NAMES)} (NumPy has no "
            f"bfloat16)"
        )
    return found


def check_differentiable(dtype: DType) -> None:
    """Raise DTypeError unless tensors of `dtype` can require gradients."""
    if dtype.kind not in "fc":
        raise DTypeError(
            f"only Tensors of floating point dtype can require gradients, found {dtype}: "
            f"a derivative needs values that can change by a little; convert first, for instance with .float()"
        )


def is_complex(x: Any) -> bool:
    """Return whether `x`, an array or a number, is complex."""
    dtype = getattr(x, "dtype", None)
    return isinstance(x, complex) if dtype is None else bool(dtype.kind == "c")


def check_real(function: str, *operands: Any) -> None:
    """Raise ComplexError if any of `operands`, arrays, numbers or anything else, is complex, and `function` is not."""
    if True in [is_complex(x) for x in operands] and not context().flags & STEPPING:
        found = next(str(getattr(x, "dtype", "a complex number")) for x in operands if is_complex(x))
        raise ComplexError(
            f"{function}() takes no complex numbers, found {found}: it is not defined for them, or not implemented; "
            f"use z.real, z.imag or z.abs() of the tensor z"
        )


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
        if highest >= 0 and (result is None or highest > _RANK[result.kind]):
            real = result is not None and result.kind == "f" and highest == 3  # then its precision stays
            result = np.result_type(result, np.complex64) if real else met(group)
    assert result is not None, "no operand"
    return result


def met(dtypes: Sequence[DType]) -> DType:
    """Return the dtype in which `dtypes` of one group meet: the highest kind of number decides the size too."""
    highest = max(_RANK[d.kind] for d in dtypes)
    # a complex number has the precision of the floats that it meets
    return reduce(np.promote_types, [d for d in dtypes if _RANK[d.kind] >= min(highest, 2)])


def _of_number(x: Any) -> DType:
    if isinstance(x, bool):
        return bool_
    if isinstance(x, int):
        return int64
    return default_complex() if isinstance(x, complex) else _default[0]


def aligned(operands: Sequence[Any]) -> list[Any]:
    """Return `operands` with every array in the dtype in which they all meet; Python numbers stay as they are."""
    dtype = promoted(operands)
    return [x.astype(dtype) if hasattr(x, "dtype") and x.dtype != dtype else x for x in operands]


def can_cast(from_: npt.DTypeLike, to: npt.DTypeLike) -> bool:
    """Return whether PyTorch's casting rules allow it: never to a lower kind (bool < integer < float < complex)."""
    return _RANK[as_dtype(from_).kind] <= _RANK[as_dtype(to).kind]


class finfo:  # noqa: N801 - PyTorch's name
    """The limits of a floating point dtype (None: the default one): bits, eps, max, min, tiny, resolution.

    Raises:
        DTypeError: the dtype is not floating point.

    >>> finfo(float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: DTypeLike = None) -> None:
        dtype = _default[0] if type is None else as_dtype(type)
        if dtype.kind not in "fc":
            raise DTypeError(f"finfo() requires a floating point input type, found {dtype}. Use iinfo for integers")
        limits = np.finfo(dtype)
        self.bits, self.dtype = int(limits.bits), str(limits.dtype)
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = float(f"1e-{limits.precision}")

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:  # noqa: N801 - PyTorch's name
    """The limits of an integer dtype: bits, max, min.

    Raises:
        DTypeError: the dtype is no integer.

    >>> iinfo(uint8)
    iinfo(min=0, max=255, dtype=uint8)
    """

    def __init__(self, type: npt.DTypeLike) -> None:
        dtype = as_dtype(type)
        if dtype.kind not in "iu":
            raise DTypeError(f"iinfo() requires an integer input type, found {dtype}. Use finfo for floats")
        limits = np.iinfo(dtype)
        self.bits, self.min, self.max, self.dtype = int(limits.bits), int(limits.min), int(limits.max), str(dtype)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
