"""Timing several peers in turn, so that a noisy moment of the machine meets all of them, each alone on one core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

TURN_SECONDS = 0.08
FEWEST_ROUNDS = 5
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Samples:
    """What the steps of one peer took, in seconds: their average in each turn.

    Attributes:
        cpu: the processor's time, of all threads: what is compared.
        wall: the time on the clock, in which others may have had the core.
        first: what it took to set up and to do the first step, in which some peers compile.
        memory: how far the memory has grown beyond what the import of the library took, in MiB; None: not known.
    """

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    first: float = 0.0
    memory: float | None = None


def paired_ratios(ours: Samples, theirs: Samples) -> list[float]:
    """Return for each round our time by theirs in the same round."""
    return [mine / other for mine, other in zip(ours.cpu, theirs.cpu, strict=True)]


class Worker:
    """A peer with a workload in a process of its own."""

    def __init__(self, peer: str, workload: str, core: int | None) -> None:
        self.peer = peer
        command = [sys.executable, "-m", "benchmarks.worker", peer, workload, "any" if core is None else str(core)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self) -> dict[str, Any]:
        """Return what the process says next; RuntimeError if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.peer} ended with status {self.process.wait()}; it says why above")
        found: dict[str, Any] = json.loads(line)
        return found

    def turn(self, seconds: float) -> dict[str, Any]:
        """Let the process take steps for so many seconds, and return what it says of them."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the process, and wait until it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def core() -> int | None:
    """Return the core for all peers: the last one, for interrupts come to the first; None where none can be chosen."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else None


@contextmanager
def _started(workload: str, names: list[str]) -> Iterator[dict[str, Worker]]:
    workers = {name: Worker(name, workload, core()) for name in names}
    try:
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def time_in_turn(workload: str, names: list[str], seconds: float, turn: float = TURN_SECONDS) -> dict[str, Samples]:
    """Time the workload in rounds, in each of which every peer that takes part has a turn, for about so many seconds.

    All processes are there from the beginning to the end; those whose turn it is not wait.
    """
    with _started(workload, names) as workers:
        samples = {}
        for name, worker in workers.items():
            told = worker.answer()
            if told["takes_part"]:
                samples[name] = Samples(first=told["first"])
        end, rounds = perf_counter() + seconds, 0
        while rounds < FEWEST_ROUNDS or perf_counter() < end:
            for name, found in samples.items():
                told = workers[name].turn(turn)
                found.cpu.append(told["cpu"])
                found.wall.append(told["wall"])
                found.memory = told["memory"]
            rounds += 1
    return samples


def time_imports(libraries: dict[str, str], seconds: float) -> dict[str, Samples]:
    """Time the import of each library (by the peer's name) in a fresh process each time, in turn.

    The interpreter's own start is left out. The first round, which writes the bytecode, does not count.
    """
    samples = {name: Samples() for name in libraries}
    end, rounds = perf_counter() + seconds, 0
    with TemporaryDirectory() as folder:
        while rounds < 2 * FEWEST_ROUNDS or perf_counter() < end:
            for name, library in libraries.items():
                told = _import_seconds(library, folder)
                if rounds:
                    samples[name].cpu.append(told["cpu"])
                    samples[name].wall.append(told["wall"])
                else:
                    samples[name].first = told["cpu"]
            rounds += 1
    return samples


def _import_seconds(library: str, bytecode: str) -> dict[str, float]:
    program = (
        f"import json, time; cpu, wall = time.process_time(), time.perf_counter(); import {library}; "
        "print(json.dumps({'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall}))"
    )
    env = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode, "PYTHONDONTWRITEBYTECODE": ""}  # as it is for users
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True, env=env
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def middle(values: list[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile.

    >>> middle([3.0, 1.0, 2.0, 5.0, 4.0])
    (2.0, 3.0, 4.0)
    """
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return ordered[quarter], median(ordered), ordered[-1 - quarter]
