"""Which argument an internal error is about, where each of them is what its parameter takes: read from the error.

Named only where one argument alone can be meant; a doubt is no answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .hints import short


def suspected(error: BaseException, arguments: Iterable[tuple[str, Any]]) -> str:
    """Return what `error` says about the one of `arguments`, names and values, that it is about; empty if it is open.

    >>> suspected(ZeroDivisionError("division by zero"), [("a", 1.5), ("step", 0)])
    "argument 'step' cannot be 0 here: division by zero"
    >>> suspected(TypeError("object of type 'NoneType' has no len()"), [("data", None), ("size", 2)])
    "argument 'data' cannot be None here: object of type 'NoneType' has no len()"
    >>> suspected(KeyError("groups"), [("state", {})])
    "argument 'state' has no 'groups': found {}"
    """
    given = list(arguments)
    if isinstance(error, KeyError) and error.args:
        lacking = [(name, value) for name, value in given if _lacks(value, error.args[0])]
        return f"argument '{lacking[0][0]}' has no {error}: found {short(lacking[0][1])}" if len(lacking) == 1 else ""
    for found in _candidates(error, given):
        if len({name for name, _ in found}) == 1:
            return f"argument '{found[0][0]}' cannot be {short(found[0][1])} here: {error}"
    return ""


def _candidates(error: BaseException, given: list[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    """Yield those of `given` that the error may be about, the likeliest first."""
    text = str(error)
    if isinstance(error, AttributeError) and error.obj is not None:
        yield [(name, value) for name, value in given if value is error.obj]
    elif isinstance(error, ZeroDivisionError):
        yield [(name, value) for name, value in given if _is_number(value) and value == 0]
    elif re.search("cannot convert float (NaN|infinity)", text):
        yield [(name, value) for name, value in given if _is_number(value) and not math.isfinite(value)]
    elif "values to unpack" in text or "truth value of an array" in text:
        yield [(name, value) for name, value in given if hasattr(value, "ndim")]
    if isinstance(error, TypeError | AttributeError):
        for kind in reversed(re.findall(r"'(\w+)'", text)):
            yield [(name, value) for name, value in given if type(value).__name__ == kind]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _lacks(value: Any, key: Any) -> bool:
    """Return whether `value` is a mapping without `key`, or holds one."""
    if isinstance(value, list | tuple):
        return any(isinstance(v, Mapping) and key not in v for v in value)
    return isinstance(value, Mapping) and key not in value
