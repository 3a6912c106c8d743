"""Figure 6-12: Xavier's initial values, and what its two definitions do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.viz.plots.canvas import BLUE, INK, VERMILLION, Figure

from .run import Run, Words, main, sheet

INPUTS = (10, 100, 1000)
WIDTHS = (50, 100, 200, 400, 800)
ROWS = 1000
DEFINITIONS = {"1/√n_in (book)": "book", "√(2/(n_in+n_out)) (PyTorch)": "pytorch"}


def picture() -> Figure:
    """Return a node with n inputs, whose weights have the standard deviation 1/sqrt(n)."""
    heights = (3.0, 2.0, 0.0)
    with sheet("figure 6-12", 6.0, 3.6) as figure:
        axes = figure.subplots()
        for y in heights:
            axes.annotate(
                "", (3.72, 1.5), (0.28, y), arrowprops={"arrowstyle": "-|>", "color": BLUE, "lw": 1.5}, zorder=1
            )
        axes.scatter([0, 0, 0, 4], [*heights, 1.5], s=900, facecolor="white", edgecolor=INK, linewidth=1.5, zorder=2)
        axes.text(0, 1.0, "⋮", ha="center", va="center", fontsize=18, color=INK)
        axes.text(-0.55, 1.5, "n nodes", ha="right", va="center", color=INK, fontsize=12)
        axes.annotate(
            "", (-0.42, 3.2), (-0.42, -0.2), arrowprops={"arrowstyle": "|-|,widthA=0.3,widthB=0.3", "color": INK}
        )
        axes.text(
            2.1, 3.0, "weights: mean 0,\nstandard deviation $1/\\sqrt{n}$", ha="left", color=VERMILLION, fontsize=12
        )
        axes.set(xlim=(-1.6, 4.6), ylim=(-0.5, 3.8), aspect="equal")
        axes.set_axis_off()
    return figure


def spread_of_sums(n: int) -> float:
    """Return the standard deviation of sums of n inputs of standard deviation 1, under Xavier's weights."""
    w = nn.init.xavier_normal_(tg.empty(100, n), convention="book")
    return float((tg.randn(ROWS, n) @ w.T).std().item())


def scales(convention: str) -> tuple[list[float], list[float]]:
    """Return the std of the values behind each affine layer, and that of the gradients that come back to its inputs."""
    values = [tg.randn(ROWS, WIDTHS[0], requires_grad=True)]
    for n_in, n_out in pairwise(WIDTHS):
        w = nn.init.xavier_normal_(tg.empty(n_out, n_in), convention=convention)
        values.append(values[-1] @ w.T)
        values[-1].retain_grad()
    values[-1].backward(tg.randn(ROWS, WIDTHS[-1]))
    return [float(v.std().item()) for v in values], [float(v.grad.std().item()) for v in values if v.grad is not None]


def expected(convention: str) -> tuple[list[float], list[float]]:
    """Return the same by the formulas: a layer scales values by std*sqrt(n_in), gradients by std*sqrt(n_out)."""
    forward, back = [1.0], [1.0]
    for n_in, n_out in pairwise(WIDTHS):
        std = n_in**-0.5 if convention == "book" else (2 / (n_in + n_out)) ** 0.5
        forward.append(forward[-1] * std * n_in**0.5)
        back.append(back[-1] * std * n_out**0.5)
    return forward, [back[-1] / b for b in back]


def experiment(run: Run) -> None:
    """Xavier's initial values: a node with n inputs, and the two definitions in layers that grow wider."""
    run.figure(
        "6-12",
        picture(),
        Words("A node with n inputs: std 1/sqrt(n)", "Xavier初始值：与前一层有n个节点连接时，使用标准差为1/√n的分布"),
    )
    sums = {n: spread_of_sums(n) for n in INPUTS}
    measured = {name: scales(convention) for name, convention in DEFINITIONS.items()}
    run.figure(
        "6-12-definitions",
        viz.plot_curves(
            {
                "std of the values": {name: forward for name, (forward, _) in measured.items()},
                "std of the gradients": {name: back for name, (_, back) in measured.items()},
            },
            log=True,
            x=range(len(WIDTHS)),
            unit="layer",
            title=f"Affine layers of {', '.join(map(str, WIDTHS))} nodes",
        ),
        Words("Xavier's two definitions (not in the book)", "Xavier初始值的两种定义（书中没有）"),
    )
    run.record(sums=sums, scales=measured)
    run.check(
        Words("Weights of std 1/sqrt(n) keep the spread, for every n", "标准差为1/√n的权重，对任何n都保持相同的广度"),
        all(0.8 < std < 1.25 for std in sums.values()),
        ", ".join(f"n={n}: {std:.3f}" for n, std in sums.items()),
    )
    check_definitions(run, measured)


def check_definitions(run: Run, measured: dict[str, tuple[list[float], list[float]]]) -> None:
    """Hold the two definitions against each other, and both against the formulas."""
    (forward, back), (both_forward, both_back) = measured.values()
    errors = [
        np.abs(np.log(np.divide(found, formula))).max()
        for name, convention in DEFINITIONS.items()
        for found, formula in zip(measured[name], expected(convention), strict=True)
    ]
    run.check(
        Words(
            "Beyond the book: where layers grow, 1/sqrt(n_in) keeps the values but not the gradients, PyTorch's "
            "definition stands between",
            "书外：层变宽时，1/√n_in保持激活值的广度而不保持梯度，PyTorch的定义居中",
        ),
        max(errors) < 0.15 and back[0] > both_back[0] > 1 > both_forward[-1] and forward[-1] > both_forward[-1],
        f"std of the values at the end {forward[-1]:.2f} against {both_forward[-1]:.2f}, of the gradients at the start "
        f"{back[0]:.2f} against {both_back[0]:.2f}; at most {max(errors):.1%} from the formulas",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
