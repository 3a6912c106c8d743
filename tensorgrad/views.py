"""Which tensors share memory, and how each view came out of its base.

An in-place operation on one tensor changes the value of all that share its memory, so it must change their history as
well. What is needed for that is kept here: for each tensor that is a view, or has one, the chain of operations from the
base, and weak references to the others.
"""

from __future__ import annotations

import weakref
from typing import Any

from tensorgrad.context import context
from tensorgrad.dtypes import Array
from tensorgrad.tensor import Tensor
from tensorgrad.writes import owner_of

Step = tuple[Any, dict[str, Any]]
"""A primitive that gives a view, and its parameters."""


class Memory:
    """All tensors on one memory, in weak references; dead ones are dropped when their number has doubled."""

    __slots__ = ("limit", "tensors")

    def __init__(self) -> None:
        self.tensors: list[weakref.ref[Tensor]] = []
        self.limit = 16

    def add(self, x: Tensor) -> None:
        """Remember `x`."""
        if len(self.tensors) >= self.limit:
            self.tensors = [ref for ref in self.tensors if ref() is not None]
            self.limit = 2 * len(self.tensors) + 16
        self.tensors.append(weakref.ref(x))

    def living(self) -> list[Tensor]:
        """Return the tensors that still exist."""
        return [x for ref in self.tensors if (x := ref()) is not None]


class Base:
    """A tensor that others are views of: the tensor, while it lives, and its array."""

    __slots__ = ("array", "ref")

    def __init__(self, x: Tensor) -> None:
        self.ref = weakref.ref(x)
        self.array: Array = x.array


class Position:
    """Where a tensor stands among those that share its memory.

    `chain` leads from `base` to the tensor. `without_history` says that the tensor was made under `no_grad` from one
    that requires a gradient: it can be read, but a recorded write to it would have nowhere to go.
    """

    __slots__ = ("base", "chain", "memory", "without_history")

    def __init__(self, memory: Memory, base: Base, chain: tuple[Step, ...], without_history: bool = False) -> None:
        self.memory = memory
        self.base = base
        self.chain = chain
        self.without_history = without_history


_known = Tensor.__dict__["family"].__get__  # not getattr: a tensor without relatives leaves the slot empty


def position_of(x: Tensor) -> Position | None:
    """Return where `x` stands among its relatives; None if it has none."""
    try:
        position: Position = _known(x)
    except AttributeError:
        return None
    return position


def _settled(x: Tensor) -> Position:
    """Return where `x` stands, as the base of a new family if it had none."""
    position = position_of(x)
    if position is None:
        position = x.family = Position(Memory(), Base(x), ())
        position.memory.add(x)
    return position


def link_view(view: Tensor, x: Tensor, primitive: Any, params: dict[str, Any]) -> None:
    """Note that `view` came out of `x` by `primitive`, if it shares its memory."""
    if owner_of(view.array) is not owner_of(x.array):
        return
    above = _settled(x)
    if x.tracked and not context().grad:
        view.family = Position(above.memory, Base(view), (), without_history=True)
    else:
        view.family = Position(above.memory, above.base, (*above.chain, (primitive, params)), above.without_history)
    above.memory.add(view)


def link_alias(alias: Tensor, x: Tensor) -> None:
    """Note that `alias` is a tensor of its own on the memory of `x`: what is written to it, `x` does not record."""
    above = _settled(x)
    alias.family = Position(above.memory, Base(alias), ())
    above.memory.add(alias)


def forget(x: Tensor) -> None:
    """Let `x` share memory with nobody any more: it has been given another array."""
    if position_of(x) is not None:
        del x.family


def relatives(x: Tensor) -> list[Tensor]:
    """Return the living tensors that stand with `x` under one base: their history changes when that of `x` does."""
    position = position_of(x)
    if position is None:
        return []
    others = [(y, position_of(y)) for y in position.memory.living()]
    return [y for y, other in others if y is not x and other is not None and other.base is position.base]
