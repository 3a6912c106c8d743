"""What is done to a picture once it stands: its formulas, and how many arrows meet where."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence, Set as AbstractSet
from dataclasses import replace

from tensorgrad.base.caching import altered
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Graph, Passes
from tensorgrad.graph.gradients import derivative
from tensorgrad.graph.notation import numbered
from tensorgrad.graph.recomputing import plainly

from .expressions import Expressions, Part
from .flows import Seeds
from .model import EdgeRecord, Picture


def with_formulas(
    picture: Picture,
    graph: Graph,
    seeds: Seeds,
    dims: Mapping[int, str] | None,
) -> Picture:
    """Return `picture` with what its arrows carry written out; of a closed box, what it was given.

    Without the formulas of the gradients where values have been freed or overwritten, from which they follow.
    """
    passes = Passes(graph.nodes, graph.names(), [], {})
    if any(edge.backward for edge in picture.edges):
        with contextlib.suppress(AutogradError, InPlaceError), plainly():
            passes = graph.with_backward(seeds)
    boxed = {v.id for v in picture.vertices if v.kind == "box"}
    parts = _parts(picture.edges, boxed, graph, passes)
    told = Expressions.of_passes(passes, picture.names, graph.outputs, dims, parts, _calls(picture))
    edges = []
    for edge in picture.edges:
        source, target, slot = edge.uses[0]
        open_ends = boxed.isdisjoint((edge.tail, edge.head))
        known = passes.along.get((target, slot)) if edge.backward and open_ends else None
        gradient = told.of_gradient(known, target) if known is not None else ""
        unknown = edge.tail in boxed and source not in told.calls
        edges.append(altered(edge, formulas=("" if unknown else told.of(source), gradient)))
    return replace(picture, edges=edges)


def _calls(picture: Picture) -> dict[int, tuple[str, list[int]]]:
    """Return the values that closed boxes compute, each with what was called and the nodes of what that was given.

    Not where a box computes several, or stands for others like it.
    """
    words = {v.id: v.word for v in picture.vertices if v.word}
    given: dict[str, dict[int, int]] = defaultdict(dict)
    made: dict[str, set[int]] = defaultdict(set)
    for edge in picture.edges:
        made[edge.tail].add(edge.uses[0].source)
        for place in edge.places or (len(given[edge.head]) + 1,):
            given[edge.head].setdefault(place, edge.uses[0].source)
    return {
        source: (word, [given[id][place] for place in sorted(given[id])])
        for id, word in words.items()
        if len(made[id]) == 1
        for source in made[id]
    }


def _parts(
    edges: Sequence[EdgeRecord], boxed: AbstractSet[str], graph: Graph, passes: Passes
) -> Mapping[int, Sequence[Part]]:
    """Return for every value, by its node, the parts of its gradient, named as the arrows are on which they flow.

    An arrow that bears a formula alone names nothing; what flows inside a box or a circle has no arrow.
    """
    flowing = {**passes.along, **_seeds(graph, passes)}
    found: dict[int, list[Part]] = defaultdict(list)
    ends: dict[int, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.head.startswith("out") and edge.backward:
            ends[edge.uses[0].source].append(edge.backward)
    for edge in sorted(edges, key=lambda edge: (-max(use.target for use in edge.uses), edge.uses[0].slot)):
        nodes = tuple(flowing[use[1:]] for use in edge.uses if use[1:] in flowing)
        named = edge.named or not boxed.isdisjoint((edge.tail, edge.head))
        source, name = edge.uses[0].source, edge.backward
        if edge.head.startswith("out") and len(ends[source]) > 1:  # what is given out twice has one node for both
            nodes, name = nodes * (name == ends[source][0]), f"({' + '.join(ends[source])})"
        if nodes and edge.backward:
            found[source].append(Part(nodes, name if named else None, edge.uses[0].target))
    drawn = {use for edge in edges for use in edge.uses}
    for use in graph.edges():
        if use not in drawn and use[1:] in flowing:
            found[use.source].append(Part((flowing[use[1:]],), None, use.target))
    return found


def _seeds(graph: Graph, passes: Passes) -> dict[tuple[int, int], int]:
    """Return the nodes of the gradients that enter at the outputs, each by the use that stands for its output."""
    first, names = len(graph.nodes), graph.names()
    given = {passes.names[i]: i for i in range(first, len(passes.nodes)) if passes.nodes[i].is_leaf}
    found: dict[tuple[int, int], int] = {}
    for i, index in enumerate(graph.outputs):
        name = derivative(names[index], graph.order + 1)  # the first part, where other operations read the output
        node = given.get(name, given.get(numbered(name, 1)))
        if node is not None:
            found[first, i] = node
    return found


def finished(picture: Picture, taps: Collection[int] = ()) -> Picture:
    """Return `picture` with the number of arrows at every vertex, and of parts that add up to its gradient.

    `taps` are arrows that reach their heads alone: where they come from, they take no room.
    """
    drawn = [edge for k, edge in enumerate(picture.edges) if k not in taps]
    into, out = Counter(edge.head for edge in picture.edges), Counter(edge.tail for edge in drawn)
    parts = Counter(edge.tail for edge in picture.edges if edge.backward is not None)
    twins: dict[str, tuple[int, int]] = {}
    for (tail, head), count in Counter((edge.tail, edge.head) for edge in drawn).items():
        for end, whole in ((tail, out[tail]), (head, into[head])):
            twins[end] = max(twins.get(end, (1, 0)), (count, whole - count))
    return replace(picture, vertices=[
        altered(v, arms=into[v.id], parts=parts[v.id], twins=most, beside=more)
        for v in picture.vertices for most, more in [twins.get(v.id, (1, 0))]
    ])  # fmt: skip
