"""The results as rows, as a table for the eye, and as JSON."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import tensorgrad
from benchmarks.peers import NAMES, SUBJECT, library
from benchmarks.targets import TARGETS
from benchmarks.timing import Samples, paired_ratio

HEADINGS = ("workload", "peer", "ms min", "ratio", "target", "met")


@dataclass(frozen=True)
class Row:
    """One workload with one peer; the ratio is tensorgrad's time by the peer's, None where there is none to give."""

    workload: str
    peer: str
    ms_min: float
    ms_median: float
    cpus: float
    rounds: int
    ratio: float | None
    target: float | None
    must: bool
    met: bool | None

    def cells(self) -> tuple[str, ...]:
        """The row as text, under HEADINGS."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        target = "" if self.target is None else f"<= {self.target:g} ({'must' if self.must else 'aim'})"
        met = {None: "", True: "yes", False: "NO"}[self.met]
        return self.workload, self.peer, f"{self.ms_min:.3f}", ratio, target, met


def rows_of(workload: str, results: dict[str, Samples]) -> list[Row]:
    """The rows of one workload, in the order in which the peers took turns."""
    rows = []
    ours = results.get(SUBJECT)
    for peer, samples in results.items():
        ratio = None if ours is None or peer == SUBJECT else paired_ratio(ours, samples)
        target = TARGETS.get((workload, peer))
        median = sorted(samples.turns)[len(samples.turns) // 2]
        rows.append(
            Row(
                workload=workload,
                peer=peer,
                ms_min=samples.fastest * 1e3,
                ms_median=median * 1e3,
                cpus=samples.threads,
                rounds=len(samples.turns),
                ratio=ratio,
                target=target.ratio if target else None,
                must=bool(target and target.must),
                met=None if target is None or ratio is None else ratio <= target.ratio,
            )
        )
    return rows


def print_table(rows: list[Row]) -> None:
    """Print with rich if it is installed, and as plain text otherwise."""
    if find_spec("rich") is None:
        _print_plain(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(caption="ratio: tensorgrad's time by the peer's, the median over all rounds")
    for column, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="left" if column < 2 else "right", no_wrap=True)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        style = {None: None, True: "green", False: "red"}[row.met]
        last = following is None or following.workload != row.workload
        table.add_row(*row.cells(), style=style, end_section=last)
    Console().print(table)


def _print_plain(rows: list[Row]) -> None:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        names = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
        print("  ".join([*names, *numbers]).rstrip())


def write_json(path: Path, rows: list[Row], missing: list[str]) -> None:
    """Write the rows with the versions they were measured with."""
    versions = {"python": platform.python_version(), SUBJECT: tensorgrad.__version__}
    for peer in NAMES:
        if peer not in {SUBJECT, *missing}:
            try:
                versions[library(peer)] = version(library(peer))
            except PackageNotFoundError:  # imported from a checkout
                versions[library(peer)] = "checkout"
    content = {
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": versions,
        "not_installed": missing,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
