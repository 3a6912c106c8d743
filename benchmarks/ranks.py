"""What several processes cost and gain: ``mpiexec -n 2 python -m benchmarks.ranks``, and once without ``mpiexec``.

Latency and bandwidth of the link; what the handshake takes of a step; steps of networks on as many rows per rank (weak
scaling) and in all (strong scaling), beside what the model of docs/scaling.md predicts. Medians in milliseconds; what
is compared alternates. On a machine that others use, nothing of this says much: MPI waits by keeping its core busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import distributed as dist, nn, optim
from tensorgrad.ops.processes import RANKS

ROUNDS, WARM = 200, 20
ROWS = 64


def network(width: int, norm: bool) -> nn.Module:
    """Return a network with five hidden layers, the chapter's where `width` is 100."""
    tg.manual_seed(0)
    layers: list[Any] = []
    for i in range(5):
        layers += [nn.Linear(784 if i == 0 else width, width), *([nn.SyncBatchNorm(width)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def steps_of(width: int, rows: int, norm: bool = False, quick: bool = False) -> tuple[Callable[[], Any], ...]:
    """Return a training step on random images, and the same without an exchange of gradients."""
    net = nn.parallel.DistributedDataParallel(network(width, norm))
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    x, y = tg.randn(rows, 784), tg.randint(0, 10, (rows,))

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    def alone() -> None:
        with net.no_sync():
            step()

    return tg.compile(step) if quick else step, alone


def medians(*calls: Callable[[], Any], rounds: int = ROUNDS) -> list[float]:
    """Return the median milliseconds of each of `calls`, which take turns, after all ranks have met."""
    times: list[list[float]] = [[] for _ in calls]
    for i in range(WARM + rounds):
        for call, own in zip(calls, times, strict=True):
            dist.barrier()
            start = time.perf_counter()
            call()
            if i >= WARM:
                own.append(time.perf_counter() - start)
    return [1e3 * float(np.median(own)) for own in times]


def link() -> tuple[float, float]:
    """Return latency (ms) and bandwidth (bytes per ms) of an all-reduce: a line through what two sizes take."""
    sizes = (4, 4 << 20)
    small, great = medians(*[partial(RANKS[0].total, np.ones(n // 4, np.float32)) for n in sizes])
    return small, (sizes[1] - sizes[0]) / (great - small)


def without(call: Callable[[], Any]) -> Callable[[], Any]:
    """Return `call` without the handshake."""
    ranks: Any = RANKS[0]

    def run() -> None:
        ranks._handshake = False
        try:
            call()
        finally:
            ranks._handshake = True

    return run


def say(*cells: Any) -> None:
    """Print a row of a table, on one rank."""
    if dist.get_rank() == 0:
        print("| " + " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in cells) + " |", flush=True)


def handshakes() -> Iterable[tuple[Any, ...]]:
    """Yield for some steps their time with the handshake, without it, and what it takes of it in percent."""
    for norm in (False, True):
        for quick in (False, True):
            step, _ = steps_of(100, 50, norm, quick)
            on, off = medians(step, without(step))
            kind = f"{'SyncBatchNorm' if norm else 'plain'}, {'compiled' if quick else 'as it is'}"
            yield kind, on, off, 100 * (on / off - 1)


def main() -> None:
    """Measure, and print tables."""
    dist.init_process_group()
    size = dist.get_world_size()
    latency, bandwidth = link() if size > 1 else (0.0, float("inf"))
    say("ranks", "latency, ms", "bandwidth, GB/s")
    say(size, latency, bandwidth / 1e6)
    if size > 1:
        say("step", "with handshake", "without", "%")
        for row in handshakes():
            say(*row)
    say("width", "parameters", "rows on a rank", "without an exchange", "predicted", "measured")
    for width in (100, 400, 1000):
        count = sum(p.numel() for p in network(width, norm=False).parameters())
        for rows in (ROWS, ROWS // 2):
            measured, alone = medians(*steps_of(width, rows), rounds=ROUNDS * 100 // width)
            say(width, count, rows, alone, alone + 2 * latency + 4 * count / bandwidth, measured)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
