"""In which calls of public functions an operation is recorded: read off the stack while a function is traced.

So nothing is paid for it otherwise. A function whose frame lies between the operation and the traced function is a
scope, as a module is; one that only the rule of a derivative calls is none.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tensorgrad.base.answers import PUBLIC
from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import Place, here, is_outside, variables_of
from tensorgrad.base.context import FunctionScope, Scope, module_around, outward

from .tensor import Node, Tensor

OUTERMOST = str(Path(__file__).parents[1] / "graph" / "graph.py")
"""The file whose functions call what is traced: its callers are no part of that."""

_ASIDE = frozenset({"embed_dim_to_check", "need_weights", "use_separate_proj_weight", "inplace", "_stacklevel"})
"""Arguments that say nothing of what is computed: what is only compared, what is given back besides, and where to."""

_Found = tuple[
    FrameType, str | Scope, Place | None
]  # a name, or the scope of a module; where the user's script called it


class Calls:
    """The calls around the last operation, outermost first, each by its frame, with its scope.

    A frame tells one call from the next one only as long as it is held, so these are, until the next operation. They
    are those of modules and of public functions, and of the user's own `functions` of these names.
    """

    def __init__(self, functions: Collection[str] = ()) -> None:
        self._running: dict[FrameType, tuple[Scope, Place | None]] = {}  # with where the user's script called it
        self._start: Place | None = None
        self._kinds: dict[int, str] = {}  # by id: to hash a code object takes longer than all else
        self._codes: list[CodeType] = []  # which have these ids as long as they are held
        self._given: list[tuple[Scope, list[tuple[str, Tensor, Node | None]]]] = []
        self._functions = frozenset(functions)

    def around(self, scope: Scope | None) -> tuple[Scope | None, Place]:
        """Return the scope of the operation that is recorded now, by a module in its call `scope` if there is one.

        With its place, as `here` finds it: the stack is walked once for both.
        """
        found, known, outside, at = self._found(scope)
        while self._running and next(reversed(self._running)) is not known:
            self._running.popitem()
        innermost, above = (outside, self._start) if known is None else self._running[known]
        if known is not None and self._kinds[id(known.f_code)] == "outside":
            above = known.f_code, known.f_lasti
        for frame, what, place in reversed(found):
            above = place or above
            if isinstance(what, Scope):
                self._hold(what, _passed(frame, what))
                if isinstance(innermost, FunctionScope):
                    what.parent = innermost
                innermost = what
            elif place is not None or not isinstance(innermost, FunctionScope) or innermost.kind != what:
                innermost = self._called(frame, what, innermost, place)
            self._running[frame] = innermost, above
        inside = scope is None or scope is innermost or scope in outward(innermost)
        return innermost if inside else scope, at or above or here(2)

    def _called(self, frame: FrameType, name: str, parent: Scope | None, place: Place | None) -> FunctionScope:
        """Return the scope of the call of `name` that `frame` runs, before any operation of it is recorded."""
        arguments = _arguments(frame)
        scope = FunctionScope(
            name, parent, place or (here(1) if parent is None else parent.place), _told(frame, arguments)
        )
        self._hold(scope, arguments)
        return scope

    def _hold(self, scope: Scope, arguments: Mapping[str, Any]) -> None:
        """Keep the tensors that a call was given, with their nodes: a write in place gives a tensor another one."""
        parts = ((name, part) for name, x in arguments.items() for part in (x if isinstance(x, tuple | list) else (x,)))
        self._given.append((scope, [(name, part, part.node) for name, part in parts if isinstance(part, Tensor)]))

    def _found(self, scope: Scope | None) -> tuple[list[_Found], FrameType | None, Scope | None, Place | None]:
        """Return the calls up to one that is known, innermost first, that one, and the module call outside of all.

        With where the innermost function of the user's stands, if one is met on the way.
        """
        at: Place | None = None
        found: list[_Found] = []
        ours: list[_Found] = []  # those between which and the operation no function of the user's has been met
        frame: FrameType | None = sys._getframe(3)
        kinds, running = self._kinds, self._running
        while frame is not None and frame not in running:
            code = frame.f_code
            try:
                kind = kinds[id(code)]
            except KeyError:
                kind = kinds[id(code)] = _kind(code)
                self._codes.append(code)
            if not kind:  # as most are
                frame = frame.f_back
                continue
            if kind == "outermost":
                self._start = self._start or here(frame=frame)
                break
            if kind == "outside":
                at = at or (code, frame.f_lasti)
                found += [*ours[:-1], (*ours[-1][:2], (code, frame.f_lasti))] if ours else []
                ours = [(frame, code.co_name, None)] if code.co_name in self._functions else []
            elif kind == "rules":
                ours = []
            elif kind == "module":
                if scope is not None:
                    ours.append((frame, scope, None))
                    scope = module_around(scope.parent)
            elif kind == "composed":
                ours.append((frame, code.co_name, None))
            frame = frame.f_back
        return found + ours, frame if frame in running else None, scope, at

    def close(self) -> None:
        """Hold no frame any more, and let every call know what it was given, functions the names of its leaves."""
        self._running.clear()
        self._kinds.clear()
        self._codes.clear()
        for scope, tensors in self._given:
            places: dict[Node, tuple[int, ...]] = {}
            for place, (_, x, before) in enumerate(tensors, 1):
                node = before or x.node  # a leaf gets its node when it is first read
                if node is not None:
                    places[node] = (*places.get(node, ()), place)
            scope.arguments = places
            if isinstance(scope, FunctionScope):
                scope.given = {x.node: name for name, x, _ in tensors if x.node and x.node.primitive is None}
        self._given.clear()


def _arguments(frame: FrameType) -> dict[str, Any]:
    """Return what the function that `frame` runs was called with, as far as its variables still say."""
    code, known = frame.f_code, variables_of(frame)
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)
    return {name: known[name] for name in code.co_varnames[:count] if name in known}


def _passed(frame: FrameType, scope: Scope) -> dict[str, Any]:
    """Return what the call of a module that `frame` runs was given, in the order in which its `forward` takes it."""
    known = variables_of(frame)
    code = getattr(getattr(scope.module, "forward", None), "__code__", None)
    order = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code is not None else ()
    named = sorted(known["kwargs"].items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    return {"args": known["args"], **dict(named)}


def _told(frame: FrameType, arguments: Mapping[str, Any]) -> str:
    """Return the numbers and words among the `arguments` of a public function that are not its defaults.

    A switch without a default that is off says nothing.
    """
    defaults = {name: False if x is inspect.Parameter.empty else x for name, x in _defaults(frame.f_code).items()}
    told = ((name, x) for name, x in arguments.items() if name in defaults and _is_plain(x) and name not in _ASIDE)
    return ", ".join(f"{name}={x!r}" for name, x in told if type(x) is not type(defaults[name]) or x != defaults[name])


@remembered()
def _defaults(code: CodeType) -> Mapping[str, Any]:
    """Return the parameters of a public function with their defaults; none for one of the user's."""
    parameters = inspect.signature(PUBLIC[code]).parameters.values() if code in PUBLIC else ()
    return {p.name: p.default for p in parameters}


def _is_plain(x: Any) -> bool:
    return all(map(_is_plain, x)) and bool(x) if type(x) is tuple else type(x) in (bool, int, float, str)


def _kind(code: CodeType) -> str:
    """Return what a call of `code` is for a trace, empty for one that is nothing.

    Composed are the public functions made of operations: those of the surface, and of layers. It is not remembered: one
    that the library itself calls is public once its name has been asked for.
    """
    part = _part(code.co_filename)
    if part in ("outermost", "outside", "rules"):
        return part
    if code.co_qualname == "Module.__call__":
        return "module"
    return "composed" * (part in ("functions", "functional") and code in PUBLIC)


@remembered(4096)
def _part(name: str) -> str:
    """Return what the code of a file is for a trace; of one that may hold anything, the folder."""
    file = Path(name)
    if name == OUTERMOST:
        return "outermost"
    if is_outside(name):
        return "outside"
    folder = file.parent.name
    return "rules" if folder == "autograd" and file.stem in ("sweep", "careful", "quick") else folder
