"""How a test of `gradients` runs: points are drawn, judged, and a failure is told with a script."""

from __future__ import annotations

import functools
import inspect
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tensorgrad.errors import ArgumentError, needing
from tensorgrad.testing.report import GradcheckError, Report

from .foreign import GradientDTypeError
from .inferred import points
from .judging import ElsewhereError, is_small, judged
from .libraries import UntransplantableError, transplanted
from .pasted import SCRIPT, drawn_again, script_of
from .point import Point, taken
from .tested import Tested, tested

with needing("tensorgrad.testing.gradients", "hypothesis"):
    import hypothesis
    from hypothesis import HealthCheck, Phase

DRAWN = "point"
SMALL = 16
"""How many points of few elements are judged in whole: most are such, and what failed before is drawn first."""
LONG = 10
"""The seconds from which on a test tells what takes so long."""
QUIET: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [check for check in HealthCheck if check is not HealthCheck.filter_too_much],
    "phases": [phase for phase in Phase if phase is not Phase.explain],
    "report_multiple_bugs": False,
}
"""No noise: no deadline on a busy machine, one failure with one explanation; a test that draws in vain still fails."""


class GradientError(GradcheckError):
    """A gradient that a test of `gradients` found wrong.

    Attributes:
        script: the lines that show it.
        gradients_told: the whole message, which the pytest plugin shows in place of a traceback.
    """

    def __init__(self, error: GradcheckError, heading: str, script: str, again: str) -> None:
        script_lines = "\n".join(f"    {line}" for line in script.splitlines())
        self.script = script
        self.gradients_told = f"{heading}\n{error}\n\n{SCRIPT}:\n\n{script_lines}\n\n{again}"
        super().__init__(self.gradients_told, error.comparison)


def _print(text: str) -> None:
    print(text, file=sys.stderr)


@dataclass
class Pace:
    """How many seconds each point of a test has taken, and what tells of it, as the plugin does."""

    name: str
    subject: Tested
    most: int
    seconds: list[float] = field(default_factory=list)
    tell: Callable[[str], None] = _print
    told: float = 0.0

    def add(self, seconds: float) -> None:
        """Note how long a point took; every `LONG` seconds it is told how far the test is."""
        self.seconds.append(seconds)
        whole, count = sum(self.seconds), len(self.seconds)
        if whole >= self.told + LONG:
            self.told = whole
            self.tell(f"{self.name}: {count}{f' of {self.most}' * (count <= self.most)} points in {whole:.0f} s")

    def why_slow(self) -> str:
        """Return what has taken so long, and what to do; empty where it was not long."""
        whole, count, own = sum(self.seconds), len(self.seconds), self.subject.own
        if whole < LONG:
            return ""
        having = f", with its {len(own)} parameters of {sum(x.size for x in own.values())} elements," * bool(own)
        return (
            f"{self.name}: {count} points took {whole:.0f} s, {whole / count:.2f} s each: {self.subject.name}{having} "
            f"runs some hundred times at each; examples={max(1, int(LONG * count / whole))} takes {LONG} s"
        )


def decorated(
    test: Callable[..., Any],
    function: Any,
    gradient: Callable[..., Any] | None,
    whole: Any,
    examples: int | None,
    library: str | None,
    beside: bool | None,
    strategies: Mapping[str, Any],
) -> Callable[..., Any]:
    """Return `test` as one that Hypothesis runs, which see `gradients`."""
    subject = tested(function, gradient, library)
    judge = _judge_of(test, subject, _elsewhere(subject, beside))
    call = f"{test.__qualname__}.at"

    chosen: dict[str, Any] = {} if examples is None else {"max_examples": examples}
    settings = hypothesis.settings(**QUIET, **chosen)
    pace = Pace(test.__qualname__, subject, settings.max_examples)

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        start = time.monotonic()
        try:
            judge(kwargs.pop(DRAWN), lambda: drawn_again(made), whole=False)
        except ElsewhereError:
            hypothesis.reject()
        finally:
            pace.add(time.monotonic() - start)
        test(*args, **kwargs)

    def at(**arguments: Any) -> Report:
        point = Point({name: taken(value) for name, value in arguments.items()}, call)
        return judge(point, lambda: "drawn by nobody: these arguments were given", whole=True)

    signature = inspect.signature(test)
    drawn = inspect.Parameter(DRAWN, inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), drawn])  # type: ignore[attr-defined]
    made: Any = settings(hypothesis.given(**{DRAWN: points(subject, strategies, whole, call)})(run))
    made.at, made.is_gradients_test, made.pace = at, True, pace
    return made  # type: ignore[no-any-return]


def failing_with(error: ArgumentError, test: Callable[..., Any]) -> Callable[..., Any]:
    """Return `test` as one that fails with `error`: the others of its file are no worse for it."""

    @functools.wraps(test)
    def refused(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        raise error

    made: Any = refused
    made.at, made.is_gradients_test = refused, True
    return made  # type: ignore[no-any-return]


def _judge_of(test: Callable[..., Any], subject: Tested, other: Tested | None) -> Callable[..., Report]:
    """Return what judges a point, and tells a failure with a script that calls `test`."""
    heading = f"the gradient of {subject.name}{f' ({subject.place})' if subject.place else ''}"
    left = [SMALL]

    def judge(point: Point, again: Callable[[], str], *, whole: bool) -> Report:
        __tracebackhide__ = True
        small = is_small(subject, point)
        left[0] -= small
        try:
            return judged(subject, point, other, whole=whole or (small and left[0] >= 0))
        except GradcheckError as error:
            found = error
            left[0] = sys.maxsize  # what shrinks from here on must fail as this did
        except ElsewhereError:
            raise
        except Exception as error:
            error.add_note(f"{subject.name} refuses {point!r}: if it should, pass strategies: x=tensors((2, 3))")
            raise
        # raised here, all failures are one to Hypothesis, which tells them apart by where and in what they are raised
        what = "has the wrong dtype" if isinstance(found.__cause__, GradientDTypeError) else "is wrong"
        raise GradientError(found, f"{heading} {what}", script_of(test, point), again())

    return judge


def _elsewhere(subject: Tested, beside: bool | None) -> Tested | None:
    """Return the same source on the other library, None where it is not asked for, or there is none."""
    if beside is False or subject.library == "numpy" or (beside is None and subject.library != "torch"):
        return None
    there = {"torch": "tensorgrad", "tensorgrad": "torch"}[subject.library]
    try:
        return tested(transplanted(subject.function, subject.library, there), None, there)
    except UntransplantableError:
        return None
