"""The network of the chapter, and how it is trained: what the experiments share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from tensorgrad import compile, nn, no_grad, optim, randint, zeros
from tensorgrad.create.creation import from_numpy
from tensorgrad.engine.tensor import Tensor, wrap

from .forked import side_by_side
from .run import Images, Run

WIDTH = 100

K = TypeVar("K")
AnyOptimizer = TypeVar("AnyOptimizer", bound=optim.Optimizer)


class MultiLayerNet(nn.Module):
    """Affine layers with an activation between them: `hidden` layers of 100 units, and scores for ten classes.

    Args:
        inputs: pixels of an image.
        hidden: how many hidden layers.
        std: of the weights, drawn from a normal distribution: a number, "xavier" for 1/sqrt(n), "he" for sqrt(2/n),
            where n is the number of inputs of the layer. Biases start at 0.
        batchnorm: a BatchNorm between every affine layer and its activation.
        dropout: the share of the units that a Dropout behind every activation switches off; 0 for none.
        activation: a class of activation modules.
        convention: "book" for the chapter's BatchNorm and Dropout.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 5,
        std: float | str = "he",
        batchnorm: bool = False,
        dropout: float = 0.0,
        activation: Callable[[], nn.Module] = nn.ReLU,
        convention: str = "book",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = [inputs, *[WIDTH] * hidden]
        for n_in, n_out in pairwise(sizes):
            layers.append(nn.Linear(n_in, n_out))
            layers += [nn.BatchNorm1d(n_out, convention=convention)] if batchnorm else []
            layers.append(activation())
            layers += [nn.Dropout(dropout, convention=convention)] if dropout else []
        layers.append(nn.Linear(sizes[-1], 10))
        self.layers = nn.Sequential(*layers)
        for layer in self.affine():
            scale = {"xavier": 1.0, "he": math.sqrt(2.0)}.get(str(std))
            with no_grad():
                layer.weight.normal_(0.0, float(std) if scale is None else scale / math.sqrt(layer.in_features))
                layer.bias.zero_()

    def affine(self) -> list[nn.Linear]:
        """Return the affine layers in order."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def groups(self, decay: float) -> list[dict[str, Any]]:
        """Return the parameters for an optimiser that adds ``decay * W`` to the gradients of weights, not of biases."""
        return [
            {"params": [layer.weight for layer in self.affine()], "weight_decay": decay},
            {"params": [layer.bias for layer in self.affine()]},
        ]

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (N, 10) of images (N, pixels)."""
        y: Tensor = self.layers(x)
        return y


def batches(images: Images, size: int, steps: int) -> Iterator[Images]:
    """Yield `steps` batches, each of `size` images drawn with replacement, as the book's code draws them."""
    for _ in range(steps):
        rows = _rows(images, size)
        yield Images(images.x[rows], images.y[rows])


def _rows(images: Images, size: int) -> Tensor:
    return randint(0, len(images.x), (size,))


def skip(make: Callable[[K], MultiLayerNet], images: Images, size: int, steps: int, name: K) -> None:
    """Draw what making and training ``make(name)`` on so many batches draws: the generator ends as it would then."""
    net = make(name)
    masks, units = [layer for layer in net.layers if isinstance(layer, nn.Dropout)], zeros(size, WIDTH)
    for _ in range(steps):
        _rows(images, size)
        for layer in masks:
            layer(units)


Step = Callable[[Tensor, Tensor], Tensor]
"""What trains a network on a batch of images and labels, and returns the loss."""


def step_of(net: nn.Module, optimizer: optim.Optimizer) -> Step:
    """Return the step that trains `net`, compiled to what gives the same numbers."""

    @compile(backend="numpy")
    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


