"""MyGrad, with its own layers and loss, and SGD by hand."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.problems import EPSILON, MOMENTUM, Chain, Network, Problem, Run

# imported by name, for MyGrad need not be installed for the types here to be checked
mg: Any = import_module("mygrad")
relu: Any = import_module("mygrad.nnet.activations").relu
batchnorm: Any = import_module("mygrad.nnet.layers").batchnorm
softmax_crossentropy: Any = import_module("mygrad.nnet.losses").softmax_crossentropy

# as MyGrad's documentation advises for speed, once a program is known to be right
mg.turn_memory_guarding_off()


def prepare(problem: Problem) -> Run | None:
    """The problem at its start, in MyGrad."""
    if isinstance(problem, Chain):
        return _chain(problem)
    if isinstance(problem, Network) and problem.optimizer == "sgd" and not problem.dropout:
        return _network(problem)
    return None


def _chain(problem: Chain) -> Run:
    a, b = (mg.tensor(vector) for vector in problem.vectors)

    def step() -> Any:
        a.null_grad()
        b.null_grad()
        h = a
        for _ in range(problem.repeats):
            h = h * b + a
        total = h.sum()
        total.backward()
        return total.data

    return Run(step, lambda: [a.grad, b.grad])


def _network(problem: Network) -> Run:
    widths = problem.hidden if problem.batchnorm else ()
    weights = [mg.tensor(weight) for weight in problem.weights]
    biases = [mg.tensor(np.zeros(width, np.float32)) for width in problem.sizes[1:]]
    gammas = [mg.tensor(np.ones(width, np.float32)) for width in widths]
    betas = [mg.tensor(np.zeros(width, np.float32)) for width in widths]
    means = [np.zeros(width, np.float32) for width in widths]
    variances = [np.ones(width, np.float32) for width in widths]
    parameters = [*weights, *biases, *gammas, *betas]
    unbias = problem.batch / (problem.batch - 1)

    def step() -> Any:
        h = problem.inputs
        for layer in range(len(problem.hidden)):
            h = mg.matmul(h, weights[layer]) + biases[layer]
            if widths:
                h = batchnorm(h, gamma=gammas[layer], beta=betas[layer], eps=EPSILON)
                # the operation has them already: computing them again would not be fair to it
                mean, var = h.creator.mean, h.creator.var
                means[layer] = (1 - MOMENTUM) * means[layer] + MOMENTUM * mean
                variances[layer] = (1 - MOMENTUM) * variances[layer] + MOMENTUM * unbias * var
            h = relu(h)
        loss = softmax_crossentropy(mg.matmul(h, weights[-1]) + biases[-1], problem.labels)
        loss.backward()
        for parameter in parameters:
            parameter.data -= problem.rate * parameter.grad
        return loss.data

    return Run(step, lambda: [*(parameter.data for parameter in parameters), *means, *variances])
