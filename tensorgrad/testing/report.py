"""What a check found, as data: comparisons of derivatives, the verdict on each, and the report that holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tensorgrad.errors import TensorgradError

from .comparison import Comparison, Proof
from .slips import hint_of

REPEATABLE = (
    "the function gives other values when it is called again with the same inputs: fix its random numbers, for "
    "instance with a Generator seeded anew inside it, and keep it from changing what it reads"
)
SHOWN = 10  # problems that a printed report lists


class GradcheckError(TensorgradError, AssertionError, RuntimeError):
    """A gradient that is wrong, not finite, or that cannot be checked at this point.

    Attributes:
        comparison: the one that the error is about, as a report holds it.
        input: the position of the input among the arguments, or the name of the parameter; None for all together.
        index: the coordinate in it; None for a direction in which all coordinates move.
        analytic: the derivative by the sweep.
        numeric: the numerical derivative; NaN where there is none.
        estimate: what `numeric` may be off by.
    """

    def __init__(self, message: str, comparison: Comparison) -> None:
        super().__init__(message)
        self.comparison = comparison
        self.input = comparison.input
        self.index = comparison.index
        self.analytic = comparison.analytic
        self.numeric = comparison.numeric
        self.estimate = comparison.estimate


def unrepeatable(check: str, input: int | str) -> GradcheckError:
    """Return the error of a function that gives other values when it is called again."""
    return refused(check, input, REPEATABLE)


def written(check: str, input: int, what: str = "") -> GradcheckError:
    """Return the error of a function, or of a backward, that changes its input; or of `what` else is written."""
    what = what or f"the function, or a backward in it, writes to input {input}"
    return refused(check, input, f"{what}: work on a .clone() of it")


def failing(check: str, input: int, detail: str, error: Exception) -> GradcheckError:
    """Return the error of a gradient that cannot be computed: `detail` says which, or where."""
    return refused(check, input, f"{detail} cannot be computed: {type(error).__name__}: {error}")


def refused(check: str, input: int | str, text: str) -> GradcheckError:
    """Return the error of a gradient of which there is no number to compare: `text` says why."""
    nowhere = Comparison(input, None, "call", math.nan, math.nan, math.inf, 1.0, "not finite", "sweep", detail=text)
    return GradcheckError(f"{check}: {text}", nowhere)


ORDER = {"agrees": 0, "undecided": 1, "kink": 2, "disagrees": 3, "not finite": 4}
WORDS = {0: "passed", 1: "undecided", 2: "kink"}


def verdict_of(comparisons: Iterable[Comparison]) -> str:
    """Return the worst: "failed" if anything is wrong, "kink", "undecided" if there was no slope, else "passed"."""
    return WORDS.get(max((ORDER[c.verdict] for c in comparisons), default=0), "failed")


class Compared:
    """What holds of all `comparisons` together."""

    comparisons: tuple[Comparison, ...]

    @property
    def verdict(self) -> str:
        """Return the worst: "failed", "kink", "undecided" (a slope did not converge) or "passed"."""
        return verdict_of(self.comparisons)

    @property
    def worst(self) -> Comparison | None:
        """The comparison that failed or, where none did, a kink, an undecided one, or that with the largest error."""
        return max(self.comparisons, key=lambda c: (ORDER[c.verdict], c.relative), default=None)

    @property
    def largest_error(self) -> float:
        """The largest relative error; infinite if a gradient is not finite."""
        return max((c.relative for c in self.comparisons), default=0.0)


@dataclass(frozen=True)
class Report(Compared):
    """All that a check of a function found; true in a condition unless it failed, readable when printed.

    Attributes:
        comparisons: every derivative that was compared.
        left_out: what was not checked, and why, a sentence each.
        through: the functions of the user's that the outputs went through, or else the operations, with their lines.
        allow_undecided: whether the report is true in a condition where a numerical derivative did not converge.
        proofs: what is proved of the gradient of each input: right, wrong or neither; what is proved wrong stands among
            the comparisons, too.
    """

    comparisons: tuple[Comparison, ...]
    left_out: tuple[str, ...] = ()
    through: tuple[str, ...] = ()
    allow_undecided: bool = True
    proofs: tuple[Proof, ...] = ()

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that are wrong or not finite."""
        return tuple(c for c in self.comparisons if c.verdict in ("disagrees", "not finite"))

    @property
    def kinks(self) -> tuple[Comparison, ...]:
        """The comparisons at points without a derivative."""
        return tuple(c for c in self.comparisons if c.verdict == "kink")

    @property
    def undecided(self) -> tuple[Comparison, ...]:
        """The comparisons for which no numerical derivative converged."""
        return tuple(c for c in self.comparisons if c.verdict == "undecided")

    @property
    def hint(self) -> str:
        """What the failures look like: a factor, a sign, a transposed gradient; empty where they look like nothing."""
        return hint_of(c for c in self.comparisons if c.method != "proof")

    def raise_if_not_passed(self) -> None:
        """Raise GradcheckError about the first failure or, where there is none, the first kink.

        About what is undecided only where `allow_undecided` is false.
        """
        for c in (*self.failures, *self.kinks, *(() if self.allow_undecided else self.undecided)):
            hint = f"; {self.hint}" if self.hint else ""
            raise GradcheckError(f"{c}{hint}{self._told_through()}", c)

    def _told_through(self) -> str:
        return f"; it goes through {', '.join(self.through)}" if self.through else ""

    def __add__(self, other: Report) -> Report:
        return replace(
            self,
            comparisons=(*self.comparisons, *other.comparisons),
            left_out=tuple(dict.fromkeys((*self.left_out, *other.left_out))),
            proofs=(*self.proofs, *other.proofs),
        )

    def __bool__(self) -> bool:
        return self.verdict in (("passed", "undecided") if self.allow_undecided else ("passed",))

    def __str__(self) -> str:
        exact = sum(c.method == "complex step" for c in self.comparisons)
        problems = [str(c) for c in (*self.failures, *self.kinks, *self.undecided)]
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        if problems:
            more += [self.hint] if self.hint else []
            more += [f"through {text}" for text in self.through]
        head = (
            f"{self.verdict}: {len(self.comparisons)} comparisons, {exact} with a complex step, {len(self.failures)} "
            f"failed, {len(self.kinks)} on kinks, {len(self.undecided)} undecided, largest relative error "
            f"{self.largest_error:.1e}"
        )
        rest = [*(f"not checked: {text}" for text in self.left_out), *map(str, self.proofs)]
        return "\n  ".join([head, *problems[:SHOWN], *more, *rest])

    def __repr__(self) -> str:
        return f"<Report {self}>"
