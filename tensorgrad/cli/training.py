"""The training loop of the demo: Adam, shuffled batches, a rate of learning that falls to a tenth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from tensorgrad import nn, optim
from tensorgrad.chapter6.network import Step, predictions, step_of
from tensorgrad.create.sampling import randperm
from tensorgrad.engine.tensor import Tensor
from tensorgrad.utils.progress import Progress

from .network import Dataset, DigitNet


@dataclass(frozen=True)
class Settings:
    """What a run can be repeated from.

    Attributes:
        data: "digits" or "mnist".
        seed: of the split, the initial weights, the order of the images and the masks of Dropout.
        epochs: passes over the training set.
        batch: images in one step.
        rate: Adam's rate of learning in the first epoch; it falls evenly to a tenth in the last.
        dropout: share of the hidden units switched off.
    """

    data: str
    seed: int
    epochs: int
    batch: int
    rate: float = 3e-3
    dropout: float = 0.2


@dataclass
class History:
    """What was measured after each epoch; `stopped` if Ctrl-C ended the training early."""

    loss: dict[str, list[float]] = field(default_factory=lambda: {"training": [], "test": []})
    accuracy: dict[str, list[float]] = field(default_factory=lambda: {"training": [], "test": []})
    seconds: float = 0.0
    stopped: bool = False

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.accuracy["test"])


def train(net: DigitNet, data: Dataset, settings: Settings, progress: Progress) -> History:
    """Return the history of training `net` in place; Ctrl-C ends it after the last completed epoch.

    All randomness comes from the default generator: the same seed before the call gives the same numbers after it.
    """
    history = History()
    optimizer = optim.Adam(net.parameters(), lr=settings.rate)
    step = step_of(net, optimizer)
    completed = _snapshot(net)
    start = time.perf_counter()
    try:
        for epoch in range(1, settings.epochs + 1):
            optimizer.param_groups[0]["lr"] = settings.rate * (1 - 0.9 * (epoch - 1) / max(settings.epochs - 1, 1))
            _epoch(net, data, settings.batch, step, progress)
            scores = [*score(net, data.x_train, data.y_train), *score(net, data.x_test, data.y_test)]
            completed = _snapshot(net)
            record(history, scores)
            progress.epoch(
                training_loss=scores[0], training_accuracy=scores[1], test_loss=scores[2], test_accuracy=scores[3]
            )
    except KeyboardInterrupt:
        # The signal may have come between two parameters of one step: the network of the last whole epoch counts.
        net.load_state_dict(completed)
        history.stopped = True
    history.seconds = time.perf_counter() - start
    return history


def record(history: History, scores: list[float]) -> None:
    """Add loss and accuracy on the training and on the test set; all four, or the epoch would count as half done."""
    series = (history.loss["training"], history.accuracy["training"], history.loss["test"], history.accuracy["test"])
    for values, value in zip(series, scores, strict=True):
        values.append(value)


def _epoch(net: DigitNet, data: Dataset, size: int, step: Step, progress: Progress) -> None:
    net.train()
    order = randperm(len(data.x_train))
    for rows in batches(order, size):
        progress.step(batch_loss=step(data.x_train[rows], data.y_train[rows]).item())


def batches(order: Tensor, size: int) -> list[Tensor]:
    """Return `order` in pieces of `size`; a last piece of one image joins its neighbour: it would have no variance.

    >>> import tensorgrad as tg
    >>> [len(piece) for piece in batches(tg.arange(9), 4)]
    [4, 5]
    """
    starts = list(range(0, len(order), size))
    if len(starts) > 1 and len(order) - starts[-1] == 1:
        starts.pop()
    return [order[a:b] for a, b in zip(starts, [*starts[1:], len(order)], strict=True)]


def score(net: DigitNet, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return the mean cross entropy, in nats, and the share of right answers, in evaluation mode."""
    logits = predictions(net, x)
    right = float(np.mean(logits.array.argmax(1) == y.array))
    return nn.functional.cross_entropy(logits, y).item(), right


def _snapshot(net: DigitNet) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}
