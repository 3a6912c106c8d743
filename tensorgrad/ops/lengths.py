"""Norms of vectors: the slope of a length is a direction, at a length of 0 one by convention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import inf, nan

from tensorgrad.base.numerics import norm, row_major
from tensorgrad.engine.batchrules import along
from tensorgrad.engine.generalforms import perhaps
from tensorgrad.engine.kinds import Op, elementwise, primitive
from tensorgrad.engine.primitive import CONVEX, UNKNOWN, Kink
from tensorgrad.ops.arithmetic import NONZERO, REAL
from tensorgrad.ops.reductions import kept, spread, sum
from tensorgrad.ops.selection import unknown, where
from tensorgrad.ops.shapes import reshape


def _divided(a: Any, b: Any) -> Any:
    origin = b == 0
    if type(origin) is np.ndarray and not origin.any():
        return a / b  # nearly always: each choice by a mask takes as long as the quotient
    return np.where(origin, 0, a / np.where(origin, 1, b)).astype(np.result_type(a, b), copy=False)


direction: Op = elementwise(
    "direction",
    _divided,
    lambda b: 1 / unknown(b, b == 0),
    lambda y, b: -y / unknown(b, b == 0),
    symbol="x/|x|",
    samples=[REAL, NONZERO],
    kinks=[
        Kink(
            (0.0, 0.0),
            (nan, nan),
            "the slope of a length at its origin is 0 by convention, which has no slope of its own",
            torch="has no such function",
            beyond=UNKNOWN,
        )
    ],
    doc="Return ``a / b``, 0 where b is 0: the slope of the length `b` by its component `a`.",
)


def _part(y: Any, a: Any, b: Any) -> Any:
    """``a / y``, in a larger unit where the length `y` of (a, b) has no place in the dtype."""
    far = y == inf
    if not perhaps(far.any()):
        return direction(a, y)
    return direction(where(far, a * 0.25, a), where(far, hypot(a * 0.25, b * 0.25), y))


hypot: Op = elementwise(
    "hypot",
    np.hypot,
    lambda y, a, b: _part(y, a, b),
    lambda y, a, b: _part(y, b, a),
    samples=[NONZERO, NONZERO],
    kinks=[Kink((0.0, 0.0), (0.0, 0.0), f"{CONVEX}; PyTorch divides 0 by 0", torch=(nan, nan), beyond=UNKNOWN)],
    doc="Return ``sqrt(a * a + b * b)`` without overflow; the gradient at the origin is 0.",
)


def _powers(x: Any, p: Any) -> Any:
    size = np.abs(x)
    return size if p == 1 else size**p


def _even_slope(x: Any, p: Any) -> Any:
    """``p * sign(x) * |x| ** (p - 1)``, not known at 0 where |x| ** p has a corner, a cusp or a pole."""
    return x * 0 if p == 0 else p * odd_power(x if p > 1 else unknown(x, x == 0), p=p - 1)


def _odd_slope(x: Any, p: Any) -> Any:
    """``p * |x| ** (p - 1)``, not known at 0 where the function jumps."""
    return p * even_power(x if p > 0 else unknown(x, x == 0), p=p - 1)


even_power: Op = elementwise(
    "even_power",
    lambda x, *, p=3.0: _powers(x, p),
    _even_slope,
    symbol="|x|ᵖ",
    samples=[NONZERO],
    defaults={"p": 3.0},
    kinks=[
        Kink(
            (0.0,),
            (nan,),
            "no slope; NaN, for it is asked for at higher order only",
            {"p": 1.0},
            torch="has no such function",
            beyond=UNKNOWN,
        )
    ],
    doc="Return ``|x| ** p``.",
)
odd_power: Op = elementwise(
    "odd_power",
    lambda x, *, p=3.0: np.where(x == 0, 0, np.sign(x) * _powers(np.where(x == 0, 1, x), p)).astype(
        x.dtype, copy=False
    ),
    _odd_slope,
    symbol="±|x|ᵖ",
    samples=[NONZERO],
    defaults={"p": 3.0},
    kinks=[
        Kink(
            (0.0,),
            (nan,),
            "a jump, 0 by convention, which has no slope",
            {"p": 0.0},
            torch="has no such function",
            beyond=UNKNOWN,
        )
    ],
    doc="Return ``sign(x) * |x| ** p``, 0 at 0 for every p.",
)


def _slopes(y: Any, x: Any, p: Any, axis: Any, keepdims: Any) -> Any:
    """The slope of the norm `y` by each element: that of x / y, to the power of p - 1; 0 where y is 0.

    Where a norm has no place in the dtype, its slope has, and is taken in a larger unit; with p < 1 both are infinite.
    """
    y = y if keepdims else reshape(y, shape=kept(x.shape, axis))
    if 0 < p < 1:  # x / y may be too small for the dtype, where this power of it is not
        return odd_power(x, p=p - 1) * even_power(y, p=1 - p)
    if perhaps((far := y == inf).any()):
        x = where(far, x * 2.0**-100, x)
        y = where(far, length(x, p=p, axis=axis, keepdims=True), y)
    part = direction(x, y)
    return part if p == 2 else odd_power(part, p=p - 1)


@primitive(
    (lambda g, y, x, p, axis, keepdims: spread(g, x.shape, axis, keepdims) * _slopes(y, x, p, axis, keepdims),),
    (lambda t, y, x, p, axis, keepdims: sum(t * _slopes(y, x, p, axis, keepdims), axis=axis, keepdims=keepdims),),
    symbol="‖x‖",
    samples="extremum",
    batch=along,
    kinks=[Kink(((0.0, 0.0),), ((0.0, 0.0),), CONVEX, torch="has no such function", beyond=UNKNOWN)],
)
def length(x: Any, *, p: Any = 2, axis: Any = None, keepdims: Any = False) -> Any:
    """Return ``sum(|x| ** p) ** (1 / p)`` over `axis` (None: all), also where the powers leave the dtype."""
    return row_major(norm(x, p, axis, keepdims))
