"""What is measured on a drawing, from its SVG alone: labels, what runs through what, how small the texts are."""

from __future__ import annotations

import base64
import itertools
import re
import unicodedata
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array

SVG = "{http://www.w3.org/2000/svg}"
_CAPITAL, _EM = 0.7, 0.45  # of the size of a font: how high a capital is, and less than how wide a letter
_STEPS = 24


class Rectangle(NamedTuple):
    """left, top, right, bottom, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rectangle) -> bool:
        """Whether the two share a point inside."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, points: Array) -> bool:
        """Whether one of `points` (n, 2) lies inside."""
        x, y = points.T
        return bool(((self.left < x) & (x < self.right) & (self.top < y) & (y < self.bottom)).any())


class Text(NamedTuple):
    """A text, what it belongs to, and what its letters cover, rather less than more."""

    shown: str
    owner: str
    covers: Rectangle
    size: float


@dataclass
class Node:
    """A circle or a box: who it is, and the half of its size that a foreign arrow may not touch."""

    id: str
    covers: Rectangle
    round: bool

    def meets(self, points: Array) -> bool:
        """Whether one of `points` lies inside, half a point from the line."""
        if not self.round:
            return self.covers.holds(points)
        x, y = (self.covers.left + self.covers.right) / 2, (self.covers.top + self.covers.bottom) / 2
        return bool((np.hypot(points[:, 0] - x, points[:, 1] - y) < (self.covers.right - self.covers.left) / 2).any())


@dataclass
class Seen:
    """The parts of a drawing: arrows as points by their id, with their ends; texts, frames and their titles, nodes."""

    arrows: dict[str, Array] = field(default_factory=dict)
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)
    titles: list[Text] = field(default_factory=list)
    frames: list[Rectangle] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


def curve(path: str) -> Array:
    """Return points along a path; between its parts, if it has several, one that is nowhere."""
    parts = [_part(part) for part in path.split("M")[1:]]
    return np.concatenate([row for part in parts for row in (np.full((1, 2), np.nan), part)][1:])


