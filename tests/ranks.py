"""What several ranks do, as a script that `mpiexec` starts: tasks compare with one process, and print what they found.

mpiexec -n 2 python -m tests.ranks TASK [FILE]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import distributed as dist, nn, optim
from tensorgrad.nn import functional

FEATURES, CLASSES = 5, 3
DATA = np.random.default_rng(0)
X, Y = DATA.standard_normal((40, FEATURES)), DATA.integers(0, CLASSES, 40)


def network(norm: bool) -> nn.Sequential:
    """Return the chapter's network, in double, the same on all ranks."""
    tg.manual_seed(0)
    layers = [nn.Linear(FEATURES, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.ReLU(), nn.Linear(8, CLASSES)]
    return nn.Sequential(*layers).to(tg.float64)


KINDS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.3, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.05),
}


def trained(net: nn.Module, part: Callable[[Any], Any], kind: str) -> np.ndarray:
    """Return the state after 20 steps, on this part of each batch of 17."""
    go_on(net, KINDS[kind](net.parameters()), part, range(20))
    return state(net)


def state(net: nn.Module) -> np.ndarray:
    """Return all numbers of the state."""
    return np.concatenate([x.detach().numpy().ravel() for x in net.state_dict().values()])


def go_on(net: nn.Module, optimizer: optim.Optimizer, part: Callable[[Any], Any], steps: range) -> None:
    """Make these steps."""
    for step in steps:
        rows = part(np.random.default_rng(step).choice(len(X), 17, replace=False))
        optimizer.zero_grad()
        functional.cross_entropy(net(tg.tensor(X[rows])), tg.tensor(Y[rows])).backward()
        optimizer.step()


def mine(rows: Any) -> Any:
    """Return this rank's rows: of 17 not every rank has as many."""
    return np.array_split(rows, dist.get_world_size())[dist.get_rank()]


def train(norm: bool, kind: str, **settings: Any) -> float:
    """Return how far the state is from that of one process with the whole batch."""
    whole = trained(network(norm), lambda rows: rows, kind)
    net = nn.SyncBatchNorm.convert_sync_batchnorm(network(norm))
    return float(
        abs(whole - trained(nn.parallel.DistributedDataParallel(net, by_rows=True, **settings), mine, kind)).max()
    )


class DrawnByRanks(nn.Module):
    """Dropout in one process that draws the mask of each rank's rows from the stream of that rank."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = [tg.Generator().manual_seed(100 + rank) for rank in range(dist.get_world_size())]

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return `x` with half of its elements zeroed."""
        parts = np.array_split(np.arange(len(x)), dist.get_world_size())
        dropped = [functional.dropout(x[p], 0.5, generator=g) for p, g in zip(parts, self.streams, strict=True)]
        y: tg.Tensor = tg.cat(dropped)
        return y


def dropout(norm: bool, kind: str) -> float:
    """Return how far a network with Dropout, which draws from a stream on each rank, is from one process."""
    whole, part = network(norm), nn.SyncBatchNorm.convert_sync_batchnorm(network(norm))
    whole.insert(len(whole) - 1, DrawnByRanks())
    part.insert(len(part) - 1, nn.Dropout(0.5))
    expected = trained(whole, lambda rows: rows, kind)
    tg.manual_seed(100 + dist.get_rank())
    found = trained(nn.parallel.DistributedDataParallel(part, by_rows=True), mine, kind)
    return float(abs(expected - found).max())


def half(file: str) -> None:
    """Make ten steps, of which the rank 0 saves the end."""
    net = nn.parallel.DistributedDataParallel(network(norm=False), by_rows=True)
    optimizer = KINDS["adam"](net.parameters())
    go_on(net, optimizer, mine, range(10))
    if dist.get_rank() == 0:
        tg.save({"net": net.module.state_dict(), "optimizer": optimizer.state_dict()}, file)


def rest(file: str) -> float:
    """Return how far the state is from that of one process, ten steps after what a file holds."""
    saved, net = tg.load(file), network(norm=False)
    net.load_state_dict(saved["net"])
    shared = nn.parallel.DistributedDataParallel(net, by_rows=True)
    optimizer = KINDS["adam"](shared.parameters())
    optimizer.load_state_dict(saved["optimizer"])
    go_on(shared, optimizer, mine, range(10, 20))
    return float(abs(trained(network(norm=False), lambda rows: rows, "adam") - state(net)).max())


