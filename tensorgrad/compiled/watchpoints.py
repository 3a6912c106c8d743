"""What yields the contents of one thing as they are now: how what a function can reach is held to what it was."""

from __future__ import annotations

import dis
import gc
import sys
import sysconfig
import types
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorgrad.autograd.hooks import hooks_of
from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import is_outside
from tensorgrad.base.sources import names_in
from tensorgrad.engine.tensor import Tensor

_LIBRARIES = tuple(
    str(Path(p).resolve()) for key, p in sysconfig.get_paths().items() if key in ("stdlib", "platstdlib", "purelib")
)


class Hooks:
    """The functions that hang on tensors."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Any]:
        return hooks_of(self.tensors)


class Named:
    """Those attributes of an object that are named."""

    def __init__(self, thing: Any, names: set[str], every: bool) -> None:
        self.attributes, self.names, self.every = vars(thing), names, every

    def __len__(self) -> int:
        return len(self.attributes if self.every else self.attributes.keys() & self.names)

    def __iter__(self) -> Iterator[Any]:
        return (v for k, v in self.attributes.items() if self.every or k in self.names)


class Slots:
    """What some descriptors find in an object; that there is nothing counts, too."""

    def __init__(self, thing: Any, slots: list[Any]) -> None:
        self.thing, self.slots = thing, slots

    def __len__(self) -> int:
        return len(self.slots)

    def __iter__(self) -> Iterator[Any]:
        for slot in self.slots:
            try:
                yield slot.__get__(self.thing)
            except AttributeError:  # not assigned yet
                yield _NOTHING


class Target:
    """What a weak reference refers to."""

    def __init__(self, reference: weakref.ref[Any]) -> None:
        self.reference = reference

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        yield self.reference()


class Inside:
    """What an object of a class written in C refers to: the elements of a deque."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __len__(self) -> int:
        return len(gc.get_referents(self.thing))

    def __iter__(self) -> Iterator[Any]:
        return iter(gc.get_referents(self.thing))


class Defaults:
    """What a function takes for arguments that it is not given."""

    def __init__(self, function: types.FunctionType) -> None:
        self.function = function

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Any]:
        yield from (self.function.__defaults__, self.function.__kwdefaults__)


class Cell:
    """The variable that a function closes over."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Any]:
        try:
            yield self.cell.cell_contents
        except ValueError:  # not assigned yet
            yield _NOTHING


class Names:
    """The globals that the code of a function names, and their attributes where they are modules of the user's."""

    def __init__(self, space: dict[str, Any], code: types.CodeType) -> None:
        self.space = space
        self.names = [n for n in _names(code) if n in space]
        imported = [i.argval for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"]
        self.inside = [
            (m, n)
            for m in [*map(space.get, self.names), *map(sys.modules.get, imported)]
            if isinstance(m, types.ModuleType) and is_users_file(getattr(m, "__file__", None) or "")
            for n in names_in(code)
            if hasattr(m, n)
        ]

    def told(self, i: int) -> str:
        """Return the name of an element."""
        return self.names[i] if i < len(self.names) else self.inside[i - len(self.names)][1]

    def __len__(self) -> int:
        return len(self.names) + len(self.inside)

    def __iter__(self) -> Iterator[Any]:
        for name in self.names:
            yield self.space.get(name, _NOTHING)
        for module, name in self.inside:
            yield getattr(module, name, _NOTHING)


class Attributes:
    """The attributes of a class, but those that Python keeps for itself."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def __len__(self) -> int:
        return len(self.cls.__dict__)

    def __iter__(self) -> Iterator[Any]:
        return (v for k, v in self.cls.__dict__.items() if not k.startswith("__"))


_NOTHING = object()


def _names(code: types.CodeType) -> list[str]:
    """Return the globals that code reads."""
    found = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += _names(constant)
    return list(dict.fromkeys(found))


def words_of(code: types.CodeType) -> set[str]:
    """Return the names that code uses of whatever it may be, and its texts, by which `getattr` finds the same."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return {*code.co_names, *(c for c in code.co_consts if isinstance(c, str))}.union(*map(words_of, inner))


@remembered(maxsize=4096)
def is_users_file(file: str) -> bool:
    """Return whether a file is the user's: not of this package, of Python's library, or of an installed one."""
    if not file or file.startswith("<"):
        return file != "" and not file.startswith("<frozen")  # typed in, or made of text
    return is_outside(file) and "site-packages" not in file and not str(Path(file).resolve()).startswith(_LIBRARIES)
