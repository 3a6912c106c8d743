"""The recorded graph as data: nodes in topological order, ready to print, to draw and to measure.

>>> import tensorgrad as tg
>>> x = tg.tensor([1.0, 2.0], requires_grad=True)
>>> print(Graph.of((x * x).sum()).text())
%0: float32[2] = parameter x0
%1: float32[2] = mul %0 %0
%2: float32[] = sum %1 axis=None keepdims=False
return %2
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.context import CONTEXT, TRACING, Scope, context
from tensorgrad.dtypes import Array, DType
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.fused import expand
from tensorgrad.sweeps import EdgeRecord, reverse
from tensorgrad.tensor import Node, Tensor, node_of


class Edge(NamedTuple):
    """One use of a value: the node that made it, the node that reads it, and as which operand."""

    source: int
    target: int
    slot: int


class Operand(NamedTuple):
    """An operand of a node: the index of the node that made it, or None and the scalar constant."""

    source: int | None
    constant: Any


@dataclass(frozen=True, eq=False)
class GraphNode:
    """One operation, or a leaf: `op` is a primitive's name, or "input", "parameter" or "constant"."""

    index: int
    op: str
    symbol: str
    operands: tuple[Operand, ...]
    params: Mapping[str, Any]
    shape: tuple[int, ...]
    dtype: DType
    scope: Scope | None
    name: str | None
    requires_grad: bool
    value: Array | None


@dataclass(frozen=True)
class Gradients:
    """The result of a reverse sweep: per edge ``(target, slot)`` the contribution, per node the sum of them."""

    edges: Mapping[tuple[int, int], Array]
    nodes: Mapping[int, Array]


class Graph:
    """What was recorded on the way to some outputs.

    `nodes` are in topological order (a node's index is its place), `outputs` the indices of the results.
    """

    def __init__(self, outputs: Sequence[Tensor], names: Mapping[Node, str] | None = None) -> None:
        roots = [node_of(y) for y in outputs]
        recorded = _all_nodes(roots)
        if expand(recorded):
            recorded = _all_nodes(roots)
        index = {node: i for i, node in enumerate(recorded)}
        self._recorded = recorded
        self._outputs = list(outputs)
        self.nodes = [_described(node, index, names or {}) for node in recorded]
        self.outputs = tuple(index[node] for node in roots)

    @classmethod
    def of(cls, *outputs: Tensor) -> Graph:
        """Return the graph behind tensors that have been computed already."""
        return cls(outputs)

    @classmethod
    def trace(cls, function: Callable[..., Any], *inputs: Any) -> Graph:
        """Return the graph of ``function(*inputs)``: every operation, tracked or not, with every value.

        The inputs are named after the parameters of `function` (of `forward`, for a module) where they have no name.
        Every tensor of a nested result is an output. ArgumentError if there is none.
        """
        with _tracing():
            result = function(*inputs)
        outputs = list(_tensors(result))
        if not outputs:
            raise ArgumentError(f"the traced function returned {type(result).__name__}: a graph ends at tensors")
        names = dict(zip(_parameter_names(function), inputs, strict=False))
        given = {node_of(x): name for name, x in names.items() if isinstance(x, Tensor)}
        return cls(outputs, given)

    def edges(self) -> list[Edge]:
        """Return every use of a value, in the order of the consumers and their operands."""
        return [
            Edge(operand.source, node.index, slot)
            for node in self.nodes
            for slot, operand in enumerate(node.operands)
            if operand.source is not None
        ]

    def operands(self, node: GraphNode) -> tuple[Operand, ...]:
        """Return the operands of `node` in order."""
        return node.operands

    def gradients(self, seed: Tensor | Array | None = None) -> Gradients:
        """Return the gradient along every edge and at every node, from a reverse sweep that fills no `.grad`.

        `seed` is the cotangent of the first output, of its shape; ones by default. AutogradError if the graph has been
        freed by a backward pass.
        """
        first = self._outputs[0]
        if not first.tracked:
            return Gradients({}, {})
        start = (
            np.ones_like(first.array) if seed is None else seed.array if isinstance(seed, Tensor) else np.asarray(seed)
        )
        if start.shape != first.array.shape:
            raise AutogradError(f"the seed has shape {start.shape}, the output {first.array.shape}")
        record: EdgeRecord = []
        index = {node: i for i, node in enumerate(self._recorded)}
        found = reverse({self._recorded[self.outputs[0]]: start}, targets=self._recorded, edges=record)
        slots: dict[tuple[Node, Node], Iterator[int]] = {}
        edges: dict[tuple[int, int], Array] = {}
        for node, source, g in record:
            if (node, source) not in slots:
                slots[node, source] = (i for i, operand in enumerate(node.inputs) if operand is source)
            edges[index[node], next(slots[node, source])] = g
        return Gradients(edges, {index[node]: g for node, g in found.items()})

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        # what draws stands above this file and loads when a notebook asks, as the subpackages of `tensorgrad` do
        bundle: dict[str, str] = importlib.import_module("tensorgrad.viz.notebook").graph_bundle(self, include, exclude)
        return bundle

    def text(self) -> str:
        """Return the graph as a typed program, one line per node."""
        lines = []
        for node in self.nodes:
            words = [node.op]
            words += [f"%{o.source}" if o.source is not None else repr(o.constant) for o in node.operands]
            words += [f"{k}={v!r}" for k, v in node.params.items()]
            if not node.operands:
                words.append(node.name or f"x{node.index}")
            elif node.name:
                words.append(f"# {node.name}")
            shape = ",".join(map(str, node.shape))
            lines.append(f"%{node.index}: {node.dtype}[{shape}] = {' '.join(words)}")
        lines.append("return " + ", ".join(f"%{i}" for i in self.outputs))
        return "\n".join(lines)


