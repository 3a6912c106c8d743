"""What operations do not tell: memory written without a record, hooks on the way of gradients, what rises with what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorgrad.engine.tensor import HOOKS, RISING, Node

from .passing import shown


def untold(recorded: Sequence[Node], stale: Iterable[Node]) -> tuple[set[int], dict[int, str], dict[int, int]]:
    """Return the places of what is `rewritten`, and where a gradient may become another one than the derivative: why.

    There a hook is given it, or the user's own rules say what it is. And the places of what never falls when an element
    of another value rises, with the place of that.
    """
    index = {node: i for i, node in enumerate(recorded)}
    changed: dict[int, str] = {}
    for i, node in enumerate(recorded):
        if HOOKS.get(node):
            changed[i] = "a hook is given its gradient, and may return another one"
        if node.primitive is not None and node.primitive.kind == "function":
            changed[i] = "a Function of the user's, of which nothing is known"
    rising = {i: index[shown(RISING[node], index)] for i, node in enumerate(recorded) if node in RISING}
    return {index[shown(node, index)] for node in rewritten(recorded, stale)}, changed, rising


def rewritten(recorded: Iterable[Node], stale: Iterable[Node]) -> Iterator[Node]:
    """Yield the operations that read, or made, another value than was recorded: it had been written without a record.

    Those that are `stale` made what a traced function has returned.
    """
    for node in recorded:
        for source, value in zip(node.inputs, (node.saved or ())[1:], strict=False):
            made = source.saved[0] if isinstance(source, Node) and source.saved else None
            if any(isinstance(n, Node) and n.primitive and n.primitive.kind == "function" for n in (node, source)):
                continue  # which saves what its author likes
            if made is not None and made is not value and isinstance(value, np.ndarray) and not _same(made, value):
                yield node
                break
    yield from stale


def _same(made: Any, read: Any) -> bool:
    """Return whether what was `made` is what an operation has `read`, perhaps in the dtype where its operands met."""
    if made.dtype != read.dtype:
        if "c" in (made.dtype.kind, read.dtype.kind):
            return True
        with np.errstate(all="ignore"):
            made = made.astype(read.dtype)
    return np.array_equal(made, read, equal_nan=made.dtype.kind in "fc")  # NaN that is still there was not written
