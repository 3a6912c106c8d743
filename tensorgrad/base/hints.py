"""Annotations, read when a call has gone wrong: what a parameter takes, whether a value is that, and both in words.

What an annotation says and this cannot judge counts as fitting: an error is named where it is sure, not guessed.
"""

from __future__ import annotations

import inspect
import numbers
import sys
import types
import typing
from collections import abc
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.errors import TensorgradError

from .caching import remembered
from .dtypes import Array

Hint = Any
"""An annotation as an object: a class, `int | None`, `Sequence[int]`, ..."""

_SHOWN = 60  # characters of a value that an error repeats
_SERIES = (list, tuple, abc.Sequence, abc.Iterable, abc.Collection)
_MAY_BE_NAN = {"fill_value", "nan", "neginf", "padding_value", "posinf", "s", "val", "value"}
_NUMBERS: dict[Any, Any] = {
    int: (int, np.integer),
    float: (numbers.Real, np.number, np.bool_),
    complex: (numbers.Number, np.generic),
}


@remembered()
def hints(function: Callable[..., Any]) -> dict[str, Hint]:
    """Return what each parameter of `function` takes; Any where the annotation cannot be read.

    >>> def scaled(x: float, shape: "tuple[int, ...] | None", y: "Unheard"): ...
    >>> hints(scaled)
    {'x': <class 'float'>, 'shape': tuple[int, ...] | None, 'y': typing.Any}
    """
    scope = {
        **vars(sys.modules.get(function.__module__, typing)),
        **getattr(inspect.unwrap(function), "__globals__", {}),
    }
    return {name: _evaluated(p.annotation, scope) for name, p in inspect.signature(function).parameters.items()}


def _evaluated(annotation: Any, scope: dict[str, Any]) -> Hint:
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    tensors = sys.modules.get("tensorgrad.engine.tensor", typing)
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    try:
        return typing.get_type_hints(holder, {**vars(tensors), **scope})["value"]
    except (NameError, TypeError, AttributeError, SyntaxError):  # a name that only type checkers import
        return Any


def suits(parameter: str, value: Any, hint: Hint) -> bool:
    """Return whether `value` may be given for a `parameter` that takes what `hint` says: NaN as a value to fill with.

    >>> suits("value", float("nan"), float), suits("eps", float("nan"), float)
    (True, False)
    """
    return fits(value, hint) or (parameter in _MAY_BE_NAN and isinstance(value, float) and fits(0.0, hint))


def fits(value: Any, hint: Hint) -> bool:
    """Return whether `value` may be what `hint` says; NaN is no `float`, None no `bool`, and a `bool` no `int`.

    >>> fits(2, float), fits("2", float), fits((1, 2), abc.Sequence[int]), fits((1, 0.5), abc.Sequence[int])
    (True, False, True, False)
    >>> fits(float("nan"), float), fits(None, bool), fits(None, bool | None), fits(True, int)
    (False, False, True, False)
    >>> fits((0.9,), tuple[float, float]), fits(None, int | None), fits(len, Callable), fits("a", bool)
    (False, True, True, False)
    """
    kind, parts = _opened(hint)
    if kind is types.UnionType:
        return any(fits(value, part) for part in parts)
    if kind is typing.Literal:
        return isinstance(value, str | int | types.NoneType) and value in parts
    if kind is bool:
        return isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1))
    if kind in _NUMBERS:
        return _is_number(value, kind)
    if not _is_known(kind):
        return True
    return _holds(value, kind, parts) if issubclass(kind, abc.Iterable) and parts else isinstance(value, kind)


def _opened(hint: Hint) -> tuple[Any, tuple[Hint, ...]]:
    """Return what an annotation is of, `types.UnionType` for every union, and its parts."""
    if isinstance(hint, typing.TypeVar):
        return _opened(hint.__bound__ or Any)
    origin: Any = typing.get_origin(hint)
    parts = typing.get_args(hint)
    if origin is typing.Annotated:
        return _opened(parts[0])
    return types.UnionType if origin is typing.Union else types.NoneType if hint is None else origin or hint, parts


def _is_known(kind: Any) -> bool:
    """Return whether a value can be asked whether it is one of `kind`."""
    special = (
        kind in (Any, object)
        or kind.__module__ == "typing"
        or typing.is_typeddict(kind)
        or getattr(kind, "_is_protocol", False)
    )
    return isinstance(kind, type) and not special


