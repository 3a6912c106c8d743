"""Which modules are closed: those that were asked for, and those that must be for the drawing to be of use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph

from .folding import absorbed
from .nesting import ModuleCall, Nesting, chains
from .repeats import alike
from .text import clean


def nested(
    graph: Graph, depth: int | None, collapse: Iterable[str], max_nodes: int, repeats: bool
) -> tuple[Nesting, str]:
    """Return the nesting of every node and a caption that says what `max_nodes` made hide ("" for nothing).

    `depth` closes modules of that depth, 1 being the outermost ones drawn; `collapse` closes those with these paths or
    classes; `repeats` draws closed modules that follow one another and are alike as one.

    Raises:
        TensorgradError: `depth` below 1, or a word in `collapse` that no module answers to.
    """
    if depth is not None and depth < 1:
        raise TensorgradError(
            f"depth={depth}: the outermost modules have depth 1; give 1 or more, or None for all open"
        )
    nesting = Nesting(graph, chains(graph), absorbed(graph))
    modules = list(dict.fromkeys(module for chain in nesting.chains for module in chain))
    for word in [collapse] if isinstance(collapse, str) else collapse:
        found = [m for m in modules if m.scope is not None and word in (m.scope.path, m.scope.kind)]
        if not found:
            names = ", ".join(dict.fromkeys(m.scope.path or m.scope.kind for m in modules if m.scope)) or "none"
            raise TensorgradError(f"collapse={word!r} is no module of this graph; its modules are: {clean(names, 400)}")
        nesting.closed.update(found)
    nesting.closed.update(m for m in modules if m.depth == depth)
    nesting.together = alike(nesting) if repeats else {}
    return nesting, _limited(nesting, modules, max_nodes, repeats)


def _limited(nesting: Nesting, modules: Sequence[ModuleCall], limit: int, repeats: bool) -> str:
    """Close the deepest modules, level by level, until at most `limit` vertices are left; return the caption."""
    if nesting.count() <= limit:
        return ""
    already = len(nesting.closed)
    for level in range(max((m.depth for m in modules), default=0), 0, -1):
        nesting.closed.update(m for m in modules if m.depth == level)
        nesting.together = alike(nesting) if repeats else {}
        if nesting.count() <= limit:
            break
    told = [f"{len(nesting.closed) - already} modules are closed"] if len(nesting.closed) > already else []
    if nesting.count() > limit:
        told.append(f"{_leave_out(nesting, limit):,} earlier operations are left out")
    return f"{' and '.join(told)}: the graph has {len(nesting.graph.nodes):,} nodes, more than max_nodes={limit}"


def _leave_out(nesting: Nesting, limit: int) -> int:
    """Hide the earliest operations in one box, so that about `limit` circles and boxes are left; return how many."""
    rest = ModuleCall(None, 0, 0, "earlier operations", "")
    nodes = nesting.graph.nodes
    operations = [node.index for node in nodes if not node.is_leaf]
    kept: set[ModuleCall | int] = set()
    count = len(operations)
    for index in reversed(operations):
        kept |= {nesting.holder(i) for i in (index, *(o.source for o in nodes[index].operands)) if i is not None}
        if len(kept) >= limit:
            break
        count -= 1
    early = set(operations[:count])
    shown = {e.source for e in nesting.graph.edges() if e.target not in early} | set(nesting.graph.outputs)
    for node in nodes:
        if node.index in early or (node.is_leaf and node.index not in shown):
            nesting.chains[node.index] = (rest,)
    nesting.closed.add(rest)
    return count
