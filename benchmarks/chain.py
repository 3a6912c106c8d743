"""A long chain of recorded numbers: `python -m benchmarks --chain`, how time and memory grow with what is recorded."""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.breadth import LIBRARIES
from benchmarks.timing import ROOT, core
from benchmarks.worker import pin

LENGTHS = (100_000, 1_000_000)


def measure(lengths: tuple[int, ...] = LENGTHS) -> dict[tuple[int, str], dict[str, Any]]:
    """Return for each length and library that is there what `main` says of it, each in a process of its own."""
    libraries = [library for library in LIBRARIES if find_spec(library)]
    return {(length, library): _measured(library, length) for length in lengths for library in libraries}


def _measured(library: str, length: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.chain", library, str(length)]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, env=os.environ | single)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def table(found: dict[tuple[int, str], dict[str, Any]]) -> str:
    """Return the costs of one recorded operation as a table of a document."""
    lines = ["| operations | library | forward, µs each | backward, µs each | bytes each |", "| --- " * 5 + "|"]
    for (length, library), costs in found.items():
        forward, backward = (1e6 * costs[way] / length for way in ("forward", "backward"))
        held = "" if costs["memory"] is None else f"{costs['memory'] * 2**20 / length:,.0f}"
        lines.append(f"| {length:,} | {library} | {forward:.2f} | {backward:.2f} | {held} |")
    return "\n".join(lines)


def _resident() -> float | None:
    """Return the memory that this process holds now, in MiB; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:  # not Linux
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(library: str, length: int) -> None:
    """Say how much CPU time a chain of products takes each way, and how much memory (MiB) holds what is recorded."""
    pin(core())
    t = importlib.import_module(library)
    x, factor = t.tensor(1.5, requires_grad=True), t.tensor(1.0)
    (x * factor).backward()
    gc.collect()
    gc.freeze()
    before, start = _resident(), process_time()
    h = x
    for _ in range(length):
        h = h * factor
    forward, held = process_time() - start, _resident()
    start = process_time()
    h.backward()
    told = {"forward": forward, "backward": process_time() - start}
    print(json.dumps({**told, "memory": None if held is None or before is None else held - before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
