"""A picture as nested levels: the whole, and one for every open frame, which is one item of the level around it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from tensorgrad.viz.picture.edgetexts import at_tap
from tensorgrad.viz.picture.finishing import finished
from tensorgrad.viz.picture.model import EdgeRecord, Picture, Vertex
from tensorgrad.viz.picture.nesting import ModuleCall
from tensorgrad.viz.picture.text import width

from .columns import MARGIN, Measure
from .dot import LABEL_SIZE, NOTE_SIZE, look
from .ears import Level
from .items import Item, Link
from .labels import half_of
from .notes import MANY, beside, told_apart
from .routes import Part, part_of

FEW_LEAVES = 6  # so many leaves can stand below each other at the left of a picture without frames
SMALL = 16  # so few vertices are joined by arrows where these cross nothing
NEAR, FAR = 3, 12  # columns that an arrow of such a value, and any arrow, may span
FAN = 7  # uses of one value that arrows may join, however near they are
_MARK = "v88"  # about as wide as what stands at a tap of a value without a name
_NOTE, _CLEAR = 17.0, 4.0  # a text above or below a circle; free between it and the border of a frame


@dataclass
class Plan:
    """What is joined how: the operands that carry the computation, the arrows that are taps, what stands first.

    Operands of what is `ordered` stand below each other in their order, those of what is `paired` (of two) where that
    costs little. `sums` tells that there are frames whose values
    are added up, and `stacked` that they stand below each other.
    """

    picture: Picture
    labels: Sequence[tuple[str, str]]
    measure: Measure
    main: Mapping[str, int]
    spine: Collection[int]
    first: Collection[str]
    ordered: Collection[str] = ()
    paired: Collection[str] = ()
    small: bool = False
    stacked: bool = False
    sums: bool = False
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
        spine, at = set[int](), max(ends, key=lambda end: known[end].length, default="")
        while at in main and main[at] not in spine and not _leaves_frame(picture.edges[main[at]], picture):
            spine.add(main[at])
            at = picture.edges[main[at]].tail
        flat = not measure.narrow and all(not v.around and v.kind != "box" for v in picture.vertices)
        leaves = {v.id for v in picture.vertices if v.leaf and v.kind != "constant"}
        first = leaves if flat and len(leaves) <= FEW_LEAVES else set[str]()
        uses = Counter(edge.tail for edge in picture.edges)
        first -= {e.tail for e in picture.edges if uses[e.tail] == 1 and known[e.head].length > FAR}
        paired = {head for head, edges in incoming.items() if _is_pair(edges, picture)}
        ordered = {head for head, edges in incoming.items() if _ordered(edges, picture, known)} | paired
        return cls(
            picture, labels, measure, main, spine, first, ordered, paired, flat and len(picture.vertices) <= SMALL
        )

    def laid(self) -> Part:
        """Return the whole with its places; what finds none without crossing something becomes a tap.

        A value that taps alone lead away from needs no room for arrows: `picture` is then another.
        """
        if not self.taps:
            _Builder(self).distant()
        while True:
            if self.taps:
                self.picture = finished(self.picture, self.taps)
            builder = _Builder(self)
            part = builder.part(())
            if not builder.left_out - self.taps:
                return part
            self.taps |= builder.left_out


def _main(edges: list[int], picture: Picture, known: Mapping[str, _Way]) -> int:
    """Return the operand that carries the computation.

    That is one from a layer of this frame's own: a layer's, not what goes around it, unless a longer way comes from
    elsewhere, as the sum so far in a sum of many layers; otherwise the first, if the others
    are made of it, as x in ``x - mean(x)``; otherwise one that an input leads to, and no weight of this frame's own, if
    there is a gradient along it, with the longest way behind it, as h in ``W @ h``; of many that have an order the one
    in the middle.
    """
    vertices = picture.vertex
    around = vertices[picture.edges[edges[0]].head].around
    tails = {k: vertices[picture.edges[k].tail] for k in edges}
    inner = [
        k
        for k, v in tails.items()
        if v.kind == "box" or (len(v.around) > len(around) and v.around[: len(around)] == around and not v.leaf)
    ]
    best = max(inner, key=lambda k: (known[tails[k].id].length, -k), default=None)
    if best is not None:
        layer = known[tails[best].id]
        beside = [known[v.id] for k, v in tails.items() if k not in inner and picture.edges[k].backward is not None]
        if not any(way.given and way.length > layer.length and not layer.behind & way.bit for way in beside):
            return best
    first = known[tails[edges[0]].id]
    flows = [picture.edges[k].backward is not None for k in edges]
    if len(edges) == 2 and flows[0] >= flows[1] and known[tails[edges[1]].id].behind & first.bit:
        return edges[0]
    kinds = ["input", "parameter", "buffer", "constant"]

    middle = edges[(len(edges) - 1) // 2] if _ordered(edges, picture, known) else edges[0]

    def worth(k: int) -> tuple[bool, bool, bool, bool, int, int, int]:
        tail, way = tails[k], known[tails[k].id]
        kind = -kinds.index(tail.kind) if tail.leaf else 0
        comes = not (around and tail.kind == "parameter" and tail.around == around)
        return way.given, comes, flows[edges.index(k)], not tail.leaf, way.length, kind, -abs(k - middle)

    return max(edges, key=worth)


def _leaves_frame(edge: EdgeRecord, picture: Picture) -> bool:
    """Return whether a weight, say, is read outside of the frame in which it stands: maybe before the frame does."""
    tail, head = picture.vertex[edge.tail], picture.vertex[edge.head]
    return tail.leaf and head.around[: len(tail.around)] != tail.around


def _ordered(edges: list[int], picture: Picture, known: Mapping[str, _Way]) -> bool:
    """Return whether these are many operands whose order matters, and none is farther from the inputs than others."""
    lengths = {known[picture.edges[k].tail].length for k in edges}
    return len(edges) > 2 and len(lengths) == 1 and picture.vertex[picture.edges[edges[0]].head].asymmetric


def _is_pair(edges: list[int], picture: Picture) -> bool:
    """Return whether these are the two operands of what would be another one if they were exchanged."""
    return len(edges) == 2 and picture.vertex[picture.edges[edges[0]].head].asymmetric


@dataclass(frozen=True)
class _Way:
    """The longest way to a vertex, whether an input leads to it, and as bits itself and all that it is made of."""

    length: int
    given: bool
    bit: int
    behind: int


def _ways(picture: Picture, incoming: Mapping[str, list[int]]) -> dict[str, _Way]:
    found: dict[str, _Way] = {}
    for i, vertex in enumerate(picture.vertices):
        before = [found[picture.edges[k].tail] for k in incoming.get(vertex.id, ())]
        behind = 1 << i
        for way in before:
            behind |= way.behind
        length = max((way.length for way in before), default=-1) + 1
        given = vertex.kind == "input" or any(way.given for way in before)
        found[vertex.id] = _Way(length, given, 1 << i, behind)
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
        self.told = beside(plan.picture, plan.taps, plan.measure.dims)
        self.apart = told_apart(plan.picture)

    def _edges(self) -> dict[Chain, list[int]]:
        """Return the numbers of the arrows at each level: between two of its items, into it or out of it."""
        found: dict[Chain, list[int]] = defaultdict(list)
        for k, edge in enumerate(self.plan.picture.edges):
            ends = [self.plan.picture.vertex[id].around for id in (edge.tail, edge.head)]
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*ends, strict=False)))
            for frame in dict.fromkeys(around[:n] for around in ends for n in range(shared, len(around) + 1)):
                found[frame].append(k)
        return found

    def distant(self) -> None:
        """Make taps of the arrows that would run across the picture: from what is used in many places, or far away."""
        plan, edges = self.plan, self.plan.picture.edges
        uses, met, again = Counter(edge.tail for edge in edges), set[str](), set[int]()
        for k, edge in enumerate(edges):
            if edge.tail in met:
                again.add(k)
            met.add(edge.tail)
            if _leaves_frame(edge, plan.picture):
                plan.taps.add(k)
        spans, before = self.spans(), {*plan.taps}
        often = {k for k in again - plan.taps - {*plan.spine} if uses[edges[k].tail] >= MANY}
        late = {edges[k].tail for k in often if spans[k][1] > 2 * NEAR and plan.picture.vertex[edges[k].tail].leaf}
        for k in often:
            if (
                uses[edges[k].tail] > FAN
                or spans[k][0] > NEAR
                or spans[k][1] > (1 if edges[k].tail in late and not plan.small else FAR)
            ):
                plan.taps.add(k)
        spans = self.spans() if plan.taps != before else spans
        for k in spans.keys() - plan.taps - {*plan.spine}:
            leaf = plan.picture.vertex[edges[k].tail].leaf
            if (
                spans[k][0] > (2 * NEAR if leaf else FAR)
                and (k in again or not leaf)
                and edges[k].tail not in plan.first
            ):
                plan.taps.add(k)

    def spans(self) -> dict[int, tuple[int, int]]:
        """Return how many columns every arrow spans, and how many if what it leads to stood as late as it can."""
        spans: dict[int, tuple[int, int]] = {}
        for frame in [(), *self.inside]:
            level, _ = self.level(frame, {})
            late = level.columns({item for link in level.main for item in (link.tail, link.head)})
            for link in level.links:
                found = link.head.col - link.tail.col, late[link.head] - link.tail.col
                spans[link.edge] = max(spans.get(link.edge, found), found)
        return spans

    def part(self, frame: Chain) -> Part:
        """Return what is in `frame` with its places."""
        parts = {held: self.part(held) for held in self.inside[frame] if isinstance(held, tuple)}
        level, blocks = self.level(frame, parts)
        level.place()
        self.plan.sums |= bool(level.stacks)
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
        later = []
        for k in self.edges[frame]:
            edge = self.plan.picture.edges[k]
            tail, head = self.end(edge.tail, frame, items), self.end(edge.head, frame, items)
            if tail is head:
                continue
            if k in self.plan.taps:
                if tail is not None and head is not None and not self.plan.picture.vertex[edge.tail].leaf:
                    later.append((tail, head))
                if head is None or head.kind != "vertex":
                    continue
                tail = None
            if tail is None:
                tail = self.tap(k) if k in self.plan.taps else Item(f"in:{k}", "in", 0.0, 0.0, 0.0, 0.0)
                before.append(tail)
            elif head is None:
                head = Item(f"out:{k}", "out", 0.0, 0.0, 0.0, 0.0)
                after.append(head)
            assert head is not None
            links.append(self.link(k, tail, head, blocks))
        plan = self.plan
        level = Level([*before, *items.values(), *after], links, [], later, plan.measure.across, plan.stacked)
        level.main = self.main(level, blocks)
        return level, blocks

    def link(self, k: int, tail: Item, head: Item, blocks: Mapping[Item, Part]) -> Link:
        """Return the part of an arrow from `tail` to `head`."""
        leaves, enters = (blocks[item].ports.get(k, 0.0) if item in blocks else 0.0 for item in (tail, head))
        carried = blocks[head].entry if head in blocks else self.plan.main.get(self.plan.picture.edges[k].head)
        edge = self.plan.picture.edges[k]
        place = min(edge.places, default=0) if head.kind == "vertex" and edge.head in self.plan.ordered else 0
        paired = edge.head in self.plan.paired
        return Link(k, tail, head, leaves, enters, k == carried, self.plan.measure.more.get(k, 0.0), place, paired)

    def item(self, vertex: Vertex) -> Item:
        """Return the item of a vertex, with room for the texts beside it."""
        shape, texts = look(vertex), [text for _, text in self.told.get(vertex.id, ())]
        reach = max((half_of(text, NOTE_SIZE)[0] for text in texts), default=0.0) + _CLEAR - MARGIN
        first = vertex.id in self.plan.first
        if self.plan.measure.across:
            along, across = shape.half
            up, down, noted = across + (len(texts) * _NOTE or 4.0), across + 4.0, 2 * reach
        else:
            across, along = shape.half
            up = down = max(across + 4.0, reach + MARGIN / 2)
            noted = 0.0
        up += _NOTE if vertex.mark else 0.0
        return Item(vertex.id, "vertex", up, down, along, along, across, noted, shape.round, vertex.leaf, first)

    def tap(self, k: int) -> Item:
        """Return the item of a tap: its name, and that of the gradient below."""
        edge = self.plan.picture.edges[k]
        mark = self.apart.get((edge.tail, edge.forward), None if edge.named else _MARK)
        texts = at_tap(edge, self.plan.labels[k], mark)
        wide = max(width(text, LABEL_SIZE) for text in texts) + 6
        high = LABEL_SIZE * (1.25 if len(texts) > 1 else 0.7)
        along, across = (wide / 2, high) if self.plan.measure.across else (high, wide / 2)
        noted = wide + 2 * (_CLEAR - MARGIN) if self.plan.measure.across else 0.0
        return Item(f"tap:{k}", "tap", across, across, along, along, across, noted)

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
