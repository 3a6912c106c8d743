"""Which gradients are asked for of what a captured run has returned, and how they lie in memory.

The second part of a program is captured for the gradients that it will be given. The first capture can only guess, and
what its result is asked for tells the next one: an operation on top of each result notes the gradient that it passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorgrad.autograd.userrules import Saved, record_of
from tensorgrad.base.context import STRONG, context
from tensorgrad.engine.primitive import Rule, always
from tensorgrad.engine.tensor import Node, Tensor, node_of, recorded


class Arrived:
    """What has been asked of the results of a function.

    Attributes:
        strides: those of the gradients that have arrived, by the place of the result among those that are live.
        again: a gradient was asked for that can be differentiated itself, or a derivative in forward mode.
    """

    def __init__(self) -> None:
        self.strides: dict[int, tuple[int, ...]] = {}
        self.again = False


def recorded_again(g: Any) -> bool:
    """Return whether the rule of a node that is given `g` has to give what can be differentiated."""
    return isinstance(g, Tensor) and context().grad and not context().special & STRONG


class _Passing:
    """The rules of the identity, which notes what it passes on."""

    def rules(self, g: Any, saved: Any, node: Node) -> list[Rule | None]:  # noqa: ARG002 - called as all rules are
        """Return the rule of the only argument."""
        array = g.array if isinstance(g, Tensor) else g
        arrived: Arrived = node.params["arrived"]
        arrived.strides[node.params["place"]] = array.strides
        arrived.again = arrived.again or recorded_again(g)
        return [always(g)]

    def __iter__(self) -> Iterator[Rule]:
        yield _passed_forward


def _passed_forward(t: Any, saved: Any, node: Node) -> Any:
    node.params["arrived"].again = True
    return t


def _identity(x: Any) -> Any:
    return x


_PASSED = record_of("compiled", _identity, _Passing()).changed(kind="compiled", hides="")


def arrivals(live: list[Tensor]) -> Arrived:
    """Return what will hold which gradients arrive at the results that are `live`."""
    arrived = Arrived()
    for i, x in enumerate(live):
        params = {"arrived": arrived, "place": i}
        x.node = node_of(recorded(x.array, _PASSED, (node_of(x),), params, Saved.of([], None, None, []), context()))
    return arrived
