"""Figure 6-15: how three initial values learn."""

from __future__ import annotations

import math

from tensorgrad import optim, viz

from .network import MultiLayerNet, accuracy, losses_of
from .run import Run, Words, main

HIDDEN, LR, BATCH, STEPS = 4, 0.01, 128, 2000
STDS: dict[str, float | str] = {"std 0.01": 0.01, "Xavier": "xavier", "He": "he"}
CHANCE = math.log(10)  # the loss of ten equal scores
LAST = 100  # steps that a loss at the end is averaged over


def experiment(run: Run) -> None:
    """How the network learns from weights of std 0.01, and from Xavier's and He's initial values."""
    train, test = run.images()
    nets = {name: MultiLayerNet(train.x.shape[1], HIDDEN, std) for name, std in STDS.items()}
    optimizers = {name: optim.SGD(net.parameters(), lr=LR) for name, net in nets.items()}
    losses = losses_of(run, nets, optimizers, train, BATCH, STEPS)
    caption = Words("Three initial values compared", "权重初始值的比较：横轴是学习的迭代次数，纵轴是损失函数的值")
    run.figure(
        "6-15", viz.plot_curves({"loss": losses}, smoothing="kaiser", unit="iteration", title=caption.en), caption
    )
    right = {name: accuracy(net, test) for name, net in nets.items()}
    run.record(losses=losses, test_accuracy=right)
    check(run, losses, right)


def check(run: Run, losses: dict[str, list[float]], right: dict[str, float]) -> None:
    """Hold the losses of each step and the test accuracies against the book's conclusions."""
    mean = {name: sum(values) / STEPS for name, values in losses.items()}
    end = {name: sum(values[-LAST:]) / LAST for name, values in losses.items()}
    measured = ", ".join(f"{name} {value:.3f}" for name, value in end.items())
    run.check(
        Words("std 0.01 does not learn", "标准差为0.01：完全无法进行学习"),
        abs(end["std 0.01"] - CHANCE) < 0.02,
        f"loss at the end {end['std 0.01']:.3f}, of equal scores {CHANCE:.3f}; test accuracy {right['std 0.01']:.1%}",
    )
    run.check(
        Words("Xavier and He learn", "Xavier初始值和He初始值：学习进行得很顺利"),
        max(end["Xavier"], end["He"]) < CHANCE / 2,
        f"loss at the end: {measured}; test accuracy Xavier {right['Xavier']:.1%}, He {right['He']:.1%}",
    )
    run.check(
        Words("He learns first", "He初始值的学习进度更快"),
        mean["He"] < mean["Xavier"],
        f"mean loss over all iterations: He {mean['He']:.3f}, Xavier {mean['Xavier']:.3f}",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
