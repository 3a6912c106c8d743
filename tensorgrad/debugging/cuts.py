"""Why no gradient comes to a leaf at all: where its way to the output is cut, or that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tensorgrad.autograd.modes import is_grad_enabled

from .examined import Examined, placed, text_of
from .reasons import Reason

_WITHOUT_DETACH = "leave out detach(), or what the leaf is computed with before it, if that is meant to learn"
_WRITES = frozenset({"assign", "leaf"})


def may_be_meant(graph: Examined) -> bool:
    """Return whether a function whose output requires no gradient may be meant to give some.

    Not where values alone are asked for, under a no_grad() around the question; nor of a function that takes
    gradients itself, or trains.
    """
    return graph.traced and is_grad_enabled() and not graph.sweeps and not any(n.op in _WRITES for n in graph.nodes)


def reason_without(graph: Examined, leaf: int, *, asked: bool) -> Reason | None:
    """Return why no gradient comes to a leaf; None where a write has put another value in its place, unless `asked`."""
    name, node = graph.called[leaf], graph.nodes[leaf]
    if not node.requires_grad:
        text = f"{name} does not require a gradient"
        return Reason("no gradient", (name,), cause=text, cure=f"{name}.requires_grad_() before", **graph.told(leaf))
    ends = set().union(*(graph.before(i) for i in graph.outputs))
    way, cuts = {leaf: leaf}, list[tuple[int, int]]()
    pending = [leaf]
    for index in pending:
        for target, slot in graph.readers[index]:
            if target not in ends or graph.nodes[target].op in _WRITES:
                continue
            if _passes(graph, target, slot):
                if target not in way:
                    way[target] = index
                    pending.append(target)
            elif not _only_written(graph, target, ends):
                cuts.append((target, slot))
    if not cuts:
        return unused(graph, [name]) if asked else None
    target, slot = min(cuts)
    source = graph.nodes[target].operands[slot].source
    assert source is not None
    links = [source]
    while links[-1] != leaf:
        links.append(way[links[-1]])
    chain = tuple(graph.link(i, None)._replace(holds="no gradient") for i in (target, *links))
    return _with_cause(graph, Reason("no gradient", (name,), chain=chain, **graph.told(target)), target, slot)


def _passes(graph: Examined, target: int, slot: int) -> bool:
    node = graph.nodes[target]
    recorded = node.requires_grad and not node.operands[slot].detached and graph.rule_of(target, slot)
    return recorded and not _is_refused(graph, target, slot)


def _is_refused(graph: Examined, target: int, slot: int) -> bool:
    """Return whether a gradient came to an operation, whose rule then gave none for this operand."""
    return graph.flows is not None and target in graph.flows.nodes and (target, slot) not in graph.flows.edges


def _only_written(graph: Examined, target: int, ends: set[int]) -> bool:
    """Return whether a value comes to the output only by being written into a leaf, as that of an update does."""
    pending, seen = [target], {target}
    for index in pending:
        if index in graph.outputs:
            return False
        new = {t for t, _ in graph.readers[index] if t in ends and graph.nodes[t].op not in _WRITES} - seen
        seen |= new
        pending.extend(new)
    return True


def _with_cause(graph: Examined, found: Reason, target: int, slot: int) -> Reason:
    node = graph.nodes[target]
    operand = node.operands[slot]
    if operand.parameter:
        text = f"{node.op} takes it as an index or a setting, and has no derivative by that"
        return replace(found, cause=text)
    if operand.detached:
        place = graph.detached_at(target, slot)
        if place is not None:
            found = replace(found, place=placed(place), line=text_of(place), function="", layer="")
        return replace(found, operation="detach", cause="detach() takes it out of the graph", cure=_WITHOUT_DETACH)
    if not graph.rule_of(target, slot) or (node.primitive is not None and node.primitive.kind == "constant"):
        return replace(found, cause=f"{node.op} has no derivative", cure="softmax, where it is a choice")
    if node.requires_grad and _is_refused(graph, target, slot):
        text = f"a gradient comes to {node.op}, and its backward returns None for this argument"
        return replace(found, cause=text, cure="return the gradient there: None says that there is none")
    if node.dtype.kind not in "fc":
        return replace(found, cause=f"its result is {node.dtype}, and whole numbers have no gradient")
    return replace(found, cause="it was computed under no_grad()", cure="compute it outside of no_grad()")


def unused(graph: Examined, names: Sequence[str]) -> Reason:
    """Return that nothing of the output was computed with some leaves, as far as the graph tells."""
    if graph.traced:
        text = f"the output is not computed with {'it' if len(names) == 1 else 'them'}"
        cure = "use it in forward, or take it out of the model"
        return Reason("unused", tuple(names), cause=text, cure=cure, graph=graph)
    text = "the record of the output does not lead to it: it is not used, or cut off by detach() or no_grad()"
    cure = "trace it, which tells: debug.why(function, *inputs)"
    return Reason("unused", tuple(names), unknown=text, cure=cure, graph=graph)


def read_by_python(graph: Examined, name: str, whole: Examined, leaf: int) -> Reason:
    """Return that Python has read a leaf as a number, in the graph `whole` of all reads, and nothing else was done."""
    read = next(found for found, i in whole.reads() if i is not None and leaf in whole.before(i))
    what = f"{read.inside and read.inside + ', '}{read.what}"
    text = f"Python reads a number of it here ({what} gave {read.value}), which has no history"
    return Reason("no gradient", (name,), read.what.lstrip("."), placed(read.place), text_of(read.place), cause=text,
                  cure="compute with the tensor itself", graph=graph)  # fmt: skip
