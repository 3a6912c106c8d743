"""The enclosures of calls of NumPy's that a trace has recorded: what the library, or the user, computes of arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.numpycalls import REST, by_forward, called
from tensorgrad.engine.primitive import Primitive

from . import choices, selecting
from .interval import Interval, between, each_end
from .table import converted, enclosure

_MOVES = frozenset({
    "asarray", "ascontiguousarray", "atleast_1d", "atleast_2d", "broadcast_to", "copy", "diag", "diagonal",
    "expand_dims", "flatten", "flip", "getitem", "moveaxis", "ravel", "repeat", "reshape", "roll", "squeeze",
    "swapaxes", "take", "tile", "transpose", "tril", "triu", "max", "min", "amax", "amin",
    "maximum.accumulate", "minimum.accumulate",
})  # fmt: skip
"""Functions and methods that put elements elsewhere, or take the largest: of both ends, one after the other."""


_OF_TRUTH = ("any", "all")

NOT_ENCLOSED = {
    "commonest_along": "which number is the commonest turns on which are equal, to the last digit",
    "unique": "how many numbers there are turns on which are equal, to the last digit",
    "histogram": "how many numbers lie between two others has no enclosure here",
}
"""What has none, and why."""


def of_numpy(record: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval | None:
    """Return the interval of what `record`, a call of NumPy's, gives; None where nothing is known of it."""
    table = by_forward().get(record.forward)
    if table is not None and REST not in params and (made := enclosure(table)) is not None:
        return made(*own, **params)
    if record.forward in _FINITE:
        return _FINITE[record.forward](own[0])
    if record.forward is np.where and len(own) == 3:
        return choices.where(*own)
    if record.name == "astype":
        return converted(own[0], dtype=params.get("dtype", *params.get(REST, ())))
    return _of_places(record, own, params)


def _of_places(record: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval | None:
    if record.name in _ORDERED and len(own) == 1:
        return _ORDERED[record.name](record, own[0], params)
    if record.name in _CHOOSING:
        return _CHOOSING[record.name](record, own, params)
    if record.name in (*_MOVES, *_OF_TRUTH) and all(n.is_point and not n.shape for n in own[1:]):
        x, numbers = own[0] if record.name in _MOVES else choices.truth(own[0]), [n.low.item() for n in own[1:]]
        return each_end(lambda v: called(record, [v, *numbers], dict(params)), x)
    return None


def _place(sign: int) -> Callable[[Primitive, Interval, Mapping[str, Any]], Interval | None]:
    return lambda record, x, params: None if REST in params else choices.place_of(sign, record.forward)(x, **params)


_ORDERED = {
    "argsort": selecting.sorting,
    "argmax": _place(1),
    "argmin": _place(-1),
    "highest": selecting.highest,
}
"""What depends on which number is larger, and on nothing else."""


def _taken(record: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval | None:
    x, at, *numbers = own
    rest = [n.low.item() for n in numbers]
    return each_end(lambda v: called(record, [v, at.low, *rest], dict(params)), x) if at.is_point else None


_CHOOSING: dict[str, Callable[[Primitive, Sequence[Interval], Mapping[str, Any]], Interval | None]] = {
    "commonest_along": selecting.commonest, "heaviside": lambda record, own, params: selecting.heaviside(*own),
    "searched": selecting.searched, "take_along_axis": _taken,
}  # fmt: skip
"""What depends on that of several arguments."""


def _sure(x: Interval, answer: bool) -> Interval:
    """Return `answer` where `x` is bounded, and so a real number; elsewhere it may not be one."""
    low, high = (x.finite, np.full(x.shape, True)) if answer else (np.full(x.shape, False), ~x.finite)
    return between(low, low if np.array_equal(low, high) else high)


def _not_known(x: Interval) -> Interval:
    return _sure(x, answer=False)


_FINITE: dict[Callable[..., Array], Callable[[Interval], Interval]] = {
    np.isfinite: lambda x: _sure(x, answer=True), np.isnan: _not_known, np.isinf: _not_known,
    np.isposinf: _not_known, np.isneginf: _not_known,
}  # fmt: skip
