"""What a function of the library does to the shapes of its operands and of its result: no circle of the user's.

``W @ v`` of a vector is recorded as a product of matrices between two reshapes. These are drawn inside the operation
that they serve: before it those of its operands, after it those of its result.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tensorgrad.base.context import FunctionScope, Scope

from .graph import Graph
from .nodes import GraphNode, surroundings, upward

_SHAPING = frozenset({"reshape", "contiguous", "expand_dims"})
_ARRANGING = _SHAPING | {"transpose", "broadcast_to"}
_GENERAL = _ARRANGING | {"mul", "matmul", "getitem", "concatenate"}  # whose signs say less than the name of a call
_LONGEST = 14  # characters of what a call was given

Readers = Mapping[int, Sequence[tuple[int, int]]]
"""For each value, the nodes that read it and as which operand."""


@dataclass
class Served:
    """Nodes that are drawn inside others.

    `into` has, for each of them, the node whose value leaves the circle, and `shown`, for such a node, the one that the
    circle bears the sign of, where it is another one. `slots` has which node an arrow into one of them leads to, and as
    which operand; `calls`, by the node whose value leaves it, the name of a call that is one circle, and has no sign
    that says as much; `whole` all calls of functions that are one circle.
    """

    into: dict[int, int] = field(default_factory=dict)
    shown: dict[int, int] = field(default_factory=dict)
    slots: dict[int, tuple[int, int]] = field(default_factory=dict)
    calls: dict[int, str] = field(default_factory=dict)
    whole: set[Scope] = field(default_factory=set)


def served(graph: Graph) -> Served:
    """Return what only arranges elements for another operation of the same call.

    What has a name, is an output, or is read in several places stays a circle of its own. To transpose and to repeat
    changes what is computed: that is drawn inside where the whole call is one circle, which bears its name.

    >>> import tensorgrad as tg
    >>> served(Graph.trace(lambda w, x: w @ x, tg.ones(2, 3), tg.ones(3))).into
    {3: 4, 2: 4}
    >>> served(Graph.trace(lambda a, b: tg.outer(a, b), tg.ones(2), tg.ones(3))).calls
    {3: 'outer'}
    """
    calls: dict[tuple[int, int, int], list[GraphNode]] = defaultdict(list)
    for node in graph.nodes:
        if not node.is_leaf and node.place is not None and not node.order:
            calls[id(node.scope), id(node.place[0]), node.place[1]].append(node)
    several = [nodes for nodes in calls.values() if len(nodes) > 1 and any(node.op in _ARRANGING for node in nodes)]
    found, readers = Served(), _readers(graph) if several else {}
    around = surroundings(graph.nodes) if several else {}
    held = Counter([s for node in graph.nodes if not node.is_leaf for s in around.get(node.scope, ())])
    for nodes in several:
        scope = nodes[0].scope
        function = next((s for s in around[scope] if isinstance(s, FunctionScope) and held[s] == len(nodes)), None)
        call = _Call(nodes, readers, graph.outputs, _ARRANGING, alone=True) if function else None
        if call is None or not call.is_whole:
            call = _Call(nodes, readers, graph.outputs, _SHAPING, alone=isinstance(scope, FunctionScope))
        call.tell(found, function)
    return found


def _readers(graph: Graph) -> Readers:
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for edge in graph.edges():
        found[edge.source].append((edge.target, edge.slot))
    return found


class _Call:
    """The operations of one call: `main` has for each that is served, or serves, the one that is served.

    `kinds` are those that serve; where all are such, the last is served, if the call is known `alone`.
    """

    def __init__(
        self, nodes: Sequence[GraphNode], readers: Readers, outputs: Collection[int], kinds: Collection[str],
        *, alone: bool,
    ) -> None:  # fmt: skip
        self.nodes, self.readers, self.outputs = {node.index: node for node in nodes}, readers, outputs
        served = [n.index for n in nodes if n.op not in kinds] or [nodes[-1].index] * alone
        self.main = {index: index for index in served}
        self.last: dict[int, int] = {}
        self.slots: dict[int, tuple[int, int]] = {}
        serving = [node for node in nodes if node.index not in self.main]
        for node in serving:
            self._follow(node, served)
        for node in reversed(serving):
            self._precede(node)
        for node in serving:  # a chain, of which another call in a loop might have had the end
            self._follow(node, self.last.values())

    def _sole(self, index: int) -> tuple[int, int] | None:
        """Return what alone reads a value that nobody has named, if it is of the call."""
        hidden = index in self.nodes and self.nodes[index].name is None and index not in self.outputs
        readers = self.readers[index] if hidden and index in self.readers else ()
        return readers[0] if len(readers) == 1 and readers[0][0] in self.nodes else None

    def _follow(self, node: GraphNode, those: Collection[int]) -> None:
        source = node.operands[0].source
        if source is not None and node.index not in self.main and source in those and self._sole(source) is not None:
            self.main[node.index] = main = self.main[source]
            self.last[main] = node.index

    def _precede(self, node: GraphNode) -> None:
        reader = self._sole(node.index)
        if node.index not in self.main and reader is not None and reader[0] in self.main:
            self.main[node.index] = self.main[reader[0]]
            self.slots[node.index] = self.slots.get(reader[0], reader)

    @property
    def is_whole(self) -> bool:
        """Whether it is one circle."""
        return len(self.main) == len(self.nodes) and len({*self.main.values()}) == 1

    def tell(self, found: Served, function: FunctionScope | None) -> None:
        """Add to `found` what is drawn inside what; `function` is what was called, if that is all of it."""
        for index, main in self.main.items():
            end = self.last.get(main, main)
            if index != end:
                found.into[index] = end
            if main != end:
                found.shown[end] = main
        found.slots |= self.slots
        end = max(self.main.values(), default=-1)
        if function is None or not self.is_whole:
            return
        around = upward(self.nodes[end].scope)
        found.whole.update(around[around.index(function) :])
        if self.nodes[end].op in _GENERAL - {function.kind}:
            detail = function.detail
            told = detail.partition("=")[2].strip("'") if detail.count("=") == 1 and "'" in detail else detail
            name = "\n".join(filter(None, [function.kind, told * (len(told) <= _LONGEST)]))
            found.calls[self.last.get(end, end)] = name
