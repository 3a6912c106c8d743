"""Figure 6-9: the four optimisers on handwritten digits."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.chapter6.network import MultiLayerNet, batches
from tensorgrad.chapter6.run import Run, Words, main

ITERATIONS, BATCH, HIDDEN = 2000, 128, 4
OPTIMIZERS: dict[str, Callable[[Iterable[tg.Tensor]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.01, convention="book"),
    "Momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, convention="book"),
    "AdaGrad": lambda p: optim.Adagrad(p, lr=0.01, convention="book"),
    "Adam": lambda p: optim.Adam(p, lr=0.001, convention="book"),
}


def experiment(run: Run) -> None:
    """SGD is the slowest of the four; AdaGrad learns a little faster than the others here."""
    train, _ = run.images()
    start = MultiLayerNet(train.x.shape[1], HIDDEN, std="he")
    nets = {name: copy.deepcopy(start) for name in OPTIMIZERS}  # the same initial values for all
    optimizers = {name: make(nets[name].parameters()) for name, make in OPTIMIZERS.items()}
    losses: dict[str, list[float]] = {name: [] for name in OPTIMIZERS}

    with run.progress(epochs=10, steps=ITERATIONS // 10) as progress:
        for step, batch in enumerate(batches(train, BATCH, ITERATIONS), 1):
            for name, net in nets.items():
                optimizers[name].zero_grad()
                loss = nn.functional.cross_entropy(net(batch.x), batch.y)
                loss.backward()
                optimizers[name].step()
                losses[name].append(loss.item())
            progress.step(**{name: values[-1] for name, values in losses.items()})
            if step % (ITERATIONS // 10) == 0:
                progress.epoch(**{name: float(np.mean(values[-100:])) for name, values in losses.items()})

    early = {name: float(np.mean(values[: ITERATIONS // 4])) for name, values in losses.items()}
    run.record(losses=losses, mean_loss_of_the_first_quarter=early)
    others = max(early[name] for name in early if name != "SGD")
    run.check(
        Words("SGD learns more slowly than the other three by a clear margin", "与 SGD 相比，其他三种方法学习得更快"),
        early["SGD"] > 1.5 * others,
        "mean loss of the first quarter: " + ", ".join(f"{name} {value:.3f}" for name, value in early.items()),
    )
    run.figure(
        "6-9",
        viz.plot_curves(losses, smoothing="kaiser", unit="iteration"),
        Words("The four optimisers on handwritten digits", "基于手写数字数据集的四种更新方法的比较"),
    )


if __name__ == "__main__":
    sys.exit(main(experiment))
