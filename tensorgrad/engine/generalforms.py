"""What the library's own code on raw arrays says so that a trace holds for all inputs, and not only for those at hand.

Without a trace, each of these is what NumPy does, or the condition itself.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from tensorgrad.base.numerics import bounded
from tensorgrad.base.watched import WatchedStream, as_one, call_watched, is_watched, watched_in

from .batched import array_of, is_batched
from .numpycalls import ITEM, Draw, record_of
from .tensor import Tensor
from .tracedarrays import Traced, record_call, recorded_result, tell_of_masks, traced_in, varies
from .tracedvalues import broken, plain_of
from .traces import running

P = ParamSpec("P")
R = TypeVar("R")


class Stream:
    """A generator of random numbers while a function is traced: a draw is an operation, the generator an input."""

    def __init__(self, source: np.random.Generator) -> None:
        self.source = source

    def __getattr__(self, name: str) -> Any:
        drawn = getattr(self.source, name)
        if callable(drawn):
            return functools.partial(self.draw, name)
        broken(f"the {name} of a generator", name)
        return drawn

    def draw(self, call: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what a method of the generator, or a function that is given it, draws."""
        trace = running()
        number = 0 if trace is None else trace.streams.setdefault(id(self.source), len(trace.streams))
        drawn = Draw(call, number)
        out = drawn(self.source, *plain_of(args), **plain_of(kwargs))
        if trace is None or not isinstance(out, np.ndarray | np.generic | float | int):
            broken(f"{record_of(drawn).name} of a generator", out)
            return out
        made = recorded_result(drawn, args, kwargs, out if isinstance(out, np.ndarray) else np.asarray(out)[()])
        trace.draws.append(made.node)
        return made


def asarray(value: Any, dtype: Any = None) -> Any:
    """Return `value` as an array, as NumPy does; a traced number as a traced array."""
    if is_watched(value) or is_batched(value):
        return value if dtype is None or dtype == value.dtype else value.astype(dtype)
    if type(value) is not Traced:
        return np.asarray(value, dtype)
    whole = isinstance(value.value, np.ndarray) and (dtype is None or dtype == value.dtype)
    return value if whole else record_call(np.asarray, (value,), {} if dtype is None else {"dtype": dtype})


def own(array: Any, dtype: Any = None) -> Any:
    """Return a copy of an array, in `dtype`; a traced one itself, for what a trace records is a copy."""
    if is_watched(array) or is_batched(array):
        return array.astype(array.dtype if dtype is None else dtype)
    if type(array) is not Traced:
        return np.array(array, dtype)
    return array if dtype is None or dtype == array.dtype else array.astype(dtype)


def at(x: Any, index: Any) -> Any:
    """Return ``x[index]`` of an array, also where the index alone is traced."""
    if not traced_in(index):
        return call_watched(operator.getitem, x, index) if watched_in(index) else x[index]
    tell_of_masks(index)
    return record_call(ITEM, (x,), {"index": index})


def one_step(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function of raw arrays so that a trace records it as one operation, with the choices that it makes."""
    return _one_step(function, as_one(function))


def one_traced_step(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function of raw arrays as `one_step` does, but a watch is told of each call that it makes."""
    return _one_step(function, function)


def _one_step(function: Callable[P, R], plain: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        first = args[0] if args else None
        if type(first) is WatchedStream:
            drawn: R = first.draw(function, *args[1:], **kwargs)
            return drawn
        if running() is None:
            return plain(*args, **kwargs)
        found: R = (
            first.draw(function, *args[1:], **kwargs) if type(first) is Stream else record_call(function, args, kwargs)
        )
        return found

    return run


def surely(condition: Any) -> bool:
    """Return whether `condition` holds for all inputs: while tracing that is not known, and the general form is run."""
    return not _may_differ(condition) and valid(condition)


def valid(condition: Any) -> bool:
    """Return whether `condition` holds in this run, of all examples: what a check that raises an error asks."""
    return bool(array_of(condition).all() if is_batched(condition) else condition)


def perhaps(condition: Any) -> bool:
    """Return whether `condition` holds, or may hold for other inputs."""
    return _may_differ(condition) or bool(array_of(condition).any() if is_batched(condition) else condition)


def assumed(condition: Any) -> bool:
    """Return whether `condition` holds, which a shorter form needs; where it does not, the general form is run.

    While tracing, one that holds is noted: the file checks it. The general form needs no check.
    """
    if type(condition) is not Traced:
        return surely(condition)
    holds, trace = bool(condition.value), running()
    if trace is not None and holds and _may_differ(condition) and condition.node is not None:
        trace.assume(condition.node)
    return holds


def finite(x: Any) -> bool:
    """Return whether the array `x` is finite; while tracing, what is so is `assumed` to be."""
    return assumed(np.isfinite(x).all()) if type(x) is Traced else bounded(array_of(x))


def _may_differ(condition: Any) -> bool:
    return varies(condition.array if isinstance(condition, Tensor) else condition)
