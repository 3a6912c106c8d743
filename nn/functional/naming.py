"""The names that layers give to what they compute, for the drawing."""

from __future__ import annotations

from tensorgrad.base.context import TRACING, context
from tensorgrad.engine.tensor import Suggested, Tensor


def named(name: str, x: Tensor) -> Tensor:
    """Name the value `x` for the drawing and return it; nothing happens to a value that no graph contains."""
    if x.node is not None or context().special & TRACING:
        x.name = Suggested(name)
    return x
