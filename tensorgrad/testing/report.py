"""What a check found, as data: comparisons of derivatives, the verdict on each, and the report that holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tensorgrad.errors import TensorgradError

REPEATABLE = (
    "the function gives other values when it is called again with the same inputs: fix its random numbers, for "
    "instance with a Generator seeded anew inside it, and keep it from changing what it reads"
)
SHOWN = 10  # problems that a printed report lists


class GradcheckError(TensorgradError, AssertionError, RuntimeError):
    """A gradient that is wrong, not finite, or that cannot be checked at this point.

    Attributes:
        input: the position of the input among the arguments, or the name of the parameter; None for all together.
        index: the coordinate in it; None for a direction in which all coordinates move.
        analytic: the derivative by the sweep.
        numeric: the numerical derivative; NaN where there is none.
        estimate: what `numeric` may be off by.
    """

    def __init__(self, message: str, comparison: Comparison) -> None:
        super().__init__(message)
        self.input = comparison.input
        self.index = comparison.index
        self.analytic = comparison.analytic
        self.numeric = comparison.numeric
        self.estimate = comparison.estimate


@dataclass(frozen=True)
class Comparison:
    """One derivative, found in two ways.

    Attributes:
        input: the position of the input among the arguments, or the name of the parameter; None for all together.
        index: the coordinate that moved, None for a direction.
        mode: whose derivative it is: "reverse" or "forward"; "adjoint" compares the two with each other, without any
            step; "left out" compares a cotangent that is left out (`analytic`) with one of zeros (`numeric`). In second
            order "forward over reverse" and so on.
        analytic: the slope by the sweep.
        numeric: the numerical slope.
        estimate: the error of `numeric`.
        scale: what errors are divided by: the larger slope, but at least the size of the outputs, which is the slope at
            which they change by all they are when the argument changes by 1 (by its size, if that is larger).
        verdict: "agrees", "disagrees", "kink" (no numerical slope to compare with) or "not finite".
        method: how `numeric` was found: "complex step", "differences" or "sweep".
        sides: on a kink, the slopes to the left and to the right.
    """

    input: int | str | None
    index: tuple[int, ...] | None
    mode: str
    analytic: float
    numeric: float
    estimate: float
    scale: float
    verdict: str
    method: str = "differences"
    sides: tuple[float, float] = (math.nan, math.nan)

    @property
    def relative(self) -> float:
        """The disagreement in units of `scale`; infinite if something is not finite, 0 on a kink."""
        if self.verdict == "kink":
            return 0.0
        return math.inf if self.verdict == "not finite" else abs(self.analytic - self.numeric) / self.scale

    def __str__(self) -> str:
        name = self.input if isinstance(self.input, str) else f"input {self.input}"
        name = "all inputs" if self.input is None else name
        place = "along a random direction" if self.index is None else f"at {self.index}"
        kind = "gradient" if self.mode == "reverse" else f"{self.mode} derivative"
        numbers = f"analytic {self.analytic:.12g}, numeric {self.numeric:.12g} ± {self.estimate:.1g}"
        if self.verdict == "agrees":
            return f"{kind} of {name} {place} is right: {numbers} ({self.method})"
        if self.mode.startswith("adjoint"):
            return (
                f"the forward mode is not the adjoint of the reverse mode {place} of {name}: <Jv, g> is "
                f"{self.analytic:.12g}, <v, JTg> is {self.numeric:.12g} ± {self.estimate:.1g}: one rule is wrong"
            )
        if self.mode.startswith("left out"):
            return (
                f"gradient of {name} {place} is {self.analytic:.12g} where a cotangent is left out and "
                f"{self.numeric:.12g} where it is zeros: take a cotangent that is None for zeros"
            )
        if self.verdict == "kink":
            left, right = self.sides
            return (
                f"{kind} of {name} {place} cannot be checked: the numerical derivative does not converge, as at a kink "
                f"or a jump (slope {left:.6g} to the left, {right:.6g} to the right): check at another point; analytic "
                f"{self.analytic:.12g}"
            )
        if self.verdict == "not finite":
            return f"{kind} of {name} {place} is not finite, or the function is not: {numbers}; see where it began"
        return f"{kind} of {name} {place} is wrong: {numbers}: correct the derivative of an operation it goes through"


def unrepeatable(check: str, input: int | str) -> GradcheckError:
    """Return the error of a function that gives other values when it is called again."""
    nowhere = Comparison(input, None, "reverse", math.nan, math.nan, math.inf, 1.0, "not finite")
    return GradcheckError(f"{check}: {REPEATABLE}", nowhere)


def verdict_of(comparisons: Iterable[Comparison]) -> str:
    """Return "failed" if anything is wrong, "kink" if something could not be checked, else "passed"."""
    verdicts = {c.verdict for c in comparisons}
    return "failed" if verdicts & {"disagrees", "not finite"} else "kink" if "kink" in verdicts else "passed"


class Compared:
    """What holds of all `comparisons` together."""

    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> str:
        """Return "failed", "kink" (something could not be checked) or "passed": a failure outranks a kink."""
        return verdict_of(self.comparisons)

    @property
    def worst(self) -> Comparison | None:
        """The comparison that failed or, where none did, a kink or the one with the largest relative error."""
        order = {"agrees": 0, "kink": 1, "disagrees": 2, "not finite": 3}
        return max(self.comparisons, key=lambda c: (order[c.verdict], c.relative), default=None)

    @property
    def largest_error(self) -> float:
        """The largest relative error; infinite if a gradient is not finite."""
        return max((c.relative for c in self.comparisons), default=0.0)


@dataclass(frozen=True)
class Report(Compared):
    """All that a check of a function found; true in a condition if it passed, readable when printed.

    Attributes:
        comparisons: every derivative that was compared.
        left_out: what was not checked, and why, a sentence each.
    """

    comparisons: tuple[Comparison, ...]
    left_out: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that are wrong or not finite."""
        return tuple(c for c in self.comparisons if c.verdict in ("disagrees", "not finite"))

    @property
    def kinks(self) -> tuple[Comparison, ...]:
        """The comparisons at points without a derivative."""
        return tuple(c for c in self.comparisons if c.verdict == "kink")

    def raise_if_not_passed(self) -> None:
        """Raise GradcheckError about the first failure or, where there is none, the first kink."""
        for c in (*self.failures, *self.kinks):
            raise GradcheckError(str(c), c)

    def __add__(self, other: Report) -> Report:
        return Report((*self.comparisons, *other.comparisons), tuple(dict.fromkeys((*self.left_out, *other.left_out))))

    def __bool__(self) -> bool:
        return self.verdict == "passed"

    def __str__(self) -> str:
        exact = sum(c.method == "complex step" for c in self.comparisons)
        problems = [str(c) for c in (*self.failures, *self.kinks)]
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        head = (
            f"{self.verdict}: {len(self.comparisons)} comparisons, {exact} with a complex step, {len(self.failures)} "
            f"failed, {len(self.kinks)} on kinks, largest relative error {self.largest_error:.1e}"
        )
        return "\n  ".join([head, *problems[:SHOWN], *more, *(f"not checked: {text}" for text in self.left_out)])

    def __repr__(self) -> str:
        return f"<Report {self}>"
