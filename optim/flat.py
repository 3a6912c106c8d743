"""What makes a step quick: small parameters side by side in one array, and kept room for what large ones compute.

The plain form is `Optimizer.update_each`, one `update_one` for each parameter: what is done here gives the same
parameters and the same state, bit for bit (tests/test_optim_flat.py compares them, for every optimiser). What it is
worth, ``python -m benchmarks --workloads bn mnist_adam bn_dropout_adam`` measures.

An elementwise update of a concatenation is the concatenation of the updates, and costs one call in place of one for
each. So the memory of small parameters and of their states is moved into flat arrays, of which each tensor keeps a
part. Nobody can tell: a tensor is moved only while nobody else holds its array; its part refers to the flat array
through a memoryview, which makes it, for everything that asks who owns some memory, an owner of its own; and where
anything is not as it was left (a gradient that is None, memory that has been assigned, another step count), the
parameters are updated one by one, in the same memory.

Large parameters stay where they are: for them, gathering the gradients costs more than the calls that it saves. Nor is
a large array updated in blocks: from 4 to 32 thousand elements, each size was measured slower than the whole. A step
for an MLP of six hidden layers of 100 with BatchNorm takes 0.6 of the time with Adam, 0.75 with momentum and 0.8
without, a plain MLP's 0.8, 0.95 and 1.05.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate, pairwise
from operator import attrgetter, is_
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array, DType
from tensorgrad.base.numerics import aligned
from tensorgrad.engine import references
from tensorgrad.engine.tensor import Tensor
from tensorgrad.engine.views import alone
from tensorgrad.engine.writes import note

SMALL = 1 << 14
"""The most elements of a parameter that is moved: with more, SGD without momentum loses."""

LARGE = 1 << 14
"""The fewest elements of a parameter for whose intermediate results room is kept."""

State = dict[str, Any]
Key = tuple[DType, tuple[str, ...], tuple[tuple[str, Any], ...]]

_array_of, _base_of, _gradient_of = attrgetter("array"), attrgetter("base"), attrgetter("grad.array")
_kind_of = attrgetter("shape", "dtype")


class Memory(np.ndarray[Any, np.dtype[Any]]):
    """A flat array: a class of its own shows that it is ours."""


class Flat:
    """Parameters that are updated together: one dtype, the same state, and the same numbers in it.

    Attributes:
        members: the parameters.
        names: the entries of the state that are arrays.
        numbers: those that are numbers, the same for every member.
    """

    def __init__(self, members: list[Tensor], states: list[State]) -> None:
        self.members = members
        self.names = tuple(k for k, v in states[0].items() if isinstance(v, Tensor))
        self.numbers = tuple(k for k in states[0] if k not in self.names)
        self.count = len(states[0])
        self.kinds = [_kind_of(p.array) for p in members]
        columns = [members, *([state[name] for state in states] for name in self.names)]
        flats = [_moved(column) for column in columns]
        self.w = flats[0]
        self.g = np.empty_like(self.w)
        self.arrays = dict(zip(self.names, flats[1:], strict=True))
        self.bases = [x.array.base for column in columns for x in column]

    def update(self, optimizer: Any, needed: Iterable[str], group: dict[str, Any]) -> bool:
        """Update all members; False, and nothing has been done, where they cannot be updated together.

        `needed` are the arrays that the update finds in a state.
        """
        if not self.arrays.keys() >= set(needed):
            return False
        together: State = {**self.arrays}
        try:
            gradients = list(map(_gradient_of, self.members))
            states = list(map(optimizer.state.get, self.members)) if self.count else []
            tensors = [*self.members, *[state[name] for name in self.names for state in states]]
            arrays = list(map(_array_of, tensors))
            for name in self.numbers:
                first, *others = [state[name] for state in states]
                if others.count(first) != len(others):
                    return False
                together[name] = first
        except (AttributeError, TypeError, KeyError):  # no gradient, no state
            return False
        if list(map(_kind_of, gradients)) != self.kinds or not all(map(is_, map(_base_of, arrays), self.bases)):
            return False
        if states and set(map(len, states)) != {self.count}:
            return False
        np.concatenate(gradients, axis=None, out=self.g)
        if group.get("maximize"):
            np.negative(self.g, out=self.g)
        optimizer.update(self.w, self.g, together, group)
        for name in self.numbers:
            for state in states:
                state[name] = together[name]
        if not references.all_alone(arrays):
            del arrays
            for x in tensors:
                note(x)
        return True


class Plan:
    """Who of the parameters of a group is updated with whom; it is revised after 1, 2, 4, 8 ... steps."""

    def __init__(self, params: Iterable[Tensor]) -> None:
        self.params = list(params)
        self.single = self.params
        self.flats: list[Flat] = []
        self.steps = 0
        self.distinct = len({id(p) for p in self.params}) == len(self.params)

    def update(self, optimizer: Any, group: dict[str, Any]) -> list[Tensor]:
        """Update who can be updated together under the settings of `group`; return the others, to be updated singly."""
        if not self.flats:
            return self.single
        needed = optimizer.arrays(group)
        apart = [flat.members for flat in self.flats if not flat.update(optimizer, needed, group)]
        return sum(apart, self.single)

    def revise(self, optimizer: Any) -> None:
        """After a step, think over who is updated with whom if it is time."""
        self.steps += 1
        if optimizer.elementwise and self.distinct and not self.steps & (self.steps - 1):
            self.flats = flats_of(self.params, optimizer.state, self.flats)
            together = {id(p) for flat in self.flats for p in flat.members}
            self.single = [p for p in self.params if id(p) not in together]


def flats_of(params: Iterable[Tensor], known: Mapping[Tensor, State], before: list[Flat]) -> list[Flat]:
    """Return what of `params` can be updated together from now on, in flat arrays, those of `before` if they fit."""
    together: dict[Key, list[Tensor]] = {}
    for p in params:
        if p.grad is None or p.array.size > SMALL:
            continue
        state = known.get(p, {})
        names = tuple(k for k, v in state.items() if isinstance(v, Tensor))
        tensors = [p, *(state[name] for name in names)]
        numbers = tuple((k, v) for k, v in state.items() if k not in names)
        simple = all(isinstance(v, int | float) for _, v in numbers)
        if simple and all(_kind_of(x.array) == _kind_of(p.array) and _is_movable(x) for x in tensors):
            together.setdefault((p.array.dtype, names, numbers), []).append(p)
    found = []
    for members in together.values():
        if len(members) > 1:
            members.sort(key=lambda p: p.array.size, reverse=True)  # biases behind, where they misalign nothing
            kept = next(
                (f for f in before if same(f.members, members) and _is_in_place(f, known)),
                None,
            )
            found.append(kept or Flat(members, [known.get(p, {}) for p in members]))
    return found


def same(some: list[Tensor], others: list[Tensor]) -> bool:
    """Return whether both are the same tensors, in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))


