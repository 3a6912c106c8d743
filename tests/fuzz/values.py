"""Leaves with awkward values: ties, zeros of both signs, equal eigenvalues, singular matrices, NaN, inf, empties."""

from __future__ import annotations

from random import Random

import numpy as np

SHAPES = [
    (),
    (1,),
    (2,),
    (3,),
    (4,),
    (2, 3),
    (3, 2),
    (3, 3),
    (2, 2),
    (1, 3),
    (2, 1),
    (3, 1),
    (2, 3, 2),
    (2, 2, 2),
    (1, 2, 3),
]
EMPTY = [(0,), (0, 3), (2, 0), (1, 0, 2)]

DTYPES = {
    "f": ["float64"] * 12 + ["float32"] * 4 + ["float16"] * 2,
    "i": ["int64"] * 6 + ["int32", "uint8", "int8", "int16"],
    "b": ["bool"],
}
KINDS = {"f": "f", "x": "ffffffffiib", "i": "i", "b": "b", "u": "f", "p": "f"}

SIMPLE = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0]
SPECIAL = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-9, 1e9, -1e4, 1e4, 60000.0]

# The mood of a program: "smooth" points, "simple" numbers with ties, or "awkward" ones: special values and empties too.


def shape_of(rng: Random, mood: str) -> tuple[int, ...]:
    return rng.choice(EMPTY if mood == "awkward" and rng.random() < 0.15 else SHAPES)


def broadcasting(rng: Random, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that meets `shape`: the same, or with axes missing or of length 1."""
    if rng.random() < 0.5:
        return shape
    kept = shape[rng.randint(0, len(shape)) :]
    return tuple(1 if rng.random() < 0.3 else n for n in kept)


def array_of(rng: Random, shape: tuple[int, ...], kind: str, dtype: str | None, mood: str) -> np.ndarray:
    """Values of the kind: "f" any float, "u" in [-1, 1], "p" positive, "i" small integers, "b" truth values."""
    size = int(np.prod(shape))
    family = rng.choice(KINDS[kind])
    dtype = dtype if dtype in DTYPES[family] else rng.choice(DTYPES[family])
    if family == "b":
        found = np.array([rng.random() < 0.5 for _ in range(size)], bool)
    elif family == "i":
        low = 0 if dtype == "uint8" else -3
        found = np.array([rng.randint(low, 5) for _ in range(size)])
    else:
        found = _floats(rng, size, kind, mood)
        if mood != "smooth" and len(shape) > 1 and shape[-1] == shape[-2] and rng.random() < 0.3:
            return _matrices(rng, found.reshape(shape)).astype(dtype)
    with np.errstate(over="ignore"):
        return found.reshape(shape).astype(dtype)


def _floats(rng: Random, size: int, kind: str, mood: str) -> np.ndarray:
    if mood == "smooth":
        low = {"u": -0.9, "p": 0.1}.get(kind, -2.0)
        return np.array([rng.uniform(low, 0.9 if kind == "u" else 2.0) for _ in range(size)])
    if kind == "u":
        return np.array(
            [rng.choice([-1.0, 1.0, 0.0]) if rng.random() < 0.1 else rng.uniform(-1, 1) for _ in range(size)]
        )
    if kind == "p":
        return np.array([rng.choice([1.0, 2.0]) if rng.random() < 0.2 else rng.uniform(0.1, 3) for _ in range(size)])
    if rng.random() < 0.35:
        found = [rng.choice(SIMPLE) for _ in range(size)]
    else:
        found = [round(rng.gauss(0, 1.2), 2) for _ in range(size)]
    if mood == "awkward" and size:
        for _ in range(rng.randint(0, 2)):
            found[rng.randrange(size)] = rng.choice(SPECIAL)
    return np.array(found, float)


def _matrices(rng: Random, found: np.ndarray) -> np.ndarray:
    """Matrices at which factorizations are awkward, or well placed."""
    unit = np.eye(found.shape[-1])
    symmetric = (found + np.swapaxes(found, -1, -2)) / 2
    return rng.choice(
        [
            symmetric,
            symmetric @ symmetric + unit,  # positive definite
            np.broadcast_to(rng.choice([1.0, 2.0, 0.0]) * unit, found.shape),  # equal eigenvalues
            found[..., :1] * np.ones(found.shape[-1]),  # of rank 1
            found + 4 * unit,  # far from singular
            unit * np.where(np.arange(found.shape[-1]) == 0, 3.0, 1.0) + 0 * found,  # two equal ones of three
        ]
    )
