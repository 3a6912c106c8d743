"""Figures 6-18 and 6-19: learning with and without BatchNorm, from sixteen scales of the initial weights."""

from __future__ import annotations

import sys

import numpy as np

from tensorgrad import nn, optim
from tensorgrad.chapter6.network import MultiLayerNet, accuracy, batches
from tensorgrad.chapter6.run import Images, Run, Words, main

IMAGES, BATCH, HIDDEN, EPOCHS, LR = 1000, 100, 5, 20, 0.01
STDS = np.logspace(0, -4, 16)
JUDGED = 5  # epochs after which the two are compared


def learning(train: Images, std: float, batchnorm: bool) -> list[float]:
    """Return the training accuracy before the first and after each epoch; numbers that overflow teach nothing."""
    net = MultiLayerNet(train.x.shape[1], HIDDEN, std, batchnorm=batchnorm)
    optimizer = optim.SGD(net.parameters(), lr=LR, convention="book")
    course = [accuracy(net, train)]
    for _ in range(EPOCHS):
        for batch in batches(train, BATCH, len(train.x) // BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(batch.x), batch.y).backward()
            optimizer.step()
        course.append(accuracy(net, train))
    return course


def experiment(run: Run) -> None:
    """With BatchNorm the network learns faster from nearly all scales of the initial weights."""
    train, _ = run.images(IMAGES)
    courses: dict[float, tuple[list[float], list[float]]] = {}
    with run.progress(epochs=len(STDS)) as progress, np.errstate(all="ignore"):
        for std in STDS:
            courses[float(std)] = learning(train, float(std), True), learning(train, float(std), False)
            progress.epoch(with_accuracy=courses[float(std)][0][-1], without_accuracy=courses[float(std)][1][-1])
    run.record(
        standard_deviations=STDS, accuracy={f"{std:.6g}": {"with": a, "without": b} for std, (a, b) in courses.items()}
    )

    ahead = sum(a[JUDGED] > b[JUDGED] for a, b in courses.values())
    stuck = sum(max(b) < 0.3 for _, b in courses.values())
    run.check(
        Words("BatchNorm learns faster from nearly all scales", "几乎所有情况下都是使用 Batch Norm 时学习进行得更快"),
        ahead >= 13,
        f"ahead after {JUDGED} epochs on {ahead} of {len(STDS)} scales",
    )
    run.check(
        Words(
            "Without it, some scales do not learn at all",
            "不使用 Batch Norm 时，如果不赋予好的初始值，学习将完全无法进行",
        ),
        stuck >= 1,
        f"{stuck} of {len(STDS)} scales stay below an accuracy of 0.3",
    )
    middle = min(courses, key=lambda std: abs(std - 0.05))
    captions = (
        Words(
            f"With and without BatchNorm, standard deviation {middle:.3g}",
            f"使用与不使用 Batch Norm 的比较，标准差 {middle:.3g}",
        ),
        Words(
            "The same from sixteen scales; solid: with BatchNorm", "各种权重初始值标准差下的比较；实线：使用 Batch Norm"
        ),
    )
    run.figure("6-18", _panels({middle: courses[middle]}, 1), captions[0])
    run.figure("6-19", _panels(courses, 4), captions[1])


def _panels(courses: dict[float, tuple[list[float], list[float]]], columns: int) -> object:
    from matplotlib.figure import Figure

    rows = -(-len(courses) // columns)
    figure = Figure(figsize=(2.4 * columns + 1.2, 2.0 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    for axes, (std, (with_, without)) in zip(panels, courses.items(), strict=True):
        axes.plot(with_, "-", color="#0072b2", label="with BatchNorm")
        axes.plot(without, "--", color="#d55e00", label="without")
        axes.set_title(f"std {std:.5f}", fontsize=9)
        axes.set(ylim=(0, 1.02), xlim=(0, EPOCHS))
        axes.grid(visible=True, alpha=0.2)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.supxlabel("epoch")
    figure.supylabel("training accuracy")
    return figure


if __name__ == "__main__":
    sys.exit(main(experiment))