class Trained(Generic[AnyOptimizer]):
    """Networks of one make that are trained one after the other: each in the memory of the first one.

    So they share its step, which is compiled once. What has been trained last is `net`.

    Args:
        optimizer_of: makes the optimiser of the first network; it must have no state, as SGD without momentum has none.
    """

    net: MultiLayerNet
    optimizer: AnyOptimizer
    step: Step

    def __init__(self, optimizer_of: Callable[[MultiLayerNet], AnyOptimizer]) -> None:
        self._optimizer_of = optimizer_of

    def start(self, fresh: MultiLayerNet) -> None:
        """Let `net` have the parameters and statistics of `fresh`."""
        if hasattr(self, "net"):
            self.net.load_state_dict(fresh.state_dict())
        else:
            self.net, self.optimizer = fresh, self._optimizer_of(fresh)
            self.step = step_of(self.net, self.optimizer)


def learning(steps: Mapping[str, Step], images: Images, size: int, count: int) -> Iterator[dict[str, float]]:
    """Train networks side by side, each by its step, on the same `count` batches of `size` images; yield their losses.

    What trains a single one has its metric's name for it, as in ``learning({"loss": step_of(net, optimizer)}, ...)``.
    """
    for batch in batches(images, size, count):
        yield {name: step(batch.x, batch.y).item() for name, step in steps.items()}


def losses_of(
    run: Run,
    nets: Mapping[str, nn.Module],
    optimizers: Mapping[str, optim.Optimizer],
    images: Images,
    size: int,
    steps: int,
) -> dict[str, list[float]]:
    """Train `nets` side by side, and return the losses of each at every step; ten times their means are told.

    `nets` are trained then; `optimizers` need not know of it, for with several workers each trains a share of them.
    """
    names, shares, part = list(nets), min(run.workers, len(nets)), steps // 10

    def share(number: int) -> dict[str, tuple[list[float], dict[str, np.ndarray]]]:
        trained = {name: step_of(nets[name], optimizers[name]) for name in names[number::shares]}
        found: dict[str, list[float]] = {name: [] for name in trained}
        with run.progress(epochs=10, steps=part) as progress:
            for step, losses in enumerate(learning(trained, images, size, steps), 1):
                for name, loss in losses.items():
                    found[name].append(loss)
                progress.step(**losses)
                if step % part == 0:
                    progress.epoch(**{name: sum(values[-part:]) / part for name, values in found.items()})
        return {
            name: (values, {key: value.numpy() for key, value in nets[name].state_dict().items()})
            for name, values in found.items()
        }

    done = side_by_side([partial(share, number) for number in range(shares)], shares)
    found = {name: done[place % shares][name] for place, name in enumerate(names)}
    for name, (_, state) in found.items():
        nets[name].load_state_dict({key: from_numpy(array) for key, array in state.items()})
    return {name: losses for name, (losses, _) in found.items()}


def accuracies_of(
    run: Run, net: nn.Module, optimizer: optim.Optimizer, parts: tuple[Images, Images], size: int, epochs: int
) -> dict[str, list[float]]:
    """Train `net` on `parts[0]`; return the accuracies on these images and on the test images after each epoch."""
    train, test = parts
    found: dict[str, list[float]] = {"train_accuracy": [], "test_accuracy": []}
    steps, trained = len(train.x) // size, {"loss": step_of(net, optimizer)}
    with run.progress(epochs, steps) as progress:
        for _ in range(epochs):
            for losses in learning(trained, train, size, steps):
                progress.step(**losses)
            found["train_accuracy"].append(accuracy(net, train))
            found["test_accuracy"].append(accuracy(net, test))
            progress.epoch(**{name: values[-1] for name, values in found.items()})
    return found


def predictions(net: nn.Module, x: Tensor, batch: int = 2000) -> Tensor:
    """Return the logits (N, classes) in evaluation mode, `batch` rows at a time; the mode is restored."""
    training = net.training
    net.eval()
    try:
        with no_grad():
            parts = [net(x[i : i + batch]).array for i in range(0, len(x), batch)]
    finally:
        net.train(training)
    return wrap(np.concatenate(parts))


def accuracy(net: nn.Module, images: Images) -> float:
    """Return the share of images that `net`, in evaluation mode, puts into the right class; the mode stays."""
    return float(np.mean(predictions(net, images.x).array.argmax(1) == images.y.array))
