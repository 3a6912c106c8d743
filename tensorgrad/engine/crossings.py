"""What stands in the graph where a value enters a run of `vmap`, leaves it, or is taken from outside.

Inside, a value is that of each example, also a plain array, which is the same for all of them. So the gradient of a
tensor from outside is the sum of those of the examples: `GATE`, the identity, is recorded in front of it, and its
adjoint `COLLECT` adds them. A sweep that runs inside is itself that of each example, and nothing is added.
They are no entries of the table: nobody calls them by name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from tensorgrad.base.context import BATCHING, context, within

from .batched import Batched, Level, Levels, itself, levels_of, running_levels
from .dispatch import INSIDE, apply
from .primitive import Primitive, Rule, Signature
from .tensor import Node, Tensor, leaf, linked

F = TypeVar("F", bound=Callable[..., Any])


def enter(x: Any, *, level: Level, axis: int) -> Any:
    """Return `x` as the value of each example of `level`, which lie along `axis`."""
    levels: Levels = levels_of(x)
    place = sum(other.start < level.start for other in levels)  # a sweep comes back to it from newer ones
    inner = np.moveaxis(x.inner if levels else x, axis % x.ndim + len(levels), place)
    return Batched(inner, (*levels[:place], level, *levels[place:]))


def leave(x: Any, *, level: Level, axis: int) -> Any:
    """Return the values of all examples of `level` stacked along `axis`: of what is the same for all, repeated."""
    own: Levels = levels_of(x)
    levels = tuple([other for other in own if other is not level])
    place = own.index(level) if level in own else len(levels)
    stacked, target = x.inner if level in own else _repeated(x, levels, level), len(levels) + axis % (x.ndim + 1)
    y = stacked if place == target else np.moveaxis(stacked, place, target)
    return Batched(y, levels) if levels else y


def _repeated(x: Any, levels: Levels, level: Level) -> Any:
    inner = x.inner if levels else x
    lead = inner.shape[: len(levels)]
    return np.broadcast_to(inner.reshape(*lead, 1, *x.shape), (*lead, level.size, *x.shape))


def collect(x: Any, *, levels: Levels) -> Any:
    """Return the sum of `x` over all examples of `levels`."""
    own: Levels = levels_of(x)
    axes = tuple([i for i, level in enumerate(own) if level in levels])
    rest = tuple([level for level in own if level not in levels])
    y = x.inner.sum(axes) if axes else x
    count = np.prod([level.size for level in levels if level not in own], dtype=np.int64)
    y = Batched(y, rest) if axes and rest else y
    return y if count == 1 else y * np.asarray(count, x.dtype)


def _made(name: str, forward: Callable[..., Any], adjoint: Rule, *parameters: str) -> Primitive:
    """Return the record of a crossing: linear in its one argument, a value for each example or of all."""
    record: Primitive

    def tangent(t: Any, saved: Any, node: Any) -> Any:
        return apply(record, (t,), node.params)

    record = Primitive(
        name,
        "multilinear",
        forward,
        Signature(("x",), False, {}, parameters),
        (adjoint,),
        (tangent,),
        lambda i: frozenset(),
        name,
        None,
        complex=True,
        batch=itself,
    )
    return record


def _collected(g: Any, saved: Any, node: Any) -> Any:
    inside = running_levels()
    levels = tuple([level for level in node.params["levels"] if level not in inside])
    return apply(COLLECT, (g,), {"levels": levels}) if levels else g


ENTER: Primitive = _made("enter", enter, lambda g, s, n: apply(LEAVE, (g,), n.params), "level", "axis")
LEAVE: Primitive = _made("leave", leave, lambda g, s, n: apply(ENTER, (g,), n.params), "level", "axis")
GATE: Primitive = _made("gate", lambda x, *, levels: x, _collected, "levels")
COLLECT: Primitive = _made("collect", collect, lambda g, s, n: apply(GATE, (g,), n.params), "levels")


def in_front(function: F) -> F:
    """Return a function of an array or a tensor, which takes axes in front by itself, so that a batch is such axes."""

    @functools.wraps(function)
    def run(x: Any) -> Any:
        array = x.array if isinstance(x, Tensor) else x
        if type(array) is not Batched:
            return function(x)
        if not isinstance(x, Tensor):
            return Batched(function(array.inner), array.levels)
        for level in reversed(array.levels):
            x = apply(LEAVE, (x,), {"level": level, "axis": 0})
        y = function(x)
        for level in array.levels:
            y = apply(ENTER, (y,), {"level": level, "axis": 0})
        return y

    return cast("F", run)


def _gated(x: Tensor) -> Tensor:
    """Return `x`, which is tracked, as it stands inside: behind a gate if it was made outside."""
    levels, node = running_levels(), x.node
    if node is None:  # a leaf that was not met before
        node = leaf(x)
        node.serial = levels[0].start - 0.5
    if node.serial > levels[-1].start:
        return x
    known: Node | None = levels[-1].gates.get(node)
    if known is None:
        params = {"levels": tuple([level for level in levels if level.start > node.serial])}
        with within(special=context().special & ~BATCHING):
            known = apply(GATE, (x,), params).node
        levels[-1].gates[node] = known
    assert known is not None
    return linked(x.array, known)


INSIDE[0] = _gated
