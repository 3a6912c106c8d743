"""Where in the user's script something was recorded or written, kept cheaply and told as ``script.py:12``.

A place is the code object and the instruction of a frame: two references, no frame kept alive, no source read until an
error or a drawing asks for it.
"""

from __future__ import annotations

import inspect
import linecache
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from .caching import remembered

_WITHIN = {"tensorgrad", "numpy"} | sys.stdlib_module_names
_KEPT = 3  # references to what `locals()` gave that are none of the user's
Place = tuple[CodeType, int]

_foreign: dict[str, bool] = {}  # by file name; grows with the files that call the library, not with how often
is_users = _foreign.get
"""File name -> True for a file of the user's, once `here` has seen it; the fast paths ask before they call `here`."""


@remembered()
def _trees() -> tuple[str, ...]:
    """Return where the library's files lie, and NumPy's, which calls it: its folder, and links in it."""
    root = Path(__file__).parent.parent
    folders = (root, Path(np.__file__).parent, *filter(Path.is_dir, root.iterdir()))
    return tuple({str(p) + os.sep for folder in folders for p in (folder, folder.resolve())})


def here(depth: int = 1, frame: FrameType | None = None) -> Place:
    """Return where the user's script stands: the innermost frame outside the library, from `depth` callers up.

    Or from `frame` on, where that is given.
    """
    frame = sys._getframe(depth + 1) if frame is None else frame
    while not (known := is_users((code := frame.f_code).co_filename)):
        if (known is None and is_outside(code.co_filename)) or (outer := frame.f_back) is None:
            break
        frame = outer
    return code, frame.f_lasti


def users_line() -> Place:
    """Return where the innermost code of the user's stands: as `here`, but not in NumPy's or Python's library."""
    frame = sys._getframe(2)
    while frame.f_back is not None and not is_users_code(frame):
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn of `text` at the line of the user's script, the innermost outside the library, however deep this is."""
    warnings.warn(text, category, stacklevel=_to_user()[1])


def users_variables() -> dict[str, Any]:
    """Return the variables where the user's script stands."""
    frame = _to_user()[0]
    return _with_global(frame, variables_of(frame))


def readable(frame: FrameType) -> dict[str, Any]:
    """Return the variables that the code of `frame` names: its own, those of functions around it, then global ones."""
    return _with_global(frame, frame.f_locals)


def _with_global(frame: FrameType, own: Mapping[str, Any]) -> dict[str, Any]:
    around = frame.f_globals
    return {**own, **{name: around[name] for name in frame.f_code.co_names if name in around and name not in own}}


def _to_user() -> tuple[FrameType, int]:
    """Return the innermost frame outside the library, and how far up it is from the caller of this, counted from 1."""
    frame, level = sys._getframe(2), 2
    while not is_outside(frame.f_code.co_filename) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return frame, level


def variables_of(frame: FrameType) -> dict[str, Any]:
    """Return the variables of a function that runs, or ran, by name."""
    own = frame.f_locals
    found = dict(own)
    if sys.version_info < (3, 13) and frame.f_code.co_flags & inspect.CO_OPTIMIZED and sys.getrefcount(own) <= _KEPT:
        own.clear()  # a copy that Python keeps with the frame, and all that it holds with it
    return found


def is_users_code(frame: FrameType) -> bool:
    """Return whether `frame` runs code of the user's: neither the library's, nor NumPy's, nor Python's own.

    Python writes the constructor of a named tuple, whoever's that is, under a name of its own.
    """
    name = str(frame.f_globals.get("__name__"))
    return name.partition(".")[0] not in _WITHIN and not name.startswith("namedtuple_")


def is_outside(file: str) -> bool:
    """Return whether `file` is none of the library's."""
    if file not in _foreign:
        _foreign[file] = not file.startswith(_trees())
    return _foreign[file]


@remembered(4096)
def line_of(place: Place) -> int:
    """Return the line number of `place`."""
    code, at = place
    for start, end, line in code.co_lines():
        if start <= at < end and line is not None:
            return line
    return code.co_firstlineno


def told(place: Place | None) -> str:
    """Return `place` for a message, with the text of the line where it can be read; empty if it is not known.

    >>> told(here(0)).startswith("<doctest")
    True
    """
    if place is None:
        return ""
    file, line = place[0].co_filename, line_of(place)
    text = linecache.getline(file, line).strip()
    return f"{Path(file).name}:{line}" + (f" ({text})" if text else "")
