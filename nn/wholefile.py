"""Whole modules in files: their class by name, and what they hold as data.

A module is told by the name of its class, its registries, and its other attributes, which must be data: what `save`
takes, tensors, modules, and the library's own functions of tensors, by name. Loading looks the class up among what the
program has imported already, and makes the object without running anything of it: no constructor, no `__new__`, no
property or descriptor, no `__setattr__`, no `__setstate__`. So a file decides which of the program's own modules there
are and with which numbers, and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import tensorgrad
from tensorgrad.autograd.hooks import hooks_of
from tensorgrad.base.dtypes import Array
from tensorgrad.base.hints import short
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.tensor import Tensor
from tensorgrad.files import structure
from tensorgrad.files.structure import Attribute, shown
from tensorgrad.nn import functional
from tensorgrad.nn.module.module import Module
from tensorgrad.nn.module.parameter import Buffer, Parameter, is_lazy
from tensorgrad.nn.module.registry import Registry
from tensorgrad.tensor.copies import restored

# the slots themselves: a class, or its metaclass, may have attributes of these names that run code
_state: Callable[[Any], dict[str, Any]] = vars(Registry)["__dict__"].__get__
_namespace: Callable[[Any], Any] = type.__dict__["__dict__"].__get__
_bases: Callable[[Any], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_contents: Callable[[Any], dict[str, Any]] = vars(ModuleType)["__dict__"].__get__
_qualname: Callable[[Any], str] = type.__dict__["__qualname__"].__get__
_MADE_IN_PYTHON = 1 << 9  # of a class: Py_TPFLAGS_HEAPTYPE
_CLASSES: dict[str, type[Tensor]] = {"tensor": Tensor, "parameter": Parameter, "buffer": Buffer}
_CLASS_NAMES = {cls: name for name, cls in _CLASSES.items()}
_REGISTRIES = "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"
_OWN = frozenset((*_REGISTRIES, "training", "_hooks", "_paths"))


def _functions() -> dict[str, FunctionType]:
    """Return the functions that a file may name: those of `nn.functional`, and those that tensors have as methods."""
    found: dict[str, FunctionType] = {}
    for prefix, home, names in (("nn.functional.", functional, vars(functional)), ("", tensorgrad, dir(tensorgrad))):
        for name in names:
            if not name.startswith("_") and (prefix or hasattr(Tensor, name)):
                value = getattr(home, name)
                if type(value) is FunctionType:
                    found[prefix + name] = value
    return found


def _class_at(module: Any, qualname: Any) -> type[Module] | None:
    """Return the class of that name in a module that is imported; None where there is none, or one of another kind."""
    holder: Any = sys.modules.get(module)
    if not issubclass(type(holder), ModuleType):
        return None
    space: Any = _contents(holder)
    found: Any = None
    for name in qualname.split("."):
        found = space.get(name)
        if not issubclass(type(found), type):
            return None
        space = _namespace(found)
    return found if any(base is Module for base in _bases(found)) else None  # `in` asks the metaclass


def _is_plain(cls: type) -> bool:
    """Return whether an object of `cls` is all told by its dictionary."""
    flags = type.__dict__["__flags__"].__get__
    made_here = all(base is object or flags(base) & _MADE_IN_PYTHON for base in _bases(cls))
    return made_here and not any(_namespace(base).get("__slots__") for base in _bases(cls))


def _is_hidden(cls: type, name: str) -> bool:
    """Return whether `name` is a method, property or other descriptor of the class, which data may not stand before."""
    holder = next((base for base in _bases(cls) if name in _namespace(base)), None)
    return holder is not None and any("__get__" in _namespace(k) for k in _bases(type(_namespace(holder)[name])))


class _Saving:
    """The modules and tensors of one file that is written; each is told once, and then by its number."""

    def __init__(self, writer: structure.Writer) -> None:
        self.writer = writer
        self.numbers: dict[int, int] = {}
        self.memory: dict[int, list[Array]] = {}
        self.levels = 0
        self.names: dict[int, str] = {}

    def told(self, value: Any, path: structure.Path) -> dict[str, Any] | None:
        """Return the JSON for a module, or for what only a module may hold; None for anything else."""
        is_module = issubclass(type(value), Module)
        if not is_module and not self.levels:
            return None
        if is_module or issubclass(type(value), Tensor):
            if id(value) in self.numbers:
                return {"same": self.numbers[id(value)]}
            self.numbers[id(value)] = len(self.numbers)
            return self._module(value, path) if is_module else {"held": self._tensor(value, path)}
        if type(value) is FunctionType:
            self.names = self.names or {id(f): name for name, f in _functions().items()}
            if id(value) in self.names:
                return {"function": self.names[id(value)]}
            raise TypeError(
                f"save: {shown(path)} is a function, which is no data: make it a method of the class, or a module"
            )
        return None

    def _module(self, module: Module, path: structure.Path) -> dict[str, Any]:
        cls, state = type(module), dict(_state(module))
        where = _namespace(cls)["__module__"], _qualname(cls)
        if _class_at(*where) is not cls or not _is_plain(cls):
            raise TypeError(
                f"save: {shown(path)} is of class {'.'.join(where)}, which is not found again by that name, or has "
                f"more than attributes: define it at the top of a file, and once; of a compiled or parametrized "
                f"module, and of one with __slots__, save the .state_dict()"
            )
        if state["_hooks"] is not None and any(vars(state["_hooks"]).values()):
            raise TypeError(
                f"save: {shown(path)} has hooks, functions that are no data: remove them, or save its .state_dict(); "
                f"call a lazy module once first"
            )
        self.levels += 1
        found = {"class": where, "training": state["training"]}
        for kind in _REGISTRIES[:3]:
            found[kind[1:]] = [[name, self._at(value, path, name)] for name, value in state[kind].items()]
        found["transient"] = sorted(state["_non_persistent_buffers_set"])
        settings = [(name, value) for name, value in state.items() if name not in _OWN]
        for name, _ in settings:
            if _is_hidden(cls, name):
                raise TypeError(
                    f"save: {shown((*path, Attribute(name)))} stands before what the class has under that name: remove "
                    f"it; what .compile() made is made again after loading"
                )
        found["settings"] = [[name, self._at(value, path, name)] for name, value in settings]
        self.levels -= 1
        return {"module": found}

    def _at(self, value: Any, path: structure.Path, name: str) -> Any:
        return self.writer.encoded(value, (*path, Attribute(name)))

    def _tensor(self, x: Tensor, path: structure.Path) -> dict[str, Any]:
        if type(x) not in _CLASS_NAMES or is_lazy(x) or not x.is_leaf:
            raise TypeError(
                f"save: {shown(path)} is a {type(x).__name__} that a file does not keep: tensors, parameters and "
                f"buffers with a shape and without a history are saved; call a lazy module once, and hold x.detach()"
            )
        if any(True for _ in hooks_of([x])):
            raise TypeError(
                f"save: {shown(path)} has hooks, functions that are no data: remove them, or save the .state_dict()"
            )
        others = self.memory.setdefault(id(owner_of(x.array)), [])
        if any(np.may_share_memory(x.array, other) for other in others):
            raise TypeError(
                f"save: {shown(path)} shares memory with another tensor, which a file does not keep: let both "
                f"names hold one tensor, or hold a .clone()"
            )
        others.append(x.array)
        told = {"class": _CLASS_NAMES[type(x)], "requires_grad": x.tracked, "called": x.name}
        if isinstance(x, Buffer):
            told["persistent"] = x.persistent
        return {**self.writer.entry(x.array, path), **told}


class _Making:
    """The modules and tensors of one file that is read, by their numbers."""

    def __init__(self, reader: structure.Reader, where: str, parsed: Any) -> None:
        self.reader = reader
        self.known: list[Any] = []
        named = dict.fromkeys(_named_classes(parsed))
        self.classes: dict[tuple[str, str], Any] = {name: _class_at(*name) for name in named}
        missing = sorted(name for name, cls in self.classes.items() if cls is None or not _is_plain(cls))
        if missing:
            sources = ", ".join(dict.fromkeys(short(module) for module, _ in missing))
            raise structure.MissingError(
                f"{where}: needs the modules {', '.join(short('.'.join(name)) for name in missing)}, which this "
                f"program has not imported: import {sources} before "
                f"loading, with the classes as they were when the file was saved"
            )

    def made(self, kind: str, content: Any, level: int) -> Any:
        """Return what is told by `content`."""
        if kind == "same":
            if type(content) is not int or content < 0:
                raise ValueError(f"the number {content!r}")
            return self.known[content]
        if kind == "function":
            return _functions()[content]
        if kind == "held":
            return self._tensor(content)
        if kind == "module":
            return self._module(content, level)
        raise KeyError(kind)

    def _tensor(self, told: dict[str, Any]) -> Tensor:
        kind, tracked, called = _CLASSES[told["class"]], told["requires_grad"], told["called"]
        more = {"persistent": told["persistent"]} if kind is Buffer else {}
        if not all(type(flag) is bool for flag in (tracked, *more.values())) or type(called) not in (str, type(None)):
            raise ValueError("a tensor that does not say what it is")
        x = restored(kind, self.reader.array(told), tracked, called, more)
        self.known.append(x)
        return x

    def _module(self, told: dict[str, Any], level: int) -> Module:
        module, name = told["class"]
        cls = self.classes[module, name]
        found: Module = object.__new__(cls)
        self.known.append(found)
        state: dict[str, Any] = {"_hooks": None, "_paths": None, "training": told["training"]}
        for kind, allowed in (("parameters", Parameter), ("buffers", Tensor), ("modules", Module)):
            state["_" + kind] = self._items(told[kind], level)
            if not all(value is None or issubclass(type(value), allowed) for value in state["_" + kind].values()):
                raise ValueError(f"another thing among {kind}")
        state["_non_persistent_buffers_set"] = set(told["transient"])
        settings = self._items(told["settings"], level)
        names = [*state["_parameters"], *state["_buffers"], *state["_modules"], *settings]
        if len({*names}) < len(names) or any(not name or "." in name for name in names[: -len(settings) or None]):
            raise ValueError("a name that stands twice, is empty or has a dot in it")
        if not state["_non_persistent_buffers_set"] <= state["_buffers"].keys() or type(state["training"]) is not bool:
            raise ValueError("a module that does not say what it is")
        if _OWN & settings.keys() or any(_is_hidden(cls, name) for name in settings):
            raise ValueError("an attribute that stands before a method")
        _state(found).update(settings | state)
        return found

    def _items(self, pairs: list[Any], level: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if type(name) is not str or name in found:
                raise ValueError("a name that is no text, or stands twice")
            found[name] = self.reader.decoded(value, level + 1)
        return found


def _named_classes(parsed: Any) -> Iterator[tuple[str, str]]:
    """Yield module and name of each class that the structure names."""
    for value in structure.dicts(parsed):
        told = value.get("module")
        if isinstance(told, dict):
            module, name = told["class"]
            if type(module) is not str or type(name) is not str:
                raise ValueError("a class whose name is no text")
            yield module, name


structure.OBJECTS.append(structure.Objects(_Saving, _Making))
