"""Figures 6-1 and 6-2: the function f(x, y) = x²/20 + y², and where its gradient points."""

from __future__ import annotations

import numpy as np

import tensorgrad as tg
from tensorgrad.chapter6.run import Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import BLUE, INK, VERMILLION, Figure, dress, legend

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

    angles = between(arrows, home)  # NaN at the minimum itself
    missing = float((angles[np.isfinite(angles)] > FAR).mean())
    run.record(grid=ticks, arrows=arrows, share_that_misses=missing)
    run.check(
        Words(
            "Most arrows of the gradient do not point at the minimum (0, 0)", "大多数位置的梯度并不指向最小值 (0, 0)"
        ),
        missing > 0.5,
        f"{missing:.0%} of the arrows miss it by more than {FAR:.0f} degrees, the median by {np.nanmedian(angles):.0f}",
    )
    run.figure(
        "6-1",
        _surface(),
        Words("The surface of f(x, y) = x²/20 + y² and its contours", "f(x, y) = x²/20 + y² 的图形及其等高线"),
    )
    run.figure(
        "6-2",
        _field(ticks, arrows, angles > FAR),
        Words(
            "The gradient of f, reversed: the way down. Lengths are roots of the steepness, so that flat places show",
            "f 的梯度（取负号）：下降的方向。箭头长度取梯度大小的平方根，使平缓处也能看清",
        ),
    )


def between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the angles in degrees between vectors (..., 2); NaN where one of them is zero."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosine = (a * b).sum(-1) / np.where(lengths > 0, lengths, np.nan)
    angles: np.ndarray = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return angles


def _surface() -> Figure:
    x, y = np.meshgrid(np.linspace(-10, 10, 81), np.linspace(-10, 10, 81))
    z = f(tg.tensor(x), tg.tensor(y)).numpy()
    with sheet("figure 6-1", 9.0, 4.0) as figure:
        left = figure.add_subplot(1, 2, 1, projection="3d")
        left.plot_surface(x, y, z, cmap="viridis", rcount=40, ccount=40, linewidth=0)
        left.set(xlabel="x", ylabel="y", zlabel="f(x, y)")
        left.set_box_aspect(None, zoom=0.82)  # the label of z would be cut off
        right = figure.add_subplot(1, 2, 2)
        lines = right.contour(x, y, z, levels=[0.5, 2, 5, 10, 20, 40, 60, 80], cmap="viridis")
        right.clabel(lines, fontsize=8, fmt="%g")
        right.plot(0, 0, "*", color=INK, markersize=12)
        right.set(aspect="equal", xticks=range(-10, 11, 5), yticks=range(-10, 11, 5))
        dress(right, "x", "y")
    return figure


def _field(ticks: np.ndarray, arrows: np.ndarray, misses: np.ndarray) -> Figure:
    x, y = np.meshgrid(ticks, ticks)
    steepness = np.linalg.norm(arrows, axis=-1, keepdims=True)
    drawn = arrows / np.sqrt(np.maximum(steepness, np.finfo(float).tiny))
    drawn /= np.sqrt(steepness.max())  # the longest reaches its neighbour
    with sheet("figure 6-2", 6.4, 6.2) as figure:
        from matplotlib.lines import Line2D

        axes = figure.add_subplot()
        handles = []
        for which, colour, label in (
            (misses, BLUE, f"misses the minimum by more than {FAR:.0f}°"),
            (~misses, VERMILLION, f"points at it, within {FAR:.0f}°"),
        ):
            places = x[which], y[which], *drawn[which].T
            axes.quiver(*places, angles="xy", scale_units="xy", scale=1.0, color=colour, width=0.0032)
            handles.append(Line2D([], [], color=colour, marker="^", linestyle="none", label=label))
        axes.plot(0, 0, "*", color=INK, markersize=14, markeredgecolor="white")
        axes.set_aspect("equal")
        dress(axes, "x", "y")
        legend(figure, handles)
    return figure


if __name__ == "__main__":
    raise SystemExit(main(experiment))