def orders() -> float:
    """Return how far derivatives of BatchNorm over the ranks, to the third order, are from those of one process."""
    values, weights = DATA.standard_normal((7, 3)), DATA.standard_normal((7, 3))

    def derivatives(norm: nn.Module, rows: Any) -> list[np.ndarray]:
        x, w = tg.tensor(values[rows], requires_grad=True), tg.tensor(weights[rows])
        found, y = [], (norm(x) ** 3 * w).sum()
        for _ in range(3):
            (g,) = tg.autograd.grad(y, x, create_graph=True)
            found.append(g.detach().numpy())
            y = (g * g * w).sum()
        return found

    everything, rows = np.arange(7), mine(np.arange(7))
    whole = derivatives(nn.BatchNorm1d(3).to(tg.float64), everything)
    parts = derivatives(nn.SyncBatchNorm(3).to(tg.float64), rows)
    return float(max(abs(a[rows] - b).max() / abs(a).max() for a, b in zip(whole, parts, strict=True)))


def exchanges() -> list[Any]:
    """Return what each exchange gives, with its gradient and its tangent."""
    f, rank, size = dist.nn.functional, dist.get_rank(), dist.get_world_size()
    x = tg.tensor([1.0 + rank, 2.0], dtype=tg.float64, requires_grad=True)
    seed = tg.tensor([1.0, 10.0 * (rank + 1)], dtype=tg.float64)
    found: list[Any] = []
    functions: list[Callable[[Any], Any]] = [
        f.all_reduce,
        lambda x: f.all_reduce(x, dist.ReduceOp.AVG),
        lambda x: f.all_gather(x)[size - 1],
        lambda x: f.broadcast(x, 0),
        lambda x: f.reduce(x, 0),
        lambda x: f.reduce_scatter([x * (r + 1) for r in range(size)]),
    ]
    for function in functions:
        y = function(x)
        (g,) = tg.autograd.grad(y, x, seed)
        (t,) = tg.autograd.jvp(function(x), x, tg.ones(2, dtype=tg.float64))
        found.append([y.tolist(), g.tolist(), t.tolist()])
    return found


def written() -> list[Any]:
    """Return what PyTorch's collectives write."""
    rank, size = dist.get_rank(), dist.get_world_size()
    found: list[Any] = []
    for op in dist.ReduceOp:
        x = tg.tensor([2.0 + rank, -1.0])
        work = dist.all_reduce(x, op, async_op=True)
        assert work is not None
        assert work.wait()
        found.append(x.tolist())
    x = tg.tensor([-0.0 if rank == size - 1 else 1.0, float("nan") if rank == 0 else 1.0])
    dist.broadcast(x, size - 1)
    flags, half = tg.tensor([rank == 1, False]), tg.tensor([1.5 * rank], dtype=tg.float16)
    dist.broadcast(flags, 1)
    dist.all_reduce(half, dist.ReduceOp.MAX)
    halves = [half.clone() for _ in range(size)]
    dist.all_gather(halves, half)
    assert [flags.tolist(), half.tolist(), [h.tolist() for h in halves]] == [[True, False], [1.5], [[1.5]] * size]
    assert str(x.tolist()[0]) == "-0.0"
    parts = [tg.zeros(2, dtype=tg.int64) for _ in range(size)]
    dist.all_gather(parts, tg.tensor([rank, 7]))
    things = [None] * size
    dist.all_gather_object(things, {"rank": rank})
    told = ["mine" if rank == 0 else "not told"]
    dist.broadcast_object_list(told, 0)
    only = tg.ones(1)
    dist.reduce(only, size - 1)
    return [*found, x.tolist(), [p.tolist() for p in parts], things, told, only.tolist()]


def accumulated() -> float:
    """Return how far gradients that add up under `no_sync` are from those of one process."""
    nets = network(norm=False), nn.parallel.DistributedDataParallel(network(norm=False), bucket_cap_mb=1e-4)
    rows = np.arange(2 * dist.get_world_size() * 3).reshape(2, -1)
    for part in rows:
        functional.mse_loss(nets[0](tg.tensor(X[part])), tg.zeros(len(part), CLASSES, dtype=tg.float64)).backward()
    with nets[1].no_sync():
        part = mine(rows[0])
        functional.mse_loss(nets[1](tg.tensor(X[part])), tg.zeros(len(part), CLASSES, dtype=tg.float64)).backward()
    part = mine(rows[1])
    functional.mse_loss(nets[1](tg.tensor(X[part])), tg.zeros(len(part), CLASSES, dtype=tg.float64)).backward()
    pairs = zip(nets[0].parameters(), nets[1].parameters(), strict=True)
    return max(float(abs(a.grad.numpy() - b.grad.numpy()).max()) for a, b in pairs if a.grad is not None)


class Branches(nn.Module):
    """Uses another layer on each rank, and one on none."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 1, bias=False) for _ in range(dist.get_world_size() + 1)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return what the layer of this rank makes of `x`."""
        y: tg.Tensor = self.layers[dist.get_rank()](x)
        return y


