"""Tensors copied and pickled: a deep copy shares memory where the original does, a pickle holds values alone."""

from __future__ import annotations

import copy
import copyreg
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.base.numerics import address, byte_bounds, owner_of
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Tensor, leaf
from tensorgrad.engine.tracedarrays import varies
from tensorgrad.engine.tracedvalues import broken
from tensorgrad.engine.views import link_alias
from tensorgrad.errors import AutogradError

_OWN = frozenset(Tensor.__slots__)


def added(x: Tensor) -> dict[str, Any]:
    """Return the attributes that the class of `x` has besides those of every tensor."""
    names: list[str] = copyreg._slotnames(type(x))  # type: ignore[attr-defined] # what pickle and copy ask, too
    slots = {name: getattr(x, name) for name in names if name not in _OWN and hasattr(x, name)}
    return {**getattr(x, "__dict__", {}), **slots}


def restored(kind: type[Tensor], array: Array, tracked: bool, name: str | None, more: dict[str, Any]) -> Tensor:
    """Return the leaf that a pickle tells: of class `kind`, on `array`, with what its class adds in `more`."""
    x = _on(kind, array if array.flags.writeable else array.copy(), tracked, name)
    for attribute, value in more.items():
        object.__setattr__(x, attribute, value)
    return x


def _on(kind: type[Tensor], array: Array, tracked: bool, name: str | None) -> Tensor:
    x = Tensor.__new__(kind)
    x.array, x.kept_grad, x.node, x.tracked = array, None, None, False
    x.requires_grad = tracked
    if name is not None:
        leaf(x).called = name
    return x


def pickled(x: Tensor) -> tuple[Any, ...]:
    """Return what a pickle holds of the leaf `x`; AutogradError for a result of operations."""
    if not x.is_leaf:
        raise AutogradError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
            "crossing process boundaries: pickle x.detach(), and return that from a data set"
        )
    return restored, (type(x), _told(x, "pickle"), x.tracked, x.name, added(x))


def _told(x: Tensor, what: str) -> Array:
    """Return the array of `x`; a trace is told that `what` has read it, for the copy is a constant."""
    if varies(x.array):
        broken(what, plain(x.array), x.array)
    return plain(x.array)


def deep(x: Tensor, memo: dict[Any, Any], *, with_grad: bool = True) -> Tensor:
    """Return a copy of the leaf `x` on new memory, shared with copies in `memo` as the original shares its own.

    As in PyTorch, the whole of the memory that `x` is a view of is copied. Its gradient is, too, unless `with_grad`
    says otherwise.
    """
    if not x.is_leaf:
        raise AutogradError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol")
    array, first = _copied(_told(x, "copy.deepcopy"), memo)
    twin = memo[id(x)] = _on(type(x), array, x.tracked, x.name)
    if first is not None:
        if first:
            link_alias(twin, first[0])
        first.append(twin)
    if with_grad and x.grad is not None:
        twin.grad = copy.deepcopy(x.grad if x.grad.is_leaf else x.grad.detach(), memo)
    for name, value in added(x).items():
        object.__setattr__(twin, name, copy.deepcopy(value, memo))
    return twin


def _copied(array: Array, memo: dict[Any, Any]) -> tuple[Array, list[Tensor] | None]:
    """Return a copy of `array`, and the copied tensors on the same memory; None where no write could tell of it."""
    if type(array) is not np.ndarray or not (owner := owner_of(array)).flags.writeable:
        return array.copy(), None
    key = "memory", id(owner)  # not the number alone: an array outside is copied for itself, who may write it unseen
    if key not in memo:
        memo[key] = _whole(owner), []
    whole, tensors = memo[key]
    if (array.shape, array.strides, array.dtype) == (whole.shape, whole.strides, whole.dtype):
        return whole, tensors
    start = address(array) - byte_bounds(owner)[0]
    buffer = whole.ravel(order="K") if whole.base is None else whole.base
    view: Array = np.ndarray(array.shape, array.dtype, buffer, start, array.strides)
    view.flags.writeable = array.flags.writeable  # not where elements share a place, as those of `expand`
    return view, tensors


def _whole(owner: Array) -> Array:
    """Return a copy of an array that owns its memory, with the same strides; with gaps it is a view of bytes."""
    if owner.flags.forc:
        return owner.copy(order="K")
    low, high = byte_bounds(owner)
    twin: Array = np.ndarray(
        owner.shape, owner.dtype, np.empty(high - low, np.uint8), address(owner) - low, owner.strides
    )
    twin[...] = owner
    return twin
