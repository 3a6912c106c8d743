"""`check_gradients`: the gradients of a whole network's loss, sampled, as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tensorgrad.autograd import grad, no_grad
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import AutogradError, ShapeError

from .asked import verifying
from .comparison import Comparison
from .report import Compared, GradcheckError, unrepeatable, verdict_of
from .steps import (
    ROUNDING,
    along,
    anywhere,
    coordinates_of,
    judged,
    measured,
    require_float64,
    rounded,
    scale_of,
)


@dataclass(frozen=True)
class ParameterCheck(Compared):
    """What the check of one parameter found.

    Attributes:
        name: of the parameter.
        shape: of the parameter.
        comparisons: one for each direction and for each coordinate tried.
    """

    name: str
    shape: tuple[int, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def directions(self) -> int:
        """How many random directions were tried."""
        return sum(c.index is None for c in self.comparisons)

    @property
    def coordinates(self) -> int:
        """How many single coordinates were tried."""
        return len(self.comparisons) - self.directions

    @property
    def kinks(self) -> int:
        """How many of them gave no numerical derivative to compare with."""
        return sum(c.verdict == "kink" for c in self.comparisons)

    @property
    def estimate(self) -> float:
        """The error of the numerical derivative in the worst comparison, relative in the same way."""
        return self.worst.estimate / self.worst.scale if self.worst else 0.0


@dataclass(frozen=True)
class GradientReport:
    """The verdict on the gradients of a loss; true in a condition if it is "passed"."""

    parameters: tuple[ParameterCheck, ...]

    @property
    def verdict(self) -> str:
        """Return the worst verdict of all parameters: "failed", "kink", "undecided" or "passed"."""
        return verdict_of(c for p in self.parameters for c in p.comparisons)

    @property
    def largest_error(self) -> float:
        """The largest relative error of all."""
        return max((p.largest_error for p in self.parameters), default=0.0)

    @property
    def problems(self) -> list[str]:
        """What is wrong or could not be checked, a sentence for each parameter concerned."""
        return [str(p.worst) for p in self.parameters if p.worst and p.verdict != "passed"]

    def raise_if_not_passed(self) -> None:
        """Raise GradcheckError with the first problem, if there is one."""
        for p in self.parameters:
            if p.worst and p.verdict != "passed":
                raise GradcheckError(str(p.worst), p.worst)

    def __bool__(self) -> bool:
        return self.verdict == "passed"

    def __str__(self) -> str:
        tried = (
            f"{sum(p.directions for p in self.parameters)} directions, {sum(p.coordinates for p in self.parameters)}"
        )
        kinks = sum(p.kinks for p in self.parameters)
        return (
            f"{self.verdict}: {len(self.parameters)} parameters, {tried} coordinates, "
            f"largest relative error {self.largest_error:.1e}" + (f", {kinks} on kinks" if kinks else "")
        )


@verifying
def check_gradients(
    loss_fn: Callable[[], Tensor],
    params: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]],
    *,
    directions: int = 2,
    coordinates: int = 8,
    seed: int = 0,
) -> GradientReport:
    """Return how the gradients of `loss_fn` with respect to `params` compare with numerical ones.

    Every parameter is moved along random directions, in which every element takes part, and along a sample of single
    coordinates. The parameters hold their values again afterwards, whatever happens, and `.grad` is not touched.

    Args:
        loss_fn: returns the loss, one float64 element, and the same one whenever the parameters are the same: the
            masks of Dropout must be fixed. It should leave no trace, such as moved running statistics.
        params: the parameters by name, float64, for instance ``module.named_parameters()``.
        directions: random directions for each parameter.
        coordinates: coordinates for each parameter, drawn at random; all of them where there are no more.
        seed: decides on both.

    Raises:
        DTypeError: a parameter is not float64.
        ShapeError: the loss has more elements than one.
        GradcheckError: `loss_fn` is not repeatable.

    >>> import tensorgrad as tg
    >>> w = tg.tensor([1.0, -2.0], dtype=tg.float64, requires_grad=True)
    >>> report = check_gradients(lambda: tg.exp(w).sum(), {"w": w})
    >>> report.verdict, report.largest_error < 1e-9
    ('passed', True)
    """
    named = dict(params)
    for name, p in named.items():
        require_float64(p, name)
    if not named:
        raise AutogradError("check_gradients: there are no parameters: pass for instance module.named_parameters()")
    first, again = _value(loss_fn), _value(loss_fn)
    # only whether the loss repeats itself: a NaN that comes again is judged below, as a failure
    if not np.array_equal(first, again, equal_nan=True):
        raise unrepeatable("check_gradients", next(iter(named)))
    with np.errstate(all="ignore"):  # NaN is an answer here, and a wrong one
        gradients = grad(loss_fn(), list(named.values()), materialize_grads=True)
    random = Generator().manual_seed(seed).numpy
    return GradientReport(
        tuple(
            ParameterCheck(name, p.shape, tuple(_checked(loss_fn, name, p, g.array, directions, coordinates, random)))
            for (name, p), g in zip(named.items(), gradients, strict=True)
        )
    )


def _value(loss_fn: Callable[[], Tensor]) -> Array:
    """Return the loss as a vector of one element."""
    with no_grad(), np.errstate(all="ignore"):
        loss = loss_fn().array
    if loss.size != 1:
        raise ShapeError(f"check_gradients: the loss has shape {loss.shape}: reduce it, for instance with .mean()")
    return loss.astype(np.float64).reshape(1)


def _checked(
    loss_fn: Callable[[], Tensor],
    name: str,
    p: Tensor,
    gradient: Array,
    directions: int,
    coordinates: int,
    random: np.random.Generator,
) -> list[Comparison]:
    x, one = p.array, np.ones(1)

    def evaluate(moved: Array) -> Array:
        # Another array for a moment: the parameter's own memory is not written, and so comes back to the last bit.
        p.array = moved
        try:
            return _value(loss_fn)
        finally:
            p.array = x

    def comparison(direction: Array, index: tuple[int, ...] | None) -> Comparison:
        found, length = measured(evaluate, one, x, direction, index)
        part = gradient * direction / length
        size = float(np.abs(evaluate(x)).sum())
        rounding = ROUNDING * float(np.abs(part).sum()) + rounded(size, length)
        return judged(
            found, float(part.sum()), rounding, size / length, (0.0, 0.0), input=name, index=index, mode="reverse"
        )

    length, _ = scale_of(x)
    found = [comparison(anywhere(x, length, random), None) for _ in range(directions if x.size else 0)]
    found += [comparison(along(i, x, scale_of(x, i)[0]), i) for i in coordinates_of(x, coordinates, random, gradient)]
    return found
