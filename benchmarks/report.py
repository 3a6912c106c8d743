"""The results as rows, as a table for the eye, as a page of the documentation, and as JSON."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

import tensorgrad
from benchmarks.peers import NAMES, SUBJECT, library
from benchmarks.targets import TARGETS
from benchmarks.timing import Samples, middle, paired_ratios

HEADINGS = ("workload", "peer", "µs a step", "ratio", "target", "quartiles", "clock", "first step", "memory")
SHOWN = 5  # columns of the table for the eye
WIDTH = 100
EXPLAINED = {
    "µs a step": "CPU time of the process, the median of the turns",
    "ratio": "tensorgrad's CPU time by the peer's, the median over all rounds and its quartiles",
    "quartiles": "of the µs a step",
    "clock": "elapsed time by CPU time",
    "first step": "CPU time to set up and to run once, in which some compile",
    "memory": "growth beyond the import, at its peak",
}


@dataclass(frozen=True)
class Row:
    """One workload with one peer; times in seconds of CPU, memory in MiB, ratios of tensorgrad's time by the peer's.

    Quartiles are the lower one, the median and the upper one; None is what is not known or has no meaning.
    """

    workload: str
    peer: str
    step: tuple[float, float, float]
    clock: float
    first: float
    memory: float | None
    rounds: int
    ratio: tuple[float, float, float] | None
    target: float | None
    must: bool
    met: bool | None

    def cells(self) -> tuple[str, ...]:
        """The row as text, under HEADINGS."""
        low, median, high = (f"{1e6 * seconds:,.0f}" for seconds in self.step)
        ratio = "" if self.ratio is None else "{1:.2f} ({0:.2f} to {2:.2f})".format(*self.ratio)
        met = {None: "", True: ": met", False: ": missed"}[self.met]
        target = "" if self.target is None else f"{'must' if self.must else 'aim'} ≤ {self.target:g}{met}"
        memory = "" if self.memory is None else f"{self.memory:.0f} MiB"
        shown = (self.workload, self.peer, median, ratio, target)
        return *shown, f"{low} to {high}", f"{self.clock:.2f}", f"{self.first:.2f} s", memory


def rows_of(workload: str, results: dict[str, Samples]) -> list[Row]:
    """The rows of one workload, in the order in which the peers took turns."""
    rows = []
    ours = results.get(SUBJECT)
    for peer, samples in results.items():
        ratio = None if ours is None or peer == SUBJECT else middle(paired_ratios(ours, samples))
        target = TARGETS.get((workload, peer))
        rows.append(
            Row(
                workload=workload,
                peer=peer,
                step=middle(samples.cpu),
                clock=sum(samples.wall) / sum(samples.cpu),
                first=samples.first,
                memory=samples.memory,
                rounds=len(samples.cpu),
                ratio=ratio,
                target=target.ratio if target else None,
                must=bool(target and target.must),
                met=None if target is None or ratio is None else ratio[1] <= target.ratio,
            )
        )
    return rows


def print_table(rows: list[Row]) -> None:
    """Print the rows; a target that is missed is red."""
    table = Table(caption=f"ratio: {EXPLAINED['ratio']}")
    for column, heading in enumerate(HEADINGS[:SHOWN]):
        table.add_column(heading, justify="left" if column < 2 else "right", no_wrap=True)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        style = {None: None, True: "green", False: "red"}[row.met]
        last = following is None or following.workload != row.workload
        table.add_row(*row.cells()[:SHOWN], style=style, end_section=last)
    console = Console()
    console.width = max(console.width, WIDTH)
    console.print(table)


def versions(missing: list[str]) -> dict[str, str]:
    """Return the version of Python, and of every library that is measured, by its name."""
    found = {"python": platform.python_version(), SUBJECT: tensorgrad.__version__}
    for name in {library(peer) for peer in NAMES if peer not in {SUBJECT, *missing}}:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # imported from a checkout
            found[name] = "checkout"
    return dict(sorted(found.items()))


def machine() -> str:
    """Return what the times were measured on."""
    return f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, one of them used"


def write_json(path: Path, rows: list[Row], missing: list[str]) -> None:
    """Write the rows with the versions they were measured with."""
    content = {
        "machine": machine(),
        "versions": versions(missing),
        "not_installed": missing,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def table_of(rows: list[Row]) -> str:
    """Return the rows as a table of a document."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
