"""Which module call a node is drawn in: as part of an open frame, or hidden in a closed box."""

from __future__ import annotations

from collections import defaultdict
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

    def box(self, index: int) -> ModuleCall | None:
        """The outermost closed module around a node, or the one that stands for it together with others like it."""
        found = self.alone(index)
        return None if found is None else self.together.get(found, found)

    def alone(self, index: int) -> ModuleCall | None:
        """The outermost closed module around a node."""
        if not self.closed or (found := self._closed_around(index)) is None:
            return None
        readers = self._readers[index] if self.graph.nodes[index].is_leaf else ()
        return None if any(self._closed_around(reader) is None for reader in readers) else found

    def _closed_around(self, index: int) -> ModuleCall | None:
        return next((module for module in self.chains[index] if module in self.closed), None)

    @cached_property
    def _readers(self) -> dict[int, list[int]]:
        """The operations that read each value."""
        found = defaultdict(list)
        for edge in self.graph.edges():
            found[edge.source].append(edge.target)
        return found

    def around(self, index: int) -> tuple[ModuleCall, ...]:
        """The open modules around a node or, if it is hidden, around the box that hides it."""
        chain = self.chains[index]
        if not self.closed:
            return chain
        return chain[: next((i for i, module in enumerate(chain) if module in self.closed), len(chain))]

    def opened(self) -> Nesting:
        """Return it with nothing closed."""
        return replace(self, closed=set(), together={})

    def holder(self, index: int) -> ModuleCall | int:
        """What a node is drawn as: a closed module, or the node it is drawn inside, or itself."""
        return self.box(index) or self.folded.get(index, index)

    def count(self) -> int:
        """The number of circles and boxes."""
        return len({self.holder(node.index) for node in self.graph.nodes})


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
    owned: dict[int, dict[int, str]] = {}
    for node in nodes:
        if node.is_leaf:
            home = _home(node, readers[node.index], traced, owned)
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


def _home(leaf: GraphNode, consumers: list[list[Scope]], traced: bool, owned: dict[int, dict[int, str]]) -> list[Scope]:
    """Return the chain of modules in which a leaf is drawn.

    A parameter or buffer stands with its owner. Other constants are made by the module that reads them (a dropout
    mask) where the inputs are known; where they are not, a constant may be an input, which must not vanish in a box,
    but for a nameless one of truth values.
    """
    if not consumers or leaf.op == "input":
        return []
    for chain in consumers:
        for count in range(len(chain), 0, -1):  # the innermost one has the fewest
            if id(leaf.owner) in paths_by_id(chain[count - 1].module, owned):
                return chain[:count]
    made = traced or (leaf.dtype.kind == "b" and leaf.name is None)
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
