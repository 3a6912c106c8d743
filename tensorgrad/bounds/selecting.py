"""Which places a choice among numbers may take, where these are intervals: of a sort, of windows, of a search.

A place is an interval of whole numbers: the first that may be chosen, and the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.numpycalls import REST, called
from tensorgrad.engine.primitive import Primitive

from .interval import Interval, between, real

_LONGEST = 512
"""Elements along an axis, of which every pair is compared."""


def sorting(record: Primitive, x: Interval, params: Mapping[str, Any]) -> Interval | None:
    """Return what sorts `x`: for every rank the places of the numbers that may have it."""
    axis = params.get("axis", -1)
    if axis is None:
        return None
    x = real(x)
    if _certain(x) and params.get("kind") == "stable":
        return _exact(record, [x], params)
    found = called(record, [x.middle], dict(params))
    low, high = (np.moveaxis(v, axis, -1) for v in (x.low, x.high))
    rising = [np.take_along_axis(v, np.moveaxis(found, axis, -1), -1) for v in (low, high)]
    if (rising[1][..., :-1] < rising[0][..., 1:]).all():
        return between(found, found)
    n = low.shape[-1]
    if n > _LONGEST:
        return between(np.zeros_like(found), np.full_like(found, n - 1))
    below = (high[..., None, :] < low[..., :, None]).sum(-1)  # of each number, how many certainly lie before it
    above = n - 1 - (low[..., None, :] > high[..., :, None]).sum(-1)
    ranks = np.arange(n)[:, None]
    may = (below[..., None, :] <= ranks) & (ranks <= above[..., None, :])
    ends = may.argmax(-1), n - 1 - may[..., ::-1].argmax(-1)
    return between(*(np.moveaxis(end, -1, axis).astype(found.dtype) for end in ends))


def highest(record: Primitive, x: Interval, params: Mapping[str, Any]) -> Interval:
    """Return where in the flattened spatial axes each window may have its maximum.

    As a pooling numbers them: in `params` the places along each axis, window by window, that outside belong to none.
    """
    x = real(x)
    if _certain(x):
        return _exact(record, [x], params)
    (axes,) = params[REST]
    sizes = x.shape[2:]
    windows: list[tuple[Array, Array, Any]] = []
    for columns in product(*(range(places.shape[1]) for places in axes)):
        each = [places[:, column] for places, column in zip(axes, columns, strict=True)]
        inside = [(at >= 0) & (at < n) for at, n in zip(each, sizes, strict=True)]
        at = np.ix_(*(np.where(ok, places, 0) for ok, places in zip(inside, each, strict=True)))
        valid = np.ones((), bool)
        for ok in inside:
            valid = valid[..., None] & ok
        windows.append((valid, np.ravel_multi_index(at, sizes), (..., *at)))
    best = np.max([np.where(valid, x.low[at], -np.inf) for valid, _, at in windows], axis=0)
    may = [valid & (x.high[at] >= best) for valid, _, at in windows]
    first = np.min([np.where(m, flat, np.prod(sizes)) for m, (_, flat, _) in zip(may, windows, strict=True)], axis=0)
    last = np.max([np.where(m, flat, 0) for m, (_, flat, _) in zip(may, windows, strict=True)], axis=0)
    return between(first, last)


def searched(record: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval:
    """Return where numbers belong in sorted rows: the further behind, the larger they are, and the smaller the rows."""
    rows, values = map(real, own)
    ends = (np.sort(rows.high), values.low), (np.sort(rows.low), values.high)
    return between(*(called(record, pair, dict(params)) for pair in ends))


def commonest(record: Primitive, own: Sequence[Interval], params: Mapping[str, Any]) -> Interval | None:
    """Return where the commonest number of the first of `own` stands: known where all numbers are."""
    return _exact(record, own, params) if all(map(_certain, own)) else None


def heaviside(x: Interval, middle: Interval) -> Interval:
    """Return 0 below zero, 1 above, `middle` at zero: what is around those of them that `x` may give."""
    x, middle = real(x), real(middle)
    below, above, at = x.low < 0, x.high > 0, (x.low <= 0) & (x.high >= 0)
    low = np.minimum(np.where(below, 0.0, np.inf), np.where(above, 1.0, np.inf))
    high = np.maximum(np.where(below, 0.0, -np.inf), np.where(above, 1.0, -np.inf))
    return between(np.where(at, np.minimum(low, middle.low), low), np.where(at, np.maximum(high, middle.high), high))


def reached(x: Interval, *, sign: int, axis: int) -> Interval:
    """Return whether each element is the largest up to it along `axis` (with -1, the least)."""
    x = real(x)
    low, high = (np.moveaxis(v, axis, 0) for v in ((x.low, x.high) if sign > 0 else (-x.high, -x.low)))
    first = np.full((1, *low.shape[1:]), -np.inf)
    before = [np.concatenate([first, np.maximum.accumulate(v, axis=0)[:-1]]) for v in (low, high)]
    return between(*(np.moveaxis(v, 0, axis) for v in (low >= before[1], high >= before[0])))


def _certain(x: Interval) -> bool:
    return x.is_point or np.array_equal(x.low, x.high)


def _exact(record: Primitive, xs: Sequence[Interval], params: Mapping[str, Any]) -> Interval:
    plain = [x.low if x.shape else x.low.item() for x in xs]
    found: Array = np.asarray(called(record, plain, dict(params)))
    return between(found, found)
