"""A picture that computes itself anew: its program in JavaScript beside it, and a panel for what it is computed from.

Room is made for numbers of the usual length. A browser gets the picture as it was drawn, whole without the script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.graph.writing import formed
from tensorgrad.javascript.liveprogram import LiveProgram, Moved
from tensorgrad.viz.layout.scene import Arrow, Scene
from tensorgrad.viz.picture.edgetexts import gradient_text
from tensorgrad.viz.picture.flows import Seeds
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.summaries import FEW, SHORT, brief
from tensorgrad.viz.picture.text import LONGEST, clean, width

from .browser import page as html_page, resource, script_literal
from .drawing import Drawing
from .setting import Page
from .svg import Beside, Shown, viewer_svg

_MOST = 40_000  # bytes of what computes
_KEYS = " What it is computed from can be changed in the panel: typed, dragged, or by the arrow keys; all else follows."
_HELP = "change a number in the panel, and all others follow; "
_REACH = 1000.0  # of a positive number, how many times more or less it may become on the slider
_ALONE, _SPREAD = "-0.01234", "-0.0123 ± 0.123"  # the widest numbers that room is made for

Ranges = Mapping[str, tuple[float, float]]


class Live(Drawing):
    """A drawing whose inputs can be changed where it is shown (see `draw`).

    Raises:
        CompileError: the function cannot be followed: Python read a value, or JavaScript has no form for a call.
        TensorgradError: it is too large.
    """

    def __init__(
        self, picture: Picture, graph: Graph, program: LiveProgram, ranges: Ranges | None = None, **page: Any
    ) -> None:
        super().__init__(_without_marks(picture.sealed()), graph, **page)
        self._program, self._ranges = program, dict(ranges or {})
        known = {moved.name for moved in program.moved()}
        if not known:
            raise TensorgradError("draw(live=True): nothing here can be changed: give the function tensors of numbers")
        for name, ends in self._ranges.items():
            if name not in known:
                there = ", ".join(sorted(known))
                raise TensorgradError(f"draw(live={{{name!r}: ...}}): there is no such input; there are {there}")
            if not _are_ends(ends):
                raise TensorgradError(f"draw(live={{{name!r}: {ends!r}}}): give the two ends of a slider, (low, high)")

    @cached_property
    def scene(self) -> Scene:
        """The positioned picture, with room for other numbers."""
        shown, texts = self.page.shown(self.picture), self._texts
        wide = [self._wide(edge, pair) for edge, pair in zip(self.picture.edges, texts, strict=True)]
        scene = self.page.placed(replace(shown, vertices=[_roomy(v) for v in shown.vertices]), wide)
        known = {e.id: (pair, room) for e, pair, room in zip(self.picture.edges, texts, wide, strict=True)}
        arrows = []
        for arrow in scene.arrows:
            text, room = (pair[arrow.kind == "bwd"] for pair in known[arrow.edge.id])
            before = arrow.label.removesuffix(room)  # in rows a name may stand before what the arrow has elsewhere
            arrows.append(replace(arrow, label=before + text) if room and arrow.label.endswith(room) else arrow)
        outlines = [
            replace(o, vertex=replace(shown.vertex[o.vertex.id], around=o.vertex.around)) for o in scene.outlines
        ]
        return replace(scene, outlines=tuple(outlines), arrows=tuple(arrows), paper=scene.bounds())

    @cached_property
    def _titles(self) -> Mapping[str, str]:
        return self._told(self.picture)

    @property
    def _texts(self) -> list[tuple[str, str]]:
        """What stands on every arrow and its red twin, with all of its numbers: a name is cut where it is too long."""
        return [(_cut(a), _cut(b)) for a, b in self.page._whole(self.picture)]

    @cached_property
    def svg(self) -> str:
        """One self-contained SVG that computes; with scripts off it is the picture as it was drawn."""
        script = self._script()
        before = (
            '<foreignObject class="live bar" display="none" width="100%" height="100%">'
            '<div class="tg-live" xmlns="http://www.w3.org/1999/xhtml"><select aria-label="array"></select> '
            '<input type="range" min="0" max="1000" step="any"/> <button type="button">reset</button> '
            '<button type="button">link</button><output role="status"></output><table></table></div></foreignObject>'
        )
        size = len(f"{script}{before}{_CSS}{_KEYS}".encode())
        if size > _MOST:
            raise TensorgradError(
                f"draw(live=True): what computes this picture takes {size:,} bytes, and {_MOST:,} may; give fewer "
                f"numbers, or a part of the function"
            )
        beside = Beside(before, f"\n<script><![CDATA[{script}]]></script>")
        told = self.description + _KEYS
        shown = Shown(self.scene, self._titles)
        return viewer_svg(shown, self.page.look, self.heading, told, self.page.sheet + _CSS, beside=beside)

    @property
    def html(self) -> str:
        """A page with the picture."""
        return html_page(self.svg, self.heading, _HELP)

    def _script(self) -> str:
        begin, between, end = re.split("PROGRAM|TABLES", resource("live.js", frozenset()))
        return f"{begin}{_dense(self._program.text())}{between}{self._tables()}{end}"

    def _tables(self) -> str:
        """Return what is changed and shown: values stand as expressions, texts as literals that end no script."""
        circles = {_node_of(vertex): vertex for vertex in self.picture.vertices}
        moved = list(self._program.moved())
        changed = [
            self._free(m) if m.node is None else self._entry(circles[m.node], m)
            for m in moved
            if m.node is None or m.node in circles
        ]
        others = [v for node, v in circles.items() if node not in {m.node for m in moved}]
        entries = filter(None, [*changed, *(self._entry(vertex, None) for vertex in others)])
        edges = filter(None, map(self._edge, self.scene.arrows))
        rows = [_listed(entries), _listed(edges)]  # these name the views
        return _listed([_listed(self._program.views), *rows])

    def _entry(self, vertex: Vertex, moved: Moved | None) -> str | None:
        """Return a row of what the panel shows; None for what has no numbers, or always the same."""
        node = _node_of(vertex)
        place = None if node is None or vertex.value is None else self._program.value(node, vertex.value)
        if node is None or place is None:
            return None
        parts = [] if vertex.gradient is None else self._program.gradient(node, vertex.gradient)
        name, numbers = self.picture.names[node], [self.picture.numbers.statistics(vertex.value)]
        scope = self._graph.nodes[node].scope
        if self.picture.names.count(name) > 1 and scope is not None and scope.path:
            name = f"{name} of {scope.path}"
        numbers += [] if vertex.gradient is None else [f"gradient norm {self.picture.numbers.norm(vertex.gradient)}"]
        told = _told_at(self._titles[vertex.id], ", ".join(filter(None, numbers)))
        row = [script_literal(clean(name)), script_literal(vertex.id), place, _listed(parts), told]
        return _listed([*row, *(self._limits(moved) if moved is not None else [])])

    def _free(self, moved: Moved) -> str:
        """Return the row of a number that is no value of the graph."""
        name = f"{moved.name} of {moved.place}" if moved.place else moved.name
        place = self._program.view(moved.array)
        return _listed([script_literal(clean(name)), "null", place, "[]", "0", *self._limits(moved)])

    def _limits(self, moved: Moved) -> list[str]:
        """Return from where to where the slider goes, and what kind of number it moves."""
        value = np.asarray(moved.value, float)
        value = value[np.isfinite(value)] if np.isfinite(value).any() else np.zeros(1)
        low, high = float(value.min()), float(value.max())
        if moved.name in self._ranges:
            low, high = map(float, self._ranges[moved.name])
            kind = 2 if low > 0 and high / low >= _REACH / 10 else 0
        elif moved.value.dtype.kind in "iu":
            low, high, kind = min(low, 0.0), high + 1, 1
        elif moved.node is None and low > 0:
            low, high, kind = low / _REACH, high * _REACH, 2
        else:
            span = max(high - low, abs(high), abs(low), 1.0)
            low, high, kind = low - span, high + span, 0
        return [repr(low), repr(high), str(kind)]

    def _edge(self, arrow: Arrow) -> str | None:
        """Return the row of an arrow: an id, what stands before the number (null for none), what it is, its title."""
        edge, red = arrow.edge, arrow.kind == "bwd"
        place = None if edge.value is None else self._program.value(edge.uses[0].source, edge.value)
        if place is None or (red and (edge.head.startswith("out") or edge.gradient is None)):
            return None  # what enters from outside does not change
        parts = self._program.along([use[1:] for use in edge.uses], edge.gradient) if red else []
        numbers, value = self._numbers(edge)[red], edge.gradient if red else edge.value
        before = _before(arrow.label, numbers)
        room = width(arrow.label, arrow.size) + width(_longest(numbers, value), arrow.size) - width(numbers, arrow.size)
        title = self._titles[arrow.id]
        told = _told_at(title, title.rpartition(f" {edge.dtype}, ")[2])
        names = script_literal(arrow.id), script_literal(before)
        return _listed([*names, place, str(int(red)), _listed(parts), f"{room:.0f}", told])

    def _numbers(self, edge: EdgeRecord) -> tuple[str, str]:
        """Return the numbers that may stand on an arrow and on its twin."""
        return brief(edge.value), gradient_text(edge.gradient, noise=edge.noise)

    def _wide(self, edge: EdgeRecord, pair: tuple[str, str]) -> tuple[str, str]:
        """Return the texts of an arrow with longer numbers."""
        found = []
        for text, numbers, value in zip(pair, self._numbers(edge), (edge.value, edge.gradient), strict=True):
            before = _before(text, numbers)
            longest = _longest(numbers, value)
            found.append(text if before is None else f"{before} = {longest}" if before else longest)
        return found[0], found[1]


def made(picture: Picture, graphs: tuple[Graph, Graph], seeds: Seeds, live: bool | Ranges, page: Page) -> Live:
    """Return a picture of the second of `graphs`, which shows the first one, as a live one.

    Raises:
        TensorgradError: other labels than values, or nothing that computes.
    """
    if type(graphs[0]) is not Graph:  # a plan, or what stood before an error
        raise TensorgradError("draw(live=True) is for a function, a module, a tensor or its graph: that computes alone")
    if not isinstance(live, bool | Mapping):
        raise TensorgradError(f"draw(live={live!r}): give True, or the ends of sliders, as {{'rate': (0.01, 1.0)}}")
    if page.labels != "values":
        raise TensorgradError(f"draw(live=True, labels={page.labels!r}): what is live are numbers: leave out labels")
    if any(vertex.heat is not None for vertex in picture.vertices):
        raise TensorgradError(
            "draw(live=True, heat=...): colours would stay those of the first numbers: leave out heat"
        )
    program = formed(graphs[0], lambda graph: LiveProgram(graph, graphs[1], seeds))
    return Live(picture, graphs[1], program, None if isinstance(live, bool) else live, **vars(page))


def _node_of(vertex: Vertex) -> int | None:
    """Return the node whose value stands in a circle."""
    return vertex.members[-1] if vertex.members and vertex.kind != "box" else None


def _are_ends(ends: Any) -> bool:
    """Return whether these are the least and the greatest number of a slider."""
    several = isinstance(ends, tuple | list) and len(ends) == 2 and all(isinstance(e, int | float) for e in ends)
    return several and -np.inf < ends[0] < ends[1] < np.inf


def _without_marks(picture: Picture) -> Picture:
    """Return a picture without what is said of the numbers that it begins with: NaN may become finite."""
    vertices = [
        replace(v, fault=None, tooltip=v.tooltip.replace(f", {v.fault.told}", "")) if v.fault else v
        for v in picture.vertices
    ]
    edges = [replace(e, fault=None) if e.fault else e for e in picture.edges]
    caption = "; ".join(told for told in picture.caption.split("; ") if not told.startswith("first "))
    return replace(picture, vertices=vertices, edges=edges, caption=caption)


def _cut(text: str) -> str:
    """Return the text of an arrow, its name cut and not its numbers."""
    name, equals, numbers = text.rpartition(" = ")
    return clean(text) if not equals else f"{clean(name, max(LONGEST - len(numbers) - 3, 3))} = {numbers}"


def _before(text: str, numbers: str) -> str | None:
    """Return what stands before the numbers of an arrow, "" if nothing does; None where there are none."""
    if numbers and text == numbers:
        return ""
    sign = " " if numbers.startswith("≈") else " = "
    return text.removesuffix(sign + numbers) if numbers and text.endswith(sign + numbers) else None


def _told_at(title: str, numbers: str) -> str:
    """Return where the numbers of a title stand, as a script counts: their length, and what follows; 0 for none."""
    _, found, after = title.rpartition(numbers) if numbers else ("", "", "")
    return _listed(str(len(part.encode("utf-16-le")) // 2) for part in (found, after)) if found else "0"


def _longest(numbers: str, value: Any) -> str:
    """Return the longest text that room is made for in the place of some numbers."""
    if value is None:
        return numbers
    full = re.sub(r"[^\[\], ]+", "-0.123", str(np.zeros(value.shape).tolist())) if value.size <= FEW else ""
    usual = _ALONE if value.size == 1 else full if full and len(full) <= SHORT else _SPREAD
    return max(numbers, usual, key=lambda text: width(text, 1.0))


def _roomy(vertex: Vertex) -> Vertex:
    """Return a vertex with longer numbers."""
    if not vertex.numbers:
        return vertex
    pairs = zip(vertex.numbers.split(" | "), (vertex.value, vertex.gradient), strict=False)
    return replace(vertex, numbers=" | ".join(_longest(*pair) for pair in pairs))


def _listed(parts: Iterable[str]) -> str:
    return f"[{','.join(parts)}]"


def _dense(text: str) -> str:
    """Return a program without needless spaces.

    >>> _dense("for (let i = 0; i < 3; i++) v1[i] = v0[i] - 2;")
    'for(let i=0;i<3;i++)v1[i]=v0[i]-2;'
    """
    return re.sub(r"\s*([-+*/%=<>!?:;,{}()\[\]&|])\s*", r"\1", text)


_CSS = resource("live.css", frozenset())
