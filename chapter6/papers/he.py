"""He et al. 2015, figures 2 and 3: very deep networks of rectifiers from Xavier's and from He's initial values."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.chapter6.network import MultiLayerNet, learning, step_of
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

LR, MOMENTUM, DECAY, BATCH = 0.01, 0.9, 0.0005, 128  # the paper's, section 4
EPOCH, EPOCHS, PART = 469, 5, 35  # steps; and those that a loss is averaged over
CHANCE = math.log(10)  # the loss of ten equal scores
DEPTHS = tuple(int(PAPERS["he"].at[name]) for name in ("deep", "less"))
LOOKS = {"xavier": (VERMILLION, "--", "Xavier"), "he": (BLUE, "-", "He")}


class Found(NamedTuple):
    """Of one network: the mean square of each layer's sums at the start, and the losses, means over `PART` steps."""

    signal: list[float]
    losses: list[float]


def centred(images: Images) -> Images:
    """Return `images` with the mean of each pixel subtracted, as the paper's section 4 has them."""
    return Images(images.x - images.x.mean(0), images.y)


def signal_of(net: MultiLayerNet, x: tg.Tensor) -> list[float]:
    """Return the mean square of what each hidden affine layer gives for `x`."""
    found = []
    with tg.no_grad():
        for layer in net.layers[:-1]:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                found.append((x * x).mean().item())
    return found


def trained(depth: int, std: str, images: Images) -> Found:
    """Return what comes of a network of `depth` hidden layers.

    The rate is a tenth after an epoch that is no better than all before, for the paper's "is switched when the error
    plateaus": 0.01, 0.001, 0.0001.
    """
    net = MultiLayerNet(images.x.shape[1], depth, std)
    signal = signal_of(net, images.x[:1000])
    optimizer = optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    falling = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=LR / 100)
    step, losses = step_of(net, optimizer), list[float]()
    for _ in range(EPOCHS):
        losses += [loss["loss"] for loss in learning({"loss": step}, images, BATCH, EPOCH)]
        falling.step(float(np.mean(losses[-EPOCH:])))
    return Found(signal, [float(np.mean(losses[i : i + PART])) for i in range(0, len(losses), PART)])


def halving(found: Found) -> float:
    """Return by which factor the signal changes from a layer to the next, the geometric mean over the layers."""
    return float((found.signal[-1] / found.signal[0]) ** (1 / (len(found.signal) - 1)))


def picture(found: dict[tuple[int, str], list[Found]]) -> Figure:
    """Draw the losses for each depth, and the signal of the deepest."""
    with sheet("the figure of he", 13, 3.8) as figure:
        panels = figure.subplots(1, 3)
        for (depth, std), every in found.items():
            colour, dashes, label = LOOKS[std]
            for seed, one in enumerate(every):
                look = {"color": colour, "linestyle": dashes, "label": label if seed == 0 else None}
                steps = range(PART, PART * len(one.losses) + 1, PART)
                panels[DEPTHS[::-1].index(depth)].plot(steps, one.losses, **look)
                if depth == max(DEPTHS):
                    panels[2].plot(range(1, depth + 1), one.signal, **look)
        for axes, depth in zip(panels, DEPTHS[::-1], strict=False):
            dress(axes, "step", "training loss", f"{depth} layers")
            axes.set_ylim(0, 1.1 * CHANCE)
        dress(panels[2], "layer", "mean square of the sums", f"{max(DEPTHS)} layers, at the start")
        panels[2].set_yscale("log")
        for axes in panels:
            axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """Thirty layers learn from He's initial values and stand still from Xavier's; twenty-two learn from both."""
    images = centred(run.images()[0])
    pairs = [(depth, std) for depth in DEPTHS for std in LOOKS]
    seeds = by_seed(run, "he", lambda _: {pair: trained(*pair, images) for pair in pairs})
    found = {pair: [one[pair] for one in seeds] for pair in pairs}
    run.record(**{f"{std}_{depth}": [one._asdict() for one in every] for (depth, std), every in found.items()})
    run.figure(
        "he-2015",
        picture(found),
        Words("22 and 30 layers from both initial values, three seeds", "22层与30层使用两种初始值的学习，三个种子"),
    )
    conclude(run, found)


def conclude(run: Run, found: dict[tuple[int, str], list[Found]]) -> None:
    """Hold the losses and the signal against the bar."""
    at, (deep, less) = PAPERS["he"].at, DEPTHS
    last = {pair: [one.losses[-1] for one in every] for pair, every in found.items()}
    told = {pair: ", ".join(f"{loss:.3f}" for loss in losses) for pair, losses in last.items()}
    off = max(abs(loss - CHANCE) for loss in last[deep, "xavier"])
    run.check(
        Words(f"{deep} layers: from Xavier's initial values learning stalls", f"{deep}层：使用Xavier初始值时学习停滞"),
        off < at["chance_within"],
        f"loss at the end {told[deep, 'xavier']}; of equal scores {CHANCE:.3f}",
        on="mnist",
    )
    for depth, std in ((deep, "he"), (less, "he"), (less, "xavier")):
        name = LOOKS[std][2]
        run.check(
            Words(f"{depth} layers: from {name}'s initial values it learns", f"{depth}层：使用{name}初始值可以学习"),
            max(last[depth, std]) < CHANCE / 2,
            f"loss at the end {told[depth, std]}; half of equal scores {CHANCE / 2:.3f}",
            on="mnist",
        )
    factors = [halving(one) for one in found[deep, "xavier"]]
    run.check(
        Words("Xavier: the forward signal halves from layer to layer", "Xavier：前向信号逐层减半"),
        all(abs(factor / 0.5 - 1) <= at["halving_within"] for factor in factors),
        "mean square times " + ", ".join(f"{factor:.3f}" for factor in factors),
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
