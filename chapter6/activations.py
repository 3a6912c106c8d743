"""Figures 6-10, 6-11 and 6-13: what the initial weights do to the activations of sigmoid layers, and to gradients."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import numpy as np

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.chapter6.run import Run, Words, main

EXAMPLES, WIDTH, LAYERS, BINS = 1000, 100, 5, 30
EDGE = 0.05  # from 0 and from 1, within which a sigmoid is saturated


def layers_of(
    x: tg.Tensor, std: float, activation: Callable[[tg.Tensor], tg.Tensor], seed: int
) -> tuple[dict[str, tg.Tensor], list[float]]:
    """Return the activations of five layers of 100 units, and the norm of the gradient at each of their weights.

    The gradients are those of a random projection of the last layer: they start out equal for every `std`.
    """
    generator = tg.Generator().manual_seed(seed)
    activations: dict[str, tg.Tensor] = {}
    weights = []
    for i in range(1, LAYERS + 1):
        w = (tg.randn(WIDTH, WIDTH, generator=generator) * std).requires_grad_()
        x = activation(x @ w)
        weights.append(w)
        activations[f"layer {i}"] = x
    direction = tg.randn(EXAMPLES, WIDTH, generator=generator)
    gradients = tg.autograd.grad((x * direction).mean(), weights)
    return {name: a.detach() for name, a in activations.items()}, [g.norm().item() for g in gradients if g is not None]


def experiment(run: Run) -> None:
    """Activations that crowd at 0 and 1, at 0.5, and that spread: weights of std 1, 0.01 and Xavier's."""
    x = tg.randn(EXAMPLES, WIDTH)
    deviations = {"6-10": ("1", 1.0), "6-11": ("0.01", 0.01), "6-13": ("1/√n (Xavier)", 1 / math.sqrt(WIDTH))}
    norms: dict[str, list[float]] = {}
    spread: dict[str, float] = {}
    ends: dict[str, float] = {}
    middle: dict[str, float] = {}
    slope: dict[str, float] = {}
    for number, (name, std) in deviations.items():
        activations, norms[name] = layers_of(x, std, tg.sigmoid, run.seed)
        last = activations[f"layer {LAYERS}"].numpy()
        spread[name] = float(last.std())
        ends[name] = float(((last < EDGE) | (last > 1 - EDGE)).mean())
        slope[name] = float(np.median(last * (1 - last)))
        middle[name] = float((np.abs(last - 0.5) < EDGE).mean())
        run.record(**{f"std {name}": {k: np.histogram(a.numpy(), BINS, (0, 1))[0] for k, a in activations.items()}})
        run.figure(
            number,
            viz.plot_activations(activations, bins=BINS, limits=(0, 1), bounds=(0, 1)),
            Words(
                f"Activations of each layer, weights of standard deviation {name}",
                f"权重初始值的标准差为 {name} 时的各层激活值的分布",
            ),
        )
    run.record(gradient_norms=norms, spread_of_the_last_layer=spread)
    one, small, xavier = (name for name, _ in deviations.values())
    run.check(
        Words("Standard deviation 1: the activations crowd at 0 and 1", "标准差为 1：激活值偏向 0 和 1"),
        ends[one] > 0.5 > middle[one],
        f"{ends[one]:.0%} of the last layer within {EDGE} of 0 or 1",
    )
    run.check(
        Words(
            "where the sigmoid is flat, and gradients vanish on the way back", "sigmoid 在那里平坦，反向传播时梯度消失"
        ),
        slope[one] < 0.25 / 5,
        f"median slope {slope[one]:.4f} in the last layer, of 0.25 at most",
    )
    run.check(
        Words(
            "Standard deviation 0.01: they crowd at 0.5, all units say the same",
            "标准差为 0.01：激活值集中在 0.5 附近，表现力受限",
        ),
        middle[small] > 0.99,
        f"{middle[small]:.0%} of the last layer within {EDGE} of 0.5, standard deviation {spread[small]:.4f}",
    )
    run.check(
        Words("Xavier's: they keep their spread", "Xavier 初始值：激活值呈现更有广度的分布"),
        ends[xavier] < 0.1 and spread[xavier] > 5 * spread[small],
        f"standard deviation {spread[xavier]:.3f} in the last layer, {ends[xavier]:.0%} near 0 or 1",
    )
    first, last_ = norms[small][0], norms[small][-1]
    run.check(
        Words(
            "and small weights starve the first layers of gradient (beyond the book)",
            "权重过小时，靠前的层得不到梯度（补充）",
        ),
        first < last_ / 1000 and norms[xavier][0] > norms[xavier][-1] / 1000,
        f"norm at the first layer {first:.0e}, at the last {last_:.0e}; Xavier's: {norms[xavier][0]:.0e} and "
        f"{norms[xavier][-1]:.0e}",
    )
    run.figure(
        "6-13-gradients",
        _norms(norms),
        Words("Beyond the book: the norm of the gradient at each layer's weights", "补充：各层权重的梯度范数"),
    )


def _norms(norms: dict[str, list[float]]) -> object:
    curves = {f"std {name}": values for name, values in norms.items()}
    return viz.plot_curves({"norm of the gradient": curves}, log=True, unit="layer")


if __name__ == "__main__":
    sys.exit(main(experiment))
