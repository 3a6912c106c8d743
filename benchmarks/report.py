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
from benchmarks.peers import NAMES, OWN, SUBJECT, library
from benchmarks.targets import TARGETS
from benchmarks.timing import Samples, middle, paired_ratios

HEADINGS = (
    "workload", "peer", "µs a step", "eager", "NumPy plan", "C plan",
    "quartiles", "clock", "first step", "memory",
)  # fmt: skip
SHOWN = 6  # columns of the table for the eye
WIDTH = 120
RATIO = "tensorgrad's CPU time by the peer's, the median over all rounds"
EXPLAINED = {
    "µs a step": "CPU time of the process, the median of the turns",
    "eager, NumPy plan, C plan": RATIO,
    "quartiles": "of the µs a step",
    "clock": "elapsed time by CPU time",
    "first step": "CPU time to set up and to run once, in which some compile",
    "memory": "growth beyond the import, at its peak",
}
Quartiles = tuple[float, float, float]
"""The lower one, the median and the upper one."""


@dataclass(frozen=True)
class Ratio:
    """The time of `own`, one of tensorgrad's, by a peer's; `met` is None where there is no `target`."""

    own: str
    found: Quartiles
    target: float | None
    must: bool
    met: bool | None

    def __str__(self) -> str:
        if self.target is None:
            return f"{self.found[1]:.2f}"
        return (
            f"{self.found[1]:.2f} ({'' if self.met else 'missed: '}{'must be ' if self.must else ''}≤ {self.target:g})"
        )


@dataclass(frozen=True)
class Row:
    """One workload with one peer; times in seconds of CPU, memory in MiB; None is what is not known."""

    workload: str
    peer: str
    step: Quartiles
    clock: float
    first: float
    memory: float | None
    rounds: int
    ratios: tuple[Ratio, ...]

    def cells(self) -> tuple[str, ...]:
        """The row as text, under HEADINGS."""
        low, median, high = (f"{1e6 * seconds:,.0f}" for seconds in self.step)
        ratios = {ratio.own: str(ratio) for ratio in self.ratios}
        memory = "" if self.memory is None else f"{self.memory:.0f} MiB"
        shown = (self.workload, self.peer, median, *(ratios.get(own, "") for own in OWN))
        return *shown, f"{low} to {high}", f"{self.clock:.2f}", f"{self.first:.2f} s", memory


def rows_of(workload: str, results: dict[str, Samples]) -> list[Row]:
    """The rows of one workload, in the order in which the peers took turns."""
    return [
        Row(
            workload=workload,
            peer=peer,
            step=middle(samples.cpu),
            clock=sum(samples.wall) / sum(samples.cpu),
            first=samples.first,
            memory=samples.memory,
            rounds=len(samples.cpu),
            ratios=tuple(_ratio(own, workload, peer, results) for own in OWN if own in results and peer not in OWN),
        )
        for peer, samples in results.items()
    ]


def _ratio(own: str, workload: str, peer: str, results: dict[str, Samples]) -> Ratio:
    found = middle(paired_ratios(results[own], results[peer]))
    target = TARGETS.get((own, workload, peer))
    if target is None:
        return Ratio(own, found, None, False, None)
    return Ratio(own, found, target.ratio, target.must, found[1] <= target.ratio)


def print_table(rows: list[Row]) -> None:
    """Print the rows; those with a target that is missed are red."""
    table = Table(caption=f"eager, plans: {RATIO}")
    for column, heading in enumerate(HEADINGS[:SHOWN]):
        table.add_column(heading, justify="left" if column < 2 else "right", no_wrap=True)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        met = [ratio.met for ratio in row.ratios if ratio.met is not None]
        style = None if not met else "green" if all(met) else "red"
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
    """Return what the times were measured on; the kernels of NumPy's BLAS decide as much as the processor."""
    return f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, one of them used; {_kernels()}"


def _kernels() -> str:
    try:
        from threadpoolctl import threadpool_info  # an optional library: imported when used
    except ImportError:
        return "the kernels of NumPy's BLAS are not known: threadpoolctl is not installed"
    found = [
        f"{one['internal_api']} {one['version']} for {one['architecture']}"
        for one in threadpool_info()
        if one["user_api"] == "blas" and "numpy" in one["filepath"]
    ]
    chosen = " (by OPENBLAS_CORETYPE)" if os.environ.get("OPENBLAS_CORETYPE") else ""
    return f"NumPy's products by {found[0]}{chosen}" if found else "a BLAS that threadpoolctl does not know"


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
