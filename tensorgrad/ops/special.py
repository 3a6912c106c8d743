"""The error function and its inverse, the length of the hypotenuse, and what is left of a division cut off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.watched import as_one
from tensorgrad.engine.kinds import Op, elementwise
from tensorgrad.engine.primitive import JUMP, LIMIT, TIES, Kink
from tensorgrad.ops.arithmetic import BETWEEN, REAL, mul
from tensorgrad.ops.transcendental import UNIT, exp

_DENSITY = 2 / math.sqrt(math.pi)


@as_one
def _of_each(function: Callable[[float], float], x: Any) -> Any:
    """`function` of each element: NumPy has no error function, Python's is right to the last place."""
    return np.asarray(np.frompyfunc(function, 1, 1)(x)).astype(x.dtype if x.dtype.kind == "f" else np.float64)


def inverse_error_function(x: float) -> float:
    """Return y with ``erf(y) = x``: an approximation good to 0.2 % (Winitzki 2008), then two steps of Halley's method.

    Beyond 1/2 the complement is compared, which keeps the relative accuracy of ``1 - x``.

    >>> inverse_error_function(0.5), inverse_error_function(1.0)
    (0.4769362762044699, inf)
    """
    z = abs(x)
    if not z < 1:
        return math.copysign(math.inf, x) if z == 1 else math.nan
    a = 0.147
    log = math.log1p(-z) + math.log1p(z)
    b = 2 / (math.pi * a) + log / 2
    y = math.sqrt(max(math.sqrt(b * b - log / a) - b, 0.0))
    for _ in range(2):
        error = math.erf(y) - z if z < 0.5 else (1 - z) - math.erfc(y)
        step = error / (_DENSITY * math.exp(-y * y))
        y -= step / (1 + y * step)
    return math.copysign(y, x)


def _bell(x: Any) -> Any:
    """The derivative of erf."""
    return mul(_DENSITY, exp(-x * x))


erf: Op = elementwise(
    "erf",
    lambda x: _of_each(math.erf, x),
    lambda x: _bell(x),
    samples=[REAL],
    floating=True,
    doc="Return ``2 / sqrt(pi)`` times the integral of ``exp(-s * s)`` from 0 to `x`.",
)
erfc: Op = elementwise(
    "erfc",
    lambda x: _of_each(math.erfc, x),
    lambda x: -_bell(x),
    samples=[REAL],
    floating=True,
    doc="Return ``1 - erf(x)``, accurate where that is small.",
)
erfinv: Op = elementwise(
    "erfinv",
    lambda x: _of_each(inverse_error_function, x),
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
