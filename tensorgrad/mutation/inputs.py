"""Inputs on which a fault may show: those of the tests, and such that the tests may lack.

Other values of the same shapes, ties, other lengths, layouts and dtypes; of each argument alone a gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

Kept = tuple[str, Any]  # what an argument is, and its value, as `noting` writes them
LARGEST = 4096  # numbers in one input
LIBRARIES = ("torch", "tensorgrad", "numpy")


@dataclass(frozen=True)
class Probe:
    """A call to be tried.

    Attributes:
        args, words: the arguments.
        family: a number for the shapes; what holds for random values of these holds for all.
        filling: how the values were made.
        layout: "C" or "F", of arguments and cotangents.
        alone: the place of the only argument that needs a gradient; None for all.
    """

    args: tuple[Kept, ...]
    words: dict[str, Kept]
    family: int
    filling: str
    layout: str = "C"
    alone: int | None = None

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(a.size for what, a in self.args if what in LIBRARIES)


def families(calls: list[dict[str, Any]], *, broadcast: bool) -> list[Probe]:
    """Return one probe of random values for each combination of shapes, the smaller first, made of recorded `calls`.

    `broadcast`: one axis of one argument may have another length than in the tests; otherwise equal lengths change
    together.
    """
    rng = np.random.default_rng(0)
    found: dict[Any, Probe] = {}
    for call in recorded_kinds(calls):
        args = call["args"]
        for shapes in (_shapes(args), *_renamed(args), *(_alone(args) if broadcast else ())):
            kept = [repr(v) if shape is None else shape for (_, v), shape in zip(args, shapes, strict=True)]
            key = (*kept, *map(repr, call["words"].items()))
            if key not in found:
                filled = tuple(_filled(args, shapes, "range", rng, []))
                found[key] = Probe(filled, call["words"], len(found), "range")
    return sorted((f for f in found.values() if f.size <= LARGEST), key=lambda f: f.size)


def recorded_kinds(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one call for each combination of shapes and other arguments; none that could not be kept as a whole."""
    kinds: dict[Any, dict[str, Any]] = {}
    for call in calls:
        if all(what != "unknown" for what, _ in (*call["args"], *call["words"].values())):
            kept = (*call["args"], *call["words"].values())
            kinds.setdefault(tuple(v.shape if w in LIBRARIES else repr(v) for w, v in kept), call)
    return list(kinds.values())


def as_recorded(calls: list[dict[str, Any]]) -> list[Probe]:
    """Return the calls of the tests themselves."""
    found = [Probe(tuple(call["args"]), call["words"], -1, "recorded") for call in recorded_kinds(calls)]
    return [probe for probe in found if probe.size <= LARGEST]


def of_family(base: Probe, limits: list[float]) -> Iterator[Probe]:
    """Yield what to try with the shapes of `base`: other values, ties at `limits`, layouts, dtypes."""
    rng = np.random.default_rng(base.family)
    shapes = _shapes(base.args)
    scalars = [float(v) for w, v in base.args if w == "value" and isinstance(v, int | float)]
    at = [c + d for c in (*limits, *scalars) for d in (0.0, 1.0, -1.0)]  # at each limit, and on both sides of it

    def made(filling: str, **fields: Any) -> Probe:
        return replace(base, args=tuple(_filled(base.args, shapes, filling, rng, at)), filling=filling, **fields)

    yield made("range")
    yield made("normal")
    yield made("ties")
    yield made("equal")
    if any(len(shape) > 1 for shape in shapes if shape is not None):
        yield made("range", layout="F")
        yield made("ties", layout="F")
    if scalars:
        yield made("other numbers")
    yield made("positive")
    yield made("narrow")
    places = [i for i, (w, v) in enumerate(base.args) if w in {"torch", "tensorgrad"} and v.dtype.kind in "fc"]
    for i in places if len(places) > 1 else ():
        yield made("range", alone=i)


def _shapes(args: Sequence[Kept]) -> list[Any]:
    return [value.shape if what in LIBRARIES else None for what, value in args]


def _filled(
    args: tuple[Kept, ...], shapes: list[Any], filling: str, rng: np.random.Generator, limits: list[float]
) -> Iterator[Kept]:
    for (what, value), shape in zip(args, shapes, strict=True):
        if what in LIBRARIES:
            yield what, _values(value, shape, filling, rng, limits)
        elif filling == "other numbers" and isinstance(value, float):
            yield what, value * 1.5 + 0.25
        else:
            yield what, value


def _values(old: Array, shape: tuple[int, ...], filling: str, rng: np.random.Generator, limits: list[float]) -> Array:
    """Return new values of `shape`; whole numbers stay among those that were there."""
    if old.dtype.kind not in "fc":
        known = old.ravel() if old.size else np.zeros(1, old.dtype)
        return rng.choice(known, shape)
    low, high = (float(old.real.min()), float(old.real.max())) if old.size else (0.5, 1.5)
    if not high > low:
        low, high = (low - 0.5, high + 0.5) if low <= 0.5 else (low / 2, low * 1.5)
    dtype = np.dtype(np.float32) if filling == "narrow" and old.dtype == np.float64 else old.dtype
    if filling == "normal":
        values = rng.standard_normal(shape)
    elif filling == "positive":
        values = rng.uniform(0.25, 2.0, shape)
    elif filling == "ties":
        values = rng.choice([0.0, 1.0, -1.0, *limits], shape)
    elif filling == "equal":
        values = np.full(shape, (low + high) / 2)
    else:
        values = rng.uniform(low, high, shape)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return np.asarray(values).astype(dtype)


def _renamed(args: tuple[Kept, ...]) -> Iterator[list[Any]]:
    """Yield shapes in which equal lengths stay equal: short ones, only ones, one of them 1 or 0."""
    shapes = _shapes(args)
    lengths = sorted({n for shape in shapes if shape for n in shape if n > 1})
    maps = [{n: i + 2 for i, n in enumerate(lengths)}, dict.fromkeys(lengths, 1)]
    maps += [{n: other} for n in lengths[:3] for other in (1, 0)]
    ones = {1: 2 + len(lengths)} if any(1 in shape for shape in shapes if shape) else {}
    for lookup in [m for m in (*maps, ones) if m]:
        yield [None if s is None else tuple([lookup.get(n, n) for n in s]) for s in shapes]


def _alone(args: tuple[Kept, ...]) -> Iterator[list[Any]]:
    """Yield shapes in which one axis of one argument has another length, or is not there."""
    shapes = _shapes(args)
    for i, shape in enumerate(shapes):
        for axis in range(len(shape or ())):
            for n in dict.fromkeys((2 if shape[axis] != 2 else 3, 1)):
                yield [*shapes[:i], (*shape[:axis], n, *shape[axis + 1 :]), *shapes[i + 1 :]]
        if shape:
            yield [*shapes[:i], shape[1:], *shapes[i + 1 :]]
