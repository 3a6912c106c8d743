"""One peer with one workload, in a process of its own on one core: `python -m benchmarks.worker PEER WORKLOAD CORE`.

It answers each line on its standard input, a number of seconds, with a line of JSON: what one step took, on average of
so many seconds of steps. The first line that it writes is unasked, and tells what the start has cost.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

WARM_UP_STEPS = 3
FEWEST_STEPS = 3


def pin(core: int | None) -> None:
    """Run on this core alone, where the system can be told so: some libraries ask it how many threads to start."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def peak_memory() -> float | None:
    """Return the largest memory of this process so far, in MiB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def timed(step: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Warm the caches up that others have used, then take steps for so many seconds of this process's CPU time."""
    for _ in range(WARM_UP_STEPS):
        step()
    steps, wall, cpu = 0, perf_counter(), process_time()
    while steps < FEWEST_STEPS or process_time() - cpu < seconds:
        step()
        steps += 1
    return {"cpu": (process_time() - cpu) / steps, "wall": (perf_counter() - wall) / steps, "steps": steps}


def main(peer: str, workload: str, core: int | None) -> None:
    """Serve until the input ends.

    Every turn starts from the initial parameters: after thousands of steps on one batch Adam's moments would be
    denormal numbers, which the CPU is slow at, and each peer would have gone a different way.
    """
    pin(core)  # before the libraries are imported
    from benchmarks import peers
    from benchmarks.problems import problem_named

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    prepare, problem = peers.load(peer), problem_named(workload)
    imported = peak_memory()
    start = process_time()
    run = prepare(problem)
    if run is not None:
        run.step()
    print(json.dumps({"takes_part": run is not None, "first": process_time() - start}), file=answers, flush=True)
    # a library's own objects, hundreds of thousands, are none of the collector's business during a step
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        run = prepare(problem)
        assert run is not None
        found: dict[str, Any] = timed(run.step, float(line))
        peak = peak_memory()
        found["memory"] = None if peak is None or imported is None else peak - imported
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], None if sys.argv[3] == "any" else int(sys.argv[3]))
