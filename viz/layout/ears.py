"""One level of a picture on a grid: the main way on one row, what leaves it and comes back in rows above and below.

Items stand in columns, by the longest way to them. Everything that is not on the main way is an ear: a way whose ends
are on what is placed already, with items of its own or, if it is a single arrow, without. Short ears are placed first,
each in the nearest row in which it meets nothing: arrows cross no others by construction. What has no such row is left
out, and drawn as a tap.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .items import Ear, Item, Link
from .terms import stacks, upright

NEW_ROW, WRONG_SIDE = 0.6, 3.0  # what a row of its own costs, and one on the other side, in rows
OTHER_SIDE = 0.5  # the same for frames that read taps alone: they would push each other outwards
PAIR = 2.0  # the same for an operand of two on the other's side
PUSHING = 1.0  # what it costs these if they push others outwards


@dataclass(eq=False)
class _Way:
    """What is taken in a row, from place to place."""

    row: float
    low: int
    high: int
    ear: Ear


@dataclass(eq=False)
class _Turn:
    """A way between two rows in one place, to or from `item`, met so far below its row."""

    low: float
    high: float
    item: Item
    offset: float
    to: float
    ends: tuple[Item, Item]


@dataclass
class Level:
    """The items and links of one frame. `main` are the links of the main way; `left_out` what found no place;
    `across`: it runs from left to right.

    `stacked`: the frames of the terms of a sum stand below each other, and not each before what adds it.
    `later` are pairs of items that a tap joins: the second one reads what the first one gives.
    """

    items: list[Item]
    links: list[Link]
    main: list[Link]
    later: list[tuple[Item, Item]] = field(default_factory=list)
    across: bool = True
    stacked: bool = False
    left_out: list[Link] = field(default_factory=list)
    units: list[tuple[float, Ear]] = field(default_factory=list)
    rows: list[float] = field(default_factory=lambda: [0.0])
    ways: dict[int, list[_Way]] = field(default_factory=lambda: defaultdict(list))
    turns: dict[int, list[_Turn]] = field(default_factory=lambda: defaultdict(list))
    leaving: dict[Item, list[Link]] = field(default_factory=lambda: defaultdict(list))

    def place(self) -> None:
        """Give every item its column and row, and every link its row."""
        spine = [link.tail for link in self.main] + [link.head for link in self.main[-1:]] or self.items[-1:]
        self.columns(set(spine))
        ears = self.ears(spine)
        self.take(Ear(spine, self.main, None, None), 0.0)
        waiting: dict[Item, list[Ear]] = defaultdict(list)
        ready: list[tuple[int, bool, int, Ear]] = []

        def add(ear: Ear) -> None:
            end = next((item for item in (ear.start, ear.end) if item is not None and not item.placed), None)
            if end is not None:
                waiting[end].append(ear)
            else:
                heapq.heappush(ready, (ear.reach[1] - ear.reach[0], not ear.items, next(number), ear))

        number = itertools.count()
        for ear in ears:
            add(ear)
        while ready:
            ear = heapq.heappop(ready)[-1]
            self.fit(ear)
            for item in ear.items:
                for other in waiting.pop(item, ()):
                    add(other)

    @cached_property
    def upright(self) -> dict[Link, int]:
        """The arrows of terms that hang at a sum, with their side: -1 above, 1 below."""
        return upright(self.links)

    @cached_property
    def stacks(self) -> dict[Item, Item]:
        """The frames that terms of a sum begin with, each with that in whose column it can stand; what follows them."""
        return stacks(self.links)

    def links_of(self, item: Item) -> list[Link]:
        """Return the links that leave `item`."""
        if not self.leaving:
            for link in self.links:
                self.leaving[link.tail].append(link)
        return self.leaving[item]

    def hung(self) -> dict[Item, Link]:
        """Return what stands right above or below its reader, with its arrow."""
        return {link.tail: link for link in self.links if link.drop}

    def columns(self, spine: set[Item]) -> dict[Item, int]:
        """Put all as late as it can be, the main way and what stands first as early; return the latest columns."""
        into: dict[Item, list[Item]] = defaultdict(list)
        out: dict[Item, list[tuple[Item, int]]] = defaultdict(list)
        steps = {(link.tail, link.head): 0 for link in self.upright}
        beside = self.stacks if self.stacked else {}
        for tail, head in [*((link.tail, link.head) for link in self.links), *self.later]:
            into[head].append(tail)
            out[tail].append((head, steps.get((tail, head), 1)))
        for item in self.items:  # in the order of computation
            before = [tail.col + steps.get((tail, item), 1) for tail in into[item] if tail.kind != "tap"]
            item.col = -1 if item.kind == "in" else max(before, default=beside[item].col if item in beside else 0)
        end = max((item.col for item in self.items if item.kind != "out"), default=0)
        tapped = set(self.later)
        free: dict[Item, bool] = {}
        for item in self.items:  # what nothing on the way leads to stands beside its reader
            leads = all(free[tail] for tail in into[item] if (tail, item) not in tapped)
            free[item] = item not in spine and item.kind != "in" and not item.first and leads
        late: dict[Item, int] = {}
        for item in reversed(self.items):
            late[item] = (
                item.col
                if item in spine
                else min((late.get(head, head.col) - step for head, step in out[item]), default=end)
            )
            if item.kind == "out":
                item.col = end + 1
            elif free[item] and out[item] and item not in beside:
                item.col = min(head.col - step for head, step in out[item])
        return late

    def ears(self, spine: Sequence[Item]) -> list[Ear]:
        """Return the ears, the ways through items before single arrows."""
        into: dict[Item, list[Link]] = defaultdict(list)
        out: dict[Item, list[Link]] = defaultdict(list)
        for link in self.links:
            into[link.head].append(link)
            out[link.tail].append(link)
        seen, used, found = set(spine), set(self.main), []
        for item in reversed(self.items):
            if item in seen:
                continue
            joins = sorted((link for link in out[item] if link.head in seen), key=lambda link: link.head.col)
            links, items, start = joins[:1], [item], None
            seen.add(item)
            while not self.upright.keys() & links and (before := self.before(into[items[0]])):
                links.insert(0, before)
                if before.tail in seen:
                    start = before.tail
                    break
                seen.add(before.tail)
                items.insert(0, before.tail)
            used.update(links)
            found.append(Ear(items, links, start, joins[0].head if joins else None))
        return found + [Ear([], [link], link.tail, link.head) for link in self.links if link not in used]

    def before(self, links: Iterable[Link]) -> Link | None:
        """Return the link along which a way is followed back: not to what stands beside its reader."""
        links = [link for link in links if link.tail.kind != "tap" and link not in self.upright]
        computed = [link for link in links if not link.tail.leaf]
        return min(computed or links, key=lambda link: (not link.main, -link.tail.col), default=None)

    def fit(self, ear: Ear) -> None:
        """Place `ear` where it meets nothing; without its ends if it must be."""
        if self.dropped(ear):
            return
        if self.upright.keys() & ear.links and ear.end is not None:  # which has no room above its reader, nor below
            ear.items[0].col = ear.end.col - 1
        row = self.nearest(ear)
        if row is not None:
            self.take(ear, row)
        elif not ear.items:
            self.left_out += ear.links
        else:
            self.fit_loose(ear)

    def fit_loose(self, ear: Ear) -> None:
        """Place `ear` without the arrow that it starts with, or without both."""
        links = ear.links[1:] if ear.start is not None else ear.links
        inner = links[:-1] if ear.end is not None else links
        for cut in (Ear(ear.items, links, None, ear.end), Ear(ear.items, inner, None, None)):
            dropped = self.dropped(cut)
            row = None if dropped else self.nearest(cut)
            if row is not None:
                self.take(cut, row)
            if dropped or row is not None:
                rest = [link for link in ear.links if link not in cut.links]
                for link in (link for link in rest if link.tail.kind == "tap"):  # which is one already: it goes across
                    self.take(Ear([], [link], link.tail, link.head), link.tail.row)
                self.left_out += [link for link in rest if link.row is None]
                return
        raise AssertionError("a row of its own is always free")

    def dropped(self, ear: Ear) -> bool:
        """Place a leaf or a tap right above its reader, or below, if that is free."""
        if len(ear.items) != 1 or ear.start is not None or ear.end is None or ear.end.kind != "vertex":
            return False
        item, end = ear.items[0], ear.end
        if ear.links[0].place and not ear.links[0].paired:  # which has its place among others
            return False
        side = self.upright.get(ear.links[0])
        if side is None and sum(link.head is item for link in self.links) > 1:  # which have no room where it stands
            return False
        others = [link.head.col for link in self.links_of(item) if link is not ear.links[0]]
        if item.kind not in ("vertex", "tap") or item.first or min(others, default=end.col + 1) <= end.col:
            return False
        for row in sorted(self.candidates(end.row), key=lambda row: side is not None and (row < end.row) != (side < 0)):
            place = 2 * end.col
            low, high = sorted((row, end.row))
            beside = (way for way in self.ways[place] if low <= way.row <= high and way.row != end.row)
            if any(beside) or any(turn.low < row < turn.high for turn in self.turns[place]):
                continue
            if any(t.item is end and (t.low < end.row) == (row < end.row) for t in self.turns[place]):
                continue
            item.col, item.row, item.placed = end.col, row, True
            if row > end.row:  # its texts stand on the other side of its arrow
                item.up, item.down = item.down, item.up
            self.hold(ear, row, place, place)
            self.turns[place].append(_Turn(low, high, end, 0.0, row, (item, end)))
            ear.links[0].row, ear.links[0].drop = row, True
            return True
        return False

    def candidates(self, row: float) -> Iterator[float]:
        """Yield the rows next to `row`, above it and below, and new ones before them."""
        i = self.rows.index(row)
        for side, beside in ((-1, self.rows[i - 1 : i]), (1, self.rows[i + 1 : i + 2])):
            yield from beside
            yield (beside[0] + row) / 2 if beside else row + side

    def hold(self, ear: Ear, row: float, low: int, high: int) -> None:
        """Keep these places of a row for `ear`."""
        self.units.append((row, ear))
        if row not in self.rows:
            bisect.insort(self.rows, row)
        way = _Way(row, low, high, ear)
        for place in range(low, high + 1):
            self.ways[place].append(way)

    def nearest(self, ear: Ear) -> float | None:
        """Return the best row in which `ear` meets nothing."""
        rows = self.rows
        new = [rows[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(rows)), rows[-1] + 1]
        ends = [item.row for item in (ear.start, ear.end) if item is not None] or [0.0]
        places = [2 * rows.index(end) for end in ends]
        near = not ear.items and not ear.links[0].more and ear.links[0].head.col == ear.links[0].tail.col + 1
        near = near or any(link.tail is ear.end for link in self.upright)
        ordered = ear.last is not None and ear.last.place > 0
        ending = ear.start is not None and ear.end is None and ear.items[-1].kind != "out"
        up = bool(ear.items) and ear.start is None and ear.items[0].kind != "in" and not ear.items[0].first
        if up and ear.end is not None:  # on the side where less is
            turns = [t.to - ear.end.row for p in (-1, 0) for t in self.turns[2 * ear.end.col + p] if t.item is ear.end]
            up = sum(t < 0 for t in turns) <= sum(t > 0 for t in turns)

        apart = up and any(item.kind == "block" for item in ear.items)
        side, pushing = (OTHER_SIDE, PUSHING) if apart else (WRONG_SIDE, 0.0)

        def cost(place: int, row: float) -> float:  # rows have even places, and new ones stand between
            between = sum(max(0, (abs(place - end) - 1) // 2) for end in places)
            wrong = not ending and not ordered and any((row > end) if up else (row < end) for end in ends)
            if near and row in ends:
                return -1.0
            return between + (place % 2) * (NEW_ROW + pushing * (0 < place < 2 * len(rows) - 2)) + side * wrong

        options = [*enumerate(rows), *((i - 0.5, row) for i, row in enumerate(new))]
        pair = ordered and ear.last is not None and ear.last.paired
        before, after = self.operands_beside(ear)

        def key(i: float, row: float) -> tuple[float, float, float, float]:
            misplaced = len(before) - bisect.bisect_right(before, row) + bisect.bisect_left(after, row)
            return (0 if pair else misplaced), cost(round(2 * i), row) + PAIR * pair * misplaced, abs(row), row

        order = sorted(key(i, row) for i, row in options)
        return next((row for *_, row in order if self.is_free(ear, row)), None)

    def operands_beside(self, ear: Ear) -> tuple[list[float], list[float]]:
        """Return the rows, in order, of operands of what `ear` ends at: of those before it, and of those after."""
        last = ear.last
        if last is None or not last.place:
            return [], []
        others = [link for link in self.links if link.head is last.head and link.place]
        known = sorted((link.row, link.place) for link in others if link.row is not None)
        return [row for row, n in known if n < last.place], [row for row, n in known if n > last.place]

    def is_free(self, ear: Ear, row: float) -> bool:
        """Return whether `ear` meets nothing in `row`, nor on its ways there."""
        low, high = ear.reach
        if not ear.items and self.is_between_twins(ear, row):
            return False
        for place in range(low, high + 1):
            if any(way.row == row and not self.beside(ear, way.ear, row) for way in self.ways[place]):
                return False
            shared = {ear.start} if place == low else set()
            shared |= {ear.end} if place == high else set()
            if any(t.low < row < t.high and t.item not in shared for t in self.turns[place]):
                return False
        ends = ((ear.start, ear.first, low), (ear.end, ear.last, high))
        return all(item is None or link is None or self.may_turn(item, link, place, row, start=item is ear.start)
                   for item, link, place in ends)  # fmt: skip

    def is_between_twins(self, ear: Ear, row: float) -> bool:
        """Return whether an arrow in `row` would go around another one, between the same neighbours, on both sides.

        One of them goes there straight from row to row, and would cross the other one, whose row lies between.
        """
        start, end = ear.start, ear.end
        if start is None or end is None or end.col != start.col + 1 or start.row == end.row:
            return False
        low, high = sorted((start.row, end.row))
        rows = [link.row for link in self.links_of(start) if link.head is end and link.row is not None]
        direct, between = (row in (low, high), *map((low, high).__contains__, rows)), (low < row < high)
        return (between and any(direct[1:])) or (direct[0] and any(low < other < high for other in rows))

    def beside(self, ear: Ear, other: Ear, row: float) -> bool:
        """Return whether an arrow between neighbours can leave or reach `row` where the arrow of another way does.

        Both have an end in common; where they have both, they run beside each other.
        """
        if ear.items or ear.start is None or ear.end is None or ear.end.col != ear.start.col + 1:
            return False
        start, end, (mine,) = ear.start, ear.end, ear.links
        near = [link for link in other.links if link.tail is start or link.head is end]
        if start.row == row == end.row:
            if mine.more and not self.across:  # texts stand between the two
                return False
            return bool(near) and all(
                link.tail is start
                and link.head is end
                and (mine.leaves - link.leaves) * (mine.enters - link.enters) >= 0
                for link in near
            )
        low, high = sorted((start.row, end.row))
        foreign = [t for t in self.turns[2 * start.col + 1] if start is not t.ends[0] and end is not t.ends[1]]
        crowded = mine.more or (not self.across and any(link.more for link in near))  # texts need the room at its side
        if mine.leaves or mine.enters or crowded or any(t.low < high and low < t.high for t in foreign):
            return False
        before = {link.row for link in self.links_of(start) if link.head is end and link.row is not None}
        if before:  # arrows between the same two turn at the same end
            return before == {row}
        shared = {start.row: start, end.row: end}.get(row)
        return any((link.tail if shared is start else link.head) is shared and not link.drop for link in near)

    def may_turn(self, item: Item, link: Link, place: int, row: float, *, start: bool) -> bool:
        """Return whether `link` can turn from the row of `item` into `row` in this place."""
        offset = link.leaves if start else link.enters
        if item.kind in ("in", "out") and row != item.row:
            return False
        if offset and (row - item.row) * offset < 0:
            return False
        for turn in self.turns[place]:
            if turn.item is item and (offset != turn.offset) and (offset - turn.offset) * (row - turn.to) < 0:
                return False
        low, high = sorted((row, item.row))
        return all(not low < way.row < high or _ends(way, item, place) for way in self.ways[place])

    def take(self, ear: Ear, row: float) -> None:
        """Place `ear` in `row`."""
        for item in ear.items:
            item.row, item.placed = row, True
            if item.kind == "tap" and ear.end is not None:
                item.col = ear.end.col - 1
        for link in ear.links:
            link.row = row
        low, high = ear.reach
        self.hold(ear, row, low, high)
        for link in ear.links:
            for item, place, offset in (
                (link.tail, 2 * link.tail.col + 1, link.leaves),
                (link.head, 2 * link.head.col - 1, link.enters),
            ):
                self.turns[place].append(
                    _Turn(min(row, item.row), max(row, item.row), item, offset, row, (link.tail, link.head))
                )


def _ends(way: _Way, item: Item, place: int) -> bool:
    """Return whether `way` starts or ends at `item` in this place."""
    return (way.low == place and way.ear.start is item) or (way.high == place and way.ear.end is item)
