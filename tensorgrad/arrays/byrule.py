"""How a function of NumPy's is called with tensors: of the values alone, by a rule, or not at all.

Where nobody asks for a gradient, NumPy computes, so that every dtype and every error is its own. Where one is asked
for, a rule does, and NumPy is asked, too: what it refuses is refused, and a result has its structure, shape and dtype.
A rule answers NotImplemented where it does not follow an option. Then the function is refused, with what to do instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.base.caching import remembered
from tensorgrad.base.context import context
from tensorgrad.base.misfits import unfit
from tensorgrad.base.watched import watching
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import DTypeError, LostGraphError

from . import fourier, multiplying, rearranging, reducing, solving, spacing, valued, viewing
from .mixed import FUNCTIONS, converted, has_tensors, is_recorded, tensor, values
from .ufuncs import stored

AnyFunction = Callable[..., Any]

TABLES: tuple[tuple[Any, dict[str, AnyFunction]], ...] = (
    *[(np, module.FOLLOWED) for module in (viewing, rearranging, reducing, spacing, multiplying, valued)],
    (np.linalg, solving.FOLLOWED), (np.fft, fourier.FOLLOWED),
)  # fmt: skip
"""The rules by the name of the function, and where NumPy has it."""
FOLLOWED: dict[Any, AnyFunction] = {
    getattr(module, name): rule for module, table in TABLES for name, rule in table.items() if hasattr(module, name)
}
"""The rule of each of NumPy's functions, of those that this NumPy has."""
_ACTING = frozenset(getattr(np, name) for name in valued.ACTING if hasattr(np, name))
_VIEWS = frozenset(
    getattr(np, name) for name in (*viewing.FOLLOWED, "diag", "diagonal", "trim_zeros") if hasattr(np, name)
)


def called(function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a function of NumPy's computes of arguments of which some are tensors.

    Raises:
        TypeError: an array has a meaning that a tensor would lose.
        LostGraphError: no derivative is known, or an array is to hold what asks for one.
        DTypeError: the result would hold objects.
    """
    rule = FOLLOWED.get(function)
    args, kwargs = _out_by_name(rule, args, kwargs)
    out = kwargs.get("out")
    recorded = is_recorded([*args, kwargs])
    asked = function not in _ACTING and not context().special and watching() is None  # NumPy may be, and has numbers
    by_rule = recorded or not asked or function in _VIEWS
    options = {name: value for name, value in kwargs.items() if name != "out"}
    if rule is not None and by_rule and _takes(rule, args, options):
        known = function(*map(values, args), **{x: values(y) for x, y in options.items()}) if asked else None
        made = rule(*args, **options)
        if made is not NotImplemented and known is not None:
            made = _as_known(made, known)
        if made is not NotImplemented:
            return made if out is None else stored(function.__name__, made, out, True, "same_kind")
    if recorded and function.__name__ not in valued.CONSTANT:
        raise LostGraphError(
            f"np.{_path(function)} of a Tensor that requires grad has no derivative here"
            f"{_said(rule, kwargs)}: use {valued.way_out(function.__name__)}"
        )
    return _of_values(function, args, kwargs)


def _as_known(made: Any, known: Any) -> Any:
    """Return what a rule made in the dtypes of what NumPy gives; NotImplemented if it is not of the same structure."""
    if isinstance(known, list | tuple):
        if not isinstance(made, list | tuple) or len(made) != len(known):
            return NotImplemented
        parts = [_as_known(x, y) for x, y in zip(made, known, strict=True)]
        if any(part is NotImplemented for part in parts):
            return NotImplemented
        return type(known)(*parts) if hasattr(known, "_fields") else type(known)(parts)
    if not isinstance(known, np.ndarray | np.generic) or not isinstance(made, Tensor):
        return made
    if made.array.shape != known.shape or (made.array.dtype.kind == "c") > (known.dtype.kind == "c"):
        return NotImplemented
    found = made if made.array.dtype == known.dtype else converted(made, known.dtype)
    return _not_numbers_as_known(found, np.asarray(known)) if known.dtype.kind in "fc" else found


def _not_numbers_as_known(made: Tensor, known: Any) -> Any:
    """Return what a rule made with NaN and infinity where NumPy has them; NotImplemented if it has a number."""
    if np.isfinite(made.array).all() and np.isfinite(known).all():
        return made
    other = (np.isnan(made.array) != np.isnan(known)) | (np.isfinite(known) & np.isinf(made.array))
    if np.isfinite(known[other]).any():
        return NotImplemented
    return FUNCTIONS["where"](tensor(other), tensor(known), made) if other.any() else made


def _path(function: AnyFunction) -> str:
    module = getattr(function, "__module__", "numpy").partition("numpy.")[2]
    module = "emath" if "scimath" in module else module
    return f"{module}.{function.__name__}" if module in ("linalg", "fft", "emath") else function.__name__


def _said(rule: AnyFunction | None, kwargs: dict[str, Any]) -> str:
    """Return which options were given, where it is these that are not followed."""
    return f" with {', '.join(sorted(kwargs))}" if rule is not None and kwargs else ""


@remembered()
def _signature(rule: AnyFunction) -> inspect.Signature:
    return inspect.signature(rule)


def _takes(rule: AnyFunction, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Return whether a rule knows all of these arguments, and none of them is an `out` that is given by its place."""
    try:
        given = _signature(rule).bind(*args, **options)
    except TypeError:
        return False
    return given.arguments.get("out") is None


def _out_by_name(
    rule: AnyFunction | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments with an `out` that is given by its place, and all after it, by their names."""
    taken = {} if rule is None else _signature(rule).parameters
    names = [name for name, known in taken.items() if known.kind <= known.POSITIONAL_OR_KEYWORD]
    place = names.index("out") if "out" in names else len(args)
    if len(args) <= place or args[place] is None:
        return args, kwargs
    return args[:place], {**dict(zip(names[place:], args[place:], strict=False)), **kwargs}


def _of_values(function: AnyFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what NumPy computes of the values, as tensors."""
    out = kwargs.get("out")
    options = {name: values(value) for name, value in kwargs.items() if name != "out"}
    if out is not None and not has_tensors(out):
        options["out"] = out
    made = function(*map(values, args), **options)
    if out is made and isinstance(out, np.ndarray):
        return out
    result = _as_tensors(made, function)
    return stored(function.__name__, result, out, True, "same_kind") if isinstance(out, Tensor) else result


def _as_tensors(made: Any, function: AnyFunction) -> Any:
    """Return a result with tensors in place of arrays and of NumPy's numbers; DTypeError of objects."""
    if isinstance(made, tuple) and hasattr(made, "_fields"):
        return type(made)(*[_as_tensors(part, function) for part in made])
    if type(made) in (list, tuple):
        return type(made)(_as_tensors(part, function) for part in made)
    if not isinstance(made, np.ndarray | np.generic):
        return made
    if unfit(made):
        raise DTypeError(f"np.{_path(function)} of a Tensor gives {made.dtype}: call it with x.numpy()")
    return wrap(np.array(made) if isinstance(made, np.ndarray) else np.asarray(made))  # of memory of its own
