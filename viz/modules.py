"""Which module call a node is drawn in: as part of an open frame, or hidden in a closed box."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph, GraphNode, Scope
from tensorgrad.places import Place

from .folding import LEAVES, absorbed
from .text import clean, settings


@dataclass(frozen=True, eq=False)
class Module:
    """One call of a module (`scope`), or the place of operations left out (None), under an id that is the same in
    every run: the `place` of its first node in topological order, and its depth among the modules drawn.

    All that is drawn is read at once: the scope refers to the module weakly, and an SVG may be asked for much later.
    """

    scope: Scope | None
    place: int
    depth: int
    label: str
    told: str
    size: int = 0
    called: Place | None = None

    @classmethod
    def of(cls, scope: Scope, place: int, depth: int) -> Module:
        """Return the module that `scope` is a call of, labelled by path, class and sizes: ``fc1: Linear(64, 100)``."""
        path, detail = scope.path, scope.detail
        prefix, sizes = f"{path}: " if path else "", settings(detail)
        label = clean(f"{prefix}{scope.kind}({sizes})" if sizes else f"{prefix}{scope.kind}")
        return cls(scope, place, depth, label, f"{prefix}{scope.kind}({detail})", scope.size, scope.place)

    @property
    def id(self) -> str:
        """The id in DOT and SVG."""
        return f"m{self.place}_{self.depth}"


@dataclass
class Placement:
    """For every node: the closed module that hides it or None, and the open ones around it, outermost first."""

    graph: Graph
    chains: list[tuple[Module, ...]]
    folded: dict[int, int]
    closed: set[Module] = field(default_factory=set)

    def box(self, index: int) -> Module | None:
        """The outermost closed module around a node."""
        return next((module for module in self.chains[index] if module in self.closed), None)

    def around(self, index: int) -> tuple[Module, ...]:
        """The open modules around a node or, if it is hidden, around the box that hides it."""
        chain = self.chains[index]
        return chain[: next((i for i, module in enumerate(chain) if module in self.closed), len(chain))]

    def within(self, scope: Scope | None) -> tuple[Module, ...]:
        """The open modules around an operation of `scope` that is no node, as far as they are drawn."""
        known = {module.scope: module for chain in self.chains for module in chain}
        drawn = [known[s] for s in _upward(scope) if s in known]
        return tuple(itertools.takewhile(lambda module: module not in self.closed, drawn))

    def holder(self, index: int) -> Module | int:
        """What a node is drawn as: a closed module, or the node it is drawn inside, or itself."""
        return self.box(index) or self.folded.get(index, index)

    def count(self) -> int:
        """The number of circles and boxes."""
        return len({self.holder(node.index) for node in self.graph.nodes})


def place(graph: Graph, depth: int | None, collapse: Iterable[str], max_nodes: int) -> tuple[Placement, str]:
    """Return the placement of every node and a caption that says what `max_nodes` made hide ("" for nothing).

    `depth` closes modules of that depth, 1 being the outermost ones drawn; `collapse` closes those with these paths or
    classes.

    Raises:
        TensorgradError: `depth` below 1, or a word in `collapse` that no module answers to.
    """
    if depth is not None and depth < 1:
        raise TensorgradError(
            f"depth={depth}: the outermost modules have depth 1; give 1 or more, or None for all open"
        )
    placement = Placement(graph, _chains(graph), absorbed(graph))
    modules = list(dict.fromkeys(module for chain in placement.chains for module in chain))
    wanted = [collapse] if isinstance(collapse, str) else list(collapse)
    for word in wanted:
        found = [m for m in modules if m.scope is not None and word in (m.scope.path, m.scope.kind)]
        if not found:
            names = ", ".join(dict.fromkeys(m.scope.path or m.scope.kind for m in modules if m.scope)) or "none"
            raise TensorgradError(f"collapse={word!r} is no module of this graph; its modules are: {clean(names, 400)}")
        placement.closed.update(found)
    if depth is not None:
        placement.closed.update(m for m in modules if m.depth == depth)
    return placement, _limited(placement, modules, max_nodes)


def _limited(placement: Placement, modules: Sequence[Module], limit: int) -> str:
    """Close the deepest modules, level by level, until at most `limit` vertices are left; return the caption."""
    if placement.count() <= limit:
        return ""
    already = len(placement.closed)
    for level in range(max((m.depth for m in modules), default=0), 0, -1):
        placement.closed.update(m for m in modules if m.depth == level)
        if placement.count() <= limit:
            break
    told = [f"{len(placement.closed) - already} modules are closed"] if len(placement.closed) > already else []
    if placement.count() > limit:
        told.append(f"{_leave_out(placement, limit):,} earlier operations are left out")
    return f"{' and '.join(told)}: the graph has {len(placement.graph.nodes):,} nodes, more than max_nodes={limit}"


def _leave_out(placement: Placement, limit: int) -> int:
    """Hide the earliest operations in one box, so that about `limit` circles and boxes are left; return how many."""
    rest = Module(None, 0, 0, "earlier operations", "")
    nodes = placement.graph.nodes
    operations = [node.index for node in nodes if node.op not in LEAVES]
    kept: set[Module | int] = set()
    count = len(operations)
    for index in reversed(operations):
        sources = [o.source for o in nodes[index].operands if o.source is not None]
        kept |= {placement.holder(i) for i in (index, *sources)}
        if len(kept) >= limit:
            break
        count -= 1
    early = set(operations[:count])
    shown = {e.source for e in placement.graph.edges() if e.target not in early} | set(placement.graph.outputs)
    for node in nodes:
        if node.index in early or (node.op in LEAVES and node.index not in shown):
            placement.chains[node.index] = (rest,)
    placement.closed.add(rest)
    return count


def _chains(graph: Graph) -> list[tuple[Module, ...]]:
    """Return for every node the modules around it, outermost first."""
    scopes = [_upward(node.scope) for node in graph.nodes]
    consumers: list[list[int]] = [[] for _ in graph.nodes]
    for edge in graph.edges():
        consumers[edge.source].append(edge.target)
    traced = any(node.op == "input" for node in graph.nodes)
    for node in graph.nodes:
        if node.op in LEAVES:
            scopes[node.index] = _home(node, [scopes[i] for i in consumers[node.index]], traced)
    root = _root(scopes)
    known: dict[Scope, Module] = {}
    chains = []
    for index, chain in enumerate(scopes):
        drawn = chain[1:] if chain[:1] == [root] else chain
        chains.append(tuple(_known(known, s, index, i + 1) for i, s in enumerate(drawn)))
    return chains


def _known(known: dict[Scope, Module], scope: Scope, place: int, depth: int) -> Module:
    if scope not in known:
        known[scope] = Module.of(scope, place, depth)
    return known[scope]


def _upward(scope: Scope | None) -> list[Scope]:
    chain = []
    while scope is not None:
        chain.append(scope)
        scope = scope.parent
    return chain[::-1]


def _home(leaf: GraphNode, consumers: list[list[Scope]], traced: bool) -> list[Scope]:
    """Return the chain of modules in which a leaf is drawn.

    A parameter or buffer stands with its owner. Other constants are made by the module that reads them (a dropout
    mask) where the inputs are known; where they are not, a constant may be an input, which must not vanish in a box.
    """
    if not consumers or leaf.op == "input":
        return []
    for chain in consumers:
        for i, scope in enumerate(chain):
            if _owns(scope, leaf):
                deepest = [j for j, inner in enumerate(chain) if j >= i and _owns(inner, leaf)]
                return chain[: deepest[-1] + 1]
    common = _common(consumers)
    return common if traced and leaf.op == "constant" else []


def _owns(scope: Scope, leaf: GraphNode) -> bool:
    if leaf.owner is None:
        return False
    buffers: Callable[[], Iterable[object]] = getattr(scope.module, "buffers", tuple)
    parameters: Callable[[], Iterable[object]] = getattr(scope.module, "parameters", tuple)
    return any(x is leaf.owner for x in (*parameters(), *buffers()))


def _common(chains: list[list[Scope]]) -> list[Scope]:
    shared = []
    for level in zip(*chains, strict=False):
        if any(scope is not level[0] for scope in level):
            break
        shared.append(level[0])
    return shared


def _root(scopes: list[list[Scope]]) -> Scope | None:
    """Return the one root module that is drawn without a frame: the only one, or the only one made of modules."""
    roots = list(dict.fromkeys(chain[0] for chain in scopes if chain))
    composed = list(dict.fromkeys(chain[0] for chain in scopes if len(chain) > 1))
    candidates = roots if len(roots) == 1 else composed
    return candidates[0] if len(candidates) == 1 else None
