"""`sweep.reverse` in fewer steps, for the case that matters for speed: first order, on arrays, nothing to be watched.

It must equal the plain form; the tests hold it so, and `benchmarks` (chain10, mnist_sgd, bn) shows what it buys. Saved
values are dropped as the sweep goes, their memory used again while it is in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tensorgrad.base.callsite import Place
from tensorgrad.base.numerics import repeated
from tensorgrad.base.switches import get_kernels
from tensorgrad.engine.kinds import negation
from tensorgrad.engine.primitive import Ones, identity
from tensorgrad.engine.tensor import Node
from tensorgrad.engine.writes import last_write

from . import sweep
from .order import readable
from .sweep import fitted

_ndarray = np.ndarray


class Run(sweep.Run, Protocol):
    """What a sweep is after, what it has found, and how a second run is prepared (see `careful`)."""

    wanted: set[Node] | None
    found: dict[Node, Any]
    closed: bool
    freeing: Place | None
    choices: frozenset[Any]
    visited: list[Node]

    def begin(self, node: Node, g: Any, grads: Mapping[Node, Any]) -> None:
        """Note that a choice is reached behind which a second run may be needed."""


def reverse(order: list[Node], seeds: Mapping[Node, Any], run: Run, needed: set[Node] | None) -> None:
    """Add to `found` of `run` the cotangent of every node in `wanted` (None: of every node that has a living owner).

    One function although it branches much: a call costs as much as the arithmetic of small arrays.
    """
    wanted, found, closed, freeing, watching = run.wanted, run.found, run.closed, run.freeing, bool(run.choices)
    kept: list[Node] | None = None  # from the first choice on
    grads, newest = dict(seeds), last_write[0]
    for node in reversed(order):
        if (g := grads.pop(node, None)) is None:
            continue
        if (node.owner is not None) if wanted is None else (node in wanted):
            found[node] = g
            if closed or (needed is not None and not any(p in needed for p in node.inputs if p.__class__ is Node)):
                continue
        if (primitive := node.primitive) is None:
            continue
        if watching and primitive in run.choices:
            watching, kept = False, run.visited
            run.begin(node, g, grads)
        saved = node.saved
        if saved is None or newest > node.serial:
            saved = readable(node, False)
        if kept is not None:
            kept.append(node)
        elif freeing is not None and saved:
            node.saved, node.freed = None, freeing  # before its rules, so that they may give out what they alone hold
        alike, shape, dtype = primitive.kind == "elementwise", node.shape, node.dtype  # rules give what is like y
        view = type(g) is _ndarray and g.base is not None and primitive.multiplies
        v = Ones(g, saved) if view and get_kernels() == "numpy" else g  # code in C takes arrays, in one pass
        rules = run.rules(node, g, saved) if primitive.together else primitive.vjps
        for parent, rule in zip(node.inputs, rules):  # noqa: B905 - rules may be endless
            if parent.__class__ is not Node or not parent.tracked or rule is None:
                continue
            if needed is not None and parent not in needed:
                continue
            turned = rule is negation and shape != parent.shape
            gx = -fitted(g, parent) if turned else g if rule is identity or (gx := rule(v, saved, node)) is v else gx
            if (shape if alike else gx.shape) != parent.shape or (dtype if alike else gx.dtype) is not parent.dtype:
                gx = fitted(gx, parent)
            if (known := grads.get(parent)) is not None:
                gx = known + gx if known.base is None or gx.base is None else _added(known, gx)
            grads[parent] = gx


def _added(a: Any, b: Any) -> Any:
    """Return ``a + b``, of arrays of one shape: one number repeated, where both are that, as behind a sum."""
    if type(a) is not _ndarray or type(b) is not _ndarray or not a.size or any(a.strides) or any(b.strides):
        return a + b
    return repeated(a[(0,) * a.ndim] + b[(0,) * b.ndim], a.shape)
