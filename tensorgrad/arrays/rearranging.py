"""NumPy's functions that move elements and compute nothing: where each goes, NumPy says of an array of places.

So these have NumPy's meaning by construction, to every option, and the derivative of an index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor

from .mixed import FUNCTIONS, F, met, tensor, tensors, values

Moved = Callable[..., Any]


def arranged(function: Callable[..., Any], *names: str, name: str = "") -> Moved:
    """Return what moves the elements of its arguments `names`, arrays or lists of them, as `function` does.

    All other arguments are of values alone. Equal to the function itself, which is what computes the places.
    """
    order = _NAMES[name or function.__name__].split()

    def rule(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        data: list[Tensor] = []
        placed = {name: _places(x, data) if name in names else values(x) for name, x in given.items()}
        where = function(*[placed.pop(name) for name in order[: len(args)]], **placed)
        return _taken(F.cat([x.reshape(-1) for x in met(data)]), where)

    return rule


_NAMES = {
    "append": "arr values axis", "array_split": "ary indices_or_sections axis", "block": "arrays",
    "choose": "a choices out mode", "column_stack": "tup", "compress": "condition a axis out",
    "delete": "arr obj axis", "dsplit": "ary indices_or_sections", "dstack": "tup", "extract": "condition arr",
    "fftshift": "x axes", "fill_diagonal": "a val wrap", "fliplr": "m", "flipud": "m",
    "hsplit": "ary indices_or_sections", "hstack": "tup", "ifftshift": "x axes", "insert": "arr obj values axis",
    "place": "arr mask vals", "put": "a ind v mode", "put_along_axis": "arr indices values axis",
    "putmask": "a mask values", "repeat": "a repeats axis", "resize": "a new_shape", "roll": "a shift axis",
    "rot90": "m k axes", "split": "ary indices_or_sections axis", "take": "a indices axis out mode",
    "take_along_axis": "arr indices axis", "tile": "A reps", "vsplit": "ary indices_or_sections", "vstack": "tup",
}  # fmt: skip
"""The arguments of each, in order: those of some are not said by NumPy itself."""


def _places(x: Any, data: list[Tensor]) -> Any:
    """Return the places of the elements of `x`, after those of all in `data`, to which it is added."""
    if isinstance(x, list | tuple):
        return type(x)([_places(part, data) for part in x])
    found = tensor(x)
    start = sum(known.array.size for known in data)
    data.append(found)
    return np.arange(start, start + found.array.size).reshape(found.array.shape)


def _taken(flat: Tensor, where: Any) -> Any:
    if isinstance(where, list | tuple):
        return type(where)([_taken(flat, part) for part in where])
    return ops.getitem(flat, index=where)


def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    """``np.reshape``: a view where memory allows it."""
    x = tensor(a)
    if copy is not None or order not in ("C", "F"):
        return NotImplemented
    if order == "C":
        return x.reshape(shape)
    lengths = np.empty(x.array.shape, bool).reshape(shape).shape  # with what -1 stands for
    return transpose(transpose(x).reshape(lengths[::-1]))


def ravel(a: Any, order: str = "C") -> Any:
    """``np.ravel``."""
    return reshape(a, -1, order)


def transpose(a: Any, axes: Any = None) -> Any:
    """``np.transpose``: a view."""
    x = tensor(a)
    order = range(x.ndim)[::-1] if axes is None else normalized(tuple(axes), x.ndim)
    return ops.transpose(x, axes=tuple(order))


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """``np.swapaxes``: a view."""
    return tensor(a).transpose(axis1, axis2)


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """``np.moveaxis``: a view."""
    return tensor(a).movedim(source, destination)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """``np.rollaxis``: a view."""
    x = tensor(a)
    order = np.rollaxis(np.empty(range(1, x.ndim + 1), bool), axis, start).shape  # of lengths that tell them apart
    return transpose(x, [n - 1 for n in order])


def expand_dims(a: Any, axis: Any) -> Any:
    """``np.expand_dims``: a view."""
    x = tensor(a)
    return x.reshape(np.expand_dims(np.empty(x.array.shape, bool), axis).shape)


def squeeze(a: Any, axis: Any = None) -> Any:
    """``np.squeeze``: a view."""
    x = tensor(a)
    return x.reshape(np.squeeze(np.empty(x.array.shape, bool), axis).shape)


def atleast(ndim: int) -> Moved:
    """Return ``np.atleast_1d`` and its like."""

    def rule(*arys: Any) -> Any:
        given = [FUNCTIONS[f"atleast_{ndim}d"](tensor(x)) for x in arys]
        return given[0] if len(given) == 1 else tuple(given)

    return rule


def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """``np.broadcast_to``: a view."""
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    return tensor(array).broadcast_to(lengths)


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """``np.broadcast_arrays``: views."""
    shape = np.broadcast_shapes(*[np.shape(values(x)) for x in args])
    return tuple(broadcast_to(x, shape) for x in args)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: Any = "xy") -> tuple[Any, ...]:
    """``np.meshgrid``."""
    given: Any = [np.empty(values(x).size, bool) for x in xi]
    shapes = [grid.shape for grid in np.meshgrid(*given, sparse=True, indexing=indexing)]
    grids = [tensor(x).reshape(shape) for x, shape in zip(xi, shapes, strict=True)]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


def flip(m: Any, axis: Any = None) -> Any:
    """``np.flip``, a copy where NumPy gives a view."""
    x = tensor(m)
    return F.flip(x, tuple(range(x.ndim)) if axis is None else normalized(axis, x.ndim))


def concatenate(arrays: Any, /, axis: Any = 0, out: None = None, *, dtype: Any = None, casting: str = "") -> Any:
    """``np.concatenate``."""
    xs = met(tensors(arrays))
    if axis is None:
        xs, axis = [x.reshape(-1) for x in xs], 0
    return ops.concatenate(*xs, axis=normalized(axis, xs[0].ndim)[0]) if dtype is None else NotImplemented


def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "") -> Any:
    """``np.stack``."""
    return F.stack(met(tensors(arrays)), axis) if dtype is None else NotImplemented


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """``np.unstack``: views."""
    return tuple(tensor(x).unbind(axis))


def diag(v: Any, k: int = 0) -> Any:
    """``np.diag``: a matrix of a vector, the diagonal of a matrix."""
    return F.diag(tensor(v), k)


def diagflat(v: Any, k: int = 0) -> Any:
    """``np.diagflat``."""
    return F.diag(tensor(v).reshape(-1), k)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """``np.diagonal``: a view."""
    return F.diagonal(tensor(a), offset, axis1, axis2)


def triangle(name: str) -> Moved:
    """Return ``np.tril`` or ``np.triu``."""
    return lambda m, k=0: FUNCTIONS[name](tensor(m), k)


def pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0, **kwargs: Any) -> Any:
    """``np.pad`` with numbers, or with elements of the array itself."""
    x = tensor(array)
    if isinstance(pad_width, dict) or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        return NotImplemented
    if kwargs.get("reflect_type", "even") != "even":
        return NotImplemented
    if mode != "constant":
        places = np.pad(np.arange(x.array.size).reshape(x.array.shape), pad_width, mode)
        return _taken(x.reshape(-1), places)
    shape = np.pad(np.empty(x.array.shape, bool), pad_width).shape
    around = np.pad(np.zeros(x.array.shape, values(x).dtype), pad_width, constant_values=values(constant_values))
    if isinstance(constant_values, Tensor) and constant_values.tracked:
        return NotImplemented
    starts = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2))[:, 0]
    inside = tuple(slice(start, start + n) for start, n in zip(starts.tolist(), x.array.shape, strict=True))
    return ops.scatter(x, index=inside, shape=shape) + around


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """``np.trim_zeros`` of a vector."""
    x = tensor(filt)
    if x.ndim != 1 or axis is not None:
        return NotImplemented
    kept = np.flatnonzero(values(x))
    low = kept[0] if "f" in trim.lower() and kept.size else 0
    high = kept[-1] + 1 if "b" in trim.lower() and kept.size else x.array.size
    return x[int(low) : int(high)] if kept.size else x[:0]


def chosen(function: Callable[..., Any]) -> Moved:
    """Return ``np.union1d`` or its like of two arrays, or ``np.unique`` of one: which elements, NumPy finds."""

    def rule(*arrays: Any, **options: Any) -> Any:
        flat = F.cat([x.reshape(-1) for x in met(tensors(arrays))])
        found = function(*map(values, arrays), **options)
        several = isinstance(found, tuple)
        kept = found[0] if several else found
        order = np.argsort(values(flat), kind="stable")
        first = order[np.searchsorted(values(flat), kept, sorter=order)]
        taken = _taken(flat, first.reshape(kept.shape))
        return type(found)(*_joined(found, taken)) if several else taken

    return rule


def _joined(found: Any, taken: Any) -> Any:
    rest = [tensor(part) for part in found[1:]]
    return (taken, *rest) if hasattr(found, "_fields") else ((taken, *rest),)


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """``np.select``: of each element the first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        return NotImplemented
    found = default
    *conditions, _ = [*map(tensor, condlist), None]
    dtype = np.result_type(*[values(x) if type(x) in (int, float, complex) else values(tensor(x)).dtype
                             for x in (*choicelist, default)])  # fmt: skip
    for condition, choice in zip(conditions[::-1], list(choicelist)[::-1], strict=True):
        found = F.where(condition, choice, found)
    return tensor(found).to(dtype) if values(tensor(found)).dtype != dtype else found


