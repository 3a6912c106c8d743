"""What the library, and a user's script, computes on raw arrays: NumPy's functions and methods in ONNX."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.numerics import normalized
from tensorgrad.engine.numpycalls import REST
from tensorgrad.graph import GraphNode

from .places import at_places, reshaped, sliced, stretched, taken
from .writer import Equivalent, Value, Writer, refused


def settings(node: GraphNode, *names: str) -> dict[str, Any]:
    """Return what a call was given beside its array, by name: `names` are those of its places.

    Raises:
        ExportError: it was given something else that is not its default.
    """
    own = [operand for operand in node.operands if not operand.parameter]
    placed = [*(operand.constant for operand in own[1:]), *node.params.get(REST, ())]
    named = {name: value for name, value in node.params.items() if name != REST}
    found = dict(zip(names, placed, strict=False)) | named
    other = {name for name, value in found.items() if name not in names and value is not None and value is not False}
    if other or len(placed) > len(names):
        raise refused(node, f"is not written with {', '.join(sorted(other)) or 'so many settings'}")
    return found


def called(equivalent: Equivalent, *names: str) -> Equivalent:
    """Return how a call is written as an operation of the table with the parameters `names`."""

    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        return equivalent(w, dataclasses.replace(node, params=settings(node, *names)), xs[:1])

    return written


def _extreme(equivalent: Equivalent, kind: str) -> Equivalent:
    """Write amax and amin, which may be given a number that takes part."""

    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        given = settings(node, "axis", "out", "keepdims", "initial")
        found = equivalent(w, dataclasses.replace(node, params=given), xs[:1])
        initial = given.get("initial")
        return found if initial is None else w.like(kind, found, w.constant(initial, found.dtype))

    return written


def _truths(kind: str) -> Equivalent:
    """Write any and all: the greatest and the least of 0 and 1."""

    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        given = settings(node, "axis", "out", "keepdims")
        x = w.cast(w.cast(xs[0], bool), np.uint8)
        found = _over(w, kind, x, node.shape, given.get("axis"), bool(given.get("keepdims")))
        return w.cast(found, bool)

    return written


def _over(w: Writer, kind: str, x: Value, shape: Sequence[int], axis: Any, keepdims: bool) -> Value:
    axes = range(len(x.shape)) if axis is None else normalized(axis, len(x.shape))
    if not len(axes):
        return x
    return w.op(kind, x.name, w.lengths(tuple(axes)), shape=shape, dtype=x.dtype, keepdims=int(keepdims))


def _counted(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    given = settings(node, "axis", "keepdims")
    x = w.cast(w.cast(xs[0], bool), np.int64)
    return _over(w, "ReduceSum", x, node.shape, given.get("axis"), bool(given.get("keepdims")))


def _swapped(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    given, axes = settings(node, "axis1", "axis2"), [*range(len(node.shape))]
    a, b = normalized((given["axis1"], given["axis2"]), len(axes))
    axes[a], axes[b] = b, a
    return w.permuted(xs[0], axes)


def _turned(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    axis = settings(node, "axis").get("axis")
    axes = range(len(node.shape)) if axis is None else normalized(axis, len(node.shape))
    cuts = [slice(None, None, -1) if i in axes else slice(None) for i in range(len(node.shape))]
    return sliced(w, node, xs[0], cuts)


def _sorted(of: str) -> Equivalent:
    """Write argsort and sort; of equal elements ONNX puts the first first, as a stable sort does."""

    def written(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
        given = {"axis": -1, **settings(node, "axis", "kind", "order", "stable")}
        x = w.flat(xs[0]) if given["axis"] is None else xs[0]
        (axis,) = normalized(-1 if given["axis"] is None else given["axis"], len(x.shape))
        ordered = w.cast(x, np.uint8) if x.dtype == bool else x
        values, places = w.greatest(ordered, x.shape[axis], axis, largest=0)
        return places if of == "places" else w.cast(values, x.dtype)

    return written


def _reshaped(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    order = node.params.get("order") or (settings(node, "order").get("order") if node.op == "ravel" else None)
    if order not in (None, "C"):
        raise refused(node, "is not written in another order than that of the elements")
    return reshaped(w, node, xs)


def _product(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    a, b = (w.cast(x, node.dtype) for x in xs)
    return w.op("MatMul", a.name, b.name, shape=node.shape, dtype=node.dtype)


def _highest(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write where the windows of a pool have their first greatest element, in the flattened axes that it goes over."""
    (x,), (axes,) = xs, node.params[REST]
    lengths = x.shape[2:]
    inside = []
    for places, length in zip(axes, lengths, strict=True):
        valid = (places >= 0) & (places < length)
        first = np.take_along_axis(places, valid.argmax(1)[:, None], 1)
        inside.append(np.where(valid, places, first))  # a repeated place changes no maximum
    grid = np.meshgrid(*[each.reshape(-1) for each in inside], indexing="ij")
    flat = np.ravel_multi_index(grid, lengths).reshape([n for each in inside for n in each.shape])
    count = len(lengths)
    windows = flat.transpose([*range(0, 2 * count, 2), *range(1, 2 * count, 2)]).reshape(*node.shape[2:], -1)
    values = w.taken(w.reshape(x, (*x.shape[:2], math.prod(lengths))), windows, 2)
    best = w.op("ArgMax", values.name, shape=(*node.shape, 1), dtype=np.int64, axis=len(node.shape), keepdims=1)
    table = w.op("Expand", w.constant(windows).name, w.lengths(values.shape), shape=values.shape, dtype=np.int64)
    found = w.op("GatherElements", table.name, best.name, shape=best.shape, dtype=np.int64, axis=len(node.shape))
    return w.reshape(found, node.shape)


def _winners(w: Writer, node: GraphNode, xs: list[Value]) -> Value:
    """Write which element of a source each place gets; -1: none. Of several the last one stays."""
    index, shape = node.params[REST]
    places = at_places(w, node, shape, index)
    count = math.prod(places.shape)
    nothing, numbers = w.constant(np.full(math.prod(shape), -1)), w.constant(np.arange(count))
    where = w.reshape(places, (count, 1))
    found = w.op("ScatterND", nothing.name, where.name, numbers.name, shape=nothing.shape, dtype=np.int64,
                 reduction="max")  # fmt: skip
    return w.reshape(found, node.shape)


def on_arrays(reduced: dict[str, Equivalent], position: Callable[[str], Equivalent]) -> dict[str, Equivalent]:
    """Return how NumPy's calls are written; `reduced` are the reductions of the table."""
    return {
        "any": _truths("ReduceMax"), "all": _truths("ReduceMin"), "count_nonzero": _counted, "swapaxes": _swapped,
        "flip": _turned, "argsort": _sorted("places"), "sort": _sorted("values"), "ravel": _reshaped,
        "matmul": _product, "highest": _highest, "winners": _winners, "getitem": taken, "broadcast_to": stretched,
        "reshape": _reshaped, "expand_dims": reshaped, "squeeze": reshaped,
        "atleast_1d": reshaped, "atleast_2d": reshaped,
        "sum": called(reduced["sum"], "axis", "dtype", "out", "keepdims"),
        "mean": called(reduced["mean"], "axis", "dtype", "out", "keepdims"),
        "amax": _extreme(reduced["amax"], "Max"),
        "amin": _extreme(reduced["amin"], "Min"),
        "argmax": called(position("ArgMax"), "axis", "out", "keepdims"),
        "argmin": called(position("ArgMin"), "axis", "out", "keepdims"),
    }  # fmt: skip
