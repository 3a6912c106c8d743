"""Sums, differences, products, quotients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import inf, nan

from tensorgrad.engine.kinds import Op, elementwise
from tensorgrad.engine.primitive import JUMP, TIES, Kink

REAL = (-3.0, 3.0)
NONZERO = (0.3, 3.0)
BETWEEN = (1.55, 1.95)  # no whole number or half, where others jump, is near


def _inverse(b: Any) -> Any:
    """``1 / b``, infinite at 0 also where Python refuses to divide: ``x / 0.0``."""
    try:
        return 1 / b
    except ZeroDivisionError:
        return nan if isinstance(b, complex) else math.copysign(inf, b)


def _rounded(x: Any, *, decimals: Any = 0) -> Any:
    single = decimals and x.dtype == np.float16  # ten times a number may have no place in half precision
    return np.round(x.astype(np.float32), decimals).astype(x.dtype) if single else np.round(x, decimals)


add: Op = elementwise("add", np.add, 1, 1, symbol="+", samples=[REAL, REAL], complex=True, doc="Return ``a + b``.")
sub: Op = elementwise(
    "sub", np.subtract, 1, -1, symbol="−", samples=[REAL, REAL], complex=True, doc="Return ``a - b``."
)
neg: Op = elementwise("neg", np.negative, -1, symbol="−x", samples=[REAL], complex=True, doc="Return ``-x``.")
contiguous: Op = elementwise(
    "contiguous",
    lambda x: x.copy(),
    1,
    symbol="copy",
    samples=[REAL],
    complex=True,
    doc="Return a copy in row-major order.",
)
mul: Op = elementwise(
    "mul",
    np.multiply,
    lambda b: b,
    lambda a: a,
    symbol="*",
    samples=[REAL, REAL],
    complex=True,
    doc="Return ``a * b``.",
)
div: Op = elementwise(
    "div",
    np.divide,
    _inverse,
    lambda y, b: -y / b,
    symbol="/",
    samples=[REAL, NONZERO],
    complex=True,
    doc="Return ``a / b``.",
    kinks=[
        Kink((1.0, 0.0), (inf, -inf), "the limit as b falls to +0; at -0 the signs are the other way round"),
        Kink((0.0, 0.0), (inf, nan), "by a: the limit as b falls to +0; by b: 0 / 0 has no value"),
    ],
)
remainder: Op = elementwise(
    "remainder",
    np.remainder,
    1,
    lambda a, b: -floor_divide(a, b),
    symbol="mod",
    samples=[(1.05, 1.95), (0.97, 1.03)],  # away from the jumps at multiples of b
    doc="Return ``a - floor(a / b) * b``, which has the sign of b.",
    kinks=[Kink((2.0, 1.0), (1.0, -2.0), "a jump: the gradient of the piece that begins here", beyond=TIES)],
)


floor_divide: Op = elementwise(
    "floor_divide",
    np.floor_divide,
    0,
    0,
    symbol="//",
    samples=[(1.05, 1.95), (0.97, 1.03)],
    kinks=[Kink((2.0, 1.0), (0.0, 0.0), JUMP, torch="refuses", beyond=TIES)],
    hides="any",
    doc="Return ``floor(a / b)``.",
)
sign: Op = elementwise(
    "sign",
    lambda x: x.copy() if x.dtype == np.bool_ else np.sign(x),  # for booleans NumPy has none
    0,
    samples=[NONZERO],
    kinks=[Kink((0.0,), (0.0,), JUMP, beyond=TIES)],
    hides="any",
    doc="Return -1, 0 or 1 by the sign of each element.",
)
floor: Op = elementwise(
    "floor",
    np.floor,
    0,
    samples=[BETWEEN],
    kinks=[Kink((1.0,), (0.0,), JUMP, beyond=TIES)],
    hides="any",
    doc="Return the largest integer not above each element; of floats as a float.",
)
ceil: Op = elementwise(
    "ceil",
    np.ceil,
    0,
    samples=[BETWEEN],
    kinks=[Kink((1.0,), (0.0,), JUMP, beyond=TIES)],
    hides="any",
    doc="Return the smallest integer not below each element; of floats as a float.",
)
round: Op = elementwise(
    "round",
    _rounded,
    0,
    samples=[BETWEEN],
    defaults={"decimals": 0},
    kinks=[Kink((0.5,), (0.0,), JUMP, beyond=TIES)],
    hides="any",
    doc="Return each element rounded half to even at `decimals` places.",
)
