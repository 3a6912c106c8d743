"""How a value or a gradient is computed from the values that have names, as text: ``x̂ = xμ * ivar``.

Nothing is restated: a gradient's formula is read from the graph of the backward pass, whose nodes the rules of the
table have recorded. What only arranges elements (a reshape, the repetition that undoes a sum) is left out.
"""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tensorgrad.graph import Graph, GraphNode, Passes
from tensorgrad.graph.notation import Formula, applied, numbered

from .text import WHOLE, clean, number

_SILENT = frozenset({"reshape", "broadcast_to", "astype", "contiguous", "unknown"})
_DEEPEST = 12  # unnamed values inside each other
_READ = 240  # letters of a formula that leaves something out


def told_apart(graph: Graph) -> Graph:
    """Return `graph` with names that no two values share: the weights of two layers are ``W₁`` and ``W₂``.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Linear(2, 2))
    >>> told_apart(tg.graph.Graph.trace(net, tg.ones(1, 2))).names()
    ['input', 'W₁', 'b₁', 'v3', 'W₂', 'b₂', 'out']
    """
    taken = Counter(node.name for node in graph.nodes if node.name)
    fresh = {name: _numbered(name, taken) for name, count in taken.items() if count > 1}
    found = copy.copy(graph)
    found.nodes = [replace(n, name=next(fresh[n.name])) if n.name in fresh else n for n in graph.nodes]
    return found


def _numbered(name: str, taken: Container[str]) -> Iterator[str]:
    """Yield `name` with one number after the other, but for those that are `taken`."""
    return (word for n in itertools.count(1) if (word := numbered(name, n)) not in taken)


class Expressions:
    """The formulas of a graph's values.

    Args:
        nodes: of the graph.
        names: for every value, what stands for it.
        own: for every value, whether its name stands for it; others are spelt out.
        dims: letters for lengths: a factor of one over such a length is a quotient by it.

    >>> import tensorgrad as tg
    >>> graph = tg.graph.Graph.trace(lambda x: (x * 2 + 1).exp() / x, tg.ones(2))
    >>> Expressions(graph.nodes, graph.names(), [False] * 5).of(4)
    'exp(x * 2 + 1) / x'
    """

    def __init__(
        self,
        nodes: Sequence[GraphNode],
        names: Sequence[str],
        own: Sequence[bool],
        dims: Mapping[int, str] | None = None,
    ) -> None:
        self.nodes = nodes
        self.names = names
        self.own = own
        self.letters = {np.float32(1 / n).item(): clean(letter, 12) for n, letter in (dims or {}).items() if n > 1}

    @classmethod
    def of_passes(
        cls, passes: Passes, names: Sequence[str], outputs: Container[int], dims: Mapping[int, str] | None
    ) -> Expressions:
        """Return the formulas of values and gradients; `names` are those of the values, which `outputs` end."""
        words = [*names, *map(clean, passes.names[len(names) :])]
        return cls(passes.nodes, words, [n.name is not None or n.index in outputs for n in passes.nodes], dims)

    def of(self, index: int) -> str:
        """Return how the value of a node is computed; its name where nothing computes it."""
        node = self.nodes[index]
        return self.names[index] if node.is_leaf else clean(self._whole(node), WHOLE)

    def _whole(self, node: GraphNode) -> str:
        """Return the formula of a node; of one that nobody would read no more than its outermost parts."""
        text = self._computed(node, _DEEPEST).text
        depth = _DEEPEST
        while depth > 1 and len(text) > (_READ if "…" in text else WHOLE):
            depth -= 1
            text = self._computed(node, depth).text
        return text

    def told(self, node: GraphNode) -> str:
        """Return how `node` is computed, also where it only arranges elements."""
        text = self._computed(node, _DEEPEST).text
        return clean(f"{node.op}({text})" if node.op in _SILENT else text)

    def _computed(self, node: GraphNode, depth: int) -> Formula:
        operands = [self._operand(o.source, o.constant, depth) for o in node.operands]
        if node.op in _SILENT and operands:
            return operands[node.op == "unknown"]
        letter = self._letter(node)
        if letter is not None:
            return applied("div", [operands[0], Formula(letter)])
        return applied("swapped" if node.op == "transpose" and len(node.shape) == 2 else node.op, operands)

    def _letter(self, node: GraphNode) -> str | None:
        """Return the letter of the length that the first operand is divided by, by a factor of one over it."""
        factor = node.operands[-1].constant if node.op == "mul" and node.operands[-1].source is None else None
        return self.letters.get(np.float32(factor).item()) if isinstance(factor, float | np.floating) else None

    def _operand(self, source: int | None, constant: object, depth: int) -> Formula:
        if source is None:
            return Formula(number(constant))
        node = self.nodes[source]
        if node.is_leaf and node.name is None and node.value is not None and node.value.size == 1:
            return Formula(number(node.value.item()))
        if self.own[source] or node.is_leaf:
            return Formula(self.names[source])
        return self._computed(node, depth - 1) if depth else Formula("…")
