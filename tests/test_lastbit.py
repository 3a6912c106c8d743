"""`tests.lastbit` is another machine: nothing that rounds comes out as here, and all of it nearly so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.nn import functional

ROOT = Path(__file__).resolve().parent.parent


def results() -> dict[str, list[str]]:
    """Return the numbers, to the last bit, of every kind of result of which machines disagree."""
    generator = np.random.default_rng(0)
    x, w, c, image = (
        tg.tensor(generator.standard_normal(shape), requires_grad=True)
        for shape in ((40, 30), (20, 30), (20,), (2, 3, 8, 8))
    )
    gamma, beta = tg.ones(30, dtype=tg.float64, requires_grad=True), tg.zeros(30, dtype=tg.float64, requires_grad=True)
    norm = functional.batch_norm(x, None, None, gamma, beta, training=True)
    conv = functional.conv2d(image, tg.tensor(generator.standard_normal((4, 3, 3, 3))))
    classes = tg.tensor(np.arange(40) % 30)
    found = {
        "matmul": x @ w.T,
        "linear": functional.linear(x, w),
        "affine": functional.linear(x, w, c),
        "einsum": tg.einsum("ij,kj->ik", x, w),
        "conv2d": conv,
        "batch norm": norm,
        # One number stays as it is once in three times: there are twenty.
        "cross entropy": tg.stack([functional.cross_entropy(x[i::20], classes[i::20]) for i in range(20)]),
        "column sums": x.sum(0),
        "row sums": x.sum(1),
        "mean": tg.stack([part.mean() for part in x.split(2)]),
    }
    found |= {name: getattr(tg, name)(x.abs() + 0.5) for name in ("exp", "log", "sqrt", "tanh", "sigmoid")}
    for name, y in list(found.items()):
        (found[f"gradient of {name}"],) = tg.autograd.grad((y * y).sum(), image if name == "conv2d" else x)
    inverse = tg.linalg.inv(x[:20, :20] + 9 * tg.eye(20, dtype=tg.float64))
    return {name: [float(v).hex() for v in y.detach().numpy().ravel()] for name, y in {**found, "inv": inverse}.items()}


def unwanted() -> str:
    """Return a drawing whose numbers rounding alone has made: the gradient of a bias that BatchNorm takes away."""
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
    x = tg.tensor(np.random.default_rng(0).standard_normal((16, 4)), dtype=tg.float32)
    seed = tg.tensor(np.random.default_rng(1).standard_normal((16, 8)), dtype=tg.float32)
    return viz.draw(net, x, seed=seed).svg


def test_every_result_that_rounds_is_another_there_and_nearly_the_same() -> None:
    command = [sys.executable, "-m", "tests.lastbit", "1", "tests.test_lastbit"]
    there = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    here = results()
    assert here == results()
    assert there.keys() == here.keys() | {"unwanted"}
    assert [name for name in here if there[name] == here[name]] == []
    for name, numbers in here.items():
        ours, theirs = (np.array(list(map(float.fromhex, n))) for n in (numbers, there[name]))
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-10, err_msg=name)
    assert there["unwanted"] != unwanted()


if __name__ == "__main__":
    print(json.dumps(results() | {"unwanted": unwanted()}))
