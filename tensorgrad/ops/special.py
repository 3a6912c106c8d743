"""The error function and its inverse, the length of the hypotenuse, and what is left of a division cut off."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.engine.kinds import Op, elementwise
from tensorgrad.engine.primitive import JUMP, LIMIT, TIES, Kink
from tensorgrad.ops.arithmetic import BETWEEN, REAL, mul
from tensorgrad.ops.errorfunction import DENSITY, complement, computed, error_function, inverse_error_function
from tensorgrad.ops.transcendental import UNIT, exp


def _bell(x: Any) -> Any:
    """The derivative of erf."""
    return mul(DENSITY, exp(-x * x))


erf: Op = elementwise(
    "erf",
    lambda x: computed(error_function, x),
    lambda x: _bell(x),
    samples=[REAL],
    floating=True,
    doc="Return ``2 / sqrt(pi)`` times the integral of ``exp(-s * s)`` from 0 to `x`.",
)
erfc: Op = elementwise(
    "erfc",
    lambda x: computed(complement, x),
    lambda x: -_bell(x),
    samples=[REAL],
    floating=True,
    doc="Return ``1 - erf(x)``, accurate where that is small.",
)
erfinv: Op = elementwise(
    "erfinv",
    lambda x: computed(inverse_error_function, x),
    lambda y: 1 / _bell(y),
    samples=[UNIT],
    kinks=[Kink((-1.0,), (np.inf,), LIMIT), Kink((1.0,), (np.inf,), LIMIT)],
    floating=True,
    doc="Return the number whose `erf` is `x`, for x in [-1, 1].",
)


trunc: Op = elementwise(
    "trunc",
    np.trunc,
    0,
    samples=[BETWEEN],
    kinks=[Kink((1.0,), (0.0,), JUMP, beyond=TIES)],
    hides="any",
    doc="Return each element rounded towards zero.",
)
fmod: Op = elementwise(
    "fmod",
    np.fmod,
    1,
    lambda a, b: -trunc(a / b),
    symbol="fmod",
    samples=[(1.05, 1.95), (0.97, 1.03)],  # away from the jumps at multiples of b
    kinks=[Kink((2.0, 1.0), (1.0, -2.0), "a jump: the gradient of the piece that begins here", beyond=TIES)],
    doc="Return ``a - trunc(a / b) * b``, which has the sign of a.",
)
