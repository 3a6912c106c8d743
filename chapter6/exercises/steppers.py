"""Checks of section 6.1: Momentum and AdaGrad, step by step beside the formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.testing import Comparison
from tensorgrad.testing.slips import hint_of

from .result import array, close, exercise, slip

LR, A, EPS, STEPS = 0.1, 0.9, 1e-7, 4
START = {"W": np.array([[-7.0, 2.0], [1.0, 0.5]]), "b": np.array([0.5, -1.0])}

State = dict[str, Any]
Rule = Callable[[Array, Array, State], Array]
"""Returns the new parameter, of the old one, its gradient and what is kept for it."""


def _velocity(change: Callable[[Any, Array], Array]) -> Rule:
    def rule(w: Array, g: Array, kept: State) -> Array:
        kept["v"] = change(kept.get("v", 0.0), g)
        return np.asarray(w + kept["v"])

    return rule


def _late(w: Array, g: Array, kept: State) -> Array:
    old = kept.get("v", np.zeros_like(w))
    kept["v"] = A * old - LR * g
    return np.asarray(w + old)


MOMENTUM = _velocity(lambda v, g: A * v - LR * g)
MOMENTUM_SLIPS: dict[str, Rule] = {
    "the sign of the gradient is wrong: W goes uphill; v <- a*v - lr*g": _velocity(lambda v, g: A * v + LR * g),
    "the sign of a*v is wrong: v <- a*v - lr*g": _velocity(lambda v, g: -A * v - LR * g),
    "the term a*v is forgotten, or v is not kept from one call to the next: this is plain SGD": _velocity(
        lambda _, g: -LR * g
    ),
    "the factor a of v is forgotten: nothing slows v down": _velocity(lambda v, g: v - LR * g),
    "the factor lr of the gradient is forgotten": _velocity(lambda v, g: A * v - g),
    "the gradient is weighed by 1 - a, as in an average: (6.3) has lr alone": _velocity(
        lambda v, g: A * v - (1 - A) * LR * g
    ),
    "W is moved by the old v: change v first, and then W": _late,
}


def _adaptive(grow: Callable[[Any, Array], Any], step: Callable[[Array, Any], Array]) -> Rule:
    def rule(w: Array, g: Array, kept: State) -> Array:
        kept["h"] = grow(kept.get("h", 0.0), g)
        return w - step(g, kept["h"])

    return rule


def _scaled(g: Array, h: Any) -> Array:
    return np.asarray(LR * g / (np.sqrt(h) + EPS))


ADAGRAD = _adaptive(lambda h, g: h + g * g, _scaled)
ADAGRAD_SLIPS: dict[str, Rule] = {
    "the sign of the gradient is wrong: W goes uphill": _adaptive(lambda h, g: h + g * g, lambda g, h: -_scaled(g, h)),
    "h is not kept from one call to the next: it must sum up all g*g": _adaptive(lambda _, g: g * g, _scaled),
    "h sums up g, and not g*g": _adaptive(lambda h, g: h + g, _scaled),
    "the root is forgotten: divide by sqrt(h) + 1e-7": _adaptive(
        lambda h, g: h + g * g, lambda g, h: LR * g / (h + EPS)
    ),
    "h is a running average, as RMSprop's: AdaGrad's only grows": _adaptive(
        lambda h, g: 0.99 * h + 0.01 * g * g, _scaled
    ),
    "the factor lr is forgotten": _adaptive(lambda h, g: h + g * g, lambda g, h: g / (np.sqrt(h) + EPS)),
    "W is moved by the old h: add g*g first": _adaptive(
        lambda h, g: (h[1] if isinstance(h, tuple) else h, (h[1] if isinstance(h, tuple) else h) + g * g),
        lambda g, h: _scaled(g, h[0]),
    ),
}


@exercise
def momentum(make: Callable[..., Any]) -> Iterator[str]:
    """Check a class with ``update(params, grads)``, made by ``make(lr, momentum)``, against (6.3) and (6.4)."""
    return _compared(make(LR, A), MOMENTUM, MOMENTUM_SLIPS)


@exercise
def adagrad(make: Callable[..., Any]) -> Iterator[str]:
    """Check a class with ``update(params, grads)``, made by ``make(lr)``, against (6.5) and (6.6)."""
    return _compared(make(LR), ADAGRAD, ADAGRAD_SLIPS)


def _gradients() -> list[dict[str, Array]]:
    rng = np.random.default_rng(6)
    return [{key: rng.normal(size=value.shape) for key, value in START.items()} for _ in range(STEPS)]


def _course(rule: Rule) -> list[dict[str, Array]]:
    """Return the parameters after each step, by the formulas."""
    kept: dict[str, State] = {key: {} for key in START}
    params, course = START, []
    with np.errstate(all="ignore"):
        for grads in _gradients():
            params = {key: rule(params[key], grads[key], kept[key]) for key in params}
            course.append(params)
    return course


def _compared(optimizer: Any, right: Rule, slips: dict[str, Rule]) -> Iterator[str]:
    """Return where an optimiser leaves the formulas, and by which slip; empty if nowhere."""
    params = {key: value.copy() for key, value in START.items()}
    course = []
    for grads in _gradients():
        with np.errstate(all="ignore"):
            optimizer.update(params, {key: value.copy() for key, value in grads.items()})
        course.append({key: array(value, f"params[{key!r}]").copy() for key, value in params.items()})
    wanted = _course(right)
    for step, (found, expected) in enumerate(zip(course, wanted, strict=True), 1):
        for key, start in START.items():
            if found.get(key, np.zeros(0)).shape != start.shape:
                yield f"params[{key!r}] has another shape after step {step}: has every parameter a v or h of its own?"
            if not close(found[key], expected[key]):
                before = course[step - 2][key] if step > 1 else start
                why = slip(_flat(course), {name: _flat(_course(rule)) for name, rule in slips.items()})
                yield f"step {step}, params[{key!r}]: {why or _told(found[key], expected[key], before)}"


def _flat(course: list[dict[str, Array]]) -> Array:
    return np.concatenate([params[key].ravel() for params in course for key in START])


def _told(found: Array, wanted: Array, before: Array) -> str:
    """Return what the step looks like beside the one that was to be made, and both."""
    if np.array_equal(found, before):
        return "nothing has moved: `params[key]` must be changed itself, by += or by a new entry"
    made, due = found - before, wanted - before
    pairs = [
        Comparison(0, place, "reverse", float(made[place]), float(due[place]), 0.0, 1.0, "disagrees")
        for place in np.ndindex(made.shape)
    ]
    hint = hint_of(pairs).removeprefix("hint: ")
    steps = f"W moves by {made.ravel()}, by the formulas by {due.ravel()}"
    return f"{hint}; {steps}" if hint else steps
