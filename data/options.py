"""The arguments of a DataLoader: which of them exclude one another."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.context import BaseContext
from typing import Any

from tensorgrad.base.callsite import warn
from tensorgrad.errors import ArgumentError


def check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    """Raise ArgumentError for what workers cannot do; warn of more workers than there are processors."""
    if num_workers < 0:
        raise ArgumentError(
            f"num_workers option should be non-negative; use num_workers=0 to disable multiprocessing. Found "
            f"{num_workers}"
        )
    if timeout < 0:
        raise ArgumentError(f"timeout option should be non-negative, found {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ArgumentError(
            "prefetch_factor option could only be specified in multiprocessing. let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ArgumentError(f"prefetch_factor option should be non-negative, found {prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ArgumentError("persistent_workers option needs num_workers > 0")
    processors = _processors()
    if num_workers > processors:
        warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number of worker "
            f"in current system is {processors}: more of them only wait for one another.",
        )


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    """Raise ArgumentError for an order of samples that are not asked for by index."""
    for name, value in {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}.items():
        if value is not None:
            raise ArgumentError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}: order "
                f"the samples in its __iter__"
            )


def check_batches(batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    """Raise ArgumentError where batches are described in two ways."""
    if sampler is not None and shuffle:
        raise ArgumentError("sampler option is mutually exclusive with shuffle: let the sampler draw the order")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ArgumentError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_size is None and drop_last:
        raise ArgumentError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")


def start_method(value: Any, num_workers: int) -> BaseContext:
    """Return the context that `value` names or is; ArgumentError or TypeError if there is none, or no workers."""
    if num_workers == 0:
        raise ArgumentError(
            f"multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            f"num_workers={num_workers}"
        )
    if isinstance(value, str):
        known = multiprocessing.get_all_start_methods()
        if value not in known:
            raise ArgumentError(
                f"multiprocessing_context option should specify a valid start method in {known!r}, but got "
                f"multiprocessing_context={value!r}"
            )
        return multiprocessing.get_context(value)
    if not isinstance(value, BaseContext):
        raise TypeError(
            f"multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={value}"
        )
    return value
