"""How many random programs have their exact values inside their bounds, and how wide bounds are, layer by layer.

    python -m tests.boundscores 10000 1

runs so many programs from a seed in intervals and in sixty digits; the status is 1 if something lies outside.

    python -m tests.boundscores times

tells how long bounds take beside the same step in floats: CPU time, medians, in turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from mpmath import mp

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.graph import Graph
from tensorgrad.testing import enclose
from tensorgrad.testing.building import built
from tensorgrad.testing.programs import SHAPES
from tensorgrad.testing.vocabulary import CUTS, ROWS
from tests.exactly import DIGITS, holds, values_of


def scores(count: int, seed: int) -> tuple[int, int, int]:
    """How many values and gradients of `count` programs there are, how many have bounds, and how many lie outside."""
    rng = np.random.default_rng(seed)
    total = bounded = outside = 0
    for _ in range(count):
        codes = [
            (int(rng.integers(len(ROWS) + len(CUTS))), *map(int, rng.integers(0, (8, 8, 8, 64, 64))))
            for _ in range(rng.integers(3, 25))
        ]
        program = built(codes, SHAPES[rng.integers(len(SHAPES))], int(rng.integers(1, 4)), int(rng.integers(36)), False)
        xs = [tg.tensor(x, requires_grad=True) for x in program.leaves]
        graph = Graph.trace(lambda *xs, p=program: tg.cat([y.reshape(-1) for y in p.run("tensorgrad", *xs)]), *xs)
        bounds = graph.bounds()
        with mp.workdps(DIGITS):
            for node, found, truth in zip(bounds.nodes, bounds, values_of(bounds.nodes), strict=True):
                total += 1
                bounded += bool(found.finite.all())
                if not holds(found, truth):
                    outside += 1
                    print(f"outside: {node.op} in\n{program.source()}")
    return total, bounded, outside


def layered(layers: int, width: int = 20) -> tuple[Callable[..., tg.Tensor], tg.Tensor]:
    """A network of so many layers, and its input."""
    rng = np.random.default_rng(layers)
    weights = [tg.tensor(rng.normal(size=(width, width)) / width**0.5) for _ in range(layers)]

    def f(x: tg.Tensor) -> tg.Tensor:
        for w in weights:
            x = (x @ w).tanh()
        return (x * x.cos()).sum()

    return f, tg.tensor(rng.normal(size=(2, width)), requires_grad=True)


def normalised(rows: int = 64, width: int = 10) -> tuple[Callable[..., tg.Tensor], tg.Tensor]:
    """BatchNorm, and a batch."""
    rng = np.random.default_rng(0)
    bn, w = nn.BatchNorm1d(width).double(), tg.tensor(rng.normal(size=(rows, width)))
    for p in bn.parameters():
        p.requires_grad_(False)
    return lambda x: (bn(x) * w).sum(), tg.tensor(rng.normal(size=(rows, width)), requires_grad=True)


def widths(name: str, f: Callable[..., tg.Tensor], x: tg.Tensor) -> str:
    """A line about a function: the true error of its gradient, and how many times as far bounds go."""
    plain, sharp = enclose(f, x), enclose(f, x, sharp=True)
    nodes, (leaf,) = plain.bounds.nodes, list(plain.bounds.gradients)
    with mp.workdps(DIGITS):
        truth = values_of(nodes)[plain.bounds.gradients[leaf]]
    value = nodes[plain.bounds.gradients[leaf]].value
    assert value is not None
    error = float(max(abs(mp.mpf(float(v)) - t) for v, t in zip(value.ravel(), truth.ravel(), strict=True)))
    far = [float(g.distance(value).max()) / error for g in (plain.gradients[0], sharp.gradients[0]) if g is not None]
    return f"| {name} | {error:.1e} | {far[0]:.0f} | {far[1]:.0f} |"


def times(name: str, net: nn.Module, rows: int, width: int) -> str:
    """A line about a network: how many times as long as it, and as it with gradients, bounds take, and again."""
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.normal(size=(rows, width)), requires_grad=True)
    w = tg.tensor(rng.normal(size=net(x).shape))

    def f(x: tg.Tensor) -> tg.Tensor:
        return (net(x) * w).sum()

    def forward() -> None:
        with tg.no_grad():
            f(x)

    def step() -> None:
        f(x).backward()
        for leaf in (x, *net.parameters()):
            leaf.grad = None

    def anew() -> None:
        both._both = None
        both.bounds()

    both = Graph.trace(f, x)
    for p in net.parameters():
        p.requires_grad_(False)
    alone = Graph.trace(f, x.detach())
    for p in net.parameters():
        p.requires_grad_(True)
    a, b, c, d, e = taken(forward, alone.bounds, step, anew, both.bounds)
    return f"| {name} | {rows} x {width} | {b / a:.1f} | {d / c:.1f} | {e / c:.1f} |"


def taken(*functions: Callable[[], object], rounds: int = 15) -> list[float]:
    """The median CPU time of each of some functions, which run in turn."""
    runs = []
    for _ in range(rounds + 1):
        runs.append([])
        for function in functions:
            start = time.process_time_ns()
            for _ in range(5):
                function()
            runs[-1].append(time.process_time_ns() - start)
    return [float(m) for m in np.median(runs[1:], axis=0)]


def layers(width: int) -> dict[str, nn.Module]:
    six = [m for _ in range(6) for m in (nn.Linear(width, width), nn.BatchNorm1d(width), nn.Tanh())]
    two = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.Sigmoid())
    found = {
        "BatchNorm": nn.BatchNorm1d(width),
        "two linear layers": two,
        "six layers with BatchNorm": nn.Sequential(*six),
    }
    return {name: net.double() for name, net in found.items()}


def main(count: int, seed: int) -> int:
    print("| network | true error of a gradient | bounds, times as far | sharp bounds |\n|---|---|---|---|")
    print(widths("BatchNorm, 64 x 10", *normalised()))
    for layers in (1, 2, 4, 6):
        print(widths(f"{layers} of 20", *layered(layers)))
    total, bounded, outside = scores(count, seed)
    print(f"{count} programs: {total} values and gradients, {bounded / total:.1%} bounded, {outside} outside")
    return int(outside > 0)


if __name__ == "__main__":
    if sys.argv[1:] == ["times"]:
        for shape in ((100, 10), (100, 100), (256, 100)):
            print(*[times(name, net, *shape) for name, net in layers(shape[1]).items()], sep="\n")
        sys.exit()
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
