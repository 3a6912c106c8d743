"""The network of the chapter, and how it is trained: what the experiments share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from tensorgrad import nn, no_grad, randint
from tensorgrad.engine.tensor import Tensor

from .run import Images

WIDTH = 100


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

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores (N, 10) of images (N, pixels)."""
        y: Tensor = self.layers(x)
        return y


def batches(images: Images, size: int, steps: int) -> Iterator[Images]:
    """Yield `steps` batches, each of `size` images drawn with replacement, as the book's code draws them."""
    for _ in range(steps):
        rows = randint(0, len(images.x), (size,))
        yield Images(images.x[rows], images.y[rows])


def accuracy(net: nn.Module, images: Images) -> float:
    """Return the share of images that `net`, in evaluation mode, puts into the right class; the mode stays."""
    training = net.training
    net.eval()
    with no_grad():
        right = (net(images.x).argmax(1) == images.y).float().mean().item()
    net.train(training)
    return float(right)
