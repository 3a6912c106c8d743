"""What a circle shows: the operation with its scalar constants, and small operations drawn inside their consumer.

Scalar constants are no circles of their own: they stand in the label of the operation that reads them, on the side
where they were written (``**2``, ``1/x``, ``x+ε``). Adding or multiplying by a constant on the way into one unary
operation is part of that operation's label: ``√(x+ε)``. A reduction along axes bears their letters, i for the first, j
for the second (``Σⱼ``), an index its parts (``[:, 0]``), windows their sizes and their stride (``⊞ 3×3, /2``).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.reads import nodes_in
from tensorgrad.graph import FunctionScope, Graph, GraphNode, Scope
from tensorgrad.graph.arranging import Served
from tensorgrad.graph.held import made_up
from tensorgrad.graph.notation import numbered, subscript
from tensorgrad.ops.processes import EXCHANGES

from .text import clean, number, shown_bytes, sizes_text

_SYMMETRIC = frozenset({
    "add", "mul", "eq", "ne", "bitwise_and", "bitwise_or", "bitwise_xor", "maximum", "minimum", "logaddexp",
    "logaddexp2", "hypot",
})  # fmt: skip
_HELD = frozenset({"parameter", "buffer"})
_LETTERS = "ᵢⱼₖₗₘₙ"  # of the axes, the first one first
_ALONE = {"√": "√x", "ᵀ": "xᵀ"}  # signs that say too little by themselves, or are too small
_INSIDE = 14  # characters that still fit a circle
_VARIABLE = re.compile(r"(?<![^\W_])x(?![^\W_])")


def absorbed(graph: Graph, around: Sequence[Sequence[Scope]], inner: Served) -> dict[int, int]:
    """Return the nodes that are drawn inside another one, with its index: those of `inner`, and small operations.

    These add, subtract, multiply or divide by a scalar constant, have no name, are no output, and their only
    consumer is a unary elementwise operation of the same call: `around` has those around every node.

    >>> import tensorgrad as tg
    >>> absorbed(Graph.of((tg.ones(2, requires_grad=True) * 2 + 1).sqrt()), [[]] * 4, Served())
    {2: 3}
    """
    uses = Counter(edge.source for edge in graph.edges())
    found = dict(inner.into)
    for edge in graph.edges():
        node, consumer = graph.nodes[edge.source], graph.nodes[edge.target]
        alone = uses[node.index] == 1 and node.index not in graph.outputs and node.name is None
        fits = alone and _scales_or_shifts(node) and _unary(consumer) and around[node.index] == around[consumer.index]
        if fits and len(_applied(consumer, circle_label(node))) <= _INSIDE:
            found[node.index] = consumer.index
    for index in sorted(found, reverse=True):  # an operation that is drawn inside another one may hold some as well
        found[index] = found.get(found[index], found[index])
    return found


def _scales_or_shifts(node: GraphNode) -> bool:
    constants = [operand.source is None for operand in node.operands]
    either = node.op in {"add", "mul"} and constants in ([True, False], [False, True])
    return either or (node.op in {"sub", "div"} and constants == [False, True])


def _unary(node: GraphNode) -> bool:
    return len(node.operands) == 1 and node.op in PRIMITIVES and PRIMITIVES[node.op].kind == "elementwise"


def circle_label(node: GraphNode, inner: GraphNode | None = None, call: str = "") -> str:
    """Return the label of the circle of operation `node`, into which the node `inner` is drawn as well, if given.

    What is all of a `call`, and has a sign that says less, bears its name: ``outer``, ``interpolate``.
    An operation of three operands and more says below its sign which of them are numbers: ``·, 0, ·``.
    """
    if inner is not None or call:
        return "\n".join(map(clean, call.split("\n"))) if inner is None else _applied(node, circle_label(inner))
    # there are no parameters where an operation failed before it had them
    if node.op in _TOLD and (node.params or node.op in EXCHANGES):
        return clean(_TOLD[node.op](node))
    constants = [operand.constant for operand in node.operands if operand.source is None]
    if constants and len(node.operands) > 2:
        chosen = [
            int(c) if isinstance(c, bool) and node.dtype.kind != "b" else c for c in constants
        ]  # a zero of any dtype
        told = map(number, chosen)
        words = [next(told) if operand.source is None else "·" for operand in node.operands]
        return f"{clean(node.symbol)}\n{', '.join(words)}"
    if len(node.operands) == 2 and len(constants) == 1:
        if node.op == "pow" and node.operands[0].source is not None:
            return f"**{number(constants[0])}"
        left, right = (number(o.constant) if o.source is None else "x" for o in node.operands)
        return infix(node.symbol, left, right)
    return _ALONE.get(node.symbol) or clean(node.symbol)


def _axes(node: GraphNode) -> str:
    """Return the letters of the axes along which `node` reduces; none where it takes all, or fails for its axes."""
    axis = node.params.get("axis")
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    ndim = len(node.shape or ()) + len(axes) * (not node.params.get("keepdims"))
    places = sorted(a % ndim for a in axes if isinstance(a, int | np.integer) and -ndim <= a < ndim <= len(_LETTERS))
    return "".join(_LETTERS[place] for place in places)


def _index(index: Any) -> str:
    """Return an index as one writes it, a dot for an array among its parts.

    >>> _index((slice(None), 0, slice(1, None, 2), ...)), _index(np.array([1, 2])), _index((np.array([0]), None))
    (':, 0, 1::2, …', ' ', '·, None')
    """
    parts = index if type(index) is tuple else (index,)
    words = [_part(part) for part in parts]
    whole = next((i for i, word in enumerate(words) if word != ":"), 0)
    words = ["…", *words[whole:]] if whole > 2 else words
    return " " if set(words) == {"·"} else ", ".join(words)


def _is_made(index: Any) -> bool:
    """Return whether an index holds arrays, of which the user has given none."""
    arrays = [part for part in (index if type(index) is tuple else (index,)) if isinstance(part, np.ndarray)]
    return bool(arrays) and not nodes_in(arrays)


def _part(part: Any) -> str:
    if isinstance(part, slice):
        start, stop, step = ("" if v is None else _part(v) for v in (part.start, part.stop, part.step))
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    if part is None or part is ...:
        return "None" if part is None else "…"
    return str(part) if isinstance(part, int | np.integer) else "·"


def _indexed(node: GraphNode) -> str:
    return node.symbol.replace("[ ]", f"[{clean(_index(node.params['index']), _INSIDE)}]")


def _assigned(node: GraphNode) -> str:
    """Return the places that are written, and the number if it is one: ``[0]=5``."""
    written = node.operands[-1]
    return _indexed(node) + ("" if written.source is not None else number(written.constant))


def _scattered(node: GraphNode) -> str:
    """Return what zeros are filled with as users ask for it: ``pad (2, 0)``; in a backward pass, what that undoes."""
    index, shape = node.params["index"], node.params["shape"]
    parts = index if type(index) is tuple else (index,)
    if node.order or not all(type(part) is slice or part is ... for part in parts):
        added = not node.order and any(isinstance(part, np.ndarray | list) for part in parts)
        return "index_add" if added else _indexed(node)
    inside = [range(n)[part] for n, part in zip(shape, _whole(parts, len(shape)), strict=True)]
    ends = [(r.start, n - r.stop) for r, n in zip(inside, shape, strict=True)]
    if any(r.step != 1 for r in inside):
        return _indexed(node)
    while len(ends) > 1 and ends[0] == (0, 0):
        del ends[0]
    return f"pad {tuple(n for end in ends[::-1] for n in end)}"


def _whole(parts: Sequence[Any], ndim: int) -> list[slice]:
    """Return an index of slices with one for each axis."""
    first = parts[: parts.index(...)] if ... in parts else parts
    last = parts[len(first) + 1 :]
    return [*first, *[slice(None)] * (ndim - len(first) - len(last)), *last]


def _exchanged(node: GraphNode) -> str:
    """Return what ranks exchange, and how much: ``Σ ranks ⇄ 2.1 kB``."""
    return f"{node.symbol} ⇄ {shown_bytes(math.prod(node.shape or ()) * node.dtype.itemsize)}"


_TOLD: dict[str, Callable[[GraphNode], str]] = {
    **dict.fromkeys(EXCHANGES, _exchanged),
    **dict.fromkeys(["sum", "amax", "amin", "argmax", "argmin"], lambda node: f"{node.symbol}{_axes(node)}"),
    "mean": lambda node: f"1/N Σx{_axes(node) or _LETTERS[0]}",
    "getitem": _indexed,
    "assign": _assigned,
    "scatter": _scattered,
    "unfold": lambda node: f"{node.symbol} {sizes_text(node.params['size'], node.params['stride'])}",
    "windowed": lambda node: f"{node.symbol} {sizes_text([node.params['size']], [node.params['step']])}",
}
"""What stands in the circle of an operation beside its sign."""


def infix(symbol: str, left: str, right: str) -> str:
    """Return a binary operation written out: between its operands if the symbol is a sign, before them if a word."""
    if any(c.isalpha() for c in symbol):
        return f"{clean(symbol)}({left}, {right})"
    left = f"({left})" if symbol == "**" and left[0] == "−" else left
    right = f"({right})" if symbol in {"+", "−", "*", "/", "//"} and right[0] == "−" else right
    return f"{left}{clean(symbol)}{right}"


def _applied(node: GraphNode, argument: str) -> str:
    """Return unary `node` applied to a written argument: ``√(x+ε)``, ``exp(x*2)``, ``−(x+1)``, ``|x−1|``."""
    symbol = clean(node.symbol)
    if symbol == "|x|":
        return f"|{argument}|"
    return _VARIABLE.sub(lambda _: f"({argument})", symbol) if _VARIABLE.search(symbol) else f"{symbol}({argument})"


def leaf_labels(nodes: Sequence[GraphNode]) -> dict[int, str]:
    """Return what the circles of leaves show: their names, the number if it is one, or what they are."""
    leaves = [node for node in nodes if node.is_leaf]
    told = {node.index: clean(node.name) if node.name else _as_number(node) for node in leaves}
    return told | made_up([node for node in leaves if not told[node.index]], numbered)


def _as_number(node: GraphNode) -> str:
    """Return the number that a constant is, as a label shows it; empty where it is none."""
    value = node.value if node.op == "constant" else None
    return "" if value is None or value.size != 1 or value.dtype.kind not in "biuf" else number(value.item())


def single(nodes: Sequence[GraphNode]) -> dict[int, str]:
    """Return the indices that functions have made, and that are all of a call, each with the name of that."""
    count = Counter(node.scope for node in nodes if not node.is_leaf)
    made = [
        node for node in nodes if node.op == "getitem" and count[node.scope] == 1 and _is_made(node.params["index"])
    ]
    return {node.index: node.scope.kind for node in made if isinstance(node.scope, FunctionScope)}


def held(graph: Graph) -> set[int]:
    """Return the parameters and buffers, and what is computed of these alone: what a layer has, and is not given.

    Of what it has it knows the names: a tensor without one that requires a gradient, or with that of a variable, is
    somebody's input.
    """
    found: set[int] = set()
    for node in graph.nodes:
        read = {operand.source for operand in node.operands} - {None}
        if (node.op in _HELD and node.name and not graph.is_held(node.index)) or (read and read <= found):
            found.add(node.index)
    return found


def is_asymmetric(node: GraphNode, own: Collection[int], *, called: bool = False) -> bool:
    """Return whether `node` reads different values, and would be another one if some of them were exchanged.

    The weight and the bias of a layer are known by what they are, its `own`; a weight that is given is not. What failed
    bears the name of the function, `linear`. What stands for a call of a function (`called`) may be a product, and is
    not that of its arguments, as in ``outer``.
    """
    sources = [operand.source for operand in node.operands if operand.source is not None]
    if node.op in ("affine", "linear") and [source in own for source in sources] == [False, True, True]:
        return False
    return len(set(sources)) > 1 and (called or node.op not in _SYMMETRIC)


def value_names(graph: Graph) -> list[str]:
    """Return the name of every value: its own, "out" for an output without one, v and its index for the others.

    Where the script has an "out", an output is the "result".
    """
    leaves = leaf_labels(graph.nodes)
    names = [leaves.get(n.index) or (clean(n.name) if n.name else f"v{n.index}") for n in graph.nodes]
    word = "result" if "out" in names else "out"
    for i, (index, key) in enumerate(zip(graph.outputs, graph.keys, strict=True), 1):
        if graph.nodes[index].name is None:
            names[index] = clean(key) or (word if len(graph.outputs) == 1 else f"{word}{subscript(i)}")
    return names


def spoken_names(graph: Graph, called: Mapping[int, str], inner: Served) -> list[str]:
    """Return the names of all values; one that has none is `called` so, or after the operation that makes it.

    Where one operation makes several they are numbered, in the order of computation: ``tanh₁``, ``tanh₂``. `inner` has
    what is drawn inside other operations.
    """
    names = value_names(graph)
    made = [n.index for n in graph.nodes if not n.is_leaf and n.name is None and n.index not in graph.outputs]
    made = [index for index in made if index not in inner.into]
    for index in made:
        call, _, _ = inner.calls.get(index, "").partition("\n")
        names[index] = called.get(index) or clean(call or graph.nodes[inner.shown.get(index, index)].op)
    shared, counts = Counter(names), Counter[str]()
    for index in made:
        word = names[index]
        counts[word] += 1
        names[index] = numbered(word, counts[word]) if shared[word] > 1 else word
    for index, end in inner.into.items():
        names[index] = graph.nodes[index].name or names[end]
    return names