def _is_number(value: Any, kind: type) -> bool:
    """Return whether `value` is a number of that kind: a plain one, or a tensor or an array that holds but one."""
    array = _array_of(value)
    if array is not None:
        return not array.ndim and array.dtype.kind in {int: "biu", float: "biuf", complex: "biufc"}[kind]
    if not isinstance(value, _NUMBERS[kind]) or (kind is int and isinstance(value, bool)):
        return False
    return kind is not float or not is_nan(value)


def is_nan(value: Any) -> bool:
    """Return whether `value` is a number that is none."""
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _array_of(value: Any) -> Array | None:
    """Return `value` if it is an array, or the array of a tensor; None of anything else."""
    try:
        array = value.array if hasattr(type(value), "array") else value
    except TensorgradError:  # a parameter whose shape is not known yet
        return None
    return array if isinstance(array, np.ndarray) else None


def _holds(value: Any, kind: type, parts: tuple[Hint, ...]) -> bool:
    """Return whether `value` holds elements as `kind` does, and each is what `parts` say; iterators are not used up."""
    if kind is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype.kind in "biufc"
    if isinstance(value, str | bytes) or kind not in _SERIES:
        return isinstance(value, kind) and not (isinstance(value, str | bytes) and str not in parts)
    if kind is tuple and parts[-1] is not ...:
        pairs = list(zip(value, parts, strict=False)) if isinstance(value, list | tuple) else []
        return len(pairs) == len(parts) and len(value) == len(parts) and all(fits(v, part) for v, part in pairs)
    if isinstance(value, abc.Mapping) or getattr(value, "shape", None) == ():
        return False
    indexed = hasattr(type(value), "__len__") and hasattr(type(value), "__getitem__")
    if not isinstance(value, list | tuple):
        return indexed or (kind is abc.Iterable and isinstance(value, abc.Iterable))
    return all(fits(v, parts[0]) for v in value)


def spelled(hint: Hint) -> str:
    """Return `hint` in words.

    >>> spelled(int | abc.Sequence[int] | None), spelled(tuple[float, float])
    ('int, sequence of int or None', 'pair of float')
    >>> spelled(typing.Literal["same", "valid"] | int)
    "'same', 'valid' or int"
    """
    words = list(dict.fromkeys(_words(hint)))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _words(hint: Hint) -> list[str]:
    kind, parts = _opened(hint)
    if kind is types.UnionType:
        return [word for part in parts for word in _words(part)]
    if kind is typing.Literal:
        return [repr(part) for part in parts]
    if kind is abc.Callable:
        return ["function"]
    if kind is tuple and parts and parts[-1] is not ... and len(set(parts)) == 1:
        return [f"{ ({2: 'pair', 3: 'triple'}.get(len(parts), 'tuple')) } of {spelled(parts[0])}"]
    name = (
        "None"
        if kind is types.NoneType
        else "numpy.ndarray"
        if kind is np.ndarray
        else getattr(kind, "__name__", str(kind))
    )
    if parts and isinstance(kind, type) and issubclass(kind, abc.Iterable) and kind is not np.ndarray:
        return [f"{name.lower()} of {spelled(parts[0])}"]
    return [name]


def found(value: Any) -> str:
    """Return the kind of `value`, and the value itself where it says more.

    >>> found(1.5), found("a"), found(None), found(np.ones(2))
    ('float: found 1.5', "str: found 'a'", 'NoneType', 'numpy.ndarray')
    """
    kind = type(value)
    if isinstance(value, np.ndarray):
        known = value.dtype.kind in "biufc" and value.dtype.char not in "gG"
        return "numpy.ndarray" + ("" if known else f" of {value.dtype}")
    if value is None:
        return "NoneType"
    if is_nan(value):
        return "nan"
    return f"{kind.__name__}: found {short(value)}" if isinstance(value, _PLAIN) else short(value)


_PLAIN = (str, bytes, bool, int, float, complex, list, tuple, dict, set, types.NoneType)


def short(value: Any) -> str:
    """Return `value` as an error shows it, which a person reads: dtype and shape of a tensor, little of what is long.

    >>> short(np.ones(2)), short([1, 2]), len(short(list(range(1_000_000))))
    ('ndarray float64[2]', '[1, 2]', 60)
    """
    array = _array_of(value)
    if array is not None:
        return f"{type(value).__name__} {array.dtype}{list(array.shape)}"
    if not isinstance(value, _PLAIN):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, list | tuple):
        inside = ", ".join(map(short, value[:_SHOWN]))
        text = f"[{inside}]" if isinstance(value, list) else f"({inside},)" if len(value) == 1 else f"({inside})"
    else:
        text = repr(value[:_SHOWN] if isinstance(value, str | bytes) else value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
