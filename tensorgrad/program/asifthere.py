"""Calls made as from the line that would make them without a watch, a file of its own: what is known of it is Python's.

Python shows a warning once for each line that it comes from. While a function is watched NumPy is called from another
line than before and after, and its warnings would be shown once more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Method
from tensorgrad.base.callsite import is_outside

_BETWEEN = frozenset((__name__, "tensorgrad.base.watched", "tensorgrad.program.recorder", "numpy.lib.mixins"))
_CALL: CodeType = (lambda function, args, kwargs: function(*args, **kwargs)).__code__


def as_there(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return ``function(*args, **kwargs)``, called as by the code that has called the watched arrays.

    >>> int(as_there(np.add, (1, 2), {}))
    3
    """
    if "warn" not in np.geterr().values():
        return function(*args, **kwargs)
    if isinstance(function, Method):
        function, args = getattr(args[0], function.name), args[1:]
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in _BETWEEN:
        frame = frame.f_back
    if isinstance(function, BuiltinFunctionType) and is_outside(frame.f_code.co_filename):
        return function(*args, **kwargs)  # who watches the user's calls of C would take it for one of these
    code = _CALL.replace(co_filename=frame.f_code.co_filename, co_firstlineno=frame.f_lineno)
    return FunctionType(code, frame.f_globals)(function, args, kwargs)
