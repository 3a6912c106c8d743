"""Which gradients are proved to be right, or wrong, by intervals that hold the exact ones (see `tensorgrad.bounds`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd import enable_grad, grad
from tensorgrad.base.callsite import told
from tensorgrad.base.dtypes import Array
from tensorgrad.bounds import Interval
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import TensorgradError
from tensorgrad.graph import Bounds, FunctionScope
from tensorgrad.proving import enclose

from .comparison import Comparison, Proof
from .subject import tensors_of

ACCURACY = 1e-9
"""How near to an exact element that of a gradient must be to be proved right, of its size: it is compared in float64.

One is proved to be wrong if it is farther away by this part of its size, or of 1, if that is larger.
"""


_ROUNDINGS = 1000.0
"""How many roundings of the coarsest dtype on the way it may be off by, and is not proved to be wrong."""


def proofs(
    fn: Callable[..., Any],
    arguments: Sequence[Any],
    places: Sequence[int],
    tolerances: tuple[float, float],
    seed: int,
    wrong: Sequence[Comparison] = (),
) -> tuple[Proof, ...]:
    """Return what is proved of the gradients of `fn` at `arguments`, those in `places`.

    The exact gradient is that of what `fn` computes: a `Function` of the user's is differentiated as what its forward
    does, whatever its backward says. `tolerances` are the absolute and the relative one that the user allows. What is
    `wrong` by a comparison of another kind is not proved to be right.
    """
    random = Generator().manual_seed(seed).numpy

    def of_places(*given: Tensor) -> list[Tensor]:
        whole = list(arguments)
        for place, x in zip(places, given, strict=True):
            whole[place] = x
        return tensors_of(fn(*whole))

    xs = [arguments[i].detach().clone().requires_grad_() for i in places]
    try:
        with enable_grad(), np.errstate(all="ignore"):
            ys = of_places(*xs)
            seeds = [wrap(random.uniform(0.5, 1.0, y.shape)) for y in ys]
            found = grad(
                [y for y in ys if y.requires_grad],
                xs,
                [g for y, g in zip(ys, seeds, strict=True) if y.requires_grad],
                materialize_grads=True,
            )
            exact = enclose(of_places, *xs, seed=[g.array for g in seeds])
    except (TensorgradError, TypeError, ValueError, NotImplementedError) as error:
        return tuple(Proof(i, 0, (), arguments[i].array.size, str(error)) for i in places)
    unknown = [*_cut_off(exact.bounds), *exact.bounds.unknown.values()]
    rounding = max(float(np.finfo(node.dtype).eps) for node in exact.bounds.nodes if node.dtype.kind == "f")
    return tuple(
        _proof(place, g.array, interval, unknown, tolerances, _ROUNDINGS * rounding, wrong)
        for place, g, interval in zip(places, found, exact.gradients, strict=True)
    )


def _cut_off(bounds: Bounds) -> Iterator[str]:
    """Yield why the gradient may not be the derivative: what the user, and no function of the library, cuts off."""
    for found in bounds.breaks:
        yield f"it reads a value: {found.text}"
    for node in bounds.nodes:
        cut = any(o.detached and not o.parameter for o in node.operands)
        numpys = node.primitive is not None and node.primitive.kind == "numpy" and bool(node.operands)
        if (cut or numpys) and node.order == 0 and not isinstance(node.scope, FunctionScope):
            yield f"{'a value is detached' if cut else 'NumPy computes'} at {told(node.place)}"


def _proof(
    place: int,
    analytic: Array,
    exact: Interval | None,
    unknown: Sequence[str],
    tolerances: tuple[float, float],
    rounding: float,
    others: Sequence[Comparison],
) -> Proof:
    if exact is None or unknown:
        why = unknown[0] if unknown else "no gradient goes back to it by operations of the library"
        return Proof(place, 0, (), analytic.size, why)
    low, high = exact.low, exact.high
    atol, rtol = tolerances
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(low), np.abs(high))
        near = atol + max(rtol, ACCURACY) * size
        right = (high - analytic <= near) & (analytic - low <= near) & ~_named(place, analytic.shape, others)
        far = np.maximum(atol + max(rtol, rounding) * size, ACCURACY * np.maximum(size, 1.0))
        wrong = (analytic < low - far) | (analytic > high + far)
    found = tuple(_comparison(place, index, analytic, exact) for index in np.argwhere(wrong))
    return Proof(place, int(right.sum()), found, int((~right & ~wrong).sum()))


def _named(place: int, shape: tuple[int, ...], comparisons: Sequence[Comparison]) -> Array:
    """Return which elements of the gradient of the input at `place` one of `comparisons` is about."""
    found = np.zeros(shape, bool)
    for c in comparisons:
        if c.input in (place, None) and not c.mode.startswith("forward"):
            found[c.index if c.index is not None and len(c.index) == len(shape) else ...] = True
    return found


def _comparison(place: int, index: Any, analytic: Array, exact: Interval) -> Comparison:
    where = tuple(map(int, index))
    middle, radius = float(exact.middle[where]), float(exact.width[where]) / 2
    value = float(analytic[where])
    scale = max(abs(value), abs(middle), 1.0)
    return Comparison(place, where, "reverse", value, middle, radius, scale, "disagrees", "proof")
