"""A wide picture in rows, as a line of music is: cut between its ranks, each row below the one before.

An arrow that a cut divides ends at the row's end and goes on in the next row, at the same height, with its name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tensorgrad.viz.picture.text import width

from .dot import LABEL_SIZE
from .scene import PAD, Arrow, Corners, Frame, Note, Scene
from .splines import Point, Spline, divided, pieces

_NEAR = 12.0  # between a cut and a vertex: room for an arrow's head
_STEP = 3.0
_BETWEEN = 22.0  # between two rows
_LONG, _SLENDER, _SCREEN = 4500.0, 6.0, 2400.0  # a width and a width in heights above which rows are of a screen
_TRIES = 5
_STRUCK = 50  # what a text that a cut goes through costs, in arrows that it divides
_LEGIBLE = 400.0  # as wide as a legend may be, however narrow the picture
_OPENED = 4  # what a frame costs that goes on in the next row


@dataclass(frozen=True)
class Cut:
    """A place between ranks: its x, what dividing the picture there costs, and the margin for the names of arrows."""

    x: float
    cost: float
    margin: float


def wrapped(scene: Scene, wide: float) -> Scene:
    """Return `scene` in as few rows as fit into `wide` points; as narrow as it can be where none do."""
    body, rest = _divided_notes(scene)
    left, _, right, _ = body.bounds()
    cuts, aim = _cuts(body), wide
    best = body
    for _ in range(_TRIES):
        found = _arranged(body, _chosen(cuts, left, right, aim))
        best = min(best, found, key=lambda some: some.wide)
        if best.wide <= wide:
            break
        aim -= found.wide - wide  # a text at the side of a row sticks out
    return _headed(best, rest, wide)


def on_screens(scene: Scene) -> Scene:
    """Return `scene` in rows where it is a chain that is many screens long, and low."""
    left, bottom, right, top = scene.bounds()
    return wrapped(scene, _SCREEN) if right - left > max(_LONG, _SLENDER * (top - bottom)) else scene


def in_rows(scene: Scene, count: int) -> Scene:
    """Return `scene` in at most `count` rows, the narrowest that there are."""
    body, rest = _divided_notes(scene)
    left, _, right, _ = body.bounds()
    cuts, wide = _cuts(body), (right - left) / count
    while len(chosen := _chosen(cuts, left, right, wide)) >= count:
        wide *= 1.02
    arranged = _arranged(body, chosen)
    return _headed(arranged, rest, arranged.wide)


def with_legend(scene: Scene, legend: Mapping[str, tuple[str, bool]]) -> Scene:
    """Return `scene` with the lines of `legend` below it, each of which is told by the label of an arrow in it."""
    words = {word for arrow in scene.arrows for word in arrow.label.split(" ")} if legend else ()
    lines = [line for key, line in legend.items() if key in words]
    notes = [Note(f"legend{i}", text, (0.0, 0.0), LABEL_SIZE, "legend bwd" if red else "legend")
             for i, (text, red) in enumerate(lines)]  # fmt: skip
    return _headed(scene, notes, _LEGIBLE) if notes else scene


def _divided_notes(scene: Scene) -> tuple[Scene, list[Note]]:
    """Return the picture without what stands above and below it, and that."""
    rest = [note for note in scene.notes if note.beside]
    return replace(scene, notes=tuple(note for note in scene.notes if note not in rest)), rest


def _cuts(scene: Scene) -> list[Cut]:
    """Return the best place to cut in every gap between ranks, from left to right."""
    spans = sorted((o.center[0] - o.half[0], o.center[0] + o.half[0]) for o in scene.outlines)
    texts = [(x - width(text, size) / 2, x + width(text, size) / 2) for text, (x, _), size in scene.texts()]
    flows = [(min(x), max(x), arrow) for arrow in scene.arrows
             for x in [[point[0] for piece in arrow.pieces for point in piece]]]  # fmt: skip
    frames = [(left, right) for frame in scene.frames for left, _, right, _ in frame.corners]
    found, until = [], spans[0][1] if spans else 0.0
    for start, end in spans[1:]:
        places = [until + _NEAR + i * _STEP for i in range(int((start - until - 2 * _NEAR) // _STEP) + 1)]
        if start - until >= 2 * _NEAR and places:
            found.append(min((_cut(x, texts, frames, flows) for x in places), key=lambda cut: (cut.cost, -cut.x)))
        until = max(until, end)
    return found


def _cut(
    x: float,
    texts: Iterable[tuple[float, float]],
    frames: Iterable[tuple[float, float]],
    flows: Iterable[tuple[float, float, Arrow]],
) -> Cut:
    struck, opened = (sum(left < x < right for left, right in spans) for spans in (texts, frames))
    through = [arrow for left, right, arrow in flows if left < x < right]
    margin = max((width(arrow.label, arrow.size) for arrow in through), default=0.0)
    return Cut(x, struck * _STRUCK + opened * _OPENED + len(through), margin + 4)


def _chosen(cuts: Sequence[Cut], left: float, right: float, wide: float) -> list[Cut]:
    """Return the cuts that make the fewest rows of at most `wide`, of these the cheapest, of these the most even."""
    stops = [Cut(left, 0.0, 0.0), *cuts, Cut(right, 0.0, 0.0)]
    best: list[tuple[float, float, float, int]] = [(0.0, 0.0, 0.0, -1)]  # rows, cost, unevenness, the cut before
    for k, stop in enumerate(stops[1:], 1):
        ways = []
        for i in range(k - 1, -1, -1):
            long = stop.x + stop.margin + PAD - stops[i].x + stops[i].margin + PAD * (i > 0)
            if long > wide and i < k - 1:
                break  # a row that holds one rank alone may be too wide: nothing can be done
            rows, cost, uneven, _ = best[i]
            over = max(0.0, long - wide)
            ways.append((rows + 1 + 1000 * over, cost + stop.cost, uneven + (wide - long) ** 2, i))
        best.append(min(ways))
    chosen, at = [], best[-1][3]
    while at > 0:
        chosen.append(stops[at])
        at = best[at][3]
    return chosen[::-1]


def _arranged(scene: Scene, cuts: Sequence[Cut]) -> Scene:
    """Return what stands between the cuts in rows below each other."""
    if not cuts:
        return scene
    edges = [float("-inf"), *(cut.x for cut in cuts), float("inf")]
    rows = [_row(scene, a, b) for a, b in itertools.pairwise(edges)]
    moves, below = [], 0.0
    for row in rows:
        left, bottom, _, top = row.bounds()
        moves.append((-left, below - top))
        below += bottom - top - _BETWEEN + 2 * PAD
    placed = [row.moved(move) for row, move in zip(rows, moves, strict=True)]
    return Scene(
        tuple(outline for row in placed for outline in row.outlines),
        tuple(_joined_frames(placed)),
        tuple(_joined_arrows(scene, placed)),
        tuple(note for row in placed for note in row.notes),
        scene.head,
    )


def _row(scene: Scene, start: float, end: float) -> Scene:
    """Return what stands between two cuts, with the names of what comes in and goes out at its sides."""
    outlines = [outline for outline in scene.outlines if start < outline.center[0] <= end]
    open_ones = {module for outline in outlines for module in outline.vertex.around}
    arrows: list[Arrow] = []
    nameless: dict[bool, list[tuple[Point, int]]] = {True: [], False: []}  # at the left, at the right of the row
    for arrow in scene.arrows:
        parts = [part for part in _parts(arrow, start, end) if len(part) > 1]
        if not parts:
            continue
        half = width(arrow.label, arrow.size) / 2  # a name that the cut goes through would stand on a frame's border
        inside = tuple(center for center in arrow.centers if start < center[0] <= end)
        centers = tuple(center for center in inside if start < center[0] - half and center[0] + half <= end)
        if arrow.label and not centers:
            if beside := _beside(arrow, parts, start, end):
                at_left, place = beside
                nameless[at_left].append((place, len(arrows)))
            else:  # beside an upright arrow that no cut goes through
                centers = inside or arrow.centers * (_ends(arrow.pieces) == _ends(parts))
        arrows.append(replace(arrow, pieces=tuple(parts), centers=centers))
    for at_left, places in nameless.items():
        for place, i in _spread(places, arrows, -1 if at_left else 1):
            arrows[i] = replace(arrows[i], centers=(place,))
    return Scene(
        tuple(outlines),
        tuple(_clipped(frame, start, end) for frame in scene.frames if frame.module in open_ones),
        tuple(arrows),
        tuple(note for note in scene.notes if start < note.center[0] <= end),
        scene.head,
    )


def _ends(parts: Sequence[Spline]) -> tuple[Point, Point]:
    return parts[0][0], parts[-1][-1]


def _spread(places: list[tuple[Point, int]], arrows: Sequence[Arrow], side: int) -> Iterator[tuple[Point, int]]:
    """Yield the places of names at one side of a row, from the top, moved down and out where they would meet a text."""
    above = float("inf")
    named = [(center, arrow) for arrow in arrows for center in arrow.centers]
    for (edge, y), i in sorted(places, key=lambda item: -item[0][1]):
        x, above = edge, min(y, above - arrows[i].size * 1.05)
        for (at, height), other in sorted(named, key=lambda item: side * item[0][0]):
            apart = (width(other.label, other.size) + width(arrows[i].label, arrows[i].size)) / 2 + 3
            if abs(height - above) < other.size * 1.05 and abs(at - x) < apart:
                x = at + side * apart
        yield (x, above), i


def _parts(arrow: Arrow, start: float, end: float) -> Iterator[Spline]:
    """Yield the parts of an arrow between two cuts, in its direction."""
    part: Spline = []
    for cubic in (cubic for piece in arrow.pieces for cubic in pieces(piece)):
        low, high = min(x for x, _ in cubic), max(x for x, _ in cubic)
        for some in _split(cubic, [x for x in (start, end) if low <= x <= high]):
            middle = divided(some, 0.5)[0][3][0]
            if start < middle <= end:
                part = part + some[1:] if part else some
            elif part:
                yield part
                part = []
    if part:
        yield part


def _split(cubic: Spline, places: Iterable[float]) -> list[Spline]:
    """Return `cubic` divided wherever it passes one of the places, which are values of x."""
    found = [cubic]
    for x in places:
        found = [part for whole in found for part in _split_at(whole, x)]
    return found


def _split_at(cubic: Spline, x: float) -> list[Spline]:
    ways = [divided(cubic, t / 16)[0][3][0] - x for t in range(17)]
    for i, (a, b) in enumerate(itertools.pairwise(ways)):
        if (a < 0) != (b < 0):
            low, high = i / 16, (i + 1) / 16
            for _ in range(30):
                middle = (low + high) / 2
                low, high = (middle, high) if (divided(cubic, middle)[0][3][0] < x) == (a < 0) else (low, middle)
            before, after = divided(cubic, low)
            return [before, *_split_at(after, x)] if i < 15 and 0 < low < 1 else [before, after]
    return [cubic]


def _beside(arrow: Arrow, parts: Sequence[Spline], start: float, end: float) -> tuple[bool, Point] | None:
    """Return at which side of a row the name stands of an arrow that goes on in another (at its left?), and where.

    None for an arrow that does not go on.
    """
    ends = [point for part in parts for point in (part[0], part[-1])]
    left = min(ends, key=lambda point: abs(point[0] - start))
    right = min(ends, key=lambda point: abs(point[0] - end))
    half = width(arrow.label, arrow.size) / 2 + 3
    up = arrow.size * 0.35 * (1 if arrow.kind == "fwd" else -1)
    if min(abs(left[0] - start), abs(right[0] - end)) > 1:
        return None
    if abs(left[0] - start) <= abs(right[0] - end):
        return True, (left[0] - half, left[1] + up)
    return False, (right[0] + half, right[1] + up)


def _clipped(frame: Frame, start: float, end: float) -> Frame:
    """Return the part of a frame between two cuts."""
    corners: list[Corners] = [(max(a, start + 2), b, min(c, end - 2), d) for a, b, c, d in frame.corners]
    return replace(frame, corners=tuple(corners), title=((corners[0][0] + corners[0][2]) / 2, frame.title[1]))


def _joined_frames(rows: Sequence[Scene]) -> Iterator[Frame]:
    parts: dict[str, list[Frame]] = {}
    for frame in (frame for row in rows for frame in row.frames):
        parts.setdefault(frame.module.id, []).append(frame)
    for frames in parts.values():
        widest = max(frames, key=lambda frame: frame.corners[0][2] - frame.corners[0][0])
        yield replace(widest, corners=tuple(c for frame in frames for c in frame.corners))


def _joined_arrows(scene: Scene, rows: Sequence[Scene]) -> Iterator[Arrow]:
    """Yield every arrow with its parts in all rows: a value goes down through them, a gradient up."""
    parts: dict[str, list[Arrow]] = {}
    for arrow in (arrow for row in rows for arrow in row.arrows):
        parts.setdefault(arrow.id, []).append(arrow)
    for arrow in scene.arrows:
        found = parts[arrow.id]
        forward = arrow.pieces[0][0][0] <= arrow.pieces[-1][-1][0]
        ordered = found if forward else found[::-1]
        yield replace(arrow, pieces=tuple(p for a in ordered for p in a.pieces),
                      centers=tuple(c for a in ordered for c in a.centers))  # fmt: skip


def _headed(scene: Scene, notes: Sequence[Note], wide: float) -> Scene:
    """Return `scene` with its title above and what else is in `notes` below, one under the other, in lines that fit."""
    left, bottom, right, top = scene.bounds()
    middle, kept = (left + right) / 2, list(scene.notes)
    for note in notes:
        lines = _lines(note.text, note.size, max(wide, right - left) - 2 * PAD)
        high = note.size * 1.25
        first = top + high * (len(lines) - 0.5) if note.kind == "title" else bottom - high * 0.5
        bottom -= high * len(lines) * (note.kind != "title")
        for i, line in enumerate(lines):
            id = note.id if i == 0 else f"{note.id}_{i}"
            kept.append(replace(note, id=id, text=line, center=(middle, first - i * high)))
    return replace(scene, notes=tuple(kept))


def _lines(text: str, size: float, wide: float) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size) > wide:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
