"""From numbers to programs: a builder that runs what it writes, so that every line fits the values that are there."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd import backward
from tensorgrad.base.dtypes import Array
from tensorgrad.errors import TensorgradError

from .program import Line, Program, execute, leaf_of, module_of
from .shaking import shaking
from .vocabulary import CUTS, ROWS, WRITES, Operand, Row, acceptable

Code = tuple[int, int, int, int, int, int]
"""What decides on one line: the row, three operands counted from the most recent value, and two free numbers."""

_NAME = re.compile(r"\bv\d+\b")


def built(
    codes: Sequence[Code], shape: Sequence[int] = (2,), leaves: int = 1, seed: int = 0, in_place: bool = False
) -> Program:
    """Return the program that `codes` decide on, one line each; the same codes give the same program.

    Args:
        codes: for each line the row of the vocabulary, three operands (0 is the most recent value) and two numbers that
            choose axes, indices and shapes. Where a row does not apply, the next one that does is taken.
        shape: of the first leaf; those of the others broadcast with it.
        leaves: how many tensors it starts from, 1 to 3.
        seed: decides on their values.
        in_place: use rows that write into memory, where the engine records such writes.
    """
    values = _values(tuple(shape), leaves, seed)
    builder = _Builder({**ROWS, **CUTS, **(WRITES if in_place else {})}, values)
    for code in codes:
        builder.append(code)
    return Program(values, tuple(builder.lines), builder.unread())


MOST_WRITES = 3  # each is tried on the whole program so far, backward included


class _Builder:
    """A program that grows line by line and is run as it does, so that each line fits what is there."""

    def __init__(self, rows: dict[str, Row], leaves: Sequence[Array]) -> None:
        self.rows = list(rows.items())
        self.names: dict[str, Any] = {
            "xp": module_of("tensorgrad"),
            **{f"v{i}": leaf_of(x) for i, x in enumerate(leaves)},
        }
        self.order = [f"v{i}" for i in range(len(leaves))]
        self.leaves = list(self.order)
        self.lines: list[Line] = []

    def append(self, code: Code) -> None:
        """Add the line that `code` decides on, or the next one that is possible."""
        first, *places, p, q = code
        operands = [self._operand(place) for place in places]
        for k in range(len(self.rows)):
            op, row = self.rows[(first + k) % len(self.rows)]
            text = row(operands[0], operands[1], operands[2], p, q)
            if text is not None and self._accepted(op, text, operands[0].name):
                return
        raise AssertionError("no row applies; sin always does")

    def _operand(self, place: int) -> Operand:
        name = self.order[-1 - place % len(self.order)]
        value = self.names[name]
        return Operand(name, value.array, value.requires_grad)

    def _accepted(self, op: str, text: str, written: str) -> bool:
        if op in WRITES:
            return sum(x.target is None for x in self.lines) < MOST_WRITES and self._written(
                Line(op, text, None, cut=False), written
            )
        line = Line(op, text, f"v{len(self.order)}", cut=op in CUTS)
        names = dict(self.names)
        with np.errstate(all="ignore"):
            execute(line, names)
        assert line.target is not None
        if not acceptable(names[line.target].array):
            return False
        self.names = names
        self.order.append(line.target)
        self.lines.append(line)
        return True

    def _written(self, line: Line, name: str) -> bool:
        """Return whether `line` may write to `name`: not to a leaf, nor over a value that a gradient needs."""
        leaves = tuple(self.names[leaf].array for leaf in self.leaves)
        if any(np.shares_memory(self.names[name].array, leaf) for leaf in leaves):
            return False
        trial = Program(leaves, (*self.lines, line), tuple(self.order))
        try:
            with shaking(np.random.default_rng(0)):  # as it is checked: its operations read what fused forms need not
                _swept(trial)
            found = _swept(trial)
        except TensorgradError:
            return False  # the engine refuses the write, now or at backward: it is no line of a right program
        if not all(acceptable(y.array) for y in found):
            return False
        execute(line, self.names)
        self.lines.append(line)
        return True

    def unread(self) -> tuple[str, ...]:
        """Return the names of the computed values that no line reads, or of the last value if all are read."""
        read = {name for line in self.lines if line.target is not None for name in _NAME.findall(line.text)}
        found = [name for name in self.order if name not in read and name not in self.leaves]
        return tuple(found or self.order[-1:])


def _swept(program: Program) -> list[Any]:
    """Return the outputs of `program`, after the sweeps back from them have shown that nothing was lost for these."""
    found = program.run()
    tracked = [y.sum() for y in found if y.requires_grad and not y.is_leaf]
    if tracked:  # fused forms, which are not recorded again, read other values than their compositions
        backward(tracked, retain_graph=True)
        backward(tracked, create_graph=True)
    return found


def _values(shape: tuple[int, ...], leaves: int, seed: int) -> tuple[Array, ...]:
    """Return the first values: short decimals, all different, away from 0 and from 1."""
    found, k = [], seed
    for own in (shape, shape, shape[1:])[:leaves]:
        size = math.prod(own)
        points = [round(((7 * (k + i) + 21) % 36) * 0.1 - 1.75, 2) for i in range(size)]
        found.append(np.array(points).reshape(own))
        k += size
    return tuple(found)
