"""`draw` and what it returns."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tensorgrad.base.mime import HTML, SVG, TEXT, shortened, wanted
from tensorgrad.debugging.reasons import Reason
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.files.atomic import write_whole
from tensorgrad.graph import Graph
from tensorgrad.graph.gradients import Seed
from tensorgrad.graph.tracing import Names
from tensorgrad.viz.layout.dot import digraph, graphviz_package, without_positions
from tensorgrad.viz.layout.scene import Scene
from tensorgrad.viz.picture.breaks import with_breaks
from tensorgrad.viz.picture.closing import Unfold, words_of
from tensorgrad.viz.picture.expressions import told_apart
from tensorgrad.viz.picture.finishing import finished, with_formulas
from tensorgrad.viz.picture.flows import Seeds, seeds_of
from tensorgrad.viz.picture.heat import with_heat
from tensorgrad.viz.picture.hiding import Hide, without_hidden
from tensorgrad.viz.picture.model import EdgeRecord, Options, Picture, build
from tensorgrad.viz.picture.reasoned import with_reason
from tensorgrad.viz.picture.text import shown_bytes
from tensorgrad.viz.picture.tooltips import brief, of_arrow, of_frame

from .browser import framed, page as html_page
from .data import json_text
from .mermaid import mermaid_text
from .paper import printed
from .setting import Page
from .svg import Shown, still_svg, viewer_svg
from .targets import graph_drawn
from .tikz import tikz_text

FORMATS = (".svg", ".html", ".pdf", ".png", ".tex", ".json", ".mmd", ".dot")
_ROWS, _BOXES = 3, 2  # above which a picture for paper has closed layers, and what it has then at least


class Plan(Protocol):
    """What a compiled function runs as (see `tensorgrad.compile`)."""

    size: int
    steps: list[Any]


def draw(
    target: Graph | Tensor | Callable[..., Any] | BaseException | Plan | Reason,
    *inputs: Any,
    grads: bool | None = None,
    labels: str = "names",
    depth: int | None = None,
    collapse: Iterable[str] | Callable[[Any], bool] | None = None,
    hide: Hide = (),
    rankdir: str = "LR",
    max_nodes: int = 300,
    title: str | None = None,
    dims: Mapping[int, str] | None = None,
    seed: Seed = None,
    names: Names = None,
    order: int = 0,
    repeats: bool = True,
    heat: str | None = None,
    timeout: float | None = None,
    unfold: Unfold = None,
    width: str | float | None = None,
    fontsize: float | None = None,
    wrap: bool | int | None = None,
    math: bool | None = None,
    style: Mapping[str, str] | None = None,
    theme: str | None = None,
    live: bool | Mapping[str, tuple[float, float]] = False,
) -> Drawing:
    """Return the drawing of a graph: values forward in black, gradients back in red, each beside the other.

    Args:
        target: a Graph, a Tensor (the graph behind it), or a function or module, which is traced on `inputs`; or an
            exception that was raised: then what had been recorded before is drawn, with the operation that failed; or
            a plan of a compiled function: its steps in order, and the bytes that flow; or a reason that `debug.why`
            gave: its graph, where it began and the way from there.
        inputs: the arguments of `target`, if it is called.
        grads: draw the gradients; their numbers come from a sweep of their own, which fills no `.grad`. By default,
            unless the graph is one of a backward pass itself.
        labels: what stands on the arrows: "names", "shapes", "values", "formulas" (how value and gradient are computed)
            or "none". What is too long for an arrow stands below, under the name or the number that the arrow has.
        depth: draw the modules of this depth as single boxes: 0 every outermost one, 1 the parts of the model (where
            there are several models, these), 2 the parts of what has depth 1.
        collapse: paths or classes of modules, and names of functions, to draw as single boxes; or a function of a
            module that says whether to. A function of the script's own is known where `target` is called. By default
            the deepest ones close where the picture would be several screens wide or high; () closes none.
        unfold: functions of the library to draw with the operations that they are made of, in a frame: a name, several
            names, all (True) or none (False), or a function of a call (`call.kind`, `call.path`) that says whether to.
            By default a function of several operations is one box where the picture would have more than 20 circles and
            boxes, and is drawn by its operations alone where it has not; but for one that holds what only keeps it
            right at the limits, or quick, which is a box in any picture.
        hide: operations that are not to be seen, by their names ("reshape", "parameter"), or a function that is asked
            of each node of the graph (`node.op`, `node.name`, `node.shape`). What reads one is drawn as reading what it
            reads.
        rankdir: "LR" from left to right, "TB" from top to bottom.
        max_nodes: above this, the deepest modules are closed until it is reached, and the caption says so.
        title: the heading, and the title that screen readers read.
        dims: letters for lengths: ``{7: "N", 3: "D"}`` draws the shape (7, 3) as (N, D).
        seed: the gradient of the output, or a list of one for each output, None for none; ones by default. That of one
            tensor is the gradient of the first output alone.
        names: names for values that have none: a mapping of names to tensors, as ``dict(model.named_parameters())``, or
            "variables" for those of the variables that hold them, in the function traced or where `draw` is called.
        order: 1 draws the graph of the backward pass itself, in which the gradients are values, and 2 that of the
            backward pass through it, which computes second derivatives.
        repeats: draw closed modules that follow one another and are alike as one box, which says how many.
        heat: colour the circles by "gradient" (its norm), "time" (of each operation, run again), "memory" (that is
            kept for the backward pass) or "digits" (lost to rounding), on a scale of logarithms that the caption tells.
        timeout: accepted: a picture waits for no other program.
        width: the paper that it has to fit: "12cm", "340pt", "3in", or points. It is drawn smaller, and in rows where a
            text would come below 8 points, or below `fontsize`. Above three rows, layers and functions are single
            boxes, unless `wrap`, `depth`, `collapse` or `unfold` are given.
        fontsize: the size of the smallest text, in points.
        wrap: the number of rows (more, where those would not fit `width`), or whether rows may be made to fit `width`;
            by default they may.
        math: the signs of mathematics and slanted names: × and x² for ``*`` and ``**2``, x̂ for ``xhat``. By default in
            the theme "book".
        style: parts of the theme to change: "ink", "red", "mute", "grey", "fill", "ground", "highlight", and "font".
        theme: "light", "dark", "print" (black and red without ground) or "book" (as in print, and the letters of a
            book); by default a browser shows what its reader prefers.
        live: the file computes itself anew: a panel changes inputs, parameters and numbers as ε, and every value and
            gradient follows; labels are "values" then. A mapping has the ends of sliders: ``{"lr": (0.01, 1.0)}``.

    Raises:
        TensorgradError: an argument that is none of the above, or a picture that does not fit.
        CompileError: with `live`, Python read a value in the function, or a browser cannot compute what it calls.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([3.0], requires_grad=True)
    >>> for edge in draw(lambda x: x * x, x).edges:
    ...     print(edge.source, "->", edge.target, edge.forward, edge.backward, edge.gradient)
    x -> * x dx₁ [3.]
    x -> * x dx₂ [3.]
    * -> out out dout [1.]
    """
    if live is not False:
        labels, collapse, wrap = _whole(labels, collapse, wrap)
    page = Page(labels, rankdir, title or "", dims or {}, timeout, theme, style or {}, width, fontsize, wrap, math)
    if type(target).__module__.startswith("tensorgrad.program."):  # which loads with what compiles, and not with this
        picture = importlib.import_module("tensorgrad.viz.picture.plans").picture_of(target)
        return _made(picture, (target, target), [], live, replace(page, title=title or "Plan"))
    graph, seed = graph_drawn(target, inputs, names, words_of(collapse), order, seed)
    whole = graph.with_reads() if graph.order == 0 else graph
    graph, grads = whole.pictured(), graph.order == 0 if grads is None else grads
    seeds = seeds_of(graph, seed) if grads else []
    options = Options(grads, depth, collapse, max_nodes, dims, seeds, repeats, unfold, labels == "formulas")
    shown = with_reason(_drawn(graph, options, heat, hide, page), graph, target)
    return _made(shown, (whole, graph), seeds, live, page)


def _whole(labels: str, collapse: Any, wrap: Any) -> tuple[str, Any, Any]:
    """Return the choices for all of a picture in one row with its numbers, where nothing else was asked for."""
    return (
        "values" if labels == "names" else labels,
        () if collapse is None else collapse,
        False if wrap is None else wrap,
    )


def _made(picture: Picture, graphs: tuple[Any, Any], seeds: Seeds, live: Any, page: Page) -> Drawing:
    """Return the drawing of a picture of the second of `graphs`, which shows the first one; a live one if asked."""
    if live is False:
        return Drawing(picture, graphs[1], **vars(page))
    made: Drawing = importlib.import_module("tensorgrad.viz.output.live").made(picture, graphs, seeds, live, page)
    return made


def _drawn(graph: Graph, options: Options, heat: str | None, hide: Hide, page: Page) -> Picture:
    """Return the picture of `graph`; with closed layers where it needs many rows, and nothing was asked for."""

    def of(options: Options) -> Picture:
        return _finished(build(graph, options), graph, options, page.labels, heat, hide, page.narrow)

    if not page.narrow or (options.depth, options.collapse, options.unfold) != (None, None, None):
        return of(options)
    picture = of(replace(options, collapse=()))
    if page.wrap is not None or page.rows(picture) <= _ROWS:
        return picture
    closed = of(replace(options, collapse=_is_layer, unfold=False))
    return closed if sum(not vertex.leaf for vertex in closed.vertices) > _BOXES else picture


def _is_layer(module: Any) -> bool:
    """Return whether `module` is made of no others."""
    return next(module.children(), None) is None


def _finished(
    picture: Picture, graph: Graph, options: Options, labels: str, heat: str | None, hide: Hide, narrow: bool = False
) -> Picture:
    """Return `picture` with what was asked for beside it: formulas, heat, nothing of what is hidden.

    On paper (`narrow`), and where what is inside is left out, no box says that it opens.
    """
    if picture.inside is not None:
        inside = _finished(picture.inside, graph, options, labels, heat, hide)
        picture = replace(picture, inside=inside)
    if options.apart:
        picture = with_formulas(picture, told_apart(graph), options.seeds, options.dims)
    if heat is not None:
        picture = with_heat(picture, graph, heat)
    picture = with_breaks(picture, graph)
    if callable(hide) or hide:
        picture = without_hidden(picture, graph, hide)
    opens = picture.inside is not None or bool(picture.folded)
    return finished(picture if opens and not narrow else picture.sealed())


class Drawing:
    """A graph drawn: DOT, SVG and HTML made when asked for, and the numbers behind the arrows in `edges`."""

    def __init__(
        self, picture: Picture, graph: Graph | Any, labels: str = "names", rankdir: str = "LR", title: str = "",
        dims: Mapping[int, str] | None = None, timeout: float | None = None, **paper: Any,
    ) -> None:  # fmt: skip
        self.picture = picture
        self.page = Page(labels, rankdir, title, dims or {}, timeout, **paper)
        self._graph = graph

    @property
    def edges(self) -> list[EdgeRecord]:
        """Every arrow with its names, value and true gradient."""
        return self.picture.edges

    @property
    def caption(self) -> str:
        """What is hidden, and where the first number is that is not finite; empty if there is nothing to say."""
        return self.picture.caption

    @cached_property
    def dot(self) -> str:
        """DOT without positions, for any Graphviz."""
        page = self.page
        return without_positions(
            page.shown(self.picture), *page.shortened(self.picture), page.rankdir, page.title, page.look
        )

    @cached_property
    def scene(self) -> Scene:
        """The positioned picture, from which every file is printed."""
        return self.page.scene(self.picture)

    @property
    def positioned(self) -> str:
        """DOT with the place of everything; it names the engine nop2, which draws it as it is."""
        return str(self.digraph.source)

    @property
    def digraph(self) -> Any:
        """The positioned picture as a `graphviz.Digraph`, to be gone on with by that package."""
        return digraph(self.scene, self.page.look)

    @property
    def source(self) -> Any:
        """The positioned picture as a `graphviz.Source`, which renders this picture and no other."""
        return graphviz_package().Source(self.positioned)

    @cached_property
    def svg(self) -> str:
        """One self-contained interactive SVG; complete with scripts off, too."""
        return viewer_svg(
            Shown(self.scene, brief(self._told(self.picture), self.picture.vertices, self.picture.edges)),
            self.page.look,
            self.heading,
            self.description,
            self.page.sheet,
            self._inside,
        )

    @property
    def _inside(self) -> Shown | None:
        """What is behind closed boxes that open."""
        inside = self.picture.inside
        if inside is None:
            return None
        scene = self.page.scene(inside)
        drawn = {frame.module.id for frame in scene.frames}
        folded = tuple(id for id in inside.folded if id in drawn)
        return Shown(scene, brief(self._told(inside), inside.vertices, inside.edges), folded) if folded else None

    @property
    def tex(self) -> str:
        """A LaTeX document that draws the picture by TikZ."""
        return tikz_text(self.scene, self.page.look)

    @property
    def mmd(self) -> str:
        """The graph as Mermaid, which lays it out itself."""
        page = self.page
        return mermaid_text(
            page.shown(self.picture), *page.shortened(self.picture), page.rankdir, page.title, page.look
        )

    @property
    def json(self) -> str:
        """The positioned picture as data."""
        return json_text(self.scene, self.page.look, self.heading, self.caption)

    @property
    def pdf(self) -> bytes:
        """One page of the picture's size, texts as texts."""
        return self._printed("pdf")

    @property
    def png(self) -> bytes:
        """The picture in pixels, two for each that a browser counts."""
        return self._printed("png")

    def _printed(self, format: str) -> bytes:
        left, bottom, right, top = self.scene.bounds()
        svg = still_svg(self.scene, self.page.look)
        return printed(svg, (right - left, top - bottom), format, self.heading, self.description)

    @property
    def html(self) -> str:
        """A page with the drawing."""
        return html_page(self.svg, self.heading)

    @property
    def heading(self) -> str:
        """The title, or a general one."""
        return self.page.title or "Computational graph"

    @property
    def description(self) -> str:
        """The graph in words, for those who do not see it."""
        labels = [v.label.replace("\n", ", ") for v in self.picture.vertices if v.kind != "output"]
        names = ", ".join([*labels[:60], *([f"and {len(labels) - 60} more"] if len(labels) > 60 else [])])
        red = sum(edge.backward is not None for edge in self.edges)
        told = f"{len(self.edges)} forward edges in black, {red} gradients in red, in the opposite direction."
        side = "above" if self.page.rankdir == "LR" else "on the left"
        if any(vertex.asymmetric for vertex in self.picture.vertices):
            told += f" Where it matters, the first operand enters {side}, or numbers tell which it is."
        kept = sum(vertex.kept for vertex in self.picture.vertices)
        told += f" {shown_bytes(kept)} are kept for the backward pass." if kept else ""
        return f"{told} In the order of computation: {names}. {self.caption}".rstrip(" ")

    def _told(self, picture: Picture) -> dict[str, str]:
        """What each element tells on hovering, by its id."""
        dims, numbers = self.page.dims, picture.numbers
        told = {vertex.id: vertex.tooltip for vertex in picture.vertices}
        around = dict.fromkeys(module for vertex in picture.vertices for module in vertex.around)
        told |= {module.id: of_frame(module) for module in around}
        told |= {f"f{edge.id}": of_arrow(edge, dims, numbers, backward=False) for edge in picture.edges}
        red = [edge for edge in picture.edges if edge.backward is not None]
        return told | {f"b{edge.id}": of_arrow(edge, dims, numbers, backward=True) for edge in red}

    def text(self) -> str:
        """Return the graph as a typed program, one line per node; a plan as its source."""
        return self._graph.text() if isinstance(self._graph, Graph) else str(self._graph)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format that the suffix of `path` names, whole or not at all, and return the path.

        .svg and .html are interactive; .pdf and .png are for paper, .tex is TikZ; .json holds every place, and .dot and
        .mmd the graph for other programs to lay out.

        Raises:
            TensorgradError: another suffix, or a picture that is larger than .png, .pdf or .tex have room for.
            MissingDependencyError: .pdf or .png without the library that prints them.
            OSError: the folder is not there, or cannot be written to.
        """
        target = Path(path)
        kind = target.suffix.lower()
        if kind not in FORMATS:
            raise TensorgradError(f"cannot save {target.name!r}: the name must end in {', '.join(FORMATS)}")
        return write_whole(target, getattr(self, kind[1:]))

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type; the text alone, with the reason, where it does not fit."""
        shown = {TEXT: shortened(self.text())}
        if wanted([HTML, SVG], include, exclude):
            try:
                shown |= {SVG: self.svg, HTML: framed(self.html, self.svg)}
            except TensorgradError as error:
                shown[TEXT] += f"\n(no picture: {error})"
        return {kind: shown[kind] for kind in wanted(shown, include, exclude)}

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.picture.vertices)} vertices and {len(self.edges)} edges>"
