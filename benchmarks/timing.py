"""Timing several peers in turn, so that a noisy moment of the machine meets all of them."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks.problems import Prepare, Problem

TURN_SECONDS = 0.04
TURN_STEPS = 3
WARM_UP_STEPS = 3
FEWEST_ROUNDS = 5


@dataclass
class Samples:
    """What one peer took, in seconds: the median step of each turn, the fastest step of all, and its use of the CPU."""

    turns: list[float] = field(default_factory=list)
    fastest: float = float("inf")
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def threads(self) -> float:
        """CPU time per elapsed time, over all turns: about 1 when one thread works, more when several do."""
        return self.cpu / self.wall if self.wall else 1.0


def paired_ratio(ours: Samples, theirs: Samples) -> float:
    """The median over the rounds of our time by theirs in the same round."""
    return median(mine / other for mine, other in zip(ours.turns, theirs.turns, strict=True))


def _take_turn(step: Callable[[], Any], samples: Samples) -> None:
    """Warm the caches up that the others have used, then time single steps for TURN_SECONDS."""
    for _ in range(WARM_UP_STEPS):
        step()
    durations: list[float] = []
    cpu, begin = process_time(), perf_counter()
    while len(durations) < TURN_STEPS or perf_counter() - begin < TURN_SECONDS:
        start = perf_counter()
        step()
        durations.append(perf_counter() - start)
    samples.wall += perf_counter() - begin
    samples.cpu += process_time() - cpu
    samples.turns.append(median(durations))
    samples.fastest = min(samples.fastest, *durations)


def time_in_turn(problem: Problem, peers: dict[str, Prepare], seconds: float) -> dict[str, Samples]:
    """Time the problem in rounds, in each of which every peer has a turn, for about so many seconds.

    Every turn starts from the initial parameters: after thousands of steps on one batch Adam's moments would be
    denormal numbers, which the CPU is slow at, and each peer would have gone a different way.
    """
    taking_part: dict[str, Samples] = {}
    for name, prepare in peers.items():
        run = prepare(problem)
        if run is not None:
            run.step()  # compiles
            taking_part[name] = Samples()
    # The libraries' own objects, hundreds of thousands, are none of the collector's business during a step.
    gc.collect()
    gc.freeze()
    end = perf_counter() + seconds
    rounds = 0
    while rounds < FEWEST_ROUNDS or perf_counter() < end:
        for name, samples in taking_part.items():
            run = peers[name](problem)
            assert run is not None
            _take_turn(run.step, samples)
        rounds += 1
    return taking_part


def time_imports(libraries: dict[str, str], seconds: float) -> dict[str, Samples]:
    """Time the import of each library (by the peer's name) in a fresh process each time, in turn.

    The interpreter's own start is left out. The first round, which may write bytecode, does not count.
    """
    samples = {name: Samples() for name in libraries}
    end = perf_counter() + seconds
    rounds = 0
    while rounds < 2 * FEWEST_ROUNDS or perf_counter() < end:
        for name, library in libraries.items():
            duration = _import_seconds(library)
            if rounds:
                samples[name].turns.append(duration)
                samples[name].fastest = min(samples[name].fastest, duration)
        rounds += 1
    return samples


def _import_seconds(library: str) -> float:
    program = f"import time; start = time.perf_counter(); import {library}; print(time.perf_counter() - start)"
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True)
    return float(done.stdout)
