"""How many random programs have their exact values inside their bounds, and how wide bounds are, layer by layer.

    python -m tests.boundscores 10000 1

runs so many programs from a seed in intervals and in sixty digits; the status is 1 if something lies outside.
"""

from __future__ import annotations

import sys

import numpy as np
from mpmath import mp

import tensorgrad as tg
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


def widths(layers: int, width: int = 20) -> str:
    """A line about a network of so many layers: the true error of a gradient, and how many times as far bounds go."""
    rng = np.random.default_rng(layers)
    weights = [tg.tensor(rng.normal(size=(width, width)) / width**0.5) for _ in range(layers)]

    def f(x: tg.Tensor) -> tg.Tensor:
        for w in weights:
            x = (x @ w).tanh()
        return (x * x.cos()).sum()

    x = tg.tensor(rng.normal(size=(2, width)), requires_grad=True)
    plain, sharp = enclose(f, x), enclose(f, x, sharp=True)
    nodes, (leaf,) = plain.bounds.nodes, list(plain.bounds.gradients)
    with mp.workdps(DIGITS):
        truth = values_of(nodes)[plain.bounds.gradients[leaf]]
    value = nodes[plain.bounds.gradients[leaf]].value
    assert value is not None
    error = float(max(abs(mp.mpf(float(v)) - t) for v, t in zip(value.ravel(), truth.ravel(), strict=True)))
    far = [float(g.distance(value).max()) / error for g in (plain.gradients[0], sharp.gradients[0]) if g is not None]
    return f"| {layers} | {error:.1e} | {far[0]:.0f} | {far[1]:.0f} |"


def main(count: int, seed: int) -> int:
    print("| layers of 20 | true error of a gradient | bounds, times as far | sharp bounds |\n|---|---|---|---|")
    for layers in (1, 2, 4, 6):
        print(widths(layers))
    total, bounded, outside = scores(count, seed)
    print(f"{count} programs: {total} values and gradients, {bounded / total:.1%} bounded, {outside} outside")
    return int(outside > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
