"""What a check is asked for: the options, and what each of them may be."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from tensorgrad.base.hints import fits, hints
from tensorgrad.base.misfits import WrongTypeError, wrong_type
from tensorgrad.errors import ArgumentError

from .extrapolation import LARGEST_STEP

P = ParamSpec("P")
R = TypeVar("R")

_COUNT = ("an int of at least 0", lambda n: n >= 0)
_TOLERANCE = ("a number of at least 0", lambda tolerance: tolerance >= 0)
_STEP = ("a number above 0 and at most 1", lambda step: 0 < step <= 1)
_ANYTHING = ("anything", lambda value: True)
_RANGES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("max_coordinates", "directions", "coordinates", "seed"), _COUNT),
    **dict.fromkeys(("min_dims", "max_dims", "min_side", "max_side", "ndim", "min_ops", "max_ops"), _COUNT),
    "n": ("an int of at least 1", lambda n: n >= 1),
    "domain": ("two finite numbers, the lower one first", lambda ends: -math.inf < ends[0] <= ends[1] < math.inf),
    **dict.fromkeys(("atol", "rtol", "nondet_tol"), _TOLERANCE),
    **dict.fromkeys(("eps", "largest_step"), _STEP),
}


@dataclass(frozen=True)
class Options:
    """What `check` is asked for, which describes them; `second`: of a function that is a derivative itself."""

    max_coordinates: int
    check_left_out: bool
    largest_step: float
    atol: float
    rtol: float
    nondet_tol: float
    allow_undecided: bool
    seed: int
    directions: int | None = None
    check_reverse: bool = True
    check_forward: bool | None = None
    second: bool = False


def verifying(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` so that its arguments are verified before anything is computed.

    One of another kind is answered with WrongTypeError; one that no check can be made with, as it is negative, too
    large or NaN, with ArgumentError.

    >>> @verifying
    ... def checker(*, atol: float = 0.0) -> None: ...
    >>> checker(atol=-1.0)
    Traceback (most recent call last):
    tensorgrad.errors.ArgumentError: checker(): argument 'atol' must be a number of at least 0, found -1.0
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        kinds = hints(function)
        for name, value in [*zip(kinds, args, strict=False), *kwargs.items()]:
            if name not in kinds:
                break  # Python says so
            if not fits(value, kinds[name]):
                raise WrongTypeError(wrong_type(function.__name__, name, 0, value, kinds[name]))
            wanted, good = _RANGES.get(name, _ANYTHING)
            if value is not None and not good(value):
                raise ArgumentError(f"{function.__name__}(): argument {name!r} must be {wanted}, found {value!r}")
        return function(*args, **kwargs)

    return call


def step_of(eps: float | None) -> float:
    """Return the largest step, a power of two, that is no larger than `eps`.

    >>> step_of(0.3), step_of(None)
    (0.25, 0.125)
    """
    return LARGEST_STEP if eps is None else max(2.0 ** math.floor(math.log2(eps)), 2.0**-1000)
