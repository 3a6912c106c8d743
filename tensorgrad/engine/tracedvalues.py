"""A value that a trace follows: its node, the memory that it stands in, and what a write there makes of it.

How NumPy asks for it is the matter of `tracedarrays`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Method

from .numpycalls import REST, called, on_arrays, record_of
from .primitive import PRIMITIVES, Primitive
from .reads import Read
from .tensor import Node
from .traces import Memory, constant_node, noted, running

PLAIN = frozenset({int, float, bool, complex, str, type(None), np.ndarray})
"""Types of what is no traced array, and holds none."""

Step = tuple[Primitive, tuple[Any, ...], dict[str, Any]]
"""A record that gives a view, the numbers among its operands, and its parameters."""


class Followed:
    """An array, or a number that NumPy made, with the node it is the value of.

    `chain` leads from the start of its memory to it; the node of a view is made anew where that has been written.
    """

    __slots__ = ("__weakref__", "_known", "_seen", "chain", "memory", "value")

    def __init__(self, value: Any, memory: Memory, chain: tuple[Step, ...] = (), known: Node | None = None) -> None:
        self.value = value
        self.memory = memory
        self.chain = chain
        self._known, self._seen = known, memory.writes

    @property
    def node(self) -> Node | None:
        """The node of the value as it is now; None once the trace is over."""
        memory = self.memory
        if memory.node is not None and memory.is_changed():
            self._is_lost("a write that tracing could not follow")
        if memory.node is None or not self.chain:
            return memory.node
        if self._known is None or self._seen != memory.writes:
            node, array = memory.node, memory.array
            for primitive, numbers, params in self.chain:
                array = called(primitive, (array, *numbers), plain_of(params))
                node = noted(primitive, (node, *numbers), params, array)
            self._known, self._seen = node, memory.writes
        return self._known

    def _is_lost(self, what: str) -> None:
        """Note as a break that the memory was written by `what`; what stands there is a constant from now on."""
        memory = self.memory
        if memory.trace is not None:
            memory.trace.note_break(what, memory.array, memory.node)
        memory.is_now(constant_node(memory.array))

    def read_by(self, what: str) -> Any:
        """Return the value; a break, which is noted, unless it depends on nothing that is given."""
        trace = self.memory.trace
        if trace is not None and (trace is not running() or self.node not in trace.constants):
            trace.note_break(what, self.value, self.node)
        return self.value

    def forget(self) -> None:
        """Let the array know no node of its own any more."""
        self._known = None

    def is_written(self, node: Node) -> None:
        """Let `node` be what made the value, which has just been written."""
        memory = self.memory
        if memory.exposed:
            broken("a write to memory that an array outside shares", self.value)
        if not self.chain:
            memory.is_now(node)
        elif (index := self._place()) is None:
            self._is_lost("a write through a view whose place is not known")
        else:
            if not memory.array.ndim:
                node = noted(record_of(Method("reshape")), (node,), {REST: ((),)}, memory.array)
            inputs = (memory.node, node)
            memory.is_now(noted(on_arrays(PRIMITIVES["assign"]), inputs, {"index": index}, memory.array))
            self._known, self._seen = None, memory.writes

    def _place(self) -> Any:
        """Return the index of the view in its memory; None where it is no choice of elements, as in another dtype."""
        whole = self.memory.array
        places = np.arange(whole.size).reshape(whole.shape)
        for primitive, numbers, params in self.chain:
            places = called(primitive, (places, *numbers), plain_of(params))
        if places.shape != self.value.shape or whole.dtype != self.value.dtype:
            return None
        index = np.unravel_index(places, whole.shape) if whole.ndim else ...
        # NaN at the same places is the same choice of elements
        return index if np.array_equal(whole[index], self.value, equal_nan=True) or not whole.ndim else None


def broken(what: str, value: Any, read: Any = None) -> None:
    """Note that `what` read `value` of `read`, where that is followed, which the trace cannot follow."""
    trace = running()
    if trace is not None:
        trace.note_break(what, value, read.node if isinstance(read, Followed) else None)


def plain_of(value: Any) -> Any:
    """Return `value`, and what it holds in tuples, lists, mappings and slices, with plain arrays for traced ones."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, Followed):
        return value.value
    if kind is Read:
        return value.view(np.ndarray)
    if kind is slice and any(isinstance(v, Followed) for v in (value.start, value.stop, value.step)):
        return slice(plain_of(value.start), plain_of(value.stop), plain_of(value.step))
    if kind is tuple or kind is list:
        return kind(map(plain_of, value))
    return {k: plain_of(v) for k, v in value.items()} if kind is dict else value
