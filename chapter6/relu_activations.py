"""Figure 6-14: what the scale of the weights does to the activations of five relu layers."""

from __future__ import annotations

import math

import numpy as np

import tensorgrad as tg
from tensorgrad import viz

from .run import Run, Words, main

ROWS, NODES, LAYERS = 1000, 100, 5
STDS = {"std 0.01": 0.01, "Xavier": 1 / math.sqrt(NODES), "He": math.sqrt(2 / NODES)}
TOP = 0.07  # of the vertical axes, as in the book: it shows what is not 0


def activations(x: tg.Tensor, std: float) -> dict[str, np.ndarray]:
    """Return what comes out of each relu layer: arrays (1000, 100)."""
    layers = {}
    for i in range(1, LAYERS + 1):
        x = (x @ (tg.randn(NODES, NODES) * std)).relu()
        layers[f"layer {i}"] = x.numpy()
    return layers


def experiment(run: Run) -> None:
    """The activations of five relu layers for std 0.01, Xavier's and He's initial values."""
    x = tg.randn(ROWS, NODES)
    layers = {name: activations(x, std) for name, std in STDS.items()}
    caption = Words(
        "relu layers with different initial weights", "激活函数使用ReLU时，不同权重初始值的激活值分布的变化"
    )
    title = f"{caption.en} (the axes end at {TOP:.0%}: half of the values are 0)"
    drawn = viz.plot_activations(layers, bins=30, limits=(0, 1), title=title)
    drawn.axes[0].set_ylim(0, TOP)  # which all share
    run.figure("6-14", drawn, caption)
    stds = {name: [float(y.std()) for y in of.values()] for name, of in layers.items()}
    run.figure(
        "6-14-spread",
        viz.plot_curves(
            {"std of the activations": stds}, log=True, unit="layer", title="The spread from layer to layer"
        ),
        Words("The spread from layer to layer (not in the book)", "激活值的广度逐层的变化（书中没有）"),
    )
    run.record(
        std=stds,
        histograms={name: [np.histogram(y, 30, (0, 1))[0] for y in of.values()] for name, of in layers.items()},
    )
    kept = {name: of[-1] / of[0] for name, of in stds.items()}
    measured = ", ".join(f"{name} {of[0]:.2g} -> {of[-1]:.2g}" for name, of in stds.items())
    run.check(
        Words("He keeps the spread up to layer 5", "He初始值：直到第5层激活值的广度都不变"),
        0.5 < kept["He"] < 2,
        f"std of the activations from layer 1 to 5: {measured}",
    )
    run.check(
        Words("std 0.01 collapses to 0", "标准差为0.01：各层的激活值非常小，趋近于0"),
        kept["std 0.01"] < 1e-3,
        f"layer 5 keeps {kept['std 0.01']:.1e} of the spread of layer 1",
    )
    run.check(
        Words("Xavier loses spread from layer to layer", "Xavier初始值：随着层的加深，偏向一点点变大"),
        kept["std 0.01"] < kept["Xavier"] < 0.5 * kept["He"],
        f"layer 5 keeps {kept['Xavier']:.2f} of the spread of layer 1, He {kept['He']:.2f}",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
