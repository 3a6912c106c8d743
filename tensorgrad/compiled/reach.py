"""What a function can reach: the tensors that it may read and write, and the settings on which its course may depend.

Reached are its arguments, what it closes over, the globals that its code names, and from there the attributes of
objects and the elements of containers, down to tensors and plain values; not what belongs to a library.
"""

from __future__ import annotations

import dis
import functools
import gc
import sys
import sysconfig
import types
from array import array
from collections.abc import Callable, Iterator
from itertools import chain
from operator import is_
from pathlib import Path
from typing import Any

import numpy as np

from tensorgrad.autograd.hooks import hooks_of
from tensorgrad.base.caching import remembered
from tensorgrad.base.callsite import is_outside
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.program.contents import same_bits

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, type(...))
_HEAP_TYPE = 1 << 9  # the flag of a class that was made by a class statement, in CPython
MOST_BYTES = 1 << 20
"""Of a NumPy array that a function reaches: it is compared at each call."""

_LIBRARIES = tuple(
    str(Path(p).resolve()) for key, p in sysconfig.get_paths().items() if key in ("stdlib", "platstdlib", "purelib")
)


class Reached:
    """What has been reached: tensors, and the containers whose contents must stay what they are.

    `foreign` names what may hold more than can be seen, such as an iterator.
    """

    def __init__(self, root: Any = None) -> None:
        self.root = root  # a function that is the user's wherever it was written
        self.tensors: list[Tensor] = []
        self.views: list[Any] = []  # what yields the contents of containers as they are now
        self.given: list[tuple[Any, list[Any]]] = []  # containers that the call was given, and what they held
        self.optimizers: list[Any] = []
        self.arrays: list[Array] = []
        self.foreign: list[str] = []
        self._seen: dict[int, Any] = {}
        self._passed: set[int] = set()  # the ids of what the call was given

    def add(self, thing: Any) -> None:
        """Reach `thing`, and what it leads to."""
        pending = [thing]
        while pending:
            thing = pending.pop()
            if isinstance(thing, _PLAIN) or id(thing) in self._seen:
                continue
            self._seen[id(thing)] = thing
            pending.extend(self._next(thing))

    def add_given(self, value: Any) -> None:
        """Reach what a call is given: the next one may be given other containers."""
        if not (isinstance(value, tuple) or type(value) in (list, dict)):
            self._passed.add(id(value))
            self.add(value)
            return
        view = value.values() if type(value) is dict else value
        self.given.append((view, list(view)))
        for part in view:
            self.add_given(part)

    def has(self, thing: Any) -> bool:
        """Return whether `thing` has been reached."""
        return id(thing) in self._seen or any(thing is view for view, _ in self.given)

    def is_given_unchanged(self) -> bool:
        """Return whether the containers that the call was given still hold what they held."""
        return all(len(view) == len(kept) and all(map(is_, view, kept)) for view, kept in self.given)

    def _next(self, thing: Any) -> Iterator[Any]:
        """Note `thing`, and yield what it leads to."""
        if isinstance(thing, Tensor):
            self.tensors.append(thing)
            if thing.grad is not None:
                yield thing.grad
            yield from getattr(thing, "__dict__", {}).values()
            yield from hooks_of([thing])
        elif isinstance(thing, np.ndarray | bytearray | array):
            self._add_array(np.asarray(thing))
        elif isinstance(thing, Optimizer | LRScheduler):
            self.optimizers.append(thing)
            yield from _tensors_in(vars(thing))
        elif isinstance(thing, Generator):
            return
        elif isinstance(thing, types.FunctionType):
            yield from self._of_function(thing)
        elif isinstance(thing, types.MethodType):
            yield thing.__self__
            yield thing.__func__
        elif isinstance(thing, functools.partial):
            yield from (thing.func, thing.args, thing.keywords, thing.__dict__)
        elif isinstance(thing, dict | list | tuple | set | frozenset):
            yield from self._contents(thing)
            if isinstance(thing, dict):
                yield from self._contents(thing.values())
            if hasattr(thing, "__dict__"):
                yield from self._of_object(thing)
        elif isinstance(thing, type):
            yield from self._of_class(thing)
        elif not isinstance(thing, types.ModuleType | types.BuiltinFunctionType | np.ufunc):
            yield from self._of_object(thing)

    def _contents(self, view: Any) -> Iterator[Any]:
        self.views.append(view)
        yield from view

    def _add_array(self, found: Array) -> None:
        if found.nbytes > MOST_BYTES or found.dtype.hasobject:
            self.foreign.append(
                f"a NumPy array of {found.nbytes} bytes is too large to be compared at each call: make it a tensor"
            )
        else:
            self.arrays.append(found)

    def _of_function(self, function: types.FunctionType) -> Iterator[Any]:
        yield function.__dict__
        if function is not self.root and not is_users_file(function.__code__.co_filename):
            return
        yield from self._contents(_Defaults(function))
        for cell in function.__closure__ or ():
            yield from self._contents(_Cell(cell))
        yield from self._contents(_Names(function.__globals__, function.__code__))

    def _of_class(self, cls: type) -> Iterator[Any]:
        for part in cls.__mro__:
            if is_users_file(getattr(sys.modules.get(part.__module__), "__file__", None) or ""):
                values = [v for k, v in vars(part).items() if not k.startswith("__") or k in ("__call__", "__init__")]
                self.views.append(_Attributes(part))
                yield from (getattr(v, "__func__", v) for v in values)
                yield from (v.fget for v in values if isinstance(v, property))

    def _of_object(self, thing: Any) -> Iterator[Any]:
        if hasattr(thing, "compiled_function"):  # which is part of what calls it, and not what it keeps for itself
            yield thing.compiled_function
            return
        yield type(thing)
        if hasattr(thing, "__next__"):
            self.foreign.append(f"an iterator ({type(thing).__name__})")
        if hasattr(thing, "__dict__"):
            yield from chain(self._contents(thing.__dict__), self._contents(thing.__dict__.values()))
        elif not type(thing).__flags__ & _HEAP_TYPE:
            yield from self._contents(_Inside(thing))
        for part in type(thing).__mro__:
            slots = part.__dict__.get("__slots__", ())
            names = [slots] if isinstance(slots, str) else list(slots)
            yield from (getattr(thing, name) for name in names if not name.startswith("__") and hasattr(thing, name))

    def guard(self) -> Callable[[], bool]:
        """Return what tells whether all containers hold what they hold now, and are the same objects."""
        apart = self._passed | {id(x.filled) for x in self.tensors}  # which are others the next time
        all_views = [_Hooks([x for x in self.tensors if id(x) not in apart]), *self.views]
        views, empty = [v for v in all_views if len(v)], [v for v in all_views if not len(v)]
        lengths, kept = list(map(len, views)), list(chain.from_iterable(views))
        arrays, elements = self.arrays, [x.copy() for x in self.arrays]
        alive = [x for x in self._seen.values() if not isinstance(x, Tensor)]  # so that no id is given twice

        def holds() -> bool:
            if list(map(len, views)) != lengths or any(map(len, empty)) or not alive:
                return False
            alike = all(map(is_, chain.from_iterable(views), kept)) or _alike(views, kept)
            return alike and (not arrays or all(map(same_bits, arrays, elements)))

        return holds


