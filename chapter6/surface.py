"""Figures 6-1 and 6-2: the function f(x, y) = x²/20 + y², and where its gradient points."""

from __future__ import annotations

import sys

import numpy as np

import tensorgrad as tg
from tensorgrad.chapter6.run import Run, Words, main

FAR = 10.0  # degrees between the arrow and the way to the minimum, from which on it misses it


def f(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    """The function of equation (6.2): flat along x, steep along y, least at (0, 0)."""
    return x**2 / 20 + y**2


def experiment(run: Run) -> None:
    """The surface of f, its contours and its gradient field: most arrows do not point at the minimum."""
    ticks = np.linspace(-10.0, 10.0, 21)
    x, y = (tg.tensor(grid, requires_grad=True) for grid in np.meshgrid(ticks, ticks))
    f(x, y).sum().backward()  # every point's value depends on that point alone: one sweep gives all gradients
    assert x.grad is not None
    assert y.grad is not None
    arrows = -np.stack([x.grad.numpy(), y.grad.numpy()], -1)
    home = -np.stack([x.detach().numpy(), y.detach().numpy()], -1)

    away = np.linalg.norm(home, axis=-1) > 0
    cosine = (arrows * home).sum(-1)[away] / np.linalg.norm(arrows, axis=-1)[away] / np.linalg.norm(home, axis=-1)[away]
    angles = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    missing = float((angles > FAR).mean())
    run.record(grid=ticks, arrows=arrows, angles=angles)
    run.check(
        Words(
            "Most arrows of the gradient do not point at the minimum (0, 0)", "大多数位置的梯度并不指向最小值 (0, 0)"
        ),
        missing > 0.5,
        f"{missing:.0%} of the arrows miss it by more than {FAR:.0f} degrees, the median by {np.median(angles):.0f}",
    )
    run.figure(
        "6-1",
        _surface(),
        Words("The surface of f(x, y) = x²/20 + y² and its contours", "f(x, y) = x²/20 + y² 的图形及其等高线"),
    )
    run.figure(
        "6-2",
        _field(ticks, arrows),
        Words("The gradient of f, reversed: the way down", "f 的梯度（取负号）：下降的方向"),
    )


def _surface() -> object:
    from matplotlib.figure import Figure

    x, y = np.meshgrid(np.linspace(-10, 10, 81), np.linspace(-10, 10, 81))
    z = f(tg.tensor(x), tg.tensor(y)).numpy()
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left = figure.add_subplot(1, 2, 1, projection="3d")
    left.plot_surface(x, y, z, cmap="viridis", rcount=40, ccount=40, linewidth=0)
    left.set(xlabel="x", ylabel="y", zlabel="f(x, y)")
    right = figure.add_subplot(1, 2, 2)
    lines = right.contour(x, y, z, levels=[0.5, 2, 5, 10, 20, 40, 60, 80, 100], cmap="viridis")
    right.clabel(lines, fontsize=8)
    right.plot(0, 0, "*", color="#222222", markersize=12)
    right.set(xlabel="x", ylabel="y", aspect="equal")
    return figure


def _field(ticks: np.ndarray, arrows: np.ndarray) -> object:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.quiver(ticks, ticks, arrows[..., 0], arrows[..., 1], angles="xy", color="#0072b2", width=0.003)
    axes.plot(0, 0, "*", color="#222222", markersize=12)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    return figure


if __name__ == "__main__":
    sys.exit(main(experiment))
