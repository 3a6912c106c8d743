"""Where to step, how far, and what a disagreement with the numerical slope means: shared by all gradient checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import DTypeError

from .comparison import Comparison
from .complex_step import refined
from .extrapolation import LARGEST_STEP, slope
from .sides import EPS, NOTHING, Slope

# The estimate is the disagreement of a few extrapolations: a sample, and sometimes a lucky one.
SAFETY = 10.0
ROUNDING = 32 * EPS  # of the numbers that a sweep adds up, and of outputs that nearly cancel, as softmax's do
LARGE = 1024.0
TINY = 2.0**-900  # a slope below it may be what is left of numbers on the way that left the range of floats
KNOWN = 0.5  # the errors, as a share of a slope that is known
# The step of a glimpse, where the error of a difference is least; what it takes for agreement, and for a bend.
GLIMPSE, CLOSE, BENT = 2.0**-17, 1e-8, 1e-2


def require_float64(x: Tensor, name: str) -> None:
    """Raise DTypeError unless `x` is float64: differences of float32 numbers show three digits at best."""
    if x.array.dtype != np.float64:
        raise DTypeError(
            f"{name} is {x.array.dtype}: gradients are checked in float64; convert it with .double() (tensors and "
            f"modules have it)"
        )


def scale_of(x: Array, index: tuple[int, ...] | None = None) -> tuple[float, float]:
    """Return the length of a step and the fraction of it at which the smallest number concerned begins to notice.

    The length is a power of two: the steps are then exact for most numbers. A single element notices its distance to 0
    and, for what compares or subtracts elements, that to its nearest neighbour.
    """
    sizes = np.abs(x if index is None else np.append(x - x[index], x[index]))
    nonzero = sizes[sizes > 0]
    largest = float(np.max(np.abs(x), initial=0.0))
    typical = largest * float(np.sqrt(np.mean(np.square(x / largest)))) if largest else 0.0
    length = 2.0 ** min(np.ceil(np.log2(max(1.0, typical if index is None else float(sizes[-1])))), 1023.0)
    return float(length), min(1.0, float(nonzero.min()) / float(length)) if nonzero.size else 1.0


def coordinates_of(x: Array, limit: int, random: np.random.Generator, gradient: Array) -> Iterator[tuple[int, ...]]:
    """Yield every index of `x` or, where there are more, `limit` different ones.

    Half of these are the least and the largest numbers and `gradient`'s, where rules change and faults are: a slope
    that is cut off, a tail that is forgotten. The others are drawn at random.
    """
    chosen = np.arange(x.size)
    if x.size > limit:
        extreme = [_ends(values.ravel(), limit // 8) for values in (x, np.abs(gradient))]
        drawn = random.permutation(x.size)[: 2 * limit]
        chosen = np.sort(np.array(list(dict.fromkeys(np.concatenate([*extreme, drawn]).tolist()))[:limit], int))
    return (tuple(int(i) for i in np.unravel_index(int(flat), x.shape)) for flat in chosen)


def _ends(values: Array, n: int) -> Array:
    """Return the places of the `n` least and the `n` largest of `values`."""
    order = np.argsort(values, kind="stable")
    return np.concatenate([order[:n], order[values.size - n :]])


def along(index: tuple[int, ...], x: Array, length: float) -> Array:
    """Return the direction that moves the coordinate `index` of `x` by `length`."""
    direction = np.zeros(x.shape)
    direction[index] = length
    return direction


def anywhere(x: Array, length: float, random: np.random.Generator) -> Array:
    """Return a random direction in which every coordinate moves, none of them by nearly nothing."""
    direction: Array = length * random.uniform(0.5, 1.0, x.shape) * random.choice([-1.0, 1.0], x.shape)
    return direction


def times(slopes: Array, direction: Array) -> Array:
    """Return the product, 0 where nothing moves: an infinite slope of another element says nothing there.

    >>> times(np.array([np.inf, 3.0]), np.array([0.0, 2.0]))
    array([0., 6.])
    """
    with np.errstate(invalid="ignore"):
        return np.where(direction == 0, 0.0, slopes * direction)


def stepped(x: Array, direction: Array, t: float, index: tuple[int, ...] | None) -> tuple[float, Array]:
    """Return the step that rounding leaves of `t` along `direction`, and `x` moved by it."""
    moved: Array = np.asarray(x + t * direction)  # of a 0-d array NumPy makes a scalar
    return (t if index is None else float((moved[index] - x[index]) / direction[index])), moved


def rounded(size: float, length: float) -> float:
    """Return what rounding in a sweep may do to the slope of outputs of `size` when the argument is of size `length`.

    A sweep may cancel down to nothing what has the size of the outputs per unit of the argument: in softmax it does.
    A large argument, which stands for larger outputs, counts in units of its own.
    """
    return ROUNDING * size * min(1.0, LARGE / length)


def measured(
    evaluate: Callable[[Array], Array],
    weights: Array,
    x: Array,
    direction: Array,
    index: tuple[int, ...] | None,
    *,
    largest: float = LARGEST_STEP,
    noise: Array | float = 0.0,
    aside: Array | float = 0.0,
    concerned: Array | None = None,
    analytic: bool = False,
) -> tuple[Slope, float]:
    """Return the slope of the weighted outputs along `direction`, and the length of its largest component.

    The slope is per unit of that component. `analytic` tries a complex step as well.
    """
    length, smallest = scale_of(x, index)

    def probe(t: float) -> tuple[float, Array]:
        step, moved = stepped(x, direction, t, index) if t else (0.0, x)
        return step, evaluate(moved)

    found = slope(probe, weights, smallest, 1.0 if index is None else 0.0, largest, noise, aside, concerned)
    if analytic:
        found = refined(found, lambda t: evaluate(np.asarray(x + t * direction)), weights, evaluate(x), smallest)
    return _per_unit(found, length), length


def _per_unit(found: Slope, length: float) -> Slope:
    """Return `found`, along a direction of this length, per unit of it."""
    sides = (found.sides[0] / length, found.sides[1] / length)
    return replace(
        found, value=found.value / length, error=found.error / length, sides=sides, nothing=found.nothing / length
    )


def glimpsed(
    evaluate: Callable[[Array], Array],
    middle: Array,
    weights: Array,
    x: Array,
    direction: Array,
    index: tuple[int, ...],
    expected: list[float],
    noise: Array,
) -> tuple[Slope, float] | None:
    """Return what `measured` does, of two evaluations; None unless these agree with all that is `expected`.

    Those are slopes along t. ``(f(t) - f(-t)) / 2t`` at a t of 2**-17 is off by a part in 1e11, times the third
    derivative, where the function is smooth. None too where differences cannot tell, or nothing moves.
    """
    length = scale_of(x, index)[0]
    t = GLIMPSE * (min(1.0, abs(float(x[index])) / length) or 1.0)
    up, right = stepped(x, direction, t, index)
    down, left = stepped(x, direction, -t, index)
    after, before = evaluate(right), evaluate(left)
    same = after.shape == before.shape == middle.shape and up > 0 > down
    if not (same and np.isfinite(after).all() and np.isfinite(before).all() and np.isfinite(middle).all()):
        return None
    moved = (after != before) | (after != middle)
    size = float((np.abs(weights) * np.maximum(np.abs(after), np.abs(before)))[moved].sum())
    rounding = (EPS * size + float((np.abs(weights) * noise)[moved].sum())) / t
    central = float(weights @ (after - before)) / (up - down)
    sides = float(weights @ (middle - before)) / -down, float(weights @ (after - middle)) / up
    allowed = CLOSE * abs(central) + 4 * rounding
    bent = abs(sides[1] - sides[0]) > BENT * max(map(abs, sides)) + rounding
    if bent or any(not abs(e - central) <= allowed for e in expected):
        return None
    if SAFETY * allowed > KNOWN * abs(central) or not moved.any():
        return None
    return _per_unit(Slope(central, allowed, "converged", sides, moved=moved), length), length


def inside(
    evaluate: Callable[[Array], Array],
    weights: Array,
    x: Array,
    direction: Array,
    index: tuple[int, ...] | None,
    noise: Array,
    concerned: Array | None,
) -> tuple[float, float]:
    """Return the slope over one step inside the distance at which the function may change its nature, and its noise.

    What larger steps say may hold beyond a kink only: of ``abs(x) + 1e8`` at 1e-8 they say 0.
    """
    length, smallest = scale_of(x, index)
    t = smallest / 4
    (up, right), (down, left) = (stepped(x, direction, s, index) for s in (t, -t))
    after, before = evaluate(right), evaluate(left)
    if after.shape != weights.shape or before.shape != weights.shape or not up > 0 > down:
        return 0.0, np.inf
    moved = (after != before) | (np.zeros(after.shape, bool) if concerned is None else concerned)
    counted = moved if moved.any() else np.ones(after.shape, bool)
    errors = np.abs(weights) * np.maximum(noise, EPS * np.maximum(np.abs(after), np.abs(before)))
    blur = 0.0 if index is not None else EPS * abs(float(weights @ (after - before)) / (up - down))
    central = float(weights @ (after - before)) / (up - down)
    return central / length, (float(errors[counted].sum()) + blur) / t / length


def judged(
    found: Slope, analytic: float, rounding: float, size: float, forgiven: tuple[float, float], **place: Any
) -> Comparison:
    """Return the comparison of `analytic` with the slope `found`.

    A disagreement larger than the numerical error, with what rounding adds to both slopes, is a failure. Where these
    are as large as the slope, agreement says nothing, unless the slope is nothing beside the outputs.

    Args:
        found: the numerical slope.
        analytic: the slope by a sweep.
        rounding: what rounding may add to `analytic`.
        size: that of the outputs concerned, the sum of their weighted absolute values, over the length of the step.
        forgiven: a disagreement that is accepted all the same: absolute, and relative to the slope.
        place: `input`, `index` and `mode` of the comparison.
    """
    verdict, scale = _undecided(found, analytic), 1.0
    if found.converged and np.isfinite(analytic):
        allowed = SAFETY * found.error + rounding
        larger = max(abs(analytic), abs(found.value))
        known = allowed <= KNOWN * larger or larger <= max(NOTHING * size, found.nothing)
        verdict = "agrees" if known else "undecided"
        if abs(analytic - found.value) > allowed + forgiven[0] + forgiven[1] * abs(found.value):
            verdict = "disagrees" if larger > TINY else "undecided"
        scale = max(abs(analytic), abs(found.value), size, float(np.finfo(np.float64).tiny))
    return Comparison(
        analytic=analytic,
        numeric=found.value,
        estimate=found.error,
        scale=scale,
        verdict=verdict,
        method=found.method,
        sides=found.sides,
        **place,
    )


def _undecided(found: Slope, analytic: float) -> str:
    """Return the verdict where there are no two numbers to compare: an infinite slope may be right, a NaN is not."""
    if np.isnan(analytic) or found.state == "not finite":
        return "not finite"
    if np.isinf(analytic):
        return "undecided" if found.state in ("rough", "undecided") else "not finite"
    return "kink" if found.state == "kink" else "undecided"
