"""The operators of Tensor, and the methods that are no functions; those that are stand in `bindings`.

They are attached to the class when this module is imported, because the primitives that they are made of stand above
the class they work on.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import autograd, ops
from tensorgrad.bindings import Bindings
from tensorgrad.context import context
from tensorgrad.errors import AutogradError, DTypeError, InPlaceError, ShapeError
from tensorgrad.functions import products
from tensorgrad.state import State
from tensorgrad.tensor import Tensor, as_array, leaf
from tensorgrad.writes import note


def _plain_index(index: Any) -> Any:
    """Return `index` with tensors and lists as arrays of their own: a recorded index must not change afterwards."""
    if isinstance(index, Tensor):
        return index.array.copy()
    if isinstance(index, tuple):
        return tuple([_plain_index(i) for i in index])
    return np.array(index) if isinstance(index, list | np.ndarray) else index


def _split_index(index: Any) -> tuple[Any, Any]:
    """Return `index` as integers to apply first and the rest, where NumPy would order the axes differently.

    PyTorch selects by integers before it indexes with arrays: ``x[0, :, [1, 1]]`` has the shape of ``x[0][:, [1, 1]]``.
    """
    parts = index if isinstance(index, tuple) else (index,)
    mixed = any(isinstance(i, np.ndarray) for i in parts) and any(isinstance(i, int | np.integer) for i in parts)
    if not mixed:
        return None, index
    first: list[Any] = []
    for i in parts:
        if isinstance(i, np.ndarray):
            first += [slice(None)] * (i.ndim if i.dtype.kind == "b" else 1)
        elif i is not None:
            first.append(slice(None) if isinstance(i, slice) else i)
    return tuple(first), tuple([i for i in parts if not isinstance(i, int | np.integer)])


def _reflected(op: Callable[..., Tensor]) -> Callable[[Any, Any], Tensor]:
    def method(self: Any, other: Any) -> Tensor:
        return op(other, self)

    return method


def _in_place(op: Any) -> Any:
    """Return the method that writes ``op(self, other)`` into the memory of `self`."""

    def method(self: Tensor, *others: Any) -> Tensor:
        with autograd.no_grad():
            value = op(self, *others)
        return write(self, ..., value, others)

    return method


def write(self: Tensor, index: Any, value: Any, operands: tuple[Any, ...] = ()) -> Tensor:
    """Write `value` at `index` of `self` and return `self`; refused, before any writing, where it is recorded."""
    if context().grad and (self.tracked or any(isinstance(x, Tensor) and x.tracked for x in (*operands, value))):
        if self.tracked and self.is_leaf:
            raise InPlaceError(
                "a leaf Variable that requires grad is being used in an in-place operation: "
                "update it under tensorgrad.no_grad(), or make a new tensor"
            )
        raise InPlaceError(
            "an in-place operation that would have to be recorded: write the result to a new tensor (x = x + y), or "
            "do it under tensorgrad.no_grad()"
        )
    source = value.array if isinstance(value, Tensor) else value
    if isinstance(source, np.ndarray) and source.dtype.kind in "fc" and self.array.dtype.kind not in "fc":
        raise DTypeError(f"result type {source.dtype} can't be cast to the desired output type {self.array.dtype}")
    if not self.array.flags.writeable:
        raise InPlaceError(
            f"the memory of this tensor of shape {list(self.array.shape)} is read-only (an expanded tensor repeats the "
            f"same elements): write to a .clone()"
        )
    first, rest = _split_index(index)
    try:
        (self.array if first is None else self.array[first])[rest] = source
    except ValueError as error:
        raise ShapeError(
            f"output with shape {list(self.array[index].shape)} doesn't match the broadcast shape "
            f"{list(np.shape(source))}: an in-place operation cannot change the shape"
        ) from error
    note(self)
    return self


class Methods(Bindings):
    """What a Tensor can do. NumPy's meaning of each operation, PyTorch's names and defaults."""

    __slots__ = ()

    # arithmetic; the reflected forms exist because subtraction is not its own mirror image
    __add__ = ops.add
    __radd__ = _reflected(ops.add)
    __sub__ = ops.sub
    __rsub__ = _reflected(ops.sub)
    __mul__ = ops.mul
    __rmul__ = _reflected(ops.mul)
    __truediv__ = ops.div
    __rtruediv__ = _reflected(ops.div)
    __floordiv__ = ops.floor_divide
    __rfloordiv__ = _reflected(ops.floor_divide)
    __mod__ = ops.remainder
    __rmod__ = _reflected(ops.remainder)
    __pow__ = ops.pow
    __rpow__ = _reflected(ops.pow)
    __matmul__ = products.multiplied
    __rmatmul__ = _reflected(products.multiplied)
    __abs__ = ops.abs
    __and__, __or__, __xor__, __invert__ = ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor, ops.bitwise_not
    __rand__, __ror__, __rxor__ = _reflected(ops.bitwise_and), _reflected(ops.bitwise_or), _reflected(ops.bitwise_xor)
    __hash__ = object.__hash__
    __lt__, __le__, __gt__, __ge__ = ops.lt, ops.le, ops.gt, ops.ge

    __iadd__ = add_ = _in_place(ops.add)
    __isub__ = sub_ = _in_place(ops.sub)
    __imul__ = mul_ = _in_place(ops.mul)
    __itruediv__ = div_ = _in_place(ops.div)
    __ipow__ = pow_ = _in_place(ops.pow)

    def __eq__(self: Any, other: object) -> Any:  # elementwise, but `x in [None, x]` must work
        return False if other is None else ops.eq(self, other)

    def __ne__(self: Any, other: object) -> Any:
        return True if other is None else ops.ne(self, other)

    def __neg__(self: Any) -> Tensor:  # a def, because the table's own rules negate tensors: types need an anchor
        return ops.neg(self)

    def backward(
        self: Any, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of the leaves behind it; see `autograd.backward`."""
        autograd.backward(self, gradient, retain_graph, create_graph, inputs)

    def requires_grad_(self: Any, requires_grad: Any = True) -> Tensor:
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        tensor: Tensor = self
        return tensor

    def retain_grad(self: Any) -> None:
        """Make backward fill `.grad` of this tensor although it is not a leaf."""
        if not self.tracked:
            raise AutogradError("can't retain_grad on Tensor that has requires_grad=False")
        (self.node or leaf(self)).owner = weakref.ref(self)

    def zero_(self: Any) -> Tensor:
        """Fill with 0 in place."""
        return write(self, ..., 0)

    def fill_(self: Any, value: Any) -> Tensor:
        """Fill with `value` in place."""
        return write(self, ..., value)

    def copy_(self: Any, source: Any) -> Tensor:
        """Copy the elements of `source`, broadcast to this shape, into this memory."""
        return write(self, ..., source if isinstance(source, Tensor) else as_array(source))

    def __getitem__(self: Any, index: Any) -> Tensor:
        first, rest = _split_index(_plain_index(index))
        return ops.getitem(self if first is None else ops.getitem(self, index=first), index=rest)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        write(self, _plain_index(index), value)


_NOT_MEMBERS = {"__module__", "__doc__", "__slots__", "__annotations__", "__dict__", "__weakref__"}

for _class in (State, Bindings, Methods):
    for _name, _member in vars(_class).items():
        if _name not in _NOT_MEMBERS:
            setattr(Tensor, _name, _member)
