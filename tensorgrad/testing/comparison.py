"""One derivative found in two ways, as data, and the sentence about it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One derivative, found in two ways.

    Attributes:
        input: the position of the input among the arguments, or the name of the parameter; None for all together.
        index: the coordinate that moved, None for a direction.
        mode: whose derivative it is: "reverse" or "forward"; in second order "forward over reverse" and so on. Six
            take no step: "adjoint" compares the two with each other; "left out" a cotangent that is left out
            (`analytic`) with one of zeros (`numeric`); "linear" the gradient for a sum of cotangents, or for one of
            another size, with what follows from the others; "layout" the gradient where the numbers lie otherwise in
            memory with that where they do not; "again" that of a second sweep with that of the first; "alone" that
            where some inputs require none with that where all do. "call": no number was found at all, and `detail`
            says why.
        analytic: the slope by the sweep.
        numeric: the numerical slope.
        estimate: the error of `numeric`.
        scale: what errors are divided by: the larger slope, but at least the size of the outputs, which is the slope at
            which they change by all they are when the argument changes by 1 (by its size, if that is larger).
        verdict: "agrees", "disagrees", "kink" (two slopes, or a jump), "undecided" (no numerical slope that converges)
            or "not finite".
        method: how `numeric` was found: "complex step", "differences" or "sweep"; "proof" where it is the middle of an
            interval that holds the exact gradient, `estimate` half of its width.
        sides: the slopes to the left and to the right: on a kink extrapolated, else over the smallest step made.
        detail: what was changed: the layout, the cotangent.
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
    detail: str = ""

    @property
    def relative(self) -> float:
        """The disagreement in units of `scale`; infinite if something is not finite, 0 where there is no slope."""
        if self.verdict in ("kink", "undecided"):
            return 0.0
        return math.inf if self.verdict == "not finite" else abs(self.analytic - self.numeric) / self.scale

    def __str__(self) -> str:
        name = self.input if isinstance(self.input, str) else f"input {self.input}"
        name = "all inputs" if self.input is None else name
        place = "along a random direction" if self.index is None else f"at {self.index}"
        kind = (
            "gradient" if self.mode in ("reverse", "linear", "layout", "again", "alone") else f"{self.mode} derivative"
        )
        numbers = f"analytic {self.analytic:.12g}, numeric {self.numeric:.12g} ± {self.estimate:.1g}"
        if self.verdict == "agrees":
            return f"{kind} of {name} {place} is right: {numbers} ({self.method})"
        kept = next((text for mode, text in _IDENTITIES.items() if self.mode.startswith(mode)), None)
        if kept is not None and (self.verdict == "disagrees" or self.mode == "call"):
            return kept.format(
                name=name, place=place, left=self.analytic, right=self.numeric, off=self.estimate, detail=self.detail
            )
        left, right = self.sides
        if self.verdict == "kink":
            return (
                f"{kind} of {name} {place} cannot be checked: it lies on a kink or a jump (slope {left:.6g} to the "
                f"left, {right:.6g} to the right): check at another point; analytic {self.analytic:.12g}"
            )
        if self.verdict == "undecided":
            why = (
                f"the numerical derivative does not converge (over the smallest step {left:.6g} to the left, "
                f"{right:.6g} to the right)"
                if math.isnan(self.numeric)
                else f"rounding leaves too little of it (numeric {self.numeric:.12g} ± {self.estimate:.1g})"
            )
            return (
                f"{kind} of {name} {place} is undecided: {why}: check at another point, or pass eps=; analytic "
                f"{self.analytic:.12g}"
            )
        if self.verdict == "not finite":
            return f"{kind} of {name} {place} is not finite, or the function is not: {numbers}; see where it began"
        if self.method == "proof":
            numbers = f"analytic {self.analytic:.12g}, the exact one within {self.numeric:.12g} ± {self.estimate:.1g}"
        verdict = "is proved to be wrong" if self.method == "proof" else "is wrong"
        return f"{kind} of {name} {place} {verdict}: {numbers}: correct the derivative of an operation it goes through"


@dataclass(frozen=True)
class Proof:
    """What is proved of the gradient of one input.

    Attributes:
        input: the position of the input among the arguments.
        right: how many elements are proved to lie within the accuracy of the exact gradient.
        wrong: those that are proved not to, as comparisons with the middle of the interval that holds the exact one.
        open: how many elements are neither.
        why: why nothing is known, where that is so.
    """

    input: int
    right: int
    wrong: tuple[Comparison, ...]
    open: int
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            return f"nothing is proved of the gradient of input {self.input}: {self.why}"
        rest = f", {self.open} not proved" if self.open else ""
        return f"of input {self.input} {self.right} elements proved right, {len(self.wrong)} proved wrong{rest}"


_IDENTITIES = {
    "call": "{detail}",
    "adjoint": "the forward mode is not the adjoint of the reverse mode {place} of {name}: <Jv, g> is {left:.12g}, "
    "<v, JTg> is {right:.12g} ± {off:.1g}: one rule is wrong",
    "left out": "gradient of {name} {place} is {left:.12g} where a cotangent is left out and {right:.12g} where it is "
    "zeros: take a cotangent that is None for zeros",
    "linear": "gradient of {name} {place} is wrong: for {detail} it is {left:.12g}, and should be {right:.12g} ± "
    "{off:.1g}: make backward linear in the gradient g that it is given, and multiply with it",
    "again": "gradient of {name} {place} is wrong: {left:.12g} by a second sweep over the same graph, {right:.12g} ± "
    "{off:.1g} by the first: keep backward from changing what it reads",
    "alone": "gradient of {name} {place} is wrong: {left:.12g} where {detail} requires one, {right:.12g} ± "
    "{off:.1g} where all do: let backward give each gradient whatever ctx.needs_input_grad says of the others",
    "layout": "gradient of {name} {place} is wrong: {left:.12g} where {detail}, {right:.12g} ± {off:.1g} where not: do "
    "not rely on how the numbers lie in memory",
}
