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
