"""Random functions of NumPy arrays, each a list of steps that any arrays of the same kinds can be given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.base.watched import watched_by
from tensorgrad.program.contents import Program
from tensorgrad.program.recorder import Recording

BINARY = [
    np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.greater, np.less_equal, np.equal,
    np.logical_and, np.logical_or, np.arctan2, np.copysign, np.fmax, np.divide, np.not_equal, np.logical_xor, np.fmin,
    np.heaviside,
]  # fmt: skip
UNARY = [
    np.negative, np.absolute, np.square, np.sqrt, np.exp, np.tanh, np.sign, np.isnan, np.isfinite,
    np.floor, np.logical_not, np.positive, np.reciprocal, np.log1p, np.expm1, np.isinf, np.rint, np.sin,
]  # fmt: skip
FOLDS = [np.add, np.maximum, np.minimum, np.logical_or, np.logical_and, np.multiply]
SHAPES = [(), (1,), (5,), (4, 5), (1, 5), (4, 1), (3, 4, 5), (4, 300), (33, 5), (2, 1, 5), (700,)]


@dataclass
class Held:
    """What holds an array, as a tensor does."""

    array: Any


def same(array: Any) -> Any:
    """Return the array."""
    return array


def recorded(function: Callable[..., Any], arrays: list[Any]) -> Program:
    """Return the program of a function that returns new arrays."""
    recording = Recording()
    watched = [recording.fetched(a, i, "array", same) for i, a in enumerate(arrays)]
    with watched_by(recording), np.errstate(all="ignore"):
        results = function(*watched)
    assert not recording.breaks, recording.breaks
    recording.program.results = [recording.argument(r).number for r in results]
    return recording.program


def inputs(rng: np.random.Generator) -> list[Any]:
    """Return arrays of some shapes, dtypes and layouts."""
    found = []
    for _ in range(4):
        shape = SHAPES[rng.integers(len(SHAPES))]
        kind = rng.integers(6)
        x = rng.standard_normal(shape).astype("f8" if kind == 1 else "f4")
        if kind != 3 and rng.random() < 0.3:
            x.reshape(-1)[rng.integers(x.size)] = [np.nan, np.inf, -np.inf][rng.integers(3)]
        x = x > 0 if kind == 2 else (x * 10).astype(np.int64) if kind == 3 else x
        found.append(np.asfortranarray(x) if kind == 4 else np.ascontiguousarray(x))
    return found


def random_function(seed: int, steps: int) -> Callable[..., Any]:
    """Return a function that takes arrays as `inputs` makes them, chooses by `seed`, and may write to them."""

    def run(*arrays: Any) -> list[Any]:
        rng = np.random.default_rng(seed)
        pool = list(arrays)
        for _ in range(steps):
            step = STEPS[rng.integers(len(STEPS))]
            try:
                made = step(rng, pool)
            except (ValueError, TypeError, IndexError):
                made = None
            if made is not None and made.size <= 5000:
                pool.append(made)
        return [np.copy(x) for x in (*pool[-4:], pool[0])]

    return run


def _any(rng: np.random.Generator, pool: list[Any]) -> Any:
    return pool[-1 - int(rng.integers(min(len(pool), 6)))]


def _binary(rng: np.random.Generator, pool: list[Any]) -> Any:
    f, x, y = BINARY[rng.integers(len(BINARY))], _any(rng, pool), _any(rng, pool)
    y = [y, 2, 0.5, np.float32(3), True][rng.integers(5)] if rng.random() < 0.4 else y
    return f(x, y)


def _unary(rng: np.random.Generator, pool: list[Any]) -> Any:
    return UNARY[rng.integers(len(UNARY))](_any(rng, pool))


def _into(rng: np.random.Generator, pool: list[Any]) -> None:
    f, x, y, out = BINARY[rng.integers(5)], _any(rng, pool), _any(rng, pool), _any(rng, pool)
    if out.ndim:  # without axes NumPy answers a number, which cannot be written, and a tensor holds an array
        f(x, y, out=out)


def _fold(rng: np.random.Generator, pool: list[Any]) -> Any:
    x, f = _any(rng, pool), FOLDS[rng.integers(len(FOLDS))]
    axes = tuple(i for i in range(x.ndim) if rng.random() < 0.6)
    return f.reduce(x, axis=axes if rng.random() < 0.8 else None, keepdims=bool(rng.random() < 0.5))


def _view(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    kind = rng.integers(6)
    if x.ndim == 0:
        return None
    if kind == 0:
        return x.T
    if kind == 1:
        return x[None]
    if kind == 2:
        return x[..., ::-1]
    if kind == 3:
        return x[1:]
    return x[..., :-1] if kind == 4 else x[0] if x.ndim > 1 else x.reshape(-1, 1)


def _write(rng: np.random.Generator, pool: list[Any]) -> None:
    x, y = _any(rng, pool), _any(rng, pool)
    index = [..., slice(1, None), 0, (slice(None), 0), (..., slice(None, None, 2))][rng.integers(5)]
    value = y if rng.random() < 0.7 else 3
    if x.ndim:  # as in `_into`
        x[index] = value


def _copy(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    kind = rng.integers(4)
    if kind == 0:
        return x.astype(np.float64)
    if kind == 1:
        return x.astype(np.float32)
    return x.copy() if kind == 2 else np.where(_any(rng, pool) > 0, x, _any(rng, pool))


def _product(rng: np.random.Generator, pool: list[Any]) -> Any:
    x, y = _any(rng, pool), _any(rng, pool)
    return x @ (y if rng.random() < 0.5 else y.T) if x.dtype.kind == "f" and y.dtype.kind == "f" else None


def _found(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    if x.ndim != 2:
        return None
    n = 7
    rows, columns = (rng.integers(-size, size, n) for size in x.shape)
    if rng.random() < 0.5:
        return x[rows, columns]
    x[rows, columns] = 2
    return None


def _joined(rng: np.random.Generator, pool: list[Any]) -> Any:
    x, y = _any(rng, pool), _any(rng, pool)
    axis = int(rng.integers(-1, max(x.ndim, 1)))
    return (np.concatenate if rng.random() < 0.5 else np.stack)([x, y, x] if rng.random() < 0.5 else (y, x), axis=axis)


def _statistic(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    if not x.size:
        return None
    f = [np.mean, np.var, np.std][rng.integers(3)]
    axis = None if rng.random() < 0.3 or not x.ndim else int(rng.integers(-x.ndim, x.ndim))
    if rng.random() < 0.5:
        return getattr(x, f.__name__)(axis=axis)
    return f(x, axis=axis, keepdims=bool(rng.random() < 0.5))


def _along(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    if not x.ndim:
        return None
    axis = int(rng.integers(-x.ndim, x.ndim))
    f = [np.cumsum, np.cumprod, np.argmax, np.argmin, np.add.accumulate][rng.integers(5)]
    return f(x, axis=axis)


def _many(rng: np.random.Generator, pool: list[Any]) -> Any:
    x, y = _any(rng, pool), _any(rng, pool)
    if x.ndim < 2 or x.dtype.kind != "f":
        return None
    y = y.astype(x.dtype)
    kind = rng.integers(4)
    if kind == 0:
        return x[None] @ np.swapaxes(x[..., ::-1], -1, -2)
    if kind == 1:
        return np.outer(x[0].reshape(-1), y.reshape(-1)) if x[0].size * y.size < 5000 else None
    if kind == 2:
        return np.ldexp(x, np.frexp(y)[1] % 5) if x.shape == y.shape else np.trace(x)
    return np.stack([x, x]) @ x.T


def _taken(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    if not x.ndim:
        return None
    axis, kind = int(rng.integers(x.ndim)), rng.integers(5)
    if kind == 4:
        return x[tuple(np.asarray(pool[0].size % size) + np.argmax(x.reshape(-1)[:1]) for size in x.shape)]
    n, lead = x.shape[axis], [slice(None)] * axis
    index = rng.integers(-n, n, (3, 2)) + 0 * pool[0].astype(np.int64).reshape(-1)[:1]
    if kind == 0:
        return np.take(x, index, axis=axis)
    if kind == 1:
        return np.take_along_axis(x, np.argsort(rng.random(x.shape), axis), axis)
    return x[(*lead, index) if kind == 2 else (*lead, index[:, 0], *[slice(1, None)] * min(x.ndim - axis - 1, 1), None)]


def _put(rng: np.random.Generator, pool: list[Any]) -> None:
    x = _any(rng, pool)
    if not x.ndim:
        return
    axis = int(rng.integers(x.ndim))
    index = (*[slice(None)] * axis, rng.integers(-x.shape[axis], x.shape[axis], (3, 2)))
    if x.dtype.kind == "f" and rng.random() < 0.5:
        np.add.at(x, index, 1)
    else:
        x[index] = 2


def _arranged(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)
    return x.T.reshape(-1) if rng.random() < 0.5 else np.reshape(x[..., ::-1], (-1, 1))


def _masked(rng: np.random.Generator, pool: list[Any]) -> Any:
    x = _any(rng, pool)  # how many are chosen NumPy alone knows: it makes the array
    return x[x > 0] if x.ndim and x.dtype.kind == "f" else None


STEPS = [
    *[_binary] * 3, *[_unary, _into, _fold, _view] * 2, _write, _copy, _product, _found, _joined, _statistic, _along,
    _many, _taken, _put, _arranged,
]  # fmt: skip
