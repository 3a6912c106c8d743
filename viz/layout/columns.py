"""How far apart the columns of a level stand: what texts between them need, and arrows that turn there."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tensorgrad.viz.picture.text import width

from .dot import ABREAST, FRAME_SIZE, LABEL_SIZE
from .ears import Level
from .items import Item, Link

MARGIN = 16.0  # of a frame
STUB = 24.0  # free above a reader of a tap
TRACK, _BESIDE = 19.0, 9.0  # half of what an arrow takes with its texts, and what it takes beside them
_GAP, _TURN = 34.0, 58.0  # free between columns, and where arrows turn
_DROP = 36.0  # free above a reader of a leaf
_HEAD = 46.0  # free at the top of a frame, from top to bottom
LANE = 15.0  # between arrows that turn beside each other
APART, FAR = math.radians(23), math.radians(40)  # between two arrows at a circle, and where texts need room
_FAN, _MANY = 14.0, 4  # for each arrow that turns beside others to the same reader; so many have a fan


@dataclass(frozen=True)
class Measure:
    """How much room the texts of every arrow need, and whether the picture runs from left to right (`across`).

    `more` is what some need besides; `dims` are letters for lengths in shapes.
    """

    labels: Sequence[tuple[str, str]]
    across: bool
    narrow: bool
    more: Mapping[int, float] = field(default_factory=dict)
    dims: Mapping[int, str] = field(default_factory=dict)

    def track(self, k: int) -> float:
        """Return half of what an arrow takes with its texts, which stand at its sides from top to bottom."""
        if self.across:
            return TRACK
        return max(TRACK, *(width(text, LABEL_SIZE) + _BESIDE for text in self.labels[k]))

    def room(self, k: int) -> float:
        """Return how long an arrow must be for its texts."""
        if not self.across:
            return 2 * LABEL_SIZE + self.more.get(k, 0.0)
        return self.long(k) + self.more.get(k, 0.0)

    def drop(self, link: Link) -> float:
        """Return how long the arrow is from what hangs at its reader; it is level from top to bottom."""
        if link.tail.kind != "vertex":
            return STUB + link.more
        return (_DROP if self.across else max(_DROP, self.long(link.edge))) + link.more

    def long(self, k: int) -> float:
        """Return how long a level arrow must be for its texts."""
        return max(width(text, LABEL_SIZE) for text in self.labels[k]) + (14 if self.narrow else 22)


def bows(level: Level, measure: Measure) -> dict[Link, float]:
    """Return how far from their row arrows run that share it with others between the same two."""
    links = [link for link in level.links if not link.drop and link.tail.row == link.row == link.head.row]
    twins = Counter((link.tail, link.head) for link in links if link.tail.kind == link.head.kind == "vertex")
    found = {}
    for link in links:
        beside = (twins[link.tail, link.head] - 1) / 2
        if beside > 0:
            angle = min(beside * (FAR if link.more else APART), math.pi / 2)
            bow = (link.tail.right + measure.room(link.edge) / 4) * math.sin(angle)
            found[link] = bow if link.tail.round and link.head.round else ABREAST * beside
    return found


def columns(level: Level, measure: Measure, *, framed: bool, title: str) -> tuple[dict[int, float], dict[int, float]]:
    """Return where every column begins and ends."""
    cols = range(min((i.col for i in level.items), default=0), max((i.col for i in level.items), default=0) + 1)
    wide: dict[int, float] = dict.fromkeys(cols, 0.0)
    hung = level.hung()
    for item in level.items:
        if item.kind != "tap":
            wide[item.col] = max(wide[item.col], item.left + item.right, item.noted)
        elif item in hung:
            wide[item.col] = max(wide[item.col], item.noted)
    for link in hung.values():
        if link.more and measure.across:  # its texts, at both sides, where nothing turns
            wide[link.head.col] = max(wide[link.head.col], 2 * measure.long(link.edge))
    gaps: dict[int, float] = {c: (MARGIN if wide[c] == 0 or wide.get(c + 1, 0) == 0 else _GAP) for c in cols}
    for c, need in _needs(level, measure):
        gaps[c] = max(gaps.get(c, 0.0), need)
    x, left, right = MARGIN if framed and wide[cols[0]] else 0.0, {}, {}
    if framed and not measure.across:  # under the title, and under the shapes of what stands first
        gaps[cols[0]] = max(gaps[cols[0]], _HEAD) if x == 0 else gaps[cols[0]]
        x = max(x, _HEAD) if x else x
    if framed:  # the title stands within its frame
        total = sum(wide.values()) + sum(gaps[c] for c in list(cols)[:-1])
        lack = width(f"{title} [+]", FRAME_SIZE) + MARGIN - total
        if lack > 0 and len(cols) > 1:
            for c in list(cols)[:-1]:
                gaps[c] += lack / (len(cols) - 1)
        elif lack > 0:
            wide[cols[0]] += lack
    for c in cols:
        left[c], right[c] = x, x + wide[c]
        x += wide[c] + gaps[c]
    return left, right


def _needs(level: Level, measure: Measure) -> Iterator[tuple[int, float]]:
    """Yield for arrows how wide the gap after a column must be."""
    turning, fans = _turning(level), stubs(level)
    for link in level.links:
        more = measure.more.get(link.edge, 0.0)
        if more:
            places = [link.tail.col, link.head.col - 1, *([link.tail.col - 1] if link.drop else [])]
            yield from ((c, _GAP + more) for c in places)
        if link.row is None or link.drop:
            continue
        if link.head in fans and link.row != link.head.row:
            beside = link.tail.kind != "tap" and link.tail.col == link.head.col - 1
            yield link.head.col - 1, more + fans[link.head] + MARGIN + beside * measure.room(link.edge)
        if link.tail.kind == "tap":
            more += 2 * link.tail.right + fans[link.head]
            yield link.tail.col, more
        elif link.head.col == link.tail.col + 1:
            yield link.tail.col, _between(link, measure)
        for turn in _turns(link):
            lanes, around = turning[turn], link.head.col == link.tail.col + 1 and link.row != link.head.row
            need = _TURN if lanes < 2 else 2 * MARGIN + LANE * (lanes + 1)
            if around and link.row != link.tail.row:  # it turns twice in one gap
                need += _TURN * (lanes > 1)
            yield turn[0], need + (measure.room(link.edge) if more and link.tail.kind != "tap" else more)


def _turning(level: Level) -> Counter[_Turn]:
    """Return how many arrows turn together: in one gap, to or from one item, up or down."""
    return Counter(turn for link in level.links if not link.drop and link.row is not None for turn in _turns(link))


_Turn = tuple[int, Item, bool, bool]


def _turns(link: Link) -> Iterator[_Turn]:
    """Yield the gaps in which an arrow turns between the row of an item and its own: at its start, downwards."""
    assert link.row is not None
    for c, item, start in ((link.tail.col, link.tail, True), (link.head.col - 1, link.head, False)):
        if item.row != link.row:
            yield c, item, start, link.row > item.row


def _between(link: Link, measure: Measure) -> float:
    """Return how far apart the neighbours stand that an arrow joins."""
    straight = link.tail.row == link.row == link.head.row
    need = measure.room(link.edge) if straight else max(_TURN, 0.6 * measure.room(link.edge))
    return min(need, _GAP) if straight and (link.tail.kind == "in" or link.head.kind == "out") else need


def stubs(level: Level) -> defaultdict[Item, float]:
    """Return how wide the space is before each reader of taps, or of much, in which the arrows to it turn."""
    found: defaultdict[Item, float] = defaultdict(lambda: STUB)
    bent = [link for link in level.links if not link.drop and link.row not in (None, link.head.row)]
    many = {item for item, n in Counter(link.head for link in bent).items() if n >= _MANY and item.kind == "vertex"}
    tapped = {link.head for link in bent if link.tail.kind == "tap"}
    for link in bent:
        if link.head in tapped or link.head in many:
            found[link.head] += _FAN
    for link in level.links:
        if link.drop and link.more and link.head in found:  # its texts stand beside what hangs at the reader
            found[link.head] += 2 * link.more
    return found
