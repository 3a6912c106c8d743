"""Closed modules that follow one another and are alike, drawn as one: the same called again, or others of its kind.

Alike are calls of one class with the same settings that recorded the same operations, with the same parameters, on
values of the same shapes. They are drawn as one only where they form a chain, each reading nothing but the one result
of the one before, which nobody else reads: so what goes into the first and comes out of the last is all there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tensorgrad.graph import Scope

from .nesting import ModuleCall, Nesting
from .text import clean


@dataclass
class _Box:
    """A closed module: its operations, the nodes outside that it reads, and those in it that are read outside."""

    operations: list[int] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)
    gives: set[int] = field(default_factory=set)


def alike(nesting: Nesting) -> dict[ModuleCall, ModuleCall]:
    """Return for every closed module that is drawn as one with others the module that stands for all of them."""
    if not nesting.closed:
        return {}
    boxes, readers = _boxes(nesting)
    following = {module: _following(box, boxes, readers, nesting) for module, box in boxes.items()}
    found: dict[ModuleCall, ModuleCall] = {}
    for module in boxes:
        if module not in found:
            run = _run(module, boxes, following, nesting)
            if len(run) > 1:
                found |= dict.fromkeys(run, _standing_for(run))
    return found


def _boxes(nesting: Nesting) -> tuple[dict[ModuleCall, _Box], dict[int, set[ModuleCall | None]]]:
    """Return the closed modules in the order of computation, and by node who reads it from outside (None: no box)."""
    boxes: dict[ModuleCall, _Box] = {}
    readers: dict[int, set[ModuleCall | None]] = defaultdict(set)
    nodes, alone = nesting.graph.nodes, nesting.alone()
    for node in nodes:
        module = alone[node.index]
        if module is not None and module.scope is not None and not node.is_leaf:
            boxes.setdefault(module, _Box()).operations.append(node.index)
    uses = [(e.source, alone[e.source], alone[e.target]) for e in nesting.graph.edges()]
    # left out is what is read inside, and a weight that several calls share
    read = [(i, tail, head) for i, tail, head in uses if tail is not head and not (tail and nodes[i].is_leaf)]
    for index, tail, head in (*read, *((i, alone[i], None) for i in nesting.graph.outputs)):
        readers[index].add(head)
        if tail in boxes:
            boxes[tail].gives.add(index)
        if head in boxes:
            boxes[head].reads.add(index)
    return boxes, readers


def _following(
    box: _Box, boxes: dict[ModuleCall, _Box], readers: dict[int, set[ModuleCall | None]], nesting: Nesting
) -> ModuleCall | None:
    """Return the module that alone reads the only result of `box`, and nothing else."""
    results = list(box.gives)
    found = list(readers[results[0]]) if len(results) == 1 else []
    reader = found[0] if len(found) == 1 else None
    if reader is None or reader not in boxes or boxes[reader].reads != box.gives:
        return None
    same_frame = nesting.around(boxes[reader].operations[0]) == nesting.around(box.operations[0])
    return reader if same_frame else None


def _run(
    first: ModuleCall, boxes: dict[ModuleCall, _Box], following: dict[ModuleCall, ModuleCall | None], nesting: Nesting
) -> list[ModuleCall]:
    """Return `first` and those behind it that are alike: all calls of the same module, or each of another one."""
    run, at = [first], following[first]
    written: list[Hashable] = []
    while at is not None and _fits(run, at):
        written = written or _written(boxes[first], nesting)
        if _written(boxes[at], nesting) != written:
            break
        run.append(at)
        at = following[at]
    return run


def _fits(run: list[ModuleCall], other: ModuleCall) -> bool:
    """Return whether `other` is the module that was called all along, or one more of different ones."""
    called, new = [_scope(module).module for module in run], _scope(other).module
    if new is None or called[0] is None:  # gone, with the path and the settings
        return False
    if any(module is new for module in called):
        return all(module is new for module in called)
    return len(set(map(id, called))) == len(called) and _settings(other) == _settings(run[0])


def _scope(module: ModuleCall) -> Scope:
    assert module.scope is not None
    return module.scope


def _settings(module: ModuleCall) -> str:
    return f"{_scope(module).kind}({_scope(module).detail})"


def _written(box: _Box, nesting: Nesting) -> list[Hashable]:
    """Return what was recorded in `box`, in a form that is equal for two boxes that did the same."""
    nodes = nesting.graph.nodes
    here = {index: place for place, index in enumerate(box.operations)}
    entries = {index: place for place, index in enumerate(sorted(box.reads))}
    found: list[Hashable] = []
    for node in (nodes[index] for index in box.operations):
        operands: list[Hashable] = []
        for source, constant, *_ in node.operands:
            if source is None:
                operands.append(("number", repr(constant)))
            elif source in here:
                operands.append(("operation", here[source]))
            elif source in entries:
                operands.append(("entry", entries[source], nodes[source].shape, nodes[source].dtype))
            else:
                leaf = nodes[source]
                operands.append((leaf.op, leaf.name, leaf.shape, leaf.dtype))
        params = tuple((name, _frozen(value)) for name, value in sorted(node.params.items()))
        found.append((node.op, node.name, node.shape, node.dtype, tuple(operands), params))
    return found


def _frozen(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, tuple | list):
        return tuple(map(_frozen, value))
    return repr(value)


def _standing_for(run: list[ModuleCall]) -> ModuleCall:
    """Return the box that is drawn in the place of all of `run`."""
    first, count = run[0], len(run)
    if _scope(run[1]).module is _scope(first).module:
        told = f"{first.told}, called {count} times in a row with the same parameters"
        return replace(first, told=told, more=f"×{count}, same parameters")
    paths = [module.named for module in run]
    label = clean(first.label.replace(paths[0], _span(paths), 1)) if paths[0] else first.label
    told = f"{', '.join(paths)}: {count} modules in a row, each {_settings(first)}"
    sizes = {id(p): p.array.size for module in run for p in _scope(module).module.parameters()}  # shared ones once
    return replace(first, label=label, told=told, size=sum(sizes.values()), more=f"+{count - 1} more like it")


def _span(paths: list[str]) -> str:
    """Return the first and the last of `paths` in short: places in one list as a range.

    >>> _span(["layers.0", "layers.1", "layers.2"]), _span(["a", "b"]), _span(["a.fc", "b.fc", "head"])
    ('layers.0–2', 'a, b', 'a.fc … head')
    """
    above, places = zip(*(path.rpartition(".")[::2] for path in paths), strict=True)
    if len(set(above)) == 1 and all(place.isdigit() for place in places):
        return f"{paths[0]}–{places[-1]}"
    return f"{paths[0]}{', ' if len(paths) == 2 else ' … '}{paths[-1]}"
