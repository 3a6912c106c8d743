"""What is to be reached: tensorgrad's time by the peer's, in one table."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """The highest ratio that will do; `must` marks those that `--check` insists on."""

    ratio: float
    must: bool = False


# by workload and peer
TARGETS = {
    ("chain10", "pytorch"): Target(0.6, must=True),
    ("mnist_sgd", "pytorch"): Target(0.9, must=True),
    ("bn", "pytorch"): Target(0.9, must=True),
    ("mnist_adam", "pytorch"): Target(0.9),
    ("dropout", "pytorch"): Target(0.9),
    ("bn_dropout_adam", "pytorch"): Target(0.9),
    ("import", "numpy"): Target(1.3),
}
