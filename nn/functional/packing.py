"""Sequences of different lengths without padding: what recurrent layers take in place of a padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple, Self

import numpy as np

from tensorgrad import ops
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ShapeError


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences of different lengths as one tensor: of all of them the first place, then the second, and so on.

    The longest sequence stands first at each place, so that those that go on are the first rows. Made by
    `pack_padded_sequence` and `pack_sequence`.

    Args:
        data: (sum of the lengths, *).
        batch_sizes: (longest length,), int64: how many sequences have a first place, a second one, ...
        sorted_indices: (B,): the caller's number of each sequence, from the longest to the shortest; None where they
            came in that order.
        unsorted_indices: (B,): the inverse permutation, which is found where it is not given.

    Raises:
        TypeError: `data` alone is no pair.

    >>> import tensorgrad as tg
    >>> from tensorgrad.nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([tg.tensor([1.0, 2.0, 3.0]), tg.tensor([4.0])])
    >>> packed.data, packed.batch_sizes
    (tensor([1., 4., 2., 3.]), tensor([2, 1, 1]))
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        """Return the sequences of these parts, or of the pair ``(data, batch_sizes)``."""
        if batch_sizes is None:
            if not isinstance(data, tuple | list) or len(data) != 2:
                raise TypeError(
                    f"PackedSequence() takes data and batch_sizes, or a pair of them, not {type(data).__name__}"
                )
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Return the sequences with `data` converted as by `Tensor.to`; these themselves where that changes nothing."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self) -> Self:
        """Return the sequences, which are there already."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """Raise DeviceError: tensorgrad computes on the CPU only."""
        return type(self)(self.data.cuda(*args, **kwargs), *self[1:])

    def double(self) -> Self:
        """Return the sequences in float64."""
        return self.to("float64")

    def float(self) -> Self:
        """Return the sequences in float32."""
        return self.to("float32")

    def half(self) -> Self:
        """Return the sequences in float16."""
        return self.to("float16")

    def long(self) -> Self:
        """Return the sequences in int64."""
        return self.to("int64")

    def int(self) -> Self:
        """Return the sequences in int32."""
        return self.to("int32")

    @property
    def is_cuda(self) -> bool:
        """False: tensorgrad computes on the CPU only."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the permutation that undoes `permutation`, a vector of the numbers 0 to n - 1 as it is; None for None."""
    return None if permutation is None else wrap(np.argsort(permutation.array))


class Stretch(NamedTuple):
    """Places one after the other at which the same `width` sequences go on, from row `start`."""

    start: int
    places: int
    width: int

    def of(self, data: Tensor) -> Tensor:
        """Return the rows of the stretch as (places, width, *)."""
        rows = ops.getitem(data, index=(slice(self.start, self.start + self.places * self.width),))
        return ops.reshape(rows, shape=(self.places, self.width, *data.array.shape[1:]))


def stretches(sequence: PackedSequence) -> list[Stretch]:
    """Return the stretches of `sequence`, whose widths fall; ShapeError for sizes that rise or do not fit."""
    sizes = sequence.batch_sizes.array.tolist()
    rows = len(sequence.data.array)
    if not sizes or min(sizes) < 1 or sizes != sorted(sizes, reverse=True) or sum(sizes) != rows:
        raise ShapeError(
            f"batch_sizes of a PackedSequence are positive, do not rise, and add up to the {rows} rows of its data; "
            f"found {sizes}: make it by pack_padded_sequence or pack_sequence"
        )
    found, start = [], 0
    for width, alike in groupby(sizes):
        stretch = Stretch(start, len(list(alike)), width)
        found.append(stretch)
        start += stretch.places * width
    return found


def in_order(states: Sequence[Tensor], order: Tensor | None) -> tuple[Tensor, ...]:
    """Return states (layers, N, features) with the sequences in another order; as they are for None."""
    if order is None:
        return tuple(states)
    return tuple(ops.getitem(h, index=(slice(None), order.array)) for h in states)
