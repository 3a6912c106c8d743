"""Samplers: in which order, and in which batches, a DataLoader asks a data set for its samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from tensorgrad.base.dtypes import float64
from tensorgrad.create.creation import as_tensor
from tensorgrad.create.random import Generator, generator_of
from tensorgrad.create.sampling import multinomial, randint, randperm
from tensorgrad.errors import ArgumentError

T_co = TypeVar("T_co", covariant=True)

_BLOCK = 4096  # indices drawn at once with replacement: their number may be given as endless


def drawn_seed(generator: Generator | None) -> int:
    """Return a seed for another generator: one number below 2**63 from `generator`, or from the default one."""
    return int(generator_of(generator).integers(1 << 63, dtype=np.int64))


def _check_count(name: str, value: Any, why: str = "") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ArgumentError(f"{name} should be a positive integer value, but got {name}={value}{why}")


def _check_switch(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} should be a boolean value, but got {name}={value}")


class Sampler(Generic[T_co]):
    """An order of samples: a subclass defines ``__iter__``, which yields indices, and where it can ``__len__``."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of Sampler should implement __iter__.")


class SequentialSampler(Sampler[int]):
    """The indices of `data_source` from the first to the last."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The indices of `data_source` in random order, a new one in each epoch.

    Args:
        data_source: anything with a length, N.
        replacement: draw each index from all N, instead of going through them before one comes again.
        num_samples: how many indices to draw, N if not given.
        generator: draws the order. If not given, each epoch takes one number from the default generator as the seed of
            a generator of its own: the order is the same after the same `manual_seed`, and what else is random while
            the epoch lasts does not change it.

    Raises:
        TypeError: `replacement` is no bool.
        ArgumentError (a ValueError): `num_samples` is no positive integer, or the data set is empty.

    >>> import tensorgrad as tg
    >>> sampler = RandomSampler(range(5))
    >>> _ = tg.manual_seed(1); first, second = list(sampler), list(sampler)
    >>> _ = tg.manual_seed(1); first == list(sampler), second == list(sampler), sorted(first)
    (True, True, [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_count("num_samples", self.num_samples, ": the data set is empty" if num_samples is None else "")

    @property
    def num_samples(self) -> int:
        """How many indices one epoch has: as given, or the present length of the data set."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        generator = self.generator or Generator().manual_seed(drawn_seed(None))
        while left > 0:
            if self.replacement:
                block = randint(n, (min(left, _BLOCK),), generator=generator).tolist()
            else:
                block = randperm(n, generator=generator).tolist()[:left]
            yield from block
            left -= len(block)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given `indices` in random order, a new one in each epoch, drawn from `generator` or the default one."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with probabilities in proportion to `weights`.

    Args:
        weights: one number, not negative, for each sample.
        num_samples: how many indices to draw.
        replacement: whether an index may be drawn again.
        generator: draws them; the default one if not given.

    Raises:
        ArgumentError (a ValueError): `num_samples` is no positive integer, `replacement` is no bool, or `weights` have
            another number of axes than one.

    >>> list(WeightedRandomSampler([0.0, 3.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        _check_count("num_samples", num_samples)
        _check_switch("replacement", replacement)
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights.array.ndim != 1:
            raise ArgumentError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.array.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of `sampler` in lists of `batch_size`; the last, if it is shorter, is left out with `drop_last`.

    Raises:
        ArgumentError (a ValueError): `batch_size` is no positive integer, or `drop_last` is no bool.

    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_count("batch_size", batch_size)
        _check_switch("drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]  # TypeError where the sampler has no length, as it should
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
