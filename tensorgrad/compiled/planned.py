"""What a plan has computed, as an operation in the graph, whose rule is the second part of the plan.

Each result that a gradient can be asked for through is a node. As a fused form it is for plain sweeps backwards; for
all else its node is replaced by those that the function itself records, run again (see `tensorgrad.engine.fused`).

Where there are several results they are made of one, whose cotangent says for each of them whether there is one, how it
lies in memory, and its elements: all as numbers in one array, which is -0.0 elsewhere, so that sums are exact.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tensorgrad.autograd.userrules import Saved, record_of
from tensorgrad.base.caching import remembered
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array, DType
from tensorgrad.base.numerics import owner_of
from tensorgrad.engine.primitive import Primitive, Rule, always
from tensorgrad.engine.shared_memory import still_exposed
from tensorgrad.engine.tensor import Node, Tensor, node_of, recorded, wrap
from tensorgrad.engine.views import link_output
from tensorgrad.errors import AutogradError

from .later import Later
from .secondpart import Nature, laid_out

_NAME = "compiled"


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
        boxed = isinstance(g, Tensor)
        found = self.cotangents(g.array if boxed else g, saved, node)
        return [None if gx is None else always(wrap(gx) if boxed else gx) for gx in found]

    def cotangents(self, g: Array, saved: Saved, node: Node) -> list[Any]:
        """Return the cotangent of each argument."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Rule]:
        raise AutogradError("what a plan has computed is unfolded before a sweep goes forwards")


def _unfolded(node: Node) -> Tensor:
    """Return the result of `node` as the function itself records it, for all but a plain sweep backwards."""
    saved: Any = node.saved if "place" not in node.params else node.inputs[0].saved
    later: Later = saved.ctx
    return later.unfolded(node)


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


class _Records(NamedTuple):
    """The records of a result that is the only one, of all results together, and of one of them."""

    only: Primitive
    all: Primitive
    one: Primitive


@remembered()
def _records(nature: Nature) -> _Records:
    """Return the records of what does as much to numbers that are not finite as the operations inside."""
    plain = record_of(_NAME, _forward, _OfAll()).changed(kind="compiled", hides="")
    only = plain.changed(hides=nature.hides, composed=_unfolded)
    one = only.changed(vjps=(rules := _OfOne()), jvps=rules)
    for record in (only, one):
        vars(record)["singular"] = nature.singular  # which it would reckon from its samples
    return _Records(only, plain, one)


def planned_tensors(later: Later, arrays: list[Any], kept: list[Tensor], targets: list[Tensor]) -> list[Tensor]:
    """Return tensors of `arrays`, computed of `targets` by a plan whose second part reads `kept`."""
    mode, records = context(), _records(later.second.nature)
    saved = Saved.of([x.array for x in kept if not still_exposed(x)], later, None, [])
    inputs = tuple(map(node_of, targets))
    if len(arrays) == 1:
        only = recorded(arrays[0], records.only, inputs, {"places": []}, saved, mode)
        later.results = [weakref.ref(node_of(only))]
        return [only]
    places: list[Slot] = []
    for a in arrays:
        places.append(Slot(places[-1].end if places else 0, a.shape, a.dtype))
    dtype = np.result_type(np.float64, *arrays)
    nothing = np.broadcast_to(np.zeros((), dtype), (places[-1].end,))
    parent = (node_of(recorded(nothing, records.all, inputs, {"places": places}, saved, mode)),)
    made = [recorded(a, records.one, parent, {"place": p}, Saved.of([], None, None, []), mode)
            for a, p in zip(arrays, places, strict=True)]  # fmt: skip
    later.results = [weakref.ref(node_of(y)) for y in made]
    owners: dict[int, Tensor] = {}
    for y in made:
        x = owners.setdefault(id(owner_of(y.array)), y)
        if x is not y:
            link_output(y, x, _NAME)
    return made
