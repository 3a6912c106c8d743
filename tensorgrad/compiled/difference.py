"""Whether two recordings are of one program: the same calls on the same places, and the same constants."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from tensorgrad.engine.tensor import Tensor
from tensorgrad.program.contents import Program, Ref, Step, replaced, same_bits
from tensorgrad.program.liveness import needed


def difference(a: Program, b: Program) -> str:
    """Return where two programs differ; empty if they do not."""
    parts, others = needed(a), needed(b)
    if list(map(len, parts)) != list(map(len, others)):
        return "another number of calls was made"
    numbers: dict[int, int] = {}
    for one, other in zip(chain(*parts), chain(*others), strict=True):
        if why := _difference(a, one, b, other, numbers):
            return f"{_name(one.function)} {why}"
    returned = [numbers.get(n) for n in (*a.results, *a.later)]
    return "" if returned == [*b.results, *b.later] else "other values were returned"


def _difference(a: Program, one: Step, b: Program, other: Step, numbers: dict[int, int]) -> str:
    """Return how two steps differ; `numbers` says which values of `b` those of `a` are, and is added to."""
    if (one.kind, one.function, one.expected, one.loud) != (other.kind, other.function, other.expected, other.loud):
        return f"was called where then {_name(other.function)} was"
    mine, others = list(a.touches(one)), list(b.touches(other))
    if len(mine) != len(others) or any(numbers.setdefault(m, o) != o for m, o in zip(mine, others, strict=True)):
        return "was called with other arguments"
    if not all(_alike(a, m, b, o) for m, o in zip(mine, others, strict=True)):
        return "was given another constant, or another layout"
    rest, then = _without((one.args, one.kwargs)), _without((other.args, other.kwargs))
    return "" if _same(rest, then) else f"was given {rest} and then {then}"


def _alike(a: Program, m: int, b: Program, o: int) -> bool:
    x, y = a.values[m], b.values[o]
    if (x.kind, x.shape, x.dtype, x.strides) != (y.kind, y.shape, y.dtype, y.strides):
        return False
    return x.kind != "constant" or same_bits(a.arrays[m], b.arrays[o])


def _without(value: Any) -> Any:
    """Return arguments with nothing in the place of values."""
    return replaced(value, lambda _: Ref)


def _same(x: Any, y: Any) -> bool:
    if type(x) is not type(y):
        return False
    if type(x) in (tuple, list):
        return len(x) == len(y) and all(map(_same, x, y))
    if type(x) is dict:
        return x.keys() == y.keys() and all(_same(x[k], y[k]) for k in x)
    if isinstance(x, np.generic | float):
        return same_bits(x, y)
    return bool(x is y or (not isinstance(x, Tensor | np.ndarray) and x == y))


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", None) or getattr(function, "name", type(function).__name__))
