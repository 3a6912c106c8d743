"""What stands on the grid of a level: items, the arrows between them, and ways through items."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Item:
    """A vertex ("vertex"), a frame ("block"), the end of an arrow at the frame's own side ("in", "out"), or a tap.

    `up` and `down` are its extents from its row, `left` and `right` from the middle of its column, which is as wide as
    `noted` at least, for the texts above and below it.
    """

    key: str
    kind: str
    up: float
    down: float
    left: float
    right: float
    tall: float = 0.0  # from the middle to the outline
    noted: float = 0.0
    round: bool = False
    leaf: bool = False
    first: bool = False  # stands in the first column
    col: int = 0
    row: float = 0.0
    placed: bool = False


@dataclass(eq=False)
class Link:
    """A part of the arrow `edge` on this level. `leaves` and `enters` say how far below its row a frame is met.

    `main` carries the computation of its head; `more` is the room that its texts need besides; `place` tells which of
    several operands it is, from 1 on, where their order matters; `paired`: of two.
    """

    edge: int
    tail: Item
    head: Item
    leaves: float = 0.0
    enters: float = 0.0
    main: bool = False
    more: float = 0.0
    place: int = 0
    paired: bool = False
    row: float | None = None
    drop: bool = False


@dataclass(eq=False)
class Ear:
    """A way from `start` through `items` to `end`, along `links`; None where nothing is joined."""

    items: list[Item]
    links: list[Link]
    start: Item | None
    end: Item | None

    @property
    def first(self) -> Link | None:
        """The link that leaves `start`."""
        return self.links[0] if self.start is not None else None

    @property
    def last(self) -> Link | None:
        """The link that reaches `end`."""
        return self.links[-1] if self.end is not None else None

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last place that it takes in its row: twice the column, and one more for the gap after.

        A tap stands in the gap before its reader.
        """
        if self.end is not None and self.items and self.items[0].kind == "tap":
            return (2 * self.end.col - 1,) * 2
        low = 2 * self.start.col + 1 if self.start is not None else 2 * self.items[0].col
        if self.end is not None:
            return low, 2 * self.end.col - 1
        last = self.items[-1]
        named = last.kind == "vertex" and last.key.startswith("out")  # the name of a result stands behind it
        return low, 2 * last.col + 2 * named
