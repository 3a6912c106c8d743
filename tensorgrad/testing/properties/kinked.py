"""Gradients at points without a derivative: what a rule may answer there, and what it may not.

Along one element the answer lies between the slopes on both sides. Elements that are equal are moved together as well:
the largest of two that tie has a slope then, 1, and a rule that gives each of the two the whole gradient answers 2.
What is wrong there must also lie outside of all slopes nearby (Clarke's generalised gradient), for a sum of kinks may
have a slope where its parts have none: ``relu(a) + min(b, 0)`` along ``a = b``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.testing.checking import check
from tensorgrad.testing.comparison import Comparison
from tensorgrad.testing.report import GradcheckError

from .beside import swept

Call = Callable[..., Any]
JUMP = 1e4  # times the size of the outputs: no slope, but a jump
ROOM = 1e-4  # of the largest slope: steps between neighbours change it
NEAR, NEIGHBOURS = 2.0**-16, 32
STEPS, STEEPER = (1e-4, 1e-8), 2.0  # over which an infinite slope shows, by quotients that grow so much
GROUPS = 6  # of equal elements that are moved together


def require_possible(fn: Call, xs: Sequence[Tensor], names: Sequence[str], kinks: Sequence[Comparison]) -> None:
    """Raise if `fn` has gradients at `xs`, on the `kinks`, that no rule may answer.

    Raises:
        GradcheckError: about the first.
    """
    for c in kinks:
        if c.mode == "reverse" and isinstance(c.input, int) and c.index is not None and _is_outside(c):
            raise _impossible(c, f"gradient of {names[c.input]} at {c.index}", names[c.input], c.index)
    groups = _equal(xs)
    if not groups:
        return
    start = wrap(np.zeros(len(groups))).requires_grad_()
    found = check(_together(fn, [x.array for x in xs], xs, groups), [start])
    suspects = [c for c in (*found.failures, *found.kinks) if c.mode == "reverse" and c.index is not None]
    for c in suspects:
        assert c.index is not None
        if (c.verdict != "kink" or _is_outside(c)) and _is_alone(fn, xs, groups, start, c.index[0]):
            value, places = groups[c.index[0]]
            which = ", ".join(f"{names[i]} at {index}" for i, index in places)
            raise _impossible(c, f"gradient where {which}, all {value:g}, move together", names[places[0][0]], None)


def require_steep(fn: Call, xs: Sequence[Tensor], names: Sequence[str]) -> str:
    """Return where gradients of `fn` at `xs` are infinite; empty where none is.

    Raises:
        GradcheckError: one is, and the function is not steep there: the quotients of small steps do not grow.
    """
    told = []
    for i, g in enumerate(swept(fn, xs)[1]):
        for place in np.argwhere(np.isinf(g)) if g is not None else ():
            index = tuple(map(int, place))
            told.append(f"{names[i]} at {index}")
            wide, narrow = (_quotients(fn, xs, i, index, h) for h in STEPS)
            if np.isfinite([*wide, *narrow]).all() and max(narrow) < STEEPER * max(wide):
                text = f"gradient of {told[-1]} is infinite, and the slope is about {max(narrow):.3g}"
                c = Comparison(names[i], index, "reverse", np.inf, max(narrow), np.inf, 1.0, "not finite")
                raise GradcheckError(text, c)
    return ", ".join(told)


def _quotients(fn: Call, xs: Sequence[Tensor], i: int, index: tuple[int, ...], h: float) -> list[float]:
    """Return how much the outputs change over a step of `h` to either side, divided by it."""
    found = []
    for step in (0.0, h, -h):
        arrays = [x.array.copy() for x in xs]
        arrays[i][index] += step
        values, _ = swept(fn, [wrap(a).requires_grad_(x.requires_grad) for a, x in zip(arrays, xs, strict=True)])
        found.append(np.concatenate([np.zeros(1), *(y.ravel() for y in values)]))
    middle, *sides = found
    with np.errstate(all="ignore"):
        return [float(np.max(np.abs(side - middle))) / h for side in sides]


Group = tuple[float, list[tuple[int, tuple[int, ...]]]]
"""A value, and the elements that have it: the place of the input, and the index."""


def _equal(xs: Sequence[Tensor]) -> list[Group]:
    """Return the largest groups of equal elements among those that are differentiated."""
    found: dict[float, list[tuple[int, tuple[int, ...]]]] = {}
    for i, x in enumerate(xs):
        if x.requires_grad:
            for index in np.ndindex(x.shape):
                found.setdefault(float(x.array[index]), []).append((i, index))
    groups = [group for group in found.items() if len(group[1]) > 1]
    return sorted(groups, key=lambda group: -len(group[1]))[:GROUPS]


def _together(fn: Call, arrays: Sequence[Array], xs: Sequence[Tensor], groups: Sequence[Group]) -> Call:
    """Return the function of how far each of the `groups` is moved from `arrays`."""
    moves = [np.zeros((len(groups), *x.shape)) for x in xs]
    for k, (_, places) in enumerate(groups):
        for i, index in places:
            moves[i][(k, *index)] = 1.0

    def moved(t: Tensor) -> Any:
        return fn(
            *(
                wrap(a) + (t @ wrap(m.reshape(len(groups), -1))).reshape(x.shape) if x.requires_grad else x
                for a, m, x in zip(arrays, moves, xs, strict=True)
            )
        )

    return moved


def _is_alone(fn: Call, xs: Sequence[Tensor], groups: Sequence[Group], start: Tensor, k: int) -> bool:
    """Return whether the slope along group `k` lies outside of those at neighbours."""
    random = np.random.default_rng(0)
    places = [[x.array for x in xs]]
    places += [
        [x.array + NEAR * random.standard_normal(x.shape) if x.requires_grad else x.array for x in xs]
        for _ in range(NEIGHBOURS)
    ]
    slopes = []
    for arrays in places:
        gradient = swept(_together(fn, arrays, xs, groups), [start])[1][0]
        slopes.append(0.0 if gradient is None else float(gradient[k]))
    own, *others = slopes
    room = ROOM * max(1.0, *map(abs, others))
    return not min(others) - room <= own <= max(others) + room


def _is_outside(c: Comparison) -> bool:
    low, high = sorted(c.sides)
    if not np.isfinite(c.sides).all() or max(-low, high) > JUMP * c.scale:
        return False
    room = ROOM * c.scale
    return not low - room <= c.analytic <= high + room


def _impossible(c: Comparison, what: str, name: str, index: tuple[int, ...] | None) -> GradcheckError:
    if c.verdict == "kink":
        left, right = c.sides
        wanted = f"the slopes are {left:.9g} to the left and {right:.9g} to the right, and it must lie between them"
    else:
        wanted = f"the slope is {c.numeric:.9g}"
    text = f"{what} is wrong: analytic {c.analytic:.9g}, and {wanted}; hint: it is wrong at ties or kinks"
    return GradcheckError(text, replace(c, input=name, index=index, verdict="disagrees"))
