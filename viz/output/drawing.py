"""`draw` and what it returns."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Container, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from tensorgrad.base.callsite import users_variables
from tensorgrad.base.dtypes import Array
from tensorgrad.base.mime import HTML, SVG, TEXT, shortened, wanted
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import TensorgradError
from tensorgrad.files.atomic import write_whole
from tensorgrad.graph import Graph
from tensorgrad.graph.graph import Names
from tensorgrad.viz.layout.dot import without_positions
from tensorgrad.viz.layout.placing import drawn
from tensorgrad.viz.layout.render import TIMEOUT, render
from tensorgrad.viz.picture.edgetexts import MODES, edge_texts
from tensorgrad.viz.picture.failures import NOTE, FailedGraph
from tensorgrad.viz.picture.faults import marked
from tensorgrad.viz.picture.finishing import with_formulas, with_leaves_beside_readers
from tensorgrad.viz.picture.model import EdgeRecord, Options, Picture, build, value_names
from tensorgrad.viz.picture.text import clean
from tensorgrad.viz.picture.tooltips import of_arrow, of_frame

from .interactive import framed, interactive, page


class Plan(Protocol):
    """What a compiled function runs as (see `tensorgrad.compile`)."""

    size: int
    steps: list[Any]


_LONG = 2_000_000  # characters of DOT that take seconds


def draw(
    target: Graph | Tensor | Callable[..., Any] | BaseException | Plan,
    *inputs: Any,
    grads: bool | None = None,
    labels: str = "names",
    depth: int | None = None,
    collapse: Iterable[str] = (),
    rankdir: str = "LR",
    max_nodes: int = 300,
    title: str | None = None,
    dims: Mapping[int, str] | None = None,
    seed: Tensor | Array | None = None,
    names: Names = None,
    order: int = 0,
    repeats: bool = True,
    timeout: float = TIMEOUT,
) -> Drawing:
    """Return the drawing of a graph: values forward in black, gradients back in red, each beside the other.

    Args:
        target: a Graph, a Tensor (the graph behind it), or a function or module, which is traced on `inputs`; or an
            exception that was raised: then what had been recorded before is drawn, with the operation that failed; or
            a plan of a compiled function: its steps in order, and the bytes that flow.
        inputs: the arguments of `target`, if it is called.
        grads: draw the gradients; their numbers come from a sweep of their own, which fills no `.grad`. By default,
            unless the graph is one of a backward pass itself.
        labels: what stands on the arrows: "names", "shapes", "values", "formulas" (how value and gradient are computed)
            or "none".
        depth: draw the modules of this depth as single boxes; 1 means the outermost.
        collapse: paths or classes of modules to draw as single boxes.
        rankdir: "LR" from left to right, "TB" from top to bottom.
        max_nodes: above this, the deepest modules are closed until it is reached, and the caption says so.
        title: the heading, and the title that screen readers read.
        dims: letters for lengths: ``{7: "N", 3: "D"}`` draws the shape (7, 3) as (N, D).
        seed: the gradient of the output, of its shape; ones by default.
        names: names for values that have none: a mapping of names to tensors, as ``dict(model.named_parameters())``, or
            "variables" for those of the variables that hold them, in the function traced or where `draw` is called.
        order: 1 draws the graph of the backward pass itself, in which the gradients are values, and 2 that of the
            backward pass through it, which computes second derivatives.
        repeats: draw closed modules that follow one another and are alike as one box, which says how many they are.
        timeout: the seconds that Graphviz may take for the layout of a large graph, when .svg is asked for.

    Raises:
        TensorgradError: an argument that is none of the above.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([3.0], requires_grad=True)
    >>> for edge in draw(lambda x: x * x, x).edges:
    ...     print(edge.source, "->", edge.target, edge.forward, edge.backward, edge.gradient)
    x -> * x dx₁ [3.]
    x -> * x dx₂ [3.]
    * -> out out dout [1.]
    """
    for name, value, allowed in (("labels", labels, MODES), ("rankdir", rankdir, ("LR", "TB"))):
        if value not in allowed:
            raise TensorgradError(f"draw({name}={value!r}) is not known: use one of {', '.join(map(repr, allowed))}")
    if type(target).__module__.startswith("tensorgrad.program."):  # which loads with what compiles, and not with this
        picture = importlib.import_module("tensorgrad.viz.picture.plans").picture_of(target)
        return Drawing(picture, target, labels, rankdir, title or "Plan", dims or {}, timeout)
    if isinstance(target, Tensor) and names == "variables":
        names = users_variables()
    graph = _graph_of(target, inputs, names)
    while graph.order < order:
        graph, seed = graph.backward(seed), None
    options = Options(graph.order == 0 if grads is None else grads, depth, collapse, max_nodes, dims, seed, repeats)
    picture = build(graph, options)
    if labels == "formulas":
        picture = with_formulas(picture, graph, value_names(graph), seed)
    return Drawing(with_leaves_beside_readers(picture), graph, labels, rankdir, title, dims or {}, timeout)


def _graph_of(
    target: Graph | Tensor | Callable[..., Any] | BaseException | Plan, inputs: tuple[Any, ...], names: Names
) -> Graph:
    if isinstance(target, Graph | Tensor | BaseException):
        if inputs:
            raise TensorgradError(f"draw of a {type(target).__name__} takes no inputs: it is computed already")
        if isinstance(target, BaseException):
            return FailedGraph(target)
        if isinstance(target, Tensor):
            return Graph.of(target, names=names)
        if names is not None:
            raise TensorgradError("draw of a Graph takes no names: give them to Graph.of or Graph.trace, which made it")
        return target
    if not callable(target):
        raise TensorgradError(
            f"cannot draw {type(target).__name__}: give a Tensor, a Graph, a function, a module or an exception"
        )
    try:
        return Graph.trace(target, *inputs, names=names)
    except Exception as error:
        error.add_note(NOTE)
        raise


class Drawing:
    """A graph drawn: DOT, SVG and HTML made when asked for, and the numbers behind the arrows in `edges`."""

    def __init__(
        self,
        picture: Picture,
        graph: Graph | Any,
        labels: str,
        rankdir: str,
        title: str | None,
        dims: Mapping[int, str],
        timeout: float,
    ) -> None:
        self.picture = picture
        self._graph = graph
        self._rankdir = rankdir
        self._title = clean(title or "", 200)
        self._dims = dims
        self._timeout = timeout
        self._labels = [marked(edge_texts(edge, labels, dims), edge.fault) for edge in picture.edges]

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
        """DOT without positions, for any Graphviz; needs no renderer."""
        return without_positions(self.picture, self._labels, self._rankdir, self._title)

    @cached_property
    def positioned(self) -> str:
        """DOT with the place of everything, for the engine nop2 (``neato -n2``)."""
        return drawn(self.picture, self._labels, self._rankdir, self._dims, self._title, self._timeout)

    @cached_property
    def svg(self) -> str:
        """One self-contained interactive SVG; complete with scripts off, too."""
        heavy = len(self.positioned) > _LONG
        raw = render(self.positioned, engine="nop2", format="svg", timeout=self._timeout, heavy=heavy).decode()
        return interactive(raw, self.picture, self.heading, self.description, self._told())

    @property
    def html(self) -> str:
        """A page with the drawing."""
        return page(self.svg, self.heading)

    @property
    def heading(self) -> str:
        """The title, or a general one."""
        return self._title or "Computational graph"

    @property
    def description(self) -> str:
        """The graph in words, for those who do not see it."""
        names = ", ".join(v.label.replace("\n", ", ") for v in self.picture.vertices[:60] if v.kind != "output")
        red = sum(edge.backward is not None for edge in self.edges)
        told = f"{len(self.edges)} forward edges in black, {red} gradients in red, in the opposite direction."
        side = "above" if self._rankdir == "LR" else "on the left"
        if any(vertex.asymmetric for vertex in self.picture.vertices):
            told += f" Where it matters, the first operand enters {side}, or numbers tell which it is."
        return f"{told} In the order of computation: {names}. {self.caption}".rstrip(" ")

    def _told(self) -> dict[str, str]:
        """What each element tells on hovering, by its id."""
        told = {vertex.id: vertex.tooltip for vertex in self.picture.vertices}
        told |= {m.id: of_frame(m) for vertex in self.picture.vertices for m in vertex.around}
        told |= {f"f{edge.id}": of_arrow(edge, self._dims, backward=False) for edge in self.edges}
        red = [edge for edge in self.edges if edge.backward is not None]
        return told | {f"b{edge.id}": of_arrow(edge, self._dims, backward=True) for edge in red}

    def text(self) -> str:
        """Return the graph as a typed program, one line per node; a plan as its source."""
        return self._graph.text() if isinstance(self._graph, Graph) else str(self._graph)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write .svg, .html or .dot by the suffix of `path`, whole or not at all, and return the path.

        Raises:
            TensorgradError: another suffix.
        """
        target = Path(path)
        kind = target.suffix.lower()
        if kind not in (".svg", ".html", ".dot"):
            raise TensorgradError(f"cannot save {target.name!r}: the name must end in .svg, .html or .dot")
        return write_whole(target, getattr(self, kind[1:]))

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows, by MIME type; the text alone, with the reason, where it cannot be rendered."""
        shown = {TEXT: shortened(self.text())}
        if wanted([HTML, SVG], include, exclude):
            try:
                shown |= {SVG: self.svg, HTML: framed(self.html, self.svg)}
            except (TensorgradError, ImportError, OSError, RuntimeError) as error:
                shown[TEXT] += f"\n(no picture: {error})"
        return {kind: shown[kind] for kind in wanted(shown, include, exclude)}

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.picture.vertices)} vertices and {len(self.edges)} edges>"