class _tracing:  # noqa: N801 - used like a function
    """Context manager: record every operation and keep every value."""

    def __enter__(self) -> None:
        self._token = CONTEXT.set(replace(context(), special=context().special | TRACING))

    def __exit__(self, *exception: object) -> None:
        CONTEXT.reset(self._token)


def _tensors(result: Any) -> Iterator[Tensor]:
    """Yield every tensor of a result: itself, or those in tuples, lists and mappings."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, Mapping | tuple | list):
        for part in result.values() if isinstance(result, Mapping) else result:
            yield from _tensors(part)


def _all_nodes(roots: Iterable[Node]) -> list[Node]:
    """Return the nodes behind `roots`, constants included, in the order of their creation."""
    order = list(dict.fromkeys(roots))
    seen = set(order)
    for node in order:
        for parent in node.inputs:
            if isinstance(parent, Node) and parent not in seen:
                seen.add(parent)
                order.append(parent)
    return sorted(order, key=lambda node: node.serial)


def _described(node: Node, index: Mapping[Node, int], names: Mapping[Node, str]) -> GraphNode:
    owner = node.owner() if node.owner is not None else None
    if node.primitive is not None:
        op, symbol = node.primitive.name, node.primitive.symbol
        value = node.saved[0] if node.saved else None
    else:
        op = "input" if node in names else "parameter" if node.tracked else "constant"
        symbol = node.name or names.get(node, "")
        value = None if owner is None else owner.array
    operands = tuple(Operand(index[i], None) if isinstance(i, Node) else Operand(None, i) for i in node.inputs)
    return GraphNode(
        index[node], op, symbol, operands, node.params, node.shape, node.dtype, node.scope,
        node.name or names.get(node), node.tracked, value,
    )  # fmt: skip


def _parameter_names(function: Callable[..., Any]) -> list[str]:
    target = getattr(function, "forward", function)
    try:
        parameters = inspect.signature(target).parameters.values()
    except ValueError:  # a callable written in C tells no names
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def named(name: str, x: Tensor) -> Tensor:
    """Name the value `x` for the drawing and return it; nothing happens to a value that no graph contains."""
    if x.node is not None or context().special & TRACING:
        x.name = name
    return x


__all__ = ["Edge", "Gradients", "Graph", "GraphNode", "Operand", "Scope", "named"]
