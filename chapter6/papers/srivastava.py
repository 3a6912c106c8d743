"""Srivastava et al. 2014, table 2: a network of rectifiers with max-norm, with Dropout and without, test by test."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import compile, nn, optim
from tensorgrad.chapter6.forked import side_by_side
from tensorgrad.chapter6.network import accuracy
from tensorgrad.chapter6.papers.bars import PAPERS, by_seed
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.optim.regularizers import MaxNorm
from tensorgrad.viz.plots.canvas import BLUE, VERMILLION, Figure, dress

HIDDEN, WIDTH, IMAGES, BATCH, EPOCHS = 3, 256, 20_000, 100, 30
INPUT, LONGEST, MOMENTUM = 0.2, 2.0, 0.95  # inputs switched off, and the bound of max-norm: the paper's, appendix B.1
UNITS, RATES = (0.2, 0.5), (0.01, 0.03)  # of the paper's ranges, appendix A; searched for each, on validation images
LOOKS = {"with": (BLUE, "-", "with Dropout"), "without": (VERMILLION, "--", "without Dropout")}


class Found(NamedTuple):
    """Of one way: what was best on the validation images, and the test error after each epoch, by seed."""

    units: float
    rate: float
    errors: list[list[float]]


def network(inputs: int, units: float) -> nn.Sequential:
    """Return the network from He's initial values, with Dropout of so many `units`, and of inputs, or none."""
    layers: list[nn.Module] = [nn.Dropout(INPUT)] if units else []
    for n in (inputs, *[WIDTH] * (HIDDEN - 1)):
        layers += [nn.Linear(n, WIDTH), nn.ReLU(), *([nn.Dropout(units)] if units else [])]
    net = nn.Sequential(*layers, nn.Linear(WIDTH, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return net


def errors_of(units: float, rate: float, train: Images, test: Images) -> list[float]:
    """Return the error on `test` after each epoch over `train`, which is shuffled for each; the rate falls to 0."""
    net = network(train.x.shape[1], units)
    optimizer = optim.SGD(net.parameters(), lr=rate, momentum=MOMENTUM, nesterov=True)
    falling = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    bounded = MaxNorm(LONGEST)

    @compile(backend="numpy")
    def step(x: tg.Tensor, y: tg.Tensor) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    found = []
    for _ in range(EPOCHS):
        rows = tg.randperm(len(train.x))
        for i in range(0, len(rows) - BATCH + 1, BATCH):
            step(train.x[rows[i : i + BATCH]], train.y[rows[i : i + BATCH]])
            bounded.apply_(net.parameters(), rate)
        falling.step()
        found.append(1 - accuracy(net, test))
    return found


def chosen(name: str, train: Images) -> tuple[float, float]:
    """Return the units and the rate whose network errs least on the last fifth of `train`, which it has not seen."""
    cut = len(train.x) * 4 // 5
    first, rest = Images(train.x[:cut], train.y[:cut]), Images(train.x[cut:], train.y[cut:])
    errors = {}
    for units in UNITS if name == "with" else (0.0,):
        for rate in RATES:
            tg.manual_seed(0)
            errors[units, rate] = errors_of(units, rate, first, rest)[-1]
    return min(errors, key=lambda pair: errors[pair])


def two_sided(differences: list[float]) -> float:
    """Return p of Student's paired test that `differences` of five pairs have the mean 0, exactly.

    >>> round(two_sided([1.0, 2.0, 3.0, 4.0, 5.0]), 4)
    0.0132
    """
    d = np.array(differences)
    t = float(abs(d.mean()) / (d.std(ddof=1) / math.sqrt(len(d)))) if np.ptp(d) else math.inf * bool(d.any())
    s = t * t / (4 + t * t) if math.isfinite(t) else 1.0  # 4 degrees of freedom have this closed form
    return 1 - math.sqrt(s) * (1 + 0.5 * (1 - s))


def picture(found: dict[str, Found]) -> Figure:
    """Draw the errors epoch by epoch, and the pairs at the end."""
    with sheet("the figure of srivastava", 10, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        for name, (colour, dashes, label) in LOOKS.items():
            for seed, errors in enumerate(found[name].errors):
                look = {"color": colour, "label": label if seed == 0 else None}
                left.plot(range(1, len(errors) + 1), [100 * e for e in errors], dashes, **look)
                right.plot(seed, 100 * errors[-1], "o", **look)
        dress(left, "epoch", "test error in %")
        left.set_ylim(0, 8)
        dress(right, "seed", "test error after the last epoch in %")
        right.set_xticks(range(len(found["with"].errors)))
        for axes in (left, right):
            axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """The network errs less on images that it has not seen where units are switched off while it learns."""
    train, test = run.images(IMAGES)
    best = dict(zip(LOOKS, side_by_side([partial(chosen, name, train) for name in LOOKS], run.workers), strict=True))

    def of_seed(seed: int) -> dict[str, list[float]]:
        found = {}
        for name in LOOKS:
            tg.manual_seed(seed)  # a pair starts from the same weights
            found[name] = errors_of(*best[name], train, test)
        return found

    seeds = by_seed(run, "srivastava", of_seed)
    found = {name: Found(*best[name], [one[name] for one in seeds]) for name in LOOKS}
    run.record(**{name: one._asdict() for name, one in found.items()})
    run.figure(
        "srivastava-2014",
        picture(found),
        Words("Test errors with and without Dropout, five seeds", "使用与不使用Dropout的测试错误率，五个种子"),
    )
    conclude(run, found)


def conclude(run: Run, found: dict[str, Found]) -> None:
    """Hold the errors after the last epoch, pair by pair, against the bar."""
    last = {name: [errors[-1] for errors in one.errors] for name, one in found.items()}
    mean = {name: float(np.mean(errors)) for name, errors in last.items()}
    p = two_sided([a - b for a, b in zip(last["with"], last["without"], strict=True)])
    told = ", ".join(
        f"{name} {mean[name]:.2%} ({found[name].units:g} switched off, rate {found[name].rate:g})" for name in LOOKS
    )
    run.check(
        Words("The test error is lower with Dropout", "使用Dropout时测试错误率更低"),
        mean["with"] < mean["without"] and p < PAPERS["srivastava"].at["p"],
        f"{told}; p = {p:.1g}",
        on="mnist",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
