"""`gradcheck`: the gradients of a function of tensors against numerical ones, coordinate by coordinate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorgrad.autograd import grad, no_grad
from tensorgrad.dtypes import Array
from tensorgrad.errors import AutogradError, DTypeError, TensorgradError
from tensorgrad.random import Generator
from tensorgrad.tensor import Tensor, wrap

from .differences import EPS, Probe, Slope, slope

# The estimate is the disagreement of a few extrapolations: a sample, and sometimes a lucky one.
SAFETY = 10.0
ROUNDING = 32 * EPS  # of the numbers that a sweep adds up, and of outputs that nearly cancel, as softmax's do


class GradcheckError(TensorgradError, AssertionError, RuntimeError):
    """A gradient that is wrong, not finite, or that cannot be checked at this point.

    Attributes:
        input: the position of the input among the arguments, or the name of the parameter.
        index: the coordinate in it; None for a direction in which all coordinates move.
        analytic: the derivative by the reverse sweep.
        numeric: the numerical derivative; NaN where there is none.
        estimate: what `numeric` may be off by.
    """

    def __init__(self, message: str, input: int | str, comparison: Comparison) -> None:
        super().__init__(message)
        self.input = input
        self.index = comparison.index
        self.analytic = comparison.analytic
        self.numeric = comparison.numeric
        self.estimate = comparison.estimate


@dataclass(frozen=True)
class Comparison:
    """One slope, by the reverse sweep and by differences.

    Attributes:
        index: the coordinate that moved, None for a direction.
        analytic: the slope by the reverse sweep.
        numeric: the slope by differences.
        estimate: the error of `numeric`.
        scale: what errors are divided by: the larger slope, but at least the size of the outputs, which is the slope at
            which they change by all they are when the argument changes by 1 (by its size, if that is larger).
        verdict: "agrees", "disagrees", "kink" (no numerical slope to compare with) or "not finite".
    """

    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    estimate: float
    scale: float
    verdict: str

    @property
    def relative(self) -> float:
        """The disagreement in units of `scale`; infinite if something is not finite, 0 on a kink."""
        if self.verdict == "kink":
            return 0.0
        return math.inf if self.verdict == "not finite" else abs(self.analytic - self.numeric) / self.scale


def compared(
    probe: Probe, weights: Array, gradient: Array, direction: Array, smallest: float, index: tuple[int, ...] | None
) -> Comparison:
    """Return the comparison of `gradient` with the slope that `probe` shows along `direction`; units of that slope.

    A disagreement larger than the numerical error, with what rounding adds to both slopes, is a failure.
    """
    length = float(np.abs(direction).max(initial=0.0)) or 1.0
    found: Slope = slope(probe, weights, smallest, blur=1.0 if index is None else 0.0)
    analytic, numeric, error = float((gradient * direction).sum()) / length, found.value / length, found.error / length
    if not np.isfinite(analytic) or found.state == "not finite":
        return Comparison(index, analytic, numeric, error, 1.0, "not finite")
    if not found.converged:
        return Comparison(index, analytic, numeric, error, 1.0, "kink")
    off = abs(analytic - numeric)
    size = float(np.abs(weights * probe(0.0)[1]).sum()) / length
    rounding = ROUNDING * (float(np.abs(gradient * direction).sum()) / length + size)
    scale = max(abs(analytic), abs(numeric), size, np.finfo(np.float64).tiny)
    verdict = "agrees" if off <= SAFETY * error + rounding else "disagrees"
    return Comparison(index, analytic, numeric, error, scale, verdict)


def scale_of(x: Array, index: tuple[int, ...] | None = None) -> tuple[float, float]:
    """Return the length of a step and the fraction of it at which the smallest number concerned begins to notice.

    The length is a power of two: the steps are then exact for most numbers.
    """
    sizes = np.abs(x if index is None else x[index])
    nonzero = sizes[sizes > 0]
    typical = float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0
    length = 2.0 ** np.ceil(np.log2(max(1.0, typical if index is None else float(sizes))))
    return float(length), min(1.0, float(nonzero.min()) / float(length)) if nonzero.size else 1.0


def coordinates_of(x: Array, limit: int, random: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """Yield every index of `x`, or `limit` different ones at random where there are more."""
    chosen = range(x.size) if x.size <= limit else np.sort(random.choice(x.size, limit, replace=False))
    return (tuple(int(i) for i in np.unravel_index(int(flat), x.shape)) for flat in chosen)


def along(index: tuple[int, ...], x: Array, length: float) -> Array:
    """Return the direction that moves the coordinate `index` of `x` by `length`."""
    direction = np.zeros(x.shape)
    direction[index] = length
    return direction


def anywhere(x: Array, length: float, random: np.random.Generator) -> Array:
    """Return a random direction in which every coordinate moves, none of them by nearly nothing."""
    direction: Array = length * random.uniform(0.5, 1.0, x.shape) * random.choice([-1.0, 1.0], x.shape)
    return direction


def stepped(x: Array, direction: Array, t: float, index: tuple[int, ...] | None) -> tuple[float, Array]:
    """Return the step that rounding leaves of `t` along `direction`, and `x` moved by it."""
    moved: Array = np.asarray(x + t * direction)  # of a 0-d array NumPy makes a scalar
    return (t if index is None else float((moved[index] - x[index]) / direction[index])), moved


def gradcheck(
    fn: Callable[..., Tensor | Sequence[Tensor]],
    inputs: Tensor | Sequence[Any],
    *,
    max_coordinates: int = 200,
    seed: int = 0,
) -> bool:
    """Return True if the gradients of `fn` at `inputs` agree with numerical ones; otherwise raise.

    No tolerance is asked for: the numerical derivatives come with an estimate of their error, and a disagreement that
    neither this nor rounding explains is a failure, be the gradient large or tiny.

    Args:
        fn: function of the inputs; returns a tensor or several, whose elements are combined with random weights.
        inputs: the arguments. Tensors that require a gradient are checked and must be float64; others are passed on.
        max_coordinates: inputs with more elements are checked at this many of them, drawn at random, and along three
            random directions in which all elements move.
        seed: decides on weights, sample and directions.

    Raises:
        GradcheckError: a gradient is wrong or not finite, or there is none: the point lies on a kink, or `fn` gives
            other values when it is called again.
        DTypeError: an input that requires a gradient is not float64.
        AutogradError: no input requires a gradient, or no output depends on one.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> gradcheck(tg.exp, x)
    True
    >>> gradcheck(lambda x: x * x.detach(), x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tensorgrad.testing.gradcheck.GradcheckError: gradient of input 0 at (0,) is wrong: ...
    """
    arguments: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    checked = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    if not checked:
        raise AutogradError("gradcheck: no input requires a gradient: make one with requires_grad=True")
    for i in checked:
        require_float64(arguments[i], f"input {i}")
    random = Generator().manual_seed(seed).numpy
    copies = [wrap(x.array.copy()) if i in checked else x for i, x in enumerate(arguments)]
    for i in checked:
        copies[i].requires_grad = True
    weights, gradients = _analytic(fn, copies, checked, random)
    outputs = _outputs(fn, copies)
    # only whether the function repeats itself: a NaN that comes again is judged below, as a failure
    if not np.array_equal(outputs, _outputs(fn, copies), equal_nan=True):
        nowhere = Comparison(None, math.nan, math.nan, math.inf, 1.0, "not finite")
        raise GradcheckError(f"gradcheck: {REPEATABLE}", checked[0], nowhere)
    for i, gradient in zip(checked, gradients, strict=True):
        for comparison in _comparisons(fn, copies, i, gradient, weights, max_coordinates, random):
            if comparison.verdict != "agrees":
                raise GradcheckError(told(f"input {i}", comparison), i, comparison)
    return True


REPEATABLE = (
    "the function gives other values when it is called again with the same inputs: fix its random numbers, for "
    "instance with a Generator seeded anew inside it, and keep it from changing what it reads"
)


def require_float64(x: Tensor, name: str) -> None:
    """Raise DTypeError unless `x` is float64: differences of float32 numbers show three digits at best."""
    if x.array.dtype != np.float64:
        raise DTypeError(
            f"{name} is {x.array.dtype}: gradients are checked in float64; convert it with .double() (tensors and "
            f"modules have it)"
        )


def told(name: str, comparison: Comparison) -> str:
    """Return what is wrong with a comparison that does not agree."""
    place = "along a random direction" if comparison.index is None else f"at {comparison.index}"
    numbers = f"analytic {comparison.analytic:.12g}, numeric {comparison.numeric:.12g} ± {comparison.estimate:.1g}"
    if comparison.verdict == "kink":
        return (
            f"gradient of {name} {place} cannot be checked: the numerical derivative does not converge, as at a kink "
            f"or a jump: check at another point; analytic {comparison.analytic:.12g}"
        )
    if comparison.verdict == "not finite":
        return f"gradient of {name} {place} is not finite, or the function is not: {numbers}; see where it began"
    return f"gradient of {name} {place} is wrong: {numbers}: correct the derivative of an operation it goes through"


def _tensors(result: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


def _outputs(fn: Callable[..., Any], arguments: Sequence[Any]) -> Array:
    """Return all outputs in one float64 vector."""
    with no_grad(), np.errstate(all="ignore"):
        return np.concatenate([y.array.astype(np.float64).ravel() for y in _tensors(fn(*arguments))])


def _analytic(
    fn: Callable[..., Any], arguments: list[Any], checked: list[int], random: np.random.Generator
) -> tuple[Array, list[Array]]:
    """Return random weights for all outputs, and the gradients of the weighted sum; an input that is not used has 0."""
    with np.errstate(all="ignore"):  # NaN and infinity are answers here, and wrong ones
        ys = _tensors(fn(*arguments))
        weights = [random.uniform(0.5, 1.0, y.shape) * random.choice([-1.0, 1.0], y.shape) for y in ys]
        pairs = [(y, w) for y, w in zip(ys, weights, strict=True) if y.requires_grad]
        if not pairs:
            raise AutogradError(
                "gradcheck: no output requires a gradient: the function leaves the graph, for instance by .detach(), "
                ".numpy() or no_grad()"
            )
        found = grad(
            [y for y, _ in pairs],
            [arguments[i] for i in checked],
            [wrap(w.astype(y.dtype)) for y, w in pairs],
            materialize_grads=True,
        )
    return np.concatenate([np.ravel(w) for w in weights]), [_array(g) for g in found]


def _array(gradient: Tensor | None) -> Array:
    assert gradient is not None
    return gradient.array


def _comparisons(
    fn: Callable[..., Any],
    arguments: list[Any],
    i: int,
    gradient: Array,
    weights: Array,
    limit: int,
    random: np.random.Generator,
) -> Iterator[Comparison]:
    x = arguments[i].array

    def comparison(direction: Array, smallest: float, index: tuple[int, ...] | None) -> Comparison:
        def probe(t: float) -> tuple[float, Array]:
            step, moved = stepped(x, direction, t, index)
            return step, _outputs(fn, [*arguments[:i], wrap(moved), *arguments[i + 1 :]])

        return compared(probe, weights, gradient, direction, smallest, index)

    for index in coordinates_of(x, limit, random):
        length, smallest = scale_of(x, index)
        yield comparison(along(index, x, length), smallest, index)
    for _ in range(3 if x.size > limit else 0):
        length, smallest = scale_of(x)
        yield comparison(anywhere(x, length, random), smallest, None)
