"""Sums, differences, products, quotients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.kinds import Op, constant, elementwise

REAL = (-3.0, 3.0)
NONZERO = (0.3, 3.0)

add: Op = elementwise("add", np.add, 1, 1, symbol="+", samples=[REAL, REAL], doc="Return ``a + b``.")
sub: Op = elementwise("sub", np.subtract, 1, -1, symbol="−", samples=[REAL, REAL], doc="Return ``a - b``.")
neg: Op = elementwise("neg", np.negative, -1, symbol="−x", samples=[REAL], doc="Return ``-x``.")
contiguous: Op = elementwise(
    "contiguous", lambda x: x.copy(), 1, symbol="copy", samples=[REAL], doc="Return a copy in row-major order."
)
mul: Op = elementwise(
    "mul", np.multiply, lambda b: b, lambda a: a, symbol="*", samples=[REAL, REAL], doc="Return ``a * b``."
)
div: Op = elementwise(
    "div", np.divide, lambda b: 1 / b, lambda y, b: -y / b, symbol="/", samples=[REAL, NONZERO], doc="Return ``a / b``."
)
remainder: Op = elementwise(
    "remainder",
    np.remainder,
    1,
    lambda a, b: -floor_divide(a, b),
    symbol="mod",
    samples=[(1.05, 1.95), (0.97, 1.03)],  # away from the jumps at multiples of b
    doc="Return ``a - floor(a / b) * b``, which has the sign of b.",
)


@constant(symbol="//", samples=[REAL, NONZERO])
def floor_divide(a: Any, b: Any) -> Any:
    """Return ``floor(a / b)``."""
    return np.floor_divide(a, b)


@constant(symbol="sign", samples=[REAL])
def sign(x: Any) -> Any:
    """Return -1, 0 or 1 by the sign of each element."""
    return np.sign(x)


@constant(symbol="floor", samples=[REAL])
def floor(x: Any) -> Any:
    """Return the largest integer not above each element, as a float."""
    return np.floor(x)


@constant(symbol="ceil", samples=[REAL])
def ceil(x: Any) -> Any:
    """Return the smallest integer not below each element, as a float."""
    return np.ceil(x)


@constant(symbol="round", samples=[REAL])
def round(x: Any, *, decimals: Any = 0) -> Any:
    """Return each element rounded half to even at `decimals` places."""
    return np.round(x, decimals)
