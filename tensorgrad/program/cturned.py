"""Matrices that products take transposed: copied before, where several do, or the product is one of our own.

The plain form is the products as they are. OpenBLAS multiplies a small matrix by a transposed one at half the speed.
``(32, 96) @ (64, 96).T`` takes 4.1 microseconds, and 1.6 with the transpose at hand, which takes 1 to 2 to make; a step
of the benchmarks' LSTM, of 80 such products with 4 weights, takes 0.87 of the time. With one product
alone nothing is won, but for one of our own (`cproducts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .cops import Call, Map, Matrix, Op, Product
from .cproducts import is_own
from .cvalues import Access

if TYPE_CHECKING:
    from .clowering import Lowering

MOST = 1 << 17
"""The most elements of a matrix: more do not stay in the cache from one product to the next."""


def turned_once(lowering: Lowering, ops: Sequence[Op]) -> list[Op]:
    """Return `ops` where what products take transposed is copied before the first, as long as nothing writes to it."""
    runs: list[list[Product]] = []
    current: dict[tuple[Access, tuple[int, int]], list[Product]] = {}
    for op in ops:
        if isinstance(op, Product) and op.b.transposed and _is_small(op.b):
            if (op.b.access, op.b.shape) not in current:
                runs.append([])
            current.setdefault((op.b.access, op.b.shape), runs[-1]).append(op)
        if isinstance(op, Call) and op.step.kind == "outside":
            current.clear()
        written = set(_written(lowering, op))
        current = {key: run for key, run in current.items() if lowering.block(key[0].root) not in written}
    copies = {id(run[0]): _turned(lowering, run) for run in runs if len(run) > 1 or is_own(run[0].a, run[0].b)}
    return [x for op in ops for x in ([copies[id(op)], op] if id(op) in copies else [op])]


def _is_small(m: Matrix) -> bool:
    return not m.batch and 1 not in m.shape and m.shape[0] * m.shape[1] <= MOST


def _written(lowering: Lowering, op: Op) -> Iterator[int]:
    """Yield the blocks that a part writes to."""
    if isinstance(op, Call):
        made = () if op.step.out is None else (op.step.out,)
        yield from lowering.program.blocks_of((*op.step.writes, *made))
    else:
        yield from (lowering.block(access.root) for access, _ in op.writes())


def _turned(lowering: Lowering, run: Sequence[Product]) -> Map:
    """Let some products take a copy of what they take transposed, and return what makes it."""
    first = run[0].b
    made = lowering.made(first.shape, first.access.dtype)
    for product in run:
        product.b = Matrix(made, first.shape, False, first.shape[1])
    dtype = made.dtype
    return Map(first.shape, made, "{0}", (first.access,), (dtype,), dtype, run[0].loud)
