"""Fetching: from the indices of a batch to the batch, in the loader's own process or in a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from tensorgrad.base.hints import short
from tensorgrad.data.collate import default_collate, unrecorded
from tensorgrad.data.dataset import IterableDataset, Subset, TensorDataset, samples_of
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, wrap

Fetch = Callable[[Any], Any]

_INDEX_TYPES = {int, np.int64, np.int32}


@dataclass(frozen=True)
class Recipe:
    """How batches are made of a data set: one by one or (`batched`) collated, short ones kept or not."""

    dataset: Any
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool

    def fetcher(self) -> Fetch:
        """Return the function from indices to a batch, which begins a new iteration over a stream."""
        return self._stream() if isinstance(self.dataset, IterableDataset) else partial(unstopped, self._made)

    def _made(self, index: Any) -> Any:
        try:
            return self._collated(index)
        except (LookupError, TypeError) as error:
            error.add_note(
                f"in DataLoader, which asked the data set ({type(self.dataset).__name__}) for {short(index)}"
            )
            raise

    def _collated(self, index: Any) -> Any:
        if not self.batched:
            return self.collate_fn(self.dataset[index])
        rows = gathered(self.dataset, index) if self.collate_fn is default_collate else None
        return self.collate_fn(samples_of(self.dataset, index)) if rows is None else rows

    def _stream(self) -> Fetch:
        samples = iter(self.dataset)

        def fetch(index: Any) -> Any:
            """Return the next batch, of the length of `index`; StopIteration at the end."""
            if not self.batched:
                return unstopped(self.collate_fn, next(samples))
            batch = list(islice(samples, len(index)))
            if not batch or (self.drop_last and len(batch) < len(index)):
                raise StopIteration
            return unstopped(self.collate_fn, batch)

        return fetch


def unstopped(function: Callable[[Any], Any], argument: Any) -> Any:
    """Return ``function(argument)``; its StopIteration would end, in silence, the epoch of whoever iterates.

    Raises:
        RuntimeError: in the place of StopIteration.
    """
    try:
        return function(argument)
    except StopIteration as error:
        raise RuntimeError(
            "the data set, collate_fn or worker_init_fn raised StopIteration, which stands for the end of an "
            "iteration: catch it there, or raise IndexError"
        ) from error


def gathered(dataset: Any, index: Any) -> list[Tensor] | None:
    """Return what collating the samples at `index` gives, by one index per tensor; None where that is not the same.

    It is the same for a TensorDataset and its subsets, where every index is a plain integer.
    """
    if not isinstance(index, list):
        return None
    while type(dataset) is Subset:
        dataset, index = dataset.dataset, [dataset.indices[i] for i in index]
    if type(dataset) is not TensorDataset or not index or not set(map(type, index)) <= _INDEX_TYPES:
        return None
    rows = np.array(index)
    if unrecorded(dataset.tensors):
        return [wrap(plain(x.array)[rows]) for x in dataset.tensors]
    return [x[rows] for x in dataset.tensors]
