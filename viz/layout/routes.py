"""From a grid to points: how far apart rows and columns stand, and the curves of the arrows.

Coordinates are those of a picture from left to right, the second one downwards, until `Measure.at` turns them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .dot import FRAME_SIZE, LABEL_SIZE
from .ears import Item, Level, Link
from .heights import TRACK, Heights
from .splines import Point, Spline, between

_APART = math.radians(23)  # between two arrows at a circle
_STEEPEST, _BESIDE, _ROOMY = math.radians(68), math.radians(48), math.radians(80)  # the second beside what hangs
_GAP, _TURN = 34.0, 58.0  # free between columns, and where arrows turn
_MARGIN, _TITLE = 16.0, 20.0  # of a frame, and of its title
_SLACK, _NEAR = 10.0, 230.0
_LANE, _BEND, _PIN = 15.0, 36.0, 12.0  # between arrows that turn beside each other; how high their bends are; at items


@dataclass(frozen=True)
class Measure:
    """How much room the texts of every arrow need, and whether the picture runs from left to right (`across`).

    `more` is what some need besides.
    """

    labels: Sequence[tuple[str, str]]
    across: bool
    narrow: bool
    more: Mapping[int, float] = field(default_factory=dict)

    def room(self, k: int) -> float:
        """Return how long an arrow must be for its texts."""
        if not self.across:
            return 2 * LABEL_SIZE + self.more.get(k, 0.0)
        longest = max(width(text, LABEL_SIZE) for text in self.labels[k])
        return longest + (14 if self.narrow else 22) + self.more.get(k, 0.0)


@dataclass
class Part:
    """A level with its places: its left side is at 0, its row at 0. `ports` tells where arrows meet its sides.

    `entry` is the arrow that it is entered by on its row.
    """

    up: float = 0.0
    down: float = 0.0
    wide: float = 0.0
    centers: dict[str, Point] = field(default_factory=dict)
    frames: dict[str, tuple[ModuleCall, float, float, float, float]] = field(default_factory=dict)
    pieces: dict[int, Spline] = field(default_factory=dict)
    taps: dict[int, Point] = field(default_factory=dict)
    ports: dict[int, float] = field(default_factory=dict)
    entry: int | None = None


def part_of(level: Level, blocks: Mapping[Item, Part], module: ModuleCall | None, measure: Measure) -> Part:
    """Return `level` with its places, in the frame of `module`."""
    rows = Heights(level).of
    left, right = _columns(level, measure, framed=module is not None, title=module.label if module else "")
    part = Part()
    ends = _Ends(level, rows, left, right)
    for item in level.items:
        x, y = ends.center(item)
        if item in blocks:
            _add(part, blocks[item], (x - item.left, y))
        elif item.kind == "vertex":
            part.centers[item.key] = (x, y)
    for link in level.links:
        if link.row is None:
            continue
        line = ends.line(link)
        inner = [blocks[item].pieces[link.edge] if item in blocks and link.edge in blocks[item].pieces else None
                 for item in (link.tail, link.head)]  # fmt: skip
        moves = [(ends.center(item)[0] - item.left, ends.center(item)[1]) for item in (link.tail, link.head)]
        first, last = ([_moved(p, by) for p in piece] if piece else [] for piece, by in zip(inner, moves, strict=True))
        part.pieces[link.edge] = _joined(first, line, last)
        if link.tail.kind == "tap":
            part.taps[link.edge] = ends.center(link.tail)
        for item in (link.tail, link.head):
            if item.kind in ("in", "out"):
                part.ports[link.edge] = rows[item]
                if item.kind == "in" and (item.row == 0 or part.entry is None):
                    part.entry = link.edge
    _frame(part, level, rows, right, module)
    return part


def _moved(p: Point, by: Point) -> Point:
    return p[0] + by[0], p[1] + by[1]


def _joined(*lines: Spline) -> Spline:
    found: Spline = []
    for line in lines:
        found += line[1:] if found and line else line
    return found


def _add(part: Part, inner: Part, by: Point) -> None:
    part.centers |= {id: _moved(p, by) for id, p in inner.centers.items()}
    part.taps |= {k: _moved(p, by) for k, p in inner.taps.items()}
    for k, line in inner.pieces.items():
        if k not in inner.ports:
            part.pieces[k] = [_moved(p, by) for p in line]
    for id, (module, *box) in inner.frames.items():
        x0, y0, x1, y1 = box
        part.frames[id] = (module, x0 + by[0], y0 + by[1], x1 + by[0], y1 + by[1])


def _frame(
    part: Part, level: Level, rows: Mapping[Item | Link, float], right: Mapping[int, float], module: ModuleCall | None
) -> None:
    ys = [(rows[i] - i.up, rows[i] + i.down) for i in level.items]
    ys += [(rows[link] - TRACK, rows[link] + TRACK) for link in level.links if link.row is not None and not link.drop]
    part.up, part.down = -min((y for y, _ in ys), default=0.0), max((y for _, y in ys), default=0.0)
    part.wide = max(right.values(), default=0.0)
    if module is not None:
        part.up += _MARGIN / 2 + _TITLE
        part.down += _MARGIN / 2
        part.wide += _MARGIN
        part.frames[module.id] = (module, 0.0, -part.up, part.wide, part.down)


def _columns(level: Level, measure: Measure, *, framed: bool, title: str) -> tuple[dict[int, float], dict[int, float]]:
    """Return where every column begins and ends."""
    cols = range(min((i.col for i in level.items), default=0), max((i.col for i in level.items), default=0) + 1)
    wide: dict[int, float] = dict.fromkeys(cols, 0.0)
    for item in level.items:
        wide[item.col] = max(wide[item.col], item.left + item.right)
    gaps: dict[int, float] = {c: (_MARGIN if wide[c] == 0 or wide.get(c + 1, 0) == 0 else _GAP) for c in cols}
    turning: Counter[tuple[int, Item, bool, bool]] = Counter()
    for link in level.links:
        more = measure.more.get(link.edge, 0.0)
        if more:
            for c in {link.tail.col, link.head.col - 1, *([link.tail.col - 1] if link.drop else [])} & {*gaps}:
                gaps[c] = max(gaps[c], _GAP + more)
        if link.row is None or link.drop:
            continue
        straight = link.tail.row == link.row == link.head.row
        for c, item, start in ((link.tail.col, link.tail, True), (link.head.col - 1, link.head, False)):
            if item.row != link.row:
                turning[c, item, start, link.row > item.row] += 1
                beside = turning[c, item, start, link.row > item.row]
                gaps[c] = max(gaps[c], more + (_TURN if beside < 2 else 2 * _MARGIN + _LANE * (beside + 1)))
        if link.head.col == link.tail.col + 1 and link.tail.kind != "tap":
            need = measure.room(link.edge) if straight else max(_TURN, 0.6 * measure.room(link.edge))
            if link.tail.kind == "in" or link.head.kind == "out":
                need = min(need, _GAP) if straight else need
            gaps[link.tail.col] = max(gaps[link.tail.col], need)
    x, left, right = _MARGIN if framed and wide[cols[0]] else 0.0, {}, {}
    if framed:  # the title stands within its frame
        total = sum(wide.values()) + sum(gaps[c] for c in list(cols)[:-1])
        lack = width(f"{title} [+]", FRAME_SIZE) + _MARGIN - total
        if lack > 0 and len(cols) > 1:
            for c in list(cols)[:-1]:
                gaps[c] += lack / (len(cols) - 1)
        elif lack > 0:
            wide[cols[0]] += lack
    for c in cols:
        left[c], right[c] = x, x + wide[c]
        x += wide[c] + gaps[c]
    return left, right


class _Ends:
    """Where arrows meet what they join."""

    def __init__(
        self, level: Level, rows: Mapping[Item | Link, float], left: Mapping[int, float], right: Mapping[int, float]
    ) -> None:
        self.rows, self.left, self.right = rows, left, right
        self.angles: dict[tuple[Link, bool], float] = {}
        self.lanes = self.side_by_side(level.links)
        self.pins: dict[tuple[Link, bool], tuple[int, int]] = {}
        self.hung = level.hung()
        self.sides = {(link.head, 1 if link.tail.row > link.head.row else -1) for link in self.hung.values()}
        out: dict[Item, list[Link]] = defaultdict(list)
        into: dict[Item, list[Link]] = defaultdict(list)
        for link in level.links:
            if link.row is not None and not link.drop:
                out[link.tail].append(link)
                into[link.head].append(link)
        for groups, start in ((out, True), (into, False)):
            for item, links in groups.items():
                if item.kind == "vertex":
                    self.spread(item, links, start=start)

    def center(self, item: Item) -> Point:
        """Return the middle of an item; a tap stands at the right of its column."""
        low, high = self.left[item.col], self.right[item.col]
        link = self.hung.get(item)
        if link is not None:
            return self.center(link.head)[0], self.rows[item]
        if item.kind == "tap":
            return high - item.right, self.rows[item]
        return (low + high) / 2, self.rows[item]

    def aim(self, link: Link, *, start: bool) -> float:
        """Return the angle, downwards, in which an arrow would leave its item, or come in, by itself."""
        item, other = (link.tail, link.head) if start else (link.head, link.tail)
        x, y = self.center(item)
        far, height = self.center(other)
        if not self.is_direct(link):
            height = self.rows[link]
        elif other.kind == "block":
            height += link.enters if start else link.leaves
        if not (self.is_direct(link) and other.kind == "vertex"):
            far = self.left.get(item.col + 1, x + 90) if start else self.right.get(item.col - 1, x - 90)
        return math.atan2(height - y, max(abs(far - x), 20.0))

    def rank(self, link: Link, *, start: bool) -> tuple[float, float, float, int]:
        """Return what sorts the arrows at one side of an item from top to bottom: the rows that they come from."""
        other, offset = (link.head, link.enters) if start else (link.tail, link.leaves)
        if self.is_direct(link):
            return other.row, offset, self.aim(link, start=start), link.edge
        return link.row or 0.0, 0.0, 0.0, link.edge

    def spread(self, item: Item, links: list[Link], *, start: bool) -> None:
        """Give the arrows at one side of a circle their angles, in the order of their rows, apart from each other."""
        order = sorted(links, key=lambda link: self.rank(link, start=start))
        found = [max(-_STEEPEST, min(_STEEPEST, self.aim(link, start=start))) for link in order]
        straight = [i for i, angle in enumerate(found) if abs(angle) < 1e-6]
        if len(straight) > 1:
            for place, i in enumerate(straight):
                found[i] = (place - (len(straight) - 1) / 2) * _APART
        middle = straight[0] if straight else min(range(len(found)), key=lambda i: abs(found[i]))
        for side in (1, -1):
            beside = range(middle + side, len(found) if side > 0 else -1, side)
            steepest = _BESIDE if (item, side) in self.sides else _STEEPEST if len(beside) < 4 else _ROOMY
            apart = min(_APART, steepest / max(len(beside), 1))
            for i in beside:
                found[i] = side * max(side * found[i], side * found[i - side] + apart)
            for n, i in enumerate(reversed(beside)):
                found[i] = side * min(side * found[i], steepest - n * apart)
        for i, (link, angle) in enumerate(zip(order, found, strict=True)):
            self.angles[link, start] = angle
            n = i - middle if straight else i - middle + (found[middle] > 0)
            self.pins[link, start] = n, (len(found) - 1 - middle if n > 0 else middle) + (not straight)

    def end(self, link: Link, *, start: bool) -> tuple[Point, Point]:
        """Return where an arrow meets its item, and its direction there."""
        item, offset = (link.tail, link.leaves) if start else (link.head, link.enters)
        (x, y), side = self.center(item), 1 if start else -1
        if item.kind != "vertex":
            return (x + side * item.right, y + offset), (1.0, 0.0)
        angle = self.angles[link, start]
        if not item.round:
            return (x + side * item.right, y + self.pinned(item, link, start=start)), (1.0, 0.0)
        if (link, start) in self.lanes or ((link, not start) in self.lanes and self.is_direct(link)):
            angle = math.asin(self.pinned(item, link, start=start) / item.right)
        return (x + side * item.right * math.cos(angle), y + item.right * math.sin(angle)), (
            math.cos(angle),
            side * math.sin(angle),
        )

    def pinned(self, item: Item, link: Link, *, start: bool) -> float:
        """Return how far below the middle of an item an arrow meets it that runs level there."""
        n, count = self.pins[link, start]
        half = 0.93 * item.right if item.round else item.tall - 3
        return n * min(_PIN, half / max(count, 1))

    def line(self, link: Link) -> Spline:
        """Return the curve of an arrow on this level."""
        assert link.row is not None
        if link.drop:
            return self.drop(link)
        (a, along), (b, ahead) = self.end(link, start=True), self.end(link, start=False)
        height = self.rows[link]
        first, last = self.lanes.get((link, True)), self.lanes.get((link, False))
        before = self.pin(link.tail, a, start=True, always=first is not None)
        after = self.pin(
            link.head, b, start=False, always=last is not None or (first is not None and self.is_direct(link))
        )
        bent = not link.tail.row == link.row == link.head.row
        if before and bent:
            a, along = before[-1], (1.0, 0.0)
        else:
            before = []
        if after and bent:
            b, ahead = after[-1], (1.0, 0.0)
        else:
            after = []
        if self.is_direct(link):
            lane = first if first is not None else last
            middle = _curve(a, along, b, ahead) if lane is None else _by(a, lane, b)
            return _joined(before, middle, after[::-1])
        low, high = self.left[link.tail.col + 1], self.right[link.head.col - 1]
        if low > high:
            low = high = (low + high) / 2
        line: Spline = [a]
        if abs(a[1] - height) > 0.1 or along[1]:
            line = _turn(a, along, (low, height)) if first is None else _by(a, first, (low, height))
        level = abs(b[1] - height) < 0.1 and not ahead[1]
        until = b if level else (high, height)
        if until[0] - line[-1][0] > 0.1:
            line = _joined(line, _straight(line[-1], until))
        if not level:
            line = _joined(
                line, _turn(b, (-ahead[0], -ahead[1]), line[-1])[::-1] if last is None else _by(line[-1], last, b)
            )
        return _joined(before, line, after[::-1])

    def is_direct(self, link: Link) -> bool:
        """Return whether an arrow turns once at most, between neighbours."""
        return link.head.col == link.tail.col + 1 and link.row in (link.tail.row, link.head.row)

    def pin(self, item: Item, at: Point, *, start: bool, always: bool) -> Spline:
        """Return the level line from an item to the side of its column, if that is much wider, or it is asked for."""
        edge = self.right[item.col] if start else self.left[item.col]
        slack = abs(edge - self.center(item)[0]) - item.right
        if item.kind in ("in", "out", "tap") or not (always or slack > _SLACK) or abs(edge - at[0]) < 0.5:
            return [at] if always else []
        return _straight(at, (edge, at[1]))

    def side_by_side(self, links: Sequence[Link]) -> dict[tuple[Link, bool], float]:
        """Return for arrows that turn together, in one gap and to or from one item, where each runs up or down."""
        groups: dict[tuple[Item, bool, bool], list[Link]] = defaultdict(list)
        for link in links:
            if link.row is None or link.drop:
                continue
            if link.tail.row != link.row:
                groups[link.tail, True, link.row > link.tail.row].append(link)
            if link.head.row != link.row:
                groups[link.head, False, link.row > link.head.row].append(link)
        found = {}
        for (item, start, _), members in groups.items():
            gap = item.col if start else item.col - 1
            low, high = self.right[gap], self.left[gap + 1]
            farthest = max(abs(self.rows[link.head] - self.rows[link.tail]) for link in members)
            if len(members) < 2 or (len(members) == 2 and farthest < _NEAR) or high <= low:
                continue
            members.sort(
                key=lambda link: (abs((link.row or 0.0) - item.row), link.enters if start else link.leaves),
                reverse=start,
            )
            for n, link in enumerate(members, 1):
                found[link, start] = low + (high - low) * n / (len(members) + 1)
        return found

    def drop(self, link: Link) -> Spline:
        """Return the straight arrow from what stands right above or below its reader."""
        (x, y), (_, to) = self.center(link.head), self.center(link.tail)
        down = 1 if to < y else -1
        half = link.head.tall
        leaf = link.tail.tall
        return _straight((x, to + down * leaf), (x, y - down * half))


def _straight(a: Point, b: Point) -> Spline:
    return [a, between(a, b, 1 / 3), between(a, b, 2 / 3), b]


def _by(a: Point, lane: float, b: Point) -> Spline:
    """Return the curve from `a` to `b`, level at both, that runs up or down at `lane`."""
    way = b[1] - a[1]
    bend = math.copysign(min(abs(way) / 2, _BEND), way)
    c, d = (lane, a[1] + bend), (lane, b[1] - bend)
    first = [a, (a[0] + 0.55 * (lane - a[0]), a[1]), (lane, a[1] + 0.45 * bend), c]
    last = [d, (lane, b[1] - 0.45 * bend), (b[0] + 0.55 * (lane - b[0]), b[1]), b]
    return _joined(first, _straight(c, d) if abs(d[1] - c[1]) > 0.1 else [], last)


def _curve(a: Point, along: Point, b: Point, ahead: Point) -> Spline:
    reach = math.dist(a, b) / 3 if along[1] or ahead[1] else abs(b[0] - a[0]) / 2
    return [
        a,
        (a[0] + along[0] * reach, a[1] + along[1] * reach),
        (b[0] - ahead[0] * reach, b[1] - ahead[1] * reach),
        b,
    ]


def _turn(a: Point, along: Point, b: Point) -> Spline:
    """Return the curve from `a`, which leaves in the direction `along`, to `b`, where it is level."""
    wide, high = abs(b[0] - a[0]), abs(b[1] - a[1])
    reach = (
        0.5 * wide if abs(along[1]) < 1e-9 else min(0.55 * high / abs(along[1]), 0.9 * wide / max(abs(along[0]), 0.1))
    )
    side = 1 if b[0] > a[0] else -1
    return [a, (a[0] + along[0] * reach, a[1] + along[1] * reach), (b[0] - side * 0.5 * wide, b[1]), b]
