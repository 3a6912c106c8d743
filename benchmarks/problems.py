"""What is computed: three kinds of problem, their random data, and what a peer has to give for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# The defaults of PyTorch's layers and optimisers, which every peer follows.
EPSILON = 1e-5
MOMENTUM = 0.1
ADAM_BETAS = (0.9, 0.999)
ADAM_EPSILON = 1e-8
ADAGRAD_EPSILON = 1e-10
VELOCITY = 0.9  # the momentum of SGD


@dataclass(frozen=True)
class Chain:
    """`h = a`, then `h = h*b + a` so many times, and the gradient of `h.sum()`: what an operation costs."""

    numbers: int
    repeats: int = 100

    @cached_property
    def vectors(self) -> tuple[Floats, Floats]:
        """The leaves a and b.

        All of b is from 0.5 to 1: h stays small, and no power of b is a denormal number, which would be slow.
        """
        a, b = np.random.default_rng(0).random((2, self.numbers), dtype=np.float32)
        return a, (b + 1) / 2


@dataclass(frozen=True)
class Network:
    """One training step of Affine, BatchNorm, ReLU, Dropout ... Affine under softmax cross-entropy."""

    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    rate: float
    batchnorm: bool = False
    dropout: float = 0.0

    @cached_property
    def inputs(self) -> Floats:
        """Shape (batch, sizes[0])."""
        return np.random.default_rng(3).random((self.batch, self.sizes[0]), dtype=np.float32)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """Shape (batch,), below sizes[-1]."""
        return np.random.default_rng(1).integers(0, self.sizes[-1], self.batch)

    @cached_property
    def one_hot(self) -> Floats:
        """The labels as rows of zeros with a single one."""
        return np.eye(self.sizes[-1], dtype=np.float32)[self.labels]

    @cached_property
    def weights(self) -> list[Floats]:
        """He's initial weights, each of shape (inputs, outputs); never to be written to."""
        rng = np.random.default_rng(2)
        return [
            rng.standard_normal((fan_in, fan_out), np.float32) * np.float32(np.sqrt(2 / fan_in))
            for fan_in, fan_out in pairwise(self.sizes)
        ]

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths of the hidden layers."""
        return self.sizes[1:-1]


@dataclass(frozen=True)
class Architecture:
    """One training step, by SGD under cross-entropy, of a network that is known by the name of its kind.

    "cnn": two convolutions with pooling on images of 28 x 28; "lstm": 20 steps of an LSTM; "transformer": one layer of
    an encoder, of attention and GELU, on 32 positions.
    """

    kind: str
    batch: int
    shape: tuple[int, ...]
    classes: int = 10
    rate: float = 0.01

    @cached_property
    def inputs(self) -> Floats:
        """Shape (batch, *shape)."""
        return np.random.default_rng(3).random((self.batch, *self.shape), dtype=np.float32)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """Shape (batch,), below `classes`."""
        return np.random.default_rng(1).integers(0, self.classes, self.batch)


Problem = Chain | Network | Architecture


@dataclass(frozen=True)
class Run:
    """A problem in the hands of one peer, at its start.

    Attributes:
        step: does the computation once, completely, and returns the loss (or the chain's sum) as the peer holds it.
        arrays: what the steps so far have made, to compare peers by: a chain's gradients by a and b; a network's
            weights (inputs, outputs), biases, and with BatchNorm its γ, β, running means and running variances; None
            for what computes a part of the problem only.
    """

    step: Callable[[], Any]
    arrays: Callable[[], list[npt.NDArray[Any]]] | None


# A peer returns None for a problem that it does not take part in.
Prepare = Callable[[Problem], Run | None]


@cache
def problems() -> dict[str, Problem]:
    """Every workload by name; made once, so that all peers of a process share its data."""
    four = (784, *[100] * 4, 10)
    five = (784, *[100] * 5, 10)
    six = (784, *[100] * 6, 10)
    return {
        "chain10": Chain(10),
        "chain10000": Chain(10_000),
        "mnist_sgd": Network(four, 128, "sgd", 0.01),
        "mnist_momentum": Network(four, 128, "momentum", 0.01),
        "mnist_adagrad": Network(four, 128, "adagrad", 0.01),
        "mnist_adam": Network(four, 128, "adam", 0.001),
        "bn": Network(five, 100, "sgd", 0.01, batchnorm=True),
        "dropout": Network(six, 100, "sgd", 0.01, dropout=0.2),
        "bn_dropout_adam": Network(six, 100, "adam", 0.001, batchnorm=True, dropout=0.2),
        "wide": Network((784, 1024, 1024, 10), 512, "sgd", 0.01),
        "cnn": Architecture("cnn", 32, (1, 28, 28)),
        "lstm": Architecture("lstm", 32, (20, 32)),
        "transformer": Architecture("transformer", 16, (32, 64)),
    }


GROWTH: dict[str, tuple[int, ...]] = {
    "width": (25, 50, 100, 200, 400, 800),
    "depth": (1, 2, 4, 8, 16, 32),
    "batch": (8, 16, 32, 64, 128, 256, 512),
}
"""What is varied to see how time grows, and its values, in a network of 4 hidden layers of 100 and batches of 128."""


@cache
def problem_named(name: str) -> Problem:
    """Return the workload of this name, or the one of a series of `GROWTH`: ``width=200``."""
    series, _, value = name.partition("=")
    if not value:
        return problems()[name]
    sizes = {"width": 100, "depth": 4, "batch": 128} | {series: int(value)}
    layers = (784, *[sizes["width"]] * sizes["depth"], 10)
    return Network(layers, sizes["batch"], "sgd", 0.01, batchnorm=True)
