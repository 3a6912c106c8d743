"""DataLoader: batches of a data set, in order or shuffled, made here or by worker processes."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from tensorgrad.base.callsite import warn
from tensorgrad.create.random import Generator
from tensorgrad.data.collate import default_collate, default_convert
from tensorgrad.data.dataset import IterableDataset, Samples
from tensorgrad.data.fetch import Recipe
from tensorgrad.data.options import check_batches, check_stream, check_workers, start_method
from tensorgrad.data.pool import Pool
from tensorgrad.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, drawn_seed
from tensorgrad.data.worker import Job, Kind
from tensorgrad.errors import ArgumentError

T_co = TypeVar("T_co", covariant=True)

_FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class _Endless(Sampler[None]):
    """The order of a stream, which takes no indices: None, again and again."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


def _order(dataset: Any, shuffle: bool, generator: Generator | None) -> Sampler[Any]:
    """Return the sampler of a loader that is given none."""
    if isinstance(dataset, IterableDataset):
        return _Endless()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


class DataLoader(Generic[T_co]):
    """The batches of a data set: an iterable that begins a new epoch each time.

    Args:
        dataset: samples by index (anything with ``__getitem__``; ``__len__`` for the usual samplers), or an
            `IterableDataset`.
        batch_size: samples in a batch; None for samples one by one, without an axis for the batch.
        shuffle: a new random order in each epoch.
        sampler: the order as an iterable of indices.
        batch_sampler: the batches as an iterable of lists of indices, in place of the four arguments around it.
        num_workers: processes that make the batches ahead of time; 0 makes them in this one, when they are asked for.
        collate_fn: makes a batch of a list of samples; `default_collate`, or for ``batch_size=None``
            `default_convert`.
        pin_memory, pin_memory_device: accepted; there is no device to copy to.
        drop_last: leave out a last batch that is shorter than the others.
        timeout: seconds to wait for a batch of a worker, 0 for as long as it takes.
        worker_init_fn: called in each worker with its number before it makes the first batch.
        multiprocessing_context: how workers are started: "fork", "spawn", "forkserver" or a context; Python's default
            if not given. Where they are not forked, the data set and the functions are pickled.
        generator: draws the order of `shuffle` and the seed of the workers; the default one if not given.
        prefetch_factor: batches that each worker makes ahead, 2 if not given.
        persistent_workers: keep the workers, and their copies of the data set, for the next epoch.
        in_order: accepted; batches always come in order.

    **Random numbers.** Each epoch takes one number, the base seed, from `generator` or the default generator, and
    `RandomSampler` then another one as the seed of the order (from a `generator` that is given it draws the order
    itself). Two epochs differ, the same seed repeats both, and `num_workers` changes neither. In worker i the default
    generators of tensorgrad, Python and NumPy start from the base seed and i; a generator of the data set's own is
    copied into each worker in the same state.

    **Workers.** Batches come in the order of the sampler whichever worker is first. An exception in a worker is raised
    here, with its traceback in the text, when its batch is due; the loader goes on with the batch after it. Workers are
    ended when the iterator is exhausted or dropped, after five seconds even where they are busy. Of an
    `IterableDataset` each worker iterates over its own copy.

    A TensorDataset, or a subset of one, is collated by one index per tensor instead of sample by sample.

    Raises:
        ArgumentError (a ValueError): arguments that exclude one another.

    >>> import tensorgrad as tg
    >>> from tensorgrad.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(tg.arange(5), tg.arange(5) ** 2), batch_size=2)
    >>> for x, y in loader:
    ...     print(x, y)
    tensor([0, 1]) tensor([0, 1])
    tensor([2, 3]) tensor([4, 9])
    tensor([4]) tensor([16])
    >>> len(loader)
    3
    """

    def __init__(
        self,
        dataset: Samples[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if isinstance(dataset, IterableDataset):
            check_stream(shuffle, sampler, batch_sampler)
        check_batches(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        self.dataset, self.num_workers = dataset, num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn, self.in_order = timeout, worker_init_fn, in_order
        self.multiprocessing_context = multiprocessing_context
        self.generator, self.drop_last, self.persistent_workers = generator, drop_last, persistent_workers
        self.sampler = _order(dataset, bool(shuffle), generator) if sampler is None else sampler
        self.batch_size = batch_size if batch_sampler is None else None
        if self.batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, self.batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._pool: Pool | None = None
        self._reported: int | None = None  # the length of a stream, once it was asked for
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_complete" in vars(self):
            raise ArgumentError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized: make another loader"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        """How workers are started; None for Python's default. Assignable."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, value: str | BaseContext | None) -> None:
        self._context = None if value is None else start_method(value, self.num_workers)

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        base_seed = drawn_seed(self.generator)
        recipe = Recipe(self.dataset, self.batch_sampler is not None, self.collate_fn, self.drop_last)
        if self.num_workers:
            return _Delivered(self, recipe, self._staffed(recipe, base_seed))
        if self.timeout:
            raise AssertionError(f"a DataLoader without workers requires timeout == 0, found {self.timeout}")
        return _MadeHere(self, recipe)

    def _staffed(self, recipe: Recipe, base_seed: int) -> Pool:
        """Return workers for a new epoch: those of the last one if they are to be kept."""
        if self._pool is not None and self._pool.close.alive:
            self._pool.restart()
            return self._pool
        job = Job(recipe, self.worker_init_fn, base_seed, self.num_workers)
        pool = Pool(job, self._context or multiprocessing.get_context(), self.timeout)
        self._pool = pool if self.persistent_workers else None
        return pool

    def __len__(self) -> int:
        """Return the number of batches; of a stream, what the length that it reports comes to."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        length = self._reported = len(self.dataset)  # type: ignore[arg-type]  # TypeError where it has none
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


class _Batches(Iterator[Any]):
    """One epoch."""

    def __init__(self, loader: DataLoader[Any], recipe: Recipe) -> None:
        self._loader, self._recipe = loader, recipe
        self._indices = iter(loader._index_sampler)
        self._reported = loader._reported
        self._count = 0

    def _next(self) -> Any:
        raise NotImplementedError

    def __next__(self) -> Any:
        batch = self._next()
        self._count += 1
        if self._reported is not None and self._count > self._reported:
            self._warn()
        return batch

    def _warn(self) -> None:
        text = (
            f"Length of IterableDataset {self._recipe.dataset} was reported to be {self._reported} (when accessing "
            f"len(dataloader)), but {self._count} samples have been fetched."
        )
        if self._loader.num_workers:
            text += " Each worker iterates over the whole data set unless that asks get_worker_info for its share."
        warn(text)

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


class _MadeHere(_Batches):
    """An epoch without workers."""

    def __init__(self, loader: DataLoader[Any], recipe: Recipe) -> None:
        super().__init__(loader, recipe)
        self._fetch = recipe.fetcher()

    def _next(self) -> Any:
        return self._fetch(next(self._indices))


class _Delivered(_Batches):
    """An epoch with workers.

    Indices go to the workers in turn. Each answers in the order in which it was asked, so that the next batch is always
    the next answer of the worker that was asked first.
    """

    def __init__(self, loader: DataLoader[Any], recipe: Recipe, pool: Pool) -> None:
        super().__init__(loader, recipe)
        self._pool, self._epoch = pool, pool.epoch
        self._turns = deque(range(len(pool)))  # the workers that have not come to their end
        self._asked: deque[int] = deque()
        for _ in range(max(1, (loader.prefetch_factor or 0) * len(pool))):
            self._ask()

    def _ask(self) -> None:
        """Send the next indices, if there are any, to the worker whose turn it is."""
        if not self._turns:
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        self._pool.ask(self._turns[0], index)
        self._asked.append(self._turns[0])
        self._turns.rotate(-1)

    def _next(self) -> Any:
        if self._epoch != self._pool.epoch:
            raise RuntimeError("a new epoch has begun with the same persistent workers: this iterator is at its end")
        while self._asked and self._pool.close.alive:
            self._pool.wait_for(self._asked[0])  # which may be repeated if it takes too long
            number = self._asked.popleft()
            kind, content = self._pool.answer(number)
            if kind is Kind.END:
                self._turns = deque(i for i in self._turns if i != number)
                self._asked = deque(i for i in self._asked if i != number)  # it would say the same again
            self._ask()
            if kind is Kind.FAILURE:
                raise content.error()
            if kind is Kind.BATCH:
                return content
        if not self._loader.persistent_workers:
            self._pool.close()
        raise StopIteration
