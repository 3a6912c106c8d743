"""A softmax over many classes, of which few are frequent: Grave et al. 2017."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad import ops
from tensorgrad.base.dtypes import DTypeLike
from tensorgrad.create.random import Generator
from tensorgrad.engine.generalforms import own
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, RangeError, ShapeError
from tensorgrad.functions import composed
from tensorgrad.functions.ordering import argmax
from tensorgrad.nn.module.containers import ModuleList, Sequential
from tensorgrad.nn.module.module import Module

from .linear import Linear


class _Found(NamedTuple):
    """The logarithms of the probabilities of the targets, (N,), and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """A softmax that looks at rare classes only where it must: frequent ones first, then clusters of rarer ones.

    Classes are sorted from the most to the least frequent. The head tells the first ``cutoffs[0]`` apart, and the
    clusters; a cluster has its own softmax, over features of which there are `div_value` times fewer at each.

    Args:
        in_features: features of the input.
        n_classes: number of classes.
        cutoffs: where the clusters begin: increasing, positive, below `n_classes`.
        div_value: the factor between the features of one cluster and the next.
        head_bias: add a bias in the head.
        device, dtype: of the weights.
        generator: draws the weights.

    Raises:
        ArgumentError: `cutoffs` are others.

    >>> import tensorgrad as tg
    >>> layer = AdaptiveLogSoftmaxWithLoss(8, 100, [10, 50])
    >>> output, loss = layer(tg.ones(3, 8), tg.tensor([2, 20, 99]))
    >>> output.shape, layer.log_prob(tg.ones(3, 8)).shape
    (tensorgrad.Size([3]), tensorgrad.Size([3, 100]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: DTypeLike = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        ends = [int(c) for c in cutoffs]
        if not ends or ends != sorted(set(ends)) or ends[0] <= 0 or ends[-1] >= n_classes or ends != list(cutoffs):
            raise ArgumentError(
                f"cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
                f"value is between 1 and n_classes-1: found {list(cutoffs)} for {n_classes} classes"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*ends, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = ends[0]
        self.n_clusters = len(ends)
        self.head_size = self.shortlist_size + self.n_clusters
        settings: dict[str, Any] = {"device": device, "dtype": dtype, "generator": generator}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **settings)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(self._clusters(), 1):
            width = int(in_features // div_value**i)
            layers = (
                Linear(in_features, width, bias=False, **settings),
                Linear(width, high - low, bias=False, **settings),
            )
            self.tail.append(Sequential(*layers))

    def _clusters(self) -> list[tuple[int, int]]:
        return list(zip(self.cutoffs[:-1], self.cutoffs[1:], strict=True))

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the initial values anew."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters(generator)

    def forward(self, input: Tensor, target: Tensor) -> _Found:
        """Return the log probability of the `target` (N,) of each row of `input` (N, in_features), and the loss.

        The axis N may be missing from both. RangeError for a class that is not there.
        """
        x, alone = self._rows(input)
        classes = own(target.array, np.int64).reshape(-1)
        if target.array.ndim != input.array.ndim - 1 or len(classes) != len(x.array):
            raise ShapeError(
                f"Input and target should have the same size in the batch dimension, one class for each row: found "
                f"{list(input.array.shape)} and {list(target.array.shape)}"
            )
        if classes.size and not 0 <= classes.min() <= classes.max() < self.n_classes:
            raise RangeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{classes.min()}, "
                f"{classes.max()}] were found."
            )
        head = composed.log_softmax(self.head(x), 1)
        first = np.flatnonzero(classes < self.shortlist_size)
        parts, rows = [ops.getitem(head, index=(first, classes[first]))], [first]
        for i, (low, high) in enumerate(self._clusters()):
            own_rows = np.flatnonzero((classes >= low) & (classes < high))
            if own_rows.size:
                inside = composed.log_softmax(self.tail[i](ops.getitem(x, index=(own_rows,))), 1)
                within = ops.getitem(inside, index=(np.arange(own_rows.size), classes[own_rows] - low))
                parts.append(within + ops.getitem(head, index=(own_rows, self.shortlist_size + i)))
                rows.append(own_rows)
        order = np.argsort(np.concatenate(rows), kind="stable")
        output = ops.getitem(ops.concatenate(*parts, axis=0), index=(order,))
        return _Found(composed.squeezed(output, 0) if alone else output, -ops.mean(output))

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log probabilities of all classes, (N, n_classes)."""
        x, alone = self._rows(input)
        head = composed.log_softmax(self.head(x), 1)
        parts = [ops.getitem(head, index=(slice(None), slice(0, self.shortlist_size)))]
        for i, layers in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(
                composed.log_softmax(layers(x), 1) + ops.getitem(head, index=(slice(None), slice(place, place + 1)))
            )
        y = ops.concatenate(*parts, axis=1)
        return composed.squeezed(y, 0) if alone else y

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable class of each row, (N,)."""
        return argmax(self.log_prob(input), -1)

    def _rows(self, input: Tensor) -> tuple[Tensor, bool]:
        if input.array.ndim not in (1, 2):
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss takes (N, in_features) or (in_features,), found {list(input.array.shape)}"
            )
        alone = input.array.ndim == 1
        return (composed.expanded(input, 0) if alone else input), alone
