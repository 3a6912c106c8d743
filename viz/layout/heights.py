"""How far from the main way of a level everything stands, of which the order of the rows is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .columns import TRACK, Measure, bows
from .ears import Level
from .items import Ear, Item, Link

_ROW = 9.0  # free between rows


class Heights:
    """How far below the main row everything stands: as near to it as what lies between lets it."""

    def __init__(self, level: Level, measure: Measure) -> None:
        self.measure = measure
        self.of: dict[Item | Link, float] = {}
        filled: dict[tuple[int, int], float] = {}  # how far out everything reaches, by side and place
        apart = _apart(level)
        self.bows = bows(level, measure)
        nearer, at = filled.copy(), 0.0  # the same without the row at hand
        for row, ear in sorted(level.units, key=lambda unit: (abs(unit[0]), unit[0])):
            side = -1 if row < 0 else 1
            if row != at:
                nearer, at = filled.copy(), row
            beside = nearer if any(item.kind == "block" for item in ear.items) else filled  # frames stand side by side
            takes = self.profile(ear, side, apart)
            ports = _ports(ear, side)
            height = max(
                inner
                + _ROW
                + max(
                    known.get((side, p), 0.0)
                    for p, known in ((place, filled), (place - 1, beside), (place + 1, beside))
                    if p not in ports
                )
                for place, (inner, _) in takes.items()
            )
            height = max([height, *ports.values()]) if row else 0.0
            self.of |= dict.fromkeys(ear.items, side * height) | dict.fromkeys(ear.links, side * height)
            for place, (inner, outer) in takes.items():
                filled[side, place] = height + outer
                if not row:
                    filled[-1, place] = inner
        self.hung = level.hung()
        for item in list(self.hung):
            self.hang(item)
        self.beside({link.tail for link in level.upright if link.drop}, level.links)

    def beside(self, hanging: Collection[Item], links: Iterable[Link]) -> None:
        """Put a leaf or a tap at the side of what hangs level with it."""
        for link in links:
            single = (link.tail.leaf or link.tail.kind == "tap") and not link.drop
            if single and link.head in hanging and link.tail.row == link.head.row:
                self.of[link.tail] = self.of[link] = self.of[link.head]

    def hang(self, item: Item) -> None:
        """Put what hangs at its reader right above or below it."""
        link = self.hung.pop(item, None)
        if link is not None:
            self.hang(link.head)
            side = -1 if item.row < link.head.row else 1
            out = link.head.tall + self.measure.drop(link) + (item.down if side < 0 else item.up)
            self.of[item] = self.of[link] = self.of[link.head] + side * out

    def profile(self, ear: Ear, side: int, apart: Mapping[Item, float]) -> dict[int, tuple[float, float]]:
        """Return what a way takes at each of its places towards the main row, and away from it."""
        low, high = (2 * ear.items[0].col,) * 2 if ear.links and ear.links[0].drop else ear.reach
        track = max((self.measure.track(link.edge) for link in ear.links), default=TRACK)
        found = dict.fromkeys(range(low, high + 1), (track, track))
        for link in self.bows.keys() & ear.links:
            found[2 * link.tail.col + 1] = (track + self.bows[link],) * 2
        for item in ear.items:
            up, down = max(item.up, TRACK), max(item.down, TRACK)
            if ear.links and ear.links[0].drop:
                link = ear.links[0]
                reach = self.measure.drop(link) - _ROW
                below = item.row < link.head.row  # its reader is
                up, down = item.up + reach * (not below), item.down + reach * below
            elif item.kind == "tap":
                up, down = item.up, item.down
            inwards, outwards = (up, down) if side > 0 else (down, up)
            found[low if item.kind == "tap" else 2 * item.col] = inwards + apart.get(item, 0.0), outwards
        return found


def _apart(level: Level) -> dict[Item, float]:
    """Return what the texts of slanted arrows need between their ends, by the farther one."""
    apart: dict[Item, float] = {}
    for link in level.links:
        if link.more and not link.drop and abs(link.tail.row) != abs(link.head.row):
            far = max(link.tail, link.head, key=lambda item: abs(item.row))
            apart[far] = max(link.more / 2, apart.get(far, 0.0))
    return apart


def _ports(ear: Ear, side: int) -> dict[int, float]:
    """Return how far out a way meets the frames that it joins, by their places: it need not go around these."""
    ends = [(ear.start, ear.first.leaves if ear.first else 0.0), (ear.end, ear.last.enters if ear.last else 0.0)]
    return {2 * item.col: side * offset for item, offset in ends if item is not None and side * offset > 0 == item.row}
