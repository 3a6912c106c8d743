"""The mutation run: `make mutants` puts faults into every rule and into the sweeps; the suite's checks must see each.

It prints a table of killed by injected, and ends with status 1 if a mutant survives that is not provably equivalent.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tensorgrad.engine.primitive import PRIMITIVES
from tests.cases import OF_REALS
from tests.mutants.engine import ENGINE_FAULTS
from tests.mutants.faults import mutants
from tests.mutants.judge import engine_noticed, noticed, proof

ENGINE = "the engine"
CONTROL = "nothing"  # the right rule in the same machinery: were it rejected, other mutants would die for that reason


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: how it was noticed, or why it cannot be; neither for one that survived."""

    primitive: str
    fault: str
    mutant: str
    noticed: str | None
    equivalent: str | None = None

    @property
    def survived(self) -> bool:
        return self.noticed is None and self.equivalent is None


def judged(name: str) -> list[Verdict]:
    """The verdicts on all mutants of the primitive `name`, or of the engine."""
    if name == ENGINE:
        return [Verdict(ENGINE, "engine", str(fault), engine_noticed(fault)) for fault in ENGINE_FAULTS]
    verdicts = []
    for mutant in mutants(PRIMITIVES[name]):
        found = noticed(mutant)
        if mutant.touched and (found or mutant.fault != CONTROL):
            verdicts.append(Verdict(name, mutant.fault, str(mutant), found, None if found else proof(mutant)))
    return verdicts


def print_table(verdicts: list[Verdict]) -> None:
    """Rows are primitives, columns faults, a cell is killed/injected; a fault of a parameter counts as "wrong"."""
    cells: dict[str, Counter[str]] = defaultdict(Counter)
    killed: dict[str, Counter[str]] = defaultdict(Counter)
    columns: dict[str, None] = {}
    for v in verdicts:
        if v.equivalent is None:
            column = "wrong parameter" if v.fault.startswith("wrong ") else v.fault
            columns[column] = None
            cells[v.primitive][column] += 1
            killed[v.primitive][column] += v.noticed is not None
    for k, column in enumerate(columns):
        print(f"{'':14}{'   |  ' * k}   {column}")
    for name, row in cells.items():
        texts = [f"{killed[name][c]}/{row[c]}" if row[c] else "·" for c in columns]
        print(f"{name:14}" + "".join(f"{text:>6}" for text in texts))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"primitives, or {ENGINE!r}; default: all")
    parser.add_argument("--processes", type=int, default=2, help="how many to use (%(default)s)")
    arguments = parser.parse_args()
    names = arguments.names or [ENGINE, *OF_REALS]
    start = time.perf_counter()
    with ProcessPoolExecutor(arguments.processes) as pool:
        found = [v for verdicts in pool.map(judged, names) for v in verdicts]
    verdicts = [v for v in found if v.fault != CONTROL]
    rejected = [v for v in found if v.fault == CONTROL]
    print_table(verdicts)
    equivalent = [v for v in verdicts if v.equivalent is not None]
    survived = [v for v in verdicts if v.survived]
    print("\nprovably equivalent:")
    for (name, fault, reason), times in Counter((v.primitive, v.fault, v.equivalent) for v in equivalent).items():
        print(f"  {name}: {fault} ({times} times): {reason}")
    for v in survived:
        print(f"SURVIVED  {v.mutant}")
    for v in rejected:
        print(f"REJECTED  {v.mutant}: the right rule ({v.noticed})")
    count = len(verdicts) - len(equivalent)
    print(
        f"\nkilled {count - len(survived)} out of {count} (provably equivalent: {len(equivalent)}) "
        f"in {time.perf_counter() - start:.0f} s"
    )
    if not count:
        print("nothing was injected: that proves nothing")
    return 1 if survived or rejected or not count else 0


if __name__ == "__main__":
    sys.exit(main())
