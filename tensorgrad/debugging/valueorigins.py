"""From a value that is NaN, infinite or zero back to the operation that made it so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.graph import GraphNode
from tensorgrad.graph.recomputing import again, plainly

from .examined import Examined, Mask, gathered, places, spread
from .reasons import Reason
from .valuecauses import FINITE, PRODUCTS, cause_of

HOLDS: Mapping[str, Callable[[Any], Any]] = {"NaN": np.isnan, "infinite": np.isinf, "zero": lambda x: x == 0}
UNRECORDED = "trace it, which keeps every value: debug.why(function, *inputs); of a gradient: debug.why(loss, of=x)"


class Origin(NamedTuple):
    """Where a kind of number was made first: the node, which elements, the way from there, what could not be seen."""

    node: int
    mask: Mask
    way: list[int]
    unseen: tuple[int, ...]


def is_of(kind: str, value: Array | None) -> bool:
    """Return whether a value is at fault: it holds a number that is not finite, or is zero everywhere."""
    if value is None or value.dtype.kind not in "fc" or not value.size:
        return False
    found = HOLDS[kind](value)
    return bool(found.all() if kind == "zero" else found.any())


def origin_of(graph: Examined, start: int, kind: str) -> Origin:
    """Return the first operation, in the order of computation, that a value has its NaN, infinity or zeros from."""
    value = graph.known[start]
    assert value is not None
    masks, following = {start: HOLDS[kind](value)}, dict[int, int]()
    origins: list[int] = []
    for index in range(start, -1, -1):
        if index not in masks:
            continue
        sources = _blamed(graph, graph.nodes[index], masks[index], kind)
        for source, mask in sources.items():
            masks[source] = masks[source] | mask if source in masks else mask
            following.setdefault(source, index)
        if not sources:
            origins.append(index)
    first = min(origins)
    way = [first]
    while way[-1] in following:
        way.append(following[way[-1]])
    read = [o.source for o in graph.nodes[first].operands if o.source is not None]
    return Origin(first, masks[first], way, tuple(i for i in read if graph.known[i] is None))


def _blamed(graph: Examined, node: GraphNode, mask: Mask, kind: str) -> dict[int, Mask]:
    """Return the operands that a fault of a value comes from, each with which elements of it."""
    found: dict[int, Mask] = {}
    read = [(o.source, graph.known[o.source]) for o in node.operands if o.source is not None and not o.parameter]
    suspects = [(i, value) for i, value in read if value is not None and is_of(kind, value)]
    for i, value in suspects:
        wrong = HOLDS[kind](value)
        if kind != "zero" and node.primitive is not None and node.primitive.kind == "elementwise":
            laid = spread(wrong, mask.shape)
            if laid is None or not (laid & mask).any():
                continue
            wrong = gathered(laid & mask, value.shape)
        found[i] = wrong
    return _responsible(graph, node, found) if kind == "zero" and found else found


def _responsible(graph: Examined, node: GraphNode, suspects: dict[int, Mask]) -> dict[int, Mask]:
    """Return the operands whose zeros make a value zero: with ones in their place it is not; all, if none alone does.

    None where the operation gives zero of ones as well, as a product with two zeros does not: that made them itself.
    """

    def with_ones(*indices: int) -> Array | None:
        changed: list[Any] = list(graph.known)
        for i in indices:
            changed[i] = np.ones_like(graph.known[i])
        with plainly():
            return again(node, changed)

    alone = {i: mask for i, mask in suspects.items() if _some(with_ones(i))}
    if alone:
        return alone
    return suspects if _some(with_ones(*suspects)) else {}


def _written(graph: Examined, index: int) -> int:
    """Return the operation that the script says: of half precision, which is computed in float32, what was rounded."""
    node = graph.nodes[index]
    source = node.operands[0].source if node.op == "astype" and node.dtype.itemsize == _HALF else None
    if source is None or graph.nodes[source].place != node.place:
        return index
    return source if any(_widened(graph, o.source, node) for o in graph.nodes[source].operands) else index


_HALF = 2  # bytes


def _widened(graph: Examined, index: int | None, half: GraphNode) -> bool:
    if index is None or graph.nodes[index].op != "astype" or graph.nodes[index].place != half.place:
        return False
    source = graph.nodes[index].operands[0].source
    return source is not None and graph.nodes[source].dtype == half.dtype


def _some(value: Array | None) -> bool:
    return value is not None and bool(np.any(value != 0))


def reason_of_value(graph: Examined, start: int, kind: str, depth: int = 0) -> Reason:
    """Return why a value is NaN, infinite or zero; `depth` counts the reasons that this one is a part of."""
    origin = origin_of(graph, start, kind)
    cause = cause_of(graph, origin.node, origin.mask, kind)
    earlier = None
    infinite = [i for i in cause.because if is_of("infinite", graph.known[i])]
    if infinite and depth == 0:
        earlier = reason_of_value(graph, infinite[0], "infinite", 1)
    links = tuple(graph.link(i, graph.known[i]) for i in origin.way)
    cure, told = cause.cure, graph.told(_written(graph, origin.node))
    if cure == FINITE and earlier is not None and earlier.cure:
        cure = f"of {earlier.operation} at {earlier.place}, which made them infinite: {earlier.cure}"
    if told["operation"] == "getitem" and told["function"] in PRODUCTS:
        told |= {"operation": told["function"], "function": ""}
    found = Reason(kind, (graph.called[start],), cause=cause.text, cure=cure, chain=links, earlier=earlier,
                   **places(origin.mask), **told)  # fmt: skip
    if not graph.traced and origin.node in graph.outputs and graph.nodes[origin.node].op == "constant":
        return replace(found, cause="", cure=UNRECORDED, unknown=graph.untold())
    if not origin.unseen:
        return found
    names = ", ".join(graph.link(i, None)._replace(holds="").__str__().rstrip(": ") for i in origin.unseen)
    unknown = f"the record does not keep {names}, so that it may have begun before"
    return replace(found, unknown=unknown, cause="", cure=UNRECORDED)
