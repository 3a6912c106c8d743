"""What a plan has computed, as an operation in the graph, whose rule is the second part of the plan.

Each result that a gradient can be asked for through is a node. Where there are several they are made of one, whose
cotangent says for each of them whether there is one, how it lies in memory, and its elements: all as numbers in one
array, which is -0.0 elsewhere, so that sums of such arrays are exact.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tensorgrad.autograd.userrules import Saved, record_of, unknown
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.primitive import Rule, always
from tensorgrad.engine.shared_memory import still_exposed
from tensorgrad.engine.tensor import Node, Tensor, node_of, recorded, wrap
from tensorgrad.engine.views import link_output
from tensorgrad.errors import AutogradError

from .arrivals import recorded_again
from .later import Later
from .secondpart import laid_out

_NAME = "compiled"
_TEXT = (
    "the gradient of a compiled function cannot be differentiated itself: from the next call on it runs as it is, so "
    "that its gradients can be; or compile the whole step, in which the first gradient is taken"
)


class Slot(NamedTuple):
    """Where the cotangent of one result stands in that of all: first a one and the strides, then the elements."""

    start: int
    shape: tuple[int, ...]
    dtype: DType

    @property
    def elements(self) -> int:
        """Where the elements begin."""
        return self.start + 1 + len(self.shape)

    @property
    def end(self) -> int:
        """Where they end."""
        return self.elements + math.prod(self.shape)

    def write(self, g: Array, to: Array) -> None:
        """Write the cotangent `g`."""
        to[self.start] = 1
        to[self.start + 1 : self.elements] = g.strides
        to[self.elements : self.end] = g.reshape(-1)

    def read(self, flat: Array) -> Array | None:
        """Return the cotangent, as it was laid out; None if there is none."""
        if flat[self.start] == 0:
            return None
        flat = flat if self.dtype.kind == "c" else flat.real
        strides = flat[self.start + 1 : self.elements].real.astype(np.int64).tolist()
        return laid_out(flat[self.elements : self.end].reshape(self.shape), self.dtype, tuple(strides))


class _Rules:
    """The rules of a node that is differentiated once, by the sweep backwards."""

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule | None]:
        """Return for each argument a rule that knows its cotangent already."""
        found = self.cotangents(g.array if isinstance(g, Tensor) else g, saved, node)
        if not isinstance(g, Tensor):
            return [None if gx is None else always(gx) for gx in found]
        if not recorded_again(g):
            return [None if gx is None else always(wrap(gx)) for gx in found]
        _later_of(node).differentiated()
        inputs = (*([node_of(g)] if g.tracked else []), *node.inputs)
        return [None if gx is None else always(unknown(_NAME, _TEXT, gx, inputs)) for gx in found]

    def cotangents(self, g: Array, saved: Saved, node: Node) -> list[Any]:
        """Return the cotangent of each argument."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Rule]:
        return itertools.repeat(_refused)


def _refused(t: Any, saved: Any, node: Node) -> NoReturn:
    _later_of(node).differentiated()
    raise AutogradError(f"the forward mode of a compiled function is not known: {_TEXT}")


def _later_of(node: Node) -> Later:
    """Return what the node of a result, or of all of them, asks for gradients."""
    saved: Any = node.saved if node.params.get("place") is None else node.inputs[0].saved
    later: Later = saved.ctx
    return later


class _OfAll(_Rules):
    """The rules of what has been computed, all results at once or the only one."""

    def cotangents(self, g: Array, saved: Saved, node: Node) -> list[Any]:
        """Return what the second part gives."""
        places: list[Slot] = node.params["places"]
        later: Later = saved.ctx
        return later.gradients([place.read(g) for place in places] if places else [g], node.inputs)


class _OfOne(_Rules):
    """The rules of one of several results."""

    def cotangents(self, g: Array, saved: Saved, node: Node) -> list[Any]:  # noqa: ARG002 - called as all rules are
        """Return the cotangent `g` in its place of that of all."""
        (all_of,) = node.inputs
        zero = np.zeros((), all_of.dtype)
        flat = np.full(all_of.shape, -zero)
        node.params["place"].write(g, flat)
        return [flat]


def _forward(*_: Any) -> NoReturn:
    raise AutogradError("what a plan has computed is not computed again by itself")


# no choice of its own: numbers that are not finite are met inside, or outside, as they are without a plan
_ALL, _ONE = (replace(record_of(_NAME, _forward, rules), kind="compiled", hides="") for rules in (_OfAll(), _OfOne()))


def planned_tensors(later: Later, arrays: list[Any], kept: list[Tensor], targets: list[Tensor]) -> list[Tensor]:
    """Return tensors of `arrays`, computed of `targets` by a plan whose second part reads `kept`."""
    mode = context()
    saved = Saved.of([x.array for x in kept if not still_exposed(x)], later, None, [])
    inputs = tuple(map(node_of, targets))
    if len(arrays) == 1:
        return [recorded(arrays[0], _ALL, inputs, {"places": []}, saved, mode)]
    places: list[Slot] = []
    for a in arrays:
        places.append(Slot(places[-1].end if places else 0, a.shape, a.dtype))
    dtype = np.result_type(np.float64, *arrays)
    nothing = np.broadcast_to(np.zeros((), dtype), (places[-1].end,))
    parent = (node_of(recorded(nothing, _ALL, inputs, {"places": places}, saved, mode)),)
    made = [recorded(a, _ONE, parent, {"place": p}, Saved.of([], None, None, []), mode)
            for a, p in zip(arrays, places, strict=True)]  # fmt: skip
    owners: dict[int, Tensor] = {}
    for y in made:
        x = owners.setdefault(id(owner_of(y.array)), y)
        if x is not y:
            link_output(y, x, _NAME)
    return made
