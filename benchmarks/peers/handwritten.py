"""NumPy by hand: forward and backward written out, every buffer made once and reused. What an engine could reach."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.problems import EPSILON, MOMENTUM, Chain, Floats, Network, Problem, Run


def prepare(problem: Problem) -> Run | None:
    """The problem at its start."""
    if isinstance(problem, Chain):
        return _chain(problem)
    if isinstance(problem, Network) and problem.optimizer == "sgd" and not problem.dropout:
        return _network(problem)
    return None


def _empty(*shape: int) -> Floats:
    return np.empty(shape, np.float32)


def _chain(problem: Chain) -> Run:
    a, b = problem.vectors
    states = list(_empty(problem.repeats + 1, problem.numbers))
    states[0][:] = a
    grad_a, grad_b, grad, scratch = (_empty(problem.numbers) for _ in range(4))

    def step() -> Any:
        for h, following in pairwise(states):
            np.multiply(h, b, out=following)
            np.add(following, a, out=following)
        grad.fill(1)
        grad_a.fill(0)
        grad_b.fill(0)
        for h in reversed(states[:-1]):
            np.add(grad_a, grad, out=grad_a)
            np.multiply(grad, h, out=scratch)
            np.add(grad_b, scratch, out=grad_b)
            np.multiply(grad, b, out=grad)
        np.add(grad_a, grad, out=grad_a)
        return np.add.reduce(states[-1])

    return Run(step, lambda: [grad_a, grad_b])


class _Affine:
    """x @ W + b. The gradient by x is not computed for the first layer."""

    def __init__(self, weight: Floats, batch: int, first: bool) -> None:
        fan_in, fan_out = weight.shape
        self.parameters = [weight.copy(), np.zeros(fan_out, np.float32)]
        self.gradients = [_empty(fan_in, fan_out), _empty(fan_out)]
        self.out = _empty(batch, fan_out)
        self.grad_x = None if first else _empty(batch, fan_in)
        self.ones = np.ones((1, batch), np.float32)

    def forward(self, x: Floats) -> Any:
        self.x = x
        np.dot(x, self.parameters[0], out=self.out)
        return np.add(self.out, self.parameters[1], out=self.out)

    def backward(self, grad: Floats) -> Any:
        np.dot(self.x.T, grad, out=self.gradients[0])
        # a product with a row of ones sums over the batch faster than a reduction does
        np.dot(self.ones, grad, out=self.gradients[1][None])
        return self.grad_x if self.grad_x is None else np.dot(grad, self.parameters[0].T, out=self.grad_x)


class _BatchNorm:
    """(x - mean) / std * γ + β, with the running statistics of PyTorch's BatchNorm1d."""

    def __init__(self, batch: int, width: int) -> None:
        self.parameters = [np.ones(width, np.float32), np.zeros(width, np.float32)]
        self.gradients = [_empty(width), _empty(width)]
        self.running = [np.zeros(width, np.float32), np.ones(width, np.float32)]
        self.normal, self.out, self.scratch = (_empty(batch, width) for _ in range(3))
        self.mean, self.inverse = _empty(1, width), _empty(1, width)
        self.average = np.full((1, batch), 1 / batch, np.float32)
        self.ones = np.ones((1, batch), np.float32)
        self.unbiased = batch / (batch - 1)

    def forward(self, x: Floats) -> Floats:
        np.dot(self.average, x, out=self.mean)
        np.subtract(x, self.mean, out=self.normal)
        np.multiply(self.normal, self.normal, out=self.scratch)
        var = np.dot(self.average, self.scratch)
        for running, value in zip(self.running, (self.mean[0], var[0] * self.unbiased), strict=True):
            np.multiply(running, 1 - MOMENTUM, out=running)
            np.add(running, MOMENTUM * value, out=running)
        np.divide(1, np.sqrt(var + EPSILON), out=self.inverse)
        np.multiply(self.normal, self.inverse, out=self.normal)
        np.multiply(self.normal, self.parameters[0], out=self.out)
        return np.add(self.out, self.parameters[1], out=self.out)

    def backward(self, grad: Floats) -> Any:
        gamma, (grad_gamma, grad_beta) = self.parameters[0], self.gradients
        np.dot(self.ones, grad, out=grad_beta[None])
        np.multiply(grad, self.normal, out=self.scratch)
        np.dot(self.ones, self.scratch, out=grad_gamma[None])
        # γ / std * (grad - mean(grad) - normal * mean(grad * normal)); the sums are at hand
        share = self.average[0, 0]
        np.multiply(self.normal, grad_gamma * share, out=self.scratch)
        np.subtract(grad, self.scratch, out=self.scratch)
        np.subtract(self.scratch, grad_beta * share, out=self.scratch)
        return np.multiply(self.scratch, gamma * self.inverse, out=self.scratch)


class _Relu:
    """max(x, 0), written over x: by way of a mask, which is faster than `np.maximum`."""

    parameters: tuple[Floats, ...] = ()
    gradients: tuple[Floats, ...] = ()

    def __init__(self, batch: int, width: int) -> None:
        self.mask = np.empty((batch, width), bool)

    def forward(self, x: Floats) -> Floats:
        np.greater(x, 0, out=self.mask)
        return np.multiply(x, self.mask, out=x)

    def backward(self, grad: Floats) -> Floats:
        return np.multiply(grad, self.mask, out=grad)


def _cross_entropy(scores: Floats, problem: Network) -> tuple[Any, Floats]:
    """The loss, and its gradient by the scores."""
    shifted = scores - scores.max(1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(1, keepdims=True)
    loss = (np.log(total).sum() - np.vdot(shifted, problem.one_hot)) / problem.batch
    return loss, (exponentials / total - problem.one_hot) / np.float32(problem.batch)


def _network(problem: Network) -> Run:
    affines = [_Affine(weight, problem.batch, layer == 0) for layer, weight in enumerate(problem.weights)]
    norms = [_BatchNorm(problem.batch, width) for width in problem.hidden] if problem.batchnorm else []
    layers: list[Any] = []
    for layer, width in enumerate(problem.hidden):
        layers += [affines[layer], *norms[layer : layer + 1], _Relu(problem.batch, width)]
    layers.append(affines[-1])
    updates = [
        (parameter, gradient)
        for layer in layers
        for parameter, gradient in zip(layer.parameters, layer.gradients, strict=True)
    ]

    def step() -> Any:
        h = problem.inputs
        for layer in layers:
            h = layer.forward(h)
        loss, grad = _cross_entropy(h, problem)
        for layer in reversed(layers):
            grad = layer.backward(grad)
        for parameter, gradient in updates:
            np.multiply(gradient, np.float32(problem.rate), out=gradient)
            np.subtract(parameter, gradient, out=parameter)
        return loss

    def arrays() -> list[Any]:
        parameters = [layer.parameters[i] for kind in (affines, norms) for i in (0, 1) for layer in kind]
        return parameters + [norm.running[i] for i in (0, 1) for norm in norms]

    return Run(step, arrays)
