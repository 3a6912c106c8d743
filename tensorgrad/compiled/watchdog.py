"""What a capture must know of that is no array: printing, clocks, files, random numbers that are not the library's.

While a function is captured, a profile function sees which functions written in C are called, by its own lines and by
those of Python's library. Those that compute are known; of all others nothing is. NumPy's generators cannot be seen
so: whether the common one has moved is looked at afterwards.
"""

from __future__ import annotations

import builtins
import math
import random
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from tensorgrad.base.callsite import here, told

from .watchpoints import is_users_file

_ACTING = (
    "print",
    "input",
    "open",
    "exec",
    "eval",
    "compile",
    "breakpoint",
    "setattr",
    "delattr",
    "globals",
    "locals",
    "vars",
)
_BUILTIN = frozenset(v for k, v in vars(builtins).items() if callable(v) and k not in _ACTING)
_ACTIVE = frozenset(("_io", "time", "posix", "nt", "_random", "random", "_socket", "_datetime", "_queue"))
_PYTHON = sysconfig.get_paths()["stdlib"]
_TYPES = (list, tuple, dict, set, frozenset, str, bytes, int, float, complex, bool, slice, range)


@contextmanager
def effects_noted(found: list[str]) -> Iterator[None]:
    """Context manager: add to `found` a line for each call inside of which nothing is known."""

    def seen(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _is_told(frame, called):
            name, place = getattr(called, "__qualname__", repr(called)), here(1)
            found.append(f"{told(place)}: {name}() was called, which a plan does not")

    before, random_before, numpy_before = sys.getprofile(), random.getstate(), _numpys()
    sys.setprofile(seen)
    try:
        yield
    finally:
        _resume(before)
    if random.getstate() != random_before or _numpys() != numpy_before:
        found.append("numbers were drawn from Python's or NumPy's own generator, which no plan knows: use tg.rand")


def _resume(profiler: Any) -> None:
    """Let what profiled before go on; cProfile's is no function, and has to be asked itself."""
    if hasattr(profiler, "enable"):
        profiler.enable()
    else:
        sys.setprofile(profiler)


def _numpys() -> Any:
    """Return the state of NumPy's common generator as something that can be compared."""
    state: Any = np.random.get_state()  # noqa: NPY002 - not to draw from it, but to see whether somebody has
    return state[1].tobytes(), *state[2:]


def _is_told(frame: FrameType, called: Any) -> bool:
    """Return whether a call from a line of the user's, or from Python's library for it, may be more than a sum."""
    if is_users_file(frame.f_code.co_filename):
        return not _is_known(called)
    of = getattr(called, "__module__", None) or type(getattr(called, "__self__", None)).__module__
    if of not in _ACTIVE:
        return False
    at: FrameType | None = frame
    while at is not None and at.f_code.co_filename.startswith(_PYTHON):
        at = at.f_back
    return at is not None and is_users_file(at.f_code.co_filename)


def _is_known(called: Any) -> bool:
    """Return whether a function written in C only computes, or changes a container that is looked at anyway."""
    try:
        if called in _BUILTIN or getattr(math, getattr(called, "__name__", ""), None) is called:
            return True
    except TypeError:  # bound to what has no hash
        pass
    of = getattr(called, "__self__", None)
    if isinstance(of, np.ndarray) or (getattr(called, "__module__", None) or "").partition(".")[0] == "numpy":
        return called.__name__ not in ("fromfile", "tofile", "dump")
    return (
        isinstance(of, _TYPES) or of in (*_TYPES, object) or getattr(called, "__objclass__", None) in (*_TYPES, object)
    )
