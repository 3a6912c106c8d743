"""The matrix products of a training step alone, into buffers made once: what no program can do without."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.problems import Floats, Network, Problem, Run


def prepare(problem: Problem) -> Run | None:
    """The products of a network: forward, and backward by the weights and, behind the first layer, by the inputs."""
    return _network(problem) if isinstance(problem, Network) else None


def _network(problem: Network) -> Run:
    rng = np.random.default_rng(4)

    def drawn(*shape: int) -> Floats:
        return rng.standard_normal(shape, np.float32)

    weights = problem.weights
    values = [problem.inputs, *(drawn(problem.batch, width) for width in problem.sizes[1:])]
    cotangents = [drawn(*value.shape) for value in values]
    gradients = [np.empty_like(weight) for weight in weights]
    layers = list(zip(weights, pairwise(values), pairwise(cotangents), gradients, strict=True))

    def step() -> Any:
        for weight, (x, y), _, _ in layers:
            np.dot(x, weight, out=y)
        for weight, (x, _), (gx, gy), gradient in reversed(layers):
            np.dot(x.T, gy, out=gradient)
            if x is not problem.inputs:
                np.dot(gy, weight.T, out=gx)
        return 0.0

    return Run(step, None)
