"""How a call of NumPy is said so that its result goes to an array that is there: ``out=``, and what stands for it.

A form must give the bits of the call that it stands for. That is not believed: `Recording` runs it beside the call, on
what is at hand, and keeps the call where they differ.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.arraycalls import Method

Args = tuple[Any, ...]
Form = tuple[Callable[..., Any], Args, dict[str, Any]]
"""A function, its arguments, and its keywords, without the array that the result goes to."""

_REDUCTIONS: dict[str, np.ufunc] = {
    "sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum,
    "amax": np.maximum, "amin": np.minimum, "any": np.logical_or, "all": np.logical_and,
}  # fmt: skip
_TAKE_OUT: frozenset[Any] = frozenset(
    (np.dot, np.matmul, np.concatenate, np.stack, np.clip, np.mean, np.cumsum, np.cumprod, np.argmax, np.argmin,
     np.take, np.einsum, np.std, np.var, np.trace, np.outer, np.compress, np.choose)
)  # fmt: skip
_METHODS = frozenset(("mean", "cumsum", "cumprod", "argmax", "argmin", "clip", "dot", "take", "std", "var", "trace"))
_POWERS: dict[float, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}


def copied(x: Any, out: Any) -> None:
    """Write the elements of `x` to `out`, in the dtype of that."""
    np.copyto(out, x, casting="unsafe")


def filled(value: Any, out: Any) -> None:
    """Write `value` to every element of `out`."""
    out.fill(value)


def chosen(condition: Any, a: Any, b: Any, out: Any) -> None:
    """Write `a` to `out` where `condition` is true, and `b` elsewhere."""
    np.copyto(out, b)
    np.copyto(out, a, where=condition)


_OUT_LAST: frozenset[Any] = frozenset((copied, filled, chosen))


def takes_out_last(function: Any) -> bool:
    """Return whether the array that the result goes to is given as the last positional argument, which is quicker.

    So it is to ufuncs, but to those two of which NumPy takes it for a third number.
    """
    return function in _OUT_LAST or (isinstance(function, np.ufunc) and function not in (np.maximum, np.minimum))


def form_of(function: Any, args: Args, kwargs: dict[str, Any]) -> Form | None:
    """Return how the call is said with an array for its result; None if it cannot be."""
    if isinstance(function, np.ufunc):
        return (function, args, kwargs) if function.nout == 1 else None
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return (function, args, kwargs) if function.__name__ in ("reduce", "accumulate", "outer") else None
    if function is operator.pow:
        found = _POWERS.get(args[1]) if isinstance(args[1], int | float) else np.power
        return (found or np.power, args[:1] if found and found is not np.power else args, {})
    if isinstance(function, Method):
        return _of_method(function.name, args, kwargs)
    return _of_function(function, args, kwargs)


def _of_method(name: str, args: Args, kwargs: dict[str, Any]) -> Form | None:
    if name in _REDUCTIONS:
        return _reduction(name, args, kwargs)
    if name == "copy":
        return copied, args[:1], {}
    if name == "astype":
        return (copied, args[:1], {}) if args[1:] or set(kwargs) <= {"dtype", "copy"} else None
    if name in ("conj", "conjugate"):
        return np.conjugate, args, kwargs
    if name == "round":
        return np.round, args, kwargs
    return (Method(name), args, kwargs) if name in _METHODS else None


def _of_function(function: Any, args: Args, kwargs: dict[str, Any]) -> Form | None:
    name = getattr(function, "__name__", "")
    if name in _REDUCTIONS and getattr(np, name, None) is function:
        return _reduction(name, args, kwargs)
    if function in (np.zeros, np.zeros_like, np.ones_like):
        return filled, (int(function is np.ones_like),), {}
    if function is np.full_like:
        return filled, args[1:2], {}
    if function is np.where and len(args) == 3:
        return chosen, args, {}
    if function is np.copy or function is np.ascontiguousarray:
        return copied, args[:1], {}
    return (function, args, kwargs) if function in _TAKE_OUT else None


def _reduction(name: str, args: Args, kwargs: dict[str, Any]) -> Form | None:
    """Return a sum, a maximum as the method of its ufunc, which is what NumPy comes to in the end."""
    order = ("axis", "dtype")
    if len(args) > 3 or not set(kwargs) <= {"axis", "dtype", "keepdims", "initial", "where"}:
        return None
    rest = dict(zip(order, args[1:], strict=False)) | kwargs
    return _REDUCTIONS[name].reduce, args[:1], {"axis": rest.pop("axis", None), **rest}
