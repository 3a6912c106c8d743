"""Which module call a node is drawn in: as part of an open frame, or hidden in a closed box."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from tensorgrad.base.callsite import Place
from tensorgrad.graph import FunctionScope, Graph, GraphNode, Scope
from tensorgrad.graph.arranging import Served
from tensorgrad.graph.nodes import common, modules, upward
from tensorgrad.graph.tracing import paths_by_id

from .text import LONGEST, clean, leading_sizes, window_text

_WIDEST, _LEAST = 24, 12  # characters of settings in a box, and of a path


@dataclass(frozen=True, eq=False)
class ModuleCall:
    """One call of a module or of a function (`scope`), or the place of operations left out (None), under an id that is
    the same in every run: the `place` of its first node in topological order, and its depth among those drawn. `more`
    says how many calls like it stand behind it, drawn as one with it.

    `named` is the path of a module, of an outermost one the variable that holds it, and `root` is what the outermost
    one around is called, by its class where nothing is known. A function has neither. All that is drawn is read at
    once: the scope refers to the module weakly, and an SVG may be asked for much later.
    """

    scope: Scope | None
    place: int
    depth: int
    label: str
    told: str
    size: int = 0
    called: Place | None = None
    more: str = ""
    named: str = ""
    root: str = ""

    @classmethod
    def of(cls, scope: Scope, place: int, depth: int, words: Mapping[Scope, str]) -> ModuleCall:
        """Return the module that `scope` is a call of, labelled by path, class and sizes: ``fc1: Linear(64, 100)``.

        Of an outermost one `words` has the variable that holds it.

        A function is labelled by its name alone, above which nothing stands; its settings are told besides.
        """
        if isinstance(scope, FunctionScope):
            return cls(scope, place, depth, clean(scope.kind), f"{scope.kind}({scope.detail})", 0, scope.place)
        outermost, detail = modules(scope)[0], scope.detail
        path, root = scope.path or words.get(scope, ""), words.get(outermost, outermost.kind)
        prefix, window = f"{path}: " if path else "", window_text(scope.kind, detail)
        sizes = ", ".join(filter(None, ("" if detail.startswith("kernel_size") else leading_sizes(detail), window)))
        kind = clean(f"{scope.kind}({sizes})" if sizes else scope.kind) or "module"
        short = clean(path, max(_LEAST, LONGEST - len(kind) - 2))  # a long path leaves room for the class
        label = clean(f"{short}: {kind}" if path else kind)
        told = f"{prefix}{scope.kind}({detail})"
        return cls(scope, place, depth, label, told, scope.size, scope.place, "", clean(path), clean(root))

    @property
    def is_function(self) -> bool:
        """Whether it is a call of a function."""
        return isinstance(self.scope, FunctionScope)

    @property
    def word(self) -> str:
        """What its value is called: the function, or the module by the last part of its path, if that is no number."""
        last = self.named.rpartition(".")[2]
        return "" if self.scope is None else clean(self.scope.kind if not last or last.isdigit() else last)

    @property
    def settings(self) -> str:
        """What stands below the label of a closed one: how many parameters, or what a function was called with."""
        if self.is_function and self.scope is not None:
            return clean(next((told for told in _shortened(self.scope.detail) if len(told) <= _WIDEST), ""))
        return f"{self.size:,} parameters" if self.size else ""

    @property
    def id(self) -> str:
        """The id in DOT and SVG."""
        return "left_out" if self.scope is None else f"m{self.place}_{self.depth}"


@dataclass
class Nesting:
    """For every node: the closed module that hides it or None, and the open ones around it, outermost first.

    A weight that an operation outside reads is not hidden: that may come before what is in the module, or lead to it.

    `folded` has the nodes that are drawn inside others, of which `served` has those that only arrange elements.
    `together` names, for closed modules that are drawn as one with others, the module that stands for all of them. What
    is `sealed` does not open, as the picture stands in rows.
    """

    graph: Graph
    chains: list[tuple[ModuleCall, ...]]
    folded: dict[int, int]
    served: Served
    closed: set[ModuleCall] = field(default_factory=set)
    together: dict[ModuleCall, ModuleCall] = field(default_factory=dict)
    sealed: bool = False

    def boxes(self) -> list[ModuleCall | None]:
        """The outermost closed module around every node, or what stands for that together with others like it."""
        return [self.together.get(found, found) if found else None for found in self.alone()]

    def alone(self) -> list[ModuleCall | None]:
        """The outermost closed module around every node."""
        first = {chain: next((m for m in chain if m in self.closed), None) for chain in {*self.chains}}
        around = [first[chain] for chain in self.chains]
        outside = {leaf for leaf, reader in self._readings if around[reader] is None}
        return [None if index in outside else found for index, found in enumerate(around)]

    @cached_property
    def _readings(self) -> list[tuple[int, int]]:
        """Every leaf with each operation that reads it."""
        nodes = self.graph.nodes
        return [(edge.source, edge.target) for edge in self.graph.edges() if nodes[edge.source].is_leaf]

    def around(self, index: int) -> tuple[ModuleCall, ...]:
        """The open modules around a node or, if it is hidden, around the box that hides it."""
        chain = self.chains[index]
        if not self.closed:
            return chain
        return chain[: next((i for i, module in enumerate(chain) if module in self.closed), len(chain))]

    def opened(self) -> Nesting:
        """Return it with nothing closed."""
        return replace(self, closed=set(), together={})

    def holders(self) -> list[ModuleCall | int]:
        """What every node is drawn as: a closed module, or the node it is drawn inside, or itself."""
        boxes = self.boxes()[: len(self.graph.nodes)]
        return [box or self.folded.get(index, index) for index, box in enumerate(boxes)]

    def count(self) -> int:
        """The number of circles and boxes."""
        return len({*self.holders()})


def _shortened(detail: str) -> Iterator[str]:
    """Yield settings, and fewer and fewer of them."""
    words = detail.split(", ")
    yield from (", ".join(words[:count]) for count in range(len(words), 0, -1))


def calls(scope: Scope | None, functions: Collection[Scope] = ()) -> list[Scope]:
    """Return the calls of modules, and those of `functions`, around an operation of `scope`."""
    return [call for call in upward(scope) if not isinstance(call, FunctionScope) or call in functions]


def chains(graph: Graph, nodes: Sequence[GraphNode], around: Sequence[list[Scope]]) -> list[tuple[ModuleCall, ...]]:
    """Return for every node what it is drawn in, outermost first: of operations the modules and functions `around` it.

    The root, of which the others are parts, has depth 0; where there is none, the outermost ones have depth 1. `nodes`
    are those of `graph`, and what failed behind them.
    """
    scopes = [*around]
    readers: list[list[list[Scope]]] = [[] for _ in nodes]
    for node in nodes:
        for operand in node.operands:
            if operand.source is not None:
                readers[operand.source].append(around[node.index])
    traced = any(node.op == "input" for node in nodes)
    entering = set[int]() if traced else _entering(nodes, around)
    owned: dict[int, dict[int, str]] = {}
    for node in nodes:
        if node.is_leaf:
            home = _home(node, readers[node.index], node.index not in entering, owned)
            given = next((i for i, scope in enumerate(home) if _is_given(graph, node.index, scope)), len(home))
            scopes[node.index] = home[:given]
    root = _root([around[k] for k in {n.scope: n.index for n in nodes if not n.is_leaf}.values()])
    known: dict[Scope, ModuleCall] = {}
    for index, chain in enumerate(scopes):
        start = 0 if chain[:1] == [root] else 1
        known |= {s: ModuleCall.of(s, index, i, graph.words) for i, s in enumerate(chain, start) if s not in known}
    return [tuple(known[s] for s in chain) for chain in scopes]


def _is_given(graph: Graph, leaf: int, scope: Scope) -> bool:
    """Return whether a leaf is an argument of a function: a module may be given what another one owns."""
    return isinstance(scope, FunctionScope) and bool(graph.places_in(leaf, scope))


def _entering(nodes: Sequence[GraphNode], around: Sequence[list[Scope]]) -> set[int]:
    """Return what a module may be given: what it reads together with nothing that it has computed; and what has a name.

    The others it has made itself, as the largest of what a softmax takes the powers of.
    """
    found = {node.index for node in nodes if node.name}
    for node in nodes:
        read = [operand.source for operand in node.operands if operand.source is not None]
        inside = around[node.index][:1]
        if not inside or all(nodes[i].is_leaf or around[i][:1] != inside for i in read):
            found.update(read)
    return found


def _home(leaf: GraphNode, consumers: list[list[Scope]], made: bool, owned: dict[int, dict[int, str]]) -> list[Scope]:
    """Return the chain of modules in which a leaf is drawn.

    A parameter or buffer stands with its owner. Other constants are `made` by the module that reads them (a dropout
    mask), or may be an input, which must not vanish in a box, but for a nameless one of truth values.
    """
    if not consumers or leaf.op == "input":
        return []
    for chain in consumers:
        for count in range(len(chain), 0, -1):  # the innermost one has the fewest
            if id(leaf.owner) in paths_by_id(chain[count - 1].module, owned):
                return chain[:count]
    made = made or (leaf.dtype.kind == "b" and leaf.name is None)
    return common(consumers) if made and leaf.op in {"constant", "buffer"} else []


def _root(scopes: Sequence[Sequence[Scope]]) -> Scope | None:
    """Return the module that all operations, of these `scopes`, are in; or the one that is made of others, beside which
    there are at most some without parameters, as a loss is.
    """
    whole = common(scopes)[:1]
    called = [[scope for scope in chain if not isinstance(scope, FunctionScope)] for chain in scopes]
    roots = {chain[0] for chain in called if chain}
    composed = {chain[0] for chain in called if len(chain) > 1}
    found = next(iter(whole or composed), None)
    if found not in roots or len(composed - {found}) or any(scope.size for scope in roots - {found}):
        return None
    return found
