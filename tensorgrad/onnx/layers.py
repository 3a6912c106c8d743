"""Calls of functions that are one operation in ONNX: convolutions and the greatest of windows."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from tensorgrad.base.context import FunctionScope, outward
from tensorgrad.graph import Graph, GraphNode

from .writer import Value, Writer


class Call(NamedTuple):
    """A call that is written as one: its function, settings, the nodes of its arguments by place, and its result."""

    kind: str
    settings: dict[str, Any]
    arguments: dict[int, int]
    inside: frozenset[int]
    result: int


def calls(graph: Graph) -> dict[int, Call]:
    """Return the calls that are written as one, by every node inside."""
    inside: dict[FunctionScope, list[GraphNode]] = defaultdict(list)
    for node in graph.nodes:
        for scope in outward(node.scope) if not node.is_leaf else ():
            if isinstance(scope, FunctionScope) and scope.kind in WRITTEN:
                inside[scope].append(node)
                break
    found: dict[int, Call] = {}
    for scope, nodes in inside.items():
        call = _call(graph, scope, nodes)
        if call is not None:
            found |= dict.fromkeys(call.inside, call)
    return found


def _call(graph: Graph, scope: FunctionScope, nodes: list[GraphNode]) -> Call | None:
    members = frozenset(node.index for node in nodes)
    read = {edge.source for edge in graph.edges() if edge.source in members and edge.target not in members}
    ends = read | (members & {*graph.outputs})
    arguments = {place: i for i in range(len(graph.nodes)) for place in graph.places_in(i, scope)}
    given = {operand.source for node in nodes for operand in node.operands} - members - {None}
    leaves = {i for i in given if i is not None and graph.nodes[i].op == "constant"}
    if len(ends) != 1 or not given - leaves <= {*arguments.values()}:
        return None
    kept = {place: i for place, i in arguments.items() if i in given}
    settings = {k.arg: ast.literal_eval(k.value) for k in ast.parse(f"f({scope.detail})", mode="eval").body.keywords}  # type: ignore[attr-defined]
    call = Call(scope.kind, settings, kept, members, ends.pop())
    return call if WRITTEN[scope.kind][0](graph, call) else None


def several(value: Any, count: int) -> list[int]:
    """Return a setting for each of `count` axes."""
    return [value] * count if isinstance(value, int) else list(value)


def _is_convolution(graph: Graph, call: Call) -> bool:
    count = int(call.kind[4])
    plain = not isinstance(call.settings.get("padding"), str)
    return plain and {1, 2} <= call.arguments.keys() and len(graph.nodes[call.arguments[1]].shape) == count + 2


def _convolution(w: Writer, call: Call, node: GraphNode) -> Value:
    count = int(call.kind[4])
    xs = [w.cast(w.values[call.arguments[place]], node.dtype) for place in (1, 2, 3) if place in call.arguments]
    settings = {name: several(call.settings.get(name, default), count)
                for name, default in (("stride", 1), ("padding", 0), ("dilation", 1))}  # fmt: skip
    return w.op("Conv", *(x.name for x in xs), shape=node.shape, dtype=node.dtype, strides=settings["stride"],
                pads=settings["padding"] * 2, dilations=settings["dilation"],
                group=call.settings.get("groups", 1))  # fmt: skip


def _is_pool(graph: Graph, call: Call) -> bool:
    count = int(call.kind[8])
    settings = call.settings
    return (
        1 in call.arguments
        and "kernel_size" in settings
        and not settings.get("return_indices")
        and len(graph.nodes[call.arguments[1]].shape) == count + 2
        and graph.nodes[call.result].dtype.kind == "f"
    )


def _pool(w: Writer, call: Call, node: GraphNode) -> Value:
    count, settings = int(call.kind[8]), call.settings
    size = several(settings["kernel_size"], count)
    stride = settings.get("stride")
    strides = size if stride is None else several(stride, count)
    dilations, before = several(settings.get("dilation", 1), count), several(settings.get("padding", 0), count)
    x = w.values[call.arguments[1]]
    ends = [  # so far as the last window reaches: with ceil_mode, ONNX counts windows that PyTorch leaves out
        max((out - 1) * step + (width - 1) * apart + 1 - length - pad, 0)
        for out, step, width, apart, length, pad in zip(
            node.shape[2:], strides, size, dilations, x.shape[2:], before, strict=True
        )
    ]
    return w.op("MaxPool", x.name, shape=node.shape, dtype=node.dtype, kernel_shape=size, strides=strides,
                pads=[*before, *ends], dilations=dilations)  # fmt: skip


Written = tuple[Callable[[Graph, Call], bool], Callable[[Writer, Call, GraphNode], Value]]
WRITTEN: dict[str, Written] = {
    **{f"conv{n}d": (_is_convolution, _convolution) for n in (1, 2, 3)},
    **{f"max_pool{n}d": (_is_pool, _pool) for n in (1, 2, 3)},
}
"""The functions that are one operation: whether a call is that, and how it is written."""
