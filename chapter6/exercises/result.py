"""What a check says of a learner's attempt: right, or not yet and why; an error of the attempt is told, not raised."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.testing import gradcheck


@dataclass(frozen=True, repr=False)
class Result:
    """The answer to an attempt, which a notebook shows as its text; true if the attempt is right."""

    right: bool
    text: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.text


P = ParamSpec("P")


def exercise(check: Callable[P, Iterator[str]]) -> Callable[P, Result]:
    """Return the check that learners call, made of one that yields what is wrong, of which the first is told."""

    @wraps(check)
    def of(*args: P.args, **kwargs: P.kwargs) -> Result:
        attempt: Any = [*args, *kwargs.values()][0]
        name = getattr(attempt, "__name__", "this")
        if not callable(attempt):
            return Result(False, f"not yet: expected your class or function by its name, without (), found {attempt!r}")
        try:
            wrong = next(check(*args, **kwargs), "")
        except NotImplementedError:
            wrong = f"{name} waits for your lines, in place of `raise NotImplementedError`"
        except Exception as error:  # noqa: BLE001 - whatever a learner's lines raise is an answer to them
            wrong = f"{name} stops with {type(error).__name__}: {error}{_place(error)}"
        return Result(not wrong, f"not yet: {wrong}" if wrong else f"right: {name}")

    return of


def _place(error: Exception) -> str:
    """Return the last line outside of the library that `error` came from, if there is one."""
    own = [
        summary
        for (frame, _), summary in zip(
            traceback.walk_tb(error.__traceback__), traceback.extract_tb(error.__traceback__), strict=True
        )
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("tensorgrad", "numpy")
    ]
    return f"\n    in line {own[-1].lineno}: {own[-1].line}" if own and own[-1].line else ""


def close(found: Any, wanted: Any, rtol: float = 1e-5) -> bool:
    """Return whether the two arrays are equal to within `rtol` of their largest number; NaN equals nothing."""
    a, b = np.asarray(found), np.asarray(wanted)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= rtol * np.abs(b).max(initial=1e-300)))


def slip(found: Any, slips: Mapping[str, Any]) -> str:
    """Return the name of the one of `slips` that gives the numbers `found`, empty if none does."""
    holes = np.isnan(found)
    return next(
        (
            name
            for name, value in slips.items()
            if np.array_equal(holes, np.isnan(value)) and close(np.nan_to_num(found), np.nan_to_num(value))
        ),
        "",
    )


def checked(function: Callable[..., Tensor], inputs: Sequence[Tensor], names: Sequence[str]) -> Iterator[str]:
    """Yield what `gradcheck` finds wrong with the gradients of `function`, whose inputs have these `names`."""
    report = gradcheck(function, inputs, raise_exception=False)
    if not report:
        first, why = report.failures[0], report.hint.removeprefix("hint: ")
        name = f"d{names[first.input]}" if isinstance(first.input, int) else "the gradient"
        place = f" at {first.index}" if first.index else ""
        yield f"{name}{place} is {first.analytic:.6g}, numerically {first.numeric:.6g}{': ' + why if why else ''}"


def array(value: Any, what: str) -> Array:
    """Return the numbers of a tensor or an array.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    if value is None:
        raise TypeError(f"{what} is None: is there a `return`?")
    return np.asarray(value, dtype=float)
