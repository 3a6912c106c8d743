"""Random search (figure 6-24): learning rate and weight decay by validation data, in two rounds, the second narrower.

A hundred trials draw both from wide logarithmic ranges, each trains a network for a few epochs, and validation data
tell how good it is. Step 3 of chapter 6.5.2 narrows the ranges to the best of them and searches again. The test set is
looked at once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

from tensorgrad import nn, optim, search
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

from .forked import side_by_side
from .network import MultiLayerNet, Trained, accuracy, learning
from .run import SHARED, Images, Run, Words, main, sheet

IMAGES = 500
VALIDATION = 0.2
HIDDEN = 6
EPOCHS = 50
BATCH = 100
TRIALS = (100, 50)  # in the first round and in the second
SHOWN = 20
SPACE = {"lr": search.log_uniform(1e-6, 1e-2), "decay": search.log_uniform(1e-8, 1e-4)}

Params = dict[str, float]
Outcomes = list[search.Outcome]


class Objective:
    """What a search tries: networks trained with SGD and weight decay, one after the other."""

    def __init__(self) -> None:
        self._trained = Trained(lambda net: optim.SGD(net.groups(0.0)))

    def train(self, params: Params, images: Images, after_epoch: Callable[[nn.Module], None]) -> nn.Module:
        """Return a network trained by `params`, until the next is; `after_epoch(net)` is called after each epoch."""
        trained = self._trained
        trained.start(MultiLayerNet(images.x.shape[1], HIDDEN))
        decayed, others = trained.optimizer.param_groups
        decayed["lr"] = others["lr"] = params["lr"]
        decayed["weight_decay"] = params["decay"]
        for _ in range(EPOCHS):
            list(learning({"loss": trained.step}, images, BATCH, len(images.x) // BATCH))
            after_epoch(trained.net)
        return trained.net

    def curves(self, trial: search.Trial, training: Any, validation: Any) -> float:
        """Return the accuracy on the validation data after the last epoch; both curves are kept as notes."""
        curves: dict[str, list[float]] = {"training": [], "validation": []}

        def measure(net: nn.Module) -> None:
            curves["training"].append(accuracy(net, Images(*training)))
            curves["validation"].append(accuracy(net, Images(*validation)))

        self.train(trial.params, Images(*training), measure)
        trial.note(**curves)
        return curves["validation"][-1]

    def final(self, params: Params, training: Any, others: Any) -> float:
        """Return the accuracy on `others` of a network that has learned from the training images."""
        return accuracy(self.train(params, Images(*training), lambda _: None), Images(*others))


def panels(outcomes: Outcomes) -> Figure:
    """Draw the best trials: validation solid, training dashed, above it the rank and what was tried."""
    with sheet("figure 6-24", 12, 9.4) as figure:
        every = figure.subplots(4, 5, sharex=True, sharey=True)
        for rank, (axes, trial) in enumerate(zip(every.flat, outcomes, strict=False), 1):
            tried = f"lr {trial.params['lr']:.1e}, decay {trial.params['decay']:.1e}"
            dress(axes, title=f"Best-{rank}: {trial.value:.2f}\n{tried}")
            axes.plot(trial.notes["validation"], color=BLUE, label="validation")
            axes.plot(trial.notes["training"], color=VERMILLION, linestyle="--", label="training")
            axes.set_ylim(0, 1.02)
        figure.supxlabel("epoch", fontsize=10)
        figure.supylabel("accuracy", fontsize=10)
        figure.legend(*every[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    return figure


def trials_of(rounds: list[Outcomes]) -> Figure:
    """Draw every trial of each round where its learning rate and decay are, coloured by its accuracy."""
    with sheet("figure 6-24-rounds", 10, 4) as figure:
        every = figure.subplots(1, len(rounds), sharex=True, sharey=True)
        for number, (axes, outcomes) in enumerate(zip(every, rounds, strict=True), 1):
            lr, decay = ([o.params[name] for o in outcomes] for name in ("lr", "decay"))
            dots = axes.scatter(lr, decay, c=[o.value for o in outcomes], cmap="viridis", vmin=0, vmax=1, s=30)
            dress(axes, "learning rate", "weight decay", f"round {number}")
            axes.set(xscale="log", yscale="log")
        figure.colorbar(dots, ax=every, label="validation accuracy")
    return figure


def searched(run: Run) -> tuple[list[Outcomes], float]:
    """Return the trials of each round, best first, and the accuracy of the best on the test images.

    What a trial is depends on its place in the round alone, so that workers can share the trials, in a file of
    Optuna's; where that is not installed, one does them all.
    """
    training, test = run.images(IMAGES)
    objective, alone = Objective(), run.workers == 1 or find_spec("optuna") is None
    with TemporaryDirectory(dir=run.folder, prefix=SHARED) as folder:

        def finder() -> search.Search:
            storage = None if alone else Path(folder, "trials")
            return search.Search(
                objective.curves, SPACE, training, test, validation=VALIDATION, seed=run.seed, storage=storage
            )

        side_by_side([] if alone else [lambda: finder().rounds(TRIALS)] * run.workers, run.workers)
        gathered = finder()
        rounds = gathered.rounds(TRIALS, progress=alone)
        return rounds, gathered.test(rounds[-1][0], objective.final)


def experiment(run: Run) -> None:
    """Random search in two rounds: good runs share one scale of the learning rate; the narrowed round is better."""
    rounds, right = searched(run)
    first, second = rounds
    run.figure(
        "6-24",
        panels(first[:SHOWN]),
        Words(
            "The best 20 of 100 trials: accuracy on validation data (solid) and on training data (dashed).",
            "100次试验中最好的20次：实线是验证数据的识别精度，虚线是训练数据的识别精度。",
        ),
    )
    run.figure(
        "6-24-rounds",
        trials_of(rounds),
        Words(
            "All trials of the first round, and those of the second in the narrowed range.",
            "第一轮的全部试验，以及缩小范围后第二轮的全部试验。",
        ),
    )
    tried = [[{**o.params, "accuracy": o.value} for o in outcomes] for outcomes in rounds]
    run.record(rounds=tried, curves=[o.notes for o in first[:SHOWN]], test_accuracy=right)
    conclude(run, first, second, right)


def conclude(run: Run, first: Outcomes, second: Outcomes, right: float) -> None:
    """Check what the book concludes from the figure, and from the second round."""
    rates = [o.params["lr"] for o in first[:10]]
    inside = sum(1e-3 <= rate <= 1e-2 for rate in rates)
    run.check(
        Words("The best runs have learning rates from 1e-3 to 1e-2", "学习顺利进行的试验，学习率在0.001到0.01之间"),
        inside >= 9,
        f"{inside} of the best 10; {min(rates):.1e} to {max(rates):.1e}",
    )

    wide, narrow = (
        math.log10(max(r) / min(r)) for r in ([o.params["lr"] for o in trials] for trials in (first, second))
    )
    run.check(
        Words("The best runs narrow the range of learning rates", "观察结果，可以缩小学习率的范围"),
        narrow < wide / 2,
        f"{wide:.2f} powers of ten, then {narrow:.2f}",
    )

    middle = [median(o.value for o in trials) for trials in (first, second)]
    top = [fmean(o.value for o in trials[:10]) for trials in (first, second)]
    run.check(
        Words("The second round, in the narrowed range, is better", "在缩小的范围中再次搜索，结果更好"),
        middle[1] > middle[0] and top[1] > top[0],
        f"median {middle[0]:.2f}, then {middle[1]:.2f}; mean of the best 10 {top[0]:.2f}, then {top[1]:.2f}",
    )

    chosen = second[0].value
    run.check(
        Words("The test set, looked at once, confirms the choice", "最后只用一次的测试数据确认了泛化能力"),
        abs(right - chosen) < 0.2,
        f"test {right:.3f}, validation {chosen:.3f}",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
