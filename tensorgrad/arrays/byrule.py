"""How a function of NumPy's is called with tensors: by a rule, of the values alone, or not at all.

A rule answers NotImplemented where it does not follow an option. Then NumPy computes of the values, if nothing is lost:
where a gradient is asked for, the function is refused, with what to do instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError, LostGraphError

from . import fourier, multiplying, rearranging, reducing, solving, spacing, valued
from .mixed import has_tensors, is_recorded, values
from .ufuncs import stored

AnyFunction = Callable[..., Any]

TABLES: tuple[tuple[Any, dict[str, AnyFunction]], ...] = (
    *[(np, module.FOLLOWED) for module in (rearranging, reducing, spacing, multiplying, valued)],
    (np.linalg, solving.FOLLOWED), (np.fft, fourier.FOLLOWED),
)  # fmt: skip
"""The rules by the name of the function, and where NumPy has it."""
FOLLOWED: dict[Any, AnyFunction] = {
    getattr(module, name): rule for module, table in TABLES for name, rule in table.items() if hasattr(module, name)
}
"""The rule of each of NumPy's functions, of those that this NumPy has."""


def called(function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a function of NumPy's computes of arguments of which some are tensors.

    Raises:
        LostGraphError: no derivative is known, or an array is to hold what asks for one.
        DTypeError: the result would hold objects.
    """
    out = kwargs.get("out")
    rule = FOLLOWED.get(function)
    if rule is not None and _takes(rule, args, {**kwargs, "out": None} if "out" in kwargs else kwargs):
        made = rule(*args, **{name: value for name, value in kwargs.items() if name != "out"})
        if made is not NotImplemented:
            return made if out is None else stored(function.__name__, made, out, True, "same_kind")
    if is_recorded([*args, kwargs]) and function.__name__ not in valued.CONSTANT:
        raise LostGraphError(
            f"np.{_path(function)} of a Tensor that requires grad has no derivative here"
            f"{_said(rule, args, kwargs)}: use {valued.way_out(function.__name__)}"
        )
    return _of_values(function, args, kwargs)


def _path(function: AnyFunction) -> str:
    module = getattr(function, "__module__", "numpy").partition("numpy.")[2]
    return f"{module}.{function.__name__}" if module in ("linalg", "fft") else function.__name__


def _said(rule: AnyFunction | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return which options were given, where it is these that are not followed."""
    return f" with {', '.join(sorted(kwargs))}" if rule is not None and kwargs else ""


@remembered()
def _signature(rule: AnyFunction) -> inspect.Signature:
    return inspect.signature(rule)


def _takes(rule: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a rule knows all of these arguments, of which it is given `out` by no other way than its name."""
    signature = _signature(rule)
    options = {name: value for name, value in kwargs.items() if name != "out" or "out" in signature.parameters}
    try:
        given = signature.bind(*args, **options)
    except TypeError:
        return False
    return given.arguments.get("out") is None


def _of_values(function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what NumPy computes of the values, as tensors."""
    out = kwargs.get("out")
    options = {name: values(value) for name, value in kwargs.items() if name != "out"}
    if out is not None and not has_tensors(out):
        options["out"] = out
    made = function(*map(values, args), **options)
    if isinstance(out, Tensor):
        return stored(function.__name__, _as_tensors(made, function), out, True, "same_kind")
    return _as_tensors(made, function)


def _as_tensors(made: Any, function: AnyFunction) -> Any:
    """Return a result with tensors in place of arrays and of NumPy's numbers; DTypeError of objects."""
    if isinstance(made, tuple) and hasattr(made, "_fields"):
        return type(made)(*[_as_tensors(part, function) for part in made])
    if type(made) in (list, tuple):
        return type(made)(_as_tensors(part, function) for part in made)
    if not isinstance(made, np.ndarray | np.generic):
        return made
    if made.dtype.kind not in "biufc":
        raise DTypeError(f"np.{_path(function)} of a Tensor gives {made.dtype}: call it with x.numpy()")
    return wrap(np.asarray(made))
