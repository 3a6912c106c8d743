"""What is found by an index in C: elements that are taken, set, or added to where whole numbers say."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array

from .contents import Ref, Step, refs_in
from .cops import Lookup, Map, Op
from .cspelling import fold
from .cvalues import Access, Operand, Unspoken, check_converts, short, thin

if TYPE_CHECKING:
    from .clowering import Lowering


class Spot(NamedTuple):
    """Where an index leads: the shape of what is found, and how the table and the indices are reached over it."""

    shape: tuple[int, ...]
    table: Access
    indices: tuple[Operand, ...]
    lengths: tuple[int, ...]
    steps: tuple[int, ...]


def getitem(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``x[index]``, a copy."""
    source, index = step.args
    if not isinstance(source, Ref) or step.out is None or step.kwargs:
        raise Unspoken
    return _got(lowering, step, _placed(lowering, source.number, index))


def take(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.take(x, index, axis)``."""
    source, index, axis = _along(step)
    if not isinstance(source, Ref) or set(step.kwargs) - {"axis", "out"}:
        raise Unspoken
    if axis is None:
        raise Unspoken
    lead = axis % len(lowering.program.values[source.number].shape)
    return _got(lowering, step, _placed(lowering, source.number, (*[slice(None)] * lead, index)))


def take_along_axis(lowering: Lowering, step: Step) -> list[Op]:
    """Return ``np.take_along_axis(x, index, axis)``."""
    source, index, axis = _along(step)
    if axis is None or not isinstance(source, Ref) or not isinstance(index, Ref) or set(step.kwargs) - {"axis"}:
        raise Unspoken
    return _got(lowering, step, _placed_along(lowering, source.number, index, axis))


def put_along_axis(lowering: Lowering, step: Step) -> list[Op]:
    """Return what ``np.put_along_axis(x, index, value, axis)`` does."""
    target, index, value, *rest = step.args
    axis = rest[0] if rest else step.kwargs.get("axis")
    if axis is None or not isinstance(target, Ref) or not isinstance(index, Ref):
        raise Unspoken
    return _put(lowering, "sets", target.number, value, _placed_along(lowering, target.number, index, axis))


def add_at(lowering: Lowering, step: Step) -> list[Op]:
    """Return what ``np.add.at(x, index, value)`` does."""
    target, index, value = step.args
    if not isinstance(target, Ref) or not any(isinstance(part, Ref) for part in _parts(index)):
        raise Unspoken
    fold("add", short(lowering.program.values[target.number].dtype))  # of truth values there is none
    return _put(lowering, "adds", target.number, value, _placed(lowering, target.number, index))


def setitem(lowering: Lowering, step: Step) -> list[Op]:
    """Return what ``x[index] = value`` does."""
    target, index, value = step.args
    if not isinstance(target, Ref):
        raise Unspoken
    if any(True for _ in refs_in(index)):
        if isinstance(index, Ref) and lowering.memory.array(index.number).dtype == np.bool_:
            return _where(lowering, target.number, index, value)
        return _put(lowering, "sets", target.number, value, _placed(lowering, target.number, index))
    whole = lowering.memory.array(target.number)
    part = whole[index]
    if isinstance(part, np.generic):
        part = whole[(*_parts(index), ...)]
    if not np.shares_memory(part, whole):
        raise Unspoken
    dtype, operand = short(part.dtype), lowering.operand(value, part.shape)
    access, domain = lowering.memory.access(target.number, part.shape, part), thin(part.shape)
    check_converts(operand, dtype)
    if isinstance(operand, Access) and operand != access and lowering.overlap(operand, access, domain, domain):
        raise Unspoken
    return [Map(domain, access, "{0}", (operand,), (operand.dtype,), operand.dtype)]


def _where(lowering: Lowering, number: int, mask: Ref, value: Any) -> list[Op]:
    """Return what sets the elements of a value where `mask` is true, all to one number."""
    shape, dtype = lowering.program.values[number].shape, short(lowering.program.values[number].dtype)
    one = not isinstance(value, Ref) or lowering.program.values[value.number].shape in ((), (1,))
    if lowering.program.values[mask.number].shape != shape or not one:
        raise Unspoken
    check_converts(lowering.operand(value, shape), dtype)
    return lowering.mapped(number, "{0} ? {1} : {2}", (mask, value, Ref(number)), ("b1", dtype, dtype, dtype))


def _along(step: Step) -> tuple[Any, Any, int | None]:
    source, index, *rest = step.args
    axis = rest[0] if rest else step.kwargs.get("axis")
    if len(rest) > 1:
        raise Unspoken
    return source, index, axis


def _got(lowering: Lowering, step: Step, place: Spot) -> list[Op]:
    """Return what takes the elements of a place."""
    out = lowering.target(step)
    if place.shape != lowering.program.values[out].shape:
        raise Unspoken
    return _looked_up(lowering, "gets", lowering.memory.access(out, place.shape), place)


def _put(lowering: Lowering, way: str, number: int, value: Any, place: Spot) -> list[Op]:
    """Return what sets the elements of a place, or adds to them."""
    operand = lowering.operand(value, place.shape)
    check_converts(operand, short(lowering.program.values[number].dtype))
    return _looked_up(lowering, way, operand, place)


def _looked_up(lowering: Lowering, way: str, value: Operand, place: Spot) -> list[Op]:
    op = Lookup(thin(place.shape), way, value, place.table, place.indices, place.lengths, place.steps)
    reads = [touch for touch in op.reads() if touch not in list(op.writes())]
    if any(lowering.overlap(r, w, d, e) for r, d in reads for w, e in op.writes()):
        raise Unspoken
    return [op]


def _parts(index: Any) -> tuple[Any, ...]:
    return index if type(index) is tuple else (index,)


def _placed(lowering: Lowering, number: int, index: Any) -> Spot:
    """Return where an index of slices, whole numbers and arrays of them leads, by NumPy's rules.

    Raises:
        Unspoken: there is a mask in it, or it leads nowhere.
    """
    table = lowering.memory.array(number)
    parts = _filled(_parts(index), table.ndim)
    known = {i: _array(lowering, p) for i, p in enumerate(parts) if isinstance(p, Ref | int)}
    if not known or any(isinstance(p, bool) for p in parts) or 0 in table.shape:
        raise Unspoken
    between = range(min(known), max(known) + 1)
    first = min(known) if all(i in known for i in between) else 0
    found = np.broadcast_shapes(*(a.shape for a in known.values()))
    whole = table[tuple(0 if i in known else p for i, p in enumerate(parts))]
    if not isinstance(whole, np.ndarray):
        whole = table[(*(0 if i in known else p for i, p in enumerate(parts)), ...)]
    shape = (*whole.shape[:first], *found, *whole.shape[first:])
    wide = np.broadcast_to(whole[(*[slice(None)] * first, *[None] * len(found), ...)], shape)
    if 0 in shape:
        raise Unspoken
    after = len(whole.shape) - first
    operands = [
        lowering.operand(parts[i], shape, np.broadcast_to(a, found)[(..., *[None] * after)]) for i, a in known.items()
    ]
    axes = [i - sum(p is None for p in parts[:i]) for i in known]
    return _spot(lowering, number, shape, wide, operands, axes)


def _placed_along(lowering: Lowering, number: int, index: Ref, axis: int) -> Spot:
    """Return where the indices along one axis lead."""
    table, found = lowering.memory.array(number), _array(lowering, index)
    axis %= table.ndim
    sizes = [n if m == 1 else m for i, (m, n) in enumerate(zip(found.shape, table.shape, strict=True))]
    shape = tuple(found.shape[axis] if i == axis else n for i, n in enumerate(sizes))
    if 0 in shape or 0 in table.shape:
        raise Unspoken
    first = table[(*[slice(None)] * axis, slice(0, 1))]
    wide = np.broadcast_to(first, shape)
    return _spot(lowering, number, shape, wide, [lowering.operand(index, shape)], [axis])


def _spot(
    lowering: Lowering, number: int, shape: tuple[int, ...], wide: Array, operands: Sequence[Operand],
    axes: Sequence[int],
) -> Spot:  # fmt: skip
    """Return the place of `wide`, the first elements of the indexed axes of a value, over a shape."""
    table = lowering.memory.array(number)
    if any(s % table.itemsize for s in table.strides):
        raise Unspoken
    steps = tuple(table.strides[axis] // table.itemsize for axis in axes)
    access = lowering.memory.access(number, shape, wide)
    return Spot(shape, access, tuple(operands), tuple(table.shape[axis] for axis in axes), steps)


def _array(lowering: Lowering, part: Any) -> Array:
    """Return whole numbers that are a part of an index, as an array."""
    found = lowering.memory.array(part.number) if isinstance(part, Ref) else np.asarray(part)
    if found.dtype.kind not in "iu":
        raise Unspoken
    return found


def _filled(parts: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Return the parts of an index with one for each axis of what is indexed."""
    if not all(p is None or p is ... or isinstance(p, Ref | int | slice) for p in parts):
        raise Unspoken
    if any(True for p in parts if isinstance(p, slice) for _ in refs_in(p)):
        raise Unspoken
    missing = ndim - sum(p is not None and p is not ... for p in parts)
    if ... not in parts:
        return (*parts, *[slice(None)] * missing)
    place = parts.index(...)
    return (*parts[:place], *[slice(None)] * missing, *parts[place + 1 :])


FORMS = {
    operator.getitem: getitem, operator.setitem: setitem, np.take: take, "take": take,
    np.take_along_axis: take_along_axis, np.put_along_axis: put_along_axis,
}  # fmt: skip
