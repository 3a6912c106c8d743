"""What came of all programs: a table by operation, what was excused and why, the failures as scripts, and JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.fuzz.exceptions import EXCEPTIONS
from tests.fuzz.trial import Result

LEVELS = {"value": "values", "gradient": "gradients", "second": "second gradients"}
SHOWN = ("refused", "NaN", "wrong", "number", "alone")


class Report:
    """Counts that grow with every result."""

    def __init__(self, seed: int, peer: str) -> None:
        self.seed, self.peer = seed, peer
        self.programs = 0
        self.outcomes: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.exempt: Counter[int] = Counter()
        self.failures: dict[str, list[Result]] = defaultdict(list)

    def add(self, result: Result) -> None:
        self.programs += 1
        self.outcomes[result.outcome] += 1
        self.counts += result.counts
        if result.exempt is not None:
            self.exempt[result.exempt] += 1
        if result.failure:
            self.failures[result.failure].append(result)

    def print(self, seconds: float) -> None:
        console = Console(width=140, highlight=False, soft_wrap=True, markup=False)
        console.print(self._table())
        console.print("\nexcused, by the table in tests/fuzz/exceptions.py:")
        for index, times in sorted(self.exempt.items()):
            line = EXCEPTIONS[index]
            console.print(f"  {times:6} {line.kinds}: {line.pattern or 'any'}: {line.reason}")
        for failure, found in sorted(self.failures.items()):
            first = min(found, key=lambda x: len(x.script))
            console.rule(style="default")
            numbers = ", ".join(str(x.number) for x in sorted(found, key=lambda x: x.number)[:5])
            console.print(f"FAILED {failure} ({len(found)} times, seed {self.seed}, program {numbers})\n")
            console.print(first.script)
        console.print(f"\n{self.summary(seconds)}")

    def summary(self, seconds: float) -> str:
        by = {column: self._sum(None, None, column) for column in ("answered", *SHOWN, "refused by both")}
        told = ", ".join(f"{n} {column}" for column, n in by.items() if n)
        outcomes = ", ".join(f"{n} {name}" for name, n in self.outcomes.most_common())
        failed = sum(map(len, self.failures.values()))
        return (
            f"{self.programs} programs against {self.peer} in {seconds:.0f} s: {outcomes}\noperations: {told}\n"
            f"{failed} failures of {len(self.failures)} kinds"
        )

    def _sum(self, op: str | None, level: str | None, column: str) -> int:
        return sum(n for (o, x, c), n in self.counts.items() if c == column and op in {None, o} and level in {None, x})

    def _table(self) -> Table:
        """A row for each operation: for each level how often it was answered, and what else came of it."""
        table = Table("operation", *LEVELS.values(), "refused by both", box=None)
        for op in sorted({op for op, _, _ in self.counts}, key=str.lower):
            cells = []
            for level in LEVELS:
                others = (f"{n} {c}" for c in SHOWN if (n := self.counts[op, level, c]))
                cells.append(", ".join([str(self.counts[op, level, "answered"]), *others]))
            table.add_row(op, *cells, str(self.counts[op, "value", "refused by both"] or ""))
        return table

    def write(self, path: Path) -> None:
        """The same as JSON: by operation, level and column."""
        operations: dict[str, Any] = defaultdict(lambda: defaultdict(dict))
        for (op, level, column), n in sorted(self.counts.items()):
            operations[op][level][column] = n
        found = {
            "seed": self.seed,
            "peer": self.peer,
            "programs": self.programs,
            "outcomes": self.outcomes,
            "operations": operations,
            "excused": {EXCEPTIONS[i].reason: n for i, n in sorted(self.exempt.items())},
            "failures": {name: [x.number for x in found] for name, found in sorted(self.failures.items())},
            "scripts": {name: found[0].script for name, found in sorted(self.failures.items())},
        }
        path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
