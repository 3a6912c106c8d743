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

from .nesting import ModuleCall, Nesting
from .text import clean


@dataclass
class _Box:
    """A closed module: its operations, the nodes outside that it reads, and those in it that are read outside."""

    module: ModuleCall
    operations: list[int] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)
    gives: set[int] = field(default_factory=set)


def alike(nesting: Nesting) -> dict[ModuleCall, ModuleCall]:
    """Return for every closed module that is drawn as one with others the module that stands for all of them."""
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
    nodes = nesting.graph.nodes
    for node in nodes:
        module = nesting.alone(node.index)
        if module is not None and module.scope is not None and not node.is_leaf:
            boxes.setdefault(module, _Box(module)).operations.append(node.index)
    for edge in nesting.graph.edges():
        tail, head = nesting.alone(edge.source), nesting.alone(edge.target)
        if tail is head or (tail and nodes[edge.source].is_leaf):
            continue  # inside, or a weight that several calls share
        readers[edge.source].add(head)
        if tail in boxes:
            boxes[tail].gives.add(edge.source)
        if head in boxes:
            boxes[head].reads.add(edge.source)
    for index in nesting.graph.outputs:
        readers[index].add(None)
        holder = nesting.alone(index)
        if holder in boxes:
            boxes[holder].gives.add(index)
    return boxes, readers


def _following(
    box: _Box, boxes: dict[ModuleCall, _Box], readers: dict[int, set[ModuleCall | None]], nesting: Nesting
) -> ModuleCall | None:
    """Return the module that alone reads the only result of `box`, and nothing else."""
    if len(box.gives) != 1 or not box.operations:
        return None
    (result,) = box.gives
    if len(readers[result]) != 1:
        return None
    (reader,) = readers[result]
    if reader is None or reader not in boxes or boxes[reader].reads != {result}:
        return None
    same_frame = nesting.around(boxes[reader].operations[0]) == nesting.around(box.operations[0])
    return reader if same_frame else None


def _run(
    first: ModuleCall, boxes: dict[ModuleCall, _Box], following: dict[ModuleCall, ModuleCall | None], nesting: Nesting
) -> list[ModuleCall]:
    """Return `first` and those behind it that are alike: all calls of the same module, or each of another one."""
    written = _written(boxes[first], nesting)
    run, at = [first], following[first]
    while at is not None and _fits(run, at) and _written(boxes[at], nesting) == written:
        run.append(at)
        at = following[at]
    return run


def _fits(run: list[ModuleCall], other: ModuleCall) -> bool:
    """Return whether `other` is the module that was called all along, or one more of different ones."""
    called, new = [_called(module) for module in run], _called(other)
    if new is None or called[0] is None:  # gone, with the path and the settings
        return False
    if any(module is new for module in called):
        return all(module is new for module in called)
    return len(set(map(id, called))) == len(called) and _settings(other) == _settings(run[0])


def _called(module: ModuleCall) -> Any:
    assert module.scope is not None
    return module.scope.module


def _settings(module: ModuleCall) -> tuple[str, str]:
    assert module.scope is not None
    return module.scope.kind, module.scope.detail


def _written(box: _Box, nesting: Nesting) -> list[Hashable]:
    """Return what was recorded in `box`, in a form that is equal for two boxes that did the same."""
    nodes = nesting.graph.nodes
    here = {index: place for place, index in enumerate(box.operations)}
    entries = {index: place for place, index in enumerate(sorted(box.reads))}
    found: list[Hashable] = []
    for node in (nodes[index] for index in box.operations):
        operands: list[Hashable] = []
        for source, constant in node.operands:
            if source is None:
                operands.append(("number", repr(constant)))
            elif source in here:
                operands.append(("operation", here[source]))
            elif source in entries:
                operands.append(("entry", entries[source], nodes[source].shape, str(nodes[source].dtype)))
            else:
                leaf = nodes[source]
                operands.append((leaf.op, leaf.name, leaf.shape, str(leaf.dtype)))
        params = tuple((name, _frozen(value)) for name, value in sorted(node.params.items()))
        found.append((node.op, node.name, node.shape, str(node.dtype), tuple(operands), params))
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
    if _called(run[1]) is _called(first):
        told = f"{first.told}, called {count} times in a row with the same parameters"
        return replace(first, told=told, more=f"×{count}, same parameters")
    paths = [module.scope.path for module in run if module.scope is not None]
    label = first.label.replace(paths[0], _span(paths), 1)
    told = f"{', '.join(paths)}: {count} modules in a row, each {_settings(first)[0]}({_settings(first)[1]})"
    size = _size(run)
    return replace(first, label=clean(label), told=told, size=size, more=f"+{count - 1} more like it")


def _size(run: list[ModuleCall]) -> int:
    """Return how many parameters all of `run` have, those that they share counted once."""
    shared = {id(p): p.array.size for module in run for p in _called(module).parameters()}
    return sum(shared.values())


def _span(paths: list[str]) -> str:
    """Return the first and the last of `paths` in short: places in one list as a range.

    >>> _span(["layers.0", "layers.1", "layers.2"]), _span(["a", "b"]), _span(["a.fc", "b.fc", "head"])
    ('layers.0–2', 'a, b', 'a.fc … head')
    """
    above, places = zip(*(path.rpartition(".")[::2] for path in paths), strict=True)
    if len(set(above)) == 1 and all(place.isdigit() for place in places):
        return f"{paths[0]}–{places[-1]}"
    return f"{paths[0]}{', ' if len(paths) == 2 else ' … '}{paths[-1]}"
