"""How each kind of operation is called for all examples of a batch at once: the rules that the table names.

A rule is given the function, the batch, the values (those that differ between examples are `Batched`) and the
parameters, and returns an array with the axes of the batch in front. So ``vmap(f)`` is f itself, run once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.numerics import normalized

from .batched import FUNCTIONS, Batch, Batched, BatchRule, Unbatchable, array_of, item_of
from .batchindex import planned

Params = dict[str, Any]


def leading(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what takes axes in front by itself: functions of each element, and of matrices in the last axes."""
    return function(*batch.aligned(values), **params)


def along(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what goes over the axes in `axis`, None being all those of an example, and is left with the others.

    It is called with the same axes, counted behind those of the batch.
    """
    lead = len(batch.lead)
    axes = normalized(params.get("axis"), np.ndim(values[0]))
    xs = [batch.full(v) for v in values]
    return function(*xs, **{**params, "axis": tuple([a + lead for a in axes])})


def along_one(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what goes over one axis in `axis`, None being the flattened example."""
    axis, rank, lead = params.get("axis", -1), np.ndim(values[0]), len(batch.lead)
    xs = [batch.full(v) for v in values]
    if axis is None or not rank:
        xs = [x.reshape(*batch.lead, -1) for x in xs]
        y = function(*xs, **{**params, "axis": lead})
        return y.reshape(batch.lead + (1,) * rank) if params.get("keepdims") else y
    (axis,) = normalized(axis, rank)
    return function(*xs, **{**params, "axis": axis + lead})


def joined(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of what joins any number of arrays along `axis`."""
    (axis,) = normalized(params["axis"], np.ndim(values[0]))
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


def product(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `matmul`: rows of all examples at once by a matrix that they share; outer products by broadcasting."""
    a, b = values
    if type(b) is not Batched and np.ndim(b) == 2 and a.ndim >= 2:
        return function(a.inner.reshape(-1, a.shape[-1]), b).reshape(*batch.lead, *a.shape[:-1], b.shape[-1])
    x, y = batch.aligned(values)
    if a.shape[-1] == 1 and b.ndim >= 2 and b.shape[-2] == 1:
        return x * y
    return function(x, y)


def rows(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `linear` and `affine`: rows of all examples at once, where they share the layer."""
    a, b, *c = values
    if type(a) is Batched and Batched not in map(type, (b, *c)):
        y = function(a.inner.reshape(-1, a.shape[-1]), b, *c)
        return y.reshape(*batch.lead, *a.shape[:-1], y.shape[-1])
    rank = max(np.ndim(a), 2)
    y = np.matmul(batch.placed(a, rank), np.swapaxes(batch.placed(b, rank), -1, -2))
    y = np.add(y, batch.placed(c[0], rank)) if c else y
    return y[..., 0, :] if np.ndim(a) == 1 else y


def taken(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `getitem`."""
    (x,) = values
    plan = planned(batch, params["index"], x, x.levels if type(x) is Batched else ())
    return plan.outward(function(array_of(x), index=plan.index))


def added(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `scatter`: what is added lies as the index takes it."""
    (x,), shape = values, tuple(params["shape"])
    plan = planned(batch, params["index"], np.broadcast_to(np.empty(()), shape), batch.levels)
    return function(plan.inward(batch, x), index=plan.index, shape=(*batch.lead, *shape))


def put(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    """The rule of `assign`."""
    a, b = values
    plan = planned(batch, params["index"], a, batch.levels)
    return function(batch.full(a), plan.inward(batch, b), index=plan.index)


def _named(rule: BatchRule, *names: str, count: int = 1, **defaults: Any) -> BatchRule:
    """Return `rule` for a function of NumPy's of `count` arrays, whose further arguments have these names."""

    def named(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
        given = dict(zip(names, values[count:], strict=False))
        return rule(function, batch, values[:count], {**defaults, **params, **given})

    return named


def _rearranged(move: Callable[..., Any]) -> BatchRule:
    """Return the rule of a function of NumPy's that gives one example other axes: `move` gives them to its array."""

    def rearranged(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:  # noqa: ARG001
        x, *args = values
        return move(x.inner, len(batch.lead), x.shape, *args, **params)

    return rearranged


def _counted(axis: Any, rank: int, lead: int) -> tuple[int, ...]:
    return tuple([a + lead for a in normalized(axis, rank)])


def _stacked(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    arrays, axis = values[0], values[1] if len(values) > 1 else params.get("axis", 0)
    if function is np.stack:
        (at,) = _counted(axis, np.ndim(arrays[0]) + 1, len(batch.lead))
    else:
        (at,) = _counted(axis, np.ndim(arrays[0]), len(batch.lead))
    return function([batch.full(x) for x in arrays], axis=at)


def _chosen(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:
    if len(values) == 1:
        raise Unbatchable("numpy.where of a condition alone, whose places differ between the examples,")
    return leading(function, batch, values, params)


def _dot(function: Callable[..., Any], batch: Batch, values: list[Any], params: Params) -> Any:  # noqa: ARG001
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
    order = range(len(shape))[::-1] if not given else given
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
     np.tril, np.triu, np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.svd, _nd.astype, _nd.copy, _nd.conj, _nd.conjugate,
     _nd.real, _nd.imag, _nd.clip, _nd.round),
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
    np.matmul: product,
    np.where: _chosen,
    np.vdot: _dot,
    np.stack: _stacked,
    np.concatenate: _stacked,
    np.broadcast_to: _named(stretched, "shape"),
    item_of: taken,
    np.reshape: _rearranged(_reshaping),
    _nd.reshape: _rearranged(_reshaping),
    np.ravel: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
    _nd.ravel: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
    _nd.flatten: _rearranged(lambda x, lead, shape: _reshaping(x, lead, shape, -1)),
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
