"""The graph as Mermaid, which lays it out itself: for the pages of a repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tensorgrad.viz.layout.scene import Arrow
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.legend import Legend
from tensorgrad.viz.picture.model import Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall

_CODES = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;", "*": "#42;",
          "_": "#95;", "\n": "<br/>"}  # fmt: skip


def mermaid_text(
    picture: Picture, labels: Sequence[tuple[str, str]], legend: Legend, rankdir: str, title: str, theme: Theme
) -> str:
    """Return a flowchart: values forward, gradients back in red, a subgraph for each open module.

    What is too long for an arrow stands in a box of its own.
    Mermaid places operands as it likes: where their order matters, each tells its number before its name.
    """
    lines = ["---", f"title: {quoted(title)}", "---"] if title else []
    lines += [f"flowchart {rankdir}", *_in_subgraphs(picture.vertices)]
    red: list[int] = []
    count = 0
    for edge, texts in zip(picture.edges, labels, strict=True):
        for kind, text in zip(("fwd", "bwd"), texts, strict=True):
            if kind == "bwd" and edge.backward is None:
                continue
            places = edge.places if kind == "fwd" and picture.vertex[edge.head].asymmetric else ()
            told = ": ".join(filter(None, [", ".join(map(str, places)), text.strip()]))
            arrow = Arrow(edge, kind, (), told, (), 0.0)
            tail, head = arrow.ends
            line = "-->" if arrow.pen.dash == "solid" else "-.->"
            lines.append(f"  {tail} {line}{f'|{quoted(told)}|' if told else ''} {head}")
            red += [count] * (arrow.pen.role == "red")
            count += 1
    if red:
        lines.append(f"  linkStyle {','.join(map(str, red))} stroke:{theme.red},color:{theme.red}")
    warm = [vertex for vertex in picture.vertices if vertex.heat is not None]
    lines += [f"  style {vertex.id} fill:{theme.filling(vertex.heat)},color:{theme.ink}" for vertex in warm]
    if legend:
        lines.append(f"  legend[{quoted(chr(10).join(text for text, _ in legend.values()))}]")
    return "\n".join([*lines, ""])


def _in_subgraphs(vertices: Iterable[Vertex], depth: int = 0) -> Iterator[str]:
    """Yield the vertices, inside the subgraphs of their modules."""
    inside: dict[ModuleCall, list[Vertex]] = {}
    pad = "  " * (depth + 1)
    for vertex in vertices:
        if len(vertex.around) > depth:
            inside.setdefault(vertex.around[depth], []).append(vertex)
        else:
            left, right = (
                ("[", "]") if vertex.kind in ("box", "break") else ("([", "])") if vertex.leaf else ("((", "))")
            )
            yield f"{pad}{vertex.id}{left}{quoted(vertex.face)}{right}"
    for module, held in inside.items():
        yield f"{pad}subgraph {module.id}[{quoted(module.label)}]"
        yield from _in_subgraphs(held, depth + 1)
        yield f"{pad}end"


def quoted(text: str) -> str:
    """Return `text` as Mermaid reads it: in quotes, its signs that mean something as codes.

    >>> quoted('x_1 = "a" * 2')
    '"x#95;1 = #quot;a#quot; #42; 2"'
    """
    return f'"{"".join(_CODES.get(c, c) for c in text) or " "}"'
