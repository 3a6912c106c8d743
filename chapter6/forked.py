"""Parts of an experiment side by side, each in a process forked from this one; what comes out is what it is in turn."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeVar

from tensorgrad.create.creation import tensor
from tensorgrad.create.random import get_rng_state, set_rng_state

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def side_by_side(parts: Sequence[Callable[[], T]], workers: int) -> list[T]:
    """Return what each of `parts` returns, in their order, up to `workers` of them at a time.

    Each starts from where the default generator is, and has to leave it where the others do. Without `workers`, and
    where processes cannot be forked safely, they are done here in turn. So is what did not come back from its process:
    an error is raised here, with its place. No process is left running, whatever happens.
    """
    start, found, running = get_rng_state(), dict[int, T](), dict[Connection, tuple[int, BaseProcess]]()
    to_start = list(range(len(parts))) if workers > 1 and sys.platform == "linux" else []
    try:
        while to_start or running:
            while to_start and len(running) < workers:
                number = to_start.pop(0)
                line, process = _forked(parts[number])
                running[line] = number, process
            for line in [line for line in wait(list(running)) if isinstance(line, Connection)]:
                number, process = running[line]
                try:
                    found[number], state = line.recv()
                    set_rng_state(tensor(state))
                except EOFError:
                    print(f"part {number + 1} of {len(parts)} did not come back: it is done again here", flush=True)
                _end(line, process)
                del running[line]
    finally:
        for line, (_, process) in running.items():
            process.terminate()
            _end(line, process)
    for number in range(len(parts)):
        if number not in found:
            set_rng_state(start)
            found[number] = parts[number]()
    return [found[number] for number in range(len(parts))]


def in_turn(names: Iterable[K], do: Callable[[K], T], skip: Callable[[K], Any], workers: int) -> dict[K, T]:
    """Return ``do(name)`` of each of `names`, as if done in turn: each process does a share of them.

    The default generator runs through all: in place of what another process does, ``skip(name)`` draws what that draws.
    """
    every = list(names)
    shares = min(workers, len(every))

    def share(number: int) -> dict[K, T]:
        found = {}
        for place, name in enumerate(every):
            if place % shares == number:
                found[name] = do(name)
            else:
                skip(name)
        return found

    done = side_by_side([partial(share, number) for number in range(shares)], shares)
    return {name: done[place % shares][name] for place, name in enumerate(every)}


def _forked(part: Callable[[], T]) -> tuple[Connection, BaseProcess]:
    """Return a process that does `part`, and the line on which its result comes."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_work, args=(part, there), daemon=True)
    with warnings.catch_warnings():  # the other thread of this process only waits for the end of standard input
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    there.close()
    return here, process


def _work(part: Callable[[], T], there: Connection) -> None:
    Thread(target=_end_with_the_parent, daemon=True).start()
    result = part()
    there.send((result, get_rng_state().numpy()))


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _end(line: Connection, process: BaseProcess) -> None:
    line.close()
    process.join()
