"""Beyond the book: the loss around the solution, with and without BatchNorm and weight decay."""

from __future__ import annotations

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.chapter6.network import MultiLayerNet, learning, step_of
from tensorgrad.chapter6.run import Images, Run, Words, main, sheet
from tensorgrad.viz.plots.canvas import Figure

IMAGES, BATCH, HIDDEN, EPOCHS, LR = 300, 100, 4, 100, 0.01
REACH, POINTS = 1.0, 21
NETWORKS = {"plain": (False, 0.0), "weight decay 0.1": (False, 0.1), "BatchNorm": (True, 0.0)}


def trained(train: Images, batchnorm: bool, decay: float) -> MultiLayerNet:
    """Return a network that has learnt the images."""
    net = MultiLayerNet(train.x.shape[1], HIDDEN, "he", batchnorm=batchnorm)
    optimizer = optim.SGD(net.parameters(), lr=LR, momentum=0.9, weight_decay=decay, convention="book")
    list(learning({"loss": step_of(net, optimizer)}, train, BATCH, EPOCHS * (IMAGES // BATCH)))
    return net


def direction(net: MultiLayerNet) -> list[tg.Tensor]:
    """Return a random direction in which every unit's weights are as long as the unit's own.

    Filter normalisation of Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets": without it, a network whose
    weights are small, and do the same, would look rougher. Biases and BatchNorm's parameters stay.
    """
    found = []
    for p in net.parameters():
        d = tg.randn(p.shape) if p.ndim == 2 else tg.zeros(p.shape)
        if p.ndim == 2:
            d = d * (p.detach().norm(dim=1, keepdim=True) / d.norm(dim=1, keepdim=True))
        found.append(d)
    return found


def surface(net: MultiLayerNet, images: Images) -> np.ndarray:
    """Return the loss at ``W + a u + b v`` for two random directions and a, b in [-1, 1]."""
    u, v = direction(net), direction(net)
    start = [p.detach().clone() for p in net.parameters()]
    ticks = np.linspace(-REACH, REACH, POINTS)
    losses = np.empty((POINTS, POINTS))
    with tg.no_grad():
        for i, b in enumerate(ticks):
            for j, a in enumerate(ticks):
                for p, w, du, dv in zip(net.parameters(), start, u, v, strict=True):
                    p.copy_(w + float(a) * du + float(b) * dv)
                losses[i, j] = nn.functional.cross_entropy(net(images.x), images.y).item()
        for p, w in zip(net.parameters(), start, strict=True):
            p.copy_(w)
    return losses


def experiment(run: Run) -> None:
    """The solution lies at the bottom of a bowl; how wide it is tells how much the weights may be wrong."""
    train, _ = run.images(IMAGES)
    surfaces: dict[str, np.ndarray] = {}
    with run.progress(epochs=len(NETWORKS)) as progress, np.errstate(all="ignore"):
        for name, (batchnorm, decay) in NETWORKS.items():
            surfaces[name] = surface(trained(train, batchnorm, decay), train)
            progress.epoch(loss=float(surfaces[name].min()))
    middle = POINTS // 2
    centre = {name: float(z[middle, middle]) for name, z in surfaces.items()}
    border = {name: float(np.median(np.r_[z[0], z[-1], z[:, 0], z[:, -1]])) for name, z in surfaces.items()}
    run.record(reach=REACH, losses=surfaces, at_the_solution=centre, median_on_the_border=border)
    rise = {name: border[name] - centre[name] for name in NETWORKS}
    run.check(
        Words("The solution lies in a bowl", "解位于碗状的谷底"),
        min(rise.values()) > 0.1,
        ", ".join(f"{name}: {centre[name]:.3f} at the solution, {border[name]:.2f} around it" for name in NETWORKS),
    )
    run.check(
        Words("which weight decay and BatchNorm make flatter", "权值衰减与 Batch Norm 使它更平坦"),
        max(rise["weight decay 0.1"], rise["BatchNorm"]) < rise["plain"] / 2,
        ", ".join(f"{name} rises by {rise[name]:.2f}" for name in NETWORKS),
    )
    run.figure(
        "6-21-surface",
        _contours(surfaces),
        Words(
            "Beyond the book: the loss in two random directions from the solution",
            "补充：从解出发沿两个随机方向的损失曲面",
        ),
    )


def _contours(surfaces: dict[str, np.ndarray]) -> Figure:
    ticks = np.linspace(-REACH, REACH, POINTS)
    levels = np.geomspace(0.05, 20, 14)
    with sheet("figure 6-21-surface", 3.4 * len(surfaces) + 0.8, 3.4) as figure:
        for axes, (name, z) in zip(figure.subplots(1, len(surfaces), sharey=True), surfaces.items(), strict=True):
            drawn = axes.contourf(
                ticks, ticks, np.clip(z, levels[0], levels[-1]), levels=levels, norm="log", cmap="viridis"
            )
            axes.plot(0, 0, "*", color="white", markersize=10)
            axes.set(title=name, xlabel="a", aspect="equal")
        figure.axes[0].set_ylabel("b")
        figure.colorbar(drawn, ax=figure.axes, label="loss", ticks=[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20], format="%g")
    return figure


if __name__ == "__main__":
    raise SystemExit(main(experiment))