def unused() -> list[Any]:
    """Return the gradients of layers that one rank uses, or none."""
    net = nn.parallel.DistributedDataParallel(Branches(), find_unused_parameters=True)
    net(tg.ones(1, 2)).sum().backward()
    return [None if p.grad is None else p.grad.tolist() for p in net.parameters()]


def compiled() -> float:
    """Return how far compiled steps, and compiled modules in them, are from those that run as they are."""

    def after(what: str, **settings: Any) -> np.ndarray:
        net = nn.SyncBatchNorm.convert_sync_batchnorm(network(norm=True))
        shared: Any = nn.parallel.DistributedDataParallel(net, **settings)
        optimizer = KINDS["sgd"](shared.parameters())
        run = tg.compile(shared, fullgraph=True) if what == "module" else shared

        def step(x: tg.Tensor, y: tg.Tensor) -> None:
            optimizer.zero_grad()
            functional.cross_entropy(run(x), y).backward()
            optimizer.step()

        quick = tg.compile(step, fullgraph=True) if what == "step" else step
        for k in range(8):
            rows = mine(np.arange(k, k + 17))
            quick(tg.tensor(X[rows]), tg.tensor(Y[rows]))
        plans = (run if what == "module" else quick).plans if what else [None]
        assert len(plans) == 1
        return state(shared)

    far = [0.0]
    for settings in ({"by_rows": True}, {"find_unused_parameters": True}):
        as_it_is = after("", **settings)
        far += [float(abs(after(what, **settings) - as_it_is).max()) for what in ("step", "module")]
    return max(far)


def alone_astray() -> list[float]:
    """Return how far plans are from the functions, where one rank's cannot go on and the other's can, or is not yet."""
    rank, far = dist.get_rank(), [0.0, 0.0]

    def turning(x: tg.Tensor) -> tg.Tensor:
        y = dist.nn.functional.all_reduce(x * 2.0)
        y = dist.nn.functional.all_reduce(y * x) if x.sum() > 0 else dist.nn.functional.all_reduce(y * x + 1.0)
        return (y**2).sum()

    norm = nn.SyncBatchNorm(2).to(tg.float64)
    pairs = (tg.compile(turning), turning), (tg.compile(norm), norm)
    for k in range(7):
        x = tg.tensor(abs(X[k : k + 3 + (rank == 1 and k > 3), :2]) + rank, requires_grad=True)
        sign = -1.0 if rank == 1 and k in (4, 6) else 1.0
        for i, pair in enumerate(pairs):
            given = x if i else x[0] * sign
            found = [tg.autograd.grad((f(given) ** 3).sum(), x, retain_graph=True)[0].numpy() for f in pair]
            far[i] = max(far[i], float(abs(found[0] - found[1]).max()))
            assert abs(found[1]).max() > 1e-3
    assert all(quick.plans for quick, _ in pairs)
    return far


def sampled() -> list[int]:
    """Return which of ten samples this rank takes in the second epoch."""
    sampler: Any = tg.utils.data.distributed.DistributedSampler(range(10))
    sampler.set_epoch(1)
    return list(sampler)


def fail(how: str) -> None:
    """Let the rank 1 do something else than the rank 0, which waits for it."""
    rank = dist.get_rank()
    x = tg.ones(3 + rank * (how == "shape"), dtype=tg.float64 if how == "dtype" and rank else None)
    if rank == 1 and how == "raise":
        raise KeyError("a row that is not there")
    if rank == 1 and how == "order":
        dist.barrier()
    if rank == 1 and how == "leave":
        sys.exit(3)
    if rank == 1 and how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "module":
        nn.parallel.DistributedDataParallel(nn.Linear(2, 3 + rank))
    dist.all_reduce(x)
    dist.all_reduce(x)


TASKS: dict[str, Callable[..., Any]] = {
    "sgd": lambda: train(norm=False, kind="sgd"),
    "adam": lambda: train(norm=False, kind="adam", bucket_cap_mb=1e-4),
    "norm": lambda: train(norm=True, kind="sgd"),
    "dropout": lambda: max(dropout(norm=False, kind="adam"), dropout(norm=True, kind="sgd")),
    "orders": orders, "exchanges": exchanges, "written": written, "accumulated": accumulated, "unused": unused,
    "compiled": compiled, "alone_astray": alone_astray, "sampled": sampled, "half": half, "rest": rest,
}  # fmt: skip


def main() -> None:
    """Do a task, and print each rank's answer; or fail."""
    dist.init_process_group("gloo")
    task = sys.argv[1]
    if task not in TASKS:
        fail(task)
        return
    answers: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(answers, TASKS[task](*sys.argv[2:]))
    if dist.get_rank() == 0:
        print(answers)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
