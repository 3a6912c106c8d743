"""HIPS autograd: a loss over NumPy's functions, its gradient by `value_and_grad`, and SGD by hand."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.problems import EPSILON, MOMENTUM, Chain, Network, Problem, Run

# imported by name, for autograd need not be installed for the types here to be checked
value_and_grad: Any = import_module("autograd").value_and_grad
getval: Any = import_module("autograd.tracer").getval
anp: Any = import_module("autograd.numpy")


def prepare(problem: Problem) -> Run | None:
    """The problem at its start, in autograd."""
    if isinstance(problem, Chain):
        return _chain(problem)
    if isinstance(problem, Network) and problem.optimizer == "sgd" and not problem.dropout:
        return _network(problem)
    return None


def _chain(problem: Chain) -> Run:
    def total(a: Any, b: Any) -> Any:
        h = a
        for _ in range(problem.repeats):
            h = h * b + a
        return anp.sum(h)

    differentiated = value_and_grad(total, (0, 1))
    gradients: list[npt.NDArray[Any]] = []

    def step() -> Any:
        value, gradients[:] = differentiated(*problem.vectors)
        return value

    return Run(step, lambda: gradients)


def _network(problem: Network) -> Run:
    widths = problem.hidden if problem.batchnorm else ()
    layers = len(problem.weights)
    parameters = [
        *(weight.copy() for weight in problem.weights),
        *(np.zeros(width, np.float32) for width in problem.sizes[1:]),
        *(np.ones(width, np.float32) for width in widths),
        *(np.zeros(width, np.float32) for width in widths),
    ]
    means = [np.zeros(width, np.float32) for width in widths]
    variances = [np.ones(width, np.float32) for width in widths]

    def normalized(h: Any, layer: int, gamma: Any, beta: Any) -> Any:
        mean = anp.mean(h, axis=0)
        centred = h - mean
        var = anp.mean(centred * centred, axis=0)
        means[layer] = (1 - MOMENTUM) * means[layer] + MOMENTUM * getval(mean)
        unbiased = getval(var) * (problem.batch / (problem.batch - 1))
        variances[layer] = (1 - MOMENTUM) * variances[layer] + MOMENTUM * unbiased
        return centred / anp.sqrt(var + EPSILON) * gamma + beta

    def loss(parameters: Any) -> Any:
        h = problem.inputs
        for layer in range(layers):
            h = anp.dot(h, parameters[layer]) + parameters[layers + layer]
            if layer < layers - 1:
                if widths:
                    gamma = 2 * layers + layer
                    h = normalized(h, layer, parameters[gamma], parameters[gamma + len(widths)])
                h = anp.maximum(h, 0)
        h = h - anp.max(h, axis=1, keepdims=True)
        scores = h - anp.log(anp.sum(anp.exp(h), axis=1, keepdims=True))
        return -anp.sum(scores * problem.one_hot) / problem.batch

    differentiated = value_and_grad(loss)

    def step() -> Any:
        value, gradients = differentiated(parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            np.subtract(parameter, problem.rate * gradient, out=parameter)
        return value

    return Run(step, lambda: [*parameters, *means, *variances])
