"""A worker of a DataLoader: a process that is sent indices and answers with batches, in the order of the indices."""

from __future__ import annotations

import os
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from tensorgrad.base.context import CONTEXT, Context
from tensorgrad.create.random import manual_seed
from tensorgrad.data.channel import Parcel, dumped, loaded
from tensorgrad.data.fetch import Fetch, Recipe, unstopped

PATROL = 5.0  # seconds between two looks at whether the loader's process still lives


class Order(Enum):
    """What a worker is told beside indices."""

    RESTART = "restart"


class Kind(Enum):
    """What an answer is."""

    BATCH = "batch"
    END = "end"  # of the stream in this worker
    FAILURE = "failure"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Which worker this process is.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: the base seed of the epoch plus `id`; Python's and tensorgrad's random numbers start from it.
        dataset: the worker's own copy of the data set.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """Return which worker of a DataLoader this process is; None outside of one.

    >>> get_worker_info() is None
    True
    """
    return _info[-1] if _info else None


@dataclass(frozen=True)
class Failure:
    """An exception of a worker, as text, with its class."""

    kind: type[BaseException]
    text: str

    @classmethod
    def of(cls, error: Exception, number: int) -> Failure:
        """Return `error` with its traceback."""
        trace = "".join(traceback.format_exception(error))
        return cls(
            type(error), f"Caught {type(error).__name__} in DataLoader worker process {number}.\nOriginal {trace}"
        )

    def error(self) -> BaseException:
        """Return an exception of the same class that tells the traceback; a RuntimeError where that cannot be made."""
        if issubclass(self.kind, KeyError):
            return _readable(self.kind)(self.text)
        try:
            return self.kind(self.text)
        except Exception:  # noqa: BLE001 - a class may want other arguments, and refuse these with any error
            return RuntimeError(self.text)


def _readable(kind: type[KeyError]) -> type[KeyError]:
    """Return a subclass of `kind` that prints its text with line breaks, where KeyError prints its repr."""
    return type(kind.__name__, (kind,), {"__str__": lambda self: str(self.args[0]), "__module__": kind.__module__})


@dataclass(frozen=True)
class Job:
    """What all workers of a loader are to do."""

    recipe: Recipe
    init_fn: Callable[[int], Any] | None
    base_seed: int
    num_workers: int


class _Responder:
    """Where one worker makes its answers."""

    def __init__(self, job: Job, number: int) -> None:
        self._job, self._number = job, number
        self._ready = False
        self._fetch: Fetch | None = None

    def answer(self, message: Any) -> memoryview:
        try:
            return dumped(self._answered(message))
        except Exception as error:  # noqa: BLE001 - whatever the data set raises is told to the loader
            return _report(Failure.of(error, self._number))

    def _answered(self, message: Any) -> tuple[Kind, Any]:
        if message is Order.RESTART:
            self._fetch = None
            return Kind.RESTARTED, None
        if not self._ready and self._job.init_fn is not None:
            unstopped(self._job.init_fn, self._number)
        self._ready = True
        if self._fetch is None:
            self._fetch = self._job.recipe.fetcher()
        try:
            return Kind.BATCH, self._fetch(message)
        except StopIteration:
            return Kind.END, None


def _report(failure: Failure) -> memoryview:
    try:
        return dumped((Kind.FAILURE, failure))
    except Exception:  # noqa: BLE001 - a class that is defined in a function cannot be sent
        return dumped((Kind.FAILURE, replace(failure, kind=RuntimeError)))


def work(parcel: Parcel, number: int, line: Connection, stop: Connection) -> None:
    """Answer on `line` until `stop` can be read or the loader's process is gone."""
    job: Job = parcel.content
    CONTEXT.set(Context())  # not the modes in which the loader's process happened to be
    seed = job.base_seed + number
    _seed(seed, job.base_seed, number)
    _info.append(WorkerInfo(number, job.num_workers, seed, job.recipe.dataset))
    # Its own thread sends, so that the next batch is made while the loader is busy with the last one.
    outbox: SimpleQueue[memoryview] = SimpleQueue()
    Thread(target=_post, args=(outbox, line), daemon=True).start()
    responder, parent = _Responder(job, number), _Parent()
    try:
        while parent.tells(line, stop):
            outbox.put(responder.answer(loaded(line.recv_bytes())))
    except (EOFError, OSError, KeyboardInterrupt):
        return  # The loader's process is gone, or tells of the interruption itself.


class _Parent:
    """The loader's process.

    A forked worker may hold copies of the pipes of those before it, so that no end of a pipe tells for certain that the
    loader's process is gone; nor does the number of the parent, where that was gone before it was first asked for.
    """

    def __init__(self) -> None:
        process = parent_process()
        self._sentinels = [] if process is None else [process.sentinel]
        self._parent = os.getppid()

    def tells(self, line: Connection, stop: Connection) -> bool:
        """Wait for a message on `line`; False if there is to be none."""
        while os.getppid() == self._parent:
            ready = wait([line, stop, *self._sentinels], PATROL)
            if ready:
                return ready == [line]
        return False


def _post(outbox: SimpleQueue[memoryview], line: Connection) -> None:
    try:
        while True:
            line.send_bytes(outbox.get())
    except OSError:
        return  # Nobody is left to read it.


def _seed(seed: int, base_seed: int, number: int) -> None:
    """Start every usual source of random numbers, each worker's apart from the others'."""
    random.seed(seed)
    manual_seed(seed)
    np.random.seed(np.random.SeedSequence([base_seed, number]).generate_state(4))  # noqa: NPY002 - data sets use it
