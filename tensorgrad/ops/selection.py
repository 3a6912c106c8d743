"""Comparisons and choices. What happens at a kink is data here: the partial says it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import inf, nan

from tensorgrad.base.numerics import known
from tensorgrad.engine.batchrules import leading
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.generalforms import perhaps
from tensorgrad.engine.kinds import Op, constant, elementwise
from tensorgrad.engine.primitive import CONCAVE, CONVEX, JUMP, TIES, Kink, Primitive, Signature
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.tracedarrays import Traced
from tensorgrad.ops.arithmetic import REAL, sign
from tensorgrad.ops.slopes import rectified

BOUND = "the slope inside: what reached a bound can leave it"


def _comparison(name: str, symbol: str, ufunc: np.ufunc, *, complex: bool = False) -> Op:
    return constant(
        name=name,
        symbol=symbol,
        samples=[REAL, REAL],
        complex=complex,
        doc=f"Return whether ``a {symbol} b``, for every pair of elements.",
    )(ufunc)


eq: Op = _comparison("eq", "==", np.equal, complex=True)
ne: Op = _comparison("ne", "≠", np.not_equal, complex=True)
lt: Op = _comparison("lt", "<", np.less)
le: Op = _comparison("le", "≤", np.less_equal)
gt: Op = _comparison("gt", ">", np.greater)
ge: Op = _comparison("ge", "≥", np.greater_equal)
bitwise_and: Op = constant(
    name="bitwise_and",
    symbol="&",
    samples=["mask", "mask"],
    doc='Return ``a & b``: "and" of booleans, of the bits of integers; shapes broadcast.',
)(np.bitwise_and)
bitwise_or: Op = constant(
    name="bitwise_or",
    symbol="|",
    samples=["mask", "mask"],
    doc='Return ``a | b``: "or" of booleans, of the bits of integers; shapes broadcast.',
)(np.bitwise_or)
bitwise_xor: Op = constant(
    name="bitwise_xor",
    symbol="^",
    samples=["mask", "mask"],
    doc='Return ``a ^ b``: "either, not both" of booleans, of the bits of integers; shapes broadcast.',
)(np.bitwise_xor)
bitwise_not: Op = constant(
    name="bitwise_not",
    symbol="~",
    samples=["mask"],
    doc='Return ``~x``, in its shape: "not" of booleans, of the bits of integers.',
)(np.invert)
logical_not: Op = constant(symbol="¬", samples=[REAL], complex=True, doc="Return whether each element is zero.")(
    np.logical_not
)


@constant(symbol="1>0", samples=[REAL], kinks=[Kink((0.0,), (0.0,), JUMP, torch="has no such function", beyond=TIES)])
def step(x: Any) -> Any:
    """Return the slope of a rectifier: whether ``x > 0``, NaN where `x` is NaN."""
    return known(x > 0, x)


@constant(
    symbol="1≥½",
    samples=[REAL, REAL],
    kinks=[Kink((1.0, 1.0), (0.0, 0.0), JUMP, torch="has no such function", beyond=TIES)],
)
def share(a: Any, b: Any) -> Any:
    """Return the part of a maximum's gradient that belongs to `a`: 1 where a > b, 0 where a < b, 1/2 at a tie; NaN."""
    dtype = np.result_type(a, b)
    return known(np.greater(a, b).astype(dtype) + np.equal(a, b) * dtype.type(0.5), a, b)


@constant(symbol="∈", samples=[REAL])
def inside(x: Any, *, low: Any, high: Any) -> Any:
    """Return whether each element lies in [low, high], None being no bound; NaN where NaN is compared."""
    above = True if low is None else x >= low
    below = True if high is None else x <= high
    return known(np.logical_and(above, below), x, *(b for b in (low, high) if b is not None and np.isnan(b)))


