"""Bergstra and Bengio 2012, section 2: sixteen trials at random, and a grid of a hundred, on the digits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim, search
from tensorgrad.chapter6.network import accuracy, batches
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, images_of, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

RATES, DECAYS = (1e-3, 10.0), (3.1e-7, 3.1e-5)  # the paper's ranges, section 2.3, even in the logarithm
SPACE = {"lr": search.log_uniform(*RATES), "decay": search.log_uniform(*DECAYS)}
UNITS, BATCH, STEPS = 100, 100, 300
SIDE, TRIALS = (int(PAPERS["bergstra"].at[name]) for name in ("side", "random"))
DRAWS = 1000  # of validation accuracies, for the weights of `generalisation`
LOOKS = {"random": (BLUE, "o"), "grid": (VERMILLION, "+")}


class Trial(NamedTuple):
    """What was tried, and the accuracies on the validation and on the test images."""

    lr: float
    decay: float
    valid: float
    test: float


Trials = dict[str, list[Trial]]


def trial_of(lr: float, decay: float, parts: tuple[Images, Images, Images], seed: int) -> Trial:
    """Return what comes of a network with one hidden layer of tanh, trained on the first part from the start `seed`."""
    train, valid, test = parts
    tg.manual_seed(seed)
    net = nn.Sequential(nn.Linear(train.x.shape[1], UNITS), nn.Tanh(), nn.Linear(UNITS, 10))
    optimizer = optim.SGD(net.parameters(), lr=lr, weight_decay=decay)
    with np.errstate(over="ignore", invalid="ignore"):  # with the largest rates learning diverges
        for batch in batches(train, BATCH, STEPS):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(batch.x), batch.y).backward()
            optimizer.step()
        return Trial(lr, decay, accuracy(net, valid), accuracy(net, test))


def tried(seed: int) -> Trials:
    """Return the trials at random and on the grid: split, start and batches are those of `seed` in all of them."""
    whole, test = images_of("digits", None, seed)
    cut = len(whole.x) * 4 // 5
    parts = Images(whole.x[:cut], whole.y[:cut]), Images(whole.x[cut:], whole.y[cut:]), test
    drawn: list[Trial] = []

    def objective(trial: search.Trial, *_: object) -> float:
        drawn.append(trial_of(trial.params["lr"], trial.params["decay"], parts, seed))
        return drawn[-1].valid

    search.Search(objective, SPACE, (tg.zeros(2),), seed=seed).run(TRIALS, progress=False)
    grid = [(lr, decay) for lr in np.geomspace(*RATES, SIDE) for decay in np.geomspace(*DECAYS, SIDE)]
    return {"random": drawn, "grid": [trial_of(float(lr), float(decay), parts, seed) for lr, decay in grid]}


def generalisation(trials: list[Trial], images: int) -> float:
    """Return the test accuracy of the best trial as the paper estimates it, section 2.1.

    Which is the best is not certain, for it is judged by so many `images`: the mean of the test accuracies, weighted by
    how often each trial is the best when the validation accuracies are drawn anew.
    """
    valid = np.array([trial.valid for trial in trials])
    spread = np.sqrt(valid * (1 - valid) / (images - 1))
    best = np.random.default_rng(0).normal(valid, spread, (DRAWS, len(trials))).argmax(1)
    return float(np.mean([trials[i].test for i in best]))


def picture(seeds: list[Trials], scores: dict[str, list[float]]) -> Figure:
    """Draw the validation accuracy by rate for seed 0, and the test accuracies of the best for each seed."""
    with sheet("the figure of bergstra", 10, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, (colour, marker) in LOOKS.items():
            trials = seeds[0][name]
            label = f"{name}, {len(trials)} trials"
            left.plot([t.lr for t in trials], [t.valid for t in trials], marker, color=colour, label=label)
            right.plot(range(len(scores[name])), scores[name], marker, color=colour, label=label)
        dress(left, "learning rate", "validation accuracy, seed 0")
        left.set_xscale("log")
        dress(right, "seed", "test accuracy of the best")
        right.set_xticks(range(len(seeds)))
        for axes in (left, right):
            axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """Sixteen trials at random find as good a network as a grid of a hundred."""
    seeds = by_seed(run, "bergstra", tried)
    images = len(images_of("digits", None, 0)[0].x)
    scores = {name: [generalisation(one[name], images - images * 4 // 5) for one in seeds] for name in LOOKS}
    run.record(scores=scores, trials=[{name: [t._asdict() for t in one[name]] for name in LOOKS} for one in seeds])
    caption = Words("Random search and grid search on the digits", "小数字图像上的随机搜索与网格搜索")
    run.figure("bergstra-2012", picture(seeds, scores), caption)
    conclude(run, scores)


def conclude(run: Run, scores: dict[str, list[float]]) -> None:
    """Hold the accuracies, seed by seed, against the bar."""
    at, pairs = PAPERS["bergstra"].at, list(zip(scores["random"], scores["grid"], strict=True))
    enough = sum(random >= grid for random, grid in pairs)
    run.check(
        Words(
            f"The best of {TRIALS} random trials is at least as good as that of {SIDE * SIDE} on a grid",
            f"{TRIALS}次随机试验的最好结果不低于网格{SIDE * SIDE}次试验的最好结果",
        ),
        enough >= at["enough"],
        f"in {enough} of {len(pairs)} seeds; mean test accuracy {np.mean(scores['random']):.2%} against "
        f"{np.mean(scores['grid']):.2%}, at {TRIALS / SIDE**2:.0%} of the cost",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
