"""Figure 6-9: the four optimisers on handwritten digits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import numpy as np

import tensorgrad as tg
from tensorgrad import optim, viz
from tensorgrad.chapter6.network import MultiLayerNet, losses_of
from tensorgrad.chapter6.run import Run, Words, main
from tensorgrad.viz.plots.smoothing import smoothed

ITERATIONS, BATCH, HIDDEN = 2000, 128, 4
OPTIMIZERS: dict[str, Callable[[Iterable[tg.Tensor]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.01, convention="book"),
    "Momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, convention="book"),
    "AdaGrad": lambda p: optim.Adagrad(p, lr=0.01, convention="book"),
    "Adam": lambda p: optim.Adam(p, lr=0.001, convention="book"),
}


def experiment(run: Run) -> None:
    """SGD is the slowest of the four, from the first iterations to the last."""
    train, _ = run.images()
    start = MultiLayerNet(train.x.shape[1], HIDDEN, std="he")
    nets = {name: copy.deepcopy(start) for name in OPTIMIZERS}  # the same initial values for all
    optimizers = {name: make(nets[name].parameters()) for name, make in OPTIMIZERS.items()}
    losses = losses_of(run, nets, optimizers, train, BATCH, ITERATIONS)

    curves = {name: smoothed(np.array(values), "kaiser") for name, values in losses.items()}  # as they are drawn
    part = ITERATIONS // 4
    early = {name: float(curve[:part].mean()) for name, curve in curves.items()}
    late = {name: float(curve[-part:].mean()) for name, curve in curves.items()}
    run.record(losses=losses, mean_loss_of_the_first_quarter=early, mean_loss_of_the_last_quarter=late)
    run.check(
        Words("SGD learns more slowly than the other three by a clear margin", "与 SGD 相比，其他三种方法学习得更快"),
        slowest_by(early) > 1.5,
        "mean loss of the first quarter: " + in_words(early),
    )
    run.check(
        Words("The other three end well below SGD", "学习结束时，其他三种方法的损失明显低于 SGD"),
        slowest_by(late) > 2.0,
        "mean loss of the last quarter: " + in_words(late),
    )
    run.figure(
        "6-9",
        viz.plot_curves({"loss": losses}, smoothing="kaiser", log=True, unit="iteration"),
        Words("The four optimisers on handwritten digits", "基于手写数字数据集的四种更新方法的比较"),
    )


def slowest_by(means: dict[str, float]) -> float:
    """Return how many times as large the loss of SGD is as the largest of the others."""
    return means["SGD"] / max(mean for name, mean in means.items() if name != "SGD")


def in_words(means: dict[str, float]) -> str:
    """Return the losses as a list in words."""
    return ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())


if __name__ == "__main__":
    raise SystemExit(main(experiment))
