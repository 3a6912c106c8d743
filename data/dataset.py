"""Data sets: what answers for an index, what is iterated over, and how new ones are made of others."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Generic, Protocol, TypeVar

from tensorgrad.base.callsite import warn
from tensorgrad.create.random import Generator, default_generator
from tensorgrad.create.sampling import randperm
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError, RangeError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Samples(Protocol[T_co]):
    """What a type checker reads from anything that is taken for a data set: the type of its samples."""

    def __getitem__(self, index: Any, /) -> T_co: ...


class Dataset(Generic[T_co]):
    """Samples by index: a subclass defines ``__getitem__``, and ``__len__`` where a sampler needs it.

    A method ``__getitems__(indices)`` that returns a list of samples, where there is one, is asked for whole batches.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> both = Squares() + Squares()
    >>> len(both), both[6]
    (10, 1)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Samples in a stream: a subclass defines ``__iter__``.

    With workers in a DataLoader, every worker iterates over the whole stream unless `get_worker_info` is asked which
    part is its own.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("Subclasses of IterableDataset should implement __iter__.")

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of equal length: sample i is the tuple of their elements at i along the first axis.

    A DataLoader with the default collation takes a whole batch of it with one index per tensor.

    Raises:
        AssertionError: the tensors differ in length.

    >>> import tensorgrad as tg
    >>> data = TensorDataset(tg.zeros(3, 2), tg.arange(3))
    >>> len(data), data[2]
    (3, (tensor([0., 0.]), tensor(2)))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise RangeError("TensorDataset(): expected at least one tensor, found none")
        for place, x in enumerate(tensors):
            if not isinstance(x, Tensor):
                raise TypeError(
                    f"TensorDataset(): argument {place} must be Tensor, not {type(x).__name__}: make it one with "
                    f"tensorgrad.tensor or from_numpy"
                )
        lengths = [len(x) for x in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: found lengths {lengths} along the first axis")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([x[index] for x in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0].array)


class StackDataset(Dataset[Any]):
    """Data sets of equal length side by side: sample i is the tuple, or by keywords the dict, of their samples at i.

    Raises:
        ArgumentError (a ValueError): no data set, both forms at once, or unequal lengths.

    >>> StackDataset(number=[1, 2], word=["one", "two"])[1]
    {'number': 2, 'word': 'two'}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ArgumentError(
                "Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like input/output, but both "
                "types are given."
            )
        if not args and not kwargs:
            raise ArgumentError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._parts]
        if len(set(lengths)) > 1:
            raise ArgumentError(f"Size mismatch between datasets: found lengths {lengths}")
        self._length = lengths[0]

    @property
    def _parts(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _joined(self, samples: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, samples, strict=True)) if isinstance(self.datasets, dict) else tuple(samples)

    def __getitem__(self, index: Any) -> Any:
        return self._joined([dataset[index] for dataset in self._parts])

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        """Return the samples at `indices`, those of each part taken together where it can do that."""
        columns = [samples_of(dataset, indices) for dataset in self._parts]
        for column in columns:
            if len(column) != len(indices):
                raise ArgumentError(
                    f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}"
                )
        return [self._joined(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other, which is what ``a + b`` makes.

    Raises:
        AssertionError: there is none, or one of them is an IterableDataset.
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Samples[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset: use ChainDataset")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < -len(self):
            raise ArgumentError(
                f"absolute value of index should not exceed dataset length: found {idx} for {len(self)} samples"
            )
        if idx >= len(self):
            raise RangeError(f"ConcatDataset: index {idx} is out of range for {len(self)} samples")
        idx = idx + len(self) if idx < 0 else idx
        place = bisect_right(self.cumulative_sizes, idx)
        before = self.cumulative_sizes[place - 1] if place else 0
        sample: T_co = self.datasets[place][idx - before]
        return sample


class ChainDataset(IterableDataset[T_co]):
    """Streams one after the other; AssertionError, when it is reached, for what is no IterableDataset."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(  # noqa: TRY004
                    f"ChainDataset only supports IterableDataset, found {type(dataset).__name__}"
                )
            yield dataset

    def __iter__(self) -> Iterator[T_co]:
        for stream in self._streams():
            yield from stream

    def __len__(self) -> int:
        return sum(len(stream) for stream in self._streams())


class Subset(Dataset[T_co]):
    """The samples of `dataset` at `indices`."""

    dataset: Any
    indices: Sequence[Any]

    def __init__(self, dataset: Samples[T_co], indices: Sequence[Any]) -> None:
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{kind.__name__} overrides __getitem__ but not __getitems__, which the DataLoader asks for batches: "
                f"define it as well, for instance to return [self[i] for i in indices]"
            )
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T_co:
        sample: T_co = self.dataset[[self.indices[i] for i in idx] if isinstance(idx, list) else self.indices[idx]]
        return sample

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the samples at `indices`, taken together where the data set can do that."""
        return samples_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def samples_of(dataset: Any, indices: Iterable[Any]) -> list[Any]:
    """Return the samples of `dataset` at `indices`: all at once where it has ``__getitems__``, else one by one."""
    together = getattr(dataset, "__getitems__", None)
    return together(indices) if callable(together) else [dataset[i] for i in indices]


def random_split(
    dataset: Samples[T], lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[T]]:
    """Return subsets of `dataset` of the given lengths without a sample in common, by one random permutation.

    Args:
        dataset: anything with a length.
        lengths: whole numbers whose sum is the length of the data set, or fractions whose sum is 1: floor(N * fraction)
            samples each, and what is left over one by one to the first subsets. A warning where a subset is empty.
        generator: draws the permutation; None stands for the default one.

    Raises:
        ArgumentError (a ValueError): the lengths do not add up, or a fraction is not between 0 and 1.

    >>> [len(part) for part in random_split(range(10), [0.5, 0.25, 0.25])]
    [6, 2, 2]
    """
    sized: Any = dataset
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _whole(len(sized), lengths)
    if sum(lengths) != len(sized):
        raise ArgumentError(
            f"Sum of input lengths does not equal the length of the input dataset! Found {list(lengths)} for "
            f"{len(sized)} samples"
        )
    order = randperm(len(sized), generator=generator).tolist()
    return [Subset(dataset, order[start:end]) for start, end in pairwise(accumulate(map(int, lengths), initial=0))]


def _whole(total: int, fractions: Sequence[float]) -> list[int]:
    """Return the lengths of the parts that are these fractions of `total`."""
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ArgumentError(f"Fraction at index {i} is not between 0 and 1: found {fraction}")
    lengths = [math.floor(total * fraction) for fraction in fractions]
    for i in range(total - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if not length:
            text = f"Length of split at index {i} is 0. This might result in an empty dataset."
            warn(text)
    return lengths
