"""What a function can reach: the tensors that it may read and write, and the settings on which its course may depend.

Reached are its arguments, what it closes over, the globals that its code names, and from there the attributes of
objects and the elements of containers, down to tensors and plain values; not what belongs to a library.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import types
import weakref
from array import array
from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from operator import is_
from typing import Any

import numpy as np

from tensorgrad.autograd.hooks import hooks_of
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.optim.lr_scheduler import LRScheduler
from tensorgrad.optim.optimizer import Optimizer
from tensorgrad.program.contents import same_bits

from .watchdog import STREAMS
from .watchpoints import Attributes, Cell, Defaults, Hooks, Inside, Named, Names, Slots, Target, is_users_file, words_of

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, type(...))
_CALLED = {"step", "zero_grad"}
"""Methods of optimisers and schedules that are called between parts of a plan, and tell the function nothing."""
_HEAP_TYPE = 1 << 9  # the flag of a class that was made by a class statement, in CPython
MOST_BYTES = 1 << 20
"""Of a NumPy array that a function reaches: it is compared at each call."""


_SURROUNDINGS = {"argv", "geterr", "current_thread", "get_ident", "getpid", "exists", "isfile", "isdir"}
"""Names of what tells of the process and its files, through functions of Python's library that show no call of C."""


class Reached:
    """What has been reached: tensors, and the containers whose contents must stay what they are.

    `foreign` names what may hold more than can be seen, such as an iterator.
    """

    def __init__(self, root: Any = None) -> None:
        self.root = root  # a function that is the user's wherever it was written
        self.tensors: list[Tensor] = []
        self.own: dict[int, Tensor] = {}  # those that are reached without being given, by id
        self.views: list[Any] = []  # what yields the contents of containers as they are now
        self.given: list[tuple[Any, list[Any]]] = []  # containers that the call was given, and what they held
        self.optimizers: list[Any] = []
        self.arrays: list[Array] = []
        self.foreign: list[str] = []
        self.words: set[str] = set()  # all names and texts in the code of the user's functions
        self.streams: list[Any] = []  # generators of NumPy's
        self._told: dict[int, Callable[[int], str]] = {}  # by the id of a view: what one of its elements is
        self._kept: list[tuple[Any, list[Any]]] = []  # views, and what they held when a guard was made
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

    def changed(self) -> str:
        """Return in words what of all that is reached holds something else than when the guard was made."""
        for view, before in self._kept:
            now = list(view)
            if len(now) != len(before) or not (all(map(is_, now, before)) or _alike([view], before)):
                same = [a is b for a, b in zip(now, before, strict=False)]
                at = same.index(False) if False in same else len(same)
                told = self._told.get(id(view))
                return "something outside" if told is None else told(at)
        return "a list or a dict that was given" if not self.is_given_unchanged() else "an array of NumPy's"

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
        elif isinstance(thing, STREAMS):
            self.streams.append(thing)
        elif isinstance(thing, types.FunctionType):
            yield from self._of_function(thing)
        elif isinstance(thing, types.MethodType | types.BuiltinFunctionType):
            yield thing.__self__
            yield getattr(thing, "__func__", None)
        elif isinstance(thing, functools.partial):
            yield from (thing.func, thing.args, thing.keywords, thing.__dict__)
        elif isinstance(thing, dict | list | tuple | set | frozenset):
            yield from self._contents(thing, f"a {type(thing).__name__}")
            if isinstance(thing, dict):
                yield from self._contents(thing.values(), "a dict")
            if hasattr(thing, "__dict__"):
                yield from self._of_object(thing)
        elif isinstance(thing, type):
            yield from self._of_class(thing)
        elif isinstance(thing, weakref.ref):
            yield from self._contents(Target(thing), "what a weak reference refers to")
        elif not isinstance(thing, types.ModuleType | np.ufunc | Generator):
            yield from self._of_object(thing)

    def _contents(self, view: Any, what: str | Callable[[int], str]) -> Iterator[Any]:
        self.views.append(view)
        self._told[id(view)] = what if callable(what) else lambda _: what
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
        words = words_of(function.__code__)
        self.words |= words
        if words & {"environ", "getenv"}:
            yield os.environ
        self.foreign += [f"{word} is read, of which nothing is told" for word in sorted(words & _SURROUNDINGS)]
        yield from self._contents(Defaults(function), f"a default of {function.__name__}")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            yield from self._contents(Cell(cell), f"the variable {name}")
        names = Names(function.__globals__, function.__code__)
        yield from self._contents(names, lambda i: f"the global variable {names.told(i)}")

    def _of_class(self, cls: type) -> Iterator[Any]:
        yield type(cls)
        for part in cls.__mro__:
            if is_users_file(getattr(sys.modules.get(part.__module__), "__file__", None) or ""):
                values = [
                    v for k, v in vars(part).items() if not k.startswith("__") or isinstance(v, types.FunctionType)
                ]
                self.views.append(Attributes(part))
                yield from (getattr(v, "__func__", v) for v in values)
                yield from (v.fget for v in values if isinstance(v, property))

    def _of_object(self, thing: Any) -> Iterator[Any]:
        kind = type(thing)  # which is asked, because the object itself may answer to any name
        if hasattr(kind, "compiled_function"):  # which is part of what calls it, and not what it keeps for itself
            yield thing.compiled_function
            return
        yield kind
        if hasattr(kind, "__next__"):
            self.foreign.append(f"an iterator ({kind.__name__})")
        if kind.__dictoffset__ or isinstance(thing, threading.local):
            own = thing.__dict__

            def told(i: int) -> str:
                return f"the attribute {list(own)[i] if i < len(own) else ''} of a {kind.__name__}"

            yield from chain(self._contents(own, told), self._contents(own.values(), told))
        elif not kind.__flags__ & _HEAP_TYPE:
            yield from self._contents(Inside(thing), f"what a {kind.__name__} holds")
        slots = [s for part in kind.__mro__ for s in vars(part).values() if isinstance(s, types.MemberDescriptorType)]
        if slots and kind.__flags__ & _HEAP_TYPE:
            yield from self._contents(Slots(thing, slots), f"an attribute of a {kind.__name__}")

    def _hold(self, optimizer: Any) -> None:
        """Let what the user's code names of an optimiser or a schedule stay what it is; all else may change."""
        first = len(self.views)
        own, offered = set(vars(optimizer)), {n for n in dir(optimizer) if not n.startswith("__")}
        if isinstance(optimizer, Optimizer):  # whose parameters `zero_grad` goes through
            self.views += [optimizer.param_groups, *(group["params"] for group in optimizer.param_groups)]
        asks = self.words & (offered - own - _CALLED)  # a method that may answer with any of it
        pending = [value for name, value in vars(optimizer).items() if asks or name in self.words]
        self.views.append(Named(optimizer, self.words, bool(asks)))
        while pending:
            value = pending.pop()
            if isinstance(value, dict | list | tuple):
                inside = value.values() if isinstance(value, dict) else value
                self.views += [value, inside]
                pending += inside
        what = f"a setting of a {type(optimizer).__name__}"
        self._told |= {id(view): lambda _: what for view in self.views[first:]}

    def guard(self) -> Callable[[], bool]:
        """Return what tells whether all containers hold what they hold now, and are the same objects."""
        for thing in self.optimizers:
            self._hold(thing)
        apart = self._passed | {id(x.kept_grad) for x in self.tensors}  # which are others the next time
        all_views = [Hooks([x for x in self.tensors if id(x) not in apart]), *self.views]
        views, empty = [v for v in all_views if len(v)], [v for v in all_views if not len(v)]
        kept = list(chain.from_iterable(views))
        counted, empty = _without_values(views), _without_values(empty)
        lengths = list(map(len, counted))
        self._kept = [(view, list(view)) for view in all_views]
        arrays, elements = self.arrays, [x.copy() for x in self.arrays]
        alive = [x for x in self._seen.values() if not isinstance(x, Tensor)]  # so that no id is given twice

        def holds() -> bool:
            if list(map(len, counted)) != lengths or any(map(len, empty)) or not alive:
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


def _without_values(views: list[Any]) -> list[Any]:
    """Return the views without those of the values of a dict that stands before them: they are as many as its keys."""
    return [v for before, v in pairwise([None, *views]) if type(before) is not dict or type(v) is not type({}.values())]


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
