"""Two runs of one program side by side: what the one library answers where the other does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.fuzz.program import Program
from tests.fuzz.run import Answer, Refused, Run

LEVELS = ("value", "gradient", "second")
UNITS = {"float16": 1e-3, "float32": 1.2e-7, "float64": 2.3e-16}
SMALL = 1e-3  # what is lost where large numbers cancel is no difference
ROOM = 64  # units of rounding that two orders of summation may be apart without a closer look


@dataclass(frozen=True)
class Difference:
    """The first answer in which two runs differ.

    Attributes:
        level: "value", "gradient" or "second".
        kind: "shape", "dtype", "wrong" (another number), "sign" (of an infinity alone), "nan" (NaN for a number),
            "number" (a number for NaN), "refused" (an error for an answer), "accepted" (an answer for an error).
        line: the line, for a value.
        index: of which result or leaf.
        found, expected: the two answers.
    """

    level: str
    kind: str
    line: int | None = None
    index: int = 0
    found: Any = None
    expected: Any = None


@dataclass
class Comparison:
    """What was compared before the first difference: how often each level was answered, and refused, by both."""

    difference: Difference | None
    lines: int = 0  # that were compared and agree
    refused: frozenset[int] = frozenset()  # lines that both refuse
    levels: tuple[str, ...] = ()


def compared(program: Program, ours: Run, theirs: Run, unit: float) -> Comparison:
    """Compare the runs up to the first difference; numbers may be `unit` apart, relative to the largest."""
    refused = set()
    for number, (a, b) in enumerate(zip(ours.lines, theirs.lines, strict=True)):
        if isinstance(a, Refused) and isinstance(b, Refused):
            refused.add(number)
            continue
        difference = _of_answers("value", a, b, unit, number)
        if difference:
            return Comparison(difference, number, frozenset(refused))
    for name in ours.end:
        kind = _of_values(ours.end[name], theirs.end.get(name), unit)
        if kind:
            line = max(i for i, x in enumerate(program.lines) if not x.targets or name in x.targets)
            end = Difference("value", kind, line, 0, ours.end[name], theirs.end.get(name))
            return Comparison(end, line, frozenset(refused))
    levels = ["value"]
    for level in LEVELS[1:]:
        a, b = getattr(ours, level), getattr(theirs, level)
        if isinstance(a, Refused) and isinstance(b, Refused):
            break
        difference = _of_answers(level, a, b, unit)
        if difference:
            return Comparison(difference, len(ours.lines), frozenset(refused), tuple(levels))
        levels.append(level)
    return Comparison(None, len(ours.lines), frozenset(refused), tuple(levels))


def answer_of(run: Run, difference: Difference) -> Any:
    """The answer of `run` at the place of `difference`: an array, what else is there, or Refused."""
    found = run.lines[difference.line] if difference.line is not None else getattr(run, difference.level)
    return found if isinstance(found, Refused) else list(_flat(found))[difference.index]


def unit_of(program: Program, ours: Run) -> float:
    """What numbers may differ by, relative to the largest: by the coarsest dtype on the way."""
    arrays = [x.array for x in program.leaves]
    arrays += [x for answer in ours.lines if not isinstance(answer, Refused) for x in _flat(answer)]
    names = {x.dtype.name for x in arrays if isinstance(x, np.ndarray)}
    text = " ".join(line.text for line in program.lines)
    if "float16" in names or ".half()" in text:
        return 16 * UNITS["float16"]
    low = "float32" in names or ".float()" in text or "float32" in text
    return ROOM * UNITS["float32"] if low else 2**12 * UNITS["float64"]


def _of_answers(level: str, a: Answer, b: Answer, unit: float, line: int | None = None) -> Difference | None:
    if isinstance(a, Refused) or isinstance(b, Refused):
        return Difference(level, "refused" if isinstance(a, Refused) else "accepted", line, 0, a, b)
    one, other = list(_flat(a)), list(_flat(b))
    if len(one) != len(other):
        return Difference(level, "shape", line, 0, a, b)
    for index, (x, y) in enumerate(zip(one, other, strict=True)):
        kind = _of_values(x, y, unit)
        if kind:
            return Difference(level, kind, line, index, x, y)
    return None


def _flat(answer: Any) -> Iterator[Any]:
    for value in answer:
        if isinstance(value, tuple):
            yield from _flat(value)
        else:
            yield value


def _of_values(a: Any, b: Any, unit: float) -> str | None:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return None if isinstance(a, np.ndarray) == isinstance(b, np.ndarray) else "shape"
    if a.shape != b.shape:
        return "shape"
    if a.dtype != b.dtype:
        return "dtype"
    if a.dtype.kind != "f":
        return None if np.array_equal(a, b) else "wrong"
    if np.array_equal(a, b):
        return None
    return of_numbers(a.astype(np.float64), b.astype(np.float64), unit)


def of_numbers(a: np.ndarray, b: np.ndarray, unit: float) -> str | None:
    """How the floating point numbers differ: "wrong", "sign", "nan", "number", or None."""
    both = ~np.isnan(a) & ~np.isnan(b)
    far = beyond(a, b, unit * (np.abs(b) + scale(b) + SMALL)) & both
    if far.any():
        return "sign" if (np.abs(a[far]) == np.inf).all() and (a[far] == -b[far]).all() else "wrong"
    if (np.isnan(a) & ~np.isnan(b)).any():
        return "nan"
    return "number" if (np.isnan(b) & ~np.isnan(a)).any() else None


def beyond(a: np.ndarray, b: np.ndarray, room: Any) -> np.ndarray:
    """Whether finite numbers are further apart than `room`, or one is infinite that the other is not."""
    with np.errstate(invalid="ignore", over="ignore"):
        far = ~(np.abs(a - b) <= room)
    finite = np.isfinite(a) & np.isfinite(b)
    return np.where(finite, far, a != b)


def scale(x: np.ndarray) -> float:
    """The largest of the numbers that are finite."""
    return float(np.abs(x[np.isfinite(x)]).max(initial=0))
