"""Figures 6-16 and 6-17: the network with BatchNorm, and the computational graph of BatchNorm itself."""

from __future__ import annotations

import sys

from tensorgrad import nn, viz
from tensorgrad.chapter6.network import MultiLayerNet, batches
from tensorgrad.chapter6.run import Run, Words, main


def experiment(run: Run) -> None:
    """BatchNorm stands between Affine and relu; it consists of twelve nodes, each with its gradient."""
    train, _ = run.images()
    (batch,) = batches(train, 100, 1)
    net = MultiLayerNet(train.x.shape[1], hidden=2, std="he", batchnorm=True)
    layers = viz.draw(net, batch.x, depth=2, labels="shapes", dims={100: "N"}, repeats=False)
    boxes = [vertex.label.split("\n")[0] for vertex in layers.picture.vertices if vertex.kind == "box"]
    kinds = [label.partition(": ")[2].partition("(")[0] for label in boxes]
    run.figure(
        "6-16",
        layers,
        Words("A network with BatchNorm between Affine and ReLU", "使用了 Batch Normalization 的神经网络的例子"),
    )
    run.check(
        Words("BatchNorm stands between every Affine and its ReLU", "Batch Norm 层插在 Affine 与激活函数之间"),
        kinds == ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear"],
        " - ".join(kinds),
    )

    x = net.layers[0](batch.x).detach()[:, :3].requires_grad_()  # what arrives at the first BatchNorm, of three units
    x.name = "x"
    graph = viz.draw(nn.BatchNorm1d(3), x, dims={100: "N", 3: "D"})
    forward = len(graph.edges)
    backward = sum(edge.backward is not None for edge in graph.edges)
    nodes = sum(vertex.kind != "output" for vertex in graph.picture.vertices)
    run.record(nodes=nodes, forward_edges=forward, backward_edges=backward)
    run.check(
        Words(
            "The graph has twelve nodes, and a gradient flows back along each of its fourteen edges",
            "计算图有 12 个节点，14 条边上各有一个反向的梯度",
        ),
        (nodes, forward, backward) == (12, 14, 14),
        f"{nodes} nodes, {forward} edges forward, {backward} back",
    )
    run.figure("6-17", graph, Words("The computational graph of BatchNorm", "Batch Normalization 的计算图"))
    seed = (nn.functional.softmax(x.detach(), 1) - 1 / 3) / len(x)
    run.figure(
        "6-17-values",
        viz.draw(nn.BatchNorm1d(3), x, labels="values", dims={100: "N", 3: "D"}, seed=seed),
        Words(
            "Beyond the book: the same with the numbers of a mini-batch, mean ± standard deviation",
            "补充：同一计算图，边上标有真实小批量的数值（均值 ± 标准差）",
        ),
    )
    run.figure(
        "6-17-formulas",
        viz.draw(nn.BatchNorm1d(3), x, labels="formulas", dims={100: "N", 3: "D"}),
        Words("Beyond the book: the same with the formula of every gradient", "补充：同一计算图，标有每个梯度的公式"),
    )


if __name__ == "__main__":
    sys.exit(main(experiment))
