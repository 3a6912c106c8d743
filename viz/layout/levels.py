"""A picture as nested levels: the whole, and one for every open frame, which is one item of the level around it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from tensorgrad.viz.picture.model import Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .dot import LABEL_SIZE, look
from .ears import Item, Level, Link
from .routes import Measure, Part, part_of

FEW_LEAVES = 6  # so many leaves can stand below each other at the left of a picture without frames
MANY, NEAR, FAR = 4, 3, 12  # uses of one value; columns that an arrow of such a value, and any arrow, may span
_MARK = "dv88₈"  # about as wide as what stands at a tap of a value without a name
_NOTE = 17.0  # a text above or below a circle


@dataclass
class Plan:
    """What is joined how: the operands that carry the computation, the arrows that are taps, what stands first."""

    picture: Picture
    labels: Sequence[tuple[str, str]]
    measure: Measure
    main: Mapping[str, int]
    spine: Collection[int]
    first: Collection[str]
    taps: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, picture: Picture, labels: Sequence[tuple[str, str]], measure: Measure) -> Plan:
        """Return the plan of `picture`, with no taps yet."""
        incoming: dict[str, list[int]] = defaultdict(list)
        for k, edge in enumerate(picture.edges):
            incoming[edge.head].append(k)
        known = _ways(picture, incoming)
        main = {head: _main(edges, picture, known) for head, edges in incoming.items()}
        ends = [v.id for v in picture.vertices if v.kind in {"output", "failed"}]
        spine, at = set[int](), ends[0] if ends else ""
        while at in main and main[at] not in spine:
            spine.add(main[at])
            at = picture.edges[main[at]].tail
        flat = not measure.narrow and all(not v.around and v.kind != "box" for v in picture.vertices)
        leaves = [v.id for v in picture.vertices if v.leaf]
        return cls(picture, labels, measure, main, spine, leaves if flat and len(leaves) <= FEW_LEAVES else [])

    def laid(self) -> Part:
        """Return the whole with its places; what finds none without crossing something becomes a tap."""
        if not self.taps:
            self.taps |= _Builder(self).distant()
        while True:
            builder = _Builder(self)
            part = builder.part(())
            if not builder.left_out - self.taps:
                return part
            self.taps |= builder.left_out


def _main(edges: list[int], picture: Picture, known: Mapping[str, _Way]) -> int:
    """Return the operand that carries the computation.

    That is one from a layer of this frame's own: a layer's, not what goes around it; otherwise the first, if the others
    are made of it, as x in ``x - mean(x)``; otherwise the one with the longest way behind it, as h in ``W @ h``.
    """
    vertices = picture.vertex
    around = vertices[picture.edges[edges[0]].head].around
    tails = {k: vertices[picture.edges[k].tail] for k in edges}
    inner = [
        k for k, v in tails.items() if len(v.around) > len(around) and v.around[: len(around)] == around and not v.leaf
    ]
    if inner:
        return max(inner, key=lambda k: (known[tails[k].id].length, -k))
    computed = [k for k, v in tails.items() if not v.leaf]
    first = known[tails[edges[0]].id]
    if len(edges) == 2 and computed and edges[1] in computed and known[tails[edges[1]].id].behind & first.bit:
        return edges[0]
    if computed:
        return max(computed, key=lambda k: (known[tails[k].id].length, -k))
    kinds = ["input", "parameter", "buffer", "constant"]
    return min(edges, key=lambda k: kinds.index(tails[k].kind))


@dataclass(frozen=True)
class _Way:
    """The longest way to a vertex, and as bits itself and all that it is made of."""

    length: int
    bit: int
    behind: int


def _ways(picture: Picture, incoming: Mapping[str, list[int]]) -> dict[str, _Way]:
    found: dict[str, _Way] = {}
    for i, vertex in enumerate(picture.vertices):
        before = [found[picture.edges[k].tail] for k in incoming.get(vertex.id, ())]
        behind = 1 << i
        for way in before:
            behind |= way.behind
        found[vertex.id] = _Way(max((way.length for way in before), default=-1) + 1, 1 << i, behind)
    return found


Chain = tuple[ModuleCall, ...]


class _Builder:
    """The levels of a picture, made from the innermost outwards."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.left_out: set[int] = set()
        self.inside: dict[Chain, list[Vertex | Chain]] = defaultdict(list)
        for vertex in plan.picture.vertices:
            for depth in range(len(vertex.around), 0, -1):
                frame = vertex.around[:depth]
                if frame not in self.inside[frame[:-1]]:
                    self.inside[frame[:-1]].append(frame)
                else:
                    held = self.inside[frame[:-1]]  # a frame stands where the last of it does, after all that it reads
                    if vertex.kind != "output":
                        held.remove(frame)
                        held.append(frame)
            self.inside[vertex.around].append(vertex)
        self.edges = self._edges()
        self.returned = {edge.tail for edge in plan.picture.edges if edge.head.startswith("out")}

    def _edges(self) -> dict[Chain, list[int]]:
        """Return the numbers of the arrows at each level: between two of its items, into it or out of it."""
        found: dict[Chain, list[int]] = defaultdict(list)
        for k, edge in enumerate(self.plan.picture.edges):
            ends = [self.plan.picture.vertex[id].around for id in (edge.tail, edge.head)]
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*ends, strict=False)))
            for frame in dict.fromkeys(around[:n] for around in ends for n in range(shared, len(around) + 1)):
                found[frame].append(k)
        return found

    def distant(self) -> set[int]:
        """Return the arrows that would run across the picture: from what is used in many places, or far away."""
        edges, found = self.plan.picture.edges, set()
        uses = Counter(edge.tail for edge in edges)
        met: set[str] = set()
        for k, edge in enumerate(edges):
            tail, head = self.plan.picture.vertex[edge.tail], self.plan.picture.vertex[edge.head]
            home = head.around[: len(tail.around)] == tail.around
            if tail.leaf and (not home or (edge.tail in met and uses[edge.tail] >= MANY)):
                self.plan.taps |= {k} - {*self.plan.spine}
            met.add(edge.tail)
        spans: dict[int, int] = {}
        for frame in [(), *self.inside]:
            level, _ = self.level(frame, {})
            level.columns({item for link in level.main for item in (link.tail, link.head)})
            for link in level.links:
                spans[link.edge] = max(spans.get(link.edge, 0), link.head.col - link.tail.col)
        met.clear()
        for k, edge in enumerate(edges):
            leaf, again = self.plan.picture.vertex[edge.tail].leaf, edge.tail in met
            met.add(edge.tail)
            if k in self.plan.spine or k in self.plan.taps or (leaf and not again):
                continue
            often = again and uses[edge.tail] >= MANY and spans[k] > NEAR
            if often or (spans[k] > (2 * NEAR if leaf else FAR) and edge.tail not in self.plan.first):
                found.add(k)
        return found

    def part(self, frame: Chain) -> Part:
        """Return what is in `frame` with its places."""
        parts = {held: self.part(held) for held in self.inside[frame] if isinstance(held, tuple)}
        level, blocks = self.level(frame, parts)
        level.place()
        self.left_out |= {link.edge for link in level.left_out}
        return part_of(level, blocks, frame[-1] if frame else None, self.plan.measure)

    def level(self, frame: Chain, parts: Mapping[Chain, Part]) -> tuple[Level, dict[Item, Part]]:
        """Return the items and links of one frame; those of `parts` have their sizes."""
        items: dict[str, Item] = {}
        blocks: dict[Item, Part] = {}
        for held in self.inside[frame]:
            if isinstance(held, tuple):
                part = parts.get(held)
                sizes = (part.up, part.down, part.wide / 2, part.wide / 2) if part else (0.0, 0.0, 0.0, 0.0)
                items[held[-1].id] = Item(held[-1].id, "block", *sizes)
                if part:
                    blocks[items[held[-1].id]] = part
            else:
                items[held.id] = self.item(held)
        before: list[Item] = []
        after: list[Item] = []
        links = []
        for k in self.edges[frame]:
            edge = self.plan.picture.edges[k]
            tail, head = self.end(edge.tail, frame, items), self.end(edge.head, frame, items)
            if tail is head:
                continue
            if k in self.plan.taps:
                if head is None or head.kind != "vertex":
                    continue
                tail = self.tap(k)
                before.append(tail)
            elif tail is None:
                tail = Item(f"in:{k}", "in", 0.0, 0.0, 0.0, 0.0)
                before.append(tail)
            elif head is None:
                head = Item(f"out:{k}", "out", 0.0, 0.0, 0.0, 0.0)
                after.append(head)
            assert tail is not None
            assert head is not None
            leaves, enters = (blocks[item].ports.get(k, 0.0) if item in blocks else 0.0 for item in (tail, head))
            main = k == (blocks[head].entry if head in blocks else self.plan.main.get(edge.head))
            links.append(Link(k, tail, head, leaves, enters, main, self.plan.measure.more.get(k, 0.0)))
        level = Level([*before, *items.values(), *after], links, [])
        level.main = self.main(level, blocks)
        return level, blocks

    def item(self, vertex: Vertex) -> Item:
        """Return the item of a vertex, with room for the texts beside it."""
        shape = look(vertex)
        half = shape.half
        along, across = half if self.plan.measure.across else half[::-1]
        noted = vertex.leaf or vertex.id in self.returned
        up = across + (_NOTE if noted and vertex.shape is not None and self.plan.measure.across else 4.0)
        up += _NOTE if vertex.mark else 0.0
        first = vertex.id in self.plan.first
        return Item(vertex.id, "vertex", up, across + 4.0, along, along, across, shape.round, vertex.leaf, first)

    def tap(self, k: int) -> Item:
        """Return the item of a tap: its name, and that of the gradient below."""
        edge = self.plan.picture.edges[k]
        texts = (edge.forward, edge.backward or "") if edge.named else (_MARK,)
        wide = max(width(text, LABEL_SIZE) for text in texts) + 6
        high = LABEL_SIZE * (1.25 if edge.backward is not None else 0.7)
        along, across = (wide / 2, high) if self.plan.measure.across else (high, wide / 2)
        return Item(f"tap:{k}", "tap", across, across, along, along, across)

    def end(self, id: str, frame: Chain, items: Mapping[str, Item]) -> Item | None:
        """Return the item of this level that a vertex is, or is in; None if it is outside."""
        around = self.plan.picture.vertex[id].around
        if around[: len(frame)] != frame:
            return None
        return items[around[len(frame)].id if len(around) > len(frame) else id]

    def main(self, level: Level, blocks: Mapping[Item, Part]) -> list[Link]:
        """Return the links of the main way through a level, from its first item to its last."""
        into: dict[Item, dict[int, Link]] = defaultdict(dict)
        for part in level.links:
            into[part.head][part.edge] = part
        ends = [item for item in level.items if item.kind == "out" or item.key.startswith("out")]
        spine = [item for item in ends if any(k in self.plan.spine for k in into[item])]
        at = spine[0] if spine else ends[-1] if ends and ends[0].kind == "out" else (ends or level.items[-1:])[0]
        found: list[Link] = []
        link: Link | None
        while into[at]:
            inner = blocks[at].entry if at in blocks else self.plan.main.get(at.key)
            link = into[at].get(inner) if inner is not None else None
            if link is None and at.kind != "vertex":
                link = next(iter(into[at].values()))
            if link is None or link.tail.kind == "tap":
                break
            found.insert(0, link)
            at = link.tail
        return found
