"""NumPy's functions that give views, of tensors: views to the engine, too, and written as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized

from .mixed import FUNCTIONS, tensor, tensors, values

Moved = Callable[..., Any]


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
    xs = tensors(xi)
    given: Any = [np.empty(x.array.size, bool) for x in xs]
    shapes = [grid.shape for grid in np.meshgrid(*given, sparse=True, indexing=indexing)]
    grids = [x.reshape(shape) for x, shape in zip(xs, shapes, strict=True)]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


def ix_(*args: Any) -> Any:
    """``np.ix_`` of numbers, each along an axis of its own: views."""
    xs = tensors(args)
    if any(x.array.dtype.kind == "b" for x in xs):
        return NotImplemented
    return tuple(x.reshape([-1 if i == axis else 1 for i in range(len(xs))]) for axis, x in enumerate(xs))


def flip(m: Any, axis: Any = None) -> Any:
    """``np.flip``: a view."""
    x = tensor(m)
    axes = range(x.ndim) if axis is None else normalized(axis, x.ndim)
    return ops.getitem(x, index=tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim)))


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """``np.rot90``: a view."""
    x = tensor(m)
    first, second = normalized(tuple(axes), x.ndim)
    if not k % 2:
        return flip(x, (first, second) if k % 4 else ())
    return swapaxes(flip(x, second if k % 4 == 1 else first), first, second)


def split(axis_of: Callable[[int], int] | None = None) -> Moved:
    """Return ``np.split`` or its like: views; `axis_of` tells the axis by the number of axes."""

    def rule(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
        x = tensor(ary)
        along = normalized(axis if axis_of is None else axis_of(x.ndim), x.ndim)[0]
        parts = np.array_split(np.arange(x.array.shape[along]), values(indices_or_sections))
        return [
            x[(slice(None),) * along + (slice(int(p[0]), int(p[-1]) + 1) if p.size else slice(0, 0),)] for p in parts
        ]

    return rule


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """``np.unstack``: views."""
    return tuple(tensor(x).unbind(axis))


FOLLOWED: dict[str, Moved] = {
    "array_split": split(),
    "atleast_1d": atleast(1),
    "atleast_2d": atleast(2),
    "atleast_3d": atleast(3),
    "broadcast_arrays": broadcast_arrays,
    "broadcast_to": broadcast_to,
    "dsplit": split(lambda ndim: 2),
    "expand_dims": expand_dims,
    "flip": flip,
    "fliplr": lambda m: flip(m, 1),
    "flipud": lambda m: flip(m, 0),
    "hsplit": split(lambda ndim: min(ndim - 1, 1)),
    "ix_": ix_,
    "matrix_transpose": lambda x, /: tensor(x).mT,
    "meshgrid": meshgrid,
    "moveaxis": moveaxis,
    "permute_dims": transpose,
    "ravel": ravel,
    "reshape": reshape,
    "rollaxis": rollaxis,
    "rot90": rot90,
    "split": split(),
    "squeeze": squeeze,
    "swapaxes": swapaxes,
    "transpose": transpose,
    "unstack": unstack,
    "vsplit": split(lambda ndim: 0),
}
"""What each of NumPy's functions computes of tensors."""
