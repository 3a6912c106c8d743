"""Which modules and functions are closed: those that were asked for, and those that must be for a picture of use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set as AbstractSet
from typing import Any

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import FunctionScope, Graph, Scope
from tensorgrad.graph.arranging import Served, served
from tensorgrad.graph.nodes import common, compound, surroundings, upward

from .failures import every_node
from .folding import absorbed
from .nesting import ModuleCall, Nesting, calls, chains
from .repeats import alike
from .text import clean

Collapse = Iterable[str] | Callable[[Any], bool] | None
"""What is closed: paths and classes of modules and names of functions, or what decides; by size, where None."""

Unfold = bool | Iterable[str] | Callable[[FunctionScope], bool] | None
"""Which functions are open: all, none, those of these names, or what decides for each call; by size, where None."""

_WITHIN = {"reshape", "broadcast_to", "contiguous", "diagonal", "sum"}  # what products are made of besides
MANY = 20  # circles and boxes above which a function is one of them
_LONG, _CROWDED = 30, 100  # circles and boxes one after the other, and in all, above which modules are boxes
_BOX = 2  # circles that a box is as wide as
_WORTH = 0.8  # what is left of the size where it is worth while to close them


def words_of(collapse: Collapse) -> list[str]:
    """Return the paths, classes and names that are to be closed; none where a function decides."""
    return [] if collapse is None or callable(collapse) else [collapse] if isinstance(collapse, str) else list(collapse)


def nested(
    graph: Graph, depth: int | None, collapse: Collapse, max_nodes: int, repeats: bool, unfold: Unfold = None
) -> tuple[Nesting, str]:
    """Return the nesting of every node and a caption that says what `max_nodes` made hide ("" for nothing).

    `depth` closes modules of that depth, 0 every outermost one, 1 the parts of the root, where there is one; `collapse`
    closes those with these paths or classes, and functions of these names; `unfold` opens functions, which close where
    there are more than `MANY` circles and boxes. Where nothing is said of modules or functions, and the picture is
    large, the deepest modules are closed. `repeats` draws closed ones that follow one another and are alike as one.

    Raises:
        TensorgradError: `depth` below 0, or a word in `collapse` or `unfold` that nothing answers to.
    """
    if depth is not None and depth < 0:
        raise TensorgradError(
            f"depth={depth}: 0 closes the outermost modules, 1 the parts of the model; None leaves all open"
        )
    around = surroundings(graph.nodes)
    called = [*dict.fromkeys(s for chain in around.values() for s in chain if isinstance(s, FunctionScope))]
    closed = {scope for scope in called if scope.kind in words_of(collapse)}
    inner = served(graph)
    several = compound(graph.nodes)
    guarded = _guarded(graph, several, around) - inner.whole
    built = (_built(graph, several, around) - inner.whole | guarded) - closed
    opened = _opened(graph, unfold, called) & built
    nesting = _nesting(graph, inner, closed, opened, depth, collapse)
    large = unfold is False or (graph.order == 0 and nesting.count() > MANY)
    shut = (built if large else guarded if graph.order == 0 else set()) - opened
    if shut:
        nesting = _nesting(graph, inner, closed | shut, opened, depth, collapse)
    nesting.together = alike(nesting) if repeats else {}
    told, modules = "", _modules(nesting)
    if (depth, collapse, unfold) == (None, None, None) and graph.order == 0 and (before := max(_size(nesting))) > 1:
        already = nesting.closed.copy()
        count = _closed_by_level(nesting, modules, repeats, lambda: max(_size(nesting)) <= 1)
        size = _size(nesting)
        if max(size) > _WORTH * before:  # what is large is not in modules
            nesting.closed, nesting.together, count = already, {}, 0
            size = _size(nesting)
        nesting.sealed = size[1] > 1
        told = f"{count} modules are closed: collapse=() draws all that is in them" if count else ""
    return nesting, _limited(nesting, modules, max_nodes, repeats) or told


def _built(graph: Graph, several: Collection[Scope], scopes: Mapping[Scope | None, list[Scope]]) -> set[Scope]:
    """Return those of `several` calls of functions of which some operation reads another: what can be one node.

    Not what is all of the graph, and not what only takes its argument apart, as ``unbind`` does.
    """
    around = [None if node.is_leaf else node.scope for node in graph.nodes]
    pairs = {(around[edge.source], around[edge.target]) for edge in graph.edges()}
    joined = {s for one, other in pairs if one and other for s in common([scopes[one], scopes[other]])}
    whole = common(scopes[scope] for scope in {node.scope for node in graph.nodes if not node.is_leaf})
    return joined.intersection(several) - {*whole}


def _guarded(graph: Graph, several: AbstractSet[Scope], scopes: Mapping[Scope | None, list[Scope]]) -> set[Scope]:
    """Return those of `several` calls that decide by what they compute themselves, or join again what they took apart.

    Such an operation is no part of what a reader knows as that function: it keeps it right at the limits, or quick.
    """
    inside: dict[Scope, set[str]] = defaultdict(set)
    wanted = {scope for scope, around in scopes.items() if not several.isdisjoint(around)}
    for node in graph.nodes:
        if node.is_leaf or node.scope not in wanted:
            continue
        read = [graph.nodes[operand.source] for operand in node.operands if operand.source is not None]
        chosen = node.dtype.kind == "b" and "f" in {source.dtype.kind for source in read}
        pieces = len(read) > 1 and all(source.op == "getitem" for source in read)
        halves = node.op == "mul" and pieces and len({source.operands[0].source for source in read}) == 1
        for scope in scopes[node.scope]:
            inside[scope].add("a choice" if chosen else "a product of halves" if halves else node.op)
    technical = ({"a choice"}, {"a product of halves"}, {"getitem", "concatenate"}, {"argsort", "flip"})
    products = {"matmul", "transpose"}
    return {
        scope
        for scope in several
        if any(parts <= inside[scope] for parts in technical) or products <= inside[scope] <= products | _WITHIN
    }


def _opened(graph: Graph, unfold: Unfold, called: Collection[FunctionScope]) -> set[Scope]:
    """Return the calls of functions that `unfold` opens."""
    if callable(unfold):
        return {scope for scope in called if unfold(scope)}
    if unfold is None or isinstance(unfold, bool):
        return set(called) if unfold else set()
    words = words_of(unfold)
    for word in words:
        if all(scope.kind != word for scope in called):
            raise TensorgradError(f"unfold={word!r} is no function of this graph; its modules are: {_known(graph)}")
    return {scope for scope in called if scope.kind in words}


def _nesting(
    graph: Graph,
    inner: Served,
    closed: Collection[Scope],
    opened: Collection[Scope],
    depth: int | None,
    collapse: Collapse,
) -> Nesting:
    """Return the nesting in which these functions are drawn, and the modules that are asked for are closed."""
    drawn = {*closed, *opened}
    nodes = every_node(graph)
    known = {scope: calls(scope, drawn) for scope in dict.fromkeys([node.scope for node in nodes])}
    around = [known[node.scope] for node in nodes]
    nesting = Nesting(graph, chains(graph, nodes, around), absorbed(graph, around, inner), inner)
    whole = _whole(nesting)
    modules = [module for module in _modules(nesting) if module not in whole]
    for word in words_of(collapse):
        found = _answering(word, modules) or _answering(word, whole)
        if not found:
            raise TensorgradError(f"collapse={word!r} is no module of this graph; its modules are: {_known(graph)}")
        nesting.closed.update(found)
    if callable(collapse):
        nesting.closed.update(m for m in modules if m.scope and m.scope.module is not None and collapse(m.scope.module))
    nesting.closed.update(m for m in modules if m.scope in closed or (m.depth == depth and not m.is_function))
    if depth == 0:
        outermost = (next((m for m in chain if not m.is_function), None) for chain in nesting.chains)
        nesting.closed.update(module for module in outermost if module is not None)
    if not nesting.closed.issuperset(whole):
        nesting.chains = [chain[len(whole) :] if chain[:1] == whole else chain for chain in nesting.chains]
    return nesting


def _whole(nesting: Nesting) -> tuple[ModuleCall, ...]:
    """Return the module that is around all operations, which needs no frame; nothing where none is."""
    nodes = every_node(nesting.graph)
    around = [chain[:1] for node, chain in zip(nodes, nesting.chains, strict=True) if not node.is_leaf]
    is_whole = bool(around and around[0]) and around[0][0].depth == 0 and len(set(around)) == 1
    return around[0] if is_whole else ()


def _answering(word: str, modules: Iterable[ModuleCall]) -> list[ModuleCall]:
    return [m for m in modules if m.scope is not None and word in (m.named, m.scope.kind)]


def _modules(nesting: Nesting) -> list[ModuleCall]:
    return list(dict.fromkeys(module for chain in dict.fromkeys(nesting.chains) for module in chain))


def _known(graph: Graph) -> str:
    """Return the modules of a graph and, where there are any, its functions in words."""
    scopes = dict.fromkeys(scope for node in graph.nodes for scope in upward(node.scope))
    functions = dict.fromkeys(s.kind for s in scopes if isinstance(s, FunctionScope))
    modules = dict.fromkeys(s.path or s.kind for s in scopes if not isinstance(s, FunctionScope))
    told = f"; its functions: {', '.join(functions)}" if functions else ""
    return clean(f"{', '.join(modules) or 'none'}{told}", 400)


def _size(nesting: Nesting) -> tuple[float, float]:
    """Return how large the picture is, in all and along its longest way: above 1, several screens high or wide."""
    holders = nesting.holders()
    if (count := len({*holders})) <= _LONG // _BOX:
        return 0.0, 0.0
    nodes, far = nesting.graph.nodes, [1] * len(holders)
    for node in nodes:
        own = holders[node.index]
        step = _BOX if isinstance(own, ModuleCall) else 1
        read = [operand.source for operand in node.operands if operand.source is not None]
        far[node.index] = max([step, *(far[i] + step * (holders[i] != own) for i in read)])
    return count / _CROWDED, max(far) / _LONG


def _closed_by_level(nesting: Nesting, modules: Sequence[ModuleCall], repeats: bool, enough: Callable[[], bool]) -> int:
    """Close the deepest modules, level by level, until that is `enough`; return how many are closed by that."""
    already = len(nesting.closed)
    for level in range(max((m.depth for m in modules), default=0), 0, -1):
        nesting.closed.update(m for m in modules if m.depth == level)
        nesting.together = alike(nesting) if repeats else {}
        if enough():
            break
    return len(nesting.closed) - already


def _limited(nesting: Nesting, modules: Sequence[ModuleCall], limit: int, repeats: bool) -> str:
    """Close the deepest modules until at most `limit` vertices are left; return the caption."""
    if nesting.count() <= limit:
        return ""
    count = _closed_by_level(nesting, modules, repeats, lambda: nesting.count() <= limit)
    told = [f"{count} modules are closed"] if count else []
    if nesting.count() > limit:
        told.append(f"{_leave_out(nesting, limit):,} earlier operations are left out")
    return f"{' and '.join(told)}: the graph has {len(nesting.graph.nodes):,} nodes, more than max_nodes={limit}"


def _leave_out(nesting: Nesting, limit: int) -> int:
    """Hide the earliest operations in one box, so that about `limit` circles and boxes are left; return how many."""
    rest = ModuleCall(None, 0, 0, "earlier operations", "")
    nodes = nesting.graph.nodes
    circles: dict[int, list[int]] = defaultdict(list)
    for node in nodes:
        if not node.is_leaf:
            circles[nesting.folded.get(node.index, node.index)].append(node.index)
    holders, kept = nesting.holders(), set[ModuleCall | int]()
    operations = sorted(circles)
    count = len(operations)
    for index in reversed(operations):
        read = [o.source for i in circles[index] for o in nodes[i].operands if o.source is not None]
        kept |= {holders[i] for i in (index, *read)}
        if len(kept) >= limit:
            break
        count -= 1
    early = {i for index in operations[:count] for i in circles[index]}
    shown = {e.source for e in nesting.graph.edges() if e.target not in early} | set(nesting.graph.outputs)
    for node in nodes:
        if node.index in early or (node.is_leaf and node.index not in shown):
            nesting.chains[node.index] = (rest,)
    nesting.closed.add(rest)
    return len(early)
