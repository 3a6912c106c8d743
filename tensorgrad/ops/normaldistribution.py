"""What is made of the error function's tail, of whole arrays of doubles: its scaled form, and the normal distribution.

The coefficients are a Chebyshev interpolant, which `tests/test_special_coefficients.py` makes anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errorfunction import DENSITY, bell, erf_near_zero, inverse_error_function, polynomial, tail


def _scaled_slope() -> Sequence[float]:
    """Return the coefficients of ``(2 / sqrt(pi) - 2 x erfcx(x)) (x + 3) ** 2`` by ``(x - 3) / (x + 3)``, of x > 0."""
    return (
        1.9574013602582234, -2.9472456205479705, 2.7020868570139913, -1.719980092751484, 0.7317749795600387,
        -0.15368890798166665, -0.029725350431365406, 0.02865897351393434, -0.0024437861652020798,
        -0.0038433931227578144, 0.0008487930975657969, 0.0005744241976004247, -0.00016536087647830451,
        -0.00010520547088631522, 2.6446919878255206e-05, 2.251939190505398e-05, -2.8656280494324558e-06,
        -5.0591799892025865e-06, -2.1370941529151713e-07, 1.067708382982006e-06, 2.578403233194497e-07,
        -1.8703611388354612e-07, -9.134263902314733e-08, 2.1993592417318407e-08, 1.9092760904168907e-08,
        -7.262228724003561e-10, -1.9259474112815726e-09, -1.442525118660717e-10,
    )  # fmt: skip


def scaled_tail(x: Any, unit: float = 1.0) -> Any:
    """Return ``exp(t * t) * erfc(t)`` of ``t = x / unit``, of x >= 0: far out the series by ``1 / t``.

    >>> [f"{y:.12g}" for y in scaled_tail(np.array([0.0, 2.0, 100.0])).tolist()]
    ['1', '0.255395676311', '0.00564161378299']
    """
    y = tail(np.clip(x, 0.0, 27.0 * unit), unit)
    far = x > 27.0 * unit
    if far.any():
        t = x[far] / unit
        series = 1.0, -0.5, 0.75, -1.875, 6.5625, -29.53125, 162.421875, -1055.7421875
        y[far] = polynomial(1.0 / (t * t), series) / (math.sqrt(math.pi) * t)
    return y


def scaled_complement(x: Any, n: int) -> Any:
    """Return the n-th derivative of ``exp(x * x) * erfc(x)``, its sign but for ``(-1) ** n`` that of all.

    They are integrals of erfc (Abramowitz and Stegun 7.2): of ``h[n] = 2 (n - 1) h[n - 2] - 2 x h[n - 1]`` the solution
    that vanishes for great n. On its left the recurrence is stable; on the right its ratios are a continued fraction.

    >>> [f"{y:.12g}" for y in scaled_complement(np.array([-1.0, 0.0, 30.0]), 1).tolist()]
    ['-11.1463393286', '-1.1283791671', '-0.000625835410507']
    """
    size = np.abs(x)
    y = scaled_tail(size)
    left = x < 0
    if left.any():
        y[left] = 2.0 * bell(np.clip(size[left], 0.0, 27.0), -0.5) ** 2 - y[left]
    if n == 0:
        return y
    inner = np.clip(size, 0.0, 1e150)
    first = polynomial((inner - 3.0) / (inner + 3.0), _scaled_slope())
    first /= (size + 3.0) * (size + 3.0)
    lower, upper = y, np.where(left, DENSITY - 2.0 * x * y, first)
    for m in range(2, n + 1):
        lower, upper = upper, _next_integral(x, m, lower, upper)
    upper *= (-1) ** n
    return upper


def _next_integral(x: Any, m: int, lower: Any, upper: Any) -> Any:
    """Return ``h[m]`` of ``h[m - 2], h[m - 1]``."""
    outer = np.clip(x, 1.0, 1e150)
    ratio = np.sqrt(outer * outer + 2.0 * (m + 160)) - outer
    for k in range(m + 160, m - 1, -1):
        ratio = 2.0 * k / (2.0 * outer + ratio)
    return np.where(x > 1, ratio * upper, 2.0 * (m - 1) * lower - 2.0 * x * upper)


def normal_share(x: Any) -> Any:
    """Return the share of the normal distribution below x, however small it is.

    >>> [f"{y:.12g}" for y in normal_share(np.array([0.0, 1.0, -30.0])).tolist()]
    ['0.5', '0.841344746069', '4.90671392715e-198']
    """
    size = np.clip(np.abs(x), 0.0, 38.7)  # beyond, it is 0
    y = bell(size, 0.5)
    y *= tail(size, math.sqrt(2), 0.5)
    right = x > 0
    y *= 1.0 - 2.0 * right
    y += right
    inner = np.clip(x, -0.7, 0.7)
    close = 0.5 + math.sqrt(0.125) * inner * polynomial(0.5 * inner * inner, erf_near_zero())
    close -= y
    close *= size < 0.7
    y += close
    return y


def log_normal_share(x: Any) -> Any:
    """Return the logarithm of the share of the normal distribution below x, where that is no number any more, too.

    >>> [f"{y:.12g}" for y in log_normal_share(np.array([0.0, 10.0, -30.0])).tolist()]
    ['-0.69314718056', '-7.61985302416e-24', '-454.321243956']
    """
    share = normal_share(-np.abs(x))
    y = np.log(share)
    right, far = x > 0, x < -1
    if right.any():
        y[right] = np.log1p(-share[right])
    if far.any():
        size = -x[far]
        y[far] = np.log(0.5 * scaled_tail(size, math.sqrt(2))) - 0.5 * size * size
    return y


def entropy_term(x: Any) -> Any:
    """Return ``-x * log(x)``, whose limit at 0 is 0.

    >>> entropy_term(np.array([1.0, 0.5])).tolist()
    [-0.0, 0.34657359027997264]
    """
    y = np.log(x)
    y *= -x
    y[x == 0] = 0.0
    y[x < 0] = -np.inf
    return y


def normal_quantile(x: Any) -> Any:
    """Return the number below which the share x of the normal distribution lies.

    In the tails, a rational approximation (Hastings 1955, Abramowitz and Stegun 26.2.23), then Halley's method.

    >>> [f"{y:.12g}" for y in normal_quantile(np.array([0.025, 0.5])).tolist()]
    ['-1.95996398454', '0']
    """
    y = math.sqrt(2) * inverse_error_function(2.0 * (np.clip(x, 0.2, 0.8) - 0.5))
    out = np.abs(x - 0.5) > 0.3
    if out.any():
        share = np.minimum(x[out], 1.0 - x[out])
        t = np.sqrt(-2.0 * np.log(share))
        z = polynomial(t, (2.515517, 0.802853, 0.010328)) / polynomial(t, (1.0, 1.432788, 0.189269, 0.001308)) - t
        for _ in range(2):
            step = (
                -np.expm1(np.log(share) - log_normal_share(z)) * scaled_tail(-z, math.sqrt(2)) * math.sqrt(math.pi / 2)
            )
            z -= step / (1.0 + 0.5 * z * step)
        z[share == 0] = -np.inf
        y[out] = np.copysign(z, x[out] - 0.5)
    return y
