"""The gamma function's logarithm and its derivatives, of whole arrays of doubles: NumPy has none.

To the right of 1/2 each is a polynomial near its zeros and Stirling's series, joined by arithmetic, elsewhere Euler's
reflection. The coefficients are Chebyshev interpolants, which `tests/test_special_coefficients.py` makes anew. SciPy
has these functions, but is larger than NumPy itself, to install and to import, and gives no derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errorfunction import polynomial


def _log_gamma_near_zeros() -> Sequence[float]:
    """Return the coefficients of ``lgamma(x) / ((x - 1) (x - 2))`` by ``(x - 1.3125) / (x + 1)``, from 1/2 to 7/2."""
    return (
        0.5129377501958122, -0.4009032623135467, 0.05261127809785874, -0.08878756794609563, 0.017240988924968354,
        -0.034730023796441446, 0.005362245277002381, -0.0164671276974508, 0.0010304799111642156, -0.00879481513725275,
        -0.0005614456441986993, -0.005156214183716912, -0.0010831533602683628, -0.0032725151071186175,
        -0.0011932985142473801, -0.0022584005978996077, -0.0010569627428073324, -0.0014497054623738381,
        -0.0012247323389853585, -0.0019009389166578408, -0.000467880984994545, 0.0007032002119641076,
        -0.0008627540369262935, -0.0029436736398942625, -0.001479468012941724,
    )  # fmt: skip


def _log_gamma_far_out() -> Sequence[float]:
    """Return those of x times what Stirling's formula leaves of lgamma by ``1 - 7 / x``, from 7/2 on."""
    return (
        0.0832769696212424, 0.00011208573578033993, -5.4778123292454056e-05, -1.228462381874611e-06,
        2.636475040668617e-07, 2.3592711578544376e-08, -2.06754094571614e-09, -6.141051569554558e-10,
        -1.5572983520551177e-11, 1.6377734696930727e-11, 3.010813223012243e-12, -2.365682068007865e-13,
        -1.636041218573921e-13,
    )  # fmt: skip


def _digamma_near_zero() -> Sequence[float]:
    """Return those of ``digamma(x) / (x - x0)`` by ``(x - 1) / (x + 0.75)``, from 1/2 to 2; x0 is its zero."""
    return (
        1.2503801375034054, -1.4957133810531247, 0.8087207028346292, -0.7163368401854736, 0.4789998446303635,
        -0.39653221266793515, 0.27134204965784264, -0.22274529632202814, 0.15227181559850717, -0.1259276890853885,
        0.08491997920386407, -0.07159441009384679, 0.04701927168057694, -0.04085984931666512, 0.02597208032195738,
        -0.024400000979258842, 0.012997987232612368, -0.010483641757160843, 0.010450840581825183,
        -0.015678995211539124,
    )  # fmt: skip


def _digamma_far_out() -> Sequence[float]:
    """Return those of ``x (log(x) - digamma(x))`` by ``1 - 4 / x``, from 2 on."""
    return (
        0.5207067707523606, -0.020460521041484745, -0.0003563809916658129, 9.85213442728283e-05,
        1.3013672237442828e-05, -7.7461232507991e-07, -5.728806969338383e-07, -8.014298569795125e-08,
        1.3268265747300243e-08, 9.232284432144559e-09, 1.9045481922138612e-09, -1.5479994761728888e-10,
        -2.5957546672382124e-10, -9.793798054089733e-11, -8.306780552864258e-12, 1.1498019018230055e-11,
        4.3112059283821814e-12,
    )  # fmt: skip


def log_gamma(x: Any) -> Any:
    """Return ``log(abs(gamma(x)))``, infinite at the poles 0, -1, -2, ...

    >>> [f"{y:.12g}" for y in log_gamma(np.array([1.0, 10.0, -0.5])).tolist()]
    ['0', '12.8018274801', '1.26551212348']
    """
    right = np.abs(x - 0.5) + 0.5  # x, or 1 - x
    inner, outer = np.clip(right, 0.5, 3.5), np.clip(right, 3.5, np.inf)
    close = polynomial((inner - 1.3125) / (inner + 1.0), _log_gamma_near_zeros())
    close *= (inner - 1.0) * (inner - 2.0)
    y = polynomial(1.0 - 7.0 / outer, _log_gamma_far_out())
    y /= outer
    y += 0.5 * math.log(2 * math.pi) - 0.5
    y += (outer - 0.5) * (np.log(outer) - 1.0)
    near = right < 3.5
    y *= ~near
    y += close * near
    left = x < 0.5
    if left.any():
        z = x[left]
        part = z - np.rint(z)
        reflected = -np.log(np.abs(np.sin(math.pi * part)) / math.pi) - y[left]
        reflected[z == np.rint(z)] = np.inf
        y[left] = reflected
    return y


