"""One call of a function, and what of it decides which plan it takes."""

from __future__ import annotations

from collections.abc import Callable
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

    The last part of the key says which of the tensors have a gradient.
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
        alike = key == self.key if gradients else key[:-1] == self.key[:-1]
        return alike and len(given) == len(self.given) and all(map(is_, given, self.given))


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
    return key, shared, mode.grad, mode.flags, get_default_dtype(), tuple([x.filled is None for x in given])


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
