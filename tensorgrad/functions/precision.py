"""Half precision computed in single and rounded once: squares, sums and exponentials have no place in float16."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from tensorgrad import ops
from tensorgrad.base.dtypes import float16, float32, get_default_dtype, promoted
from tensorgrad.engine.tensor import Tensor

P = ParamSpec("P")


def widened(x: Tensor) -> Tensor:
    """Return `x`, in single where it is in half precision: the square of 300 has no place there."""
    return ops.astype(x, dtype=float32) if x.array.dtype == float16 else x


def narrowed(y: Tensor, x: Tensor) -> Tensor:
    """Return `y`, computed from a widened `x`, in the precision of `x`."""
    return ops.astype(y, dtype=float16) if x.array.dtype == float16 else y


def floating(x: Tensor) -> Tensor:
    """Return `x`, whole numbers and booleans in the default dtype: a difference of two has no place in uint8."""
    return ops.astype(x, dtype=get_default_dtype()) if x.array.dtype.kind in "bui" else x


def wide(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Return `function` so that it computes in single, and rounds once, where its floats are all in half precision.

    What lies between its inputs and its result is then neither out of range nor rounded step by step, and so it is with
    the derivatives.

    >>> import tensorgrad as tg
    >>> root = wide(lambda x: (x * x).mean().sqrt())
    >>> root(tg.full((3,), 300.0, dtype=tg.float16))
    tensor(300., dtype=float16)
    """
    return _computing(function, whole=False)


def real(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Return what `wide` does, which also takes whole numbers, where there is nothing else, in the default dtype.

    >>> import tensorgrad as tg
    >>> distance = real(lambda x, y: (x - y).abs())
    >>> distance(tg.tensor([1], dtype=tg.uint8), tg.tensor([2], dtype=tg.uint8))
    tensor([1.])
    """
    return _computing(function, whole=True)


def _computing(function: Callable[P, Tensor], *, whole: bool) -> Callable[P, Tensor]:
    @functools.wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        if args and isinstance(args[0], Tensor) and args[0].array.dtype.char in "fd":
            return function(*args, **kwargs)  # nearly always: nothing else is asked
        floats = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.array.dtype.kind == "f"]
        if any(x.array.dtype != float16 for x in floats) or not (floats or whole):
            return function(*(_met(args, floats) if whole else args), **kwargs)
        change = _each(widened if floats else floating)
        raised: Any = functools.partial(function, *map(change, args), **{k: change(v) for k, v in kwargs.items()})
        y = raised()
        return narrowed(y, floats[0]) if floats and y.array.dtype == float32 else y

    return computed


def _met(args: Any, floats: list[Tensor]) -> Any:
    """Return `args`, whole numbers that come first in the dtype of the `floats` that they meet."""
    if not floats or not isinstance(args[0], Tensor) or args[0].array.dtype.kind not in "bui":
        return args
    return (ops.astype(args[0], dtype=promoted([x.array for x in floats])), *args[1:])


def _each(change: Callable[[Tensor], Tensor]) -> Callable[[Any], Any]:
    return lambda x: change(x) if isinstance(x, Tensor) else x
