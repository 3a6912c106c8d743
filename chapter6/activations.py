"""Figures 6-10, 6-11 and 6-13: what the scale of the weights does to the activations of five sigmoid layers."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import tensorgrad as tg
from tensorgrad import viz

from .run import Run, Words, main

ROWS, NODES, LAYERS = 1000, 100, 5
STDS = {"std 1": 1.0, "std 0.01": 0.01, "Xavier": 1 / math.sqrt(NODES)}
FIGURES = {
    "std 1": ("6-10", Words("Weights of std 1", "使用标准差为1的高斯分布作为权重初始值时的各层激活值的分布")),
    "std 0.01": ("6-11", Words("Weights of std 0.01", "使用标准差为0.01的高斯分布作为权重初始值时的各层激活值的分布")),
    "Xavier": ("6-13", Words("Xavier's initial values", "使用Xavier初始值作为权重初始值时的各层激活值的分布")),
}


class Pass(NamedTuple):
    """One pass through the layers and back: activations and gradients, arrays (1000, 100), by layer."""

    activations: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def there_and_back(x: tg.Tensor, dout: tg.Tensor, std: float) -> Pass:
    """Return what comes out of each sigmoid layer, and the gradient that arrives there from `dout` behind the last."""
    layers = {}
    for i in range(1, LAYERS + 1):
        x = (x @ (tg.randn(NODES, NODES) * std).requires_grad_()).sigmoid()
        x.retain_grad()
        layers[f"layer {i}"] = x
    x.backward(dout)
    gradients = {name: layer.grad.numpy() for name, layer in layers.items() if layer.grad is not None}
    return Pass({name: layer.detach().numpy() for name, layer in layers.items()}, gradients)


def norms(of: Pass) -> list[float]:
    """Return the norm of the gradient at each layer."""
    return [float(np.linalg.norm(gradient)) for gradient in of.gradients.values()]


def medians(of: Pass) -> list[float]:
    """Return the median of the sigmoid's derivative y(1 - y) in each layer; it is 0.25 at most."""
    return [float(np.median(y * (1 - y))) for y in of.activations.values()]


def experiment(run: Run) -> None:
    """The activations of five sigmoid layers, and the gradients that come back, for three scales of the weights."""
    x, dout = tg.randn(ROWS, NODES), tg.randn(ROWS, NODES)
    passes = {name: there_and_back(x, dout, std) for name, std in STDS.items()}
    for name, (number, caption) in FIGURES.items():
        drawn = viz.plot_activations(passes[name].activations, bins=30, limits=(0, 1), bounds=(0, 1), title=caption.en)
        run.figure(number, drawn, caption)
    run.figure(
        "6-10-gradients",
        viz.plot_curves(
            {
                "norm of the gradient": {name: norms(of) for name, of in passes.items()},
                "median derivative of the sigmoid": {name: medians(of) for name, of in passes.items()},
            },
            log=True,
            unit="layer",
            title="The way back through the same layers",
        ),
        Words("The gradients that arrive at each layer (not in the book)", "反向传播到各层的梯度（书中没有）"),
    )
    run.record(
        **{
            name: {
                "histograms": [np.histogram(y, 30, (0, 1))[0] for y in of.activations.values()],
                "std": [y.std() for y in of.activations.values()],
                "gradient_norms": norms(of),
                "median_derivatives": medians(of),
            }
            for name, of in passes.items()
        }
    )
    check_activations(run, passes)
    check_gradients(run, passes)


def check_activations(run: Run, passes: dict[str, Pass]) -> None:
    """Hold the histograms against what the book reads from them."""
    ends = [float(((y < 0.1) | (y > 0.9)).mean()) for y in passes["std 1"].activations.values()]
    run.check(
        Words("std 1: the activations lie at 0 and 1 in every layer", "标准差为1：各层的激活值偏向0和1"),
        min(ends) > 0.5,
        f"within 0.1 of 0 or 1: {min(ends):.0%} to {max(ends):.0%} of a layer (evenly spread: 20%)",
    )
    middle = [float((abs(y - 0.5) < 0.1).mean()) for y in passes["std 0.01"].activations.values()]
    run.check(
        Words("std 0.01: the activations lie around 0.5 in every layer", "标准差为0.01：各层的激活值集中在0.5附近"),
        min(middle) > 0.99,
        f"within 0.1 of 0.5: at least {min(middle):.1%} of each layer",
    )
    spread = {name: [float(y.std()) for y in of.activations.values()] for name, of in passes.items()}
    saturated = [float(((y < 0.01) | (y > 0.99)).mean()) for y in passes["Xavier"].activations.values()]
    run.check(
        Words("Xavier: spread in every layer, without saturation", "Xavier初始值：各层的激活值有适当的广度，且不饱和"),
        min(spread["Xavier"]) > 4 * max(spread["std 0.01"][1:]) and max(saturated) < 0.01,
        f"std of the activations {min(spread['Xavier']):.3f} to {max(spread['Xavier']):.3f}, behind layer 1 of "
        f"std 0.01 at most {max(spread['std 0.01'][1:]):.3f}; saturated at most {max(saturated):.1%}",
    )


def check_gradients(run: Run, passes: dict[str, Pass]) -> None:
    """Say which gradients vanish: where units saturate, and, what the book does not say, where the weights are tiny."""
    halves = {name: medians(of) for name, of in passes.items()}
    run.check(
        Words("std 1: most units hardly pass a gradient on", "标准差为1：大部分神经元几乎不传递梯度（梯度消失）"),
        max(halves["std 1"]) < 0.25 / 5 and min(halves["Xavier"]) > 0.25 / 2,
        f"median derivative of the sigmoid (0.25 at most): std 1 {max(halves['std 1']):.3f} at most, "
        f"Xavier {min(halves['Xavier']):.3f} at least",
    )
    kept = {name: norms(of)[0] / norms(of)[-1] for name, of in passes.items()}
    run.check(
        Words(
            "Beyond the book: std 0.01 loses the norm of the gradient too, far more than Xavier",
            "书外：标准差为0.01时梯度的范数也消失，远甚于Xavier初始值",
        ),
        kept["std 0.01"] < 1e-4 and kept["Xavier"] > 100 * kept["std 0.01"],
        "norm of the gradient at layer 1 over layer 5: " + ", ".join(f"{name} {k:.1e}" for name, k in kept.items()),
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
