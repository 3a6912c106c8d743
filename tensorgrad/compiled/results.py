"""What a function is given and returns: tensors in nested containers, taken out and put in again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.base.size import Size
from tensorgrad.engine.tensor import Tensor

_CONSTANTS = (bool, int, float, complex, str, bytes, Size, np.dtype, slice, range, type)

Structure = Callable[[Iterator[Any]], Any]
"""What makes a result of its tensors, in order."""


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_of(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_of(part)


def containers_of(value: Any) -> Iterator[Any]:
    """Yield the lists and dicts among nested containers."""
    if isinstance(value, list | dict):
        yield value
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers_of(part)


def structure_of(value: Any) -> Structure | None:
    """Return what makes something like `value` of other tensors; None where it holds what is neither.

    >>> import tensorgrad as tg
    >>> x, y = tg.zeros(1), tg.ones(1)
    >>> structure_of({"loss": x, "n": (1, y)})(iter([y, x]))
    {'loss': tensor([1.]), 'n': (1, tensor([0.]))}
    """
    if isinstance(value, Tensor):
        return next
    if value is None or (isinstance(value, _CONSTANTS) and not hasattr(value, "_fields")):
        return lambda _: value
    kind = type(value)
    if kind is dict or kind is OrderedDict:
        keys, inside = list(value), structure_of(list(value.values()))
        return None if inside is None else lambda it: kind(zip(keys, inside(it), strict=True))
    named = hasattr(value, "_fields")
    if kind not in (tuple, list) and not named:
        return None
    parts = [part for v in value if (part := structure_of(v))]
    if len(parts) < len(value):
        return None
    return lambda it: kind(*[part(it) for part in parts]) if named else kind([part(it) for part in parts])


def outline(value: Any) -> Any:
    """Return what is equal for two results that differ in their tensors alone.

    >>> import tensorgrad as tg
    >>> outline([tg.zeros(1), 2.0]) == outline([tg.ones(3), 2.0]) != outline([tg.ones(3), 1.0])
    True
    """
    if isinstance(value, Tensor):
        return Tensor
    if isinstance(value, dict):
        return type(value), [(k, outline(v)) for k, v in value.items()]
    if isinstance(value, tuple | list):
        return type(value), [outline(v) for v in value]
    return type(value), repr(value) if isinstance(value, float | complex) else value
