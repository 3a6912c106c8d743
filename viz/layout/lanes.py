"""What makes a layout calm: one straight lane from input to output, side branches in lanes of their own.

Graphviz is given no positions, only weights and invisible edges; what they say follows from the graph alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex

HEAVY = 1500  # effort, from which on a layout takes seconds, with room for labels minutes
FEW_LEAVES = 6  # so many leaves can stand below each other at the left without long edges tangling
_LOOK_BACK = 50  # operations searched for a leaf's way into another operand: a bound on the work, not on correctness


@dataclass
class Lanes:
    """`spine` and `chains`: vertices by id in the order of computation; `leaves`: those to stand at the left, from top
    to bottom; `joins`: pairs of vertices whose chains share a lane; `weights`: how straight each edge should be;
    `effort`: the number of ranks that all edges cross together, which is what Graphviz has to place.
    """

    spine: list[str]
    chains: list[list[str]]
    leaves: list[str]
    joins: list[tuple[str, str]]
    weights: list[int]
    effort: int


def lanes(picture: Picture, *, narrow: bool = False) -> Lanes:
    """Return the lanes of `picture`; where it is to be `narrow`, leaves stand beside what reads them."""
    incoming: dict[str, list[EdgeRecord]] = defaultdict(list)
    for edge in picture.edges:
        incoming[edge.head].append(edge)
    ends = [vertex.id for vertex in picture.vertices if vertex.kind in {"output", "failed"}]
    taken: set[str] = set()
    spine = _chain(ends[0], picture.vertex, incoming, taken) if ends else []
    chains = [
        _chain(vertex.id, picture.vertex, incoming, taken, leaves=False)
        for vertex in reversed(picture.vertices)
        if vertex.kind in {"op", "box", "failed"} and vertex.id not in taken  # which grows with every chain
    ][::-1]
    flat = not narrow and all(not v.around and v.kind != "box" for v in picture.vertices)
    leaves = _left_leaves(picture, spine) if flat else []
    joins, weights = _joins(spine, chains, picture), _weights(spine, chains, leaves, picture.edges)
    return Lanes(spine, chains, leaves, joins, weights, _effort(picture))


def _effort(picture: Picture) -> int:
    order = {id: i for i, id in enumerate(picture.vertex)}
    rank = dict.fromkeys(picture.vertex, 0)
    computed = [edge for edge in picture.edges if not picture.vertex[edge.tail].leaf]
    for edge in sorted(computed, key=lambda edge: order[edge.head]):
        rank[edge.head] = max(rank[edge.head], rank[edge.tail] + 1)
    leaves = len(picture.edges) - len(computed)  # each may stand right before its reader
    return leaves + sum(rank[edge.head] - rank[edge.tail] for edge in computed)


def _chain(
    last: str,
    vertices: dict[str, Vertex],
    incoming: dict[str, list[EdgeRecord]],
    taken: set[str],
    *,
    leaves: bool = True,
) -> list[str]:
    """Return the vertices from which `last` is computed through main operands, ending in it; they are then taken."""
    chain, at = [], last
    while True:
        chain.append(at)
        taken.add(at)
        following = _main_operand(incoming[at], vertices, incoming)
        if following is None or following in taken or (vertices[following].leaf and not leaves):
            return chain[::-1]
        at = following


def _main_operand(
    edges: list[EdgeRecord], vertices: dict[str, Vertex], incoming: dict[str, list[EdgeRecord]]
) -> str | None:
    """Return the operand that carries the computation: the first, unless it is a leaf that another is not made of.

    In ``x - mean(x)`` that is x, in ``W @ h`` it is h.
    """
    tails = [edge.tail for edge in edges]
    if not tails:
        return None
    computed = [tail for tail in tails if not vertices[tail].leaf]
    first = vertices[tails[0]]
    if not first.leaf or (computed and _reaches(first.id, computed[0], incoming)):
        return first.id
    if computed:
        return computed[0]
    order = ["input", "parameter", "buffer", "constant"]
    return min(tails, key=lambda tail: order.index(vertices[tail].kind))


def _reaches(leaf: str, vertex: str, incoming: dict[str, list[EdgeRecord]]) -> bool:
    seen = [vertex]
    for at in seen:
        for edge in incoming[at]:
            if edge.tail == leaf:
                return True
            if edge.tail not in seen:
                seen.append(edge.tail)
        if len(seen) > _LOOK_BACK:
            break
    return False


def _left_leaves(picture: Picture, spine: list[str]) -> list[str]:
    """Return the leaves from top to bottom: the one on the spine, then those consumed earliest."""
    leaves = [vertex.id for vertex in picture.vertices if vertex.leaf]
    if not 2 <= len(leaves) <= FEW_LEAVES:
        return []
    order = {id: i for i, id in enumerate(picture.vertex)}
    first_use: dict[str, int] = {}
    for edge in picture.edges:
        first_use[edge.tail] = min(order[edge.head], first_use.get(edge.tail, len(order)))
    return sorted(leaves, key=lambda leaf: (leaf not in spine, first_use.get(leaf, 0), order[leaf]))


def _joins(spine: list[str], chains: list[list[str]], picture: Picture) -> list[tuple[str, str]]:
    """Return the pairs (last of a chain, first of the next) of chains that leave the spine after the other is back."""
    place = {vertex: i for i, vertex in enumerate(spine)}
    leave: dict[str, int] = {}
    back: dict[str, int] = {}
    for edge in picture.edges:
        if edge.tail in place:
            leave[edge.head] = max(place[edge.tail], leave.get(edge.head, 0))
        if edge.head in place:
            back[edge.tail] = max(place[edge.head], back.get(edge.tail, 0))
    free: list[tuple[int, str]] = []  # lanes: where each is free again, and the last vertex in it
    joins = []
    branches = [chain for chain in chains if chain[0] in leave and chain[-1] in back]
    for chain in sorted(branches, key=lambda chain: leave[chain[0]]):
        first, last = chain[0], chain[-1]
        left, around = leave[first], picture.vertex[first].around
        fit = (i for i, (until, end) in enumerate(free) if until <= left and picture.vertex[end].around == around)
        lane = next(fit, None)
        if lane is None:
            free.append((back[last], last))
        else:
            joins.append((free[lane][1], first))
            free[lane] = (back[last], last)
    return joins


def _weights(spine: list[str], chains: list[list[str]], leaves: list[str], edges: list[EdgeRecord]) -> list[int]:
    lane = dict.fromkeys(spine, -1)
    lane |= {vertex: i for i, chain in enumerate(chains) for vertex in chain}
    weights = []
    for edge in edges:
        if edge.tail in leaves and edge.tail not in spine:
            weights.append(40)
        elif edge.tail in lane and lane[edge.tail] == lane.get(edge.head):
            weights.append(30 if lane[edge.tail] == -1 else 12)
        else:
            weights.append(1)
    return weights
