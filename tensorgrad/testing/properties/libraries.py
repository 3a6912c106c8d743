"""Whose tensors a function takes, and the same source on the other library.

What a function refers to, itself and through functions of the user's that it calls, says which library it was written
for: a module, a function or a class of it. The same code object with the other library's things in their places is
the same source on that one.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

LIBRARIES = ("torch", "tensorgrad")
_NAMESPACES = ("", ".nn.functional", ".special", ".linalg", ".fft", ".autograd", ".func", ".nn")


class UntransplantableError(Exception):
    """There is no such thing on the other library."""


def is_of(function: Any, library: str) -> bool:
    """Return whether `function` belongs to `library`, or refers to it.

    >>> import tensorgrad as tg
    >>> is_of(lambda x: tg.sin(x), "tensorgrad"), is_of(len, "tensorgrad")
    (True, False)
    """
    return library in sys.modules and _refers(function, library, set())


def _refers(value: Any, library: str, seen: set[int]) -> bool:
    if id(value) in seen:
        return False
    seen.add(id(value))
    if any(_belongs(value, known) for known in LIBRARIES):  # what is inside of a library is not looked at
        return _belongs(value, library)
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type) and _belongs(owner, library):
        return True
    function = inspect.unwrap(value) if isinstance(value, FunctionType) else value
    if not isinstance(function, FunctionType):
        return False
    hints = (str(hint) for hint in function.__annotations__.values())
    return any(hint.startswith((f"{library}.", f"<class '{library}.")) for hint in hints) or any(
        _refers(found, library, seen) for _, found in referred(function)
    )


def _belongs(value: Any, library: str) -> bool:
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0] == library
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    if any(c.__module__.partition(".")[0] == library for c in classes):
        return True
    module = getattr(value, "__module__", None)
    if isinstance(module, str) and module.partition(".")[0] == library:
        return True
    return _found(value, library) is not None


def _found(value: Any, library: str) -> str | None:
    """Return the namespace of `library` that holds the function or class `value` under its own name."""
    name = getattr(value, "__name__", None)
    if not isinstance(name, str) or not callable(value):
        return None
    for space in _NAMESPACES:
        if getattr(sys.modules.get(library + space), name, None) is value:
            return space
    return None


def referred(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what the code of `function` names outside of it: variables of its module, and of functions around it."""
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if cell.cell_contents is not function:
            yield name, cell.cell_contents


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def transplanted(value: Any, old: str, new: str) -> Any:
    """Return the same function on the library `new`, which was written for `old`.

    Raises:
        UntransplantableError: there is no such thing.
    """
    return _moved(value, old, new, {})


def _moved(value: Any, old: str, new: str, done: dict[int, Any]) -> Any:
    if id(value) in done:
        return done[id(value)]
    if isinstance(value, ModuleType) and _belongs(value, old):
        return _module(value.__name__, old, new)
    owner = getattr(value, "__self__", None)
    if isinstance(owner, type) and getattr(value, "__name__", "") == "apply":
        return _moved(owner, old, new, done).apply
    if (space := _found(value, old)) is not None:
        return _attribute(_module(old + space, old, new), value.__name__)
    if not _belongs(value, old):
        own = isinstance(value, FunctionType) and value.__module__.partition(".")[0] != "numpy"
        return _function(value, old, new, done) if own else value
    if isinstance(value, type) and value.__mro__[1].__name__ == "Function":
        return _class(value, old, new, done)
    raise UntransplantableError(f"{value!r} has no counterpart in {new}")


def _module(name: str, old: str, new: str) -> Any:
    try:
        return importlib.import_module(new + name.removeprefix(old))
    except ImportError as error:
        raise UntransplantableError(str(error)) from error


def _attribute(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise UntransplantableError(str(error)) from error


def _function(function: FunctionType, old: str, new: str, done: dict[int, Any]) -> FunctionType:
    space = dict(function.__globals__)
    cells = tuple(type(cell)() for cell in function.__closure__ or ())
    other = FunctionType(function.__code__, space, function.__name__, function.__defaults__, cells or None)
    other.__kwdefaults__, done[id(function)] = function.__kwdefaults__, other
    for name in _names(function.__code__):
        if name in space:
            space[name] = _moved(space[name], old, new, done)
    for cell, before in zip(cells, function.__closure__ or (), strict=True):
        cell.cell_contents = _moved(before.cell_contents, old, new, done)
    return other


def _class(cls: type, old: str, new: str, done: dict[int, Any]) -> type:
    base = _attribute(_module(f"{old}.autograd", old, new), "Function")
    members: dict[str, Any] = {}
    for name, member in vars(cls).items():
        if isinstance(member, staticmethod):
            inner: Callable[..., Any] = member.__func__
            members[name] = staticmethod(_moved(inner, old, new, done))
    found = done[id(cls)] = type(cls.__name__, (base,), members)
    return found
