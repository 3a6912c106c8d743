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

import inspect
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.context import CONTEXT, TRACING, Scope, context
from tensorgrad.dtypes import Array, DType
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.fused import expand
from tensorgrad.places import Place
from tensorgrad.sweeps import EdgeRecord, reverse
from tensorgrad.tensor import Node, Tensor, node_of
from tensorgrad.writes import written_since

_ONE_AT_A_TIME = threading.Lock()  # two drawings of one graph would expand the same nodes


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
    place: Place | None


@dataclass(frozen=True)
class Gradients:
    """The result of a reverse sweep: per edge ``(target, slot)`` the contribution, per node the sum of them."""

    edges: Mapping[tuple[int, int], Array]
    nodes: Mapping[int, Array]


class Graph:
    """What was recorded on the way to some outputs.

    `nodes` are in topological order (a node's index is its place), `outputs` the indices of the results. What led to
    the tensors `also` is among the nodes as well.
    """

    def __init__(
        self, outputs: Sequence[Tensor], names: Mapping[Node, str] | None = None, also: Sequence[Tensor] = ()
    ) -> None:
        roots = [node_of(y) for y in (*outputs, *also)]
        with _ONE_AT_A_TIME:
            recorded = _all_nodes(roots)
            if expand(node for node in recorded if not _overwritten(node)):
                recorded = _all_nodes(roots)
        values = _values(recorded, (*outputs, *also))
        index = {node: i for i, node in enumerate(recorded)}
        self._recorded = recorded
        self._outputs = list(outputs)
        self.nodes = [_described(node, index, names or {}, values.get(node)) for node in recorded]
        self.outputs = tuple(index[node] for node in roots[: len(outputs)])

    @classmethod
    def of(cls, *outputs: Tensor) -> Graph:
        """Return the graph behind tensors that have been computed already."""
        return cls(outputs)

    @classmethod
    def trace(cls, function: Callable[..., Any], *inputs: Any) -> Graph:
        """Return the graph of ``function(*inputs)``: every operation, tracked or not, with every value.

        The inputs are named after the parameters of `function` (of `forward`, for a module) where they have no name.
        """
        with _tracing():
            result = function(*inputs)
        outputs = list(_tensors(result))
        if not outputs:
            raise ArgumentError(f"the traced function returned {type(result).__name__}: there is no Tensor to draw")
        names = dict(zip(_parameter_names(function), inputs, strict=False))
        given = {node_of(x): name for name, x in names.items() if isinstance(x, Tensor)}
        graph = cls(outputs, given)
        for node in graph._recorded:
            _keep_what_is_read(node)
        return graph

    def edges(self) -> list[Edge]:
        """Return every use of a value, in the order of the consumers and their operands."""
        return [
            Edge(operand.source, node.index, slot)
            for node in self.nodes
            for slot, operand in enumerate(node.operands)
            if operand.source is not None
        ]

    def tensor_of(self, leaf: GraphNode) -> Tensor | None:
        """Return the tensor that `leaf` stands for, as long as it lives; its value may have been written since."""
        owner = self._recorded[leaf.index].owner
        return None if owner is None else owner()

    def operands(self, node: GraphNode) -> tuple[Operand, ...]:
        """Return the operands of `node` in order."""
        return node.operands

    def gradients(self, seed: Tensor | Array | None = None) -> Gradients:
        """Return the gradient along every edge and at every node, from a reverse sweep that fills no `.grad`.

        `seed` is the cotangent of the first output, of its shape; ones by default. AutogradError if the graph has been
        freed by a backward pass.
        """
        if not self._outputs or not self._outputs[0].tracked:
            return Gradients({}, {})
        first = self._outputs[0]
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
    """Yield the tensors in what a function returned: tuples, lists and dicts of them, nested, with None in places.

    Raises:
        ArgumentError: anything else is in there.
    """
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, tuple | list | dict):
        for part in result.values() if isinstance(result, dict) else result:
            yield from _tensors(part)
    elif result is not None:
        raise ArgumentError(
            f"the traced function returned {type(result).__name__}, which no graph leads to: return Tensors, or "
            f"tuples, lists and dicts of them"
        )


def _keep_what_is_read(node: Node) -> None:
    """Let `node` hold no more than without tracing: a write to what no rule reads makes no gradient wrong."""
    if node.primitive is None or node.primitive.kind in {"function", "fused"} or not node.saved:
        return
    keep = node.primitive.keeps(tuple(isinstance(i, Node) and i.tracked for i in node.inputs))
    node.saved = tuple(v if k else None for v, k in zip(node.saved, keep, strict=True)) if keep else ()


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


def _overwritten(node: Node) -> bool:
    return any(written_since(value, node.serial) for value in node.saved or ())


def _values(recorded: Sequence[Node], outputs: Iterable[Tensor]) -> dict[Node, Array]:
    """Return the values that are still held somewhere, without those that have been written since."""
    known: dict[Node, Array] = {}
    for node, value, since in _held(recorded, outputs):
        fits = node not in known and value.shape == node.shape and value.dtype == node.dtype
        if fits and not written_since(value, since):
            known[node] = value
    return known


def _held(recorded: Sequence[Node], outputs: Iterable[Tensor]) -> Iterator[tuple[Node, Array, float]]:
    """Yield nodes with their value, and since when that has been theirs.

    It is held by the node itself, by one that reads it, or by its tensor: that of an output or of a leaf.
    """
    for node in recorded:
        if node.primitive is not None and node.primitive.kind != "function":  # which saves what its author likes
            for source, value in zip((node, *node.inputs), node.saved or (), strict=False):
                if isinstance(source, Node) and isinstance(value, np.ndarray):
                    yield source, value, node.serial
    first_read = {i: node.serial for node in reversed(recorded) for i in node.inputs if isinstance(i, Node)}
    tensors = [(node_of(y), y) for y in outputs]
    tensors += [(node, y) for node in recorded if node.owner is not None and (y := node.owner()) is not None]
    for node, y in tensors:
        yield node, y.array, first_read.get(node, math.inf) if node.primitive is None else node.serial


def _described(node: Node, index: Mapping[Node, int], names: Mapping[Node, str], value: Array | None) -> GraphNode:
    if node.primitive is not None:
        op, symbol = node.primitive.name, node.primitive.symbol
    else:
        op = "input" if node in names else "parameter" if node.tracked else "constant"
        symbol = node.name or names.get(node, "")
    operands = tuple(Operand(index[i], None) if isinstance(i, Node) else Operand(None, i) for i in node.inputs)
    return GraphNode(
        index[node], op, symbol, operands, node.params, node.shape, node.dtype, node.scope,
        node.name or names.get(node), node.tracked, value, node.place,
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
