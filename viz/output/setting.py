"""How a picture is set: what stands on the arrows, its look, and the paper that it has to fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tensorgrad.errors import TensorgradError
from tensorgrad.viz.layout.again import placed_scene
from tensorgrad.viz.layout.rows import in_rows, with_legend, wrapped
from tensorgrad.viz.layout.scene import Scene
from tensorgrad.viz.layout.themes import Theme, themed
from tensorgrad.viz.picture.edgetexts import MODES, beside_numbers, edge_texts, with_numbers
from tensorgrad.viz.picture.faults import marked
from tensorgrad.viz.picture.legend import Legend, longest, shortened
from tensorgrad.viz.picture.mathematics import mathematical, with_mathematics
from tensorgrad.viz.picture.model import EdgeRecord, Picture
from tensorgrad.viz.picture.text import clean

_UNITS = {"pt": 1.0, "bp": 1.0, "in": 72.0, "cm": 72 / 2.54, "mm": 7.2 / 2.54, "px": 0.75}
_LENGTH = re.compile(rf"\s*(\d+\.?\d*|\.\d+)\s*({'|'.join(_UNITS)})\s*")
_READABLE = 8.0  # points: the smallest text on paper where no other is asked for


def points(length: str | float | None) -> float | None:
    """Return a length in points (1/72 inch).

    Raises:
        TensorgradError: no length above zero.

    >>> points("2.54cm"), points(340)
    (72.0, 340.0)
    """
    if length is None:
        return None
    found = _LENGTH.fullmatch(length) if isinstance(length, str) else None
    number = float(found[1]) * _UNITS[found[2]] if found else length
    if isinstance(number, str | bool) or not 0 < number < float("inf"):
        raise TensorgradError(f"{length!r} is no length: give '12cm', '340pt', '3in', or a number of points")
    return float(number)


@dataclass(frozen=True)
class Page:
    """The choices of `draw` that change how a picture is set, and not what is in it."""

    labels: str = "names"
    rankdir: str = "LR"
    title: str = ""
    dims: Mapping[int, str] = field(default_factory=dict)
    timeout: float | None = None  # accepted: a picture waits for no other program
    theme: str | None = None
    style: Mapping[str, str] = field(default_factory=dict)
    width: str | float | None = None
    fontsize: float | None = None
    wrap: bool | int | None = None
    math: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what is not known before anything is computed."""
        for name, value, allowed in (("labels", self.labels, MODES), ("rankdir", self.rankdir, ("LR", "TB"))):
            if value not in allowed:
                known = ", ".join(map(repr, allowed))
                raise TensorgradError(f"draw({name}={value!r}) is not known: use one of {known}")
        if self.wrap and self.rankdir == "TB":
            raise TensorgradError("draw(wrap=...) makes rows of a picture from left to right: leave out rankdir='TB'")
        if self.wrap is True and self.width is None:
            raise TensorgradError("draw(wrap=True) needs width=, which rows are to fit, or a number of rows, as wrap=2")
        object.__setattr__(self, "title", clean(self.title, 200))
        _ = self.look, points(self.width), points(self.fontsize)

    @property
    def look(self) -> Theme:
        """Colours and fonts."""
        theme = themed(self.theme, self.style)
        return theme if self.math is None else replace(theme, italic=self.math)

    @property
    def sheet(self) -> str:
        """The style sheet of a look of its own; none for the usual one, which the viewer brings."""
        return "" if self.theme is None and not self.style else self.look.sheet()

    @property
    def narrow(self) -> bool:
        """Whether it is for paper of some width, or in rows."""
        return self.width is not None or bool(self.wrap)

    def texts(self, picture: Picture) -> list[tuple[str, str]]:
        """Return what stands on every arrow and its red twin, cut where it is too long."""
        return [
            marked((clean(a), clean(b)), e.fault) for (a, b), e in zip(self._whole(picture), picture.edges, strict=True)
        ]

    def shortened(self, picture: Picture) -> tuple[list[tuple[str, str]], Legend]:
        """Return the same with the name, or a number, of what is too long, and the legend of that."""
        texts, legend = shortened(picture.edges, self._whole(picture), self._written, longest(self.labels, self.narrow))
        return [marked(pair, edge.fault) for pair, edge in zip(texts, picture.edges, strict=True)], legend

    def _whole(self, picture: Picture) -> list[tuple[str, str]]:
        found = [self._texts(edge, picture) for edge in picture.edges]
        written = self._written
        return [(written(a), written(b)) for a, b in found]

    @property
    def _written(self) -> Callable[[str], str]:
        """What a text goes through before it is shown."""
        return mathematical if self.look.italic else str

    def _texts(self, edge: EdgeRecord, picture: Picture) -> tuple[str, str]:
        texts = edge_texts(edge, self.labels, self.dims)
        return beside_numbers(edge, picture.vertex[edge.tail], texts) if self.labels == "values" else texts

    def shown(self, picture: Picture) -> Picture:
        """Return `picture` as it is written."""
        picture = with_numbers(picture) if self.labels == "values" else picture
        return with_mathematics(picture) if self.look.italic else picture

    def scene(self, picture: Picture) -> Scene:
        """Return the picture with its places (see `placed`), and what is too long for an arrow below it."""
        return self.placed(self.shown(picture), *self.shortened(picture))

    def placed(self, shown: Picture, texts: list[tuple[str, str]], legend: Legend | None = None) -> Scene:
        """Return a picture and the texts of its arrows with places, as wide as the paper and as legible as asked for.

        Raises:
            TensorgradError: it does not fit.
        """
        narrow = self.narrow
        opens = shown.inside is not None or bool(shown.folded)  # to which rows would not make room
        rows = not (narrow or opens or self.fontsize or self.wrap is False or self.rankdir == "TB")
        scene = placed_scene(shown, texts, self.rankdir, self.dims, self.title, narrow=narrow, rows=rows)
        scene = with_legend(scene, legend or {})
        if not narrow and self.fontsize is None:
            return scene
        return self._fitted(scene.legible(), points(self.width), points(self.fontsize))

    def rows(self, picture: Picture) -> float:
        """Return how many rows a picture needs to be as legible as asked for, at least; less than 1 without a width."""
        width, size = points(self.width), points(self.fontsize)
        if width is None or self.rankdir == "TB":
            return 0.0
        scene = placed_scene(
            self.shown(picture), self.texts(picture), self.rankdir, self.dims, self.title, narrow=True
        ).legible()
        smallest = scene.smallest_text()
        return scene.wide * (size / smallest if size else min(1.0, _READABLE / smallest)) / width

    def _fitted(self, whole: Scene, width: float | None, size: float | None) -> Scene:
        """Return `whole`, which stands in one row, in the rows and the size that are asked for."""
        scene = in_rows(whole, self.wrap) if self.wrap and self.wrap is not True else whole
        smallest, natural = scene.smallest_text(), scene.wide
        by = size / smallest if size else 1.0
        if width is None or natural * by <= width:
            return scene.scaled(by)
        if size is None:
            by = max(width / natural, min(1.0, _READABLE / smallest))
        if natural * by > width * 1.0001 and self.wrap is not False and self.rankdir == "LR":
            scene = wrapped(whole, width / by)  # rows are made of what has none: of other rows, each would be divided
        if scene.wide * by <= width * 1.0001:
            return scene.scaled(by)
        if size is None:
            return scene.scaled(width / scene.wide)
        raise TensorgradError(
            f"draw(width={self.width!r}, fontsize={self.fontsize!r}): the picture is {scene.wide * by:.0f} points wide "
            f"with texts of {size:g} points; give more width, or a smaller fontsize{self._shorter(scene)}"
        )

    def _shorter(self, scene: Scene) -> str:
        """Return what else would make the picture narrower, if anything would."""
        fewer = {"names": "none", "none": ""}.get(self.labels, "names")
        ways = [f"labels={fewer!r}"] * bool(fewer) + ["depth=1"] * bool(scene.frames)
        return "".join(f", or {way}" for way in ways)
