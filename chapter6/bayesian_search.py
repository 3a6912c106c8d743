"""Bayesian optimisation (chapter 6.5.2): what random search finds in a hundred trials, a Gaussian process finds sooner.

Random search learns nothing from what it has tried. Here a Gaussian process models the accuracy over the ranges, and
each trial goes where most improvement is expected (Snoek et al. 2012). The settings are those of figure 6-24.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from statistics import median
from typing import Any

from tensorgrad import search
from tensorgrad.viz.plots.canvas import BLUE, INK, VERMILLION, Figure, dress

from .forked import side_by_side
from .random_search import IMAGES, SPACE, VALIDATION, Objective, Outcomes
from .run import Run, Words, main, sheet

SEARCHES = 3
RANDOM_TRIALS = 100
TRIALS = 40


def trials_to_reach(value: float, outcomes: Outcomes) -> int:
    """Return after how many trials `value` was reached; one more than there were if never."""
    return next((n for n, o in enumerate(outcomes, 1) if o.value >= value), len(outcomes) + 1)


def best_so_far(random: Outcomes, searches: list[Outcomes]) -> Figure:
    """Draw the best accuracy so far, and which learning rates were tried."""
    looks = [(BLUE, style, f"Bayesian, search {number}") for number, style in enumerate(("-", "--", ":"), 1)]
    with sheet("figure 6-24-bayesian", 11, 4) as figure:
        left, right = figure.subplots(1, 2)
        for outcomes, (colour, style, name) in zip(
            [random, *searches], [(VERMILLION, "-", "random"), *looks], strict=True
        ):
            steps = range(1, len(outcomes) + 1)
            left.plot(steps, list(accumulate((o.value for o in outcomes), max)), style, color=colour, label=name)
            right.plot(steps, [o.params["lr"] for o in outcomes], ".", color=colour, alpha=0.6)
        left.axhline(max(o.value for o in random), color=INK, linewidth=0.8, linestyle=(0, (1, 3)))
        dress(left, "trials", "best validation accuracy so far")
        dress(right, "trial", "learning rate tried")
        left.set_ylim(0, 1)
        right.set_yscale("log")
        left.legend(frameon=False, loc="lower right")
    return figure


def searches_of(run: Run) -> list[Outcomes]:
    """Return the trials of the random search, and of each search by a Gaussian process, in the order of the search."""
    training, _ = run.images(IMAGES)
    objective = Objective()

    def tried_last(trial: search.Trial, training: Any, validation: Any) -> float:
        return objective.final(trial.params, training, validation)

    def searched(name: str, sampler: str, trials: int) -> Outcomes:
        finder = search.Search(
            tried_last, SPACE, training, validation=VALIDATION, seed=run.seed, sampler=sampler, name=name
        )
        return sorted(finder.run(trials), key=lambda outcome: outcome.slot)

    bayesian = [partial(searched, f"bayesian {number}", "gp", TRIALS) for number in range(SEARCHES)]
    return side_by_side([partial(searched, "random", "random", RANDOM_TRIALS), *bayesian], run.workers)


def experiment(run: Run) -> None:
    """Bayesian optimisation reaches what the best of a hundred random trials reached, in fewer trials."""
    random, *searches = searches_of(run)
    caption = Words(
        "Best accuracy so far and learning rates tried: a random search, and three searches by Bayesian optimisation.",
        "到目前为止的最高识别精度与试过的学习率：一次随机搜索与三次贝叶斯最优化。",
    )
    run.figure("6-24-bayesian", best_so_far(random, searches), caption)
    target = max(o.value for o in random)
    needed = [trials_to_reach(target, outcomes) for outcomes in searches]
    alone = trials_to_reach(target, random)
    tried = [[{**o.params, "accuracy": o.value} for o in outcomes] for outcomes in (random, *searches)]
    run.record(target=target, needed=needed, needed_at_random=alone, random=tried[0], bayesian=tried[1:])

    run.check(
        Words(
            f"Bayesian optimisation reaches the best of {RANDOM_TRIALS} random trials within {TRIALS}",
            f"贝叶斯最优化在{TRIALS}次试验以内达到随机搜索{RANDOM_TRIALS}次试验的最好结果",
        ),
        median(needed) <= TRIALS,
        f"{target:.2f} after {', '.join(map(str, needed))} trials; random search after {alone}",
    )

    good = [sum(o.params["lr"] >= 1e-3 for o in outcomes[-20:]) for outcomes in searches]
    run.check(
        Words("It spends its trials where learning succeeds", "它把试验集中在学习顺利进行的范围"),
        median(good) >= 12,
        f"of the last 20 trials {', '.join(map(str, good))} above 1e-3, at random 5",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
