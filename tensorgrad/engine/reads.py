"""What stands in the parameters of a recorded operation and was computed: an index, a target.

Beside it, what a traced array says that its class is.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def nodes_in(params: Any) -> Iterator[Node]:
    """Yield the nodes of what stands in the parameters of a record, in order."""
    if type(params) is Read and params.node is not None:
        yield params.node
    elif type(params) in (tuple, list, dict):
        for part in params.values() if type(params) is dict else params:
            yield from nodes_in(part)
