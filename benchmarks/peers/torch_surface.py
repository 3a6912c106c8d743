"""PyTorch and tensorgrad: one program for both, which differ in the namespace `tg` only."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.problems import Chain, Network, Problem, Run


def prepare(tg: Any, problem: Problem) -> Run:
    """The problem at its start, in the library `tg`."""
    return _chain(tg, problem) if isinstance(problem, Chain) else _network(tg, problem)


def _chain(tg: Any, problem: Chain) -> Run:
    a, b = (tg.tensor(vector, requires_grad=True) for vector in problem.vectors)

    def step() -> Any:
        a.grad = None
        b.grad = None
        h = a
        for _ in range(problem.repeats):
            h = h * b + a
        total = h.sum()
        total.backward()
        return total.detach()

    return Run(step, lambda: [a.grad.numpy(), b.grad.numpy()])


def _network(tg: Any, problem: Network) -> Run:
    model = _model(tg, problem)
    loss_function = tg.nn.CrossEntropyLoss()
    optimizer = {"sgd": tg.optim.SGD, "adam": tg.optim.Adam}[problem.optimizer](model.parameters(), lr=problem.rate)
    inputs, labels = tg.tensor(problem.inputs), tg.tensor(problem.labels)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Run(step, lambda: _arrays(tg, model))


def _model(tg: Any, problem: Network) -> Any:
    """The layers of the problem in training mode, with its initial weights and with biases of zero."""
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(problem.sizes[:-1]):
        layers.append(tg.nn.Linear(fan_in, fan_out))
        if problem.batchnorm:
            layers.append(tg.nn.BatchNorm1d(fan_out))
        layers.append(tg.nn.ReLU())
        if problem.dropout:
            layers.append(tg.nn.Dropout(problem.dropout))
    layers.append(tg.nn.Linear(problem.sizes[-2], problem.sizes[-1]))
    with tg.no_grad():
        for linear, weight in zip(_of_class(layers, tg.nn.Linear), problem.weights, strict=True):
            linear.weight.copy_(tg.tensor(weight.T.copy()))
            linear.bias.zero_()
    return tg.nn.Sequential(*layers)


def _of_class(layers: Any, kind: type) -> list[Any]:
    return [layer for layer in layers if isinstance(layer, kind)]


def _arrays(tg: Any, model: Any) -> list[npt.NDArray[Any]]:
    linears, norms = _of_class(model, tg.nn.Linear), _of_class(model, tg.nn.BatchNorm1d)
    tensors = [linear.weight.detach().T for linear in linears] + [linear.bias for linear in linears]
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensors += [getattr(norm, name) for norm in norms]
    return [np.array(tensor.detach().numpy()) for tensor in tensors]
