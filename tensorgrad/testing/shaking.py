"""Rounding as it could have been: every operation's result moved by its last bit, at random.

What a value, or a gradient, is worth is seen by computing it again so: where numbers cancel, as in
``(x + 1e16) - 1e16`` or ``1 - tanh(x)**2``, what is left moves by as much as rounding had already taken from it. Unlike
a run in float32 this sees what happens at the bounds of float64 itself: beside 1e16, and next to 0, where numbers lie
5e-324 apart.

Source: Parker 1997, Monte Carlo Arithmetic, UCLA CSD-970002.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from tensorgrad.base.context import SHAKING, context, holding, within
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.dispatch import SHAKEN
from tensorgrad.engine.primitive import Primitive

SMALLEST = float(np.finfo(np.float64).smallest_subnormal)
EXACT = frozenset(
    {
        "neg",
        "contiguous",
        "sign",
        "floor",
        "ceil",
        "round",
        "trunc",
        "where",
        "maximum",
        "minimum",
        "clip",
        "abs",
        "relu",
    }
)  # they choose one of their arguments, or give a whole number
SUMS = frozenset(
    {"matmul", "linear", "affine", "sum", "mean", "sum_to", "cumsum", "fold", "length"}
    | {"inv", "solve", "pinv", "cholesky", "eigh", "svd", "qr", "det", "logabsdet"}
)  # numbers may cancel inside: their arguments are moved

_RANDOM: ContextVar[tuple[np.random.Generator, bool]] = ContextVar("shaking")


@contextmanager
def shaking(random: np.random.Generator, coarsely: bool = False) -> Iterator[None]:
    """Context manager: operations on Tensors round otherwise, as `random` draws; `coarsely`: also float32 and smaller.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.3, 3.0], dtype=tg.float64)
    >>> with shaking(np.random.default_rng(0)):
    ...     y = (x + 1e16) - 1e16, (x + 1) - 1
    >>> bool(((y[0] - x).abs() > 0.1).all()), bool(((y[1] - x).abs() < 1e-14).all())
    (True, True)
    """
    with holding(_RANDOM, (random, coarsely)), within(special=context().special | SHAKING):
        yield


def _shaken(primitive: Primitive, values: list[Any], params: dict[str, Any], out: Array) -> Array:
    """Return `out`, the value of `primitive`, as it may be with other rounding; itself where nothing is rounded."""
    if primitive.name in SUMS:
        out = np.asarray(primitive.forward(*map(_moved, values), **params))
    elif primitive.name == "astype":
        if out.dtype.kind != "f" or out.dtype == np.float64:
            return out
        out = np.where((out == 0) & (values[0] != 0), np.finfo(out.dtype).smallest_subnormal, out)  # underflow
    elif primitive.kind != "elementwise" or primitive.name in EXACT:
        return out
    found: Array = _moved(out)
    return found


def _moved(value: Any) -> Any:
    """Return `value`, where it is an array of floats, with each element moved to its neighbour, except zeros."""
    random, coarsely = _RANDOM.get()
    if not isinstance(value, np.ndarray) or not (value.dtype == np.float64 or (coarsely and value.dtype.kind == "f")):
        return value
    with np.errstate(all="ignore"):
        moved = np.nextafter(value, random.choice([-np.inf, np.inf], value.shape).astype(value.dtype))
    return np.where(value == 0, value, moved)


SHAKEN[0] = _shaken
