"""How far from the main way of a level everything stands, of which the order of the rows is known."""

from __future__ import annotations

from .ears import Ear, Item, Level, Link

_ROW, _DROP, _STUB = 9.0, 36.0, 24.0  # free between rows, above a reader of a leaf, and of a tap
TRACK = 19.0  # half of what an arrow takes with its texts


class Heights:
    """How far below the main row everything stands: as near to it as what lies between lets it."""

    def __init__(self, level: Level) -> None:
        self.of: dict[Item | Link, float] = {}
        filled: dict[tuple[int, int], float] = {}  # how far out everything reaches, by side and place
        for row, ear in sorted(level.units, key=lambda unit: abs(unit[0])):
            side = -1 if row < 0 else 1
            low, high = _spread(ear)
            inner, outer = _extents(ear, side)
            height = max((filled.get((side, p), 0.0) for p in range(low - 1, high + 2)), default=0.0) + _ROW + inner
            height = height if row else 0.0
            self.of |= dict.fromkeys(ear.items, side * height) | dict.fromkeys(ear.links, side * height)
            for place in range(low, high + 1):
                filled[side, place] = height + outer
                if not row:
                    filled[-1, place] = inner
        self.hung = level.hung()
        for item in list(self.hung):
            self.hang(item)

    def hang(self, item: Item) -> None:
        """Put what hangs at its reader right above or below it."""
        link = self.hung.pop(item, None)
        if link is not None:
            self.hang(link.head)
            side = -1 if item.row < link.head.row else 1
            self.of[item] = self.of[link] = self.of[link.head] + side * _reach(link, side)


def _reach(link: Link, side: int) -> float:
    """Return how far from its reader what hangs there stands."""
    item = link.tail
    return (
        link.head.tall + link.more + (_DROP if item.kind == "vertex" else _STUB) + (item.down if side < 0 else item.up)
    )


def _spread(ear: Ear) -> tuple[int, int]:
    return (2 * ear.items[0].col,) * 2 if ear.links and ear.links[0].drop else ear.reach


def _extents(ear: Ear, side: int) -> tuple[float, float]:
    """Return what a way takes towards the main row, and away from it."""
    up, down = (max([*sizes, TRACK]) for sizes in ([i.up for i in ear.items], [i.down for i in ear.items]))
    if ear.links and ear.links[0].drop:
        item, link = ear.items[0], ear.links[0]
        reach = link.more + (_DROP if item.kind == "vertex" else _STUB) - _ROW
        below = item.row < link.head.row  # its reader is
        up, down = item.up + reach * (not below), item.down + reach * below
    return (up, down) if side > 0 else (down, up)
