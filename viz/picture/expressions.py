"""How a value or a gradient is computed from the values that have names, as text: ``x̂ = xμ * ivar``.

Nothing is restated: a gradient's formula is read from the graph of the backward pass, whose nodes the rules of the
table have recorded. What only arranges elements (a reshape, the repetition that undoes a sum) is left out. One number
may be the gradient of several values, of both terms of a sum: it is called after the value whose gradient is meant.
"""

from __future__ import annotations

import copy
import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tensorgrad.graph import Graph, GraphNode, Passes
from tensorgrad.graph.notation import ATOM, SIGN, Formula, applied, numbered

from .text import WHOLE, clean, number

_SILENT = frozenset({"reshape", "broadcast_to", "astype", "contiguous", "unknown"})
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")
_DEEPEST = 12  # unnamed values inside each other
_READ = 240  # letters of a formula that leaves something out


def told_apart(graph: Graph) -> Graph:
    """Return `graph` with names that no two values share: the weights of two layers are ``W₁`` and ``W₂``.

    A constant that is filled with a number has that for a name, as all that are filled with it.

    >>> import tensorgrad as tg
    >>> net = tg.nn.Sequential(tg.nn.Linear(2, 2), tg.nn.Linear(2, 2))
    >>> [name for name in told_apart(tg.graph.Graph.trace(net, tg.ones(1, 2))).names() if name[0] in "Wb"]
    ['W₁', 'b₁', 'W₂', 'b₂']
    """
    taken = Counter(node.name for node in graph.nodes if node.name)
    fresh = {name: _numbered(name, taken) for name, count in taken.items()
             if count > 1 and not _NUMBER.fullmatch(name)}  # fmt: skip
    found = copy.copy(graph)
    found.nodes = [replace(n, name=next(fresh[n.name])) if n.name in fresh else n for n in graph.nodes]
    return found


def _numbered(name: str, taken: Container[str]) -> Iterator[str]:
    """Yield `name` with one number after the other, but for those that are `taken`."""
    return (word for n in itertools.count(1) if (word := numbered(name, n)) not in taken)


class Part(NamedTuple):
    """A part of a value's gradient: the nodes of the backward pass that add up to it, and what stands for it.

    One that no arrow names is spelt out: it comes from the gradient of the value of the node `target`.
    """

    nodes: tuple[int, ...]
    name: str | None
    target: int = -1


class Expressions:
    """The formulas of a graph's values.

    Args:
        nodes: of the graph.
        names: for every value, what stands for it.
        own: for every value, whether its name stands for it; others are spelt out.
        dims: letters for lengths: a factor of one over such a length is a quotient by it.
        parts: for a value, by its node, those of its gradient.
        calls: values that are written as a call of something on the values of other nodes.

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
        parts: Mapping[int, Sequence[Part]] | None = None,
        calls: Mapping[int, tuple[str, Sequence[int]]] | None = None,
    ) -> None:
        self.parts, self.calls = parts or {}, calls or {}
        self.nodes = nodes
        self.names = names
        self.own = own
        self.letters = {np.float32(1 / n).item(): clean(letter, 12) for n, letter in (dims or {}).items() if n > 1}

    @classmethod
    def of_passes(
        cls,
        passes: Passes,
        names: Sequence[str],
        outputs: Container[int],
        dims: Mapping[int, str] | None,
        parts: Mapping[int, Sequence[Part]],
        calls: Mapping[int, tuple[str, Sequence[int]]],
    ) -> Expressions:
        """Return the formulas of values and gradients; `names` are those of the values, which `outputs` end."""
        words = [*names, *map(_word, passes.nodes[len(names) :], passes.names[len(names) :])]
        own = [node.name is not None or node.index in outputs for node in passes.nodes[: len(names)]]
        return cls(passes.nodes, words, [*own, *[False] * (len(words) - len(own))], dims, parts, calls)

    def of(self, index: int) -> str:
        """Return how the value of a node is computed; its name where nothing computes it."""
        node = self.nodes[index]
        return self.names[index] if node.is_leaf else _whole(lambda depth: self._computed(node, depth))

    def of_gradient(self, index: int, target: int) -> str:
        """Return how the gradient that the node `index` holds comes from that of the value of the node `target`."""
        return _whole(lambda depth: self._operand(index, None, depth + 1, target))

    def told(self, node: GraphNode) -> str:
        """Return how `node` is computed, also where it only arranges elements."""
        text = self._computed(node, _DEEPEST).text
        return clean(f"{node.op}({text})" if node.op in _SILENT else text)

    def _computed(self, node: GraphNode, depth: int, target: int = -1) -> Formula:
        if node.index in self.calls:
            word, given = self.calls[node.index]
            return Formula(f"{word}({', '.join(self._operand(i, None, depth).text for i in given)})")
        operands = [self._operand(o.source, o.constant, depth, target) for o in node.operands]
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

    def _operand(self, source: int | None, constant: object, depth: int, target: int = -1) -> Formula:
        """Return an operand of what is computed from the gradient of the value of the node `target`, if any is."""
        if source is None:
            return _constant(constant)
        while self.parts:  # which the gradients have
            part = next((p for p in self.parts.get(target, ()) if p.nodes == (source,)), None)
            if part is None:
                break
            if part.name is not None:
                return Formula(part.name)
            target = part.target
        node = self.nodes[source]
        if node.is_leaf and node.name is None and node.value is not None and node.value.size == 1:
            return _constant(node.value.item())
        if self.own[source] or node.is_leaf:
            return Formula(self.names[source])
        if not depth:
            return Formula("…")
        parts = self._added(source, target)
        return self._sum(parts, depth) if parts else self._computed(node, depth - 1, target)

    def _added(self, source: int, target: int) -> Sequence[Part]:
        """Return the parts of the gradient of `target` where the node `source` is the sum of them all, else none."""
        parts = self.parts.get(target, ())
        if not parts:
            return ()
        wanted = Counter(node for part in parts for node in part.nodes)
        found, queue = Counter[int](), [source]
        while queue and found.total() <= wanted.total():
            node = self.nodes[index := queue.pop()]
            if index in wanted:
                found[index] += 1
            elif node.op == "add":
                queue += [o.source for o in node.operands if o.source is not None]
        return parts if found == wanted else ()

    def _sum(self, parts: Sequence[Part], depth: int) -> Formula:
        words = [Formula(p.name) if p.name else self._operand(p.nodes[0], None, depth - 1, p.target) for p in parts]
        return functools.reduce(lambda total, word: applied("add", [total, word]), words)


def _word(node: GraphNode, name: str) -> str:
    """Return what stands for a value of the backward pass: its name, but for an array that no picture shows."""
    if not node.is_leaf or node.name is not None or node.value is None or not node.value.size:
        return clean(name)
    first = node.value.flat[0]
    return number(first.item()) if (node.value == first).all() else "[ ]"


def _constant(value: object) -> Formula:
    text = number(value)
    return Formula(text, SIGN if text.startswith("−") else ATOM)


def _whole(formula: Callable[[int], Formula]) -> str:
    """Return a formula of some depth; of one that nobody would read no more than its outermost parts."""
    depth = _DEEPEST
    text = formula(depth).text
    while depth > 1 and len(text) > (_READ if "…" in text else WHOLE):
        depth -= 1
        text = formula(depth).text
    return clean(text, WHOLE)
