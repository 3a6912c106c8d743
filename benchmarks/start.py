"""How long compiled steps take to get going: `python -m benchmarks --start`, the first steps of fresh processes.

Cold is a start with an empty folder of compiled objects, warm one that finds there what the cold one has left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from statistics import median

from benchmarks.peers import load
from benchmarks.problems import problem_named
from benchmarks.timing import ROOT

PEERS = ("compiled", "compiled-c")
STEPS = 5
ROUNDS = 7


def measure(workloads: list[str], rounds: int = ROUNDS) -> dict[tuple[str, str], tuple[float, float]]:
    """Return for each workload and peer the seconds of a cold start, and of a warm one, the median of `rounds`."""
    found = {}
    for workload in workloads:
        for peer in PEERS:
            with tempfile.TemporaryDirectory() as folder:
                cold, *warm = (seconds(peer, workload, folder) for _ in range(1 + rounds))
            found[workload, peer] = cold, median(warm)
    return found


def table(found: dict[tuple[str, str], tuple[float, float]]) -> str:
    """Return the seconds as a table of a document."""
    lines = ["| workload | peer | cold | warm |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {workload} | {peer} | {cold:.2f} s | {warm:.2f} s |" for (workload, peer), (cold, warm) in found.items()
    ]
    return "\n".join(lines)


def seconds(peer: str, workload: str, folder: str) -> float:
    """Return the seconds of CPU of the first steps of a process that keeps compiled objects in `folder`."""
    command = [sys.executable, "-m", "benchmarks.start", peer, workload]
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, env={**os.environ, "XDG_CACHE_HOME": folder}
    )
    worked: float = json.loads(done.stdout)
    return worked


def _worked() -> float:
    """Return the seconds of CPU of this process, and of the compilers that it has started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(peer: str, workload: str) -> None:
    """Say how much CPU the first steps take, when the libraries are there and the network is made."""
    run = load(peer)(problem_named(workload))
    assert run is not None
    before = _worked()
    for _ in range(STEPS):
        run.step()
    print(json.dumps(_worked() - before))


if __name__ == "__main__":
    main(*sys.argv[1:])
