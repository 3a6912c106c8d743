"""The check of section 6.2, a file of its own: initial weights whose spread fits what comes behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.random import manual_seed

from .result import array, exercise

N_IN, N_OUT = 400, 100
WITHIN = 0.03  # of the standard deviation: some eight times what chance does to 40,000 numbers


def _slips(wanted: float, activation: str) -> dict[str, float]:
    """Return the standard deviations that slips lead to."""
    xavier, he = 1 / math.sqrt(N_IN), math.sqrt(2 / N_IN)
    other = (
        {"this is Xavier's 1/sqrt(n): relu sets half of a sum to 0, so the variance must be twice that": xavier}
        if activation == "relu"
        else {"this is He's sqrt(2/n), which is for relu": he}
    )
    return other | {
        "the root is forgotten: n stands under a square root": wanted**2,
        "n must be the number of inputs of a unit, not of units: `n_in`": wanted * math.sqrt(N_IN / N_OUT),
        "this is PyTorch's Xavier, of inputs and outputs: the book's has the inputs alone": math.sqrt(
            2 / (N_IN + N_OUT)
        ),
        "the numbers are not scaled": 1.0,
        "0.01 is a number for every layer: the spread must depend on n": 0.01,
        "the factor is inverted: divide by sqrt(n)": wanted * N_IN,
    }


@exercise
def weights(make: Callable[[int, int, str], Any]) -> Iterator[str]:
    """Check ``make(n_in, n_out, activation)``, which returns weights (n_in, n_out) for "sigmoid", "tanh" or "relu"."""
    for activation, wanted in (
        ("sigmoid", 1 / math.sqrt(N_IN)),
        ("tanh", 1 / math.sqrt(N_IN)),
        ("relu", math.sqrt(2 / N_IN)),
    ):
        manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 - what a learner may draw from
        w = array(make(N_IN, N_OUT, activation), "what weights returns")
        if w.shape != (N_IN, N_OUT):
            yield f"{activation}: the shape is {w.shape}, expected (n_in, n_out) = {(N_IN, N_OUT)}"
        spread = float(w.std())
        if not spread:
            yield f"{activation}: all weights are equal: then all units learn the same"
        if abs(w.mean()) > 5 * spread / math.sqrt(w.size):
            yield f"{activation}: the mean is {w.mean():.2g} and not 0: was rand meant to be randn?"
        if abs(spread / wanted - 1) > WITHIN:
            named = [why for why, value in _slips(wanted, activation).items() if abs(spread / value - 1) <= WITHIN]
            why = named[0] if named else "see the table of the section"
            yield f"{activation}: the standard deviation is {spread:.4f}, expected {wanted:.4f}: {why}"
