"""Several pictures of one graph as one file: a slider shows the numbers of any of them in the same places.

Room is made for the longest text that stands at a place in any step. A browser gets the last step whole, and beside it
what is another text or another line in the others: a table with a row for each such place.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Graph
from tensorgrad.viz.layout.scene import Arrow, Note, Scene
from tensorgrad.viz.picture.differing import unlike
from tensorgrad.viz.picture.legend import Legend
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.text import clean, width

from .browser import page as html_page, resource, script_literal
from .drawing import Drawing
from .svg import Beside, Shown, layers_svg, viewer_svg

_MOST = 8_000_000  # bytes of what differs from step to step
_FOOT = 30.0  # points below the picture, for the slider
_BLANK = "\N{NO-BREAK SPACE}"  # a text that is not seen and has a place
_ZERO = np.zeros(1)
_KINDS = {"output": "end", "box": "box"}
_TAG, _ATTRIBUTE = re.compile(r"<([a-z][^>]*)>([^<]*)"), re.compile(r'([\w-]+)="([^"]*)"')
_KEYS = " The slider, or the keys . and , show it at another step of the training; p plays."
_HELP = "<kbd>,</kbd> <kbd>.</kbd> another step of the training, <kbd>p</kbd> play; "

Row = tuple[int, str, str, str, list[str | None]]
"""An element, what of it changes ("" for its text), what stands before and after that, and what it is at each step."""


def film(steps: Mapping[Any, Drawing] | Iterable[Drawing]) -> Film:
    """Return the drawings of one graph at several steps of its training as one, with a slider to go from step to step.

    Args:
        steps: drawings made with the same choices, by the number or the name of their step; without names they are
            counted from 0. They are taken one after the other, of a generator no two are held at once.

    Raises:
        TensorgradError: there are none, one computes something else than the first or is drawn in another way, or what
            differs between them takes more than 8 MB: some 50 bytes for a node or an arrow, and a step.

    >>> import tensorgrad as tg
    >>> from tensorgrad import optim, viz
    >>> w = tg.tensor([4.0], requires_grad=True)
    >>> optimizer, steps = optim.SGD([w], lr=0.25), {}
    >>> for step in range(3):
    ...     loss = (w * w).sum()
    ...     steps[step] = viz.draw(loss, labels="values", names="variables")
    ...     _ = (optimizer.zero_grad(), loss.backward(), optimizer.step())
    >>> film(steps)
    <Film of 3 steps, 4 vertices and 4 edges>
    """
    return Film(steps)


@dataclass(frozen=True)
class _Moment:
    """What is shown of a drawing at one step, without the arrays: names, numbers as texts, what hovering tells."""

    label: str
    picture: Picture
    cut: list[tuple[str, str]]
    texts: list[tuple[str, str]]
    legend: Legend
    told: dict[str, str]

    @classmethod
    def of(cls, label: str, drawing: Drawing) -> _Moment:
        # a box stays closed: what is in it would have to be there for every step
        shown = drawing.page.shown(drawing.picture).sealed()
        vertices = [replace(v, value=None, gradient=None) for v in shown.vertices]
        edges = [replace(e, value=None, gradient=_ZERO if e.is_zero else None) for e in shown.edges]
        picture = Picture(vertices, edges, label).captioned(shown.caption)
        page, drawn = drawing.page, drawing.picture
        return cls(label, picture, page.texts(drawn), *page.shortened(drawn), drawing._told(drawn))


class Film(Drawing):
    """A graph drawn at several steps (see `film`); as a picture that stands still it is that of the last one.

    Raises:
        TensorgradError: there is no drawing, something is none, or two are of different graphs.
    """

    def __init__(self, steps: Mapping[Any, Drawing] | Iterable[Drawing]) -> None:
        pairs: Iterable[tuple[Any, Any]] = steps.items() if isinstance(steps, Mapping) else enumerate(steps)
        self._moments: list[_Moment] = []
        last: Drawing | None = None
        for key, drawing in pairs:
            label = f"step {key}" if isinstance(key, int) else clean(str(key))
            if not isinstance(drawing, Drawing):
                raise TensorgradError(f"film({label}): give drawings, of viz.draw, and not {type(drawing).__name__}")
            if last is not None:
                _check_alike(last, drawing, self._moments[-1].label, label)
            self._moments.append(_Moment.of(label, drawing))
            last = drawing
        if last is None:
            raise TensorgradError("film() of no drawings: give at least one, as film({step: viz.draw(model, x)})")
        picture = replace(last.picture, caption=self._moments[-1].picture.caption)
        super().__init__(picture, last._graph, **vars(last.page))

    @property
    def steps(self) -> list[str]:
        """What the steps are called, as the slider shows it."""
        return [moment.label for moment in self._moments]

    @cached_property
    def scenes(self) -> list[Scene]:
        """The positioned picture of every step: the same places, and other texts in them."""
        return list(self._scenes())

    @property
    def scene(self) -> Scene:
        """The positioned picture of the last step."""
        return self.scenes[-1]

    @cached_property
    def svg(self) -> str:
        """One self-contained interactive SVG with a slider; with scripts off it is the last step."""
        shown = [
            Shown(_with_foot(scene), moment.told) for scene, moment in zip(self.scenes, self._moments, strict=True)
        ]
        before, after = self._slider(_rows([layers_svg(one, self.page.look) for one in shown]))
        beside = Beside(before, after, self.scenes)
        told = self.description + _KEYS
        return viewer_svg(shown[-1], self.page.look, self.heading, told, self.page.sheet + _CSS, beside=beside)

    @property
    def html(self) -> str:
        """A page with the film."""
        return html_page(self.svg, self.heading, _HELP)

    def _scenes(self) -> Iterator[Scene]:
        moments, legend = self._moments, self._moments[-1].legend
        if any(moment.legend != legend for moment in moments):  # numbers that are too long: no line holds for all steps
            moments, legend = [replace(moment, texts=moment.cut) for moment in moments], {}
        longest = _longest([moment.picture for moment in moments])
        texts = [_widest_pair(pairs) for pairs in zip(*(moment.texts for moment in moments), strict=True)]
        placed = self.page.placed(longest, texts, legend)
        known = {edge.id: pair for edge, pair in zip(longest.edges, texts, strict=True)}
        yield from (_shown_at(placed, known, moment) for moment in moments)

    def _slider(self, rows: Sequence[Row]) -> tuple[str, str]:
        """Return the slider and its script, which has the table; and what starts it when the viewer is there."""
        last = len(self.steps) - 1
        table = script_literal([_packed(row) for row in rows])
        if len(table) > _MOST:
            raise TensorgradError(
                f"film() of {len(self.steps)} steps: {len(table):,} bytes differ between them, and {_MOST:,} may; give "
                f"fewer steps, or drawings of fewer nodes (depth=1)"
            )
        begin, between, end = re.split("NAMES|TABLE", _SCRIPT)
        script = f"{begin}{script_literal(self.steps)}{between}{table}{end}"
        control = (
            '<foreignObject class="film bar" display="none"><div class="steps" xmlns="http://www.w3.org/1999/xhtml">'
            '<button type="button" value="p" aria-label="play" title="play (p)">▶</button>'
            f'<input type="range" aria-label="step of the training" min="0" max="{last}" value="{last}"/>'
            f"<output>{html.escape(self.steps[-1])}</output></div></foreignObject>"
        )
        return f"{control}\n<script><![CDATA[{script}]]></script>", f"\n<script>{_START}</script>"

    def __repr__(self) -> str:
        return f"<Film of {len(self.steps)} steps, {len(self.picture.vertices)} vertices and {len(self.edges)} edges>"


def _check_alike(one: Drawing, other: Drawing, before: str, label: str) -> None:
    """Refuse a drawing whose picture has not the circles, arrows and choices of the one before.

    Raises:
        TensorgradError: with the first difference.
    """
    graphs = one._graph, other._graph
    parted = unlike(*graphs) if all(isinstance(graph, Graph) for graph in graphs) else None
    told = parted or _first_apart(_choices(one), _choices(other)) or _first_apart(_parts(one), _parts(other))
    if told is not None:
        raise TensorgradError(
            f"film(): at {label} the drawing is not that of {before}, {told}; what has another structure is a "
            f"drawing of its own"
        )


def _choices(drawing: Drawing) -> list[str]:
    return [f"drawn with {name}={value!r}" for name, value in vars(drawing.page).items()]


def _parts(drawing: Drawing) -> list[str]:
    """Return what every vertex and arrow is, in words, but for the numbers."""
    found = [
        f"{_KINDS.get(v.kind, 'circle')} {v.id}, {v.label.count(chr(10)) + 1} lines" for v in drawing.picture.vertices
    ]
    return found + [f"arrow {e.id} from {e.tail} to {e.head} with {e.backward or 'no gradient'}" for e in drawing.edges]


def _first_apart(one: Sequence[str], other: Sequence[str]) -> str | None:
    pairs = zip([*one, "no more"], [*other, "no more"], strict=False)
    return next((f"first difference: {a} against {b}" for a, b in pairs if a != b), None)


def _widest(texts: Iterable[str]) -> str:
    return max(texts, key=lambda text: width(text, 1.0))


def _widest_pair(pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return _widest(a for a, _ in pairs), _widest(b for _, b in pairs)


def _longest(pictures: Sequence[Picture]) -> Picture:
    """Return the last picture with the longest text of all in every place."""
    vertices: list[Vertex] = []
    for at in zip(*(picture.vertices for picture in pictures), strict=True):
        marked = max(at, key=lambda vertex: width(vertex.mark, 1.0))
        label, numbers = _widest(v.label for v in at), _widest(v.numbers for v in at)
        measured = _widest(v.measured for v in at)
        vertices.append(replace(at[-1], label=label, numbers=numbers, measured=measured, fault=marked.fault))
    return Picture(vertices, pictures[-1].edges, _widest(picture.caption for picture in pictures))


def _shown_at(scene: Scene, known: Mapping[str, tuple[str, str]], moment: _Moment) -> Scene:
    """Return `scene` with the texts and lines of a step; `known` has the texts that it was placed with."""
    edges = {e.id: (e, pair) for e, pair in zip(moment.picture.edges, moment.texts, strict=True)}
    outlines = [
        replace(outline, vertex=_filled(moment.picture.vertex[outline.vertex.id], outline.vertex))
        for outline in scene.outlines
    ]
    arrows = [_arrow(arrow, *edges[arrow.edge.id], known[arrow.edge.id]) for arrow in scene.arrows]
    notes = [_note(note, moment.picture) for note in scene.notes]
    return replace(scene, outlines=tuple(outlines), arrows=tuple(arrows), notes=tuple(notes), paper=scene.bounds())


def _filled(vertex: Vertex, longest: Vertex) -> Vertex:
    """Return `vertex` with as many lines as `longest` has, and in the same frames."""
    numbers, measured = (_BLANK * bool(text) for text in (longest.numbers, longest.measured))
    return replace(
        vertex,
        numbers=vertex.numbers or numbers,
        measured=vertex.measured or measured,
        around=longest.around,
    )


def _arrow(arrow: Arrow, edge: EdgeRecord, texts: tuple[str, str], known: tuple[str, str]) -> Arrow:
    side = arrow.kind == "bwd"
    text = texts[side] or _BLANK if arrow.label and arrow.label == known[side] else arrow.label  # a tap has its name
    return replace(arrow, edge=edge, label=text)


def _note(note: Note, picture: Picture) -> Note:
    if note.kind == "caption":
        return replace(note, text=picture.caption)
    if note.kind != "fault":
        return note
    return replace(note, text=picture.vertex[note.id.removeprefix("fault_")].mark or _BLANK)


def _with_foot(scene: Scene) -> Scene:
    """Return `scene` with room for the slider below it."""
    left, bottom, right, top = scene.bounds()
    return replace(scene, paper=(left, bottom - _FOOT, right, top))


def _rows(layers: Sequence[str]) -> list[Row]:
    """Return what differs between pictures that are made of the same elements."""
    rows: list[Row] = []
    for place, elements in enumerate(zip(*map(_elements, layers), strict=True)):
        names = dict.fromkeys(name for element in elements for name in element)
        told = [(name, [element.get(name) for element in elements]) for name in names]
        rows += [_row(place - 1, name, found) for name, found in told if len(set(found)) > 1]
    return rows


def _elements(layers: str) -> Iterator[dict[str, str]]:
    """Yield the attributes of every element, and its text under the name ""; the writer escapes every other sign."""
    for tag in _TAG.finditer(layers):
        found = {"": tag[2], **dict(_ATTRIBUTE.findall(tag[1]))}
        yield {name: html.unescape(text) for name, text in found.items()}


def _row(place: int, name: str, found: Sequence[str | None]) -> Row:
    """Return a row without what all of `found` begin and end with."""
    texts = [text for text in found if text is not None]
    if len(texts) < len(found):
        return place, name, "", "", list(found)
    before = _begun(texts)
    rest = [text[len(before) :] for text in texts]
    after = _begun([text[::-1] for text in rest])[::-1]
    return place, name, before, after, [text[: len(text) - len(after)] for text in rest]


def _begun(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _packed(row: Row) -> list[Any]:
    """Return a row as the script reads it: 0 is what stood there before."""
    *head, found = row
    return [*head, *(0 if i and text == found[i - 1] else text for i, text in enumerate(found))]


_SCRIPT = resource("film.js", frozenset())
_START = "document.currentScript.closest('svg').ready()"
_CSS = resource("film.css", frozenset())
