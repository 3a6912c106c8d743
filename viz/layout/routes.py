"""From a grid to points: how far apart rows and columns stand, and the curves of the arrows.

Coordinates are those of a picture from left to right, the second one downwards, until `Measure.at` turns them.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tensorgrad.viz.picture.nesting import ModuleCall

from .bends import by_lane, chord, joined, swung, turned
from .columns import APART, FAR, LANE, MARGIN, Measure, bows, columns, stubs
from .dot import ABREAST, FRAME_SIZE
from .ears import Level
from .heights import Heights
from .items import Item, Link
from .labels import half_of
from .splines import Point, Spline

_STEEPEST, _BESIDE, _ROOMY = math.radians(68), math.radians(48), math.radians(80)  # the second beside what hangs
_STRAIGHT = math.radians(58)  # past what stands between two columns
_TITLE = 20.0  # of a frame
_SLACK, _NEAR = 10.0, 230.0
_LEVEL = 0.4  # of the way between two lanes in one gap, where texts need room
_SCREEN = 1.6  # times as wide as high
_PIN = 12.0  # between arrows that turn beside each other, at items


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

    def cost(self, across: bool) -> float:
        """Return what a shape costs: the paper that it takes, and how wide a screen is that shows it whole."""
        wide, high = (self.wide, self.up + self.down) if across else (self.up + self.down, self.wide)
        return wide * high * max(wide, _SCREEN * high)


def part_of(level: Level, blocks: Mapping[Item, Part], module: ModuleCall | None, measure: Measure) -> Part:
    """Return `level` with its places, in the frame of `module`."""
    rows = Heights(level, measure).of
    left, right = columns(level, measure, framed=module is not None, title=module.label if module else "")
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
        part.pieces[link.edge] = joined(first, line, last)
        if link.tail.kind == "tap":
            part.taps[link.edge] = ends.center(link.tail)
        for item in (link.tail, link.head):
            if item.kind in ("in", "out"):
                part.ports[link.edge] = rows[item]
                if item.kind == "in" and (item.row == 0 or part.entry is None):
                    part.entry = link.edge
    _frame(part, level, rows, right, module, measure)
    return part


def _moved(p: Point, by: Point) -> Point:
    return p[0] + by[0], p[1] + by[1]


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
    part: Part,
    level: Level,
    rows: Mapping[Item | Link, float],
    right: Mapping[int, float],
    module: ModuleCall | None,
    measure: Measure,
) -> None:
    ys = [(rows[i] - i.up, rows[i] + i.down) for i in level.items]
    more = bows(level, measure)
    tracks = {
        link: measure.track(link.edge) + more.get(link, 0.0)
        for link in level.links
        if link.row is not None and not link.drop
    }
    ys += [(rows[link] - track, rows[link] + track) for link, track in tracks.items()]
    part.up, part.down = -min((y for y, _ in ys), default=0.0), max((y for _, y in ys), default=0.0)
    part.wide = max(right.values(), default=0.0)
    if module is not None:
        part.up += MARGIN / 2 + _TITLE * measure.across
        part.down += MARGIN / 2
        if not measure.across:  # the title stands beside the arrow that comes in
            part.up = max(part.up, 2 * half_of(module.label, FRAME_SIZE)[0] + MARGIN)
        part.wide += MARGIN
        part.frames[module.id] = (module, 0.0, -part.up, part.wide, part.down)


class _Ends:
    """Where arrows meet what they join."""

    def __init__(
        self, level: Level, rows: Mapping[Item | Link, float], left: Mapping[int, float], right: Mapping[int, float]
    ) -> None:
        self.rows, self.left, self.right = rows, left, right
        self.angles: dict[tuple[Link, bool], float] = {}
        self.stubs = stubs(level)
        self.lanes = self.side_by_side(level.links)
        self.abreast: dict[tuple[Item, bool], list[Link]] = {}
        self.pins: dict[tuple[Link, bool], tuple[int, int]] = {}
        self.hung = level.hung()
        self.taps = {link.tail: link for link in level.links if link.tail.kind == "tap"}
        self.columns: dict[int, list[Item]] = defaultdict(list)
        for item in level.items:
            self.columns[item.col].append(item)
        self.sides = {(link.head, 1 if link.tail.row > link.head.row else -1) for link in self.hung.values()}
        for stack in self.columns.values():
            for above, below in itertools.pairwise(sorted(stack, key=lambda item: item.row)):
                self.sides |= {(above, 1), (below, -1)}
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
        """Return the middle of an item; a tap stands at the right of the gap before its reader."""
        low, high = self.left[item.col], self.right[item.col]
        link = self.hung.get(item)
        if link is not None:
            return self.center(link.head)[0], self.rows[item]
        if item.kind == "tap":
            return self.left[item.col + 1] - self.stubs[self.taps[item].head] - item.right, self.rows[item]
        return (low + high) / 2, self.rows[item]

    def aim(self, link: Link, *, start: bool) -> float:
        """Return the angle, downwards, in which an arrow would leave its item, or come in, by itself."""
        item, other = (link.tail, link.head) if start else (link.head, link.tail)
        x, y = self.center(item)
        far, height = self.center(other)
        if start and link.head in self.stubs and link.row == item.row != link.head.row:
            return 0.0
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
            self.abreast[item, start] = [order[i] for i in straight]
            apart = FAR if any(order[i].more for i in straight) else APART
            for place, i in enumerate(straight):
                found[i] = (place - (len(straight) - 1) / 2) * apart
        middle = straight[0] if straight else min(range(len(found)), key=lambda i: abs(found[i]))
        for side in (1, -1):
            beside = range(middle + side, len(found) if side > 0 else -1, side)
            steepest = _BESIDE if (item, side) in self.sides else _STEEPEST if len(beside) < 4 else _ROOMY
            apart = min(APART, steepest / max(len(beside), 1))
            for i in beside:
                found[i] = side * max(side * found[i], side * found[i - side] + apart)
            for n, i in enumerate(reversed(beside)):
                found[i] = side * min(side * found[i], steepest - n * apart)
            if beside and len(beside) == len(found) - 1 and not straight:  # the first gives way too
                found[middle] = side * min(side * found[middle], side * found[middle + side] - apart)
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
        if (
            self.is_level(link, start=start)
            or (link, start) in self.lanes
            or ((link, not start) in self.lanes and self.is_direct(link))
        ):
            angle = math.asin(self.pinned(item, link, start=start) / item.right)
        return (x + side * item.right * math.cos(angle), y + item.right * math.sin(angle)), (
            math.cos(angle),
            side * math.sin(angle),
        )

    def pinned(self, item: Item, link: Link, *, start: bool) -> float:
        """Return how far below the middle of an item an arrow meets it that runs level there."""
        n, count = self.pins[link, start]
        straight = self.abreast.get((item, start), [])
        if straight and item.round:
            return item.right * math.sin(self.angles[link, start])
        if straight:
            half = item.tall - 3
            outer = min(ABREAST * (len(straight) - 1) / 2, half)
            if link in straight:
                return outer * (2 * straight.index(link) / (len(straight) - 1) - 1)
            below = n - len(straight) + 1
            return min(outer + _PIN * below, half) if below > 0 else max(_PIN * n - outer, -half)
        half = 0.93 * item.right if item.round else item.tall - 3
        return n * min(_PIN, half / max(count, 1))

    def line(self, link: Link) -> Spline:
        """Return the curve of an arrow on this level."""
        assert link.row is not None
        if link.drop:
            return self.drop(link)
        (a, along), (b, ahead) = self.end(link, start=True), self.end(link, start=False)
        height = self.rows[link]
        if link.head in self.stubs and link.row != link.head.row:
            edge = (self.left[link.head.col] - self.stubs[link.head], height)
            return joined(self.leaving(link, a, along, edge), swung(edge, (1.0, 0.0), b, (1.0, 0.0)))
        first, last = self.lanes.get((link, True)), self.lanes.get((link, False))
        direct = self.is_direct(link)
        to, back = (link.head.row, link.tail.row) if direct else (link.row, link.row)
        before = self.pin(link.tail, a, to, start=True, always=first is not None)
        after = self.pin(link.head, b, back, start=False, always=last is not None or (first is not None and direct))
        bent = not link.tail.row == link.row == link.head.row
        if before and bent:
            a, along = before[-1], (1.0, 0.0)
        else:
            before = []
        if after and bent:
            b, ahead = after[-1], (1.0, 0.0)
        else:
            after = []
        if direct:
            lane = first if first is not None else last
            middle = swung(a, along, b, ahead) if lane is None else by_lane(a, lane, b)
            return joined(before, middle, after[::-1])
        return joined(before, self.through(link, (a, along), (b, ahead)), after[::-1])

    def through(self, link: Link, start: tuple[Point, Point], end: tuple[Point, Point]) -> Spline:
        """Return the curve by the row of an arrow, from one point and direction to another."""
        (a, along), (b, ahead) = start, end
        height, first, last = self.rows[link], self.lanes.get((link, True)), self.lanes.get((link, False))
        low, high = self.left[link.tail.col + 1], self.right[link.head.col - 1]
        if low > high and "block" in (link.tail.kind, link.head.kind):  # which is met at a place of the arrow's own
            return by_lane(a, low if first is None else first, b)
        if low > high:  # between neighbours, around what else joins them
            before, after = high if first is None else first, low if last is None else last
            level = (after - before) * (_LEVEL if link.more else 0.0)
            low, high = ((before + after) + side * level for side in (-1, 1))
            low, high = low / 2, high / 2
        line: Spline = [a]
        if abs(a[1] - height) > 0.1 or along[1]:
            line = turned(a, along, (low, height)) if first is None else by_lane(a, first, (low, height))
        level = abs(b[1] - height) < 0.1 and not ahead[1]
        until = b if level else (high, height)
        if until[0] - line[-1][0] > 0.1:
            line = joined(line, chord(line[-1], until))
        if not level:
            line = joined(
                line, turned(b, (-ahead[0], -ahead[1]), line[-1])[::-1] if last is None else by_lane(line[-1], last, b)
            )
        return line

    def leaving(self, link: Link, a: Point, along: Point, edge: Point) -> Spline:
        """Return the curve from an item to where all arrows turn to their reader, level there."""
        if link.tail.kind == "tap":
            return []
        if abs(a[1] - edge[1]) < 0.1 and not along[1]:
            return chord(a, edge)
        bend = min(self.left[link.tail.col + 1], edge[0]), edge[1]
        lane = self.lanes.get((link, True))
        turn = turned(a, along, bend) if lane is None else by_lane(a, lane, bend)
        return joined(turn, chord(bend, edge) if edge[0] - bend[0] > 0.1 else [])

    def is_direct(self, link: Link) -> bool:
        """Return whether an arrow turns once at most, between neighbours."""
        return link.head.col == link.tail.col + 1 and link.row in (link.tail.row, link.head.row)

    def is_level(self, link: Link, *, start: bool) -> bool:
        """Return whether an arrow meets its item level: in a fan, or steeply beside what stands there."""
        item, other = (link.tail, link.head) if start else (link.head, link.tail)
        if not start and item in self.stubs:
            return True
        direct = self.is_direct(link) and other.kind == "vertex"
        low, high = sorted((item.row, other.row if self.is_direct(link) else link.row or 0.0))
        beside = any(low < third.row < high for third in self.columns[item.col])
        return beside and abs(self.aim(link, start=start)) > (_STRAIGHT if direct else _BESIDE)

    def is_beside(self, item: Item, row: float) -> bool:
        """Return whether something stands in the column of an item on the way from its row to `row`."""
        low, high = sorted((item.row, row))
        return any(low <= other.row <= high and other is not item for other in self.columns[item.col])

    def pin(self, item: Item, at: Point, to: float, *, start: bool, always: bool) -> Spline:
        """Return the level line from an item to the side of its column, if that is much wider, or it is asked for."""
        edge = self.right[item.col] if start else self.left[item.col]
        slack = abs(edge - self.center(item)[0]) - item.right if always or self.is_beside(item, to) else 0.0
        if item.kind in ("in", "out", "tap") or not (always or slack > _SLACK) or abs(edge - at[0]) < 0.5:
            return [at] if always else []
        return chord(at, (edge, at[1]))

    def side_by_side(self, links: Sequence[Link]) -> dict[tuple[Link, bool], float]:
        """Return for arrows that turn together, in one gap and to or from one item, where each runs up or down."""
        groups: dict[tuple[Item, bool, bool], list[Link]] = defaultdict(list)
        for link in links:
            if link.row is None or link.drop or link.tail.kind == "tap":
                continue
            port = link.enters if link.head.kind == "block" and self.is_direct(link) else 0.0
            if link.tail.row != link.row or port:
                groups[link.tail, True, link.row + port > link.tail.row].append(link)
            if link.head.row != link.row and link.head not in self.stubs:
                groups[link.head, False, link.row > link.head.row].append(link)
        found = {}
        busy = {end for link in links if link.more for end in ((link.tail, True), (link.head, False))}
        for (item, start, down), members in groups.items():
            gap = item.col if start else item.col - 1
            low, high = self.right[gap], self.left[gap + 1]
            crowded = (item, start) in busy
            farthest = max(abs(self.rows[link.head] + link.enters - self.rows[link.tail]) for link in members)
            farthest = max([farthest, *(abs(self.rows[link] - self.rows[item]) for link in members)])
            few = len(members) < 2 or (len(members) == 2 and farthest < _NEAR)
            if (few and not crowded) or high <= low:
                continue
            side = 1 if down else -1  # arrows between the same two keep beside each other
            members.sort(key=lambda link: (abs((link.row or 0.0) - item.row), link.enters if start else link.leaves,
                                           side * link.edge), reverse=start)  # fmt: skip
            apart = (high - low) / (len(members) + 1)
            if crowded:  # near the item, so that what remains is level and has room for texts
                apart = min(apart, LANE)
            for n, link in enumerate(members, 1):
                found[link, start] = low + apart * n if start else high - apart * (len(members) + 1 - n)
        return found

    def drop(self, link: Link) -> Spline:
        """Return the straight arrow from what stands right above or below its reader."""
        (x, y), (_, to) = self.center(link.head), self.center(link.tail)
        down = 1 if to < y else -1
        half = link.head.tall
        leaf = link.tail.tall
        return chord((x, to + down * leaf), (x, y - down * half))
