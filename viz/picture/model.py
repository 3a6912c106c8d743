"""The picture as data: circles, boxes and arrows with their names and true gradients. Nothing here knows Graphviz."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad.base.caching import altered, soon_made
from tensorgrad.base.dtypes import Array
from tensorgrad.graph import Edge, Graph, GraphNode
from tensorgrad.graph.nodes import LEAVES
from tensorgrad.graph.notation import numbered
from tensorgrad.graph.recomputing import values

from .closing import Collapse, Unfold, nested
from .expressions import Expressions, told_apart
from .failures import FailedGraph
from .faults import Fault, faults, gravest, is_zero, of_values
from .flows import Flows, Seeds
from .folding import circle_label, held, is_asymmetric, leaf_labels, single, spoken_names
from .nesting import ModuleCall, Nesting
from .noise import is_noise
from .summaries import Numbers
from .text import clean
from .tooltips import dtype_name, of_box, of_node, script_line


@soon_made
@dataclass(frozen=True, eq=False)
class Vertex:
    """A circle (`kind` is "input", "parameter", "constant", "op"), a closed module ("box"), or an end ("output").

    "failed" is the operation that raised the error which is drawn, "break" where Python read a value. `order` tells
    which pass computes it: 0 forward, 1 backward, 2 backward through that. `asymmetric`: exchanging its operands
    would change the value. `value` and `gradient`, the sum of all that flows back, are None where they are not known;
    `noise`: that gradient is rounding alone; `numbers`: what of both is shown. `members` are the nodes of the graph
    that it stands for, `kept` the bytes that these keep for a backward pass, `heat`, from 0 to 1, how warm it is,
    `measured` by what, `arms` how many arrows reach it, `twins` how many join it with one other vertex at most,
    `beside` how many more there are at that side, and `parts` how many add up to its gradient. `word` is what was
    called, where it stands for a call alone.
    """

    id: str
    kind: str
    label: str
    shape: tuple[int, ...] | None
    around: tuple[ModuleCall, ...]
    tooltip: str
    fault: Fault | None = None
    order: int = 0
    asymmetric: bool = False
    value: Array | None = None
    gradient: Array | None = None
    noise: bool = False
    numbers: str = ""
    members: tuple[int, ...] = ()
    kept: int = 0
    heat: float | None = None
    measured: str = ""
    arms: int = 0
    twins: int = 1
    beside: int = 0
    parts: int = 0
    word: str = ""

    @property
    def face(self) -> str:
        """What stands in it: its label, and below that its numbers where they are shown."""
        below = self.numbers or self.measured
        return f"{self.label}\n{below}" if below else self.label

    @property
    def leaf(self) -> bool:
        """Whether nothing computes it."""
        return self.kind in LEAVES

    @property
    def mark(self) -> str:
        """What stands beside it in red: where a search for a mistake begins; empty for all others."""
        if self.kind == "failed":
            return "failed here"
        return self.fault.mark if self.fault is not None and self.fault.first else ""


@soon_made
@dataclass(frozen=True, eq=False)
class EdgeRecord:
    """One arrow forward and, where a gradient flows, its twin back: the numbers behind the drawing.

    `source` and `target` are the labels of the ends, `tail` and `head` their ids. `gradient` has the shape of the
    value; None if unknown. `backward` is None where no gradient flows. `named` tells names given from names made up.
    `fault` says what is not finite in the gradient; `formulas`, if asked for, how value and gradient are computed;
    `noise` that the gradient is rounding alone, where exact arithmetic has zero, `faint` that it is drawn as a zero;
    `outside` that a number goes this way through Python, and no value of the graph. `places` tells which operands or
    arguments of the target it is, from 1 on: of a box several, where it was given a value twice; none if not known.
    `uses` are those of the value that it stands for; of an output, one by a node after the last.
    """

    source: str
    target: str
    slot: int
    forward: str
    shape: tuple[int, ...]
    backward: str | None
    gradient: Array | None
    tail: str
    head: str
    value: Array | None
    dtype: str
    named: bool
    id: str
    fault: Fault | None = None
    formulas: tuple[str, str] = ("", "")
    order: int = 0
    noise: bool = False
    faint: bool = False
    outside: bool = False
    places: tuple[int, ...] = ()
    uses: tuple[Edge, ...] = ()

    @cached_property
    def is_zero(self) -> bool:
        """Whether the gradient is known, and zero everywhere."""
        return is_zero(self.gradient)


@dataclass(frozen=True, eq=False)
class Picture:
    """All that is drawn, in topological order.

    `inside`, where something is closed and the whole has at most `max_nodes` circles, is the same with all of it open,
    and `folded` there the ids of the frames that are closed here. `numbers` tells what hovering does of arrays, and
    `names` has the name of every value of the graph.
    """

    vertices: list[Vertex]
    edges: list[EdgeRecord]
    caption: str
    inside: Picture | None = None
    folded: tuple[str, ...] = ()
    numbers: Numbers = field(default_factory=Numbers)
    names: Sequence[str] = ()

    @cached_property
    def vertex(self) -> dict[str, Vertex]:
        """The vertices by their ids."""
        return {vertex.id: vertex for vertex in self.vertices}

    def captioned(self, text: str) -> Picture:
        """Return it with `text` in the caption besides."""
        return replace(self, caption="; ".join(filter(None, [self.caption, text])))

    def sealed(self) -> Picture:
        """Return it with boxes that do not pretend to open: what is in them is not there."""
        labels = [v.label.removesuffix("[+]").rstrip() for v in self.vertices]
        plain = [
            v if v.label == text else altered(v, label=text) for v, text in zip(self.vertices, labels, strict=True)
        ]
        return replace(self, vertices=plain, inside=None, folded=())


@dataclass(frozen=True)
class Options:
    """The choices of `draw` that change what is in the picture; `apart`: no two values may have one name."""

    grads: bool = True
    depth: int | None = None
    collapse: Collapse = None
    max_nodes: int = 300
    dims: Mapping[int, str] | None = None
    seeds: Seeds = field(default_factory=list)
    repeats: bool = True
    unfold: Unfold = None
    apart: bool = False


def build(graph: Graph, options: Options) -> Picture:
    """Return the picture of `graph`: small operations folded, modules closed, every edge with its gradient."""
    if isinstance(graph, FailedGraph):
        options = replace(options, grads=False)
    collapse = () if options.apart and options.collapse is None else options.collapse  # formulas are of what is open
    nesting, caption = nested(graph, options.depth, collapse, options.max_nodes, options.repeats, options.unfold)
    builder = _Builder(told_apart(graph) if options.apart else graph, nesting, options)
    picture, opened = builder.picture(caption), nesting.opened()
    if not nesting.closed or nesting.sealed or opened.count() > options.max_nodes:
        return picture
    closed = sorted(nesting.closed, key=lambda module: (module.place, module.depth))
    inside = replace(builder.of(opened).picture(caption), folded=tuple(module.id for module in closed))
    return replace(picture, inside=inside)


class _Builder:
    def __init__(self, graph: Graph, nesting: Nesting, options: Options) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self._nest(nesting)
        self.dims = options.dims or {}
        self.labels: dict[str, str] = {}
        self.flows = Flows.of(graph, options.seeds) if options.grads else Flows()
        # Copies: an optimiser's next step writes to the parameters, and a picture tells what they were.
        self.values = [value if value is None else np.array(value) for value in values(graph)]
        self.numbers = self.flows.numbers
        self.numbers.add(self.values)
        self.own, self.calls = held(graph), single(self.nodes) | nesting.served.calls
        self.leaves = leaf_labels(self.nodes)
        self.faults = of_values(self.nodes, self.values, graph.outputs, self.numbers)

    def of(self, nesting: Nesting) -> _Builder:
        """Return one that differs in what is closed, and for which nothing is computed again."""
        other = copy.copy(self)
        other._nest(nesting)
        return other

    def _nest(self, nesting: Nesting) -> None:
        self.nesting = nesting
        self.boxes = nesting.boxes()[: len(self.nodes)]
        holders = (box or nesting.folded.get(index, index) for index, box in enumerate(self.boxes))
        self.ids = [holder.id if isinstance(holder, ModuleCall) else f"n{holder}" for holder in holders]
        self.names = spoken_names(self.graph, self.leaving(), nesting.served)
        spelt = [node.index not in nesting.folded for node in self.nodes]
        self.expressions = Expressions(self.nodes, self.names, spelt)

    def leaving(self) -> dict[int, str]:
        """Return what the values are called that closed boxes compute, and others read."""
        if not self.nesting.closed:
            return {}
        edges = [edge for edge in self.graph.edges() if self.boxes[edge.source] is not self.boxes[edge.target]]
        boxes = [(edge.source, self.boxes[edge.source]) for edge in edges]
        return {source: box.word for source, box in boxes if box is not None}

    def picture(self, caption: str) -> Picture:
        graph, vertices = self.graph, self.vertices()
        edges = self.edges()
        told = [caption, self.flows.lost, *self.findings(edges)]
        if isinstance(graph, FailedGraph):
            edges += self.failed(graph, vertices)
            told.insert(0, f"{graph.message} {script_line(graph.failed.place)}")
        return Picture(vertices, edges, "; ".join(filter(None, told)), numbers=self.numbers, names=self.names)

    def vertices(self) -> list[Vertex]:
        """Return circles, boxes and ends; a box stands where the last node in it does, after all that it reads."""
        inside: dict[str, list[GraphNode]] = defaultdict(list)
        for node in self.nodes:
            inside[self.ids[node.index]].append(node)
        found = []
        for id, nodes in sorted(inside.items(), key=lambda item: item[1][-1].index):
            box = self.boxes[nodes[0].index]
            held: dict[str, Any] = {
                "members": tuple(node.index for node in nodes),
                "kept": sum(node.kept for node in nodes),
            }
            found.append(self.circle(id, nodes, held) if box is None else altered(self.box(id, box, nodes), **held))
        found += [
            Vertex(f"out{i}", "output", self.names[index], self.nodes[index].shape, (), f"output {self.names[index]}")
            for i, index in enumerate(self.graph.outputs)
        ]
        self.labels = {vertex.id: vertex.label for vertex in found}
        return found

    def circle(self, id: str, nodes: list[GraphNode], held: Mapping[str, Any]) -> Vertex:
        node, served = nodes[-1], self.nesting.served  # what is folded into it was recorded before
        leaf, main = node.is_leaf, self.nodes[served.shown.get(node.index, node.index)]
        others = [n for n in nodes if n is not main and n is not node and n.index not in served.into]
        label = (
            self.leaves[node.index]
            if leaf
            else circle_label(main, next(iter(others), None), self.calls.get(node.index, ""))
        )
        what, fault = f"{node.op} {label}" if leaf else self.formula(node), self.gravest(nodes)
        gradient = self.flows.gradients.nodes.get(node.index)
        noise = is_noise(gradient, self.flows.noise.nodes.get(node.index, 0.0), self.numbers)
        value = self.values[node.index]
        shown = node if main is node else altered(node, params=main.params, kept=main.kept)
        text = of_node(shown, what, value, gradient, fault, self.dims, self.numbers)
        around, kind = self.nesting.around(node.index), node.op if leaf else "op"
        ordered = is_asymmetric(main, self.own, called=node.index in served.calls)
        return Vertex(
            id, kind, label, node.shape, around, text, fault, node.order, ordered, value,
            gradient, noise, word=served.calls.get(node.index, "").partition("\n")[0], **held,
        )  # fmt: skip

    def findings(self, edges: Iterable[EdgeRecord]) -> list[str]:
        """Return where the first values and gradients are that are not finite, and how many more there are."""
        told = []
        for node in (self.nodes[index] for index, fault in self.faults.items() if fault.first):
            what = self.formula(node) if node.operands else f"{self.names[node.index]} = {node.op}"
            told.append(f"first {self.faults[node.index].kind}: {what} {script_line(node.place)}")
        told += [f"first {e.fault.kind} gradient: {e.backward}" for e in edges if e.fault is not None and e.fault.first]
        return [clean(text, 100).strip() for text in told]

    def box(self, id: str, box: ModuleCall, nodes: list[GraphNode]) -> Vertex:
        if box.scope is None:
            count = f"{sum(not node.is_leaf for node in nodes):,} {box.label}"
            return Vertex(id, "box", count, None, (), count)
        size = f"{box.settings} [+]".strip()
        fault = self.gravest(nodes)
        inside = next((self.formula(n) for n in nodes if fault and self.faults.get(n.index) is fault), "")
        lines = "\n".join(filter(None, [box.label, box.more, size]))
        around, given = self.nesting.around(nodes[0].index), {o.source for node in nodes for o in node.operands}
        several = sum(bool(self.graph.places_in(i, box.scope)) for i in given if i is not None) > 1
        told = of_box(box, len(nodes), fault, inside)
        return Vertex(id, "box", lines, None, around, told, fault, asymmetric=several, word=box.word * (not box.more))

    def formula(self, node: GraphNode) -> str:
        main = self.nodes[self.nesting.served.shown.get(node.index, node.index)]
        name, told = self.names[node.index], self.expressions.told(main)
        return told if name == main.op else f"{name} = {told}"  # what is called after its operation says that itself

    def gravest(self, nodes: list[GraphNode]) -> Fault | None:
        return gravest(self.faults.get(node.index) for node in nodes) if self.faults else None

    def edges(self) -> list[EdgeRecord]:
        """Return the arrows, uses of one value by one closed module (or from one) merged into one."""
        merged: dict[tuple[object, ...], list[Edge]] = {}
        for edge in self.graph.edges():
            tail, head = self.boxes[edge.source], self.boxes[edge.target]
            ends = self.ids[edge.source], self.ids[edge.target]
            shared_weight = tail and head and self.nodes[edge.source].is_leaf
            if ends[0] != ends[1] and not shared_weight:
                single = None if tail or head else (edge.target, edge.slot)
                merged.setdefault((*ends, edge.source, single), []).append(edge)
        slots = self.nesting.served.slots
        groups = sorted(merged.values(), key=lambda group: slots.get(group[0].target, group[0][1:]))
        swept = [*map(_swept, groups), *((-math.inf, i) for i in range(len(self.graph.outputs)))]
        backward = self.gradient_names(groups, swept)
        found = [self.record(group, back) for group, back in zip(groups, backward, strict=False)]
        for i, (index, back) in enumerate(zip(self.graph.outputs, backward[len(groups) :], strict=True)):
            found.append(self.described(index, f"out{i}", i, f"out{i}", back, self.flows.seeds.get(i)))
        order = sorted(range(len(found)), key=swept.__getitem__)
        wrong = faults([(i, found[i].gradient) for i in order], self.numbers)
        return [altered(edge, fault=wrong[i]) if i in wrong else edge for i, edge in enumerate(found)]

    def gradient_names(self, groups: list[list[Edge]], swept: list[tuple[float, int]]) -> list[str | None]:
        """Return the name of every group's gradient, then of every output's; None where no gradient flows.

        Several of one value have subscripts. They count in the order in which the backward sweep comes by, which sorts
        by `swept`: the output first, then the latest consumer.
        """
        sources = [*(group[0].source for group in groups), *self.graph.outputs]
        flowing = [any((e.target, e.slot) in self.flows.edges for e in group) for group in groups]
        flowing += [place in self.flows.starts for place in range(len(self.graph.outputs))]
        places: dict[int, list[int]] = defaultdict(list)
        for i in sorted(range(len(swept)), key=swept.__getitem__):
            places[sources[i]] += [i] * flowing[i]
        result: list[str | None] = [None] * len(swept)
        for source, uses in places.items():
            for n, i in enumerate(uses, 1):
                name = f"d{self.names[source]}"
                result[i] = numbered(name, n) if len(uses) > 1 else name
        return result

    def record(self, group: list[Edge], back: str | None) -> EdgeRecord:
        first, known = group[0], self.flows.gradients.edges
        parts = [known[e.target, e.slot] for e in group if (e.target, e.slot) in known]
        gradient = np.sum(parts, axis=0) if len(parts) > 1 else next(iter(parts), None)
        id = f"{first.target}_{first.slot}"
        error = sum([self.flows.noise.edges.get((e.target, e.slot), 0.0) for e in group])
        noise = is_noise(gradient, error, self.numbers)
        _, slot = self.nesting.served.slots.get(first.target, first[1:])
        box = self.boxes[first.target]
        given = self.graph.places_in(first.source, box.scope) if box is not None and box.scope else ()
        places = (slot + 1,) if box is None else given
        target, uses = self.ids[first.target], tuple(group)
        return self.described(first.source, target, slot, id, back, gradient, places=places, uses=uses, noise=noise)

    def failed(self, graph: FailedGraph, vertices: list[Vertex]) -> list[EdgeRecord]:
        """Add the operation that failed to `vertices`, and return the arrows into it."""
        node = graph.failed
        label = self.labels["failed"] = circle_label(node)
        text = clean(f"failed: {self.expressions.told(node)}, {graph.message}, {script_line(node.place)}", 400)
        around, ordered = self.nesting.around(node.index), is_asymmetric(node, self.own)
        vertices.append(Vertex("failed", "failed", label, None, around, text, asymmetric=ordered))
        return [
            self.described(o.source, "failed", slot, f"failed_{slot}", None, None)
            for slot, o in enumerate(node.operands)
            if o.source is not None
        ]

    def described(
        self, source: int, head: str, slot: int, id: str, back: str | None, gradient: Array | None, **told: Any
    ) -> EdgeRecord:
        node, tail = self.nodes[source], self.ids[source]
        named = node.name is not None or source in self.graph.outputs or node.is_leaf
        return EdgeRecord(
            self.labels[tail], self.labels[head], slot, self.names[source], node.shape, back, gradient, tail, head,
            self.values[source], dtype_name(node.dtype), named, id, order=node.order,
            **told or {"places": (slot + 1,), "uses": (Edge(source, len(self.nodes), slot),)},
        )  # fmt: skip


def _swept(group: list[Edge]) -> tuple[float, int]:
    """Return a key that sorts arrows in the order in which the backward sweep comes by."""
    return -max(edge.target for edge in group), group[0].slot
