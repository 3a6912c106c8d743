"""The workers of a DataLoader, seen from the loader: started, asked, and ended whatever happens."""

from __future__ import annotations

import os
import time
import weakref
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from tensorgrad.data.channel import Parcel, loaded, send
from tensorgrad.data.worker import Job, Kind, Order, work

PATIENCE = 5.0  # seconds that a busy worker is given to come to its end by itself


class Pool:
    """Processes that make batches. They end with `close`, with this object, and with the program."""

    def __init__(self, job: Job, context: BaseContext, timeout: float) -> None:
        self.epoch = 0
        self._timeout = timeout
        self._lines: list[Connection] = []
        self._processes: list[BaseProcess] = []
        # Written once and never read: it can then be read in every worker.
        theirs, stop = context.Pipe(duplex=False)
        self.close = weakref.finalize(self, _end, self._processes, self._lines, stop, os.getpid())
        try:
            for number in range(job.num_workers):
                self._start(context, job, number, theirs)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()

    def _start(self, context: BaseContext, job: Job, number: int, stop: Connection) -> None:
        line, theirs = context.Pipe()
        self._lines.append(line)
        make: Any = context.Process  # type: ignore[attr-defined]  # which every context has
        process = make(target=work, args=(Parcel(job), number, theirs, stop), daemon=True)
        try:
            process.start()
        finally:
            theirs.close()
        self._processes.append(process)

    def __len__(self) -> int:
        return len(self._processes)

    def ask(self, number: int, index: Any) -> None:
        """Send `index` to a worker.

        Raises:
            RuntimeError: the worker has died.
        """
        try:
            send(self._lines[number], index)
        except OSError as error:
            raise self._died(number) from error

    def wait_for(self, number: int) -> None:
        """Wait until a worker has something to say; RuntimeError if that does not come in time."""
        if not wait([self._lines[number], self._processes[number].sentinel], self._timeout or None):
            raise RuntimeError(
                f"DataLoader timed out after {self._timeout} seconds: worker {number} has not made its batch"
            )

    def answer(self, number: int) -> tuple[Kind, Any]:
        """Return the next answer of a worker; RuntimeError if the worker has died."""
        line = self._lines[number]
        wait([line, self._processes[number].sentinel])
        if not line.poll():
            raise self._died(number)
        try:
            content = line.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._died(number) from error
        answer: tuple[Kind, Any] = loaded(content)
        return answer

    def restart(self) -> None:
        """Let all workers begin anew; what they still had to do is dropped."""
        self.epoch += 1
        for number in range(len(self)):
            self.ask(number, Order.RESTART)
        for number in range(len(self)):
            kind = None
            while kind is not Kind.RESTARTED:
                self.wait_for(number)
                kind, _ = self.answer(number)

    def _died(self, number: int) -> RuntimeError:
        process = self._processes[number]
        process.join(PATIENCE)
        self.close()
        return RuntimeError(
            f"DataLoader worker (pid(s) {process.pid}) exited unexpectedly, with exit code {process.exitcode}: a "
            f"negative one is the signal that ended it, often for want of memory; where processes are not forked, the "
            f"script must guard its main part with if __name__ == '__main__'; num_workers=0 shows errors directly"
        )


def _end(processes: list[BaseProcess], lines: list[Connection], stop: Connection, owner: int) -> None:
    """End all processes: those that are busy for long are not waited for."""
    if os.getpid() != owner:
        return  # A forked process has a copy of the pool, and these are not its children.
    with suppress(BrokenPipeError):  # no worker is left to read it
        stop.send_bytes(b"stop")
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
            process.join(PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
    for line in (*lines, stop):
        line.close()