def _alike(views: list[Any], kept: list[Any]) -> bool:
    """Return whether what is no longer the same object is an equal number or text; those of now are kept then."""
    now = list(chain.from_iterable(views))
    for i, (a, b) in enumerate(zip(now, kept, strict=True)):
        if a is b:
            continue
        if not (isinstance(a, _PLAIN) and type(a) is type(b) and a == b):
            return False
        kept[i] = a
    return True


class _Hooks:
    """The functions that hang on tensors."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Any]:
        return hooks_of(self.tensors)


class _Inside:
    """What an object of a class written in C refers to: the elements of a deque."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __len__(self) -> int:
        return len(gc.get_referents(self.thing))

    def __iter__(self) -> Iterator[Any]:
        return iter(gc.get_referents(self.thing))


class _Defaults:
    """What a function takes for arguments that it is not given."""

    def __init__(self, function: types.FunctionType) -> None:
        self.function = function

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[Any]:
        yield from (self.function.__defaults__, self.function.__kwdefaults__)


class _Cell:
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


class _Names:
    """The globals that the code of a function names, and their attributes where they are modules of the user's."""

    def __init__(self, space: dict[str, Any], code: types.CodeType) -> None:
        self.space = space
        self.names = [n for n in _names(code) if n in space]
        self.inside = [
            (m, n)
            for m in map(space.get, self.names)
            if isinstance(m, types.ModuleType) and is_users_file(getattr(m, "__file__", None) or "")
            for n in _attributes(code)
            if hasattr(m, n)
        ]

    def __len__(self) -> int:
        return len(self.names) + len(self.inside)

    def __iter__(self) -> Iterator[Any]:
        for name in self.names:
            yield self.space.get(name, _NOTHING)
        for module, name in self.inside:
            yield getattr(module, name, _NOTHING)


class _Attributes:
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


def _attributes(code: types.CodeType) -> set[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return {*code.co_names}.union(*map(_attributes, inner))


def _tensors_in(value: Any) -> Iterator[Any]:
    """Yield the tensors in nested containers."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _tensors_in(key)
            yield from _tensors_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors_in(part)


@remembered(maxsize=4096)
def is_users_file(file: str) -> bool:
    """Return whether a file is the user's: not of this package, of Python's library, or of an installed one."""
    if not file or file.startswith("<"):
        return file != "" and not file.startswith("<frozen")  # typed in, or made of text
    return is_outside(file) and "site-packages" not in file and not str(Path(file).resolve()).startswith(_LIBRARIES)
