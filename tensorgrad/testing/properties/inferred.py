"""What to draw: the strategies that are given, and for the other parameters what their annotations say."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.errors import ArgumentError, needing
from tensorgrad.testing.strategies import LAYOUTS, Shape, Strategy, arrays, broadcastable_shapes, laid_out

from .point import Point, taken
from .tested import Tested

with needing("tensorgrad.testing.gradients", "hypothesis"):
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp

_ARRAYS = ("Tensor", "ndarray", "Array", "NDArray", "ArrayLike")
_HALVES = 0.5  # the grid on which values meet: ties, zeros, and no two that almost do
_FARTHEST = 6
_MATRICES = ((2, 3), (3, 2), (2, 2))


def points(test: Tested, given: Mapping[str, Strategy[Any]], whole: Strategy[Any] | None, call: str) -> Strategy[Point]:
    """Return a strategy for the arguments of `test`.

    Raises:
        ArgumentError: a parameter has neither a strategy nor an annotation that says what it takes; or one is given
            that the function has not.
    """
    _require_given(test, given, whole)
    if whole is not None:
        return whole.map(lambda values: Point(dict(zip(_places(test, values), map(taken, values), strict=True)), call))
    drawn: dict[str, Strategy[Any] | None] = dict(given) if test.parameters is None else {}
    for name, parameter in (test.parameters or {}).items():
        if name in given:
            drawn[name] = given[name]
        elif (found := _of(test, name, parameter)) is not _LEFT_OUT:
            drawn[name] = found
    drawn |= {name: strategy for name, strategy in given.items() if name not in drawn}
    return _points(drawn, call)


def _require_given(test: Tested, given: Mapping[str, Any], whole: Any) -> None:
    """Raise ArgumentError where the strategies that are given do not fit the parameters of `test`, which it says."""
    names = test.parameters
    for name, strategy in {**given, **({} if whole is None else {"arguments": whole})}.items():
        if not isinstance(strategy, Strategy):
            raise ArgumentError(
                f"gradients(): {name}={strategy!r} is no strategy: pass tensors(...), arrays(...) or Hypothesis's own; "
                f"for a value that is always the same, just(...)"
            )
    if whole is not None and given:
        raise ArgumentError("gradients(): pass strategies by arguments= or by name, not both")
    if names is None and not given and whole is None:
        raise ArgumentError(
            f"gradients(): nobody knows the parameters of {test.name}, which is no Python: name them in their order, "
            f"for instance x=tensors()"
        )
    unknown = [] if names is None or _takes_any(names) else sorted(set(given) - set(names))
    if unknown:
        raise ArgumentError(
            f"gradients(): {test.name} has no parameter {', '.join(unknown)}: it has {', '.join(names or ())}"
        )


@st.composite
def _points(draw: Any, strategies: Mapping[str, Strategy[Any] | None], call: str) -> Point:
    """Draw a value for each strategy; for None an array, of shapes that broadcast."""
    free = [name for name, strategy in strategies.items() if strategy is None]
    shapes = dict(zip(free, draw(_shapes(len(free))) if free else [], strict=True))
    return Point(
        {
            name: taken(draw(values(shapes[name]) if strategy is None else strategy))
            for name, strategy in strategies.items()
        },
        call,
    )


@st.composite
def _shapes(draw: Any, n: int) -> list[Shape]:
    """Draw `n` shapes that broadcast: any, or a matrix and parts of it.

    Any shapes are mostly of one or two numbers, of which no order in memory, and no sum over the wrong axis shows.
    """
    if not draw(st.booleans()):
        found: list[Shape] = draw(broadcastable_shapes(n))
        return found
    rows, columns = draw(st.sampled_from(_MATRICES))
    parts = st.sampled_from([(rows, columns), (rows, columns), (columns,), (1, columns), (rows, 1)])
    return [(rows, columns), *(draw(parts) for _ in range(n - 1))]


@st.composite
def values(draw: Any, shape: Shape) -> Array:
    """Draw an array: on a coarse grid, where values repeat and are 0, or all apart and away from 0; in any layout."""
    if draw(st.booleans()):
        found: Array = draw(arrays(shape, distinct=True))
        return found
    whole = draw(hnp.arrays(np.int64, shape, elements=st.integers(-_FARTHEST, _FARTHEST)))
    return laid_out(whole * _HALVES, draw(st.sampled_from(LAYOUTS)))


_LEFT_OUT = st.nothing()


def _takes_any(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _places(test: Tested, drawn: Any) -> list[str]:
    names = list(test.parameters or ())
    several = test.parameters is None or any(p.kind is p.VAR_POSITIONAL for p in test.parameters.values())
    if not isinstance(drawn, list | tuple) or (len(drawn) > len(names) and not several):
        what = f"{len(drawn)} values" if isinstance(drawn, list | tuple) else type(drawn).__name__
        raise ArgumentError(
            f"gradients(): arguments= is a strategy for a list of all arguments of {test.name}, {', '.join(names)}; it "
            f"drew {what}: pass a strategy for one of them by its name"
        )
    return [names[i] if i < len(names) else f"x{i}" for i in range(len(drawn))]


def _of(test: Tested, name: str, parameter: inspect.Parameter) -> Strategy[Any] | None:
    """Return the strategy for a parameter, None for an array; `_LEFT_OUT` where its default says enough."""
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return _LEFT_OUT
    hint = _hint(test.function, parameter)
    if (choices := _choices(hint)) is not None:
        return st.sampled_from(choices)
    if parameter.default is not parameter.empty:
        return _LEFT_OUT
    arrays = hint is parameter.empty or any(map(_is_array, typing.get_args(hint) if _is_union(hint) else (hint,)))
    if arrays or (hint is float and test.library == "numpy"):
        return None
    if hint is float:
        return st.integers(-_FARTHEST, _FARTHEST).map(lambda n: n * _HALVES)
    if hint is int:
        return st.integers(1, 3)
    raise ArgumentError(
        f"gradients(): nothing says what {test.name} takes as {name}, annotated {hint!r}: pass a strategy for it, "
        f"{name}=..."
    )


def _choices(hint: Any) -> Sequence[Any] | None:
    """Return the values that an annotation has few of, None for one that has many."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if hint is bool:
        return (False, True)
    return list(hint) if isinstance(hint, type) and issubclass(hint, enum.Enum) else None


def _hint(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return the annotation, evaluated where that is possible."""
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    space = getattr(inspect.unwrap(getattr(function, "forward", function)), "__globals__", {})
    try:
        return eval(parameter.annotation, {**vars(typing), **space})  # noqa: S307 - as typing.get_type_hints does
    except Exception:  # noqa: BLE001 - a name for type checkers alone: the text says it
        return parameter.annotation


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _is_array(hint: Any) -> bool:
    if isinstance(hint, str):
        return any(part.strip().rpartition(".")[2].partition("[")[0] in _ARRAYS for part in hint.split("|"))
    inner = typing.get_origin(hint) or hint
    return hint is Any or getattr(inner, "__name__", "") in _ARRAYS
