"""Arguments without a gradient, flags and numbers: every one that is given is looked at before the call.

Any text is true and None is false, so a flag must be a boolean. A number that is a tensor which requires grad would be
a constant, perhaps at some values only, where a function takes a shorter way. NaN makes every comparison false.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

from .caching import remembered, unwrapped
from .hints import hints, suits
from .literals import forgotten
from .misfits import misfit

AnyFunction = Callable[..., Any]

_CLASSES: dict[str, frozenset[type]] = {
    "bool": frozenset({bool}),
    "<class 'bool'>": frozenset({bool}),
    "int": frozenset({int}),
    "float": frozenset({float, int}),
    "str": frozenset({str}),
    "None": frozenset({NoneType}),
}
_FLAGS = {"bool", "<class 'bool'>", "None"}
_NUMBERS = {"float", "complex"}
_OF_NUMBERS = _NUMBERS | {"int", "str", "bool", "None", "Sequence", "Iterable", "list", "tuple", "class"}
_USUAL = frozenset({float, int, str, NoneType, bool})


class Untracked(dict[str, int]):
    """The places of the flags and the numbers among the parameters of a function, of which none has a gradient.

    What is around a function asks `check` where there is an argument for `first`, the first of these places, or such a
    keyword that is no boolean: in the line of the call, for creation must not wait for it. What they are is read at the
    first call, which `first` sends to `check` whatever it is given: `import` must not wait for hundreds of functions.
    If `exact`, numbers and texts must be what their annotations say, too.

    >>> def summed(x, keepdim: bool = False, *, scale: float = 1): ...
    >>> untracked = Untracked(summed)
    >>> untracked.first, untracked.check("summed", (), {}), untracked, untracked.numbers
    (-1, 1, {'keepdim': 1, 'scale': 9223372036854775807}, {'scale'})
    >>> untracked.check("summed", (1.0,), {"keepdim": "False"})
    Traceback (most recent call last):
    tensorgrad.base.misfits.WrongTypeError: summed(): argument 'keepdim' must be bool, not str: found 'False'
    >>> Untracked(summed, exact=True).check("summed", (1.0,), {"scale": float("nan")})
    Traceback (most recent call last):
    tensorgrad.base.misfits.WrongCallError: summed(): argument 'scale' must be float, not nan
    """

    def __init__(self, function: AnyFunction, *, exact: bool = False) -> None:
        self._function, self._exact = function, exact
        self.first = -1

    def _read(self) -> None:
        """Read the annotations; `first` is set last, so that another thread that is here does not go on too early."""
        plain = unwrapped(self._function)
        code = plain.__code__
        places = {name: i for i, name in enumerate(code.co_varnames[: code.co_argcount])}
        found = dict(_untracked(plain.__annotations__, plain, self._exact))
        self.update({name: places.get(name, sys.maxsize) for name in found})
        self.numbers = {name for name, words in found.items() if words & _NUMBERS}
        plainly = _CLASSES.keys() if self._exact else _FLAGS
        self._judged = {name for name, words in found.items() if words <= plainly}
        self._classes = {
            name: frozenset().union(*(_CLASSES[word] for word in words)) if name in self._judged else _USUAL
            for name, words in found.items()
        }
        self._by_place = sorted((place, name) for name, place in self.items() if place < sys.maxsize)
        self.first = min(self.values(), default=sys.maxsize)

    def check(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        """Return `first`; raise for an argument of the function `name` that is not what it must be.

        Raises:
            WrongTypeError: a flag that is no boolean, a number or text that is not what its annotation says.
            TypeError: a number that is a tensor which requires grad, or a list with one.
        """
        if self.first < 0:
            self._read()
        given, classes = len(args), self._classes
        for word, value in kwargs.items() if kwargs else ():
            if word in classes and (value.__class__ not in classes[word] or value != value):  # noqa: PLR0124
                self._judge(name, word, value)
        for place, word in self._by_place:
            if place >= given:
                break
            value = args[place]
            if value.__class__ not in classes[word] or value != value:  # noqa: PLR0124 - NaN
                self._judge(name, word, value)
        return self.first

    def _judge(self, name: str, word: str, value: Any) -> None:
        """Raise for an argument that is of another class than most, and not what it must be."""
        if word in self.numbers:
            forgotten(value, f"{name}(): argument '{word}'")
        if word in self._judged:
            hint = hints(self._function).get(word, bool)
            if not suits(word, value, hint):
                raise misfit(name, word, self[word] + 1, value, hint)


def any_untracked(function: AnyFunction) -> bool:
    """Return whether `function` has such parameters."""
    plain = unwrapped(function)
    return any(True for _ in _untracked(plain.__annotations__, plain, exact=False))


@remembered()
def _split(text: str) -> tuple[set[str], set[str]]:
    """Return the alternatives of an annotation, and its words: a few hundred functions have a few dozen of them."""
    return set(text.split(" | ")), set(re.findall(r"\w+", text))


def _untracked(annotations: dict[str, Any], function: AnyFunction, exact: bool) -> Iterator[tuple[str, set[str]]]:
    """Yield the names whose annotation, as it is written, is that of a flag or of numbers, and its words.

    Those of a TypedDict of keywords are among them.
    """
    for name, annotation in annotations.items():
        if name == "return":
            continue
        text = str(getattr(annotation, "__forward_arg__", annotation))
        plain, words = _split(text)
        if plain <= (_CLASSES.keys() if exact else _FLAGS):
            yield name, plain
        elif words & _NUMBERS and words <= _OF_NUMBERS:
            yield name, words | {text}
        elif text.startswith("Unpack["):
            more = function.__globals__[text[len("Unpack[") : -1]].__annotations__
            yield from _untracked(more, function, exact)
