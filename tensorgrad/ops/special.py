"""Functions that NumPy does not have: normal distribution, gamma function, Bessel's; and a division cut off.

Most are computed in double and rounded once. Where the derivatives make a sequence, as those of digamma, the op has
its place in it as a parameter: each is computed by itself, and none is a difference of two large numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.engine.kinds import Op, elementwise
from tensorgrad.engine.primitive import CONCAVE, JUMP, LIMIT, TIES, Kink
from tensorgrad.ops.arithmetic import BETWEEN, REAL, mul, sign
from tensorgrad.ops.besselfunctions import bessel_first, bessel_scaled, bessel_unscaled, sinc_of
from tensorgrad.ops.errorfunction import (
    DENSITY,
    complement,
    computed,
    error_function,
    in_double,
    inverse_error_function,
)
from tensorgrad.ops.gammafunctions import digamma_of, log_gamma, polygamma_of
from tensorgrad.ops.normaldistribution import (
    entropy_term,
    log_normal_share,
    normal_quantile,
    normal_share,
    scaled_complement,
)
from tensorgrad.ops.selection import where
from tensorgrad.ops.transcendental import POSITIVE, UNIT, exp, log

SHARE = (0.05, 0.95)
FALLING = "the limit as x falls to +0"


def _bell(x: Any) -> Any:
    """The derivative of erf."""
    return mul(DENSITY, exp(-x * x))


def _density(x: Any) -> Any:
    """The density of the normal distribution."""
    return mul(math.sqrt(0.5 / math.pi), exp(-0.5 * x * x))


def _slope_of_log(x: Any) -> Any:
    """``density / ndtr``, in its tail, where both underflow, by `erfcx`, which would overflow on the other side."""
    right = x > 0
    tail = math.sqrt(2 / math.pi) / erfcx(where(right, 0.0, x) / -math.sqrt(2))
    inner = where(right, x, 0.0)
    return where(right, _density(inner) / ndtr(inner), tail)


erf: Op = elementwise(
    "erf",
    lambda x: computed(error_function, x),
    lambda x: _bell(x),
    samples=[REAL],
    floating=True,
    doc="Return ``2 / sqrt(pi)`` times the integral of ``exp(-s * s)`` from 0 to `x`.",
    compiles=True,
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
erfcx: Op = elementwise(
    "erfcx",
    lambda x, *, n=0: in_double(scaled_complement, x, n),
    lambda x, n: erfcx(x, n=n + 1),
    samples=[REAL],
    defaults={"n": 0},
    floating=True,
    doc="Return the `n`-th derivative of ``exp(x * x) * erfc(x)``, itself for n = 0.",
)
ndtr: Op = elementwise(
    "ndtr",
    lambda x: in_double(normal_share, x),
    lambda x: _density(x),
    symbol="Φ",
    samples=[REAL],
    floating=True,
    doc="Return the share of the normal distribution below `x`, ``erfc(-x / sqrt(2)) / 2``, accurate in its tail.",
)
log_ndtr: Op = elementwise(
    "log_ndtr",
    lambda x: in_double(log_normal_share, x),
    lambda x: _slope_of_log(x),
    symbol="logΦ",
    samples=[REAL],
    floating=True,
    doc="Return ``log(ndtr(x))``, where that underflows or is nearly 0, too.",
)
ndtri: Op = elementwise(
    "ndtri",
    lambda x: in_double(normal_quantile, x),
    lambda y: mul(math.sqrt(2 * math.pi), exp(0.5 * y * y)),
    samples=[SHARE],
    kinks=[Kink((0.0,), (np.inf,), LIMIT), Kink((1.0,), (np.inf,), LIMIT)],
    floating=True,
    doc="Return the number whose `ndtr` is `x`, for x in [0, 1].",
)
entr: Op = elementwise(
    "entr",
    lambda x: in_double(entropy_term, x),
    lambda x: -1.0 - log(x),
    samples=[POSITIVE],
    kinks=[Kink((0.0,), (np.inf,), LIMIT)],
    floating=True,
    doc="Return ``-x * log(x)``, 0 at 0, and -inf below.",
)


lgamma: Op = elementwise(
    "lgamma",
    lambda x: in_double(log_gamma, x),
    lambda x: digamma(x),
    symbol="lnΓ",
    samples=[POSITIVE],
    kinks=[Kink((0.0,), (-np.inf,), FALLING)],
    floating=True,
    doc="Return the logarithm of the absolute value of the gamma function.",
)
digamma: Op = elementwise(
    "digamma",
    lambda x: in_double(digamma_of, x),
    lambda x: polygamma(x, n=1),
    symbol="ψ",
    samples=[POSITIVE],
    kinks=[Kink((0.0,), (np.inf,), FALLING)],
    floating=True,
    doc="Return the derivative of `lgamma`.",
)
polygamma: Op = elementwise(
    "polygamma",
    lambda x, *, n=1: in_double(polygamma_of, x, n),
    lambda x, n: polygamma(x, n=n + 1),
    symbol="ψ′",
    samples=[POSITIVE],
    defaults={"n": 1},
    kinks=[Kink((0.0,), (-np.inf,), FALLING, {"n": 1})],
    floating=True,
    doc="Return the `n`-th derivative of `digamma`, n at least 1.",
)


i0: Op = elementwise(
    "i0",
    lambda x: in_double(bessel_unscaled, x, 0),
    lambda x: i1(x),
    samples=[REAL],
    floating=True,
    doc="Return the modified Bessel function of the first kind and order 0.",
)
i1: Op = elementwise(
    "i1",
    lambda x: in_double(bessel_first, x, False),
    lambda x: i0(x) - bessel(x, n=1),
    samples=[REAL],
    floating=True,
    doc="Return the modified Bessel function of the first kind and order 1.",
)
i0e: Op = elementwise(
    "i0e",
    lambda x: in_double(bessel_scaled, x, 0),
    lambda y, x: i1e(x) - sign(x) * y,
    samples=[REAL],
    kinks=[Kink((0.0,), (0.0,), CONCAVE, beyond=TIES)],
    floating=True,
    doc="Return ``exp(-abs(x)) * i0(x)``.",
)
i1e: Op = elementwise(
    "i1e",
    lambda x: in_double(bessel_first, x, True),
    lambda y, x: i0e(x) - bessel(x, n=1, scaled=True) - sign(x) * y,
    samples=[REAL],
    kinks=[Kink((0.0,), (0.5,), "the gradient exists; the second has a jump", beyond=TIES)],
    floating=True,
    doc="Return ``exp(-abs(x)) * i1(x)``.",
)
bessel: Op = elementwise(
    "bessel",
    lambda x, *, n=1, scaled=False: in_double(bessel_scaled if scaled else bessel_unscaled, x, n),
    lambda y, x, n, scaled: x * bessel(x, n=n + 1, scaled=scaled) - (sign(x) * y if scaled else 0.0),
    symbol="Iₙ/xⁿ",
    samples=[REAL],
    defaults={"n": 1, "scaled": False},
    kinks=[Kink((0.0,), (0.0,), CONCAVE, {"scaled": True}, torch="has no such function", beyond=TIES)],
    floating=True,
    doc="Return ``I_n(x) / x ** n``, of Bessel's modified function; times ``exp(-abs(x))`` if `scaled`.",
)
sinc: Op = elementwise(
    "sinc",
    lambda x, *, n=0: in_double(sinc_of, x, n),
    lambda x, n: sinc(x, n=n + 1),
    samples=[REAL],
    defaults={"n": 0},
    floating=True,
    doc="Return the `n`-th derivative of ``sin(pi * x) / (pi * x)``, which is 1 at 0, itself for n = 0.",
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
