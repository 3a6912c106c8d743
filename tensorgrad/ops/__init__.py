"""The table of primitives. Each entry is an equation; everything else is derived from it (see `primitive`).

An op is found here as soon as its record stands in one of these files: no list names it a second time. The files that
few programs need are loaded, all of them, when one of their ops is first asked for.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from tensorgrad.engine.primitive import PRIMITIVES as _PRIMITIVES

from . import rowwise as rowwise
from .arithmetic import *
from .contractions import *
from .lengths import *
from .reductions import *
from .selection import *
from .shapes import *
from .transcendental import *

if TYPE_CHECKING:
    from .complex_numbers import *
    from .determinants import *
    from .diagonals import *
    from .exchanges import *
    from .factorizations import *
    from .special import *
    from .windows import *

_RARE = ("complex_numbers", "determinants", "diagonals", "exchanges", "factorizations", "special", "windows")


def _complete() -> None:
    """Load the files that have not been needed so far."""
    space = vars(sys.modules[__name__])
    for file in _RARE:
        found = vars(importlib.import_module(f"{__name__}.{file}"))
        space.update({name: member for name, member in found.items() if name[0] != "_" and name not in space})
    _PRIMITIVES.complete = lambda: None


def _asked(name: str) -> Any:
    if name[0] != "_":
        _PRIMITIVES.complete()
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


_PRIMITIVES.complete = _complete
globals()["__getattr__"] = _asked  # as a function of the module it would be read as a promise of types