def digamma_of(x: Any) -> Any:
    """Return the slope of `log_gamma`: at -1, -2, ... there is none; at 0, it is that of the side that the sign says.

    >>> [f"{y:.12g}" for y in digamma_of(np.array([1.0, -0.5])).tolist()]
    ['-0.577215664902', '0.0364899739786']
    """
    right = np.abs(x - 0.5) + 0.5  # x, or 1 - x
    inner, outer = np.clip(right, 0.5, 2.0), np.clip(right, 2.0, np.inf)
    close = polynomial((inner - 1.0) / (inner + 0.75), _digamma_near_zero())
    close *= (inner - 1.4616321449683622) - 9.549995429965697e-17  # the zero, in two parts
    y = np.log(outer) - polynomial(1.0 - 4.0 / outer, _digamma_far_out()) / outer
    near = right < 2.0
    y *= ~near
    y += close * near
    left = x < 0.5
    if left.any():
        z = x[left]
        reflected = y[left] - math.pi / np.tan(math.pi * (z - np.rint(z)))
        reflected[z == np.rint(z)] = np.nan
        zero = z == 0
        reflected[zero] = np.copysign(np.inf, -z[zero])
        y[left] = reflected
    return y


def powers_summed(q: Any, s: int, unit: float) -> Any:
    """Return the sum of ``((q + k) / unit) ** -s`` over k = 0, 1, ... of q > 0, by Euler's and Maclaurin's formula.

    >>> float(powers_summed(np.array([1.0]), 2, 1.0)[0] * 6 / math.pi**2)
    1.0
    """
    steps = 10 + s // 2
    count = np.ceil(np.clip(steps - q, 0.0, steps))  # none where q is large: what is rounded in q + k, s multiplies
    far = q + count
    rising, rest = 1.0, []
    inverse = (6, -30, 42, -30, 66 / 5, -2730 / 691, 6 / 7, -510 / 3617, 798 / 43867, -330 / 174611)
    for j, b in enumerate(inverse, start=1):  # of Bernoulli's numbers
        rising *= (s + 2 * j - 3) * (s + 2 * j - 2) / ((2 * j - 1) * 2 * j) if j > 1 else s / 2
        rest.append(rising / b)
    y = polynomial(1.0 / (far * far), rest)
    y /= far
    y += 0.5
    y /= far
    y += 1 / (s - 1)
    y *= unit * (far / unit) ** (1 - s)
    for k in range(steps - 1, -1, -1):
        y += ((q + k) / unit) ** -s * (k < count)
    return y


def polygamma_of(x: Any, n: int) -> Any:
    """Return the n-th derivative of `digamma_of`, n at least 1: ``(-1) ** (n + 1) * n! * sum((x + k) ** -(n + 1))``.

    Powers and factorials may have no place in double, where their product does: a power of two goes from one to the
    other. Of x < 1/2, the sum runs to both sides of the nearest pole.

    >>> [f"{y:.12g}" for y in polygamma_of(np.array([1.0, -0.5]), 1).tolist()]
    ['1.64493406685', '8.93480220054']
    """
    s, factorial = n + 1, math.factorial(n)
    power = round(math.lgamma(s) / s / math.log(2))
    unit, scale = 2.0**power, (-1) ** s * (factorial / 2 ** (power * s))
    left = x < 0.5
    y = powers_summed(np.where(left, 0.5, x), s, unit)
    if left.any():
        z = x[left]
        part = z - np.rint(z)
        below = powers_summed(1.0 - part, s, unit) - powers_summed(np.maximum(1.0 - z, 0.5), s, unit)
        below[np.rint(z) >= 0] = 0.0
        nearest = (part / unit) ** -s
        if s % 2:  # the sides of a pole differ: at 0 the sign says which is meant
            nearest[part == 0] = np.nan
            nearest[z == 0] = np.copysign(np.inf, z[z == 0])
        y[left] = nearest + powers_summed(1.0 + part, s, unit) + (-1) ** s * below
    y *= scale
    return y
