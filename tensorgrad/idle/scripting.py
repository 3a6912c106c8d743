"""TorchScript's words: Python runs a function or a module as it is, and that is what `script` and `trace` return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def script(obj: F, *args: Any, **options: Any) -> F:
    """Return `obj`, a function or a module, itself; see `tensorgrad.compile` for one that runs faster.

    >>> import tensorgrad as tg
    >>> @tg.jit.script
    ... def double(x):
    ...     return 2 * x
    >>> double(tg.ones(1))
    tensor([2.])
    """
    return obj


def trace(func: F, example_inputs: Any = None, **options: Any) -> F:
    """Return `func`, a function or a module, itself; see `tensorgrad.graph.Graph.trace` for its graph as data."""
    return func


def marked(fn: F) -> F:
    """Return `fn` itself, which a script marks for a compiler that there is not."""
    return fn


def unused_or_ignored(fn: Any = None, drop: bool = False) -> Any:
    """Return a function itself; given ``drop=``, a decorator that does."""
    return fn if callable(fn) else marked


def is_scripting() -> bool:
    """Return False."""
    return False


def annotate(the_type: Any, the_value: Any) -> Any:
    """Return `the_value`."""
    return the_value
