"""What is told of the numbers in arrays: least, mean, greatest, norm; of all that a picture holds, in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.dtypes import Array, DType

JOINED = 4096
"""Numbers of an array, up to which it is joined with others: a pass of its own costs more than they do."""
FEW, SHORT = 6, 30  # so many numbers, in so many characters, stand in full


@remembered(16)
def rounding(dtype: DType) -> float:
    """Return how far 1 is from the next number of a dtype of floats."""
    return float(np.finfo(dtype).eps)


class Summary(NamedTuple):
    """The least and the greatest of an array's numbers, their sum and that of their squares, as float64.

    >>> Summary.of(np.array([1.0, 2.0, 6.0]))
    Summary(low=1.0, high=6.0, total=9.0, squares=41.0)
    """

    low: float
    high: float
    total: float
    squares: float

    @classmethod
    def of(cls, value: Array) -> Summary:
        """Return that of an array of real numbers, of which there is at least one."""
        low, high = float(np.minimum.reduce(value, None)), float(np.maximum.reduce(value, None))
        wide = value.astype(np.float64).ravel()
        return cls(low, high, float(wide.sum()), float(wide @ wide))

    @classmethod
    def of_all(cls, values: list[Array]) -> list[Summary]:
        """Return what `of` does of each, joined: most arrays are small, and a pass of its own costs more than they do.

        `python -m benchmarks --pictures` has what that saves: of statistics and norms, nine parts in ten.
        """
        if not values:
            return []
        joined = np.concatenate([value.ravel() for value in values], dtype=np.float64, casting="unsafe")
        starts = np.cumsum([0, *[value.size for value in values[:-1]]])
        found = [f.reduceat(joined, starts).tolist() for f in (np.minimum, np.maximum, np.add)]
        return list(map(cls, *found, np.add.reduceat(joined * joined, starts).tolist()))

    def mean(self, value: Array) -> float:
        """Return the mean of `value`, of which this is the summary.

        One that rounding alone keeps from zero is zero, and one that it keeps from a tie of the digits that are told
        is that tie: they would differ from machine to machine.
        """
        mean = self.total / value.size
        noise = 16 * rounding(value.dtype) * max(-self.low, self.high) if value.dtype.kind == "f" else 0.0
        return 0.0 if abs(mean) < noise else float(f"{mean:.12g}")


def largest(value: Array) -> float:
    """Return the size of the largest finite number; 0 where there are none.

    >>> largest(np.array([1.0, -3.0, np.inf])), largest(np.array([1, -3]))
    (3.0, 3.0)
    """
    if value.dtype.kind not in "fciub" or not value.size:
        return 0.0
    if value.dtype.kind == "f":  # most often all are finite: no copy is made of a large array
        size = max(float(value.max()), -float(value.min()))
        if math.isfinite(size):
            return size
    with np.errstate(all="ignore"):
        sizes = np.abs(value if value.dtype.kind in "fc" else value.astype(np.float64))
    return float(sizes[np.isfinite(sizes)].max(initial=0.0))


class Numbers:
    """What is told of arrays, of each once: a picture shows a value at its circle and at every arrow from there.

    >>> numbers = Numbers([np.array([1.0, 2.0, 6.0])])
    >>> numbers.statistics(np.array([0.1, 0.2, -0.3])), numbers.norm(np.array([3.0, 4.0j]))
    ('min -0.3, mean 0, max 0.2', '5')
    """

    def __init__(self, values: Iterable[Array | None] = ()) -> None:
        self._known: dict[int, tuple[Array, Summary]] = {}  # held, so that none of the others has its id
        self._told: dict[int, tuple[Array | None, str]] = {}
        self._finite = True
        self.add(values)

    def add(self, values: Iterable[Array | None]) -> None:
        """Take in several arrays in one pass."""
        several = {id(v): v for v in values if v is not None and v.dtype.kind in "biuf" and 0 < v.size <= JOINED}
        arrays = list(several.values())
        with np.errstate(all="ignore"):
            found = Summary.of_all(arrays)
        self._known |= {id(v): (v, summary) for v, summary in zip(arrays, found, strict=True)}
        self._finite &= math.isfinite(sum([summary.squares for summary in found]))

    def largest(self, value: Array) -> float:
        """Return the size of the largest finite number in `value`; 0 where there are none."""
        known = self._known.get(id(value))
        size = max(known[1].high, -known[1].low) if known is not None else math.inf
        return size if math.isfinite(size) else largest(value)

    def sound(self, values: Iterable[Array]) -> bool:
        """Return whether all `values` are finite; not where others that are known are not."""
        if not self._finite:
            return False
        others = [value for value in values if id(value) not in self._known and value.dtype.kind in "fc"]
        return all(np.isfinite(value).all() for value in others)

    def statistics(self, value: Array | None) -> str:
        """Return minimum, mean and maximum of `value`; the number itself where it is one; "" where nothing is known."""
        told = self._told.get(id(value))
        if told is None:
            told = self._told[id(value)] = value, self._statistics(value)
        return told[1]

    def _statistics(self, value: Array | None) -> str:
        if value is None or value.size == 0 or value.dtype.kind not in "biufc":
            return ""
        if value.dtype.kind == "c":
            return f"value {value.item():.4g}" if value.size == 1 else f"magnitudes: {self.statistics(np.abs(value))}"
        if value.size == 1:
            return f"value {float(value.item()) + 0.0:.4g}"  # zero has no sign
        known = self._summary(value)
        return f"min {known.low + 0.0:.4g}, mean {known.mean(value) + 0.0:.4g}, max {known.high + 0.0:.4g}"

    def norm(self, value: Array) -> str:
        """Return the Euclidean norm of all elements, in four digits."""
        real = value.size and value.dtype.kind in "biuf"
        return f"{math.sqrt(self._summary(value).squares) if real else norm(value):.4g}"

    def _summary(self, value: Array) -> Summary:
        known = self._known.get(id(value))
        if known is None:
            with np.errstate(all="ignore"):
                known = self._known[id(value)] = value, Summary.of(value)
        return known[1]


def norm(value: Array) -> float:
    """Return the Euclidean norm of all elements.

    >>> norm(np.array([3.0, 4.0j]))
    5.0
    """
    with np.errstate(all="ignore"):
        sizes = (np.abs(value) if value.dtype.kind == "c" else value).astype(np.float64).ravel()
        return math.sqrt(sizes @ sizes)


def brief(value: Array | None) -> str:
    """Return `value` as a label shows it: the number, a few in full, or mean ± standard deviation; zero has no sign.

    >>> brief(np.array(0.25)), brief(np.array([1.0, -0.0])), brief(np.arange(9.0))
    ('0.25', '[1, 0]', '4 ± 2.58')
    """
    if value is None or value.size == 0 or value.dtype.kind not in "biuf":
        return ""
    with np.errstate(all="ignore"):
        wide = value.astype(np.float64) + 0.0  # of which the sum with -0.0 is 0.0
        if wide.size == 1:
            return f"{wide.item():.4g}"
        full = _in_full(wide.tolist()) if wide.size <= FEW else ""
        return full if full and len(full) <= SHORT else f"{Summary.of(value).mean(value):.3g} ± {wide.std():.3g}"


def _in_full(numbers: list[Any] | float) -> str:
    return f"[{', '.join(map(_in_full, numbers))}]" if isinstance(numbers, list) else f"{numbers:.3g}"
