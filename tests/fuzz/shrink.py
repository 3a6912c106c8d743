"""A failing program made small: fewer lines, one output, plain numbers, while it fails in the same way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.fuzz.compare import Difference
from tests.fuzz.program import NAME, Leaf, Line, Program
from tests.fuzz.settle import Peer, failing_as

SECONDS = 4.0  # for one program
PLAIN = (1.0, 0.0, 2.0, -1.0)


def shrunk(
    program: Program, peer: Peer, difference: Difference, seconds: float = SECONDS
) -> tuple[Program, Difference]:
    """The smallest program found that fails as `difference` tells, and how it does."""
    end = time.monotonic() + seconds
    smaller = True
    while smaller and time.monotonic() < end:
        smaller = False
        for candidate in _smaller(program, difference.level == "value"):
            if time.monotonic() > end:
                break
            found = failing_as(candidate, peer, difference)
            if found is not None:
                program, difference, smaller = candidate, found, True
                break
    return program, difference


def _smaller(program: Program, value: bool) -> Iterator[Program]:
    """Programs a step simpler, the boldest steps first; for a `value`, nothing need be differentiated."""
    if value and program.outputs:
        yield replace(program, outputs=())
    yield from _shorter(program)
    lifted = program.lifted()
    if lifted is not None:
        yield lifted
    if program.twice:
        yield replace(program, twice=False)
    yield from (x for x in _with_one_output(program) if x != program)
    yield from _without_a_line(program)
    yield from _with_plain_leaves(program)


def _shorter(program: Program) -> Iterator[Program]:
    """The first lines only, the values of the last one the output."""
    for n in range(1, len(program.lines)):
        lines = program.lines[:n]
        made = [name for line in lines for name in line.targets if program.outputs]
        yield replace(program, lines=lines, outputs=tuple(made[-1:])).pruned()


def _with_one_output(program: Program) -> Iterator[Program]:
    if len(program.outputs) > 1:
        yield from (replace(program, outputs=(name,)) for name in program.outputs)


def _without_a_line(program: Program) -> Iterator[Program]:
    """Each line left out; what reads its value reads what it was made of."""
    for number, line in reversed(list(enumerate(program.lines))):
        rest = program.lines[:number] + program.lines[number + 1 :]
        used = set(program.outputs).union(*(x.reads for x in rest))
        if not rest:
            continue
        if not used & set(line.targets):
            yield replace(program, lines=rest).pruned()
            continue
        for name in sorted(line.reads):
            swap = dict.fromkeys(line.targets, name)
            lines = tuple(_renamed(x, swap) for x in rest)
            outputs = tuple(dict.fromkeys(swap.get(x, x) for x in program.outputs))
            if lines != rest or not set(outputs) & {x.name for x in program.leaves}:
                yield replace(program, lines=lines, outputs=outputs).pruned()
    for number, line in enumerate(program.lines):
        if line.silent:
            yield _with_line(program, number)


def _renamed(line: Line, names: dict[str, str]) -> Line:
    return replace(line, text=NAME.sub(lambda m: names.get(m[0], m[0]), line.text))


def _with_line(program: Program, number: int) -> Program:
    lines = list(program.lines)
    lines[number] = replace(lines[number], silent=False)
    return replace(program, lines=tuple(lines))


def _with_plain_leaves(program: Program) -> Iterator[Program]:
    for number, leaf in enumerate(program.leaves):
        if leaf.tracked and len(program.tracked) > 1:
            yield _with_leaf(program, number, replace(leaf, tracked=False))
        if leaf.array.dtype.kind != "f":
            continue
        if leaf.array.dtype != np.float64:
            yield _with_leaf(program, number, replace(leaf, array=leaf.array.astype(np.float64)))
        yield from (_with_leaf(program, number, replace(leaf, array=x)) for x in _plainer(leaf.array))


def _plainer(array: np.ndarray) -> Iterator[np.ndarray]:
    """All elements 1, then each for itself one of the plain numbers, in place of those that are none."""
    simple = np.isin(array, PLAIN)
    if not simple.all() and array.size > 1:
        yield np.ones_like(array)
        yield np.where(simple, array, np.round(np.nan_to_num(array, posinf=2, neginf=-2)).clip(-2, 2)).astype(
            array.dtype
        )
    for place in np.argwhere(~simple):
        for value in PLAIN:
            changed = array.copy()
            changed[tuple(place)] = value
            yield changed


def _with_leaf(program: Program, number: int, leaf: Leaf) -> Program:
    leaves = list(program.leaves)
    leaves[number] = leaf
    return replace(program, leaves=tuple(leaves))
