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

from tensorgrad.base.callsite import here, is_outside, told

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
_QUIET: set[str] = (
    set()
)  # files whose lines, which make nearly all calls, are neither the user's nor Python's library's
_TYPES = (list, tuple, dict, set, frozenset, str, bytes, int, float, complex, bool, slice, range)


STREAMS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator)
"""NumPy's generators, whose methods cannot be seen."""


@contextmanager
def effects_noted(found: list[str], streams: list[Any]) -> Iterator[None]:
    """Context manager: add to `found` a line for each call inside of which nothing is known; `streams` may be drawn."""

    def seen(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and frame.f_code.co_filename not in _QUIET and _is_told(frame, called):
            name, place = getattr(called, "__qualname__", repr(called)), here(1)
            found.append(f"{told(place)}: {name}() was called, which a plan does not")

    before, random_before, numpy_before = sys.getprofile(), random.getstate(), _numpys(streams)
    sys.setprofile(seen)
    try:
        yield
    finally:
        _resume(before)
    if random.getstate() != random_before or _numpys(streams) != numpy_before:
        found.append("numbers were drawn from Python's or NumPy's own generator, which no plan knows: use tg.rand")


def _resume(profiler: Any) -> None:
    """Let what profiled before go on; cProfile's is no function, and has to be asked itself."""
    if hasattr(profiler, "enable"):
        profiler.enable()
    else:
        sys.setprofile(profiler)


def _numpys(streams: list[Any]) -> list[Any]:
    """Return the states of NumPy's common generator, and of others, as something that can be compared."""
    common: Any = np.random.get_state(legacy=False)  # noqa: NPY002 - to see whether somebody has drawn from it
    return [_plain(common), *(_plain(_state_of(stream)) for stream in streams)]


def _state_of(stream: Any) -> Any:
    if isinstance(stream, np.random.RandomState):
        return stream.get_state(legacy=False)
    return stream.bit_generator.state if isinstance(stream, np.random.Generator) else stream.state


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return {k: _plain(v) for k, v in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _is_told(frame: FrameType, called: Any) -> bool:
    """Return whether a call from a line of the user's, or from Python's library for it, may be more than a sum."""
    file = frame.f_code.co_filename
    if is_users_file(file):
        return not _is_known(called)
    if not (file.startswith(_PYTHON) and is_outside(file)):
        _QUIET.add(file)
        return False
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