def _part(path: str) -> Array:
    """Return points along the cubics, or the straight line, of a part of a path."""
    ends = np.array([float(n) for n in re.findall(r"-?\d+\.?\d*", path)]).reshape(-1, 2)
    t = np.linspace(0, 1, _STEPS + 1)[:, None]
    if "C" not in path:
        return (1 - t) * ends[0] + t * ends[-1]
    found = [
        (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d
        for a, b, c, d in (ends[i : i + 4] for i in range(0, len(ends) - 3, 3))
    ]
    return np.concatenate([found[0][:1], *(piece[1:] for piece in found)])


def seen(svg: str) -> Seen:
    """Return the parts of a drawing."""
    root = next(ET.fromstring(svg).iter(SVG + "svg"))
    size = float(next(part.get("font-size", "0") for part in root.iter(SVG + "svg") if part.get("font-size")))
    found = Seen()
    sizes = sized(root, size)
    for group in root.iter(SVG + "g"):
        kinds, id = (group.get("class") or "").split(), group.get("id") or ""
        texts = [_text(text, id, sizes[text]) for text in group.findall(SVG + "text") if text.text]
        if "edge" in kinds:
            found.arrows[id] = curve(group.findall(SVG + "path")[-1].get("d") or "")
            found.ends[id] = ends(group, root)
            found.texts += texts
        elif "cluster" in kinds or "module" in kinds:
            found.titles += texts
            found.frames += [_corners(rect) for rect in group.findall(SVG + "rect")]
        elif "node" in kinds:
            found.nodes.append(_node(group))
        elif "note" in kinds:
            found.texts += texts
    return found


_STORE = re.compile(r'(<metadata class="store"[^>]*>)([^<]*)')


def unpacked(svg: str) -> str:
    """Return what is behind the closed boxes of a drawing: the elements of the open picture; empty if it has none."""
    found = _STORE.search(svg)
    return zlib.decompress(base64.b64decode(found[2])).decode() if found else ""


def plain(svg: str) -> str:
    """Return a drawing with that unpacked: another build of zlib may make other bytes of the same."""
    return _STORE.sub(lambda found: found[1] + unpacked(svg), svg)


def sized(root: ET.Element, usual: float) -> dict[ET.Element, float]:
    """Return the size of the font of every element: its own, or that of what is around it."""
    found = {root: float(root.get("font-size", usual))}
    for element in root.iter():
        found |= {child: float(child.get("font-size", found[element])) for child in element}
    return found


def ends(arrow: ET.Element, root: ET.Element) -> tuple[str, str]:
    """Return the ids of the vertices at both ends of an arrow; a red one has those of its black twin, in reverse."""
    id = arrow.get("id", "")
    twin = arrow if arrow.get("data-ends") else root.find(f".//*[@id='f{id[1:]}']")
    tail, _, head = ("" if twin is None else twin.get("data-ends", "")).partition(" ")
    return (tail, head) if twin is arrow else (head, tail)


_VALUE = re.compile(r"(\([^()]*\) \w+, )(value [^,]+|min [^,]+, mean [^,]+, max [^,]+)")
_PLACE = re.compile(r"\S+:\d+$")


def hovered(root: ET.Element) -> dict[str, str]:
    """Return what every node and arrow tells, by its id, as the viewer completes it."""
    groups = [group for group in root.iter(SVG + "g") if group.find(SVG + "title") is not None]
    found, place = {group.get("id", ""): group.findtext(SVG + "title", "") for group in groups}, ""
    for group in groups:
        if "node" in group.get("class", ""):
            id = group.get("id", "")
            found[id] = found[id].replace("\n", f", {place}")
            place = next((match[0] for match in [_PLACE.search(found[id])] if match), place)
    for group in groups:
        id = group.get("id", "")
        if "\n" in found[id]:
            value = _VALUE.search(found[ends(group, root)["bwd" in group.get("class", "")]])
            assert value is not None
            found[id] = found[id].replace("\n", f" {value[1]}{'' if 'bwd' in group.get('class', '') else value[2]}")
    return found


def _text(element: ET.Element, owner: str, size: float) -> Text:
    shown = (element.text or "").strip()
    x, y = (float(element.get(key, "0")) for key in ("x", "y"))
    half = sum(not unicodedata.combining(c) for c in shown) * _EM * size / 2
    return Text(shown, owner, Rectangle(x - half, y - _CAPITAL * size, x + half, y), size)


def _node(group: ET.Element) -> Node:
    circle, box = group.find(SVG + "circle"), group.find(SVG + "rect")
    if circle is not None:
        x, y, r = (float(circle.get(key, "0")) for key in ("cx", "cy", "r"))
        return Node(group.get("id", ""), Rectangle(x - r + 0.5, y - r + 0.5, x + r - 0.5, y + r - 0.5), True)
    assert box is not None
    left, top, right, bottom = _corners(box)
    return Node(group.get("id", ""), Rectangle(left + 1, top + 1, right - 1, bottom - 1), False)


def _corners(box: ET.Element) -> Rectangle:
    x, y, w, h = (float(box.get(key, "0")) for key in ("x", "y", "width", "height"))
    return Rectangle(x, y, x + w, y + h)


class Measures(NamedTuple):
    """What is wrong with a drawing, counted."""

    bare: int  # arrows without a text, of those that have one
    struck: int  # texts that an arrow, a node or another text runs into
    through: int  # times that an arrow runs through a title or a foreign node
    crossings: int  # pairs of arrows that cross

    def __str__(self) -> str:
        return f"{self.bare} bare, {self.struck} struck, {self.through} through, {self.crossings} crossings"


def measured(svg: str, told: set[str]) -> Measures:
    """Return the measures of a drawing, `told` being the ids of the arrows that have something to say."""
    parts = seen(svg)
    return Measures(len(told - {text.owner for text in parts.texts}), len(struck(parts)), len(through(parts)),
                    len(crossings(parts)))  # fmt: skip


def struck(parts: Seen) -> list[str]:
    """Return the texts that an arrow, a node or another text runs into."""
    texts = [*parts.texts, *parts.titles]
    met = {a for a, b in itertools.permutations(range(len(texts)), 2) if texts[a].covers.meets(texts[b].covers)}
    lines = list(parts.arrows.values())
    for i, text in enumerate(parts.texts):
        if any(text.covers.holds(line) for line in lines) or any(_covered(text, node) for node in parts.nodes):
            met.add(i)
    return [texts[i].shown for i in sorted(met)]


def bordered(parts: Seen) -> list[str]:
    """Return the texts that stand on the border of a frame: they meet it and are not within."""
    texts = [*parts.texts, *parts.titles]
    return [t.shown for t in texts if any(t.covers.meets(f) and not _within(t.covers, f) for f in parts.frames)]


def _within(inner: Rectangle, outer: Rectangle) -> bool:
    across = outer.left <= inner.left and inner.right <= outer.right
    return across and outer.top <= inner.top and inner.bottom <= outer.bottom


def _covered(text: Text, node: Node) -> bool:
    box = text.covers
    if not node.round or not box.meets(node.covers):
        return box.meets(node.covers)
    edge = np.linspace((box.left, box.top), (box.right, box.top), 20)
    return node.meets(edge) or node.meets(edge + np.array([0, box.bottom - box.top]))


def through(parts: Seen) -> list[tuple[str, str]]:
    """Return the pairs of an arrow and the title or foreign node that it runs through."""
    found = []
    for id, line in parts.arrows.items():
        found += [(id, title.shown) for title in parts.titles if title.covers.holds(line)]
        found += [(id, node.id) for node in parts.nodes if node.id not in parts.ends[id] and node.meets(line)]
    return found


def crossings(parts: Seen) -> list[tuple[str, str]]:
    """Return the pairs of arrows that cross."""
    ids, lines = list(parts.arrows), list(parts.arrows.values())
    low, high = (np.array([f(line, 0) for line in lines]).reshape(-1, 2) for f in (np.nanmin, np.nanmax))
    near = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(-1)
    return [(ids[i], ids[j]) for i, j in np.argwhere(np.triu(near, 1)) if cross(lines[i], lines[j])]


def cross(one: Array, other: Array) -> bool:
    """Return whether two lines of straight pieces cross."""
    p, q = one[:-1, None], one[1:, None]
    r, s = other[None, :-1], other[None, 1:]
    return bool(((_side(p, q, r) * _side(p, q, s) < 0) & (_side(r, s, p) * _side(r, s, q) < 0)).any())


def _side(a: Array, b: Array, c: Array) -> Array:
    turned: Array = (b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0]
    return turned


def smallest(svg: str) -> float:
    """Return the size of the smallest text of a drawing, in its own units."""
    parts = seen(svg)
    return min(text.size for text in (*parts.texts, *parts.titles))


def sharpest(parts: Seen) -> float:
    """Return by how many degrees an arrow turns, at most, within some three points: at a cusp by a right angle."""
    lines = [part for line in parts.arrows.values() for part in np.split(line, np.flatnonzero(np.isnan(line[:, 0])))]
    return max((_turned(line[~np.isnan(line[:, 0])]) for line in lines), default=0.0)


def _turned(line: Array, step: float = 3.0) -> float:
    ways = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    places = np.arange(0.0, ways[-1], step)
    x, y = (np.interp(places, ways, line[:, i]) for i in (0, 1))
    angles = np.arctan2(np.diff(y), np.diff(x))
    turns = np.abs((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi)
    return float(np.degrees(turns.max(initial=0.0)))
