"""NumPy's differences, lines and grids, of tensors: slopes, areas, and what stands between two points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import ops
from tensorgrad.base.numerics import normalized
from tensorgrad.engine.tensor import Tensor

from .mixed import F, between, floating, met, tensor, values
from .rearranging import concatenate
from .reducing import NOT_GIVEN, axes_of, is_set

Rule = Callable[..., Any]


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NOT_GIVEN, append: Any = NOT_GIVEN) -> Any:
    """``np.diff``."""
    x = tensor(a)
    along = normalized(axis, x.ndim)[0]
    ends = [_end(x, along, end) if is_set(end) else None for end in (prepend, append)]
    parts = [part for part in (ends[0], x, ends[1]) if part is not None]
    return F.diff(concatenate(parts, along) if len(parts) > 1 else x, n, along)


def _end(x: Tensor, axis: int, end: Any) -> Tensor:
    found = tensor(end)
    shape = [1 if i == axis else m for i, m in enumerate(x.array.shape)]
    return found if found.ndim else found.broadcast_to(tuple(shape))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """``np.ediff1d``."""
    x = tensor(ary).reshape(-1)
    parts = [to_begin, x[1:] - x[:-1], to_end]
    return concatenate([tensor(part).reshape(-1) for part in parts if part is not None])


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """``np.gradient``: of second order inside, of first order at the ends."""
    x = floating(f)
    axes = axes_of(x, axis)
    steps = [*varargs] * (len(axes) if len(varargs) == 1 else 1) or [1.0] * len(axes)
    if edge_order != 1 or len(steps) != len(axes):
        return NotImplemented
    found = [_slopes(x.movedim(i, 0), tensor(step)).movedim(0, i) for i, step in zip(axes, steps, strict=True)]
    return found[0] if len(axes) == 1 else tuple(found)


def _slopes(x: Tensor, step: Tensor) -> Any:
    if not step.ndim:
        inner, (left, right) = (x[2:] - x[:-2]) / (2.0 * step), (step, step)
    else:
        spaced = (step[1:] - step[:-1]).reshape(-1, *[1] * (x.ndim - 1))
        before, after = spaced[:-1], spaced[1:]
        inner = (-after / (before * (before + after)) * x[:-2] + (after - before) / (before * after) * x[1:-1]
                 + before / (after * (before + after)) * x[2:])  # fmt: skip
        left, right = spaced[0], spaced[-1]
    return concatenate([((x[1] - x[0]) / left)[None], inner, ((x[-1] - x[-2]) / right)[None]])


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """``np.trapezoid``."""
    heights = F.movedim(tensor(y), axis, -1)
    if x is None:
        width = dx
    else:
        places = tensor(x)
        width = diff(places if places.ndim == 1 else F.movedim(places, axis, -1))
    return (width * (heights[..., 1:] + heights[..., :-1]) / 2.0).sum(-1)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Any:
    """``np.unwrap``: whole periods are added, which have no slope."""
    x = tensor(p)
    if values(x).dtype.kind != "f" or isinstance(period, Tensor):
        return NotImplemented
    added = np.unwrap(values(x), discont, axis, period=period) - values(x)
    return x + tensor(np.rint(added / period) * period)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """``np.interp``: the line between the two points on either side."""
    at, places, heights = floating(x), floating(xp), floating(fp)
    known = values(places)
    if period is not None or values(heights).dtype.kind == "c" or known.size < 2 or not (np.diff(known) > 0).all():
        return NotImplemented
    i = np.clip(np.searchsorted(known, values(at), side="right") - 1, 0, known.size - 2)
    low, high = tensor(i), tensor(i + 1)
    y = between(heights[low], heights[high], (at - places[low]) / (places[high] - places[low]))
    y = F.where(at > places[-1], heights[-1] if right is None else right, y)
    return F.where(at < places[0], heights[0] if left is None else left, y)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0, *, device: Any = None) -> Any:  # fmt: skip
    """``np.linspace`` between tensors."""
    if retstep or dtype is not None:
        return NotImplemented
    low, high = (floating(x) for x in met([start, stop]))
    parts = np.linspace(0.0, 1.0, num, endpoint)
    low, high = broadcast([low, high])
    shaped = tensor(parts).reshape(-1, *[1] * low.ndim)
    return F.movedim(low + shaped * (high - low), 0, axis)


def broadcast(xs: list[Tensor]) -> list[Tensor]:
    """Return tensors broadcast together."""
    shape = np.broadcast_shapes(*[x.array.shape for x in xs])
    return [x.broadcast_to(shape) for x in xs]


def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
             axis: int = 0) -> Any:  # fmt: skip
    """``np.logspace`` between tensors."""
    return ops.pow(tensor(base), linspace(start, stop, num, endpoint, dtype=dtype, axis=axis))


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """``np.geomspace`` between positive tensors."""
    low, high = (floating(x) for x in met([start, stop]))
    if not (values(low) > 0).all() or not (values(high) > 0).all():
        return NotImplemented
    return F.exp(linspace(F.log(low), F.log(high), num, endpoint, dtype=dtype, axis=axis))


FOLLOWED: dict[str, Rule] = {
    "diff": diff, "ediff1d": ediff1d, "geomspace": geomspace, "gradient": gradient, "interp": interp,
    "linspace": linspace, "logspace": logspace, "trapezoid": trapezoid, "trapz": trapezoid, "unwrap": unwrap,
}  # fmt: skip
"""What each of NumPy's functions computes of tensors."""
