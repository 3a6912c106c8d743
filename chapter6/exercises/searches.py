"""Checks of section 6.5: validation data, draws that are even in the exponent, and a range that is narrowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array

from .result import array, exercise

RANGES, DRAWS = ((1e-6, 1e-2), (1e-3, 10.0)), 4000
ROWS, SHARE = 50, 0.2


@exercise
def split(divide: Callable[[Any, Any, float, Any], Any]) -> Iterator[str]:
    """Check ``divide(x, t, share, rng)``, which returns the training x and t and the validation x and t."""
    x = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    t = x[:, 0].copy()  # sorted, and each label tells its image
    found = divide(x.copy(), t.copy(), SHARE, np.random.default_rng(0))
    parts = [array(part, "a part") for part in found]
    if len(parts) != 4:
        yield f"expected four arrays, x_train, t_train, x_valid, t_valid, found {len(parts)}"
    sizes = [len(part) for part in parts]
    many = round(ROWS * SHARE)
    if sizes == [many, many, ROWS - many, ROWS - many]:
        yield "the parts are the wrong way round: the training data come first"
    if sizes != [ROWS - many, ROWS - many, many, many]:
        yield f"of {ROWS} rows and a share of {SHARE} the parts have {sizes} rows, expected {ROWS - many} and {many}"
    for name, images, labels in (("training", parts[0], parts[1]), ("validation", parts[2], parts[3])):
        if not np.array_equal(images[:, 0], labels):
            yield f"{name}: the labels do not belong to their images any more: shuffle both with the same permutation"
    if set(parts[1]) & set(parts[3]):
        yield "some rows are in both parts: then validation tells nothing new"
    if np.array_equal(np.sort(parts[3]), t[-many:]) or np.array_equal(np.sort(parts[3]), t[:many]):
        yield "the rows are not shuffled before they are divided: these may be sorted by their labels"


@exercise
def draw(one: Callable[[Any, float, float], float]) -> Iterator[str]:
    """Check ``one(rng, low, high)``, which draws a number between `low` and `high`, even in the exponent."""
    for low, high in RANGES:
        rng = np.random.default_rng(0)
        with np.errstate(all="ignore"):
            found = array([array(one(rng, low, high), "what draw returns") for _ in range(DRAWS)], "what draw returns")
        wrong = _drawn(found, low, high)
        if wrong:
            yield f"from {low:g} to {high:g}: {wrong}"


def _drawn(found: Array, low: float, high: float) -> str:
    """Return what is wrong with draws from a range of four powers of ten."""
    outside = found[~((found >= low * (1 - 1e-9)) & (found <= high * (1 + 1e-9)))]
    last = float((found > high / 10).mean())
    if (found < 0).all():
        return f"{found[0]:.3g} is the exponent itself: return 10 ** exponent"
    if outside.size:
        why = "are log10 and a power of 10 paired, or both of e, and low and high used?"
        return f"{outside[0]:.3g} lies outside: {why}"
    if np.unique(found).size < DRAWS / 2:
        return "the same numbers come again: draw from the range, not from a few"
    if last > 0.8:
        return f"{last:.0%} of the draws come from the last power of ten: draw the exponent evenly, not the number"
    return "" if abs(last - 0.25) <= 0.04 else f"{last:.0%} of the draws come from the last power of ten, not a quarter"


@exercise
def narrow(range_of: Callable[[Any, int], Any]) -> Iterator[str]:
    """Check ``range_of(trials, keep)``: of pairs (value, accuracy), the range of the `keep` with the best accuracy."""
    trials = [(1e-6, 0.1), (3e-3, 0.8), (1e-5, 0.2), (8e-3, 0.9), (1e-2, 0.3), (1e-3, 0.7), (1e-4, 0.25)]
    ends = array(range_of(list(trials), 3), "what narrow returns")
    if ends.shape != (2,):
        yield f"expected two numbers, the lowest and the highest value, found {ends.tolist()}"
    found = float(ends[0]), float(ends[1])
    values = [value for value, _ in trials]
    wrong = {
        (1e-3, 8e-3): "",
        (8e-3, 1e-3): "the ends are the wrong way round: the lower first",
        (1e-6, 1e-4): "these are the worst: sort with the highest accuracy first",
        (3e-3, 1e-2): "these are the largest values: sort by the accuracy, which is second in a pair",
        (1e-6, 3e-3): "these are the first trials: sort by the accuracy",
        (min(values), max(values)): "this is the range of all trials: keep the best alone",
        (1e-5, 1e-4): "these are the worst but one: sort with the highest accuracy first",
    }
    told = wrong.get(found, f"the three best of {trials} lie between 0.001 and 0.008, found {found}")
    if told:
        yield told
