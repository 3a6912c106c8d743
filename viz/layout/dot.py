"""The DOT text of a picture: to be laid out by anyone, to be laid out by us, and with the positions found."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorgrad.viz.picture.faults import is_zero
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .lanes import HEAVY, Lanes
from .render import graphviz_package
from .splines import Point, Spline, at, pos_text

FONT = "DejaVu Sans"  # the widest of the fonts that a viewer may put in its place
RED = "#c8102e"
_IN_RED = {"color": RED, "fontcolor": RED}
GREY = "#8a8a8a"
MUTED = "#555555"
RADIUS = 31.0
ARROW = 8.0  # length of an arrowhead in points
LABEL_SIZE = 13.0
_PADDING = 16.0
_LARGE, _TANGLED = 100, 1000  # vertices, or effort, from which on the search for the shortest edges is cut off


@dataclass(frozen=True)
class Note:
    """A text that stands free: its place (centre), font size, and class.

    That is "fwd", "bwd", "shape", "slot" (the number of an operand), "fault", "title" or "caption".
    """

    id: str
    text: str
    center: Point
    size: float
    kind: str


@dataclass(frozen=True)
class Look:
    """The outline of a vertex: half its width and height in points, font size, round or not."""

    half: Point
    size: float
    round: bool


def look(vertex: Vertex) -> Look:
    """Return the outline of `vertex`: an equal circle for all whose label fits, a rounded box for the others.

    >>> look(Vertex("n0", "op", "+", (2,), (), "")).half
    (31.0, 31.0)
    """
    if vertex.kind == "output":
        return Look((0.4, 0.4), 1.0, True)
    if vertex.kind != "box":
        largest = 26.0 if len(vertex.label) == 1 and not vertex.label.isalnum() else 20.0
        size = min(largest, (2 * RADIUS - 9) / max(width(vertex.label, 1.0), 0.1))
        if size >= 9:
            return Look((RADIUS, RADIUS), round(size, 1), True)
    size, lines = 14.0, vertex.label.count("\n") + 1
    return Look((width(vertex.label, size) / 2 + _PADDING / 2, max(lines * size * 0.65 + 8, 20.0)), size, False)


def escaped(text: str) -> str:
    """Return `text` as a label: no HTML, no escapes of Graphviz, no entities.

    >>> escaped("<b> & x")
    '<b> &amp; x'
    """
    label: str = graphviz_package().escape(text.replace("&", "&amp;"))  # a str that knows that it is no HTML
    return label


def _graph(name: str, title: str, **attributes: str) -> Any:
    graph = graphviz_package().Digraph(name)
    graph.attr("graph", fontname=FONT, bgcolor="transparent", **attributes)
    graph.attr("node", fontname=FONT, fixedsize="true", penwidth="1.3", margin="0")
    graph.attr("edge", fontname=FONT, fontsize=f"{LABEL_SIZE:g}", arrowsize=f"{ARROW / 10:g}")
    if title:
        graph.attr("graph", label=escaped(title), labelloc="t")
    return graph


def _outline(vertex: Vertex) -> dict[str, str]:
    if vertex.kind == "output":
        return {"label": "", "shape": "point", "style": "invis", "width": "0.01", "height": "0.01", "class": "output"}
    shape, fault = look(vertex), vertex.fault
    return {
        "label": escaped(vertex.label),
        "id": vertex.id,
        "class": " ".join([vertex.kind, *([fault.classes] if fault else []), *_pass(vertex.order)]),
        "shape": "circle" if shape.round else "box",
        "style": ",".join(
            ["solid" if shape.round else "rounded"] + ["dashed"] * (fault is not None and not fault.first)
        ),
        "fontsize": f"{shape.size:g}",
        "width": f"{shape.half[0] / 36:.3f}",
        "height": f"{shape.half[1] / 36:.3f}",
    } | ({"color": RED} | {"penwidth": "4" if vertex.mark else "2"} if fault or vertex.mark or vertex.order else {})


def _pass(order: int) -> list[str]:
    """Return the class of what a backward pass computes, by its order."""
    return [f"d{min(order, 2)}"] if order else []


def _in_frames(
    graph: Any, vertices: Iterable[Vertex], frame: Callable[[ModuleCall], dict[str, str]], depth: int = 0
) -> None:
    """Write the vertices into nested clusters, one for each open module; `frame` gives the attributes of a cluster."""
    inside: dict[ModuleCall, list[Vertex]] = {}
    for vertex in vertices:
        if len(vertex.around) > depth:
            inside.setdefault(vertex.around[depth], []).append(vertex)
    for module, held in inside.items():
        with graph.subgraph(name=f"cluster_{module.id}") as inner:
            inner.attr("graph", **frame(module))
            _in_frames(inner, held, frame, depth + 1)
            for vertex in held:
                if len(vertex.around) == depth + 1:
                    inner.node(vertex.id)


def frame_attributes(module: ModuleCall) -> dict[str, str]:
    """Return how the dashed frame of an open module looks."""
    return {
        "label": escaped(module.label),
        "id": module.id,
        "class": "module",
        "style": "rounded,dashed",
        "color": GREY,
        "fontcolor": MUTED,
        "fontsize": "14",
        "margin": "14",
        "labelloc": "t",
    }


def without_positions(picture: Picture, labels: Sequence[tuple[str, str]], rankdir: str, title: str) -> str:
    """Return DOT without positions, for any Graphviz: black edges shape the layout, red ones follow it."""
    graph = _graph("autograd", title, rankdir=rankdir, nodesep="0.42", ranksep="0.5", newrank="true")
    for vertex in picture.vertices:
        graph.node(vertex.id, **_outline(vertex), xlabel=vertex.mark or None)  # None is left out
    _in_frames(graph, picture.vertices, frame_attributes)
    for edge, (forward, backward) in zip(picture.edges, labels, strict=True):
        ordered = picture.vertex[edge.head].asymmetric
        place = {"headlabel": str(edge.slot + 1), "labelfontsize": "10"} if ordered else {}
        graph.edge(edge.tail, edge.head, label=escaped(forward), id=f"f{edge.id}", **{"class": "fwd"}, **place)
        if edge.backward is not None:
            graph.edge(edge.head, edge.tail, escaped(backward), id=f"b{edge.id}", constraint="false", **_red(edge))
    return str(graph.source)


def _red(edge: EdgeRecord) -> dict[str, str]:
    """Return how the arrow of a gradient looks: dashed if it is zero, dotted and thick if it is not finite."""
    attributes = {"class": "bwd"} | _IN_RED
    if edge.fault is not None:
        return attributes | {"class": f"bwd {edge.fault.classes}", "style": "dotted", "penwidth": "3"}
    return attributes | ({"class": "bwd zero", "style": "dashed"} if is_zero(edge.gradient) else {})


def for_layout(picture: Picture, labels: Sequence[tuple[str, str]], rankdir: str, lanes: Lanes) -> str:
    """Return the DOT of the first pass: forward edges alone, with room for the wider label of each pair.

    No room where Graphviz would take minutes: a label is one more vertex on the way of every edge.
    """
    # newrank: without it, dot ranks each frame by itself, and edges between frames may run backwards
    roomy = lanes.effort <= HEAVY  # beyond, labels take what is free between ranks that stand further apart
    apart = "0.5" if roomy else "1.1"
    graph = _graph("layout", "", rankdir=rankdir, nodesep="0.42", ranksep=apart, splines="true", newrank="true")
    if len(picture.vertices) > _LARGE or lanes.effort > _TANGLED:
        graph.attr("graph", nslimit="1", mclimit="0.5")
    spine = set() if any(vertex.around for vertex in picture.vertices) else {*lanes.spine}
    for vertex in reversed(picture.vertices):  # what comes last is tried on top: the spine, with branches below
        outline = {k: v for k, v in _outline(vertex).items() if k in {"shape", "width", "height"}}
        graph.node(vertex.id, label="", **outline, group="spine" if vertex.id in spine else None)
    _in_frames(graph, picture.vertices, frame_attributes)
    far = _entering(picture)
    edges = enumerate(zip(picture.edges, labels, lanes.weights, strict=True))
    for k, (edge, pair, weight) in sorted(edges, key=lambda item: -item[1][2]):
        wider = max(pair, key=lambda text: width(text, 1.0))
        room = escaped(f"  {wider}  ") if wider and roomy else None
        graph.edge(edge.tail, edge.head, room, id=f"e{k}", weight=str(weight), minlen="2" if edge in far else None)
    for before, after in lanes.joins:
        graph.edge(before, after, style="invis", weight="12")
    for row in (lanes.leaves, [vertex.id for vertex in picture.vertices if vertex.kind == "output"]):
        if len(row) > 1:
            with graph.subgraph() as rank:
                rank.attr(rank="same")
                for upper, lower in itertools.pairwise(row):
                    rank.edge(upper, lower, style="invis")
    return str(graph.source)


def _entering(picture: Picture) -> set[EdgeRecord]:
    """Return the edges into a frame to an operation that also reads a leaf in it.

    They are drawn two ranks long: the leaf then stands behind the frame before, not beside it, and both frames can lie
    on one line.
    """
    vertices = picture.vertex
    fed = {e.head for e in picture.edges if vertices[e.tail].leaf and vertices[e.tail].around and
           vertices[e.tail].around == vertices[e.head].around}  # fmt: skip
    return {e for e in picture.edges if e.head in fed and vertices[e.tail].around != vertices[e.head].around}


@dataclass(frozen=True)
class DrawnEdge:
    """One arrow with its place: class "fwd" or "bwd", spline from tail to head, label and where that stands."""

    edge: EdgeRecord
    kind: str
    spline: Spline
    label: str
    center: Point | None


def positioned(
    picture: Picture,
    centers: Mapping[str, Point],
    frames: Mapping[str, dict[str, str]],
    arrows: Iterable[DrawnEdge],
    notes: Iterable[Note],
) -> str:
    """Return the DOT of the second pass: everything has its place, and the engine nop2 only draws it."""
    graph = _graph("autograd", "", pad="0.15")
    for vertex in picture.vertices:
        graph.node(vertex.id, pos=at(centers[vertex.id]), **_outline(vertex))
    _in_frames(graph, picture.vertices, lambda module: frame_attributes(module) | frames[module.id])
    for note in notes:
        attributes = {
            "id": note.id,
            "pos": at(note.center),
            "width": f"{width(note.text, note.size) / 72:.2f}",
            "height": f"{note.size * 1.2 / 72:.2f}",
            "shape": "plaintext",
            "fontsize": f"{note.size:g}",
            "fontcolor": {"bwd": RED, "fault": RED, "slot": MUTED}.get(note.kind),  # None is left out
            "class": f"note {note.kind}",
        }
        graph.node(note.id, label=escaped(note.text), **attributes)
    for arrow in arrows:
        _arrow(graph, arrow)
    return str(graph.source)


def _arrow(graph: Any, arrow: DrawnEdge) -> None:
    edge, back = arrow.edge, arrow.kind == "bwd"
    tail, head = (edge.head, edge.tail) if back else (edge.tail, edge.head)
    attributes = {
        "id": f"{'b' if back else 'f'}{edge.id}",
        "class": " ".join([arrow.kind, *_pass(edge.order)]),
        "pos": pos_text(arrow.spline, ARROW),
    }
    attributes |= _red(edge) if back else _IN_RED if edge.order else {}
    if arrow.label and arrow.center is not None:
        attributes |= {"label": escaped(arrow.label), "lp": at(arrow.center)}
    graph.edge(tail, head, **attributes)
