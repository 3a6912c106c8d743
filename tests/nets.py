"""A module with every kind of thing in it: parameters, a buffer, layers with state, containers in containers."""

from __future__ import annotations

import tensorgrad as tg
from tensorgrad import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(3, 4)
        self.bn1 = nn.BatchNorm1d(4)
        self.inner = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Dropout(0.0), nn.Linear(4, 2)))
        self.scale = nn.Parameter(tg.ones(1))
        self.register_buffer("offset", tg.zeros(1))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.inner(self.bn1(self.fc1(x))) * self.scale + self.offset


NAMES = [
    "scale", "fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias", "inner.1.1.weight", "inner.1.1.bias",
]  # fmt: skip


STATE = [
    "scale", "offset", "fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
    "bn1.num_batches_tracked", "inner.1.1.weight", "inner.1.1.bias",
]  # fmt: skip
