"""Functions that remember or stand around others, and memory that stays with the process for what comes next."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def remembered(maxsize: int | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator: the function gives the same arguments, which must be hashable, the same result again.

    What it makes is the cache of `functools` itself, which hides the parameters from type checkers: a call costs what
    it costs there.

    Args:
        maxsize: of how many calls the results are kept, the last ones; None: of all.

    >>> @remembered(maxsize=2)
    ... def shape(*lengths: int) -> list[int]:
    ...     return [*lengths]
    >>> shape(2, 3) is shape(2, 3)
    True
    """
    return cast("Callable[[Callable[P, R]], Callable[P, R]]", lru_cache(maxsize))


def unwrapped(function: Any) -> Any:
    """Return what stands inside all the wrappers, as `inspect.unwrap` does, which looks for circles as well.

    >>> unwrapped(remembered()(len)) is len
    True
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def keep_freed_memory() -> None:
    """Let glibc keep what one step frees for the next one.

    It asks the system for every array above a threshold, 128 KiB at first, and gives it back when the array is freed:
    each step then takes its pages anew, a fault for each, which is half of the time of a small convolutional network
    (`cnn` and `gelu` of the table "breadth" in `benchmarks`). Freeing such a block of up to 32 MiB raises that
    threshold to its size, and the one at which the end of the heap is given back to twice of it (mallopt(3)). Nothing
    of this block is touched: it costs no memory. Other libraries of C do as they always do.
    """
    np.empty((32 << 20) - 8192, np.uint8)  # malloc and a page that is begun add to it
