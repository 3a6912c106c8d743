"""The places of a picture that was drawn before: what has other numbers alone, or other sizes, is not laid out again.

A network is drawn again and again, in a notebook or while it learns, of batches of other sizes as well. Its places are
a pure function of what the key of `placed_scene` holds; `sought_scene` finds them, and both must give the same scene
(`tests/test_viz_again.py`; how much quicker it is stands in `python -m benchmarks --pictures`).
"""

from __future__ import annotations

import string
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from tensorgrad.base.caching import altered
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex

from .columns import Measure
from .notes import shapes_of
from .placing import sought_scene
from .rows import on_screens
from .scene import Arrow, Corners, Frame, Note, Outline, Scene
from .splines import Point, Spline

Labels = Sequence[tuple[str, str]]
"""What stands on every arrow and on its twin."""

_MOST, _ARROWS = 32, 800  # so many pictures are kept, the last ones, of so many arrows at most
_ANY_DIGIT = str.maketrans(dict.fromkeys(string.digits, "0"))  # all are equally wide


def _told(kind: type[Any], numbers: Iterable[str]) -> Callable[[Any], tuple[Hashable, ...]]:
    """Return what gives all fields of a record but those that are `numbers`, which move nothing."""
    found: Callable[[Any], tuple[Hashable, ...]] = attrgetter(
        *(field.name for field in fields(kind) if field.name not in numbers)
    )
    return found


_OF_VERTEX = _told(Vertex, {"around", "shape", "tooltip", "value", "gradient", "noise", "members", "kept", "heat"})
_OF_EDGE = _told(EdgeRecord, {"shape", "gradient", "value", "dtype", "formulas", "noise", "faint"})


@dataclass(frozen=True)
class _Places:
    """Where everything is, without what stands there: that of the picture drawn next may have other numbers."""

    outlines: list[tuple[Point, Point, float, bool]]
    frames: list[tuple[str, tuple[Corners, ...], Point, float]]
    arrows: list[tuple[int, str, tuple[Spline, ...], str | None, tuple[Point, ...], float]]
    labels: dict[int, tuple[str, str]]  # of those arrows of which another text is made
    notes: tuple[Note, ...]
    head: float
    bounds: Corners
    written: dict[Hashable, Sequence[str]]

    @classmethod
    def of(cls, scene: Scene, picture: Picture, labels: Labels) -> _Places:
        """Return the places of `picture` in a scene of it."""
        number = {edge.id: k for k, edge in enumerate(picture.edges)}
        arrows = [(number[arrow.edge.id], arrow) for arrow in scene.arrows]
        other = {k for k, arrow in arrows if arrow.label != labels[k][arrow.kind == "bwd"]}
        return cls(
            [(o.center, o.half, o.size, o.round) for o in scene.outlines],
            [(f.module.id, f.corners, f.title, f.size) for f in scene.frames],
            [(k, a.kind, a.pieces, a.label if k in other else None, a.centers, a.size) for k, a in arrows],
            {k: labels[k] for k in other},
            scene.notes,
            scene.head,
            scene.bounds(),
            {},
        )

    def suits(self, labels: Labels) -> bool:
        """Return whether texts that are made of `labels` are those that stand here."""
        return all(labels[k] == told for k, told in self.labels.items())

    def scene(self, picture: Picture, labels: Labels, shapes: Mapping[str, str]) -> Scene:
        """Return `picture` at these places, with the texts of its arrows and its `shapes`."""

        def text(k: int, kind: str, known: str | None) -> str:
            return labels[k][kind == "bwd"] if known is None else known

        module = {module.id: module for vertex in picture.vertices for module in vertex.around}
        edges = picture.edges
        return Scene(
            tuple(Outline(v, *place) for v, place in zip(picture.vertices, self.outlines, strict=True)),
            tuple(Frame(module[id], corners, title, size) for id, corners, title, size in self.frames),
            tuple(
                Arrow(edges[k], kind, ways, text(k, kind, told), at, size)
                for k, kind, ways, told, at, size in self.arrows
            ),
            tuple(altered(n, text=shapes[n.of]) if n.kind == "shape" else n for n in self.notes),
            self.head,
        ).within(self.bounds, self.written)


_kept: dict[Hashable, _Places] = {}
_lock = threading.Lock()


def placed_scene(
    picture: Picture,
    labels: Labels,
    rankdir: str,
    dims: Mapping[int, str],
    title: str,
    *,
    narrow: bool = False,
    rows: bool = False,
) -> Scene:
    """Return the picture with its places, which are those of `sought_scene`.

    Where it has to fit a page (`narrow`), columns stand closer, and leaves beside what reads them. A long chain stands
    in `rows` of a screen, if it may.
    """
    room = Measure(labels, rankdir == "LR", narrow, dims=dims)
    if len(picture.edges) > _ARROWS:
        return sought_scene(picture, room, title)
    shapes = shapes_of(picture, dims)
    key = _key(picture, labels, shapes), rankdir, tuple(dims.items()), title, narrow, rows
    with _lock:
        places = _kept.get(key)
        latest = places is not None and next(reversed(_kept.values())) is places
    if places is None or not places.suits(labels):
        scene = sought_scene(picture, room, title)
        places, latest = _Places.of(on_screens(scene) if rows else scene, picture, labels), False
    if not latest:
        with _lock:
            _kept.pop(key, None)
            _kept[key] = places
            while len(_kept) > _MOST:
                del _kept[next(iter(_kept))]
    return places.scene(picture, labels, shapes)


def _key(picture: Picture, labels: Labels, shapes: Mapping[str, str]) -> Hashable:
    """Return all of a picture that can move something: of `labels` and `shapes` how wide they are."""
    frames = {vertex.around: tuple((m.id, m.label) for m in vertex.around) for vertex in picture.vertices}
    vertices = tuple((_OF_VERTEX(vertex), frames[vertex.around]) for vertex in picture.vertices)
    sizes = tuple((id, text.translate(_ANY_DIGIT)) for id, text in shapes.items())
    texts = tuple(text.translate(_ANY_DIGIT) for pair in labels for text in pair)
    return vertices, sizes, texts, tuple(map(_OF_EDGE, picture.edges)), picture.caption
