"""The graphs that are drawn without a script: batch normalisation, Dropout and a network made of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tensorgrad import nn, viz
from tensorgrad.create.random import Generator
from tensorgrad.create.sampling import randn
from tensorgrad.engine.tensor import Tensor

from .network import DigitNet


@dataclass(frozen=True)
class Example:
    """A module, the batch that it is traced on, and what its drawing looks like unless told otherwise."""

    module: nn.Module
    x: Tensor
    options: Mapping[str, Any]

    def drawing(self, **options: Any) -> viz.Drawing:
        """Return the drawing; `options` are those of `viz.draw` and go before the example's own."""
        return viz.draw(self.module, self.x, **{**self.options, **options})


def batch(*shape: int) -> Tensor:
    """Return standard normal numbers of this shape, the same in every run, as an input called x."""
    x = randn(*shape, requires_grad=True, generator=Generator().manual_seed(0))
    x.name = "x"
    return x


def batchnorm() -> Example:
    """Return figure 6-17: batch normalisation of a batch (7, 3), values forward and gradients back."""
    title = "Batch normalisation, forward and backward"
    return Example(nn.BatchNorm1d(3), batch(7, 3), {"dims": {7: "N", 3: "D"}, "title": title})


def dropout() -> Example:
    """Return Dropout of a batch (7, 3): the mask is a factor on both ways."""
    return Example(nn.Dropout(0.5), batch(7, 3), {"dims": {7: "N", 3: "D"}, "title": "Dropout, forward and backward"})


def mlp() -> Example:
    """Return the network of the demo, untrained, on five images of 64 pixels."""
    return network(DigitNet(64), batch(5, 64))


def network(net: nn.Module, x: Tensor) -> Example:
    """Return the drawing of a network by layers, its input a batch (N, pixels)."""
    options = {"depth": 1, "labels": "shapes", "dims": {len(x): "N"}, "rankdir": "TB", "title": "The network"}
    return Example(net, x, options)


EXAMPLES: Mapping[str, Callable[[], Example]] = {"batchnorm": batchnorm, "dropout": dropout, "mlp": mlp}
