"""What stands in the parameters of a recorded operation and was computed: an index, a target.

Beside it, what a traced array says that its class is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .tensor import Node


class Stand(np.ndarray[Any, np.dtype[Any]]):
    """What a traced array says that its class is: an array, and no plain one."""


class Read(np.ndarray[Any, np.dtype[Any]]):
    """A value in the parameters of a recorded operation; `node` is what made it."""

    node: Node | None = None
    index: int | None = None  # of the node, in a graph

    @property  # type: ignore[misc]  # rules read it as what it is
    def __class__(self) -> Any:
        return np.ndarray


def nodes_in(params: Any) -> Sequence[Node]:
    """Return the nodes of what stands in the parameters of a record, in order."""
    if type(params) is Read:
        return () if params.node is None else (params.node,)
    if type(params) not in _HOLDING or not params:
        return ()
    if type(params) is not dict and _HOLDING.isdisjoint(map(type, params)):  # axes, shapes
        return ()
    found: list[Node] = []
    for part in params.values() if type(params) is dict else params:
        if type(part) in _HOLDING:
            found += nodes_in(part)
    return found


_HOLDING = frozenset({Read, tuple, list, dict})
"""The types of what may hold nodes."""
