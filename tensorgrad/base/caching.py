"""Functions that remember what they gave; type checkers know their parameters, which `functools` hides."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


def remembered(maxsize: int | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: the function gives the same arguments, which must be hashable, the same result again.

    What it makes is the cache of `functools` itself: a call costs what it costs there.

    Args:
        maxsize: of how many calls the results are kept, the last ones; None: of all.

    >>> @remembered(maxsize=2)
    ... def shape(*lengths: int) -> list[int]:
    ...     return [*lengths]
    >>> shape(2, 3) is shape(2, 3)
    True
    """
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", lru_cache(maxsize))
