"""What ranks exchange: linear functions of the arrays of all ranks, whose derivatives are exchanges as well.

The gradient is that of the sum of what all ranks compute. Every rank must call the same ones in the same order, in the
sweeps too, which is so if each runs the same script. A group of one has itself to exchange with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import accumulated, normalized
from tensorgrad.base.watched import exchange
from tensorgrad.engine.batchrules import along_one, leading
from tensorgrad.engine.kinds import multilinear
from tensorgrad.errors import ShapeError

from .processes import RANKS


@multilinear(lambda g: all_reduce(g), symbol="Σ ranks", samples="shared", batch=leading)
@exchange
def all_reduce(x: Any) -> Any:
    """Return the sum of `x`, of one shape, over all ranks; half precision is added in single."""
    return RANKS[0].total(x.astype(accumulated(x.dtype), copy=False)).astype(x.dtype, copy=False)


@multilinear(
    lambda g, axis, counts: reduce_scatter(g, axis=axis, counts=counts),
    symbol="join ranks",
    samples="rows",
    batch=along_one,
)
@exchange
def all_gather(x: Any, *, axis: int = 0, counts: tuple[int, ...]) -> Any:
    """Return the arrays of all ranks joined along `axis`, where that of the rank r has the length ``counts[r]``."""
    _check("all_gather", x, axis, counts, counts[RANKS[0].rank])
    return _in_front(RANKS[0].joined, x, axis, counts)


@multilinear(
    lambda g, axis, counts: all_gather(g, axis=axis, counts=counts),
    symbol="Σ part",
    samples="rows",
    batch=along_one,
)
@exchange
def reduce_scatter(x: Any, *, axis: int = 0, counts: tuple[int, ...]) -> Any:
    """Return the part of the sum of `x` over all ranks that `all_gather` would take from this one."""
    _check("reduce_scatter", x, axis, counts, sum(counts))
    whole = x.astype(accumulated(x.dtype), copy=False)
    return _in_front(RANKS[0].part, whole, axis, counts).astype(x.dtype, copy=False)


def _check(name: str, x: Array, axis: int, counts: tuple[int, ...], length: int) -> None:
    if len(counts) != RANKS[0].size or not x.ndim or x.shape[normalized(axis, x.ndim)[0]] != length:
        raise ShapeError(
            f"{name} over {RANKS[0].size} ranks: expected {length} along axis {axis}, of counts {list(counts)}, found "
            f"shape {list(x.shape)}"
        )


def _in_front(call: Callable[[Array, tuple[int, ...]], Array], x: Array, axis: int, counts: tuple[int, ...]) -> Any:
    """Return what `call` gives of `x` with `axis` as the first one, which is put back."""
    rows = call(np.ascontiguousarray(np.moveaxis(x, axis, 0)), counts)
    return np.ascontiguousarray(np.moveaxis(rows, 0, axis))
