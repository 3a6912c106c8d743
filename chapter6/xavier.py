"""Figure 6-12: Xavier's initial value, and what its two definitions do."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.chapter6.run import Run, Words, main

INPUTS = 5  # drawn in the picture
SIZES = (784, 400, 100, 400, 100)  # layers that grow and shrink: where the definitions differ


def experiment(run: Run) -> None:
    """A node with n inputs gets weights of standard deviation 1/sqrt(n); PyTorch counts the outputs, too."""
    run.figure(
        "6-12",
        _node(),
        Words(
            "Xavier's initial value: n nodes before, standard deviation 1/√n",
            "Xavier 初始值：与前一层有 n 个节点连接时，使用标准差为 1/√n 的分布",
        ),
    )

    deviations: dict[str, list[float]] = {"book": [], "pytorch": []}
    spread: dict[str, list[float]] = {"book": [], "pytorch": []}
    for convention in ("book", "pytorch"):
        generator = tg.Generator().manual_seed(run.seed)
        x = tg.randn(1000, SIZES[0], generator=generator)
        for n_in, n_out in pairwise(SIZES):
            w = tg.empty(n_out, n_in)
            nn.init.xavier_normal_(w, generator=generator, convention=convention)
            x = tg.tanh(x @ w.T)
            deviations[convention].append(w.std().item())
            spread[convention].append(x.std().item())
    expected = {
        "book": [1 / math.sqrt(n) for n in SIZES[:-1]],
        "pytorch": [math.sqrt(2 / (n + m)) for n, m in pairwise(SIZES)],
    }
    off = max(abs(a / b - 1) for c in deviations for a, b in zip(deviations[c], expected[c], strict=True))
    run.record(sizes=SIZES, deviations=deviations, spread_of_the_activations=spread)
    run.check(
        Words("The weights have the standard deviation of either definition", "权重的标准差符合两种定义"),
        off < 0.05,
        f"largest relative difference {off:.1%}; 100 to 400 units: {deviations['book'][2]:.3f} and "
        f"{deviations['pytorch'][2]:.3f}",
    )
    change = {c: float(np.std(np.log(values))) for c, values in spread.items()}
    run.check(
        Words(
            "Counting the inputs alone keeps the activations more even on the way forward",
            "只考虑输入数的定义使前向的激活值更均匀",
        ),
        change["book"] < change["pytorch"],
        f"spread of the logarithms of the layers' deviations: {change['book']:.3f} against {change['pytorch']:.3f}",
    )
    told = {"book, 1/√n_in": spread["book"], "PyTorch, √(2/(n_in+n_out))": spread["pytorch"]}
    run.figure(
        "6-12-definitions",
        viz.plot_curves({"standard deviation of the activations": told}, unit="layer"),
        Words(
            "Beyond the book: Xavier's two definitions in layers of 784, 400, 100, 400 and 100 units",
            "补充：Xavier 的两种定义（784、400、100、400、100 个节点）",
        ),
    )


def _node() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    heights = np.linspace(-2, 2, INPUTS)
    for y in heights:
        axes.annotate("", (1.72, 0), (0.28, y), arrowprops={"arrowstyle": "->", "color": "#222222"})
        axes.add_patch(_circle((0, y)))
    axes.add_patch(_circle((2, 0)))
    axes.text(-0.45, 0, "n nodes", ha="right", va="center", fontsize=12)
    axes.text(1.0, 1.55, "weights: standard deviation 1/√n", ha="center", fontsize=11)
    axes.set(xlim=(-1.6, 3), ylim=(-2.6, 2.6), aspect="equal")
    axes.axis("off")
    return figure


def _circle(center: tuple[float, float]) -> Any:
    from matplotlib.patches import Circle

    return Circle(center, 0.26, facecolor="white", edgecolor="#222222", linewidth=1.5)


if __name__ == "__main__":
    sys.exit(main(experiment))
