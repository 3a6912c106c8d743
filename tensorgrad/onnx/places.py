"""What moves elements, in ONNX: shapes, indices, joins and windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad.base.numerics import normalized
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph import GraphNode

from .writer import Equivalent, Value, Writer, refused


def reshaped(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write the elements in another shape, in their order."""
    return w.reshape(xs[0], node.shape)


def stretched(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write the elements repeated along axes of length 1."""
    return w.op("Expand", xs[0].name, w.lengths(node.shape), shape=node.shape, dtype=node.dtype)


def _summed_to(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    (x,) = xs
    lead = len(x.shape) - len(node.shape)
    axes = [i for i, n in enumerate(x.shape) if i < lead or (node.shape[i - lead] == 1 and n != 1)]
    if not axes:
        return w.reshape(x, node.shape)
    kept = [1 if i in axes else n for i, n in enumerate(x.shape)]
    return w.reshape(w.op("ReduceSum", x.name, w.lengths(axes), shape=kept, dtype=x.dtype), node.shape)


def _transposed(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    return w.permuted(xs[0], normalized(tuple(node.params["axes"]), len(xs[0].shape)))


def _joined(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    names = [w.cast(x, node.dtype).name for x in xs]
    (axis,) = normalized(node.params["axis"], len(node.shape))
    return w.op("Concat", *names, shape=node.shape, dtype=node.dtype, axis=axis)


def _converted(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    return w.cast(xs[0], node.dtype)


def taken(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write ``x[index]``: a slice, a gather along one axis, of several at once, or of places that are known."""
    (x, *_), index = xs, node.params["index"]
    parts = list(index) if type(index) is tuple else [index]
    if _is_computed(parts):
        return _by_values(w, node, x, parts)
    if all(isinstance(part, int | slice | None | type(Ellipsis)) for part in parts):
        return sliced(w, node, x, parts)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray | list)]
    if len(arrays) == 1 and _is_whole(parts, arrays[0]) and np.asarray(parts[arrays[0]]).dtype.kind in "iu":
        return w.taken(x, parts[arrays[0]], arrays[0])
    return w.taken(w.flat(x), places_of(x.shape)[index], 0)


def places_of(shape: Sequence[int]) -> Any:
    """Return the place of each element of a shape in their one row."""
    return np.arange(math.prod(shape)).reshape(shape)


def _is_whole(parts: Sequence[Any], but: int) -> bool:
    """Return whether all parts of an index but one take their axis as it is."""
    return all(type(part) is slice and part == slice(None) for i, part in enumerate(parts) if i != but)


def sliced(w: Writer, node: GraphNode, x: Value, parts: list[Any]) -> Value:
    """Write an index of slices, numbers, None and an ellipsis."""
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        named = sum(part is not None for part in parts) - 1
        parts[at : at + 1] = [slice(None)] * (len(x.shape) - named)
    cuts = [slice(p, p + 1 if p != -1 else None) if isinstance(p, int) else p for p in parts if p is not None]
    bounds = [(axis, *cut.indices(x.shape[axis])) for axis, cut in enumerate(cuts) if cut != slice(None)]
    if not bounds:
        return w.reshape(x, node.shape)
    axes, starts, stops, steps = zip(*bounds, strict=True)
    ends = [np.iinfo(np.int64).min if stop < 0 else stop for stop in stops]  # before the first, for a step back
    shape = list(x.shape)
    for axis, start, stop, step in bounds:
        shape[axis] = len(range(start, stop, step))
    given = [w.lengths(part) for part in (starts, ends, axes, steps)]
    return w.reshape(w.op("Slice", x.name, *given, shape=shape, dtype=x.dtype), node.shape)


def _by_values(w: Writer, node: GraphNode, x: Value, parts: list[Any]) -> Value:
    """Write an index of which some parts are computed: along one axis, or of the first axes together."""
    if any(np.asarray(part).dtype.kind == "b" for part in parts if isinstance(part, np.ndarray)):
        raise refused(node, "by a computed mask has a shape that is not known beforehand: use where")
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    if len(arrays) == 1 and _is_whole(parts, arrays[0]):
        return w.taken(x, _value(w, parts[arrays[0]]), arrays[0])
    if not all(isinstance(part, np.ndarray | int | np.integer) for part in parts):
        raise refused(node, "by computed places beside slices is not written: index one axis at a time")
    shape = np.broadcast_shapes(*map(np.shape, parts))
    columns = []
    for part in parts:
        found = w.cast(_value(w, part), np.int64)
        full = w.op("Expand", found.name, w.lengths(shape), shape=shape, dtype=np.int64)
        columns.append(w.reshape(full, (*shape, 1)).name)
    where = w.op("Concat", *columns, shape=(*shape, len(parts)), dtype=np.int64, axis=len(shape))
    return w.op("GatherND", x.name, where.name, shape=(*shape, *x.shape[len(parts) :]), dtype=x.dtype)


