"""The error function and what follows from it, of whole arrays: NumPy has none.

Each is a few polynomials (Chebyshev interpolants, to less than half a last place on their interval) joined by
arithmetic: a pass over an array costs a twentieth of a choice by a mask. SciPy has them, but it would be a second
dependency, larger than NumPy, for these alone, and its loops take one element after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.watched import as_one, in_c

DENSITY = 2 / math.sqrt(math.pi)


def erf_near_zero() -> Sequence[float]:
    """Return the coefficients of ``erf(x) / x`` by ``x * x``, for x from 0 to 1, in double."""
    return (
        1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145,
        -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06,
        -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09, 5.957176147748911e-11,
    )  # fmt: skip


def _turned() -> Sequence[float]:
    """Return those of ``atanh(erf(x)) / x - 1`` by ``x * x``, for x from 0 to 4.2, where erf is 1 in single.

    They are fitted (Lawson 1961) for the least error of erf, a tenth of its last place: what is far out matters less.
    """
    return (
        0.12837916612625122, 0.10277239978313446, -0.0002080194972222671, -0.0005924387951381505, 6.648537237197161e-05,
        2.8265060336707393e-06, -1.741353798934142e-06, 2.3559518069760088e-07, -1.6432194271942535e-08,
        5.978811890017255e-10, -8.925505300128034e-12,
    )  # fmt: skip


def _far_out(kind: str) -> Sequence[float]:
    """Return those of ``exp(x * x) * erfc(x) * (x + m)`` by ``(x - m) / (x + m)``, m of `_middle`, for x to `_end`."""
    return {
        "f": (
            1.0215827434994178, -0.6871609687455358, 0.2794695997690143, -0.03643529866066161, -0.021483381583485204,
            0.006437969380294129, 0.002978968727264052, -0.0007557878322510294, -0.00046210266808890623,
        ),
        "d": (
            1.0740069070883398, -0.8833944531698837, 0.5902283571041005, -0.31046726190055324, 0.11952776128737946,
            -0.02682723462493867, -0.0012124166295302537, 0.0030340620078960485, -0.0005483096613882773,
            -0.0002767778985118868, 0.00010756125978404707, 3.0398395857214974e-05, -1.7469531163649673e-05,
            -4.749811089571144e-06, 2.7624151327076425e-06, 9.99581291027978e-07, -4.025735997562877e-07,
            -2.3331470746830066e-07, 4.014040714241591e-08, 4.8920275880392766e-08, 2.49104231279171e-09,
            -6.421561420477452e-09, -1.6264297830467866e-09,
        ),
    }[kind]  # fmt: skip


def _middle(kind: str) -> float:
    """Return what the far part is told by: where fewest coefficients are needed."""
    return 2.0 if kind == "f" else 3.0


def _end(kind: str) -> float:
    """Return from where on erfc is less than half of the least number."""
    return 10.3 if kind == "f" else 27.5


def over(x: Any) -> Any:
    """Return `x` for a result to be written over it, half of a pass into new memory; None if it is a number of NumPy's.

    >>> x = np.array([0.0, 0.0])
    >>> np.exp(x, out=over(x)) is x, float(np.exp(x[0], out=over(x[0])))
    (True, 2.718281828459045)
    """
    return x if x.ndim else None


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Return the polynomial with these coefficients, from the constant on, by Horner's rule.

    >>> polynomial(np.array([2.0, 3.0]), (1.0, 0.0, 5.0)).tolist()
    [21.0, 46.0]
    """
    y = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        y += c
        y *= x
    y += coefficients[0]
    return y


@as_one
@in_c("{0} + 0x1.8p15f - 0x1.8p15f")
def _leading_12(x: Any) -> Any:
    """Return `x`, in single, cut to its first 12 places: of its bits in one pass, of sums in two.

    >>> _leading_12(np.array([1 + 2.0**-11 + 2.0**-20], np.float32)).tolist() == [1 + 2.0**-11]
    True
    """
    return (x.view(f"{x.dtype.byteorder}u4") & np.uint32(0xFFFFF000)).view(np.float32)


@as_one
@in_c("{0} + 0x1.8p32 - 0x1.8p32")
def _leading_26(x: Any) -> Any:
    """Return `x`, in double, cut to its first 26 places."""
    return (x.view(f"{x.dtype.byteorder}u8") & np.uint64(0xFFFFFFFFF8000000)).view(np.float64)


def bell(x: Any, scale: float) -> Any:
    """Return ``exp(-scale * x * x)`` to the last places, for x from 0 to 16, in double to 64; `scale` is a power of 2.

    ``x`` is the sum of two parts, the first with half of its places, whose square is exact; what rounding takes from
    the sum of the two exponents is put back.

    >>> float(bell(np.array([9.3], np.float32), 1.0)[0] / math.exp(-float(np.float32(9.3)) ** 2) - 1) < 3e-7
    True
    """
    first = (_leading_12 if x.dtype.itemsize == 4 else _leading_26)(x)
    rest = x - first
    exponent = x + first
    rest *= exponent
    rest *= -scale
    first *= first
    first *= -scale
    exponent = np.add(first, rest, out=over(exponent))
    first -= exponent
    first += rest
    y = np.exp(exponent, out=over(exponent))
    first *= y
    y += first
    return y


