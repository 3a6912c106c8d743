"""Figure 6-15: three initial values on handwritten digits."""

from __future__ import annotations

import sys

import numpy as np

from tensorgrad import nn, optim, viz
from tensorgrad.chapter6.network import MultiLayerNet, batches
from tensorgrad.chapter6.run import Run, Words, main

ITERATIONS, BATCH, HIDDEN = 2000, 128, 4
STDS: dict[str, float | str] = {"std 0.01": 0.01, "Xavier": "xavier", "He": "he"}


def experiment(run: Run) -> None:
    """With a standard deviation of 0.01 nothing is learnt; with Xavier's and He's it is, with He's first."""
    train, _ = run.images()
    nets = {name: MultiLayerNet(train.x.shape[1], HIDDEN, std) for name, std in STDS.items()}
    optimizers = {name: optim.SGD(net.parameters(), lr=0.01, convention="book") for name, net in nets.items()}
    losses: dict[str, list[float]] = {name: [] for name in STDS}

    with run.progress(epochs=10, steps=ITERATIONS // 10) as progress:
        for step, batch in enumerate(batches(train, BATCH, ITERATIONS), 1):
            for name, net in nets.items():
                optimizers[name].zero_grad()
                loss = nn.functional.cross_entropy(net(batch.x), batch.y)
                loss.backward()
                optimizers[name].step()
                losses[name].append(loss.item())
            progress.step(**{name: values[-1] for name, values in losses.items()})
            if step % (ITERATIONS // 10) == 0:
                progress.epoch(**{name: float(np.mean(values[-100:])) for name, values in losses.items()})

    final = {name: float(np.mean(values[-100:])) for name, values in losses.items()}
    whole = {name: float(np.mean(values)) for name, values in losses.items()}
    run.record(losses=losses, loss_of_the_last_100=final, mean_loss=whole)
    guess = float(np.log(10))
    run.check(
        Words("Standard deviation 0.01: nothing is learnt", "标准差为 0.01：完全无法学习"),
        final["std 0.01"] > 0.95 * guess,
        f"loss {final['std 0.01']:.3f} at the end; guessing gives {guess:.3f}",
    )
    run.check(
        Words("Xavier's and He's: the learning goes well", "Xavier 初始值和 He 初始值：学习顺利进行"),
        max(final["Xavier"], final["He"]) < 0.5 * guess,
        f"loss {final['Xavier']:.3f} and {final['He']:.3f} at the end",
    )
    run.check(
        Words("and with He's it is faster", "并且 He 初始值时的学习进度更快"),
        whole["He"] < whole["Xavier"],
        f"mean loss {whole['He']:.3f} against {whole['Xavier']:.3f}",
    )
    run.figure(
        "6-15",
        viz.plot_curves(losses, smoothing="kaiser", unit="iteration"),
        Words("Initial values compared on handwritten digits", "基于手写数字数据集的权重初始值的比较"),
    )


if __name__ == "__main__":
    sys.exit(main(experiment))