def _is_computed(parts: Sequence[Any]) -> bool:
    return any(isinstance(part, np.ndarray) and getattr(part, "index", None) is not None for part in parts)


def at_places(w: Writer, node: GraphNode, shape: Sequence[int], index: Any) -> Value:
    """Write which places of a shape, in one row, an index names; they may be computed."""
    parts, table = list(index) if type(index) is tuple else [index], places_of(shape)
    return _by_values(w, node, w.constant(table), parts) if _is_computed(parts) else w.constant(table[index])


def _value(w: Writer, part: Any) -> Value:
    source = getattr(part, "index", None) if isinstance(part, np.ndarray) else None
    return w.constant(np.asarray(part, np.int64)) if source is None else w.values[source]


def _put(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write zeros to which something is added at an index: a pad, where it is a block of them."""
    (x, *_), index, shape = xs, node.params["index"], tuple(node.params["shape"])
    if _is_computed(index if type(index) is tuple else [index]):
        return added(w, x, at_places(w, node, shape, index), shape)
    places = places_of(shape)[index]
    if places.size and places.shape == x.shape and len(x.shape) == len(shape):
        low = np.unravel_index(int(places.flat[0]), shape)
        block = tuple(slice(int(a), int(a) + n) for a, n in zip(low, x.shape, strict=True))
        if np.array_equal(places_of(shape)[block], places):
            behind = [full - int(a) - n for full, a, n in zip(shape, low, x.shape, strict=True)]
            return w.op("Pad", x.name, w.lengths([*map(int, low), *behind]), shape=shape, dtype=x.dtype)
    return added(w, x, w.constant(places), shape)


def added(w: Writer, x: Value, places: Value, shape: Sequence[int]) -> Value:
    """Write zeros of a shape to which the elements of `x` are added at `places`, each as often as it is named."""
    zeros = w.constant(np.zeros(math.prod(shape), x.dtype))
    where = w.reshape(places, (math.prod(places.shape), 1))
    full = w.op("ScatterND", zeros.name, where.name, w.flat(x).name, shape=zeros.shape, dtype=x.dtype, reduction="add")
    return w.reshape(full, shape)


def _assigned(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    target, source = (w.cast(x, node.dtype) for x in xs[:2])
    places = at_places(w, node, target.shape, node.params["index"])
    full = w.op("Expand", source.name, w.lengths(places.shape), shape=places.shape, dtype=source.dtype)
    flat, where = w.flat(target), w.reshape(places, (math.prod(places.shape), 1))
    y = w.op("ScatterND", flat.name, where.name, w.flat(full).name, shape=flat.shape, dtype=flat.dtype)
    return w.reshape(y, node.shape)


def _windows(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write windows: a gather along each axis, and their axes sorted."""
    x = xs[0]
    size, stride, dilation = (node.params[name] for name in ("size", "stride", "dilation"))
    count = len(size)
    lead = len(x.shape) - count
    for i in range(count - 1, -1, -1):
        axis = lead + i
        span = dilation[i] * (size[i] - 1) + 1
        starts = np.arange(0, x.shape[axis] - span + 1, stride[i])
        x = w.taken(x, np.arange(size[i])[:, None] * dilation[i] + starts, axis)
    return w.permuted(x, [*range(lead), *range(lead, len(x.shape), 2), *range(lead + 1, len(x.shape), 2)])


def _windowed(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    (x,) = xs
    starts = np.arange(0, x.shape[-1] - node.params["size"] + 1, node.params["step"])
    return w.taken(x, starts[:, None] + np.arange(node.params["size"]), len(x.shape) - 1)


def _folded(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    (x,) = xs
    count = len(node.params["shape"])
    size = x.shape[len(x.shape) - 2 * count : len(x.shape) - count]
    places = PRIMITIVES["unfold"].forward(
        places_of(node.shape), size=size, stride=node.params["stride"], dilation=node.params["dilation"]
    )
    return added(w, x, w.constant(places), node.shape)


def _diagonal(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    places = PRIMITIVES["diagonal"].forward(places_of(xs[0].shape), offset=node.params["offset"])
    return w.taken(w.flat(xs[0]), places, 0)


def _embedded(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    places = PRIMITIVES["diagonal"].forward(places_of(node.shape), offset=node.params["offset"])
    return added(w, xs[0], w.constant(places), node.shape)


PLACED: dict[str, Equivalent] = {
    "reshape": reshaped, "expand_dims": reshaped, "broadcast_to": stretched, "sum_to": _summed_to,
    "transpose": _transposed, "concatenate": _joined, "asarray": _converted,
    "astype": _converted, "getitem": taken, "scatter": _put,
    "assign": _assigned, "unfold": _windows, "windowed": _windowed, "fold": _folded, "diagonal": _diagonal,
    "embedded": _embedded,
}  # fmt: skip
"""How what moves elements is written."""
