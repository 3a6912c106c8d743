"""Figures 6-16 and 6-17: a network with BatchNorm, and the computational graph of BatchNorm."""

from __future__ import annotations

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, viz

from .network import WIDTH, MultiLayerNet
from .run import Images, Run, Words, main

HIDDEN, BATCH = 2, 32
N, D = 7, 3
NODES, EDGES = 12, 14
MODULES = ["Linear", "BatchNorm1d", "ReLU"]


def counts(drawing: viz.Drawing) -> tuple[int, int, int]:
    """Return how many nodes are drawn, without the output's, and how many edges forward and back."""
    ends = {edge.tail for edge in drawing.edges} | {edge.head for edge in drawing.edges if edge.target != "out"}
    return len(ends), len(drawing.edges), sum(edge.backward is not None for edge in drawing.edges)


def experiment(run: Run) -> None:
    """BatchNorm between affine layers and relu, and its computational graph with names and with numbers."""
    train, _ = run.images()
    batch = Images(train.x[:BATCH], train.y[:BATCH])
    net = MultiLayerNet(train.x.shape[1], HIDDEN, batchnorm=True)
    draw_network(run, net, batch)
    draw_batchnorm(run)
    draw_numbers(run, net, batch)


def draw_network(run: Run, net: MultiLayerNet, batch: Images) -> None:
    """Figure 6-16: the network with its layers as boxes."""
    drawn = viz.draw(net, batch.x, collapse=MODULES, labels="shapes", dims={BATCH: "N"})
    run.figure("6-16", drawn, Words("A network with BatchNorm", "使用了Batch Normalization的神经网络的例子"))
    order = [edge.target.split(": ")[-1].partition("(")[0].partition("\n")[0] for edge in drawn.edges]
    run.check(
        Words("BatchNorm stands between affine layer and relu", "Batch Norm层插在Affine层和激活函数层之间"),
        order == [*MODULES * HIDDEN, "Linear", "out"],
        " -> ".join(order),
    )


def draw_batchnorm(run: Run) -> None:
    """Figure 6-17: the graph of BatchNorm from its trace."""
    x = tg.randn(N, D, requires_grad=True)
    graph = viz.draw(nn.BatchNorm1d(D), x, dims={N: "N", D: "D"}, seed=tg.randn(N, D))
    run.figure("6-17", graph, Words("The computational graph of BatchNorm", "Batch Normalization的计算图"))
    alive = viz.draw(nn.BatchNorm1d(D), x, dims={N: "N", D: "D"}, seed=tg.randn(N, D), live=True)
    run.figure(
        "6-17-live",
        alive,
        Words(
            "The same, alive: opened by itself, change one x and see dx of all (not in the book)",
            "同一计算图，可交互：单独打开后改变一个x，观察所有dx（书中没有）",
        ),
    )
    run.record(
        edges=[
            {"from": e.source, "to": e.target, "forward": e.forward, "backward": e.backward, "shape": e.shape}
            for e in graph.edges
        ]
    )
    nodes, forward, back = counts(graph)
    run.check(
        Words("The graph of BatchNorm: 12 nodes, 14 edges forward and 14 back", "计算图：12个节点，正向和反向各14条边"),
        (nodes, forward, back) == (NODES, EDGES, EDGES),
        f"{nodes} nodes, {forward} + {back} edges",
    )


def draw_numbers(run: Run, net: MultiLayerNet, batch: Images) -> None:
    """Draw the graph of the first BatchNorm of `net` with what `batch` and its loss send through it."""
    norm = nn.BatchNorm1d(WIDTH)
    x = net.layers[0](batch.x).detach().requires_grad_()
    y = norm(x)
    y.retain_grad()
    nn.CrossEntropyLoss()(net.layers[2:](y), batch.y).backward()
    assert x.grad is not None
    graph = viz.draw(norm, x, labels="values", dims={BATCH: "N", WIDTH: "D"}, seed=y.grad)
    run.figure(
        "6-17-values",
        graph,
        Words(
            "The same with the numbers of a mini-batch: mean ± standard deviation (not in the book)",
            "同一计算图，标有一个mini-batch的数值：均值±标准差（书中没有）",
        ),
    )
    red = sum(edge.gradient for edge in graph.edges if edge.source == "x" and edge.gradient is not None)
    apart = np.abs(red - x.grad.numpy()).max() / np.abs(x.grad.numpy()).max()
    out = y.detach().numpy()
    mean, std = np.abs(out.mean(0)).max(), out.std(0)
    run.check(
        Words(
            "The mini-batch leaves with mean 0 and variance 1, and the red edges at x add up to its gradient",
            "mini-batch被正规化为均值0、方差1，x处红边之和就是它的梯度",
        ),
        apart < 1e-4 and mean < 1e-4 and np.median(np.abs(std - 1)) < 1e-2,
        f"largest mean {mean:.1e}, std {std.min():.4f} to {std.max():.4f}; gradients {apart:.1e} apart",
    )


if __name__ == "__main__":
    raise SystemExit(main(experiment))
