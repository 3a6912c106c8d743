"""The values of a graph's nodes, those that the record does not hold computed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorgrad.base.context import CONTEXT, Context
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Node, wrap
from tensorgrad.errors import TensorgradError

from .graph import Graph
from .nodes import GraphNode


def values(graph: Graph) -> list[Array | None]:
    """Return the value of every node; None where it is gone and cannot be computed from values that are left.

    Without the unknown ones, the first NaN that is found need not be the first. What is computed again is held against
    what is left: where these differ, leaves have other numbers than they had, and nothing of it is known.

    >>> import tensorgrad as tg
    >>> graph = Graph.of(tg.ones(2, requires_grad=True).exp().sum() * 2)
    >>> graph.nodes[2].value, values(graph)[2].round(2)
    (None, np.float32(5.44))
    """
    known: list[Array | None] = []
    anew: set[int] = set()  # what depends on what was computed again
    with plainly():
        for node in graph.nodes:
            depends = any(o.source in anew for o in node.operands)
            found = again(node, known) if node.value is None or depends else None
            if (node.value is None and found is not None) or depends:
                anew.add(node.index)
            if node.value is not None and found is not None and not _are_alike(found, node.value):
                return [n.value if n.operands else None for n in graph.nodes]
            known.append(found if node.value is None else node.value)
    return known


def _are_alike(found: Array, held: Array) -> bool:
    """Return whether two runs of the same on the same numbers may give these: a fused one rounds otherwise."""
    if held.dtype.kind not in "fc":
        return np.array_equal(found, held)
    size = np.abs(held[np.isfinite(held)]).max(initial=0.0)
    eps = float(np.finfo(held.dtype).eps)
    # NaN in both is the same number of one run, and no fault of another
    return np.allclose(found, held, rtol=1000 * eps, atol=1000 * eps * float(size), equal_nan=True)


def again(node: GraphNode, known: list[Array | None], dtype: DType | None = None) -> Array | None:
    """Return the value of `node` computed again from those that are `known`; None where that cannot be done.

    It has the dtype that it had, or another that is told.
    """
    primitive = PRIMITIVES.get(node.op)
    operands: list[Any] = [o.constant if o.source is None else known[o.source] for o in node.operands]
    if primitive is None or not operands or any(operand is None for operand in operands):
        return None
    arguments = tuple(wrap(o) if isinstance(o, np.ndarray) else o for o in operands)
    try:
        array: Array = apply(primitive, arguments, dict(node.params)).array
    except TensorgradError:  # code outside has changed the values since, so that the operation cannot take them
        return None
    return array if array.shape == node.shape and array.dtype == (dtype or node.dtype) else None


@contextmanager
def refilled(graph: Graph) -> Iterator[None]:
    """Context manager: what a backward pass has freed is there again, where all values that it is made of are known.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> y.backward()
    >>> with refilled(graph := Graph.of(y)):
    ...     graph.gradients().nodes[0].item()
    6.0
    """
    freed = [(i, node) for i, node in enumerate(graph._recorded) if node.primitive is not None and node.saved is None]
    known = values(graph) if freed else []
    try:
        for index, node in freed:
            node.saved = _saved(node, index, graph.nodes[index], known)
        yield
    finally:
        for _, node in freed:
            node.saved = None


def _saved(node: Node, index: int, described: GraphNode, known: list[Array | None]) -> tuple[Any, ...] | None:
    """Return what an operation saves for its rules; None where something is not known, or saved by the user's code."""
    assert node.primitive is not None
    read = [o.constant if o.source is None else known[o.source] for o in described.operands[: len(node.inputs)]]
    held = [value for value in (known[index], *read) if isinstance(value, np.ndarray)]
    arrays = 1 + sum(isinstance(x, Node) for x in node.inputs)
    if node.primitive.kind == "function" or len(held) < arrays or len({value.dtype for value in held[1:]}) > 1:
        return None
    keep = node.primitive.keeps(tuple([isinstance(x, Node) and x.tracked for x in node.inputs]))
    return keep((known[index], *read, None)) if keep else ()


@contextmanager
def plainly() -> Iterator[None]:
    """Context manager: nothing is recorded, and numbers that are not finite are neither warned of nor refused."""
    token = CONTEXT.set(Context(grad=False))
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        CONTEXT.reset(token)