where: Op = elementwise(
    "where",
    np.where,
    None,
    lambda c: c,
    lambda c: logical_not(c),
    symbol="where",
    samples=["mask", REAL, REAL],
    hides="any",
    complex=True,
    doc="Return elements of `a` where the condition `c` holds, of `b` elsewhere.",
    kinks=[
        Kink(
            (True, 1.0, 2.0),
            (None, 1.0, 0.0),
            "the condition has no derivative; all goes to the chosen branch",
            beyond=TIES,
        )
    ],
)
maximum: Op = elementwise(
    "maximum",
    np.maximum,
    lambda a, b: share(a, b),
    lambda a, b: share(b, a),
    symbol="max",
    samples=[REAL, REAL],
    hides="any",
    doc="Return the larger of `a` and `b`; at a tie each gets half of the gradient.",
    kinks=[Kink((1.0, 1.0), (0.5, 0.5), CONVEX, beyond=TIES)],
)
minimum: Op = elementwise(
    "minimum",
    np.minimum,
    lambda a, b: share(b, a),
    lambda a, b: share(a, b),
    symbol="min",
    samples=[REAL, REAL],
    hides="any",
    doc="Return the smaller of `a` and `b`; at a tie each gets half of the gradient.",
    kinks=[Kink((1.0, 1.0), (0.5, 0.5), CONCAVE, beyond=TIES)],
)
clip: Op = elementwise(
    "clip",
    lambda x, *, low, high: np.clip(x, low, high),
    lambda x, low, high: inside(x, low=low, high=high),
    symbol="clip",
    samples=["clip"],
    defaults={"low": None, "high": None},
    hides="any",
    doc="Return `x` limited to [low, high]; the gradient passes at the bounds themselves.",
    kinks=[
        Kink((-1.0,), (1.0,), BOUND, {"low": -1.0, "high": 1.0}, beyond=TIES),
        Kink((1.0,), (1.0,), BOUND, {"low": -1.0, "high": 1.0}, beyond=TIES),
    ],
)
abs: Op = elementwise(
    "abs",
    np.abs,
    lambda x: _direction(x) if x.dtype.kind == "c" else sign(x),
    symbol="|x|",
    samples=[REAL],
    complex=True,
    doc="Return ``|x|``; the derivative at 0 is 0, the subgradient of least norm.",
    kinks=[Kink((0.0,), (0.0,), CONVEX, beyond=TIES)],
)


def _direction(z: Any) -> Any:
    """The conjugate of ``z / |z|``, 0 at 0: ``d|z|`` is the real part of its product with ``dz``."""
    size = abs(z)
    if perhaps((far := size == inf).any()):  # it has no place in the dtype, where its parts have
        z = where(far, z * 0.25, z)
        size = where(far, abs(z), size)
    zero = size == 0
    return where(zero, 0.0, z.conj() / where(zero, 1.0, size))


relu: Op = elementwise(
    "relu",
    rectified,
    lambda y: step(y),
    symbol="relu",
    samples=[REAL],
    hides="-inf",
    doc="Return ``max(x, 0)``; the derivative at 0 is 0.",
    compiles=True,
    kinks=[Kink((0.0,), (0.0,), CONVEX, beyond=TIES)],
)


def _same_unknown(v: Any, s: Any, n: Any) -> Any:
    return apply(MISSING, (s[1], v), {})


MISSING = Primitive(
    "unknown",
    "elementwise",
    lambda c, x: np.where(c, x * nan, x),
    Signature(("c", "x"), False, {}, ()),
    (None, _same_unknown),
    (None, _same_unknown),
    lambda i: frozenset((1,)),
    "x",
    ["mask", REAL],
    complex=True,
    batch=leading,
)
"""What `unknown` records. It is no entry of the table, and pictures show what goes in where they would show it."""


def defined(x: Any, low: float, high: float = inf) -> Any:
    """X where a function is defined, in [low, high]; not known elsewhere, where the function is NaN."""
    values = x.array if isinstance(x, Tensor) else x
    if values.dtype.kind == "c" or not values.size:
        return x
    if (
        type(values) is not Traced
        and np.minimum.reduce(values, axis=None) >= low
        and (high == inf or np.maximum.reduce(values, axis=None) <= high)
    ):
        return x
    return unknown(x, x < low if high == inf else (x < low) | (x > high))


def unknown(x: Any, c: Any) -> Any:
    """X, NaN where `c` holds: not known, and so is every derivative of it.

    A NaN put in by `where` alone would be a constant, whose derivative is 0.
    """
    return apply(MISSING, (c, x), {})