def tail(x: Any, unit: float = 1.0, part: float = 1.0) -> Any:
    """Return ``part * exp(t * t) * erfc(t)`` of ``t = x / unit``, from 0 to `_end`.

    >>> float(tail(np.array([0.0]))[0]), bool(abs(tail(np.array([20.0]), 2.0, 0.5)[0] - 0.056140992743823 / 2) < 1e-15)
    (1.0, True)
    """
    centre = _middle(x.dtype.char) * unit
    below = x + centre
    share = x - centre
    share /= below
    y = polynomial(share, [c * (unit * part) for c in _far_out(x.dtype.char)])
    y /= below
    return y


@in_c("erf@({0})")
def error_function(x: Any) -> Any:
    """Return the error function of floats, to 2.5 of their last places, in double to 4.

    In single it is ``tanh(u)``: NumPy makes vectors of it, and what rounding takes from u is no more of the result.
    """
    if x.dtype == np.float32:
        near = np.clip(x, -4.2, 4.2)
        y = polynomial(near * near, _turned())
        y *= near
        y += near
        return np.tanh(y)
    near = np.clip(x, -1.0, 1.0)  # with the sign, which it gives to what follows
    y = polynomial(near * near, erf_near_zero())
    far = np.clip(np.abs(x), 1.0, _end("d"))
    y += 0.1572992070502851 - np.exp(-far * far) * tail(far)  # what the near part leaves to 1, beyond 1
    y *= near
    return y


@in_c("erfc@({0})")
def complement(x: Any) -> Any:
    """Return ``1 - erf(x)`` of floats, to 4 of their last places, however small it is.

    >>> [f"{y:.14g}" for y in complement(np.array([0.5, 20.0])).tolist()]
    ['0.47950012218695', '5.3958656116079e-176']
    """
    if x.dtype == np.float32:
        return complement(x.astype(np.float64)).astype(np.float32)
    size = np.clip(np.abs(x), 0.0, _end("d"))
    y = bell(size, 1.0)
    y *= tail(size)
    left = (x < 0).astype(x.dtype)
    left *= 2.0 - 2.0 * y
    y += left
    near = np.clip(x, -0.5, 0.5)
    here = 1.0 - near * polynomial(near * near, erf_near_zero())
    here -= y
    here *= size < 0.5
    y += here
    return y


def inverse_error_function(x: Any) -> Any:
    """Return y with ``erf(y) = x``: an approximation good to 0.2 % (Winitzki 2008), then two steps of Halley's method.

    Beyond 1/2 the complement is compared, which keeps the relative accuracy of ``1 - x``.

    >>> [f"{y:.14g}" for y in inverse_error_function(np.array([0.5, 1.0])).tolist()]
    ['0.47693627620447', 'inf']
    """
    if x.dtype == np.float32:
        return inverse_error_function(x.astype(np.float64)).astype(np.float32)
    size = np.abs(x)
    with np.errstate(all="ignore"):  # at 1 it is infinite, beyond there is none
        both = np.log1p(-size) + np.log1p(size)
        b = 2 / (math.pi * 0.147) + both / 2
        y = np.sqrt(np.maximum(np.sqrt(b * b - both / 0.147) - b, 0))
        for _ in range(2):
            error = np.where(size < 0.5, error_function(y) - size, (1 - size) - complement(y))
            step = error / (DENSITY * np.exp(-y * y))
            y = y - step / (1 + y * step)
        y = np.where(size < 1, y, np.where(size == 1, np.inf, np.nan))
    return np.copysign(y, x)


@as_one
def computed(function: Callable[[Any], Any], x: Any) -> Any:
    """Return `function` of each element of `x`, in single or in double whatever its dtype is.

    >>> y = computed(error_function, np.array([1, 0]))
    >>> f"{y[0]:.14g}", y[1], y.dtype
    ('0.84270079294971', np.float64(0.0), dtype('float64'))
    """
    if x.dtype.char in "fd":
        return np.asarray(function(x))
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return np.asarray(function(x.astype(np.float32 if kind.itemsize == 2 else np.float64))).astype(kind)


@as_one
def in_double(function: Callable[..., Any], x: Any, *rest: Any) -> Any:
    """Return `function` of each element of `x`, computed in double whatever its dtype is, and rounded once.

    It is given a vector, of which it may choose elements by a mask, and tells of nothing that is not finite.

    >>> y = in_double(np.add, np.array([1, 0]), 0.5)
    >>> y.tolist(), y.dtype
    ([1.5, 0.5], dtype('float64'))
    """
    with np.errstate(all="ignore"):
        y = function(x.astype(np.float64, copy=False).reshape(-1), *rest).reshape(x.shape)
        if x.dtype == np.float16:
            y = y.astype(np.float32)  # so it is rounded where half precision is computed in single
        return y.astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)
