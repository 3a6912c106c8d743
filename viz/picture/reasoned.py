"""Why something went wrong, on the picture: where it began, and the way from there to what was asked about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tensorgrad.debugging.examined import Examined
from tensorgrad.debugging.reasons import Reason
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph

from .faults import Fault
from .model import Picture, Vertex
from .text import clean

_LONGEST = 40  # characters of what stands beside a circle


def graph_of(reason: Reason) -> Graph:
    """Return the graph that a reason was found in.

    Raises:
        TensorgradError: it has none, as one that was made by hand.
    """
    if reason.graph is None:
        raise TensorgradError("cannot draw a Reason without a graph: draw what debug.why has answered")
    return reason.graph


def with_reason(picture: Picture, drawn: Graph, reason: Any) -> Picture:
    """Return `picture` of `drawn` with a mark at what a reason names, and a line around what lies on the way.

    What else was found has marks as well; the caption tells the causes. Of what is no reason, the picture as it is.
    """
    if not isinstance(reason, Reason):
        return picture
    found = [r for r in (reason, *([reason.earlier] if reason.earlier else []), *reason.more) if r.kind]
    if picture.inside is not None:
        picture = replace(picture, inside=_marked(picture.inside, drawn, found))
    told = [f"{r.kind}: {r.cause or 'the cause is not known'}" for r in found]
    picture = replace(picture, caption="; ".join(filter(None, [*dict.fromkeys(told), picture.caption])))
    return _marked(picture, drawn, found)


def _marked(picture: Picture, drawn: Graph, found: list[Reason]) -> Picture:
    marks: dict[int, str] = {}
    for reason in reversed(found):
        graph = reason.graph
        if not isinstance(graph, Examined):
            continue
        here = {index for link in reason.chain if (index := graph.shown_in(drawn, link.node)) is not None}
        marks = dict.fromkeys(here, "") | marks
        origin = None if reason.index is None else graph.shown_in(drawn, reason.index)
        if origin is not None:
            marks[origin] = clean(f"{reason.kind}: {reason.cause or reason.operation}", _LONGEST)
    return replace(picture, vertices=[_with_mark(vertex, marks) for vertex in picture.vertices])


def _with_mark(vertex: Vertex, marks: dict[int, str]) -> Vertex:
    texts = [marks[i] for i in vertex.members if i in marks]
    if not texts:
        return vertex
    said = next(filter(None, texts), "")
    before = vertex.fault
    kind, count = ("", 0) if before is None else (before.kind, before.count)
    return replace(vertex, fault=Fault(kind, count, bool(said), said))
