"""The network of the demo, and the numbers its training is described by."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

from tensorgrad import nn
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor

HIDDEN = 100


class DigitNet(nn.Module):
    """Two hidden layers of 100 units, each affine, normalised over the batch, rectified and thinned out.

    Args:
        pixels: numbers in one image.
        classes: kinds of digits.
        p: the share of units that Dropout switches off in training.

    >>> import tensorgrad as tg
    >>> DigitNet(64)(tg.rand(5, 64)).shape
    tensorgrad.Size([5, 10])
    """

    def __init__(self, pixels: int, classes: int = 10, p: float = 0.2) -> None:
        super().__init__()
        self.fc1 = nn.Linear(pixels, HIDDEN)
        self.bn1 = nn.BatchNorm1d(HIDDEN)
        self.relu1 = nn.ReLU()
        self.drop1 = nn.Dropout(p)
        self.fc2 = nn.Linear(HIDDEN, HIDDEN)
        self.bn2 = nn.BatchNorm1d(HIDDEN)
        self.relu2 = nn.ReLU()
        self.drop2 = nn.Dropout(p)
        self.fc3 = nn.Linear(HIDDEN, classes)
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, classes) of images (N, pixels)."""
        x = self.drop1(self.relu1(self.bn1(self.fc1(x))))
        x = self.drop2(self.relu2(self.bn2(self.fc2(x))))
        return self.fc3(x)


@dataclass(frozen=True)
class Dataset:
    """A training and a test set as tensors: images (N, pixels) float32 from 0 to 1, labels (N,) int64."""

    name: str
    side: int
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor


def frozen_loss(net: DigitNet, x: Tensor, y: Tensor, seed: int) -> tuple[DigitNet, Callable[[], Tensor]]:
    """Return a float64 copy of `net` in training mode, and its loss on a batch as a function that leaves no trace.

    Every call draws the same masks of Dropout, from a generator of the copy's own, and puts the running statistics of
    BatchNorm back: the loss is then a function of the parameters alone, which is what a gradient check needs.
    """
    twin = copy.deepcopy(net).double().train()
    generator = Generator()
    twin.drop1.generator = twin.drop2.generator = generator
    x64 = x.double()
    buffers = {name: buffer.array.copy() for name, buffer in twin.named_buffers()}

    def loss() -> Tensor:
        generator.manual_seed(seed)
        value = nn.functional.cross_entropy(twin(x64), y)
        for name, buffer in twin.named_buffers():
            buffer.array[...] = buffers[name]
        return value

    return twin, loss
