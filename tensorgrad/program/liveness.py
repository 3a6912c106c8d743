"""Which steps of a program are needed, and which memory can be used again when."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tensorgrad.base.numerics import LINE

from .contents import Program, Step
from .forms import chosen, copied, filled

_ACTS = ("check", "draw", "exchange", "publish", "outside")
_SILENT = frozenset((
    np.maximum, np.minimum, np.fmax, np.fmin, np.isfinite, np.isnan, np.isinf, np.signbit, np.sign, np.positive,
    np.negative, np.absolute, np.copysign, np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.equal,
    np.not_equal, np.concatenate, np.stack, chosen, filled,
))  # fmt: skip
"""What raises no error and warns of nothing, whatever the numbers are."""


def needed(program: Program) -> tuple[list[Step], list[Step]]:
    """Return the steps without which a result, memory outside, a check, a draw, an error or a warning would be another.

    They are those of the first part, and those of the second one.
    """
    part = len(program.steps) if program.part is None else program.part
    later = _needed(program, program.steps[part:], set(program.later))
    read = {n for step in later for n in (*program.reads(step), *step.writes)}
    return _needed(program, program.steps[:part], {*program.results, *read}), later


def _needed(program: Program, among: list[Step], read: set[int]) -> list[Step]:
    """Return what is needed of some steps, after which the values `read` are read."""
    outside = program.outside()
    live = program.blocks_of(read)
    steps: list[Step] = []
    for step in reversed(among):
        if step.kind in ("fetch", "view") and step.out not in read:
            continue
        made = () if step.out is None else (step.out,)
        targets = program.blocks_of((*step.writes, *made))
        if _acts(step) or targets & live or program.blocks_of(step.writes) & outside:
            if step.kind == "call":
                live -= program.blocks_of(made)
            live |= program.blocks_of((*program.reads(step), *step.writes))
            read.update((*program.reads(step), *step.writes))
            steps.append(step)
    return steps[::-1]


def _acts(step: Step) -> bool:
    """Return whether a step is needed though nobody reads what it makes: it may say something of its numbers."""
    if step.kind != "call":
        return step.kind in _ACTS
    function = getattr(step.function, "__self__", None)  # the ufunc of a reduction
    if not isinstance(function, np.ufunc):
        function = step.function
    told = step.loud if isinstance(function, np.ufunc) or function is copied else True
    return told and function not in _SILENT


def lifetimes(
    program: Program, first: list[Step], later: list[Step], apart: Collection[int]
) -> dict[int, tuple[int, int]]:
    """Return for each block of a program's own, but those `apart`, the index of the first and the last step with it.

    What the second part reads of the first one is kept to the end.
    """
    found: dict[int, tuple[int, int]] = {}
    total = len(first) + len(later)
    for index, step in enumerate([*first, *later]):
        for number in program.touches(step):
            value = program.values[number]
            if value.kind == "own" and value.block not in apart:
                start, _ = found.get(value.block, (index, index))
                found[value.block] = start, total if start < len(first) <= index else index
    return found


def placed(sizes: dict[int, int], lives: dict[int, tuple[int, int]]) -> tuple[dict[int, int], int]:
    """Return where each block lies in one piece of memory, and the size of that: first fit, in the order of time.

    Blocks that are never needed at once may share their place.

    >>> placed({0: 64, 1: 10, 2: 64}, {0: (0, 1), 1: (1, 3), 2: (2, 4)})
    ({0: 0, 1: 64, 2: 0}, 128)
    """
    places: dict[int, int] = {}
    held: list[tuple[int, int, int]] = []  # start and end in memory, and the last step
    total = 0
    for block, (first, last) in sorted(lives.items(), key=lambda item: item[1]):
        held = sorted(part for part in held if part[2] >= first)
        size = -(-sizes[block] // LINE) * LINE
        at = 0
        for start, end, _ in held:
            if start - at >= size:
                break
            at = max(at, end)
        places[block] = at
        held.append((at, at + size, last))
        total = max(total, at + size)
    return places, total
