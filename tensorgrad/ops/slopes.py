"""Functions of each element with their slopes, on plain arrays: the fused forms of activations (see `sloped`).

Each takes an array and whether its slope is wanted, and gives (value, slope or None), equal to rounding to the
composition that it stands for. They are sums and products of whole arrays: a pass over an array costs a twentieth of
a choice by a mask, and exp and tanh are the only functions that NumPy makes vectors of on every machine. `breadth` in
`benchmarks` shows what they buy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import known
from tensorgrad.base.watched import as_one, in_c, one_way

from .errorfunction import bell, computed, over, polynomial, tail

Sloped = tuple[Any, Any]
_KEPT_ZEROS = 1 << 16  # elements: above, memory costs more than the loop


def _log_of_sum(kind: str) -> Sequence[float]:
    """Return the coefficients of ``2 * atanh(s) / s`` by ``s * s``, for s from 0 to 1/3."""
    return {
        "f": (2.000000007681759, 0.6666632164137777, 0.40024595230703747, 0.27965157745197267, 0.2815777836310908),
        "d": (
            2.0, 0.6666666666666666, 0.4000000000000027, 0.2857142857137565, 0.22222222227641733, 0.18181817852181228,
            0.15384628221264643, 0.13332999520385172, 0.11770618555248309, 0.10454947515530863, 0.10098185468634059,
            0.0578540899766765, 0.1607256613467827,
        ),
    }[kind]  # fmt: skip


@remembered(maxsize=16)
def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    zeros = np.zeros(shape, dtype)
    zeros.flags.writeable = False
    return zeros


def rectified(x: Array) -> Array:
    """Return ``np.maximum(x, 0)``; against zeros of the same shape NumPy's loop is vectorised, and takes a third.

    >>> rectified(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if x.__class__ is not np.ndarray:
        return np.maximum(x, 0)
    if one_way(x):
        return _above_zero(x)
    whole = x.size > _KEPT_ZEROS and x.dtype.kind == "f" and x.flags.c_contiguous
    return by_parts(_above_zero, x) if whole else _above_zero(x)


@in_c("{0} > 0 || {0} != {0} ? {0} : 0")
def _above_zero(x: Array, out: Array | None = None) -> Array:
    y: Array = np.maximum(x, _zeros(x.shape, x.dtype), out=out)
    return y


@as_one
def by_parts(function: Callable[[Array, Array], Array], x: Array) -> Array:
    """Return `function` of each element of `x`, which lies row by row, with room for a part of it at a time."""
    y, given = np.empty_like(x), x.reshape(-1)
    made = y.reshape(-1)
    for start in range(0, given.size, _KEPT_ZEROS):
        function(given[start : start + _KEPT_ZEROS], made[start : start + _KEPT_ZEROS])
    return y


def _decay(x: Any) -> Any:
    """Return ``exp(-|x|)``, which never overflows."""
    size = np.abs(x)
    size *= -1.0
    return np.exp(size, out=over(size))


def _sided(e: Any, right: Any) -> Any:
    """Return what a sigmoid is over ``1 + e``: 1 on its right side, `e` on the other."""
    y = right.astype(e.dtype)
    return np.maximum(e, y, out=over(y))


def _share(e: Any, right: Any) -> Any:
    """Return a sigmoid, whose right side is `right`."""
    y = _sided(e, right)
    y /= e + 1.0
    return y


def _log1p(e: Any) -> Any:
    """Return ``log(1 + e)`` of e from 0 to 1, as ``2 * atanh(e / (2 + e))``."""
    s = e / (e + 2.0)
    y = polynomial(s * s, _log_of_sum(e.dtype.char))
    y *= s
    return y


@as_one
@in_c("{0} * ({1} > 1 - {1} ? {1} : 1 - {1}) * ({1} > 1 - {1} ? {1} : 1 - {1})")
def _steepness(e: Any, y: Any, below: Any) -> Any:
    """Return ``e / below ** 2``, the slope of a sigmoid `y`: the larger one of it and ``1 - y`` is ``1 / below``."""
    square = below * below
    return np.divide(e, square, out=over(square))


def logistic(x: Any, slope: bool) -> Sloped:
    """Return ``1 / (1 + e ** -x)``, whose slope is ``e / (1 + e) ** 2`` of ``e = exp(-|x|)``."""
    e = _decay(x)
    y = _sided(e, x >= 0)
    below = e + 1.0
    y /= below
    return y, _steepness(e, y, below) if slope else None


def silu(x: Any, slope: bool) -> Sloped:
    """Return ``x * s`` of ``s = sigmoid(x)``, whose slope is ``s + y * (1 - s)``."""
    s, _ = logistic(x, slope=False)
    y = x * s
    if not slope:
        return y, None
    rest = 1.0 - s
    rest *= y
    s += rest
    return y, s


def softplus(x: Any, slope: bool, *, threshold: float) -> Sloped:
    """Return ``max(x, 0) + log(1 + e ** -|x|)``, `x` itself beyond `threshold`; the slope is ``sigmoid(x)``, or 1."""
    e = _decay(x)
    e *= (x <= threshold).astype(x.dtype)
    y = _log1p(e)
    y += rectified(x)
    return y, _share(e, x >= 0) if slope else None


def logsigmoid(x: Any, slope: bool) -> Sloped:
    """Return ``min(x, 0) - log(1 + e ** -|x|)``, whose slope is ``sigmoid(-x)``."""
    e = _decay(x)
    y = np.clip(x, -np.inf, 0.0)
    y -= _log1p(e)
    return y, _share(e, x <= 0) if slope else None


def mish(x: Any, slope: bool) -> Sloped:
    """Return ``x * w`` of ``w = tanh(log(1 + e ** x)) = n / d``, with ``n = p * p + 2 * p * q``, ``d = n + 2 * q * q``.

    p / q is ``e ** x``, the larger of the two 1. The slope is ``w + 4 * x * p * q * q * (p + q) / (d * d)``.
    """
    e = _decay(x)
    p, q = _sided(e, x >= 0), _sided(e, x < 0)
    n = p * (p + 2.0 * q)
    q *= q
    d = n + 2.0 * q
    w = n / d
    y = x * w
    if not slope:
        return y, None
    q *= p * (e + 1.0)  # p + q is 1 + e
    q *= x  # which may be so large that 4 times it is infinite, where q is 0
    q *= 4.0
    q /= d
    q /= d
    w += q
    return y, w


@in_c("expm1@({0})")
def _less_one(x: Any) -> Any:
    """Return ``e ** x - 1`` of x up to 0, as ``2 t / (1 - t)`` of ``t = tanh(x / 2)``."""
    t = np.tanh(x * 0.5)
    rest = 1.0 - t
    t += t
    t /= rest
    return t


def elu(x: Any, slope: bool, *, alpha: float) -> Sloped:
    """Return `x` where it is positive, ``alpha * (e ** x - 1)`` elsewhere."""
    below = np.clip(x, -np.inf, 0.0)
    y = computed(_less_one, below)
    if alpha != 1:
        y *= alpha
    y += np.clip(x, 0.0, np.inf)  # as `rectified`, but that it keeps minus zero
    if not slope:
        return y, None
    t = np.exp(below)
    if alpha != 1:
        scale = (x <= 0).astype(t.dtype)
        scale *= alpha
        scale += (x > 0).astype(t.dtype)
        t *= scale
    return y, t


def leaky_relu(x: Any, slope: bool, *, negative_slope: float) -> Sloped:
    """Return `x` times its slope: 1 where it is positive, `negative_slope`, between 0 and 1, elsewhere."""
    low = x.dtype.type(negative_slope)
    factor = known(x > 0, x).astype(x.dtype)
    factor *= x.dtype.type(1) - low  # rounded as it is, the sum with `low` is 1
    factor += low
    return x * factor, factor if slope else None


def hardswish(x: Any, slope: bool) -> Sloped:
    """Return ``x * h`` of ``h = min(max(x + 3, 0), 6) / 6``; between -3 and 3 the slope is ``h + (h - 1 / 2)``."""
    h = np.clip(x + 3.0, 0.0, 6.0)
    h /= 6.0
    y = x * h
    if not slope:
        return y, None
    rest = h - 0.5
    rest *= (np.abs(x) < 3).astype(x.dtype)
    h += rest
    return y, h


def gelu(x: Any, slope: bool) -> Sloped:
    """Return ``x * s``, s the share of the normal distribution below x: ``erfc(|x| / sqrt(2)) / 2``, or 1 less it.

    The slope is ``s + x * exp(-x * x / 2) / sqrt(2 pi)``.
    """
    end = 14.5 if x.dtype == np.float32 else 38.7  # beyond, the share of the tail is 0
    near = np.clip(x, -end, end)
    size = np.abs(near)
    density = bell(size, 0.5)
    share = tail(size, math.sqrt(2), 0.5)
    share *= density
    right = (x > 0).astype(x.dtype)
    right -= share
    share = np.abs(right, out=over(right))
    y = np.clip(x, -end, np.inf)
    y *= share
    if not slope:
        return y, None
    near *= 1 / math.sqrt(2 * math.pi)
    near *= density
    share += near
    return y, share
