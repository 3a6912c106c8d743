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
    "append": "arr values axis", "block": "arrays",
    "choose": "a choices out mode", "column_stack": "tup", "compress": "condition a axis out",
    "delete": "arr obj axis", "dstack": "tup", "extract": "condition arr", "fftshift": "x axes",
    "fill_diagonal": "a val wrap", "hstack": "tup", "ifftshift": "x axes", "insert": "arr obj values axis",
    "place": "arr mask vals", "put": "a ind v mode", "put_along_axis": "arr indices values axis",
    "putmask": "a mask values", "repeat": "a repeats axis", "resize": "a new_shape", "roll": "a shift axis",
    "take": "a indices axis out mode", "take_along_axis": "arr indices axis", "tile": "A reps", "vstack": "tup",
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


def concatenate(arrays: Any, /, axis: Any = 0, out: None = None, *, dtype: Any = None, casting: str = "") -> Any:
    """``np.concatenate``."""
    xs = met(tensors(arrays))
    if axis is None:
        xs, axis = [x.reshape(-1) for x in xs], 0
    return ops.concatenate(*xs, axis=normalized(axis, xs[0].ndim)[0]) if dtype is None else NotImplemented


def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "") -> Any:
    """``np.stack``."""
    return F.stack(met(tensors(arrays)), axis) if dtype is None else NotImplemented


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

    def rule(m: Any, k: int = 0) -> Any:
        x = tensor(m)
        square = x.broadcast_to(x.array.shape * 2) if x.ndim == 1 else x  # a row stands for all
        return FUNCTIONS[name](square, k)

    return rule


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
        if options.get("axis") is not None:
            return NotImplemented
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
    listed = values(condlist)
    alone = not np.ndim(listed) or (not isinstance(listed[0], list | np.ndarray) and given.ndim > 0)
    conditions = [np.asarray(values(c), bool) for c in ([listed] if alone else listed)]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.logical_or.reduce(conditions))
    if len(funclist) != len(conditions) or any(c.shape != given.array.shape for c in conditions):
        return NotImplemented
    found = tensor(np.zeros(given.array.shape, values(given).dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        part = function(given[tensor(condition)], *args, **kw) if callable(function) else tensor(function)
        found = F.masked_scatter(found, tensor(condition), converted_to(part, found, condition))
    return found


def converted_to(part: Any, found: Tensor, condition: Any) -> Any:
    """Return what stands where a condition holds, of the dtype of all, as many as there are places."""
    return tensor(part).to(found.dtype).broadcast_to((int(np.count_nonzero(condition)),))


def where(condition: Any, /, *xy: Any) -> Any:
    """``np.where``: what is not 0 is true."""
    found = tensor(condition)
    holds = found if values(found).dtype.kind == "b" else found != 0
    return F.where(holds, *[tensor(x) if isinstance(x, list | tuple) else x for x in xy])


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
    "block": arranged(np.block, "arrays"),
    "choose": arranged(np.choose, "choices"),
    "clip": clip,
    "column_stack": arranged(np.column_stack, "tup"),
    "compress": arranged(np.compress, "a"),
    "concatenate": concatenate, "concat": concatenate,
    "copy": lambda a, order="K", subok=False: tensor(a).clone(),
    "delete": arranged(np.delete, "arr"),
    "diag": diag, "diagflat": diagflat, "diagonal": diagonal,
    "dstack": arranged(np.dstack, "tup"),
    "extract": arranged(np.extract, "arr"),
    "hstack": arranged(np.hstack, "tup"),
    "insert": arranged(np.insert, "arr", "values"),
    "intersect1d": chosen(np.intersect1d),
    "pad": pad, "partition": partition, "piecewise": piecewise,
    "repeat": arranged(np.repeat, "a"),
    "resize": arranged(np.resize, "a"),
    "roll": arranged(np.roll, "a"),
    "select": select, "setdiff1d": chosen(np.setdiff1d), "setxor1d": chosen(np.setxor1d),
    "sort": sort, "sort_complex": sort_complex,
    "stack": stack,
    "take": arranged(np.take, "a"), "take_along_axis": arranged(np.take_along_axis, "arr"),
    "tile": arranged(np.tile, "A"),
    "tril": triangle("tril"), "trim_zeros": trim_zeros, "triu": triangle("triu"),
    "union1d": chosen(np.union1d), "unique": chosen(np.unique), "unique_values": chosen(np.unique),
    "unique_all": chosen(getattr(np, "unique_all", np.unique)),
    "unique_counts": chosen(getattr(np, "unique_counts", np.unique)),
    "unique_inverse": chosen(getattr(np, "unique_inverse", np.unique)),
    "vstack": arranged(np.vstack, "tup"),
    "where": where,
}  # fmt: skip
"""What each of NumPy's functions computes of tensors."""
