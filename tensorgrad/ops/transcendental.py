"""Powers, exponentials, logarithms, trigonometric and hyperbolic functions."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
from numpy import inf, nan

from tensorgrad.engine.fused import sloped
from tensorgrad.engine.kinds import Op, elementwise
from tensorgrad.engine.primitive import LIMIT, TIES, Kink
from tensorgrad.ops.arithmetic import NONZERO, REAL
from tensorgrad.ops.lengths import direction, hypot
from tensorgrad.ops.selection import defined, where
from tensorgrad.ops.slopes import logistic

POSITIVE = (0.3, 3.0)
SMALL = (-1.5, 1.5)

FLAT = 3
"""Beyond this exponent b, as many derivatives of ``a ** b * log(a)`` by a are 0 at 0 as are ever asked for."""
UNIT = (-0.9, 0.9)
SHARES = "no limit: the shares depend on how a and b fall"


def _slope(a: Any, b: Any) -> Any:
    """``b * a ** (b - 1)``, 0 at a = 0 where b is 0."""
    if isinstance(b, int | float):
        return 2 * a if b == 2 else b * pow(a, b - 1) if b else 0.0
    return b * pow(where((a == 0) & (b == 0), 1.0, a), b - 1)


def _log_slope(y: Any, a: Any, b: Any) -> Any:
    """``y * log(a)``, 0 at a = 0 where b >= 0: the limit, which is not known to be flat where b is small."""
    if isinstance(a, int | float) and a:
        return y * (math.log(a) if a > 0 else nan if y.dtype.kind != "c" else cmath.log(a))
    if isinstance(a, int | float):
        a = where(b >= -inf, 0.0, b)  # in the dtype of b
    zero = (a == 0) & (b.real >= 0)
    flat = where(zero, 0.0, y * log(where(zero, 1.0, a)))
    if y.dtype.kind == "c":
        return flat
    return where(zero & (b <= FLAT), direction(a + b * (b == 0), 0.0 * y), flat)


def _inverse_root(x: Any) -> Any:
    return 1 / sqrt(x)


def _sigmoid(x: Any) -> Any:
    if x.dtype == np.float16:  # rounded once, as a ufunc does it
        return _sigmoid(x.astype(np.float32)).astype(x.dtype)
    if x.dtype.kind == "c":  # exp only of what is not positive: no overflow; the same without what is not analytic
        negative = x.real < 0
        return np.exp(np.where(negative, x, 0)) / (1 + np.exp(np.where(negative, x, -x)))
    return logistic(x, slope=False)[0]


def _log1p(x: Any) -> Any:
    if x.dtype.kind != "c":
        return np.log1p(x)
    # NumPy takes the logarithm of |1 + x|, in which a small x is rounded away; in double, squares of x are exact enough
    wide = x.astype(np.complex128)
    y, near = np.array(np.log1p(wide)), np.abs(wide) < 0.5
    small = np.where(near, wide, 0)
    y.real = np.where(near, 0.5 * np.log1p(small.real * (2 + small.real) + small.imag**2), y.real)
    return y.astype(x.dtype)


pow: Op = elementwise(
    "pow",
    lambda a, b: a**b,
    _slope,
    _log_slope,
    symbol="**",
    samples=[POSITIVE, SMALL],
    complex=True,
    doc="Return ``a ** b``.",
    kinks=[
        Kink(
            (0.0, 0.0), (0.0, 0.0), "by a: the gradient of the constant a ** 0; by b: that of 0 ** b, b > 0, continued"
        ),
        Kink((0.0, 0.5), (inf, 0.0), "by a: the limit; by b: the gradient of the constant 0 ** b"),
        Kink((0.0, 1.0), (1.0, 0.0), "the gradient exists: a ** 1 is a, 0 ** b is constant"),
        Kink((0.0, -1.0), (-inf, -inf), "the limit as a falls to +0"),
        Kink((-2.0, 3.0), (12.0, nan), "by a: the gradient; by b: a negative base has powers at whole b only"),
    ],
)
exp: Op = elementwise("exp", np.exp, lambda y: y, samples=[SMALL], complex=True, doc="Return ``e ** x``.")
expm1: Op = elementwise(
    "expm1", np.expm1, lambda x: exp(x), samples=[SMALL], complex=True, doc="Return ``e ** x - 1``, exact near 0."
)
exp2: Op = elementwise(
    "exp2", np.exp2, lambda y: math.log(2) * y, samples=[SMALL], complex=True, doc="Return ``2 ** x``."
)
log: Op = elementwise(
    "log",
    np.log,
    lambda x: 1 / defined(x, 0.0),
    samples=[POSITIVE],
    complex=True,
    doc="Return the natural logarithm of x > 0.",
    kinks=[Kink((0.0,), (inf,), LIMIT)],
)
log1p: Op = elementwise(
    "log1p",
    _log1p,
    lambda x: 1 / (defined(x, -1.0) + 1),
    samples=[UNIT],
    floating=True,
    complex=True,
    doc="Return ``log(1 + x)``, exact near 0.",
    kinks=[Kink((-1.0,), (inf,), LIMIT)],
)
log2: Op = elementwise(
    "log2",
    np.log2,
    lambda x: 1 / (math.log(2) * defined(x, 0.0)),
    samples=[POSITIVE],
    complex=True,
    doc="Return the logarithm to base 2.",
    kinks=[Kink((0.0,), (inf,), LIMIT)],
)
log10: Op = elementwise(
    "log10",
    np.log10,
    lambda x: 1 / (math.log(10) * defined(x, 0.0)),
    samples=[POSITIVE],
    complex=True,
    doc="Return the logarithm to base 10.",
    kinks=[Kink((0.0,), (inf,), LIMIT)],
)
sqrt: Op = elementwise(
    "sqrt",
    np.sqrt,
    lambda y: 0.5 / y,
    symbol="√",
    samples=[POSITIVE],
    complex=True,
    doc="Return the square root.",
    kinks=[Kink((0.0,), (inf,), LIMIT)],
)
sin: Op = elementwise(
    "sin", np.sin, lambda x: cos(x), samples=[REAL], complex=True, doc="Return the sine of x in radians."
)
cos: Op = elementwise(
    "cos", np.cos, lambda x: -sin(x), samples=[REAL], complex=True, doc="Return the cosine of x in radians."
)
tan: Op = elementwise(
    "tan", np.tan, lambda y: 1 + y * y, samples=[UNIT], complex=True, doc="Return the tangent of x in radians."
)
asin: Op = elementwise(
    "asin",
    np.arcsin,
    lambda x: _inverse_root(1 - x * x),
    samples=[UNIT],
    complex=True,
    doc="Return the arcsine.",
    kinks=[Kink((-1.0,), (inf,), LIMIT), Kink((1.0,), (inf,), LIMIT)],
)
acos: Op = elementwise(
    "acos",
    np.arccos,
    lambda x: -_inverse_root(1 - x * x),
    samples=[UNIT],
    complex=True,
    doc="Return the arccosine.",
    kinks=[Kink((-1.0,), (-inf,), LIMIT), Kink((1.0,), (-inf,), LIMIT)],
)
atan: Op = elementwise(
    "atan", np.arctan, lambda x: 1 / (1 + x * x), samples=[REAL], complex=True, doc="Return the arctangent."
)
sinh: Op = elementwise(
    "sinh", np.sinh, lambda x: cosh(x), samples=[SMALL], complex=True, doc="Return the hyperbolic sine."
)
cosh: Op = elementwise(
    "cosh", np.cosh, lambda x: sinh(x), samples=[SMALL], complex=True, doc="Return the hyperbolic cosine."
)
tanh: Op = elementwise(
    "tanh",
    np.tanh,
    lambda y: 1 - y * y,
    samples=[REAL],
    complex=True,
    doc="Return the hyperbolic tangent.",
    compiles=True,
)
asinh: Op = elementwise(
    "asinh",
    np.arcsinh,
    lambda x: 1 / hypot(x, 1.0) if x.dtype.kind == "f" else _inverse_root(x * x + 1),
    samples=[REAL],
    complex=True,
    doc="Return the inverse hyperbolic sine.",
)
acosh: Op = elementwise(
    "acosh",
    np.arccosh,
    lambda x: _inverse_root(x - 1) * _inverse_root(x + 1),
    samples=[(1.3, 4.0)],
    complex=True,
    doc="Return the inverse hyperbolic cosine of x >= 1.",
    kinks=[Kink((1.0,), (inf,), LIMIT)],
)
atanh: Op = elementwise(
    "atanh",
    np.arctanh,
    lambda x: 1 / (1 - defined(x, -1.0, 1.0) ** 2),
    samples=[UNIT],
    complex=True,
    doc="Return the inverse hyperbolic tangent.",
    kinks=[Kink((-1.0,), (inf,), LIMIT), Kink((1.0,), (inf,), LIMIT)],
)
sigmoid: Op = sloped(
    "sigmoid",
    elementwise(
        "sigmoid",
        _sigmoid,
        lambda y, x: y * sigmoid(-x),  # what 1 - y says of the tail on the right is lost in y
        symbol="σ",
        samples=[REAL],
        floating=True,
        complex=True,
        doc="Return ``1 / (1 + e ** -x)``, finite and accurate for any x.",
    ),
    logistic,
)
atan2: Op = elementwise(
    "atan2",
    np.arctan2,
    lambda a, b: b / hypot(a, b) / hypot(a, b),  # squares would leave the dtype
    lambda a, b: -a / hypot(a, b) / hypot(a, b),
    samples=[NONZERO, NONZERO],
    doc="Return the angle of the point (b, a) in (-pi, pi].",
    kinks=[
        Kink(
            (0.0, 0.0), (nan, nan), "no limit: the slopes depend on the direction; PyTorch answers 0", torch=(0.0, 0.0)
        ),
        Kink((0.0, -1.0), (-1.0, 0.0), "the value jumps by a full turn, the gradient is continuous", beyond=TIES),
    ],
)
logaddexp: Op = elementwise(
    "logaddexp",
    np.logaddexp,
    lambda a, b: sigmoid(a - b),  # and not of the sum, in which a difference may be lost
    lambda a, b: sigmoid(b - a),
    samples=[REAL, REAL],
    doc="Return ``log(e ** a + e ** b)`` without overflow.",
    kinks=[Kink((-inf, -inf), (nan, nan), SHARES)],
)
logaddexp2: Op = elementwise(
    "logaddexp2",
    np.logaddexp2,
    lambda a, b: sigmoid((a - b) * math.log(2)),
    lambda a, b: sigmoid((b - a) * math.log(2)),
    samples=[REAL, REAL],
    doc="Return ``log2(2 ** a + 2 ** b)`` without overflow.",
    kinks=[Kink((-inf, -inf), (nan, nan), SHARES)],
)
