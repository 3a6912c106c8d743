"""From a gradient that is NaN, infinite or zero to the first derivative, on the way back, that made it so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.graph import Gradients

from .examined import Examined, number, places
from .reasons import Reason
from .slopecauses import HOOK, cause_of_cancelling, cause_of_slope
from .valuecauses import DEAD
from .valueorigins import is_of, reason_of_value


class Turn(NamedTuple):
    """Where a gradient went wrong: at operand `slot` of `target`, or, with slot -1, where several were added up.

    `way` leads from there to what was asked about, by the values whose gradients these are.
    """

    target: int
    slot: int
    way: tuple[int, ...]


def turns_of(graph: Examined, flows: Gradients, start: int, kind: str) -> list[Turn]:
    """Return the operations whose derivative first gave NaN, infinity or zeros, the nearest to the output first."""
    found: list[Turn] = []
    pending: list[tuple[int, tuple[int, ...]]] = [(start, (start,))]
    seen = {start}
    for index, way in pending:
        parts = {at: flows.edges[at] for at in graph.readers[index] if at in flows.edges}
        wrong = [at for at, part in parts.items() if is_of(kind, part)]
        if not wrong or (kind == "zero" and len(wrong) < len(parts)):
            found.append(Turn(index, -1, way))
            continue
        for target, slot in wrong:
            if not is_of(kind, flows.nodes.get(target)):
                found.append(Turn(target, slot, way))
            elif target not in seen:
                seen.add(target)
                pending.append((target, (target, *way)))
    return sorted(dict.fromkeys(found), key=lambda turn: -turn.target)


def reasons_of_gradients(graph: Examined, leaves: Sequence[int], kind: str) -> list[Reason]:
    """Return why the gradients of some values are NaN, infinite or zero: one reason for all that go wrong together."""
    flows = graph.flows
    assert flows is not None
    groups: dict[int, list[tuple[int, Turn]]] = {}
    for leaf in leaves:
        for turn in turns_of(graph, flows, leaf, kind)[: None if kind == "zero" else 1]:
            groups.setdefault(turn.target, []).append((leaf, turn))
    return _joined([_reason(graph, flows, groups[target], kind) for target in sorted(groups, reverse=True)])


def _joined(reasons: Sequence[Reason]) -> list[Reason]:
    """Return reasons without those that something is zero because of what another one names, which is about both."""
    found = {reason.index: reason for reason in reasons}
    for reason in reasons:
        at = None if reason.earlier is None else reason.earlier.index
        if at in found and at != reason.index:
            about = dict.fromkeys((*found[at].about, *reason.about))
            found[at] = replace(found[at], about=tuple(about))
            del found[reason.index]
    return [*found.values()]


def _reason(graph: Examined, flows: Gradients, turned: Sequence[tuple[int, Turn]], kind: str) -> Reason:
    turn = turned[0][1]
    flowing = flows.nodes.get(turn.target)
    if kind == "NaN" and turn.slot >= 0 and is_of("infinite", flowing):
        return _through_infinity(graph, flows, turned)
    about = tuple(dict.fromkeys(graph.called[leaf] for leaf, _ in turned))
    links = [graph.link(i, flows.nodes.get(i), "d") for i in turn.way]
    if turn.slot < 0:
        cause, mask = cause_of_cancelling(graph, flows, turn.target, kind)
        told = graph.told(turn.target if cause.at is None else cause.at)
        told |= {"operation": cause.operation} if cause.operation else {}
    else:
        cause, mask = cause_of_slope(graph, flows, turn.target, turn.slot, kind)
        told = graph.told(turn.target)
        links.insert(0, graph.link(turn.target, flows.nodes.get(turn.target), "d"))
    earlier = _earlier(graph, cause.because, kind)
    others = [cause_of_slope(graph, flows, t.target, t.slot, kind)[0].text for _, t in turned[1:] if t.slot >= 0]
    text = "; ".join(dict.fromkeys(filter(None, [cause.text, *others])))
    return Reason(f"{kind} gradient", about, cause=text, cure=cause.cure, chain=tuple(links), earlier=earlier,
                  **places(mask), **told)  # fmt: skip


def _through_infinity(graph: Examined, flows: Gradients, turned: Sequence[tuple[int, Turn]]) -> Reason:
    """Return why a gradient was infinite that then became NaN."""
    turn = turned[0][1]
    there = f"{graph.nodes[turn.target].op} at {graph.place_of(turn.target)}"
    before = turns_of(graph, flows, turn.target, "infinite")[0]
    through = [(leaf, before._replace(way=(*before.way, *t.way))) for leaf, t in turned]
    found = _reason(graph, flows, through, "infinite")
    return replace(found, kind="NaN gradient", cause=f"{found.cause or 'not known'}; it becomes NaN in {there}")


def _earlier(graph: Examined, because: Sequence[int], kind: str) -> Reason | None:
    """Return why an operand was zero, or not finite, where the gradient is so because of it; not for a leaf alone."""
    for index in because:
        value = graph.known[index]
        for wrong in ("zero",) if kind == "zero" else ("NaN", "infinite"):
            if is_of(wrong, value):
                return reason_of_value(graph, index, wrong, 1)
    return None


class _Stage(NamedTuple):
    """An operation on the way of the largest gradients, or the hooks on its value, and their factor."""

    target: int
    factor: float
    hooks: str = ""


def reason_of_size(graph: Examined, leaf: int, beyond: float) -> Reason | None:
    """Return why the gradient of a value is so much larger or smaller than what flows in; None where it is not.

    It is larger or smaller by more than `beyond`. The operations of one line count together: that which changes the
    gradients most is named.
    """
    flows = graph.flows
    assert flows is not None
    stages = _stages(graph, flows, leaf)
    whole = float(np.prod([s.factor for s in stages]))
    if not stages or not 0 < whole < np.inf or 1 / beyond < whole < beyond:
        return None
    if whole < 1 and graph.is_rounding(leaf):
        return _rounding(graph, flows, leaf)
    groups: dict[tuple[str, str], list[_Stage]] = {}
    for stage in stages:
        named = stage.hooks or graph.nodes[stage.target].op
        groups.setdefault((named, graph.place_of(stage.target)), []).append(stage)
    grows = whole > 1
    most = max(groups.values(), key=lambda group: sum(np.log(s.factor) for s in group) * (1 if grows else -1))
    product = float(np.prod([s.factor for s in most]))
    each, count = product ** (1 / len(most)), len(most)
    how = f"grows by a factor of {number(each)}" if grows else f"shrinks by a factor of {number(1 / each)}"
    times = f" each of {count} times" if count > 1 else ""
    where = f"in a hook on it, {most[0].hooks}" if most[0].hooks else "here"
    text = f"the gradient {how}{times} {where}, by {number(whole if grows else 1 / whole)} on the whole way"
    way = list(dict.fromkeys([*(s.target for s in reversed(stages)), leaf]))
    links = tuple(graph.link(i, flows.nodes.get(i), "d") for i in way)
    kind = "exploding gradient" if grows else "vanishing gradient"
    told = graph.told(max(s.target for s in most)) | ({"operation": "hook"} if most[0].hooks else {})
    return Reason(
        kind, (graph.called[leaf],), cause=text, cure=HOOK if most[0].hooks else _CURES[grows], chain=links, **told
    )


def _rounding(graph: Examined, flows: Gradients, leaf: int) -> Reason:
    """Return that a gradient is rounding alone: exact arithmetic has zero, as of a bias before a normalisation."""
    target, _ = next(at for at in graph.readers[leaf] if at in flows.edges)
    text = "its terms cancel, and what is left is rounding: what is computed of it does not change with it"
    links = tuple(graph.link(i, flows.nodes.get(i), "d") for i in (target, leaf))
    return Reason(ROUNDING, (graph.called[leaf],), cause=text, cure=_CANCELS, chain=links, **graph.told(target))


ROUNDING = "zero gradient but for rounding"
_CANCELS = "a bias before a normalisation does nothing: bias=False"
_CURES = {
    True: "clip the gradient (nn.utils.clip_grad_norm_), initial values that keep its size (nn.init), a normalisation",
    False: "relu in place of what saturates, initial values that keep its size (nn.init), a normalisation, residuals",
}


def _stages(graph: Examined, flows: Gradients, leaf: int) -> list[_Stage]:
    """Return the operations from a value on to an output, always by the largest part of its gradient."""
    found: list[_Stage] = []
    index = leaf
    while True:
        if (hooks := graph.hooks_at(index)) and (given := _size(graph.before_hooks(index))):
            found.append(_Stage(index, _size(flows.nodes[index]) / given, hooks))
        parts = {at: _size(flows.edges[at]) for at in graph.readers[index] if at in flows.edges}
        at = max(parts, key=lambda at: parts[at], default=None)
        into = _size(flows.nodes[at[0]]) if at is not None and at[0] in flows.nodes else 0.0
        if at is None or not into or not parts[at]:
            return found
        found.append(_Stage(at[0], parts[at] / into))
        index = at[0]


def _size(g: Array) -> float:
    return float(np.abs(g).max()) if g.size else 0.0


_ROWS = 32  # in fewer, units may be off by chance


def dead_units(graph: Examined) -> Iterator[Reason]:
    """Yield for each rectifier of a matrix, some of whose columns are 0 in all of many rows, which these are."""
    flows = graph.flows
    assert flows is not None
    for node in graph.nodes:
        y = graph.known[node.index]
        if node.op != "relu" or y is None or y.ndim != 2 or len(y) < _ROWS or node.index not in flows.nodes:
            continue
        off: Array = ~np.any(y, axis=0)
        if off.any() and not off.all():
            units = tuple(int(i) for i in np.flatnonzero(off))
            text = f"{len(units)} of {len(off)} units are dead: their operands are at most 0 in all {len(y)} rows"
            yield Reason("dead units", (graph.called[node.index],), cause=text, cure=DEAD, units=units,
                         rows=tuple(range(len(y))), **graph.told(node.index))  # fmt: skip
