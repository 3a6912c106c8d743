"""Flags, the boolean arguments of functions: every one that is given is looked at, for any text is true."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .hints import fits
from .misfits import WrongTypeError, wrong_type

AnyFunction = Callable[..., Any]


class Flags(dict[str, int]):
    """The places of the flags among the parameters of a function, which must be booleans where they are given.

    What is around a function asks `check` where there is an argument for `first`, the first place of a flag, or a
    keyword that is no boolean: in the line of the call, for creation must not wait for it.

    >>> def summed(x, keepdim: bool = False): ...
    >>> Flags(summed), Flags(summed).first
    ({'keepdim': 1}, 1)
    >>> Flags(summed).check("summed", (1.0,), {"keepdim": "False"})
    Traceback (most recent call last):
    tensorgrad.base.misfits.WrongTypeError: summed(): argument 'keepdim' must be bool, not str: found 'False'
    """

    def __init__(self, function: AnyFunction) -> None:
        plain = inspect.unwrap(function)
        code = plain.__code__
        places = {name: i for i, name in enumerate(code.co_varnames[: code.co_argcount])}
        super().__init__({name: places.get(name, sys.maxsize) for name in _flags_of(plain.__annotations__, plain)})
        self.first = min(self.values(), default=sys.maxsize)

    def check(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise WrongTypeError for a flag of the function `name` that is none."""
        for flag, place in self.items():
            value = kwargs[flag] if flag in kwargs else args[place] if place < len(args) else False
            if value.__class__ is not bool and not fits(value, bool):
                raise WrongTypeError(wrong_type(name, flag, place + 1, value, bool))


def _flags_of(annotations: dict[str, Any], function: AnyFunction) -> Iterator[str]:
    """Yield the names whose annotation, as it is written, is that of a flag, and those of a TypedDict of keywords."""
    for name, annotation in annotations.items():
        text = str(getattr(annotation, "__forward_arg__", annotation))
        if text in ("bool", "bool | None", "<class 'bool'>") and name != "return":
            yield name
        elif text.startswith("Unpack["):
            yield from _flags_of(function.__globals__[text[len("Unpack[") : -1]].__annotations__, function)
