"""Which gradients are asked for of what a captured run has returned, and how they lie in memory.

The second part of a program is captured for the gradients that it will be given. The first capture can only guess, and
what its result is asked for tells the next one: an operation on top of each result notes the gradient that it passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tensorgrad.autograd.userrules import Saved, record_of
from tensorgrad.base.context import context
from tensorgrad.engine.primitive import Rule, always
from tensorgrad.engine.tensor import Node, Tensor, node_of, recorded

Arrived = dict[int, tuple[int, ...]]
"""The strides of the gradients that have arrived, by the place of the result among those that are live."""


class _Passing:
    """The rules of the identity, which notes what it passes on."""

    def rules(self, g: Any, saved: Any, node: Node) -> list[Rule | None]:  # noqa: ARG002 - called as all rules are
        """Return the rule of the only argument."""
        array = g.array if isinstance(g, Tensor) else g
        node.params["arrived"][node.params["place"]] = array.strides
        return [always(g)]

    def __iter__(self) -> Iterator[Rule]:
        yield lambda t, saved, node: t


def _identity(x: Any) -> Any:
    return x


_PASSED = replace(record_of("compiled", _identity, _Passing()), kind="compiled", hides="")


def arrivals(live: list[Tensor]) -> Arrived:
    """Return what will hold the strides of the gradients that arrive at each of the results that are `live`."""
    arrived: Arrived = {}
    for i, x in enumerate(live):
        params = {"arrived": arrived, "place": i}
        x.node = node_of(recorded(x.array, _PASSED, (node_of(x),), params, Saved.of([], None, None, []), context()))
    return arrived
