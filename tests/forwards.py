"""`python -m tests.forwards` counts from outside how often each operation runs its forward function, as JSON.

`Primitive` is told to count before the table exists, so that what the fast paths have bound is counted, too.
"""

from __future__ import annotations

import functools
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

calls: list[str] = []


def counting(record: Any) -> Any:
    """Register the primitive `record` with a forward function that tells when it runs."""
    forward = record.forward

    @functools.wraps(forward)
    def counted(*args: Any, **params: Any) -> Any:
        calls.append(record.name)
        return forward(*args, **params)

    return sys.modules["tensorgrad.engine.primitive"].register(record.changed(forward=counted))


if __name__ == "__main__":
    # The face imports everything: an empty one in its place lets the table wait until the count is in position.
    face = sys.modules["tensorgrad"] = types.ModuleType("tensorgrad")
    face.__path__ = [str(Path(__file__).resolve().parent.parent / "tensorgrad")]
    from tensorgrad.engine import kinds

    del sys.modules["tensorgrad"]
    kinds.register = counting

import numpy as np  # noqa: E402

import tensorgrad as tg  # noqa: E402
from tensorgrad import ops  # noqa: E402
from tensorgrad.graph import Graph  # noqa: E402

zero, ten, matrix = (tg.ones(*shape, requires_grad=True) for shape in ((), (10,), (3, 10)))
double, whole, flags = tg.ones(10, dtype=tg.float64), tg.arange(1, 11), tg.ones(10, dtype=tg.bool)
two, column, single = tg.tensor(2), tg.ones(10, 1, dtype=tg.float64), tg.ones(2, dtype=tg.complex64)
first = functools.partial(ops.getitem, index=0)

CASES: dict[str, tuple[Any, ...]] = {
    "0-d unary": (ops.exp, zero),
    "0-d binary": (ops.mul, zero, zero),
    "0-d and number": (ops.mul, zero, 2.0),
    "number and 0-d": (ops.sub, 1, zero),
    "0-d and ten": (ops.add, zero, ten),
    "full sum": (ops.sum, ten),
    "full mean": (ops.mean, matrix),
    "integers to floats": (ops.exp, whole),
    "integers": (ops.mul, whole, whole),
    "0-d integers": (ops.mul, two, two),
    "quotient of integers": (ops.div, whole, whole),
    "integers and a float": (ops.mul, whole, 0.5),
    "integers and an integer": (ops.add, whole, 1),
    "booleans": (ops.add, flags, flags),
    "mixed floats": (ops.mul, ten, double),
    "mixed kinds": (ops.mul, ten, whole),
    "sigmoid of integers": (ops.sigmoid, whole),
    "erf of integers": (ops.erf, whole),
    "power of integers": (ops.pow, whole, 2),
    "floor of integers": (ops.floor, whole),
    "comparison": (ops.lt, whole, 0.5),
    "choice": (ops.where, flags, 1.0, 0.0),
    "matrix product": (ops.linear, matrix, matrix),
    "matrix product of doubles": (ops.matmul, matrix, column),
    "affine": (ops.affine, matrix, matrix, tg.ones(3)),
    "an array": (ops.mul, ten, np.ones(10)),
    "memory seen outside": (ops.mul, tg.from_numpy(np.ones(10, np.float32)), ten),
    "half": (ops.exp, ten.half()),
    "complex": (ops.exp, single),
    "index": (first, ten),
    "an index of integers": (first, whole),
}


def count(f: Callable[..., Any], *args: Any) -> list[str]:
    """Return the names of the primitives whose forward functions run in ``f(*args)``."""
    calls.clear()
    f(*args)
    return list(calls)


def counts() -> dict[str, list[str]]:
    """Return what runs in each case, recorded, unrecorded, watched for anomalies and traced."""
    found = {name: count(*case) for name, case in CASES.items()}
    with tg.autograd.detect_anomaly():
        found |= {f"{name}, watched": count(*case) for name, case in CASES.items()}
    with tg.no_grad():
        found |= {f"{name}, unrecorded": count(*case) for name, case in CASES.items()}
    for name, case in CASES.items():
        if all(isinstance(argument, tg.Tensor) for argument in case[1:]):
            found[f"{name}, traced"] = count(Graph.trace, *case)
    return found


if __name__ == "__main__":
    print(json.dumps(counts()))
