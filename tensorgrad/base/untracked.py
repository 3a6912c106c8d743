"""Arguments without a gradient, flags and numbers: every one that is given is looked at.

Any text is true, so a flag must be a boolean. A number that is a tensor which requires grad would be a constant,
perhaps at some values only, where a function takes a shorter way.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .hints import fits
from .literals import forgotten
from .misfits import WrongTypeError, wrong_type

AnyFunction = Callable[..., Any]

_FLAGS = ("bool", "bool | None", "<class 'bool'>")
_NUMBERS = {"float", "complex"}
_OF_NUMBERS = _NUMBERS | {"int", "str", "bool", "None", "Sequence", "Iterable", "list", "tuple", "class"}
_USUAL = {float, int, str, type(None)}


class Untracked(dict[str, int]):
    """The places of the flags and the numbers among the parameters of a function, of which none has a gradient.

    What is around a function asks `check` where there is an argument for `first`, the first of these places, or such a
    keyword that is no boolean: in the line of the call, for creation must not wait for it.

    >>> def summed(x, keepdim: bool = False, *, scale: float = 1): ...
    >>> Untracked(summed)["keepdim"], Untracked(summed).first, Untracked(summed).numbers
    (1, 1, {'scale'})
    >>> Untracked(summed).check("summed", (1.0,), {"keepdim": "False"})
    Traceback (most recent call last):
    tensorgrad.base.misfits.WrongTypeError: summed(): argument 'keepdim' must be bool, not str: found 'False'
    """

    def __init__(self, function: AnyFunction) -> None:
        plain = inspect.unwrap(function)
        code = plain.__code__
        places = {name: i for i, name in enumerate(code.co_varnames[: code.co_argcount])}
        found = dict(_untracked(plain.__annotations__, plain))
        super().__init__({name: places.get(name, sys.maxsize) for name in found})
        self.numbers = {name for name, flag in found.items() if not flag}
        self.first = min(self.values(), default=sys.maxsize)

    def check(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise for an argument of the function `name` that is not what it must be.

        Raises:
            WrongTypeError: a flag that is no boolean.
            TypeError: a number that is a tensor which requires grad, or a list with one.
        """
        given = len(args)
        for word, place in self.items():
            value = kwargs[word] if word in kwargs else args[place] if place < given else False
            if value.__class__ is bool:
                continue
            if word not in self.numbers:
                if not fits(value, bool):
                    raise WrongTypeError(wrong_type(name, word, place + 1, value, bool))
            elif value.__class__ not in _USUAL:
                forgotten(value, f"{name}(): argument '{word}'")


def _untracked(annotations: dict[str, Any], function: AnyFunction) -> Iterator[tuple[str, bool]]:
    """Yield the names whose annotation, as it is written, is that of a flag or of numbers, and whether it is a flag.

    Those of a TypedDict of keywords are among them.
    """
    for name, annotation in annotations.items():
        text = str(getattr(annotation, "__forward_arg__", annotation))
        words = set(re.findall(r"\w+", text))
        if name == "return":
            continue
        if text in _FLAGS:
            yield name, True
        elif words & _NUMBERS and words <= _OF_NUMBERS:
            yield name, False
        elif text.startswith("Unpack["):
            yield from _untracked(function.__globals__[text[len("Unpack[") : -1]].__annotations__, function)
