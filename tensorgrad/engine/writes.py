"""Which memory has been written in place, when and by what: so that a gradient is right or refused.

A write is noted with the serial clock that also numbers the recorded operations. A sweep that comes to a node older
than the last write looks whether that write hit one of the values the node saved. In ordinary training every write (the
optimiser's) is older than the graph of the next step, so the sweep makes one comparison per node and no look-up.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.callsite import Place, here, told
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import byte_bounds, owner_of
from tensorgrad.base.watched import memory_of
from tensorgrad.errors import InPlaceError

from .batched import UnbatchableError, is_batched, running_levels
from .references import all_alone
from .tensor import Node, Tensor, tick
from .tracedarrays import Traced
from .views import alone


class Write(NamedTuple):
    """The last write to some bytes."""

    serial: int
    op: str
    place: Place | None


_base_of = attrgetter("base")

Bounds = tuple[int, int]
"""The first byte and the one after the last."""


class _Log:
    """The last write to each part of some memory: a row may be written while another one is needed."""

    __slots__ = ("owner", "parts")

    def __init__(self, owner: weakref.ref[Array]) -> None:
        self.owner = owner
        self.parts: dict[Bounds, Write] = {}


_MOST_PARTS = 1024  # beyond, all parts count as one

_written: dict[int, _Log] = {}  # by the id of the array that owns the memory
last_write = [0]


def before_write(x: Tensor, op: str, *values: Any) -> None:
    """Keep the value of `x`, which `op` writes while a function runs for all examples at once: that may be given up.

    Raises:
        UnbatchableError: `x`, or one of `values`, arrays or tensors, differs between examples.
    """
    for level in running_levels()[-1:]:
        array: Any = x.array
        if any(map(is_batched, (array, *[v.array if isinstance(v, Tensor) else v for v in values]))):
            raise UnbatchableError(f"{op}, a write in place to or of what differs between the examples,")
        level.written.append((array, array.copy()))


def note(x: Tensor, op: str = "an in-place operation", part: Array | None = None) -> None:
    """Note that `op` has just written the memory of `x`, or only that of `part`.

    Nothing need be noted where nobody else holds the array: a saved value, a view and an alias all count as a reference
    to it. That is the common case, an optimiser's step after backward has freed the graph, or running statistics. An
    array that refers to no other array is the one whose writes are noted, whatever its memory belongs to.
    """
    if alone(x) and not isinstance(x.array.base, np.ndarray):
        return
    owner = owner_of(x.array)
    key = id(owner)
    log = _written.get(key)
    if log is None:
        log = _written[key] = _Log(weakref.ref(owner, lambda _: _written.pop(key, None)))
    array: Any = x.array if part is None else part
    bounds = byte_bounds(array.value if type(array) is Traced else memory_of(array))
    if len(log.parts) >= _MOST_PARTS:
        log.parts.clear()
        bounds = byte_bounds(owner)
    last_write[0] = serial = tick()
    log.parts[bounds] = Write(serial, op, here())


def note_all(tensors: Sequence[Tensor]) -> None:
    """Note that the memory of each of some tensors has just been written."""
    arrays = [x.array for x in tensors]
    bases = {*map(type, map(_base_of, arrays))}
    if arrays and all_alone(arrays) and not any(issubclass(kind, np.ndarray) for kind in bases):
        return  # as `note` finds of each, at less cost
    del arrays
    for x in tensors:
        note(x)


def written_since(array: Any, serial: float) -> Write | None:
    """Return a write that has changed the memory of `array` after the moment `serial`, or None."""
    if last_write[0] <= serial or not isinstance(array, np.ndarray):
        return None
    log = _written.get(id(owner_of(array)))
    if log is None:
        return None
    low, high = byte_bounds(memory_of(array))
    hits = (w for (start, end), w in log.parts.items() if w.serial > serial and start < high and low < end)
    return next(hits, None)


def check_unwritten(node: Node, values: Iterable[Any] | None = None) -> None:
    """Raise InPlaceError if one of the `values` that `node` saved (None: those that its rules read) has been written.

    The message names both operations.
    """
    for value in (node.saved or ()) if values is None else values:
        if type(value) is np.ndarray and value.base is None and id(value) not in _written:  # as most are
            continue
        write = written_since(value, node.serial)
        if write is not None:
            raise InPlaceError(spoiled(node, value, write.op, write.place))


def spoiled(node: Node, value: Array, by: str, place: Place | None) -> str:
    """Return what is wrong with the saved `value` of `node`, which `by` has written."""
    assert node.primitive is not None
    return (
        f"one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"{node.primitive.name}{_at(node.place)} saved a value of shape {list(value.shape)}, and {by}{_at(place)} "
        f"wrote to it before backward; write the result to a new tensor, or change it after backward()"
    )


def _at(place: Place | None) -> str:
    return f" at {told(place)}" if place is not None else ""
