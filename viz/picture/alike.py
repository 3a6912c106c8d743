"""The graphs that are compared, each with its nodes in an order of its own; what of a node is to be the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Constant, Tensor
from tensorgrad.errors import AutogradError, InPlaceError, TensorgradError
from tensorgrad.graph import Gradients, Graph, GraphNode
from tensorgrad.graph.gradients import Seed
from tensorgrad.graph.recomputing import plainly, values

from .expressions import Expressions
from .flows import seeds_of
from .folding import value_names
from .noise import Noise
from .summaries import largest
from .text import number
from .tooltips import argument

_SUMS = frozenset({"add", "sub", "sum", "mean"})  # whose result may be small beside what they add


class Side:
    """One of the graphs: its operations and its leaves, in an order that is not that of their creation."""

    def __init__(self, graph: Graph, seed: Seed) -> None:
        self.graph = graph.pictured()
        self.seeds = seeds_of(self.graph, seed)
        order = order_of(self.graph)
        self.leaves = [i for i in order if self.graph.nodes[i].is_leaf]
        self.steps = [i for i in order if not self.graph.nodes[i].is_leaf]
        self.names = value_names(self.graph)
        self.told = Expressions(self.graph.nodes, self.names, [True] * len(self.names))

    @cached_property
    def values(self) -> list[Array | None]:
        """The value of every node."""
        return values(self.graph)

    def formula(self, index: int) -> str:
        """Return a node as a line of a program; a leaf is its name."""
        node, name = self.graph.nodes[index], self.names[index]
        return name if node.is_leaf else f"{name} = {self.told.told(node)}"

    def operands(self, node: GraphNode) -> str:
        """Return the operands of a node in words."""
        words = [self.names[o.source] if o.source is not None else number(o.constant) for o in node.operands]
        return ", ".join(word + " (detached)" * o.detached for word, o in zip(words, node.operands, strict=True))

    def about(self, node: GraphNode, places: dict[int, Any], *, numbers: bool) -> dict[str, tuple[Any, str]]:
        """Return what is to be the same of a node: for each aspect what is compared, and its text."""
        operands = [(places[o.source] if o.source is not None else
                     exact(o.constant) if numbers else np.shape(o.constant), o.detached)
                    for o in node.operands]  # fmt: skip
        params = {name: exact(value, numbers=numbers) for name, value in node.params.items()}
        shown = ", ".join(f"{name}={argument(value)}" for name, value in node.params.items())
        return {
            "the operation": ("leaf" if node.is_leaf else node.op,) * 2,
            "the operands": (operands, self.operands(node)),
            "the arguments": (params, shown),
            "the shape": (node.shape, str(node.shape)),
            "the dtype": (str(node.dtype),) * 2,
            "whether it requires a gradient,": (node.requires_grad, str(node.requires_grad)),
        }

    def terms(self, node: GraphNode) -> float:
        """Return the largest number that a sum adds: what it is rounded by; 0 for all else."""
        if node.op not in _SUMS:
            return 0.0
        known = (self.values[o.source] for o in node.operands if o.source is not None)
        return max((largest(value) for value in known if value is not None), default=0.0)

    def gradients(self) -> tuple[Gradients, Noise]:
        """Return the gradients and how large their rounding errors are; none where nothing requires any.

        Raises:
            TensorgradError: they cannot be computed any more.
        """
        try:
            with plainly():
                found = self.graph.gradients(self.seeds)
                return found, Noise.of(self.graph, self.seeds, found) if found.edges else Noise()
        except (AutogradError, InPlaceError) as error:
            raise TensorgradError(
                f"diff finds no difference in the values, and cannot compare the gradients: {error}; give the "
                f"functions, which are traced anew, or compare before backward() and in-place changes"
            ) from error


def same_leaves(one: Side, other: Side) -> dict[int, int]:
    """Return the leaves of one graph with their like in the other.

    They are alike as the same argument, where both graphs have arguments; as the same tensor; and else by use.
    """
    found: dict[int, int] = {}
    sides = [{i: side.graph.nodes[i] for i in side.leaves} for side in (one, other)]
    arguments = [{node.argument: i for i, node in leaves.items() if node.argument is not None} for leaves in sides]
    if all(arguments):
        found |= {i: arguments[1][k] for k, i in arguments[0].items() if k in arguments[1]}
        sides = [{i: node for i, node in leaves.items() if node.argument is None} for leaves in sides]
    owners = [{id(node.owner): i for i, node in leaves.items() if node.owner is not None} for leaves in sides]
    found |= {i: owners[1][k] for k, i in owners[0].items() if k in owners[1]}
    rest = [[i for i in leaves if i not in taken] for leaves, taken in zip(sides, (found, found.values()), strict=True)]
    return found | dict(zip(*rest, strict=False))


def classes(one: Side, other: Side, places: Sequence[Mapping[int, Any]]) -> tuple[dict[Any, int], dict[Any, int]]:
    """Return a number for every node of both graphs: the same for what is computed in one way of the same leaves.

    Leaves are the same that have one of `places`.
    """
    known: dict[str, int] = {}
    found: tuple[dict[Any, int], dict[Any, int]] = ({}, {})
    for side, kept, numbers in zip((one, other), places, found, strict=True):
        for index in (*side.leaves, *side.steps):
            node = side.graph.nodes[index]
            operands = [(numbers.get(o.source, exact(o.constant)), o.detached) for o in node.operands]
            params = [(name, exact(value)) for name, value in node.params.items()]
            told = repr(kept[index] if node.is_leaf else (node.op, operands, params))
            numbers[index] = known.setdefault(told, len(known))
    return found


def order_of(graph: Graph) -> list[int]:
    """Return the nodes behind the outputs, operands before what reads them, in an order that the outputs alone give."""
    found: dict[int, None] = {}
    waiting = [(index, False) for index in reversed(graph.outputs)]
    while waiting:
        index, ready = waiting.pop()
        if index in found:
            continue
        if ready:
            found[index] = None
            continue
        waiting.append((index, True))
        sources = [o.source for o in graph.nodes[index].operands if o.source is not None]
        waiting += [(source, False) for source in reversed(sources) if source not in found]
    return list(found)


def exact(value: Any, *, numbers: bool = True) -> Any:
    """Return what tells a constant or a parameter from another one."""
    value = value.array if isinstance(value, Tensor) else value
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes() if numbers else b""
    if isinstance(value, tuple | list):
        return tuple(exact(item, numbers=numbers) for item in value)
    if isinstance(value, float) and not numbers:
        return "a number"
    if isinstance(value, Constant | float | int | np.number):
        return repr(complex(value))
    return getattr(value, "__qualname__", argument(value))
