"""Many operations and layers beside PyTorch's: `python -m benchmarks --breadth`, forward and backward unless said.

A row is a line of the script that a user writes, run with either library by its names, in float32. Both libraries run
in processes of their own on one core, and take turns at each row.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.timing import ROOT, core
from benchmarks.worker import pin, timed

LIBRARIES = ("tensorgrad", "torch")
TURN_SECONDS = 0.06
ROUNDS = 9
MANY = 100_000

Row = Callable[["Bench"], Callable[[], Any]]
ROWS: dict[str, Row] = {}


class Bench:
    """A library, what a row makes with it, and a folder for files."""

    def __init__(self, library: str, folder: Path) -> None:
        self.t = importlib.import_module(library)
        self.nn = importlib.import_module(f"{library}.nn")
        self.functional = importlib.import_module(f"{library}.nn.functional")
        self.func = importlib.import_module(f"{library}.func")
        self.rng = np.random.default_rng(0)
        self.folder = folder

    def numbers(self, *shape: int) -> Any:
        """Return a tensor of normal numbers."""
        return self.t.from_numpy(self.rng.standard_normal(shape).astype(np.float32))

    def both_ways(self, function: Callable[[Any], Any], *shape: int) -> Callable[[], None]:
        """Return a step: `function` of numbers of `shape`, and the gradient of its sum."""
        x = self.numbers(*shape).requires_grad_()

        def step() -> None:
            x.grad = None
            function(x).sum().backward()

        return step

    def layer(self, layer: Any, *shapes: tuple[int, ...]) -> Callable[[], None]:
        """Return a step: a layer of inputs of these shapes, and the gradients of the mean square of what it gives."""
        inputs, parameters = [self.numbers(*shape) for shape in shapes], list(layer.parameters())

        def step() -> None:
            for parameter in parameters:
                parameter.grad = None
            y = layer(*inputs)
            (y[0] if isinstance(y, tuple) else y).pow(2).mean().backward()

        return step

    def mlp(self) -> Any:
        """Return a small network of three affine layers."""
        nn = self.nn
        return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def row(function: Row) -> Row:
    """Add a row under the name of the function that makes its step."""
    ROWS[function.__name__] = function
    return function


def _activation(name: str) -> Row:
    return lambda b: b.both_ways(getattr(b.functional, name, None) or getattr(b.t, name), MANY)


for _name in (
    "gelu", "sigmoid", "silu", "softplus", "elu", "leaky_relu", "tanh", "relu", "mish", "hardswish", "logsigmoid",
):  # fmt: skip
    ROWS[_name] = _activation(_name)

ROWS["softmax"] = lambda b: b.both_ways(lambda x: b.functional.softmax(x, -1), 256, 100)
ROWS["log_softmax"] = lambda b: b.both_ways(lambda x: b.functional.log_softmax(x, -1), 256, 100)
ROWS["layer_norm"] = lambda b: b.both_ways(lambda x: b.functional.layer_norm(x, (64,)), 512, 64)
ROWS["erf"] = lambda b: b.both_ways(b.t.erf, MANY)
ROWS["cumsum"] = lambda b: b.both_ways(lambda x: x.cumsum(0), 1000, 50)
ROWS["sum_tall"] = lambda b: b.both_ways(lambda x: x.sum(0), 3000, 1000)
ROWS["sum_all"] = lambda b: b.both_ways(lambda x: x.sum(), 3000, 1000)
ROWS["mean_small"] = lambda b: b.both_ways(lambda x: x.mean(), 64, 10)
ROWS["std"] = lambda b: b.both_ways(lambda x: x.std(0), 1000, 50)
ROWS["max"] = lambda b: b.both_ways(lambda x: x.max(1)[0], 500, 100)
ROWS["sort"] = lambda b: b.both_ways(lambda x: x.sort(-1)[0], 500, 100)
ROWS["cat"] = lambda b: b.both_ways(lambda x: b.t.cat([x, x, x], 1), 200, 100)
ROWS["einsum"] = lambda b: b.both_ways(lambda x: b.t.einsum("bij,bkj->bik", x, x), 16, 32, 32)


@row
def index_rows(b: Bench) -> Callable[[], Any]:
    """4,096 rows of 1,000."""
    rows = b.t.from_numpy(b.rng.integers(0, 1000, 4096))
    return b.both_ways(lambda x: x[rows], 1000, 64)


@row
def scalars(b: Bench) -> Callable[[], Any]:
    """A chain of numbers."""
    a, factor = b.t.tensor(1.5, requires_grad=True), b.t.tensor(2.5)

    def step() -> None:
        a.grad, h = None, a
        for _ in range(50):
            h = h * factor + a
        h.backward()

    return step


@row
def getitem_int(b: Bench) -> Callable[[], Any]:
    """200 rows, one after the other, without gradient."""
    x = b.numbers(1000, 20)
    return lambda: [x[i] for i in range(200)]


_SEQUENCES = (32, 20, 64)
ROWS["lstm"] = lambda b: b.layer(b.nn.LSTM(64, 64, batch_first=True), _SEQUENCES)
ROWS["gru"] = lambda b: b.layer(b.nn.GRU(64, 64, batch_first=True), _SEQUENCES)
ROWS["rnn"] = lambda b: b.layer(b.nn.RNN(64, 64, batch_first=True), _SEQUENCES)


@row
def cnn(b: Bench) -> Callable[[], Any]:
    """Two convolutions with pooling, and an affine layer."""
    nn = b.nn
    first = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    second = nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    return b.layer(nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(784, 10)), (32, 1, 28, 28))


def _encoder(activation: str) -> Row:
    return lambda b: b.layer(
        b.nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, activation=activation, batch_first=True), (16, 32, 64)
    )


ROWS["conv1d"] = lambda b: b.layer(b.nn.Conv1d(16, 32, 5, padding=2), (32, 16, 100))
ROWS["attention"] = lambda b: b.layer(b.nn.MultiheadAttention(64, 4, batch_first=True), *[(16, 32, 64)] * 3)
ROWS["encoder_relu"] = _encoder("relu")
ROWS["encoder_gelu"] = _encoder("gelu")
ROWS["mlp_batch1"] = lambda b: b.layer(b.mlp(), (1, 64))
ROWS["mlp_batch1000"] = lambda b: b.layer(b.mlp(), (1000, 64))
ROWS["batchnorm2d"] = lambda b: b.layer(b.nn.BatchNorm2d(16), (32, 16, 14, 14))
ROWS["embedding"] = lambda b: b.layer(b.nn.Sequential(b.nn.Linear(64, 64), b.nn.LayerNorm(64)), (512, 64))


@row
def vmap_grad_100(b: Bench) -> Callable[[], Any]:
    """The gradients of 100 examples, each its own."""
    net, count = b.mlp(), 100
    weights = {name: value.detach() for name, value in net.named_parameters()}

    def loss(weights: Any, x: Any, y: Any) -> Any:
        return b.functional.cross_entropy(b.func.functional_call(net, weights, (x[None],)), y[None])

    x, y = b.numbers(count, 64), b.t.from_numpy(b.rng.integers(0, 10, count))
    gradients = b.func.vmap(b.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: gradients(weights, x, y)


@row
def jacrev(b: Bench) -> Callable[[], Any]:
    """A Jacobian of 20 by 400."""
    jacobian, x = b.func.jacrev(lambda x: b.t.tanh(x @ x.T).sum(1)), b.numbers(20, 20)
    return lambda: jacobian(x)


def _stored(b: Bench) -> tuple[dict[str, Any], str]:
    return {f"p{i}": b.numbers(1000, 500) for i in range(10)}, str(b.folder / "weights")


@row
def save_20MB(b: Bench) -> Callable[[], Any]:  # noqa: N802 - megabytes
    """Ten weights to a file."""
    weights, file = _stored(b)
    return lambda: b.t.save(weights, file)


@row
def load_20MB(b: Bench) -> Callable[[], Any]:  # noqa: N802
    """And back."""
    weights, file = _stored(b)
    b.t.save(weights, file)
    return lambda: b.t.load(file)


def serve(library: str) -> None:
    """Answer each line, the name of a row and seconds, with the CPU time of a step of it, in seconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    pin(core())
    with TemporaryDirectory() as folder:
        bench, steps = Bench(library, Path(folder)), dict[str, Callable[[], Any]]()
        if library == "torch":
            bench.t.set_num_threads(1)
        for line in sys.stdin:
            name, seconds = line.split()
            if name not in steps:
                steps[name] = ROWS[name](bench)
                gc.collect()
                gc.freeze()
            print(json.dumps(timed(steps[name], float(seconds))["cpu"]), file=answers, flush=True)


