"""How a value or a gradient is computed from the values that have names, as text: ``x̂ = xμ * ivar``.

Nothing is restated: a gradient's formula is read from the graph of the backward pass, whose nodes the rules of the
table have recorded. What only arranges elements (a reshape, the repetition that undoes a sum) is left out.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from tensorgrad.graph import GraphNode, Passes

from .folding import LEAVES
from .text import clean, number

CHOICE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
"""How strongly the parts of a formula hold together; a weaker part inside a stronger one gets parentheses."""

# how an operation is written, how strongly that holds together, and how strongly each of its operands must
_FORMS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "add": ("{} + {}", SUM, (SUM, SUM)),
    "sub": ("{} − {}", SUM, (SUM, PRODUCT)),
    "mul": ("{} * {}", PRODUCT, (PRODUCT, PRODUCT)),
    "div": ("{} / {}", PRODUCT, (PRODUCT, SIGN)),
    "matmul": ("{} @ {}", PRODUCT, (PRODUCT, SIGN)),
    "linear": ("{} @ {}ᵀ", PRODUCT, (PRODUCT, ATOM)),
    "affine": ("{} @ {}ᵀ + {}", SUM, (PRODUCT, ATOM, PRODUCT)),
    "pow": ("{} ** {}", POWER, (ATOM, SIGN)),
    "eq": ("{} = {}", CHOICE, (SUM, SUM)),
    "ne": ("{} ≠ {}", CHOICE, (SUM, SUM)),
    "lt": ("{} < {}", CHOICE, (SUM, SUM)),
    "le": ("{} ≤ {}", CHOICE, (SUM, SUM)),
    "gt": ("{} > {}", CHOICE, (SUM, SUM)),
    "ge": ("{} ≥ {}", CHOICE, (SUM, SUM)),
    "neg": ("−{}", SIGN, (SIGN,)),
    "sqrt": ("√{}", POWER, (ATOM,)),
    "sum": ("Σ({})", ATOM, (CHOICE,)),
    "sum_to": ("Σ({})", ATOM, (CHOICE,)),
}
_SILENT = frozenset({"reshape", "broadcast_to", "astype", "contiguous"})
_DEEPEST = 12  # unnamed values inside each other; a formula so long is cut anyway


class Expressions:
    """The formulas of a graph's values.

    Args:
        nodes: of the graph.
        names: for every value, what stands for it.
        own: for every value, whether its name stands for it; others are spelt out.

    >>> import tensorgrad as tg
    >>> graph = tg.graph.Graph.trace(lambda x: (x * 2 + 1).exp() / x, tg.ones(2))
    >>> Expressions(graph.nodes, graph.names(), [False] * 5).of(4)
    'exp(x * 2 + 1) / x'
    """

    def __init__(self, nodes: Sequence[GraphNode], names: Sequence[str], own: Sequence[bool]) -> None:
        self.nodes = nodes
        self.names = names
        self.own = own

    @classmethod
    def of_passes(cls, passes: Passes, names: Sequence[str], outputs: Container[int]) -> Expressions:
        """Return the formulas of values and gradients; `names` are those of the values, which `outputs` end."""
        words = [*names, *map(clean, passes.names[len(names) :])]
        return cls(passes.nodes, words, [n.name is not None or n.index in outputs for n in passes.nodes])

    def of(self, index: int) -> str:
        """Return how the value of a node is computed; its name where nothing computes it."""
        node = self.nodes[index]
        return self.names[index] if node.op in LEAVES else clean(self._computed(node, _DEEPEST)[0])

    def told(self, node: GraphNode) -> str:
        """Return how `node` is computed, also where it only arranges elements."""
        text = self._computed(node, _DEEPEST)[0]
        return clean(f"{node.op}({text})" if node.op in _SILENT else text)

    def _computed(self, node: GraphNode, depth: int) -> tuple[str, int]:
        words = [self._operand(o.source, o.constant, depth) for o in node.operands]
        if node.op in _SILENT and words:
            return words[0]
        if node.op == "transpose" and len(node.shape) == 2:
            text = words[0][0] if words[0][1] == ATOM else f"({words[0][0]})"
            return (text[:-1] if text.endswith("ᵀ") else f"{text}ᵀ"), ATOM
        form, own, needed = _FORMS.get(node.op, ("", ATOM, ()))
        if len(needed) == len(words) > 0:  # what failed may have had other operands
            parts = [text if held >= n else f"({text})" for (text, held), n in zip(words, needed, strict=True)]
            return form.format(*parts), own
        return f"{node.op}({', '.join(text for text, _ in words)})", ATOM

    def _operand(self, source: int | None, constant: object, depth: int) -> tuple[str, int]:
        if source is None:
            return number(constant), ATOM
        node = self.nodes[source]
        if node.op in LEAVES and node.name is None and node.value is not None and node.value.size == 1:
            return number(node.value.item()), ATOM
        if self.own[source] or node.op in LEAVES:
            return self.names[source], ATOM
        return self._computed(node, depth - 1) if depth else ("…", ATOM)
