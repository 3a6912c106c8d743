"""Figure 6-14: the activations of relu layers under three initial values."""

from __future__ import annotations

import math
import sys

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.chapter6.activations import BINS, EXAMPLES, LAYERS, WIDTH, layers_of
from tensorgrad.chapter6.run import Run, Words, main

DEVIATIONS = {"std 0.01": 0.01, "Xavier": 1 / math.sqrt(WIDTH), "He": math.sqrt(2 / WIDTH)}


def experiment(run: Run) -> None:
    """With relu, small weights die out and Xavier's shrink slowly; He's keep the spread in every layer."""
    x = tg.randn(EXAMPLES, WIDTH)
    rows, spread = {}, {}
    for name, std in DEVIATIONS.items():
        rows[name], _ = layers_of(x, std, tg.relu, run.seed)
        spread[name] = [a.std().item() for a in rows[name].values()]
    run.record(standard_deviations=spread)
    first, last = ({name: values[i] for name, values in spread.items()} for i in (0, LAYERS - 1))
    run.check(
        Words("Standard deviation 0.01: the activations collapse", "标准差为 0.01：各层激活值非常小"),
        last["std 0.01"] < 1e-4,
        f"standard deviation {last['std 0.01']:.1e} in the last layer",
    )
    run.check(
        Words("Xavier's: they grow smaller from layer to layer", "Xavier 初始值：随着层的加深，偏向一点点变大"),
        last["Xavier"] < 0.5 * first["Xavier"],
        f"from {first['Xavier']:.2f} to {last['Xavier']:.2f}",
    )
    run.check(
        Words("He's: the spread is the same in every layer", "He 初始值：各层中分布的广度相同"),
        0.5 < last["He"] / first["He"] < 2,
        f"from {first['He']:.2f} to {last['He']:.2f}",
    )
    run.figure(
        "6-14",
        viz.plot_activations(rows, bins=BINS, limits=(0, 1)),
        Words(
            "Activations with relu: standard deviation 0.01, Xavier's and He's initial values",
            "激活函数使用 ReLU 时，不同权重初始值的激活值分布的变化",
        ),
    )


if __name__ == "__main__":
    sys.exit(main(experiment))
