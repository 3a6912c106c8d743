"""Functions that remember, stand around others or wait to be loaded, records made of others, and memory that stays."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def remembered(maxsize: int | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: the function gives the same arguments, which must be hashable, the same result again.

    What it makes is the cache of `functools` itself, which hides the parameters from type checkers: a call costs what
    it costs there.

    Args:
        maxsize: of how many calls the results are kept, the last ones; None: of all.

    >>> @remembered(maxsize=2)
    ... def shape(*lengths: int) -> list[int]:
    ...     return [*lengths]
    >>> shape(2, 3) is shape(2, 3)
    True
    """
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", lru_cache(maxsize))


def altered(record: R, **changes: Any) -> R:
    """Return a frozen dataclass with other fields: `dataclasses.replace`, which takes six times as long to make one.

    What it has worked out of its fields and remembers is worked out again; nothing is done after it is made.

    >>> from dataclasses import make_dataclass
    >>> altered(make_dataclass("Point", ["x", "y"], frozen=True)(1, 2), y=3)
    Point(x=1, y=3)
    """
    made = object.__new__(type(record))
    known, names = vars(made), cast("Any", record).__dataclass_fields__
    known.update(vars(record))
    if len(known) > len(names):
        for name in known.keys() - names.keys():
            del known[name]
    known.update(changes)
    return made


def soon_made(cls: type[R]) -> type[R]:
    """Return a frozen dataclass whose objects are made in half of the time: fields go to their dictionary at once.

    What `dataclasses` writes goes by way of `object.__setattr__` for each. None of the fields has a factory.

    >>> from dataclasses import make_dataclass
    >>> soon_made(make_dataclass("Point", ["x", ("y", int, 2)], frozen=True))(1)
    Point(x=1, y=2)
    """
    before: Any = cls.__init__
    names = list(cast("Any", cls).__dataclass_fields__)
    lines = [
        f"def __init__(self, {', '.join(names)}):",
        "known = self.__dict__",
        *[f"known['{n}'] = {n}" for n in names],
    ]
    space: dict[str, Any] = {}
    exec("\n    ".join(lines), space)  # noqa: S102 - the text is made of the names of fields
    made = space["__init__"]
    made.__defaults__, made.__annotations__ = before.__defaults__, before.__annotations__
    made.__qualname__, made.__module__ = before.__qualname__, before.__module__
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def unwrapped(function: Any) -> Any:
    """Return what stands inside all the wrappers, as `inspect.unwrap` does, which looks for circles as well.

    >>> unwrapped(remembered()(len)) is len
    True
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


class Later:
    """A file of the library, by its dotted name: its functions are `Postponed`, until one of them is used.

    `import` must not wait for what most programs never call.

    >>> shapes = Later("tensorgrad.functions.shapes")
    >>> shapes.numel, loaded(shapes.numel).__name__
    (Postponed(tensorgrad.functions.shapes.numel), 'numel')
    """

    def __init__(self, file: str) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Postponed:
        if name.startswith("__"):  # which Python asks for
            raise AttributeError(name)
        found = vars(self)[name] = Postponed(self._file, name)
        return found


class Postponed:
    """A function in a file that is loaded when it is called, or asked for by `loaded`.

    >>> Postponed("tensorgrad.functions.shapes", "broadcast_shapes")((2, 1), (3,))
    (2, 3)
    """

    __slots__ = ("_found", "file", "name")

    def __init__(self, file: str, name: str) -> None:
        self.file, self.name, self._found = file, name, None

    def __repr__(self) -> str:
        return f"Postponed({self.file}.{self.name})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - the function's own is
        return self.loaded()(*args, **kwargs)

    def loaded(self) -> Any:
        """Return the function itself."""
        if self._found is None:
            self._found = getattr(importlib.import_module(self.file), self.name)
        return self._found


def loaded(function: R) -> R:
    """Return `function`, or the function that it stands for."""
    found: R = function.loaded() if isinstance(function, Postponed) else function
    return found


def keep_freed_memory() -> None:
    """Let glibc keep what one step frees for the next one.

    It asks the system for every array above a threshold, 128 KiB at first, and gives it back when the array is freed:
    each step then takes its pages anew, a fault for each, which is half of the time of a small convolutional network
    (`cnn` and `gelu` of the table "breadth" in `benchmarks`). Freeing such a block of up to 32 MiB raises that
    threshold to its size, and the one at which the end of the heap is given back to twice of it (mallopt(3)). Nothing
    of this block is touched: it costs no memory. Other libraries of C do as they always do.
    """
    np.empty((32 << 20) - 8192, np.uint8)  # malloc and a page that is begun add to it
