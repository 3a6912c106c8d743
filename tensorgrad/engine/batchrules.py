"""How each kind of operation is called for all examples of a batch at once: the rules that the table names.

A rule is given the function, the batch, the values (those that differ between examples are `Batched`) and the
parameters, and returns an array with the axes of the batch in front. So ``vmap(f)`` is f itself, run once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.numerics import normalized

from .batched import (
    FUNCTIONS,
    Batch,
    Batched,
    BatchRule,
    Levels,
    UnbatchableError,
    array_of,
    getitem,
    levels_of,
    rank_of,
)

Params = dict[str, Any]


def leading(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what takes axes in front by itself: functions of each element, and of matrices in the last axes."""
    if len(values) == 1:
        return function(values[0].inner, **params)
    return function(*batch.aligned(values), **params)


def along(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what goes over the axes in `axis`, None being all those of an example, and is left with the others.

    It is called with the same axes, counted behind those of the batch.
    """
    lead = len(batch.lead)
    axes = normalized(params.get("axis"), rank_of(values[0]))
    xs = [batch.full(v) for v in values]
    return function(*xs, **{**params, "axis": tuple([a + lead for a in axes])})


def along_one(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what goes over one axis in `axis`, None being the flattened example."""
    axis, rank, lead = params.get("axis", -1), rank_of(values[0]), len(batch.lead)
    xs = [batch.full(v) for v in values]
    if axis is None or not rank:
        xs = [x.reshape(*batch.lead, -1) for x in xs]
        y = function(*xs, **{**params, "axis": lead})
        return y.reshape(batch.lead + (1,) * rank) if params.get("keepdims") else y
    (axis,) = normalized(axis, rank)
    return function(*xs, **{**params, "axis": axis + lead})


def joined(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what joins any number of arrays along `axis`."""
    (axis,) = normalized(params["axis"], rank_of(values[0]))
    return function(*map(batch.full, values), axis=axis + len(batch.lead))


def reshaped(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `reshape`: the axes of the batch stay."""
    (x,), shape = values, params["shape"]
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if -1 in shape:
        rest = -math.prod(shape)
        shape = tuple([x.size // rest if n == -1 and rest else n for n in shape])
    return function(x.inner, shape=(*batch.lead, *shape))


def permuted(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `transpose`: the axes of the batch stay in front."""
    (x,), lead = values, len(batch.lead)
    axes = params.get("axes")
    axes = range(x.ndim)[::-1] if axes is None else [a % x.ndim for a in axes]
    return function(x.inner, axes=(*range(lead), *[a + lead for a in axes]))


def stretched(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `broadcast_to`."""
    return function(batch.placed(values[0], len(params["shape"])), shape=(*batch.lead, *params["shape"]))


def shrunk(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `sum_to`: axes that were added have length 1 on the way."""
    (x,), shape = values, tuple(params["shape"])
    kept = (*batch.lead, *(1,) * (x.ndim - len(shape)), *shape)
    return function(x.inner, shape=kept).reshape(*batch.lead, *shape)


def multiplied(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `matmul`: rows of all examples at once by a matrix that they share; outer products broadcast."""
    a, b = values
    if type(b) is not Batched and rank_of(b) == 2 and a.ndim >= 2:
        return function(a.inner.reshape(-1, a.shape[-1]), b).reshape(*batch.lead, *a.shape[:-1], b.shape[-1])
    x, y = batch.aligned(values)
    if a.shape[-1] == 1 and b.ndim >= 2 and b.shape[-2] == 1:
        if type(x) is np.ndarray and type(y) is np.ndarray and x.dtype == y.dtype and x.dtype.kind == "f":
            return np.einsum("...i,...j->...ij", x[..., 0], y[..., 0, :])  # NumPy's product starts a loop for each row
        return x * y
    return function(x, y)


def rows(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `linear` and `affine`: rows of all examples at once, where they share the layer."""
    a, b, *c = values
    if type(a) is Batched and Batched not in map(type, (b, *c)):
        y = function(a.inner.reshape(-1, a.shape[-1]), b, *c)
        return y.reshape(*batch.lead, *a.shape[:-1], y.shape[-1])
    rank = max(rank_of(a), 2)
    y = np.matmul(batch.placed(a, rank), np.swapaxes(batch.placed(b, rank), -1, -2))
    y = np.add(y, batch.placed(c[0], rank)) if c else y
    return y[..., 0, :] if rank_of(a) == 1 else y


_WHOLE = slice(None)


class Plan(NamedTuple):
    """An index for arrays with the batch in front, and where the axes of the result go: to those in `order`."""

    at: tuple[Any, ...]
    order: tuple[int, ...]

    def outward(self, y: Any) -> Any:
        """Return what the index takes with the axes as one example has them, those of the batch in front."""
        return y if self.order == tuple(range(len(self.order))) else np.transpose(y, self.order)

    def inward(self, batch: Batch, x: Any) -> Any:
        """Return `x`, in or broadcast to the shape of what is taken of one example, as the index takes it."""
        y = batch.placed(x, len(self.order) - len(batch.lead))
        return y if self.order == tuple(range(len(self.order))) else np.transpose(y, np.argsort(self.order))


def planned(batch: Batch, index: Any, x: Any, own: Levels) -> Plan:
    """Return how `index` is applied to `x`, whose array has the axes of the levels `own` in front.

    Raises:
        UnbatchableError: a mask differs between examples, and how much it takes.
    """
    parts = _parts(index, x.ndim)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    if arrays:  # NumPy counts numbers beside arrays as arrays
        parts = [np.asarray(p) if isinstance(p, int | np.integer) else p for p in parts]
        arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray)]
    differs = any(type(p) is Batched for p in parts)
    lead = len(batch.lead) if differs else len(own)
    axes = sum(part is None or isinstance(part, slice) for part in parts)
    if not arrays:
        return Plan((_WHOLE,) * len(own) + tuple(parts), tuple(range(lead + axes)))
    rank = max([rank_of(parts[i]) for i in arrays])
    together = arrays[-1] - arrays[0] == len(arrays) - 1
    before = arrays[0] if together else 0  # how many axes of one example stand before those of the arrays
    prefix: tuple[Any, ...] = (_WHOLE,) * len(own)
    block = rank  # how many axes NumPy puts in one place
    first = len(own) + before if together else 0  # the place where it does
    if differs:
        block = lead + rank
        placed = [batch.placed(p, rank) if isinstance(p, np.ndarray) else p for p in parts]
        prefix = tuple([_counting(batch, rank, i) for i, level in enumerate(batch.levels) if level in own])
        parts, first = placed, (0 if prefix else first)
    return Plan((*prefix, *parts), _order(lead, axes, rank, before, first, block, differs))


def _order(lead: int, axes: int, rank: int, before: int, first: int, block: int, differs: bool) -> tuple[int, ...]:
    """Return which axis of the result each axis of one example is, behind those of the batch."""
    result = lead + axes + rank
    taken = list(range(first, first + block))
    rest = [i for i in range(result) if i not in taken]
    front, own = (taken[:lead], taken[lead:]) if differs else (rest[:lead], taken)
    others = rest if differs else rest[lead:]
    return (*front, *others[:before], *own, *others[before:])


def _counting(batch: Batch, rank: int, i: int) -> Any:
    """Return the numbers of the examples along the axis `i` of the batch."""
    shape = [1] * (len(batch.lead) + rank)
    shape[i] = batch.lead[i]
    return np.arange(batch.lead[i]).reshape(shape)


def _parts(index: Any, ndim: int) -> list[Any]:
    """Return an entry for each axis of one example: a number, a slice, an array of positions, or None for a new one."""
    given = list(index) if isinstance(index, tuple) else [index]
    parts: list[Any] = []
    for item in given:
        part = np.asarray(item) if isinstance(item, list) else item
        if isinstance(part, bool | np.bool_) or (type(part) is Batched and part.dtype == np.bool_):
            raise UnbatchableError("a mask takes another number of elements of each example: where() keeps all")
        parts += np.nonzero(part) if isinstance(part, np.ndarray) and part.dtype == np.bool_ else [part]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    fill = [_WHOLE] * (ndim - used)
    if EllipsisType not in map(type, parts):
        return parts + fill
    at = [type(p) for p in parts].index(EllipsisType)
    return parts[:at] + fill + parts[at + 1 :]


def taken(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `getitem`."""
    (x,) = values
    plan = planned(batch, params["index"], x, levels_of(x))
    return plan.outward(function(array_of(x), index=plan.at))


def added(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `scatter`: what is added lies as the index takes it."""
    (x,), shape = values, tuple(params["shape"])
    plan = planned(batch, params["index"], np.broadcast_to(np.empty(()), shape), batch.levels)
    return function(plan.inward(batch, x), index=plan.at, shape=(*batch.lead, *shape))


def put(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `assign`."""
    a, b = values
    plan = planned(batch, params["index"], a, batch.levels)
    return function(batch.full(a), plan.inward(batch, b), index=plan.at)


def _named(rule: BatchRule, *names: str, count: int = 1, **defaults: Any) -> BatchRule:
    """Return `rule` for a function of NumPy's of `count` arrays, whose further arguments have these names."""

    def named(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
        given = dict(zip(names, values[count:], strict=False))
        return rule(function, batch, values[:count], {**defaults, **params, **given})

    return named


def _rearranged(move: Callable[..., Any]) -> BatchRule:
    """Return the rule of a function of NumPy's that gives one example other axes: `move` gives them to its array."""

    def rearranged(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
        x, *args = values
        return move(x.inner, len(batch.lead), x.shape, *args, **params)

    return rearranged


def _counted(axis: Any, rank: int, lead: int) -> tuple[int, ...]:
    return tuple([a + lead for a in normalized(axis, rank)])


def _stacked(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    arrays, axis = values[0], values[1] if len(values) > 1 else params.get("axis", 0)
    (at,) = _counted(axis, rank_of(arrays[0]) + (function is np.stack), len(batch.lead))
    return function([batch.full(x) for x in arrays], axis=at)


def _chosen(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    if len(values) == 1:
        raise UnbatchableError("numpy.where of a condition alone, whose places differ between the examples,")
    return leading(function, batch, values, params)


def _dot(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    a, b = (np.reshape(batch.full(v), (*batch.lead, -1)) for v in values)
    return (np.conj(a) * b).sum(-1)


def _reshaping(x: Any, lead: int, shape: Any, *given: Any, **params: Any) -> Any:
    wanted = params.get("shape", given[0] if len(given) == 1 else given)
    wanted = (wanted,) if isinstance(wanted, int | np.integer) else tuple(wanted)
    size = math.prod(shape)
    if -1 in wanted:
        rest = math.prod([n for n in wanted if n != -1])
        wanted = tuple([size // max(rest, 1) if n == -1 else n for n in wanted])
    return np.reshape(x, x.shape[:lead] + wanted)


def _transposed(x: Any, lead: int, shape: Any, *axes: Any) -> Any:
    given = axes[0] if len(axes) == 1 else axes
    order = given or range(len(shape))[::-1]
    return np.transpose(x, (*range(lead), *_counted(tuple(order), len(shape), lead)))


def _squeezed(x: Any, lead: int, shape: Any, axis: Any = None) -> Any:
    axes = [i for i, n in enumerate(shape) if n == 1] if axis is None else axis
    return np.squeeze(x, _counted(tuple(axes) if isinstance(axes, list) else axes, len(shape), lead))


def _expanded(x: Any, lead: int, shape: Any, axis: Any) -> Any:
    count = len(axis) if isinstance(axis, tuple) else 1
    return np.expand_dims(x, _counted(axis, len(shape) + count, lead))


def _moved(x: Any, lead: int, shape: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(x, _counted(source, len(shape), lead), _counted(destination, len(shape), lead))


def _swapped(x: Any, lead: int, shape: Any, a: int, b: int) -> Any:
    return np.swapaxes(x, *_counted(a, len(shape), lead), *_counted(b, len(shape), lead))


_nd = np.ndarray
FUNCTIONS |= dict.fromkeys(
    (np.ufunc, np.clip, np.isclose, np.nan_to_num, np.real, np.imag, np.round, np.copy, np.isneginf, np.isposinf,
     np.tril, np.triu, np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.svd, _nd.copy, _nd.conj,
     _nd.conjugate, _nd.real, _nd.imag, _nd.clip, _nd.round),
    leading,
)  # fmt: skip
FUNCTIONS |= dict.fromkeys(
    (np.sum, np.mean, np.max, np.min, np.prod, np.any, np.all, np.std, np.var, np.flip, np.count_nonzero, _nd.sum,
     _nd.mean, _nd.max, _nd.min, _nd.prod, _nd.any, _nd.all, _nd.std, _nd.var),
    _named(along, "axis"),
)  # fmt: skip
FUNCTIONS |= dict.fromkeys(
    (np.argmax, np.argmin, np.cumsum, np.cumprod, _nd.argmax, _nd.argmin, _nd.cumsum, _nd.cumprod),
    _named(along_one, "axis", axis=None),
)
FUNCTIONS |= {
    np.sort: _named(along_one, "axis"),
    np.argsort: _named(along_one, "axis"),
    np.diff: _named(along_one, "n", "axis"),
    np.take_along_axis: _named(along_one, "axis", count=2),
    np.ufunc.accumulate: _named(along_one, "axis", axis=0),
    np.matmul: multiplied,
    np.where: _chosen,
    np.vdot: _dot,
    np.stack: _stacked,
    np.concatenate: _stacked,
    np.broadcast_to: _named(stretched, "shape"),
    getitem: taken,
    np.reshape: _rearranged(_reshaping),
    _nd.reshape: _rearranged(_reshaping),
    np.ravel: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
    _nd.ravel: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
    _nd.flatten: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
    _nd.astype: _rearranged(lambda x, lead, shape, *args, **kwargs: x.astype(*args, **kwargs)),
    _nd.view: _rearranged(lambda x, lead, shape, dtype: x.view(dtype)),
    np.atleast_1d: _rearranged(lambda x, lead, shape: x if shape else x[..., None]),
    np.transpose: _rearranged(_transposed),
    _nd.transpose: _rearranged(_transposed),
    _nd.T: _rearranged(_transposed),
    np.squeeze: _rearranged(_squeezed),
    _nd.squeeze: _rearranged(_squeezed),
    np.expand_dims: _rearranged(_expanded),
    np.moveaxis: _rearranged(_moved),
    np.swapaxes: _rearranged(_swapped),
    _nd.swapaxes: _rearranged(_swapped),
}
