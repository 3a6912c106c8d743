"""Snoek et al. 2012, 4.1: the minimum of Branin's function by a Gaussian process, and at random."""

from __future__ import annotations

import math
import time
from itertools import accumulate

import numpy as np

import tensorgrad as tg
from tensorgrad import search
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

SPACE = {"x": search.uniform(-5, 10), "y": search.uniform(0, 15)}
TRIALS = int(PAPERS["snoek"].at["trials"])
LOOKS = {"gp": (BLUE, "-", "Gaussian process, expected improvement"), "random": (VERMILLION, "--", "random")}

Courses = dict[str, list[list[float]]]


def branin(x: float, y: float) -> float:
    """Return Branin's function.

    >>> round(branin(math.pi, 2.275), 6)
    0.397887
    """
    slope = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return slope**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def regrets(sampler: str, seed: int) -> list[float]:
    """Return by how much the best so far is above the minimum, after each trial."""

    def objective(trial: search.Trial, *_: object) -> float:
        return branin(**trial.params)

    looking = search.Search(objective, SPACE, (tg.zeros(2),), direction="minimize", sampler=sampler, seed=seed)
    outcomes = sorted(looking.run(TRIALS, progress=False), key=lambda outcome: outcome.slot)
    return [best - PAPERS["snoek"].at["minimum"] for best in accumulate((o.value for o in outcomes), min)]


def timed(seed: int) -> tuple[dict[str, list[float]], float]:
    """Return the regrets of both, and the seconds of the processor that the Gaussian process took."""
    start = time.process_time()
    gp = regrets("gp", seed)
    seconds = time.process_time() - start
    return {"gp": gp, "random": regrets("random", seed)}, seconds


def picture(courses: Courses) -> Figure:
    """Draw the regret of every search."""
    with sheet("the figure of snoek", 7, 4) as figure:
        axes = figure.subplots()
        for name, (colour, dashes, label) in LOOKS.items():
            for seed, course in enumerate(courses[name]):
                steps = range(1, len(course) + 1)
                axes.plot(steps, course, dashes, color=colour, alpha=0.7, label=label if seed == 0 else None)
        axes.axhline(PAPERS["snoek"].at["regret"], color="#888888", linewidth=0.8)
        dress(axes, "trials", "best so far above the minimum")
        axes.set_yscale("log")
        axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """What a Gaussian process expects to be better is better: it comes to the minimum, which chance does not."""
    found = by_seed(run, "snoek", timed)
    courses = {name: [one[name] for one, _ in found] for name in LOOKS}
    run.record(regrets=courses, seconds=[seconds for _, seconds in found])
    caption = Words("Regret on Branin's function, ten seeds each", "Branin函数上的遗憾值，各十个种子")
    run.figure("snoek-2012", picture(courses), caption)
    conclude(run, courses, [seconds for _, seconds in found])


def conclude(run: Run, courses: Courses, seconds: list[float]) -> None:
    """Hold the regrets and the times against the bar."""
    at = PAPERS["snoek"].at
    last = {name: [course[-1] for course in every] for name, every in courses.items()}
    enough = {name: sum(regret < at["regret"] for regret in every) for name, every in last.items()}
    run.check(
        Words(
            f"The Gaussian process comes within {at['regret']} of the minimum in {TRIALS} trials",
            f"高斯过程在{TRIALS}次试验内与最小值相差不到{at['regret']}",
        ),
        enough["gp"] >= at["enough"],
        f"{enough['gp']} of {len(last['gp'])} seeds, random {enough['random']}; median regret "
        f"{np.median(last['gp']):.1g}, random {np.median(last['random']):.1g}",
    )
    run.check(
        Words(f"A search takes less than {at['seconds']:g} s", f"一次搜索不超过{at['seconds']:g}秒"),
        max(seconds) < at["seconds"],
        f"{min(seconds):.1f} to {max(seconds):.1f} s of the processor",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
