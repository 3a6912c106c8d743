"""Modified Bessel functions of the first kind, and the sine over its angle, of whole arrays of doubles.

``I_n(x) / x ** n`` is even and has no pole: its derivative is x times that of n + 1. So is it multiplied by
``exp(-|x|)``, which never overflows: a Chebyshev interpolant each for n = 0 and 1, which
`tests/test_special_coefficients.py` makes anew; further ones, of second and higher derivatives, are sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errorfunction import polynomial


def _bessel_near(n: int) -> Sequence[float]:
    """Return the coefficients of ``I_n(x) / x ** n`` by ``x * x / 4``, for x from 0 to 8."""
    return (
        0.5, 0.25, 0.04166666666666667, 0.0034722222222222164, 0.0001736111111111183, 5.787037037031587e-06,
        1.3778659612264924e-07, 2.460474929770153e-09, 3.417326316154766e-11, 3.7970287838556324e-13,
        3.451850596478968e-15, 2.61497440972266e-17, 1.6767521603667608e-19, 9.185784328456186e-22,
        4.481903304500602e-24, 1.5795348772797387e-26, 1.0451756649154198e-28,
    ) if n else (
        1.0, 1.0, 0.2500000000000001, 0.027777777777777565, 0.0017361111111113758, 6.944444444424399e-05,
        1.9290123457790406e-06, 3.936759885673581e-08, 6.151187413177668e-10, 7.594056846699174e-12,
        7.594079950279469e-14, 6.275862820937522e-16, 4.3600362269175774e-18, 2.5698743857514957e-20,
        1.35095827969477e-22, 4.940670282542572e-25, 3.6454386812677436e-27,
    )  # fmt: skip


def _bessel_far(n: int) -> Sequence[float]:
    """Return those of ``exp(-x) * sqrt(x) * I_n(x)`` by ``1 - 16 / x``, from 8 on."""
    return (
        0.38939845902587233, 0.009749577193235765, -0.00021923576383137776, 1.5038547198221758e-05,
        -1.8349102493990178e-06, 3.4838563464253135e-07, -1.0001075046243961e-07, 4.3128498031006734e-08,
        -2.3394122958362557e-08, 8.432168972932417e-09, 6.84757829926934e-09, -1.4051746928735543e-08,
        5.5720183980930355e-09, 7.687251308765992e-09, -6.9444186339873875e-09, -3.501765193290176e-09,
        4.763780078020254e-09, 1.5218214060680734e-09, -2.2624401109204446e-09, -5.870664618471487e-10,
        6.7727478454462e-10, 1.6283264322621244e-10, -9.491890392992048e-11, -2.2421768596847442e-11,
    ) if n else (
        0.4021765094450081, -0.0033605519836678913, 0.00013621607438951463, -1.114303378845176e-05,
        1.4838476780922646e-06, -2.9735992084667734e-07, 8.872014585661555e-08, -3.932512321137824e-08,
        2.156780676115673e-08, -7.559364098665437e-09, -6.856484545962442e-09, 1.3427511481900905e-08,
        -5.0175940345046716e-09, -7.600254486433509e-09, 6.522264862032271e-09, 3.5862834111582305e-09,
        -4.5305710768621196e-09, -1.6084886155781772e-09, 2.163681278413876e-09, 6.327909921997027e-10,
        -6.494591114401118e-10, -1.7698085539456536e-10, 9.114760157514253e-11, 2.4421972688131832e-11,
    )  # fmt: skip


def bessel_scaled(x: Any, n: int) -> Any:
    """Return ``exp(-|x|) * I_n(x) / x ** n``.

    >>> [f"{y:.12g}" for y in bessel_scaled(np.array([0.0, 2.0, np.inf]), 0).tolist()]
    ['1', '0.308508322554', '0']
    """
    size = np.abs(x)
    if n > 1:
        return _bessel_higher(size, n)
    inner, outer = np.clip(size, 0.0, 8.0), np.clip(size, 8.0, np.inf)
    y = polynomial(1.0 - 16.0 / outer, _bessel_far(n))
    y /= np.sqrt(outer) * outer**n
    close = polynomial(0.25 * inner * inner, _bessel_near(n))
    close *= np.exp(-inner)
    near = size < 8.0
    y *= ~near
    y += close * near
    return y


def _bessel_higher(size: Any, n: int) -> Any:
    """Return that of n > 1: the power series, whose terms are all positive, and the recurrence where x > n * n."""
    bound = max(30.0, 1.0 * n * n)
    inner, outer = np.clip(size, 0.0, bound), np.clip(size, bound, np.inf)
    square = 0.25 * inner * inner
    term = np.exp(-inner) / (2.0**n * math.factorial(n))
    y = term.copy()
    for k in range(1, int(bound) + 60):
        term *= square
        term /= k * (n + k)
        y += term
    lower, upper = bessel_scaled(outer, 0), np.clip(outer, 0.0, 1e300) * bessel_scaled(outer, 1)
    for k in range(1, n):
        lower, upper = upper, lower - 2.0 * k / outer * upper
    upper /= outer**n
    return np.where(size > bound, upper, np.where(size <= bound, y, np.nan))


def bessel_unscaled(x: Any, n: int) -> Any:
    """Return ``I_n(x) / x ** n``.

    >>> [f"{y:.12g}" for y in bessel_unscaled(np.array([0.0, -2.0]), 0).tolist()]
    ['1', '2.27958530234']
    """
    size = np.clip(np.abs(x), 0.0, 800.0)  # beyond, it is infinite
    root = np.exp(0.5 * size)
    y = bessel_scaled(size, n)
    y *= root
    y *= root
    if n < 2:
        near = size < 8.0
        inner = np.clip(size, 0.0, 8.0)
        y *= ~near
        y += polynomial(0.25 * inner * inner, _bessel_near(n)) * near
    return y


def bessel_first(x: Any, scaled: bool) -> Any:
    """Return ``I_1(x)``, with the factor ``exp(-|x|)`` if it is scaled.

    >>> [f"{y:.12g}" for y in bessel_first(np.array([-2.0, 1e300]), scaled=True).tolist()]
    ['-0.215269289249', '3.98942280401e-151']
    """
    end = 1e100 if scaled else 800.0
    inner = np.clip(x, -end, end)
    y = (bessel_scaled if scaled else bessel_unscaled)(inner, 1)
    y *= inner
    # of numbers so large the two orders are the same, and a quotient by x may have no place in the dtype
    return np.where(np.abs(x) > end, np.copysign(bessel_scaled(x, 0), x), y) if scaled else y


def sinc_of(x: Any, n: int) -> Any:
    """Return the n-th derivative of ``sin(pi * x) / (pi * x)``: the power series near 0, further out a recurrence.

    Of ``z = pi * x``, the m-th by z is (the m-th of sin, less m times the one before) over z.

    >>> [f"{y:.12g}" for y in sinc_of(np.array([0.0, 0.5, 3.0]), 0).tolist()]
    ['1', '0.636619772368', '0']
    """
    near = np.abs(x) * math.pi < n
    nearest = np.rint(x)
    angle = math.pi * (x - nearest)
    sign = 1.0 - 2.0 * np.abs(nearest - 2.0 * np.rint(0.5 * nearest))
    z = math.pi * np.where(near | (x == 0), 1.0, x)
    y = sign * np.sin(angle) / z + 0.0  # no zero is negative
    for m in range(1, n + 1):
        y *= -m
        y += sign * (np.cos if m % 2 else np.sin)(angle) * (-1.0) ** (m // 2)
        y /= z
    if near.any():
        z = math.pi * np.where(near, x, 0.0)
        start = (n + 1) // 2
        term = (-1.0) ** start / math.factorial(2 * start - n) * z ** (2 * start - n)
        series = term / (2 * start + 1)
        for k in range(start + 1, start + 15 + 2 * n):
            term *= -z * z / ((2 * k - n - 1) * (2 * k - n))
            series += term / (2 * k + 1)
        y = np.where(near, series, y)
    y *= math.pi**n
    y[x == 0] = ((-1.0) ** (n // 2) / (n + 1) if n % 2 == 0 else 0.0) * math.pi**n
    return y
