"""Whether two recordings are of one program: the same calls on the same places, and the same constants."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import told
from tensorgrad.engine.tensor import Tensor
from tensorgrad.program.contents import Program, Ref, Step, replaced, same_bits
from tensorgrad.program.liveness import needed

_TWO = "two calls of one kind did not do the same"


def difference(a: Program, b: Program) -> str:
    """Return where two programs differ, the later one first, in words and with the line; empty if they do not."""
    parts, others = needed(a), needed(b)
    same_lengths = list(map(len, parts)) == list(map(len, others))
    numbers: dict[int, int] = {}
    pairs = zip(chain(*parts), chain(*others), strict=False)
    last: Step | None = None
    for one, other in pairs:
        if why := _difference(_Both(a, one, b, other, numbers)):
            return f"{told(one.place)}: {_TWO}: {why}"
        last = one
    if not same_lengths:
        after = "" if last is None else f"after {told(last.place)}, "
        return f"{_TWO}: {after}one of them went on, and the other one did not"
    returned = [numbers.get(n) for n in (*a.results, *a.later)]
    return "" if returned == [*b.results, *b.later] else f"{_TWO}: other values were returned"


class _Both(NamedTuple):
    """A step of each program; `numbers` says which values of `b` those of `a` are, and is added to."""

    a: Program
    one: Step
    b: Program
    other: Step
    numbers: dict[int, int]


def _difference(both: _Both) -> str:
    """Return how two steps differ."""
    a, one, b, other, numbers = both
    if one.kind == other.kind == "publish" and one.function != other.function:
        return (
            "a gradient is left in .grad of another tensor than in the call before: one that is made anew for each "
            "call has to be an argument"
        )
    if (one.kind, one.function, one.loud) != (other.kind, other.function, other.loud):
        return f"{_name(one)}, where it was {_name(other)} in the call before: a value or a setting decided otherwise"
    if one.expected != other.expected:
        return f"a truth value was {one.expected}, and {other.expected} in the call before"
    mine, others = list(a.touches(one)), list(b.touches(other))
    if len(mine) != len(others) or any(numbers.setdefault(m, o) != o for m, o in zip(mine, others, strict=True)):
        return f"{_name(one)} was given other tensors than in the call before"
    for m, o in zip(mine, others, strict=True):
        if why := _unlike(a, m, b, o):
            return f"{_name(one)} {why}"
    found = _first(_without((one.args, one.kwargs)), _without((other.args, other.kwargs)))
    return "" if found is None else _in_words(one, *found)


def _in_words(step: Step, now: Any, then: Any) -> str:
    """Return what it says that a step was given two things in turn."""
    if isinstance(now, Tensor):
        return (
            f"another tensor of shape {list(now.shape)} was there than in the call before: one that is made anew for "
            f"each call has to be an argument"
        )
    if step.kind == "outside" and not isinstance(now, float | int):
        return (
            f"{_name(step)} was called of another {type(now).__name__} than in the call before: make it once, outside"
        )
    advice = ": give what changes from call to call as a tensor" if isinstance(now, float | int) else ""
    return f"{_name(step)} was given {now!r}, and {then!r} in the call before{advice}"


def _unlike(a: Program, m: int, b: Program, o: int) -> str:
    """Return how two values differ."""
    x, y = a.values[m], b.values[o]
    if x.shape != y.shape:
        return (
            f"met the shape {list(x.shape)}, and {list(y.shape)} in the call before: values decide how many there are"
        )
    if (x.kind, x.dtype, x.strides) != (y.kind, y.dtype, y.strides):
        return f"met another dtype or layout than in the call before ({x.dtype}, {y.dtype})"
    if x.kind == "constant" and not same_bits(a.arrays[m], b.arrays[o]):
        return (
            f"met other numbers than in the call before, which no tensor had told (an array of shape {list(x.shape)}): "
            f"give them as a tensor, or draw them by a generator of tensorgrad"
        )
    return ""


def _without(value: Any) -> Any:
    """Return arguments with nothing in the place of values."""
    return replaced(value, lambda _: Ref)


def _first(x: Any, y: Any) -> tuple[Any, Any] | None:
    """Return the first two parts that are not the same; None where there are none."""
    parts: Any = ()
    if type(x) is type(y) and type(x) in (tuple, list) and len(x) == len(y):
        parts = zip(x, y, strict=True)
    elif type(x) is type(y) is dict and x.keys() == y.keys():
        parts = ((x[k], y[k]) for k in x)
    elif not _same(x, y):
        return x, y
    return next((found for p, q in parts if (found := _first(p, q)) is not None), None)


def _same(x: Any, y: Any) -> bool:
    if type(x) is not type(y):
        return False
    if isinstance(x, np.generic | float):
        return same_bits(x, y)
    return bool(x is y or (not isinstance(x, Tensor | np.ndarray) and x == y))


def _name(step: Step) -> str:
    function: Callable[..., Any] = step.function
    name = str(getattr(function, "__qualname__", None) or getattr(function, "__name__", None) or _own_name(function))
    name = _SPOKEN.get(name, name)
    kinds = {"draw": f"a draw ({name})", "publish": "a gradient that is left", "fetch": "a tensor that is read"}
    return kinds.get(step.kind, name)


_SPOKEN = {"copied": "a copy", "chosen": "where", "filled": "full"}
"""What the functions that stand for calls of NumPy are called by users."""


def _own_name(function: Any) -> str:
    return str(getattr(function, "name", type(function).__name__))
