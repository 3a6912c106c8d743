"""Kingma and Ba 2014, 6.1: logistic regression on MNIST by Adam, Nesterov momentum and AdaGrad, rates searched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.chapter6.network import batches
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, COLOURS, VERMILLION, Figure, dress

BATCH, DECAY, EPOCHS = 128, 1e-4, 10
RATES = {  # three to a power of ten
    "Adam": tuple(10 ** (k / 3) for k in range(-6, 2)),
    "Nesterov": tuple(10 ** (k / 3) for k in range(-2, 6)),
    "AdaGrad": tuple(10 ** (k / 3) for k in range(-6, 2)),
}
OPTIMIZERS: dict[str, Callable[[list[tg.Tensor], float], optim.Optimizer]] = {
    "Adam": lambda p, lr: optim.Adam(p, lr, weight_decay=DECAY),
    "Nesterov": lambda p, lr: optim.SGD(p, lr, momentum=0.9, nesterov=True, weight_decay=DECAY),
    "AdaGrad": lambda p, lr: optim.Adagrad(p, lr, weight_decay=DECAY),
}
LOOKS = dict(zip(OPTIMIZERS, ((BLUE, "-"), (COLOURS[2], "-."), (VERMILLION, "--")), strict=True))


class Found(NamedTuple):
    """Of one method, the last cost by rate with seed 0, the rate that is best there, and the costs by seed with it."""

    searched: dict[float, float]
    rate: float
    costs: list[list[float]]


def costs_of(name: str, lr: float, images: Images) -> list[float]:
    """Return the cost over all images, negative log likelihood and L2 term, after each epoch."""
    model = nn.Linear(images.x.shape[1], 10)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = OPTIMIZERS[name]([model.weight, model.bias], lr)
    falling = optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / math.sqrt(t + 1))
    costs, steps = [], len(images.x) // BATCH
    for _ in range(EPOCHS):
        for batch in batches(images, BATCH, steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch.x), batch.y).backward()
            optimizer.step()
            falling.step()
        with tg.no_grad():
            squares = sum((p * p).sum().item() for p in (model.weight, model.bias))
            costs.append(nn.functional.cross_entropy(model(images.x), images.y).item() + DECAY / 2 * squares)
    return costs


def searched(name: str, images: Images) -> dict[float, float]:
    """Return the cost after the last epoch with every rate, all on the same batches."""
    found = {}
    for rate in RATES[name]:
        tg.manual_seed(0)
        found[rate] = costs_of(name, rate, images)[-1]
    return found


def picture(found: dict[str, Found]) -> Figure:
    """Draw the costs with the best rates, and the last cost by rate."""
    with sheet("the figure of kingma", 10, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, (colour, dashes) in LOOKS.items():
            one = found[name]
            for seed, costs in enumerate(one.costs):
                label = f"{name}, {one.rate:.2g}/√t" if seed == 0 else None
                left.plot(range(1, len(costs) + 1), costs, dashes, color=colour, label=label)
            right.plot(list(one.searched), list(one.searched.values()), dashes, marker="o", color=colour, label=name)
        dress(left, "epoch", "training cost")
        dress(right, "rate at the first step", "training cost after the last epoch, seed 0")
        right.set_xscale("log")
        right.set_ylim(0.2, 0.7)
        for axes in (left, right):
            axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """Adam goes down as Nesterov momentum does, and both faster than AdaGrad, each with its best rate."""
    images, _ = run.images()
    costs = {name: searched(name, images) for name in OPTIMIZERS}
    rates = {name: min(of, key=lambda rate: of[rate]) for name, of in costs.items()}

    def of_seed(seed: int) -> dict[str, list[float]]:
        found = {}
        for name, rate in rates.items():
            tg.manual_seed(seed)
            found[name] = costs_of(name, rate, images)
        return found

    seeds = by_seed(run, "kingma", of_seed)
    found = {name: Found(costs[name], rates[name], [one[name] for one in seeds]) for name in OPTIMIZERS}
    run.record(**{name: one._asdict() for name, one in found.items()})
    caption = Words("Training cost of logistic regression, and the search of rates", "逻辑回归的训练代价与学习率的搜索")
    run.figure("kingma-2014", picture(found), caption)
    conclude(run, found)


def conclude(run: Run, found: dict[str, Found]) -> None:
    """Hold the costs after the last epoch, means over the seeds, against the bar."""
    at = PAPERS["kingma"].at
    last = {name: float(np.mean([costs[-1] for costs in one.costs])) for name, one in found.items()}
    run.check(
        Words("Adam's cost is near Nesterov's", "Adam的代价与Nesterov相近"),
        abs(last["Adam"] / last["Nesterov"] - 1) <= at["within"],
        f"Adam {last['Adam']:.4f}, Nesterov {last['Nesterov']:.4f}: {last['Adam'] / last['Nesterov'] - 1:+.1%}",
        on="mnist",
    )
    run.check(
        Words("and both are below AdaGrad's", "并且二者都低于AdaGrad"),
        max(last["Adam"], last["Nesterov"]) < last["AdaGrad"],
        f"AdaGrad {last['AdaGrad']:.4f}; rates " + ", ".join(f"{n} {o.rate:.2g}" for n, o in found.items()),
        on="mnist",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
