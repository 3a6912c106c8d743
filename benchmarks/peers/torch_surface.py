"""PyTorch and tensorgrad: one program for both, which differ in the namespace `tg` only."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.problems import VELOCITY, Architecture, Chain, Network, Problem, Run

Loss = Callable[[Any, Any], Any]
"""What leads from inputs and labels to the loss."""


def prepare(tg: Any, problem: Problem) -> Run:
    """The problem at its start, in the library `tg`."""
    if isinstance(problem, Chain):
        return _chain(tg, problem)
    model = model_of(tg, problem)
    return training(tg, problem, model, loss_of(tg, model))


def model_of(tg: Any, problem: Network | Architecture) -> Any:
    """The network of the problem, with its initial parameters."""
    return _model(tg, problem) if isinstance(problem, Network) else _architecture(tg, problem)


def loss_of(tg: Any, model: Any) -> Loss:
    """The function that is differentiated."""
    loss_function = tg.nn.CrossEntropyLoss()
    return lambda inputs, labels: loss_function(model(inputs), labels)


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


def training(tg: Any, problem: Network | Architecture, model: Any, loss: Loss, optimizer: Any = None) -> Run:
    """The steps that train `model` by `loss`, with an optimiser of their own if none is given."""
    optimizer = optimizer or optimizer_of(tg, problem, model)
    inputs, labels = tg.tensor(problem.inputs), tg.tensor(problem.labels)

    def step() -> Any:
        optimizer.zero_grad()
        found = loss(inputs, labels)
        found.backward()
        optimizer.step()
        return found.detach()

    def arrays() -> list[npt.NDArray[Any]]:
        if isinstance(problem, Network):
            return _arrays(tg, model)
        return [np.array(p.detach().numpy()) for p in model.parameters()]

    return Run(step, arrays)


def optimizer_of(tg: Any, problem: Network | Architecture, model: Any) -> Any:
    """The optimiser of the problem."""
    kind = problem.optimizer if isinstance(problem, Network) else "sgd"
    if kind in ("sgd", "momentum"):
        momentum = VELOCITY if kind == "momentum" else 0.0
        return tg.optim.SGD(model.parameters(), lr=problem.rate, momentum=momentum)
    return {"adam": tg.optim.Adam, "adagrad": tg.optim.Adagrad}[kind](model.parameters(), lr=problem.rate)


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


def _architecture(tg: Any, problem: Architecture) -> Any:
    """The network of this kind, with parameters drawn here, the same for every library."""
    nn, base = tg.nn, tg.nn.Module

    class Recurrent(base):  # type: ignore[misc, valid-type]  # of whichever library
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(problem.shape[-1], 64, batch_first=True)
            self.out = nn.Linear(64, problem.classes)

        def forward(self, x: Any) -> Any:
            return self.out(self.lstm(x)[0][:, -1])

    class Encoder(base):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            width = problem.shape[-1]
            self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, "gelu", batch_first=True)
            self.out = nn.Linear(width, problem.classes)

        def forward(self, x: Any) -> Any:
            return self.out(self.layer(x).mean(1))

    def convolutional() -> Any:
        size = 16 * (problem.shape[1] // 4) * (problem.shape[2] // 4)
        first = (nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        second = (nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(size, problem.classes))

    model = {"cnn": convolutional, "lstm": Recurrent, "transformer": Encoder}[problem.kind]()
    rng = np.random.default_rng(2)
    with tg.no_grad():
        for _, p in sorted(model.named_parameters()):
            p.copy_(tg.tensor(rng.standard_normal(tuple(p.shape), np.float32) / 8))
    return model


def _of_class(layers: Any, kind: type) -> list[Any]:
    return [layer for layer in layers if isinstance(layer, kind)]


def _arrays(tg: Any, model: Any) -> list[npt.NDArray[Any]]:
    linears, norms = _of_class(model, tg.nn.Linear), _of_class(model, tg.nn.BatchNorm1d)
    tensors = [linear.weight.detach().T for linear in linears] + [linear.bias for linear in linears]
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensors += [getattr(norm, name) for norm in norms]
    return [np.array(tensor.detach().numpy()) for tensor in tensors]
