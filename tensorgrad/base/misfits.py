"""The errors for wrong arguments, and what is said of one that does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import (
    ArgumentError,
    DivisionError,
    DTypeError,
    LinAlgError,
    RangeError,
    ShapeError,
    TensorgradError,
)

from .hints import Hint, found, is_nan, spelled

_WAYS = {
    "list": "tensorgrad.tensor makes one of a list of numbers, tensorgrad.stack of tensors",
    "tuple": "tensorgrad.tensor makes one of a tuple of numbers, tensorgrad.stack of tensors",
    "Series": "use series.to_numpy()",
    "DataFrame": "use frame.to_numpy()",
}
"""What makes an operand of other types."""
_CODES = frozenset("?bhilqpBHILQPefdFD")
"""NumPy's codes of the dtypes that a tensor can have, in the order of bytes of any machine."""


class WrongArgumentError(TensorgradError):
    """An error made here of another one: the function that stands around may know better."""

    stands = False
    """Whether a module said so, one of many in a model: what is around it knows no better which one was meant."""


class WrongTypeError(WrongArgumentError, TypeError):
    """An argument that is not what the parameter takes."""


class WrongCallError(WrongArgumentError, ArgumentError, TypeError):
    """Arguments that each are what the parameter takes, and together make no call."""


class WrongIndexError(WrongArgumentError, RangeError):
    """The same, where something is not there."""


class WrongKeyError(WrongArgumentError, ArgumentError, KeyError):
    """The same, where a name is not there."""

    __str__ = Exception.__str__  # KeyError shows its text as Python would write it


class WrongShapeError(WrongArgumentError, ShapeError):
    """The same, of shapes."""


class WrongDTypeError(WrongArgumentError, DTypeError):
    """The same, of what an operation cannot compute with."""


class WrongDivisionError(WrongArgumentError, DivisionError):
    """The same, where numbers are divided by 0."""


class WrongMatrixError(WrongArgumentError, LinAlgError):
    """The same, of a matrix."""


def misfit(name: str, parameter: str, place: int, value: Any, hint: Hint) -> WrongArgumentError:
    """Return the error for what `wrong_type` tells; NaN has the type of a number, and is a wrong value."""
    wrong = wrong_type(name, parameter, place, value, hint)
    return (WrongCallError if is_nan(value) else WrongTypeError)(wrong)


def wrong_type(name: str, parameter: str, place: int, value: Any, hint: Hint) -> str:
    """Return the text for an argument `value` of the function `name`, whose `parameter` takes what `hint` says."""
    wanted = spelled(hint)
    where = f" (position {place})" if wanted == "Tensor" else ""
    kind = np.ndarray if isinstance(value, np.ndarray) else type(value)
    cure = _CURES.get(kind, "") if "Tensor" in wanted else ""
    return f"{name}(): argument '{parameter}'{where} must be {wanted}, not {found(value)}{cure}"


_CURES = {
    np.ndarray: ": tensorgrad.from_numpy makes it one on the same memory, tensorgrad.tensor a copy",
    list: ": tensorgrad.tensor makes it one",
}


def hidden(value: Any) -> str:
    """Return what is wrong with a masked array of NumPy's, whose hidden elements would be seen in a tensor.

    >>> hidden(np.ma.masked_array([1.0, 2.0], mask=[False, False])), hidden(np.ones(2))
    ('', '')
    """
    if value.__class__ is np.ndarray or not isinstance(value, np.ndarray) or not np.any(getattr(value, "mask", False)):
        return ""
    return (
        "a masked array, which hides elements, and a Tensor cannot: use m.filled(number), or tensorgrad.where(m.mask, "
        "other, m.data)"
    )


def unfit(value: Any) -> str:
    """Return what an operand is, and what to do, where it is no number and no array of numbers; nothing if it is.

    >>> unfit(np.ones(2)), unfit(2), unfit("a")
    ('', '', "str: found 'a'")
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.char not in _CODES:
            kind = value.dtype.kind
            way = f": use x.astype('{'complex128' if kind == 'c' else 'float64'}')" if kind in "fcO" else ""
            return found(value) + way
        if isinstance(value, np.matrix):
            return "np.matrix, whose * is another product: use np.asarray(matrix), and @"
        return hidden(value)
    if isinstance(value, bool | int | float | complex) or hasattr(value, "__array_function__"):
        return ""
    return ": ".join(filter(None, (found(value), _WAYS.get(type(value).__name__))))
