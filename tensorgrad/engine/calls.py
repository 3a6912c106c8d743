"""In which calls of public functions an operation is recorded: read off the stack while a function is traced.

So nothing is paid for it otherwise. A function whose frame lies between the operation and the traced function is a
scope, as a module is; one that only the rule of a derivative calls is none.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from types import FrameType

from tensorgrad.base.answers import PUBLIC
from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import Place, here, is_outside
from tensorgrad.base.context import FunctionScope, Scope, module_around, outward

OUTERMOST = str(Path(__file__).parents[1] / "graph" / "graph.py")
"""The file whose functions call what is traced: its callers are no part of that."""

_Found = tuple[
    FrameType, str | Scope, Place | None
]  # a name, or the scope of a module; where the user's script called it


class Calls:
    """The calls around the last operation, outermost first, each by its frame, with its scope.

    A frame tells one call from the next one only as long as it is held, so these are, until the next operation. They
    are those of modules and of public functions, and of the user's own `functions` of these names.
    """

    def __init__(self, functions: Collection[str] = ()) -> None:
        self._running: dict[FrameType, Scope] = {}
        self._functions = frozenset(functions)

    def around(self, scope: Scope | None) -> Scope | None:
        """Return the scope of the operation that is recorded now, by a module in its call `scope` if there is one."""
        found, known, outside = self._found(scope)
        frames = list(self._running)
        for frame in frames[0 if known is None else frames.index(known) + 1 :]:
            del self._running[frame]
        innermost = outside if known is None else self._running[known]
        for frame, what, place in reversed(found):
            if isinstance(what, Scope):
                if isinstance(innermost, FunctionScope):
                    what.parent = innermost
                innermost = what
            elif place is not None or not isinstance(innermost, FunctionScope) or innermost.kind != what:
                innermost = FunctionScope(what, innermost, place or (here() if innermost is None else innermost.place))
            self._running[frame] = innermost
        return innermost if scope is None or scope in outward(innermost) else scope

    def _found(self, scope: Scope | None) -> tuple[list[_Found], FrameType | None, Scope | None]:
        """Return the calls up to one that is known, innermost first, that one, and the module call outside of all."""
        found: list[_Found] = []
        ours: list[_Found] = []  # those between which and the operation no function of the user's has been met
        frame: FrameType | None = sys._getframe(3)
        while frame is not None and frame not in self._running and frame.f_code.co_filename != OUTERMOST:
            code = frame.f_code
            if is_outside(code.co_filename):
                found += [*ours[:-1], (*ours[-1][:2], (code, frame.f_lasti))] if ours else []
                ours = [(frame, code.co_name, None)] if code.co_name in self._functions else []
            elif _runs_rules(code.co_filename):
                ours = []
            elif code.co_qualname == "Module.__call__":
                if scope is not None:
                    ours.append((frame, scope, None))
                    scope = module_around(scope.parent)
            elif code in PUBLIC and _is_composed(code.co_filename):
                ours.append((frame, code.co_name, None))
            frame = frame.f_back
        return found + ours, frame if frame in self._running else None, scope

    def close(self) -> None:
        """Hold no frame any more."""
        self._running.clear()


@remembered()
def _runs_rules(file: str) -> bool:
    path = Path(file)
    return path.parent.name == "autograd" and path.stem in ("sweep", "careful", "quick")


@remembered()
def _is_composed(file: str) -> bool:
    """Return whether the functions of a file are made of operations: those of the surface, and of layers."""
    return Path(file).parent.name in ("functions", "functional")