def measure(names: list[str], kernels: str = "numpy") -> dict[str, tuple[float, float]]:
    """Return by name the median of our time by PyTorch's, and ours in seconds, with these `kernels`."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    single["TENSORGRAD_KERNELS"] = kernels
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.breadth", library],
            cwd=ROOT, env=os.environ | single, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for library in LIBRARIES
    ]  # fmt: skip
    try:
        return {name: _compared(workers, name) for name in names}
    finally:
        for worker in workers:
            worker.communicate()


def _compared(workers: list[subprocess.Popen[str]], name: str) -> tuple[float, float]:
    rounds = [[_turn(worker, name) for worker in workers] for _ in range(ROUNDS)]
    return median(ours / theirs for ours, theirs in rounds), median(ours for ours, _ in rounds)


def _turn(worker: subprocess.Popen[str], name: str) -> float:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{name} {TURN_SECONDS}\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"{worker.args!r} ended with status {worker.wait()} at {name}; it says why above")
    return float(line)


def table(found: dict[str, tuple[float, float]], kernels: str) -> str:
    """Return the ratios as a table of a document; `kernels` are those that our side computed by."""
    lines = ["| breadth | kernels | ours / PyTorch | ours, µs |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {kernels} | {ratio:.2f} | {seconds * 1e6:,.0f} |" for name, (ratio, seconds) in found.items()
    ]
    worst = max(found, key=lambda name: found[name][0])
    lines.append(f"| median of {len(found)} | {kernels} | {median(ratio for ratio, _ in found.values()):.2f} | |")
    lines.append(f"| worst: {worst} | {kernels} | {found[worst][0]:.2f} | |")
    return "\n".join(lines)


if __name__ == "__main__":
    serve(sys.argv[1])
