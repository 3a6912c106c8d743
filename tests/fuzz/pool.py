"""Programs in processes of their own: one that crashes or hangs is a failure, and the others go on."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from tests.fuzz.trial import Result, lost, tried

Trial = Callable[[int, int, str], Result]

START = 60.0  # what a process may take to import
SECONDS = 60.0  # for one program, with all that settles and shrinks it


@dataclass
class Worker:
    """A process that runs every program `first`, ``first + step``, ... and sends what came of each."""

    seed: int
    number: int
    step: int
    end: int
    peer: str
    deadline: float
    trial: Trial
    process: Any = None
    connection: Connection | None = None
    since: float = 0.0

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the threads of PyTorch
        self.process = self.connection = None
        connection, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(theirs, self), daemon=True)
        process.start()
        theirs.close()
        self.process, self.connection = process, connection
        self.since = time.monotonic() + START

    def stop(self) -> None:
        self.process.kill()
        self.process.join()

    def received(self) -> Result | None:
        """The next result; None where the process has ended."""
        assert self.connection is not None
        try:
            result = self.connection.recv()
        except EOFError:
            return None
        self.number, self.since = self.number + self.step, time.monotonic()
        return result


def _run(connection: Connection, worker: Worker) -> None:
    for number in range(worker.number, worker.end, worker.step):
        if time.time() > worker.deadline:
            break
        try:
            connection.send(worker.trial(worker.seed, number, worker.peer))
        except Exception as error:  # noqa: BLE001 - a fault of the fuzz itself must not hide the programs behind it
            told = "".join(traceback.format_exception(error))
            connection.send(Result(number, "error", failure=f"error: {type(error).__name__}", script=told))
    connection.close()


def results(
    seed: int,
    programs: int,
    peer: str,
    jobs: int,
    minutes: float,
    trial: Trial = tried,
    patience: float = SECONDS,
) -> Iterator[Result]:
    """What came of each program, in no order; after `minutes` no new program begins."""
    deadline = time.time() + 60 * minutes
    workers = [Worker(seed, first, jobs, programs, peer, deadline, trial) for first in range(jobs)]
    for worker in workers:
        worker.start()
    while workers:
        ready = wait([w.connection for w in workers if w.connection is not None], timeout=1.0)
        for worker in list(workers):
            if worker.connection in ready:
                result = worker.received()
                if result is not None:
                    yield result
                    continue
                workers.remove(worker)
                worker.process.join()
                if worker.process.exitcode:
                    yield from _again(worker, "crash", workers)
            elif time.monotonic() - worker.since > patience:
                worker.stop()
                workers.remove(worker)
                yield from _again(worker, "hang", workers)


def _again(worker: Worker, kind: str, workers: list[Worker]) -> Iterator[Result]:
    """The program that was lost, as a result, and a new process for those behind it."""
    yield lost(worker.seed, worker.number, worker.peer, kind)
    worker.number += worker.step
    if worker.number < worker.end and time.time() < worker.deadline:
        worker.start()
        workers.append(worker)
