"""Duchi et al. 2011: AdaGrad and SGD on features of which most are rare, example by example, rates searched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.chapter6.papers.bars import by_seed
from tensorgrad.chapter6.run import Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, COLOURS, VERMILLION, Figure, dress

FEATURES, EXAMPLES, BATCH = 500, 4000, 10
STEPS, EVERY = 1500, 50  # steps from one look at the loss to the next
RATES = tuple(10 ** (k / 2) for k in range(-2, 7))  # two to a power of ten
METHODS: dict[str, Callable[[tg.Tensor, float], optim.Optimizer]] = {
    "AdaGrad": lambda w, lr: optim.Adagrad([w], lr),
    "SGD": lambda w, lr: optim.SGD([w], lr),
    "SGD, rate/√t": lambda w, lr: optim.SGD([w], lr),
}
LOOKS = dict(zip(METHODS, ((BLUE, "-"), (VERMILLION, "--"), (COLOURS[4], "-.")), strict=True))


class Found(NamedTuple):
    """Of one method, the rate with the lowest loss at the end, and the loss at each look with it."""

    rate: float
    losses: list[float]


def examples(count: int) -> tuple[tg.Tensor, tg.Tensor, tg.Tensor]:
    """Return features (count, `FEATURES`), labels (count,) of 0 and 1, and the weights behind them.

    The j-th feature is there with the probability 1/j, as the j-th word of a language; every one counts as much when it
    comes.
    """
    frequency = 1 / tg.arange(1, FEATURES + 1)
    x = (tg.rand(count, FEATURES) < frequency).float()
    w = 3 * tg.randn(FEATURES)
    y = (tg.rand(count) < (x @ w).sigmoid()).float()
    return x, y, w


def losses_of(name: str, rate: float, x: tg.Tensor, y: tg.Tensor) -> list[float]:
    """Return the mean logistic loss over all examples at each look."""
    w = tg.zeros(FEATURES, requires_grad=True)
    optimizer = METHODS[name](w, rate)
    falls = name.endswith("√t")
    falling = optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / math.sqrt(t + 1) if falls else 1.0)
    found = []
    for step in range(1, STEPS + 1):
        rows = tg.randint(0, len(x), (BATCH,))
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(x[rows] @ w, y[rows]).backward()
        optimizer.step()
        falling.step()
        if step % EVERY == 0:
            with tg.no_grad():
                found.append(nn.functional.binary_cross_entropy_with_logits(x @ w, y).item())
    return found


def searched(_: int) -> dict[str, Found]:
    """Return what each method does with its best rate, on the same examples in the same order."""
    x, y, _w = examples(EXAMPLES)
    start, found = tg.get_rng_state(), {}
    for name in METHODS:
        every = []
        for rate in RATES:
            tg.set_rng_state(start)
            every.append(Found(rate, losses_of(name, rate, x, y)))
        found[name] = min(every, key=lambda one: one.losses[-1])
    return found


def steps_to(one: Found, loss: float) -> int | None:
    """Return after how many steps the loss was first at `loss` or below, None if it never was."""
    return next((EVERY * n for n, value in enumerate(one.losses, 1) if value <= loss), None)


def target(found: dict[str, Found]) -> float:
    """Return the lowest loss that SGD comes to, with a fixed or a falling rate."""
    return min(min(one.losses) for name, one in found.items() if name != "AdaGrad")


def picture(seeds: list[dict[str, Found]]) -> Figure:
    """Draw the losses of every seed."""
    with sheet("the figure of duchi", 7, 4) as figure:
        axes = figure.subplots()
        for name, (colour, dashes) in LOOKS.items():
            for seed, one in enumerate(seeds):
                steps = range(EVERY, STEPS + 1, EVERY)
                axes.plot(steps, one[name].losses, dashes, color=colour, label=name if seed == 0 else None)
        dress(axes, "step", "training loss")
        axes.legend(frameon=False)
    return figure


def experiment(run: Run) -> None:
    """AdaGrad is where SGD ends before it: rare features take large steps."""
    seeds = by_seed(run, "duchi", searched)
    run.record(seeds=[{name: one._asdict() for name, one in found.items()} for found in seeds])
    caption = Words("Logistic loss with rare features, five seeds", "稀疏特征下的逻辑损失，五个种子")
    run.figure("duchi-2011", picture(seeds), caption)
    conclude(run, seeds)


def conclude(run: Run, seeds: list[dict[str, Found]]) -> None:
    """Hold the steps to the loss that SGD comes to against the bar."""
    needed = []
    for found in seeds:
        loss = target(found)
        others = [steps_to(one, loss) for name, one in found.items() if name != "AdaGrad"]
        needed.append((steps_to(found["AdaGrad"], loss), min(n for n in others if n is not None)))
    run.check(
        Words("AdaGrad needs fewer steps than SGD to the same loss", "达到相同损失时，AdaGrad的步数少于SGD"),
        all(adagrad is not None and adagrad < sgd for adagrad, sgd in needed),
        "; ".join(f"{adagrad or 'never'} against {sgd}" for adagrad, sgd in needed),
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
