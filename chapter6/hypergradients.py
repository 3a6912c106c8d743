"""Hypergradients: the slope of the validation loss by the learning rate and the weight decay, without any search.

The book searches because nothing tells in which direction a hyper-parameter should move. An engine whose gradients can
be differentiated again does: it records the whole training, step by step, and goes back through all of it.
"""

from __future__ import annotations

import math

import numpy as np

from tensorgrad import float64, nn, search
from tensorgrad.engine.tensor import Tensor
from tensorgrad.func import functional_call
from tensorgrad.viz.plots.canvas import BLUE, INK, VERMILLION, Figure, dress

from .network import MultiLayerNet
from .run import Run, Words, main, sheet

IMAGES = 200
TRAINING = 150
HIDDEN = 2
STEPS = 30
RATES = np.logspace(-3, -0.5, 13)
DECAY = 1e-3
DESCENT = 10
START = 2e-3

Params = dict[str, Tensor]


def experiment(run: Run) -> None:
    """Gradients of the validation loss by hyper-parameters: they are its slopes, and lead to a better learning rate."""
    images, _ = run.images(IMAGES)
    x, y = images.x.to(float64), images.y
    net = MultiLayerNet(x.shape[1], HIDDEN, activation=nn.Tanh).double()  # relu has edges, where the loss has no slope

    def train_loss(params: Params, _step: int) -> Tensor:
        return nn.functional.cross_entropy(functional_call(net, params, (x[:TRAINING],)), y[:TRAINING])

    def valid_loss(params: Params) -> Tensor:
        return nn.functional.cross_entropy(functional_call(net, params, (x[TRAINING:],)), y[TRAINING:])

    def at(log_rate: float, decay: float = DECAY) -> tuple[float, float, float]:
        """Return the loss, its slope by the natural logarithm of the learning rate, and by the decay."""
        rate = math.exp(log_rate)
        start = dict(net.named_parameters())
        found = search.hypergradient(train_loss, valid_loss, start, {"lr": rate, "weight_decay": decay}, STEPS)
        return found.loss, rate * found.gradient["lr"].item(), found.gradient["weight_decay"].item()

    curve = [at(math.log(rate)) for rate in RATES]
    path = [(math.log(START), *at(math.log(START)))]
    for _ in range(DESCENT):  # along the slope, at most a factor of e at a time
        place, _, slope, _ = path[-1]
        place -= max(-1.0, min(1.0, 2.0 * slope))
        path.append((place, *at(place)))

    h, place = 1e-5, math.log(0.05)
    _, by_rate, by_decay = at(place)
    differences = [
        (at(place + h)[0] - at(place - h)[0]) / (2 * h),
        (at(place, DECAY + h)[0] - at(place, DECAY - h)[0]) / (2 * h),
    ]
    errors = [abs(d - g) / abs(d) for d, g in zip(differences, (by_rate, by_decay), strict=True)]

    caption = Words(
        "Validation loss over the learning rate, its hypergradients as tangents, and a descent along them.",
        "验证数据的损失随学习率的变化：切线是超梯度，圆点是沿超梯度下降的过程。",
    )
    run.figure("6-24-hypergradients", slopes(curve, path), caption)
    run.record(rates=RATES, curve=curve, path=path, slopes=[by_rate, by_decay], differences=differences)

    conclude(run, errors, [loss for loss, _, _ in curve], [loss for _, loss, *_ in path])


def conclude(run: Run, errors: list[float], grid: list[float], descent: list[float]) -> None:
    """Check the gradients against the differences, and the descent against the grid."""
    run.check(
        Words("The hypergradients are the slopes of the validation loss", "超梯度等于验证数据损失的斜率"),
        max(errors) < 1e-6,
        f"relative errors {errors[0]:.0e} (rate), {errors[1]:.0e} (decay)",
    )
    first, last = descent[0], descent[-1]
    run.check(
        Words("Descending along them lowers the validation loss", "沿超梯度下降，验证数据的损失减小"),
        last < first,
        f"{first:.3f}, after {DESCENT} steps {last:.3f}",
    )
    best = min(loss for loss in grid if math.isfinite(loss))
    run.check(
        Words("It comes as far as a grid of learning rates", "达到与网格搜索相当的结果"),
        last < best + 0.1 * (first - best),
        f"{last:.3f}; best of {len(RATES)} rates {best:.3f}",
    )


def slopes(curve: list[tuple[float, float, float]], path: list[tuple[float, float, float, float]]) -> Figure:
    """Draw the loss over the learning rate, tangents with the slopes of the hypergradients, and the descent."""
    rates, reached = np.exp([place for place, *_ in path]), [loss for _, loss, *_ in path]
    ends = np.array([-0.4, 0.4])
    with sheet("figure 6-24-hypergradients", 7, 4.2) as figure:
        axes = figure.subplots()
        dress(axes, "learning rate", "validation loss")
        axes.plot(RATES, [loss for loss, _, _ in curve], color=BLUE, label="validation loss after training")
        for rate, (loss, slope, _) in zip(RATES[::3], curve[::3], strict=True):
            axes.plot(rate * np.exp(ends), loss + slope * ends, color=INK, linewidth=2)
        axes.plot([], [], color=INK, linewidth=2, label="hypergradient")
        axes.plot(rates, reached, "o", color=VERMILLION, markersize=5, label="descent along hypergradients")
        axes.set_xscale("log")
        axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    raise SystemExit(main(experiment))