def _is_in_place(flat: Flat, known: Mapping[Tensor, State]) -> bool:
    tensors = [*flat.members, *[known.get(p, {}).get(name) for name in flat.names for p in flat.members]]
    return all(x is not None and x.array.base is base for x, base in zip(tensors, flat.bases, strict=True))


def _is_movable(x: Tensor) -> bool:
    """Return whether nobody would notice that `x` moves: it has plain memory that it shares with nobody."""
    base: Any = x.array.base
    own = base is None or (isinstance(base, memoryview) and isinstance(base.obj, Memory))
    flags = x.array.flags
    plain = own and x.array.__class__ is np.ndarray and flags.c_contiguous and flags.writeable
    del flags  # it refers to the array
    return plain and alone(x)


def _moved(column: list[Tensor]) -> Array:
    """Return an array of the elements of all tensors of `column`, each of which gets its part as its memory."""
    ends = list(accumulate((x.array.size for x in column), initial=0))
    dtype = column[0].array.dtype
    memory = aligned(ends[-1] * dtype.itemsize).view(dtype).view(Memory)
    for x, (start, end) in zip(column, pairwise(ends), strict=True):
        part = np.asarray(memoryview(memory[start:end].reshape(x.array.shape)))  # type: ignore[arg-type]  # a buffer
        part[...] = x.array
        x.array = part
    return memory.view(np.ndarray)


class Rooms:
    """Arrays that an update writes its intermediate results to, for all large parameters of a shape and dtype.

    Made anew for each step, they would be given back to the system each time, and made of new pages by the next. Small
    ones come out of memory that the process holds anyway, so for them there is none.
    """

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], Array] = {}

    def like(self, w: Array, number: int) -> Array | None:
        """Return the array `number` of the shape and dtype of `w`, with anything in it; None if `w` is small."""
        if w.size < LARGE:
            return None
        key = (w.shape, w.dtype, number)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = np.empty(w.shape, w.dtype)
        return found