def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """``np.piecewise``: where a condition holds, what its function says of those elements, or its number."""
    given = tensor(x)
    conditions = [np.asarray(values(c), bool) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.logical_or.reduce(conditions))
    if len(funclist) != len(conditions):
        return NotImplemented
    found = tensor(np.zeros(given.array.shape, values(given).dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        part = function(given[tensor(condition)], *args, **kw) if callable(function) else tensor(function)
        found = F.masked_scatter(found, tensor(condition), converted_to(part, found, condition))
    return found


def converted_to(part: Any, found: Tensor, condition: Any) -> Any:
    """Return what stands where a condition holds, of the dtype of all, as many as there are places."""
    return tensor(part).to(found.dtype).broadcast_to((int(np.count_nonzero(condition)),))


def clip(a: Any, a_min: Any = None, a_max: Any = None, out: None = None, *, min: Any = None, max: Any = None) -> Any:
    """``np.clip``: as the smaller of the greatest and the larger of the least, in that order."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = tensor(a)
    x = x if low is None else F.maximum(*met_as_numpy(x, low))
    return x.clone() if low is None and high is None else x if high is None else F.minimum(*met_as_numpy(x, high))


def met_as_numpy(x: Tensor, other: Any) -> tuple[Any, Any]:
    """Return two operands as tensors of the dtype in which they meet."""
    first, second = met([x, other])
    return first, second


def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """``np.sort``."""
    x = tensor(a)
    return F.sort(x.reshape(-1) if axis is None else x, 0 if axis is None else axis, stable=True).values


def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """``np.partition``."""
    x = tensor(a)
    x, along = (x.reshape(-1), 0) if axis is None else (x, axis)
    return F.take_along_dim(x, tensor(np.argpartition(values(x), kth, along)), along)


def sort_complex(a: Any) -> Any:
    """``np.sort_complex``: by the real parts, then by the imaginary ones."""
    x = tensor(a)
    return F.take_along_dim(complexes(x), tensor(np.argsort(values(x), -1)), -1)


def complexes(x: Tensor) -> Tensor:
    """Return `x` as complex numbers."""
    return x if values(x).dtype.kind == "c" else ops.astype(x, dtype=np.result_type(values(x).dtype, np.complex64))


FOLLOWED: dict[str, Moved] = {
    "append": arranged(np.append, "arr", "values"),
    "array_split": arranged(np.array_split, "ary"),
    "atleast_1d": atleast(1), "atleast_2d": atleast(2), "atleast_3d": atleast(3),
    "block": arranged(np.block, "arrays"),
    "broadcast_arrays": broadcast_arrays, "broadcast_to": broadcast_to,
    "choose": arranged(np.choose, "choices"),
    "clip": clip,
    "column_stack": arranged(np.column_stack, "tup"),
    "compress": arranged(np.compress, "a"),
    "concatenate": concatenate, "concat": concatenate,
    "copy": lambda a, order="K", subok=False: tensor(a).clone(),
    "delete": arranged(np.delete, "arr"),
    "diag": diag, "diagflat": diagflat, "diagonal": diagonal,
    "dsplit": arranged(np.dsplit, "ary"), "dstack": arranged(np.dstack, "tup"),
    "expand_dims": expand_dims,
    "extract": arranged(np.extract, "arr"),
    "flip": flip, "fliplr": arranged(np.fliplr, "m"), "flipud": arranged(np.flipud, "m"),
    "hsplit": arranged(np.hsplit, "ary"), "hstack": arranged(np.hstack, "tup"),
    "insert": arranged(np.insert, "arr", "values"),
    "intersect1d": chosen(np.intersect1d),
    "matrix_transpose": lambda x, /: tensor(x).mT,
    "meshgrid": meshgrid, "moveaxis": moveaxis,
    "pad": pad, "partition": partition, "permute_dims": transpose, "piecewise": piecewise,
    "ravel": ravel,
    "repeat": arranged(np.repeat, "a"),
    "reshape": reshape,
    "resize": arranged(np.resize, "a"),
    "roll": arranged(np.roll, "a"),
    "rollaxis": rollaxis,
    "rot90": arranged(np.rot90, "m"),
    "select": select, "setdiff1d": chosen(np.setdiff1d), "setxor1d": chosen(np.setxor1d),
    "sort": sort, "sort_complex": sort_complex,
    "split": arranged(np.split, "ary"),
    "squeeze": squeeze, "stack": stack, "swapaxes": swapaxes,
    "take": arranged(np.take, "a"), "take_along_axis": arranged(np.take_along_axis, "arr"),
    "tile": arranged(np.tile, "A"),
    "transpose": transpose, "tril": triangle("tril"), "trim_zeros": trim_zeros, "triu": triangle("triu"),
    "union1d": chosen(np.union1d), "unique": chosen(np.unique), "unique_values": chosen(np.unique),
    "unique_all": chosen(getattr(np, "unique_all", np.unique)),
    "unique_counts": chosen(getattr(np, "unique_counts", np.unique)),
    "unique_inverse": chosen(getattr(np, "unique_inverse", np.unique)),
    "unstack": unstack,
    "vsplit": arranged(np.vsplit, "ary"), "vstack": arranged(np.vstack, "tup"),
    "where": lambda condition, *xy: F.where(tensor(condition), *xy),
}  # fmt: skip
"""What each of NumPy's functions computes of tensors."""
