"""Glorot and Bengio 2010, 4.2.1: the Jacobians of five tanh layers, and the gradients that come back through them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

WIDTH, HIDDEN, BATCH, JACOBIANS = 1000, 5, 300, 3
LOOKS = {"normalised": (BLUE, "o-"), "standard": (VERMILLION, "s--")}


class Found(NamedTuple):
    """Of one network: a mean singular value for each pair of hidden layers, the spread of the gradient at each."""

    singular: list[float]
    gradients: list[float]


def network(inputs: int, name: str) -> list[nn.Linear]:
    """Return the affine layers, with the paper's initial values `name`; biases are 0."""
    layers = [nn.Linear(n, WIDTH) for n in (inputs, *[WIDTH] * (HIDDEN - 1))] + [nn.Linear(WIDTH, 10)]
    for layer in layers:
        if name == "normalised":
            nn.init.xavier_uniform_(layer.weight)
        else:
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.zeros_(layer.bias)
    return layers


def looked_at(layers: list[nn.Linear], images: Images) -> Found:
    """Return the singular values of dz(i+1)/dz(i) at the first images, and the spread of dC/ds(i) over all."""
    units, sums = [images.x], []
    for layer in layers[:-1]:
        sums.append(layer(units[-1]))
        units.append(sums[-1].tanh())
    cost = nn.functional.cross_entropy(layers[-1](units[-1]), images.y)
    gradients = tg.autograd.grad(cost, sums)
    singular = []
    for layer, below in zip(layers[1:-1], units[1:-1], strict=True):

        def above(z: tg.Tensor, layer: nn.Linear = layer) -> tg.Tensor:
            return layer(z).tanh()

        jacobians = [tg.func.jacrev(above)(below[i].detach()).detach() for i in range(JACOBIANS)]
        singular.append(float(np.mean([tg.linalg.svdvals(j).mean().item() for j in jacobians])))
    return Found(singular, [g.std().item() for g in gradients])


def picture(found: dict[str, list[Found]]) -> Figure:
    """Draw both, layer by layer, a line for each seed."""
    with sheet("the figure of glorot", 10, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, (colour, style) in LOOKS.items():
            for seed, one in enumerate(found[name]):
                label = name if seed == 0 else None
                left.plot(range(1, HIDDEN), one.singular, style, color=colour, label=label)
                right.plot(range(1, HIDDEN + 1), one.gradients, style, color=colour, label=label)
        dress(left, "from hidden layer i to i + 1", "mean singular value of the Jacobian")
        left.set_ylim(0, 1)
        dress(right, "hidden layer", "standard deviation of the gradient")
        right.set_yscale("log")
        for axes in (left, right):
            axes.set_xticks(range(1, HIDDEN + (axes is right)))
            axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """Layers that start normalised keep the length of what goes through them; with the standard ones it shrinks."""
    images, _ = run.images(BATCH)
    seeds = by_seed(
        run, "glorot", lambda _: {name: looked_at(network(images.x.shape[1], name), images) for name in LOOKS}
    )
    found = {name: [one[name] for one in seeds] for name in LOOKS}
    run.record(**{name: [one._asdict() for one in every] for name, every in found.items()})
    caption = Words("Jacobians and gradients, three seeds each", "雅可比矩阵与梯度，各三个种子")
    run.figure("glorot-2010", picture(found), caption)
    conclude(run, found)


def shrinking(every: list[Found]) -> list[float]:
    """Return by how much the gradient shrinks from each layer to the one below, of the variances over `every` start.

    So the paper has it: the variances of its section 4.2, with n Var[W] = 1/3 for each layer, are over the weights that
    are drawn, of which a single network is one draw.
    """
    spread = np.sqrt(np.square([one.gradients for one in every]).mean(0))
    return [float(ratio) for ratio in spread[1:] / spread[:-1]]


def conclude(run: Run, found: dict[str, list[Found]]) -> None:
    """Hold the means and the ratios against the bar."""
    at = PAPERS["glorot"].at
    means = {name: float(np.mean([one.singular for one in every])) for name, every in found.items()}
    for name, words in (("normalised", "归一化初始化"), ("standard", "标准初始化")):
        low, high = at[f"{name}_low"], at[f"{name}_high"]
        run.check(
            Words(
                f"{name}: the mean singular value is between {low} and {high}",
                f"{words}：平均奇异值在 {low} 与 {high} 之间",
            ),
            low <= means[name] <= high,
            f"{means[name]:.3f}",
            on="mnist",
        )
    ratios = shrinking(found["standard"])
    off = max(abs(ratio / at["ratio"] - 1) for ratio in ratios)
    single = max(abs(ratio / at["ratio"] - 1) for one in found["standard"] for ratio in shrinking([one]))
    run.check(
        Words("standard: the gradient shrinks by √3 from layer to layer", "标准初始化：梯度逐层缩小 √3 倍"),
        off <= at["ratio_within"],
        f"by {min(ratios):.3f} to {max(ratios):.3f}, √3 is {at['ratio']:.3f}: off by {off:.2%} at most, in a "
        f"single network by {single:.2%}",
        on="mnist",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
