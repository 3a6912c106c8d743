"""What a search by a Gaussian process costs: ``python -m benchmarks.branin``, 40 trials on Branin's function.

Seconds of this process's CPU time, and how far the best value is above the least one, 0.397887: the sampler "gp" of
`tensorgrad.search` and, where Optuna and PyTorch are installed, Optuna's `GPSampler`, without the time of its imports.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import search

TRIALS, SEEDS, LEAST = 40, 5, 0.397887
SPACE = {"x": search.uniform(-5, 10), "y": search.uniform(0, 15)}


def branin(trial: Any, *_: Any) -> float:
    """Return Branin's function of the parameters of a trial."""
    x, y = trial.params["x"], trial.params["y"]
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def searched(sampler: Callable[[int], Any], seed: int) -> tuple[float, float]:
    """Return the seconds of CPU that a search takes, and its regret."""
    start = time.process_time()
    rows = (np.arange(20.0),)
    finder = search.Search(branin, SPACE, rows, direction="minimize", sampler=sampler(seed), seed=seed)
    best = finder.run(TRIALS, progress=False)[0]
    return time.process_time() - start, best.value - LEAST


def main() -> None:
    """Measure, and print a line for each sampler."""
    samplers: dict[str, Callable[[int], Any]] = {"tensorgrad's gp": lambda _: "gp"}
    try:
        import optuna
        import torch  # noqa: F401 - what Optuna's sampler computes with, loaded before the clock runs
    except ImportError:
        print("Optuna's GPSampler: optuna or torch is not installed")
    else:
        samplers["Optuna's GPSampler"] = lambda seed: optuna.samplers.GPSampler(seed=seed)
    for name, sampler in samplers.items():
        searched(sampler, SEEDS)  # which loads what is loaded at first use
        found = np.array([searched(sampler, seed) for seed in range(SEEDS)])
        seconds, regret = np.median(found, axis=0)
        print(f"{name}: median {seconds:.2f} s of CPU, regret {regret:.1e} (worst {found[:, 1].max():.1e})", flush=True)


if __name__ == "__main__":
    main()
