"""One program: generated, run on both libraries, compared, settled, and made small where it fails."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fuzz import peers
from tests.fuzz.exceptions import EXCEPTIONS, exception_of
from tests.fuzz.generator import generated
from tests.fuzz.program import Program
from tests.fuzz.settle import Verdict, judged
from tests.fuzz.shrink import shrunk

COLUMNS = {"refused": "refused", "nan": "NaN", "accepted": "alone", "number": "number"}


@dataclass(frozen=True)
class Result:
    """What came of a program.

    Attributes:
        counts: by operation, level and column.
        outcome: "answered", "refused" (by both), or how it differs.
        exempt: the number of the line of the table that it falls under.
        failure, script: what differs, in a word and as a script, where nothing excuses it.
    """

    number: int
    outcome: str
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    exempt: int | None = None
    failure: str = ""
    script: str = ""


def tried(seed: int, number: int, peer: str, tell: Callable[[object], object] = id) -> Result:
    """What comes of the program `number` of `seed`; `tell` is called with each line before it is run."""
    library = peers.PEERS[peer]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy about NaN, of PyTorch about its plans
        program = generated(seed, number, library.style, tell)
        verdict = judged(program, library.run)
        difference = verdict.failure
        if difference is None:
            return Result(number, _outcome(verdict), counted(program, verdict))
        line = exception_of(program, difference) if difference.level == "value" else None
        if line is None:
            program, difference = shrunk(program, library.run, difference)
            line = exception_of(program, difference)
            verdict = Verdict(judged(program, library.run).comparison, difference)
    counts = counted(program, verdict)
    if line is not None:
        return Result(number, difference.kind, counts, EXCEPTIONS.index(line))
    found, expected = str(difference.found), str(difference.expected)
    told = f"{difference.level} {difference.kind}: {', '.join(sorted(set(program.ops)))}"
    return Result(number, difference.kind, counts, None, told, program.source(difference.level, found, expected))


def lost(seed: int, number: int, peer: str, kind: str) -> Result:
    """The program that ended its process, or never ended: to be looked at where it does no harm."""
    command = f"python -m tests.fuzz --seed {seed} --peer {peer} --only {number}"
    return Result(number, kind, failure=f"{kind} of a process", script=f"{command}  # shows each line before it is run")


def _outcome(verdict: Verdict) -> str:
    if verdict.comparison.difference is not None:
        return verdict.why or "answered"
    return "answered" if verdict.comparison.levels else "refused"


def counted(program: Program, verdict: Verdict) -> Counter[tuple[str, str, str]]:
    """How often each operation was answered or not, at each level."""
    counts: Counter[tuple[str, str, str]] = Counter()
    comparison, difference = verdict.comparison, verdict.comparison.difference
    for number, op in enumerate(program.ops[: comparison.lines]):
        counts[op, "value", "refused by both" if number in comparison.refused else "answered"] += 1
    for level in comparison.levels[1:]:
        counts.update((op, level, "answered") for op in program.ops)
    if difference is not None:
        column = "answered" if verdict.failure is None else COLUMNS.get(difference.kind, "wrong")
        ops = program.ops[difference.line : difference.line + 1] if difference.line is not None else program.ops
        counts.update((op, difference.level, column) for op in ops)
    return counts
