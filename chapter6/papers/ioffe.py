"""Ioffe and Szegedy 2015, 4.1: three layers of sigmoids on MNIST, with BatchNorm in each and without."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tensorgrad import nn, no_grad, optim
from tensorgrad.chapter6.network import MultiLayerNet, accuracy, learning, step_of
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

HIDDEN, BATCH = 3, 60  # three layers of 100 sigmoids, batches of 60: the paper's
STD, LR = 0.1, 0.1  # "small random Gaussian values" there, and no word of the rate
STEPS, EVERY = 8_000, 100  # of the paper's 50,000; steps from one look at the test images to the next
PERCENTILES = (15, 50, 85)
LOOKS = {"with": (BLUE, "-", "with BatchNorm"), "without": (VERMILLION, "--", "without BatchNorm")}


class Found(NamedTuple):
    """Of one network, at each look: its accuracy, and (looks, percentiles, units) of the last hidden layer's inputs."""

    accuracy: list[float]
    percentiles: list[list[list[float]]]


def inputs_of_the_last_sigmoid(net: MultiLayerNet, images: Images) -> np.ndarray:
    """Return what the last hidden layer's sigmoids are given for `images`, the modules in their present mode."""
    x = images.x
    with no_grad():
        for layer in net.layers[:-2]:
            x = layer(x)
    return x.numpy()


def trained(batchnorm: bool, train: Images, test: Images) -> Found:
    """Return the course of one network."""
    net = MultiLayerNet(train.x.shape[1], HIDDEN, STD, batchnorm=batchnorm, activation=nn.Sigmoid, convention="pytorch")
    steps = {"loss": step_of(net, optim.SGD(net.parameters(), lr=LR))}
    found = Found([], [])
    shown = Images(test.x[:1000], test.y[:1000])
    for step, _ in enumerate(learning(steps, train, BATCH, STEPS), 1):
        if step % EVERY == 0:
            found.accuracy.append(accuracy(net, test))
            net.eval()
            sums = inputs_of_the_last_sigmoid(net, shown)
            net.train()
            found.percentiles.append(np.percentile(sums, PERCENTILES, axis=0).tolist())
    return found


def steps_to(found: Found, level: float) -> int | None:
    """Return after how many steps the accuracy was first at `level`, None if it never was."""
    return next((EVERY * n for n, value in enumerate(found.accuracy, 1) if value >= level), None)


def drift(found: Found) -> float:
    """Return how far a percentile moves in the course of learning, its highest less its lowest, a mean over units."""
    return float(np.ptp(np.array(found.percentiles), axis=0).mean())


def picture(found: dict[str, list[Found]]) -> Figure:
    """Draw the accuracies, and the percentiles of the first unit, which nobody has chosen, for seed 0."""
    with sheet("the figure of ioffe", 13, 3.8) as figure:
        panels = figure.subplots(1, 3)
        steps = range(EVERY, EVERY * len(found["with"][0].accuracy) + 1, EVERY)
        for place, (name, (colour, dashes, label)) in enumerate(LOOKS.items(), 1):
            for seed, one in enumerate(found[name]):
                look = {"color": colour, "linestyle": dashes, "label": label if seed == 0 else None}
                panels[0].plot(steps, one.accuracy, **look)
            panels[place].plot(steps, np.array(found[name][0].percentiles)[:, :, 0], color=colour, linestyle=dashes)
            dress(panels[place], "step", "input of a sigmoid: 15, 50, 85 %", label)
        dress(panels[0], "step", "test accuracy")
        panels[0].legend(frameon=False)
        panels[2].sharey(panels[1])
    return figure


def experiment(run: Run) -> None:
    """With BatchNorm a network needs fewer steps, and what its last sigmoids are given stays where it is."""
    train, test = run.images()
    seeds = by_seed(run, "ioffe", lambda _: {name: trained(name == "with", train, test) for name in LOOKS})
    found = {name: [one[name] for one in seeds] for name in LOOKS}
    level = PAPERS["ioffe"].at["accuracy"]
    run.record(
        accuracy={name: [one.accuracy for one in every] for name, every in found.items()},
        steps={name: [steps_to(one, level) for one in every] for name, every in found.items()},
        drift={name: [drift(one) for one in every] for name, every in found.items()},
    )
    run.figure(
        "ioffe-2015",
        picture(found),
        Words("Test accuracy, three seeds; percentiles of one input", "测试精度（三个种子）；一个输入的百分位数"),
    )
    conclude(run, found)


def conclude(run: Run, found: dict[str, list[Found]]) -> None:
    """Hold the steps and the drift against the bar."""
    at = PAPERS["ioffe"].at
    pairs = list(zip(found["with"], found["without"], strict=True))
    needed = [(steps_to(quick, at["accuracy"]), steps_to(slow, at["accuracy"])) for quick, slow in pairs]
    most = EVERY * len(found["without"][0].accuracy)  # who never came there needs more than that
    fewer = [(slow or most) / quick if quick else 0.0 for quick, slow in needed]
    run.check(
        Words(
            f"At least {at['times']:g} times fewer steps to {at['accuracy']:.0%} with BatchNorm",
            f"使用Batch Norm时，达到 {at['accuracy']:.0%} 的步数至少少到 {at['times']:g} 分之一",
        ),
        min(fewer) >= at["times"],
        "; ".join(f"{quick or 'never'} against {slow or f'more than {most}'}" for quick, slow in needed),
        on="mnist",
    )
    ratios = [drift(slow) / drift(quick) for quick, slow in pairs]
    run.check(
        Words("Without BatchNorm the percentiles drift more", "不使用Batch Norm时，百分位数漂移更大"),
        min(ratios) > 1,
        "times as far: " + ", ".join(f"{ratio:.2f}" for ratio in ratios),
        on="mnist",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
