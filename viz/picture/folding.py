"""What a circle shows: the operation with its scalar constants, and small operations drawn inside their consumer.

Scalar constants are no circles of their own: they stand in the label of the operation that reads them, on the side
where they were written (``**2``, ``1/x``, ``x+ε``). Adding or multiplying by a constant on the way into one unary
operation is part of that operation's label: ``√(x+ε)``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.graph import Graph, GraphNode, Scope

from .text import clean, number

_SYMMETRIC = frozenset({
    "add", "mul", "eq", "ne", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", "logaddexp", "hypot",
})  # fmt: skip
_INSIDE = 14  # characters that still fit a circle
_VARIABLE = re.compile(r"(?<![^\W_])x(?![^\W_])")


def absorbed(graph: Graph, around: Sequence[Sequence[Scope]]) -> dict[int, int]:
    """Return the nodes that are drawn inside their consumer, with the index of that consumer.

    Those nodes add, subtract, multiply or divide by a scalar constant, have no name, are no output, and their only
    consumer is a unary elementwise operation of the same call: `around` has those around every node.

    >>> import tensorgrad as tg
    >>> absorbed(Graph.of((tg.ones(2, requires_grad=True) * 2 + 1).sqrt()), [[]] * 4)
    {2: 3}
    """
    uses = Counter(edge.source for edge in graph.edges())
    found = {}
    for edge in graph.edges():
        node, consumer = graph.nodes[edge.source], graph.nodes[edge.target]
        alone = uses[node.index] == 1 and node.index not in graph.outputs and node.name is None
        fits = alone and _scales_or_shifts(node) and _unary(consumer) and around[node.index] == around[consumer.index]
        if fits and len(_applied(consumer, circle_label(node))) <= _INSIDE:
            found[node.index] = consumer.index
    return found


def _scales_or_shifts(node: GraphNode) -> bool:
    constants = [operand.source is None for operand in node.operands]
    either = node.op in {"add", "mul"} and constants in ([True, False], [False, True])
    return either or (node.op in {"sub", "div"} and constants == [False, True])


def _unary(node: GraphNode) -> bool:
    return len(node.operands) == 1 and node.op in PRIMITIVES and PRIMITIVES[node.op].kind == "elementwise"


def circle_label(node: GraphNode, inner: GraphNode | None = None) -> str:
    """Return the label of the circle of operation `node`, into which the node `inner` is drawn as well, if given."""
    if inner is not None:
        return _applied(node, circle_label(inner))
    if node.op == "mean":
        return "1/N Σxᵢ"
    constants = [operand.constant for operand in node.operands if operand.source is None]
    if len(node.operands) == 2 and len(constants) == 1:
        if node.op == "pow" and node.operands[0].source is not None:
            return f"**{number(constants[0])}"
        left, right = (number(o.constant) if o.source is None else "x" for o in node.operands)
        return infix(node.symbol, left, right)
    return "√x" if node.symbol == "√" else clean(node.symbol)


def infix(symbol: str, left: str, right: str) -> str:
    """Return a binary operation written out: between its operands if the symbol is a sign, before them if a word."""
    word = any(c.isalpha() for c in symbol)
    return f"{clean(symbol)}({left}, {right})" if word else f"{left}{clean(symbol)}{right}"


def _applied(node: GraphNode, argument: str) -> str:
    """Return unary `node` applied to a written argument: ``√(x+ε)``, ``exp(x*2)``, ``−(x+1)``, ``|x−1|``."""
    symbol = clean(node.symbol)
    if symbol == "|x|":
        return f"|{argument}|"
    return _VARIABLE.sub(lambda _: f"({argument})", symbol) if _VARIABLE.search(symbol) else f"{symbol}({argument})"


def leaf_label(node: GraphNode) -> str:
    """Return what the circle of a leaf shows: its name, the number if it is one, or x and its index."""
    if node.name:
        return clean(node.name)
    if node.op == "constant" and node.value is not None and node.value.size == 1 and node.value.dtype.kind in "biuf":
        return number(node.value.item())
    return f"x{node.index}"


def is_asymmetric(node: GraphNode) -> bool:
    """Return whether `node` reads two different values, and would be another one if they were exchanged."""
    sources = {operand.source for operand in node.operands}
    return len(node.operands) == len(sources) == 2 and None not in sources and node.op not in _SYMMETRIC
