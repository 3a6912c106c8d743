"""What the derivative of a composed function is where there is none, as data: the counterpart of a primitive's `kinks`.

The names are those of Tensor's methods. Nothing reads this table at run time: a composition answers what its primitives
answer. The tests hold the answers to it, and the reference page prints it.
"""

from __future__ import annotations

from collections.abc import Mapping

from numpy import inf, nan

from tensorgrad.engine.primitive import CONCAVE, CONVEX, LIMIT, TIES, UNKNOWN, Kink

RETURNED = "all goes to the element at the index that is returned, the first"
BOUND = "the slope inside: what reached a bound can leave it"
UNDEFINED = "no value, no derivative: 0 degrees of freedom"

KINKS: Mapping[str, tuple[Kink, ...]] = {
    "max": (
        Kink(((1.0, 3.0, 3.0),), ((0.0, 0.5, 0.5),), CONVEX, beyond=TIES),
        Kink(((1.0, 3.0, 3.0),), ((0.0, 1.0, 0.0),), RETURNED, {"dim": 0}, beyond=TIES),
    ),
    "min": (
        Kink(((1.0, 1.0, 3.0),), ((0.5, 0.5, 0.0),), CONCAVE, beyond=TIES),
        Kink(((1.0, 1.0, 3.0),), ((1.0, 0.0, 0.0),), RETURNED, {"dim": 0}, beyond=TIES),
    ),
    "clamp": (
        Kink((-1.0,), (1.0,), BOUND, {"min": -1.0, "max": 1.0}, beyond=TIES),
        Kink((1.0,), (1.0,), BOUND, {"min": -1.0, "max": 1.0}, beyond=TIES),
        Kink((1.0, 1.0), (1.0, 0.0), BOUND, beyond=TIES),
    ),
    "prod": (
        Kink(((0.0, 2.0, 3.0),), ((6.0, 0.0, 0.0),), "the gradient exists: the product of the others"),
        Kink(((0.0, 0.0, 3.0),), ((0.0, 0.0, 0.0),), "the gradient exists: the product of the others"),
    ),
    "cumprod": (Kink(((2.0, 0.0, 3.0),), ((1.0, 8.0, 0.0),), "the gradient exists", {"dim": 0}),),
    "norm": (
        Kink(((0.0, 0.0),), ((0.0, 0.0),), CONVEX, beyond=UNKNOWN),
        Kink(((0.0, 1.0),), ((0.0, 1.0),), CONVEX, {"p": 1}, beyond=TIES),
        Kink(((1.0, 1.0),), ((0.5, 0.5),), CONVEX, {"p": inf}, beyond=TIES),
    ),
    "reciprocal": (Kink((0.0,), (-inf,), LIMIT),),
    "rsqrt": (Kink((0.0,), (-inf,), LIMIT),),
    "var": (Kink(((2.0,),), ((nan,),), UNDEFINED),),
    "std": (
        Kink(((2.0, 2.0, 2.0),), ((0.0, 0.0, 0.0),), CONVEX, beyond=UNKNOWN),
        Kink(((2.0,),), ((nan,),), UNDEFINED),
    ),
    "logsumexp": (
        Kink(((-inf, 1.0),), ((0.0, 1.0),), LIMIT, {"dim": 0}),
        Kink(((-inf, -inf),), ((nan, nan),), "no limit: the shares depend on how the elements fall", {"dim": 0}),
    ),
    "softmax": (
        Kink(((-inf, 1.0),), ((0.0, 0.0),), LIMIT, {"dim": 0}),
        Kink(((-inf, -inf),), ((nan, nan),), "no value, no derivative: 0 / 0", {"dim": 0}),
    ),
    "log_softmax": (Kink(((-inf, 1.0),), ((1.0, -1.0),), LIMIT, {"dim": 0}),),
}

Matrix = tuple[tuple[float, ...], ...]

_EYE: Matrix = ((1.0, 0.0), (0.0, 1.0))
_TWICE: Matrix = ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 5.0))
_LOST: Matrix = ((1.0, 2.0), (2.0, 4.0))
_NOTHING: Matrix = ((0.0, 0.0), (0.0, 0.0))

_VECTORS = "NaN if the vectors are asked for; through the values alone right at order 1"

SINGULAR: Mapping[str, tuple[tuple[Matrix, str], ...]] = {
    "linalg.eigh": ((_EYE, f"equal values: {_VECTORS}"), (_TWICE, f"equal values: {_VECTORS}")),
    "linalg.svd": (
        (_EYE, f"equal values: {_VECTORS}"),
        (_TWICE, f"equal values: {_VECTORS}"),
        (_NOTHING, f"equal values: {_VECTORS}"),
    ),
    "linalg.qr": ((_LOST, "not of full rank: NaN"), (_NOTHING, "not of full rank: NaN")),
    "linalg.det": ((_LOST, "the gradient exists, of every order"), (_NOTHING, "the gradient exists, of every order")),
    "linalg.slogdet": ((_LOST, "singular: the logarithm is -inf, its slope NaN"),),
    "linalg.matrix_norm": ((_NOTHING, "0 by convention; NaN from order 2 where it is asked for"),),
}
"""Where functions of matrices have no derivative, or one that takes care, and what the library answers."""
