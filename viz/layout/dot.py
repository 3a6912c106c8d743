"""The DOT text of a picture: to be laid out by anyone, and with the positions found."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tensorgrad.base.caching import remembered
from tensorgrad.errors import needing
from tensorgrad.viz.picture.legend import Legend
from tensorgrad.viz.picture.model import Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .scene import Arrow, Corners, Frame, Note, Outline, Scene
from .splines import Point, at, pos_text
from .themes import Theme

FONT = "DejaVu Sans"  # the widest of the fonts that a viewer may put in its place
RADIUS = 31.0
ARROW = 8.0  # length of an arrowhead in points
LABEL_SIZE = 13.0
FRAME_SIZE = 14.0
NOTE_SIZE = 12.0  # of a shape beside a circle
_PADDING = 16.0
_LINE = 120  # letters of a line of the legend
ABREAST, _BESIDE = 44.0, 12.0  # between level arrows from box to box, each with its texts, and beside those
_ARMS, _ARM = 8, 6.0  # arrows at one side that a circle has room for, and half of what each takes at a box


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
    if vertex.arms > _ARMS:
        return Look((RADIUS, _ARM * vertex.arms), 12.0, False)
    if vertex.kind not in ("box", "break") and not vertex.numbers:
        largest = 26.0 if len(vertex.label) == 1 and not vertex.label.isalnum() else 20.0
        circle = _circle(vertex.face, 16.0 if vertex.measured else largest)  # of two lines
        if circle is not None:
            return circle
    abreast = ABREAST * (vertex.twins - 1) / 2 + _BESIDE * vertex.beside + 4 if vertex.twins > 1 else 0.0
    return _rounded(vertex.face, abreast)


@remembered(1024)
def _circle(face: str, largest: float) -> Look | None:
    """Return the circle around a text, whose letters are as `largest` at most; None if it has no room for it."""
    size = min(largest, (2 * RADIUS - 9) / max(width(face, 1.0), 0.1))
    return Look((RADIUS, RADIUS), round(size, 1), True) if size >= 9 else None


@remembered(1024)
def _rounded(face: str, least: float) -> Look:
    """Return the box around a text, half as high as `least` at least."""
    size, lines = 14.0, face.count("\n") + 1
    return Look((width(face, size) / 2 + _PADDING / 2, max(lines * size * 0.65 + 8, 20.0, least)), size, False)


def outlined(vertex: Vertex, center: Point) -> Outline:
    """Return the outline of `vertex` around `center`."""
    shape = look(vertex)
    return Outline(vertex, center, shape.half, shape.size, shape.round)


def graphviz_package() -> Any:
    """Return the `graphviz` package, which writes DOT; MissingDependencyError where it is not installed."""
    with needing("the DOT text of a drawing", "graphviz"):
        import graphviz  # type: ignore[import-untyped, import-not-found, unused-ignore]
    return graphviz


def escaped(text: str) -> str:
    """Return `text` as a label: no HTML, no escapes of Graphviz, no entities.

    >>> escaped("<b> & x")
    '<b> &amp; x'
    """
    label: str = graphviz_package().escape(text.replace("&", "&amp;"))  # a str that knows that it is no HTML
    return label


def _headed(title: str, legend: Legend) -> dict[str, str]:
    """Return the label of a graph: its title above it; what is too long for its arrows, below it where it has none.

    Not every Graphviz reads labels of more than one colour.
    """
    if not legend:
        return {"label": escaped(title), "labelloc": "t"} if title else {}
    cut = textwrap.TextWrapper(_LINE, break_long_words=False, break_on_hyphens=False)
    lines = [f"{escaped(line)}\\l" for text, _ in legend.values() for line in cut.wrap(text)]
    label = "".join([f"{escaped(title)}\\n" if title else "", *lines])
    return {"label": label, "labelloc": "t" if title else "b", "fontsize": f"{LABEL_SIZE:g}"}


def _graph(name: str, **attributes: str) -> Any:
    graph = graphviz_package().Digraph(name)
    graph.attr("graph", fontname=FONT, bgcolor="transparent", **attributes)
    graph.attr("node", fontname=FONT, fixedsize="true", penwidth="1.3", margin="0")
    graph.attr("edge", fontname=FONT, fontsize=f"{LABEL_SIZE:g}", arrowsize=f"{ARROW / 10:g}")
    return graph


def _outline(outline: Outline, theme: Theme) -> dict[str, str]:
    vertex, pen = outline.vertex, outline.pen
    if vertex.kind == "output":
        return {"label": "", "shape": "point", "style": "invis", "width": "0.01", "height": "0.01", "class": "output"}
    dash = [pen.dash] * (pen.dash != "solid" or outline.round)
    warm = {"fillcolor": theme.filling(vertex.heat)} if vertex.heat is not None else {}
    dash += ["filled"] * bool(warm)
    return warm | {
        "label": escaped(vertex.face),
        "id": vertex.id,
        "class": outline.classes,
        "shape": "circle" if outline.round else "box",
        "style": ",".join([*dash, *["rounded"] * (not outline.round)]),
        "fontsize": f"{outline.size:g}",
        "width": f"{outline.half[0] / 36:.3f}",
        "height": f"{outline.half[1] / 36:.3f}",
        "color": theme.colour(pen.role),
        "penwidth": f"{pen.width:g}",
    }


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
        "fontsize": f"{FRAME_SIZE:g}",
        "margin": "14",
        "labelloc": "t",
    }


def without_positions(
    picture: Picture, labels: Sequence[tuple[str, str]], legend: Legend, rankdir: str, title: str, theme: Theme
) -> str:
    """Return DOT without positions, for any Graphviz: black edges shape the layout, red ones follow it."""
    graph = _graph("autograd", rankdir=rankdir, nodesep="0.42", ranksep="0.5", newrank="true")
    graph.attr("graph", **_headed(title, legend))
    for vertex in picture.vertices:
        graph.node(vertex.id, **_outline(outlined(vertex, (0, 0)), theme), xlabel=vertex.mark or None)
    colours = {"color": theme.grey, "fontcolor": theme.mute}
    _in_frames(graph, picture.vertices, lambda module: frame_attributes(module) | colours)
    for edge, (forward, backward) in zip(picture.edges, labels, strict=True):
        ordered = picture.vertex[edge.head].asymmetric and edge.places
        place = {"headlabel": ", ".join(map(str, edge.places)), "labelfontsize": "10"} if ordered else {}
        for kind, text in (("fwd", forward), ("bwd", backward)):
            if kind == "fwd" or edge.backward is not None:
                arrow = Arrow(edge, kind, (), text, (), LABEL_SIZE)
                free = {"constraint": "false"} if kind == "bwd" else place
                graph.edge(*arrow.ends, label=escaped(text), **_line(arrow, theme), **free)
    return str(graph.source)


def digraph(scene: Scene, theme: Theme) -> Any:
    """Return the `graphviz.Digraph` of a picture in which everything has its place: the engine nop2 only draws it.

    It names that engine itself, so that any Graphviz draws this picture and no other.
    """
    graph = _graph("autograd", pad="0.15", layout="nop2", outputorder="edgesfirst")
    graph.attr("graph", fontname=theme.family)
    graph.attr("node", fontname=theme.family, fontcolor=theme.ink, fillcolor=theme.fill)
    graph.attr("edge", fontname=theme.family, fontcolor=theme.ink, arrowsize=f"{scene.head / 10:g}")
    for outline in scene.outlines:
        graph.node(outline.vertex.id, pos=at(outline.center), **_outline(outline, theme))
    places = {frame.module: frame for frame in scene.frames}
    vertices = [outline.vertex for outline in scene.outlines]
    _in_frames(graph, vertices, lambda module: _placed_frame(places[module], theme))
    for frame in scene.frames:
        for row, corners in enumerate(frame.corners[1:], 1):
            graph.node(f"{frame.module.id}_{row}", **_further(corners, theme))
    for note in scene.notes:
        graph.node(note.id, **_note(note, theme))
    for arrow in scene.arrows:
        tail, head = arrow.ends
        graph.edge(tail, head, **_arrow(arrow, scene.head, theme))
    return graph


def _placed_frame(frame: Frame, theme: Theme) -> dict[str, str]:
    colours = {"color": theme.grey, "fontcolor": theme.mute, "fontsize": f"{frame.size:g}"}
    box = ",".join(f"{c:g}" for c in frame.corners[0])
    return frame_attributes(frame.module) | colours | {"bb": box, "lp": at(frame.title)}


def _further(corners: Corners, theme: Theme) -> dict[str, str]:
    """Return the box of a frame in a further row: a cluster has but one."""
    left, bottom, right, top = corners
    sides = {"width": f"{(right - left) / 72:.3f}", "height": f"{(top - bottom) / 72:.3f}", "shape": "box"}
    look = {"label": "", "style": "rounded,dashed", "color": theme.grey, "class": "module", "penwidth": "1"}
    return sides | look | {"pos": at(((left + right) / 2, (bottom + top) / 2))}


def _note(note: Note, theme: Theme) -> dict[str, str]:
    return {
        "label": escaped(note.text),
        "id": note.id,
        "pos": at(note.center),
        "width": f"{width(note.text, note.size) / 72:.2f}",
        "height": f"{note.size * 1.2 / 72:.2f}",
        "shape": "plaintext",
        "fontsize": f"{note.size:g}",
        "fontcolor": theme.colour(note.role),
        "class": f"note {note.kind}",
    }


def _line(arrow: Arrow, theme: Theme) -> dict[str, str]:
    pen, colour = arrow.pen, theme.colour(arrow.pen.role)
    plain = {"id": arrow.id, "class": arrow.classes, "color": colour, "fontcolor": colour}
    known = {"penwidth": f"{pen.width:g}", "style": pen.dash}
    return plain | {name: value for name, value in known.items() if value not in {"1", "solid"}}


def _arrow(arrow: Arrow, head: float, theme: Theme) -> dict[str, str]:
    ways = [" ".join(map(at, piece)) for piece in arrow.pieces[:-1]] + [pos_text(arrow.pieces[-1], head)]
    attributes = _line(arrow, theme) | {"pos": ";".join(ways), "fontsize": f"{arrow.size:g}"}
    if arrow.label and arrow.centers:
        attributes |= {"label": escaped(arrow.label), "lp": at(arrow.centers[0])}
    return attributes
