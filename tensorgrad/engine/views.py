"""Which tensors share memory, and how each view came out of its base.

An in-place operation on one tensor changes the value of all that share its memory, so it must change their history as
well. What is needed for that is kept here: for each tensor that is a view, or has one, the chain of operations from the
base, and weak references to the others.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import owner_of

from . import references
from .tensor import Tensor

Step = tuple[Any, dict[str, Any]]
"""A primitive that gives a view, and its parameters."""


_reference: Callable[[Tensor], weakref.ref[Tensor]] = weakref.ref
_FEW = 32


class Memory(list["weakref.ref[Tensor]"]):
    """All tensors on one memory; dead ones are dropped when there are twice as many as had been left: `most`."""

    __slots__ = ("most",)

    def __init__(self) -> None:
        super().__init__()
        self.most = _FEW

    def thin(self) -> None:
        """Drop those that have died."""
        self[:] = [ref for ref in self if ref() is not None]
        self.most = 2 * len(self) + _FEW


class Position:
    """Where a tensor stands among those that share its memory.

    `chain` leads from the base, a tensor that others are views of, to the tensor. `ref` and `array` are those of the
    tensor itself. `without_history` says that it was made under `no_grad` from one that requires a gradient: it can be
    read, but a recorded write to it would have nowhere to go. `function` names the Function that returned the tensor on
    memory of `origin`, which is an input of it or another output.
    """

    __slots__ = ("array", "chain", "function", "memory", "origin", "ref", "root", "without_history")

    def __init__(
        self,
        x: Tensor,
        memory: Memory,
        root: Position | None = None,
        chain: tuple[Step, ...] = (),
        without: bool = False,
    ) -> None:
        self.memory = memory
        self.root = root  # None: the tensor is a base; a reference to itself would be a cycle
        self.chain = chain
        self.without_history = without
        self.function: str | None = None
        self.origin: Position | None = None
        self.array: Array = x.array
        self.ref = _reference(x)

    @property
    def base(self) -> Position:
        """The position of the tensor that this one is a view of: its own, if it is none."""
        return self.root or self

    def is_view(self) -> bool:
        """Return whether it tells more of the tensor than who its relatives are."""
        return self.root is not None or self.without_history or self.function is not None

    def living(self) -> list[Tensor]:
        """Return the tensors on this memory that still exist."""
        return [x for ref in self.memory if (x := ref()) is not None]


_known = Tensor.__dict__["family"].__get__  # not getattr: a tensor without relatives leaves the slot empty


def position_of(x: Tensor) -> Position | None:
    """Return where `x` stands among its relatives; None if it has none."""
    try:
        found = _known(x)
    except AttributeError:
        return None
    if found.__class__ is tuple:  # as `link_view` leaves it
        above, step, array = found
        x.family = position = Position(x, above.memory, above.root or above, (*above.chain, step))
        position.without_history, position.array = above.without_history, array
        return position
    return cast("Position", found)


def enter(x: Tensor, position: Position) -> None:
    """Let `x` stand at `position` from now on, among those that share its memory."""
    x.family, memory = position, position.memory
    memory.append(position.ref)
    if len(memory) > memory.most:
        memory.thin()


def _settled(x: Tensor) -> Position:
    """Return where `x` stands, as the base of a new family if it had none."""
    position = position_of(x)
    if position is None:
        position = Position(x, Memory())
        enter(x, position)
    return position


def link_view(view: Tensor, x: Tensor, primitive: Any, params: dict[str, Any]) -> None:
    """Note that `view` came out of `x` by `primitive`, if it shares its memory.

    Of most views nobody asks where they stand: a tuple of what tells it is made here, and the position when it is asked
    for. What it is made of does not change.
    """
    whole, base = x.array, view.array.base
    # NumPy's views refer to what owns the memory: mostly this tells without a search
    if base is not whole and (base is None or base is not whole.base) and owner_of(view.array) is not owner_of(whole):
        return
    try:
        above = _known(x)
    except AttributeError:
        above = _settled(x)
    if above.__class__ is tuple:
        above = _settled(x)
    if x.tracked and not context().grad:
        enter(view, Position(view, above.memory, without=True))
        return
    view.family = above, (primitive, params), view.array
    memory = above.memory
    memory.append(_reference(view))
    if len(memory) > memory.most:
        memory.thin()


def link_alias(alias: Tensor, x: Tensor) -> None:
    """Note that `alias` is a tensor of its own on the memory of `x`: what is written to it, `x` does not record."""
    enter(alias, Position(alias, _settled(x).memory))


def link_output(y: Tensor, x: Tensor, function: str) -> None:
    """Note that the Function named `function` has returned `y` on the memory of `x`, an input or another output."""
    above = _settled(x)
    position = Position(y, above.memory)
    position.function, position.origin = function, above.base.origin or above.base
    enter(y, position)


def function_between(x: Tensor, part: Array) -> str | None:
    """Return the name of a Function that stands between `x` and a living tensor on its `part`, or None."""
    position = position_of(x)
    if position is None:
        return None
    base = position.base
    for y in position.living():
        place = position_of(y)
        other = base if place is None else place.base
        related = other is not base and (other.origin or other) is (base.origin or base)
        if related and np.may_share_memory(y.array, part):
            return other.function or base.function
    return None


def forget(x: Tensor) -> None:
    """Let `x` share memory with nobody any more: it has been given another array."""
    if position_of(x) is not None:
        del x.family


def alone(x: Tensor) -> bool:
    """Return whether nobody but `x` holds its array; it forgets relatives that have died, as those of `state_dict`."""
    if references.alone(x):
        return True
    position = position_of(x)
    if position is None or position.is_view() or len(position.living()) > 1:
        return False
    del position
    forget(x)
    return references.alone(x)


def relatives(x: Tensor) -> list[Tensor]:
    """Return the living tensors that stand with `x` under one base: their history changes when that of `x` does."""
    position = position_of(x)
    if position is None:
        return []
    return [
        y
        for y in position.living()
        if y is not x and (other := position_of(y)) is not None and other.base is position.base
    ]
