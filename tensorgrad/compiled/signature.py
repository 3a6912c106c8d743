"""One call of a function, and what of it decides which plan it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import chain
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.hooks import hooks_of
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import get_default_dtype
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.tensor import Tensor

_VALUES = (bool, int, float, complex, str, bytes, type(None))


class Call(NamedTuple):
    """A function and its arguments; `given` are the tensors among them, `key` is equal for calls of one kind.

    The parts of the key: the arguments, which of them share memory, the default dtype, which of the tensors have a
    gradient, and the modes.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    given: list[Tensor]
    key: Any

    @classmethod
    def of(cls, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Return the call with its key."""
        given: list[Tensor] = []
        return cls(function, args, kwargs, given, signature(args, kwargs, given))

    def run(self) -> Any:
        """Return what the function returns."""
        return self.function(*self.args, **self.kwargs)

    def is_unchanged(self, gradients: bool) -> bool:
        """Return whether the arguments are those that were given; with `gradients`, whether these are there, too."""
        given: list[Tensor] = []
        key = signature(self.args, self.kwargs, given)
        parts = slice(4 if gradients else 3)  # it is asked for by a sweep, which has modes of its own
        return key[parts] == self.key[parts] and len(given) == len(self.given) and all(map(is_, given, self.given))


def signature(args: tuple[Any, ...], kwargs: dict[str, Any], given: list[Tensor]) -> Any:
    """Return what stands for the arguments of a call, and add the tensors among them to `given`, once each.

    Tensors count by layout and by who shares memory with whom, numbers and texts by their values, other objects by
    which they are.
    """
    seen: dict[int, int] = {}
    key = _of(args, given, seen), _of(kwargs, given, seen)
    mode = context()
    owners = [id(owner_of(x.array)) for x in given]
    shared = tuple(map(owners.index, owners)) if len(set(owners)) < len(owners) else ()
    return key, shared, get_default_dtype(), tuple([x.kept_grad is None for x in given]), mode.grad, mode.flags


def _of(value: Any, given: list[Tensor], seen: dict[int, int]) -> Any:
    kind = value.__class__
    if isinstance(value, Tensor):
        return _of_tensor(value, given, seen)
    if kind in _VALUES:
        return kind, value or repr(value)  # 0.0 and -0.0 are equal
    if isinstance(value, np.generic):
        return kind, value.tobytes()
    if kind in (list, slice) or isinstance(value, tuple):
        parts = (value.start, value.stop, value.step) if kind is slice else value
        return (kind, *[_of(part, given, seen) for part in parts])
    if kind is dict:
        return (kind, *[(k, _of(v, given, seen)) for k, v in value.items()])
    return value if isinstance(value, np.dtype) else (kind, id(value))


def _of_tensor(x: Tensor, given: list[Tensor], seen: dict[int, int]) -> Any:
    if id(x) in seen:
        return seen[id(x)]
    seen[id(x)] = len(given)
    given.append(x)
    a = x.array
    return x.__class__, a.__class__, a.shape, a.dtype, a.strides, x.tracked, x.is_leaf, *hooks_of([x])


def changed(function: Callable[..., Any], then: Any, now: Any = None) -> str:
    """Return in words what makes two calls in turn two kinds, by their keys `then` and `now`."""
    if now is None:
        return "something that it reaches is another thing each time: an attribute, a variable, a list"
    (args, kwargs), *rest = now
    (args_then, kwargs_then), *rest_then = then
    pairs = zip(chain(_names(function, args), (name for name, _ in kwargs[1:])), *(
        chain(a[1:], (part for _, part in k[1:])) for a, k in ((args, kwargs), (args_then, kwargs_then))
    ), strict=False)  # fmt: skip
    for name, a, b in pairs:
        if a != b:
            return f"argument {name!r} {_how(a, b)}"
    for what, a, b in zip(_SETTINGS, rest, rest_then, strict=True):
        if a != b:
            return f"{what} from call to call"
    return "the number of arguments changes from call to call"


_SETTINGS = (
    "which of the arguments share memory changes", "the default dtype changes",
    "which of the arguments have a gradient changes", "the grad mode changes", "the mode changes",
)  # fmt: skip


def _names(function: Callable[..., Any], args: Any) -> list[str]:
    """Return what the positional arguments are called."""
    numbers = [str(i + 1) for i in range(len(args) - 1)]
    try:
        names = list(inspect.signature(getattr(function, "forward", function)).parameters)
    except (TypeError, ValueError):  # it does not say
        names = []
    return [*names[: len(numbers)], *numbers[len(names) :]]


def _how(a: Any, b: Any) -> str:
    """Return what the keys of two values say that differs."""
    kinds: list[Any] = [k[0] if type(k) is tuple and k else None for k in (a, b)]
    if kinds[0] is kinds[1] is not None and issubclass(kinds[0], Tensor):
        words = ("class", "class", "shape", "dtype", "layout", "requires_grad", "requires_grad")
        different = next((w for w, p, q in zip(words, a, b, strict=False) if p != q), "hook")
        return f"is a tensor of another {different} each time"
    if kinds[0] in (int, float) and kinds[1] in (int, float):
        return "is another number each time: give it as a tensor"
    if kinds[0] is kinds[1] and kinds[0] in _VALUES:
        return f"is another {'text' if kinds[0] is str else kinds[0].__name__} each time"
    if kinds[0] is kinds[1] and kinds[0] in (tuple, list, dict):
        return "holds other things each time (numbers count by their values: give them as tensors)"
    return "is another object each time"
