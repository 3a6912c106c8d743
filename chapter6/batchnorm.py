"""Figures 6-18 and 6-19: learning with and without BatchNorm, from sixteen scales of the weights."""

from __future__ import annotations

from functools import partial

import numpy as np

from tensorgrad import optim
from tensorgrad.viz.plots.canvas import BLUE, INK, VERMILLION, Figure, dress, legend

from .forked import in_turn
from .network import MultiLayerNet, Trained, accuracy, learning, skip
from .run import Images, Run, Words, main, sheet

IMAGES, HIDDEN, LR, BATCH, EPOCHS = 1000, 5, 0.01, 100, 20
SCALES = np.logspace(0, -4, 16)
EARLY = 5  # epochs after which the two are compared
SHOWN = 4  # the scale of figure 6-18: one at which both learn
LOOKS = {"BatchNorm": (BLUE, "solid", "with BatchNorm"), "without": (VERMILLION, "dashed", "without BatchNorm")}

Curves = dict[str, list[float]]


def fresh(train: Images, std: float) -> list[MultiLayerNet]:
    """Return the networks of `LOOKS` as they start."""
    return [MultiLayerNet(train.x.shape[1], HIDDEN, std, batchnorm=name == "BatchNorm") for name in LOOKS]


def learn(trained: dict[str, Trained[optim.SGD]], train: Images, std: float) -> Curves:
    """Return the accuracy on the training images before learning and after each epoch, with BatchNorm and without."""
    for by, net in zip(trained.values(), fresh(train, std), strict=True):
        by.start(net)
    curves: Curves = {name: [accuracy(by.net, train)] for name, by in trained.items()}
    steps = IMAGES // BATCH
    for step, _ in enumerate(learning({n: by.step for n, by in trained.items()}, train, BATCH, EPOCHS * steps), 1):
        for name, by in trained.items() if step % steps == 0 else ():
            curves[name].append(accuracy(by.net, train))
    return curves


def panels(curves: dict[float, Curves], columns: int, title: str) -> Figure:
    """Return a panel for each scale: BatchNorm solid, without it dashed."""
    rows = -(-len(curves) // columns)
    size = (2.6 * columns if columns > 1 else 6.0, 2.1 * rows + 0.5 if rows > 1 else 4.0)
    with sheet("figure 6-19", *size, title) as figure:
        every = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        lines = []
        for axes, (std, pair) in zip(every.flat, curves.items(), strict=False):
            dress(axes, title=f"weights of std {std:.4g}")
            axes.set(ylim=(0, 1.02), xlim=(0, EPOCHS), xticks=range(0, EPOCHS + 1, 5))
            lines = [
                axes.plot(pair[name], color=colour, linestyle=dashes, label=label)[0]
                for name, (colour, dashes, label) in LOOKS.items()
            ]
        for axes in every[-1]:
            axes.set_xlabel("epoch", color=INK)
        figure.supylabel("accuracy on the training images", color=INK, fontsize=10)
        legend(figure, lines)
    return figure


def experiment(run: Run) -> None:
    """How much faster a network with BatchNorm learns, whatever the scale of its initial weights."""
    train, _ = run.images(IMAGES)
    trained = {name: Trained(lambda net: optim.SGD(net.parameters(), lr=LR)) for name in LOOKS}
    with run.progress(epochs=len(SCALES)) as progress:

        def do(std: float) -> Curves:
            with np.errstate(over="ignore", invalid="ignore"):  # from the largest scale, learning diverges
                found = learn(trained, train, std)
            progress.epoch(**{f"{name} accuracy": values[-1] for name, values in found.items()})
            return found

        skipped = partial(skip, lambda std: fresh(train, std)[0], train, BATCH, EPOCHS * (IMAGES // BATCH))
        curves = in_turn(map(float, SCALES), do, skipped, run.workers)

    one = float(SCALES[SHOWN])
    caption = Words("BatchNorm makes learning faster", "基于Batch Norm的效果：使用Batch Norm后，学习进行得更快了")
    run.figure("6-18", panels({one: curves[one]}, 1, caption.en), caption)
    caption = Words(
        "BatchNorm (solid) and without it (dashed), for sixteen scales of the initial weights",
        "实线是使用了Batch Norm时的结果，虚线是没有使用Batch Norm时的结果：标题处标明了权重初始值的标准差",
    )
    run.figure("6-19", panels(curves, 4, caption.en), caption)
    run.record(curves=curves)
    early = [pair["BatchNorm"][EARLY] - pair["without"][EARLY] for pair in curves.values()]
    ahead = sum(lead > 0 for lead in early)
    run.check(
        Words("BatchNorm learns faster on nearly all scales", "几乎所有的情况下都是使用Batch Norm时学习进行得更快"),
        ahead >= 0.8 * len(SCALES),
        f"ahead after {EARLY} epochs on {ahead} of {len(SCALES)} scales, by {np.median(early):.0%} in the median",
    )
    lost = {name: sum(max(pair[name]) < 0.25 for pair in curves.values()) for name in LOOKS}
    run.check(
        Words("Without BatchNorm some do not learn at all", "不使用Batch Norm时，有些尺度下学习完全无法进行"),
        lost["without"] >= 3 and lost["BatchNorm"] < lost["without"],
        f"never above 25%: {lost['without']} of {len(SCALES)} scales without BatchNorm, {lost['BatchNorm']} with it",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
