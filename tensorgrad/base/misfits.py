"""The errors for wrong arguments, and what is said of one that does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.errors import ArgumentError, DivisionError, LinAlgError, RangeError, TensorgradError

from .hints import Hint, found, spelled


class WrongArgumentError(TensorgradError):
    """An error made here of another one: the function that stands around may know better."""


class WrongTypeError(WrongArgumentError, TypeError):
    """An argument that is not what the parameter takes."""


class WrongCallError(WrongArgumentError, ArgumentError, TypeError):
    """Arguments that each are what the parameter takes, and together make no call."""


class WrongIndexError(WrongArgumentError, RangeError):
    """The same, where something is not there."""


class WrongKeyError(WrongArgumentError, ArgumentError, KeyError):
    """The same, where a name is not there."""

    __str__ = Exception.__str__  # KeyError shows its text as Python would write it


class WrongDivisionError(WrongArgumentError, DivisionError):
    """The same, where numbers are divided by 0."""


class WrongMatrixError(WrongArgumentError, LinAlgError):
    """The same, of a matrix."""


def wrong_type(name: str, parameter: str, place: int, value: Any, hint: Hint) -> str:
    """Return the text for an argument `value` of the function `name`, whose `parameter` takes what `hint` says."""
    wanted = spelled(hint)
    where = f" (position {place})" if wanted == "Tensor" else ""
    cure = _CURES.get(type(value), "") if "Tensor" in wanted else ""
    return f"{name}(): argument '{parameter}'{where} must be {wanted}, not {found(value)}{cure}"


_CURES = {
    np.ndarray: ": tensorgrad.from_numpy makes it one on the same memory, tensorgrad.tensor a copy",
    list: ": tensorgrad.tensor makes it one",
}
