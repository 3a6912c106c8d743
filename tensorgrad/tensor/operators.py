"""The operators of Tensor, and the methods that are no functions; those that are stand in `bindings`.

They are attached to the class when this module is imported, because the primitives that they are made of stand above
the class they work on.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from tensorgrad import autograd, ops
from tensorgrad.autograd import hooks
from tensorgrad.engine.subscripts import plain, split
from tensorgrad.engine.tensor import Tensor, node_of
from tensorgrad.errors import AutogradError
from tensorgrad.functions import products

from .bindings import Bindings
from .conversions import Conversions
from .protocols import State


def _reflected(op: Callable[..., Tensor]) -> Callable[[Any, Any], Tensor]:
    def method(self: Any, other: Any) -> Tensor:
        return op(other, self)

    return method


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
        node_of(self).owner = weakref.ref(self)

    register_hook = hooks.on_gradient
    register_post_accumulate_grad_hook = hooks.after_accumulation

    @property
    def retains_grad(self: Any) -> Any:
        """Whether backward fills `.grad` of this tensor although it is not a leaf."""
        return not self.is_leaf and self.node.owner is not None

    def __getitem__(self: Any, index: Any) -> Tensor:
        first, rest = split(plain(index))
        return ops.getitem(self if first is None else ops.getitem(self, index=first), index=rest)


_NOT_MEMBERS = {"__module__", "__doc__", "__slots__", "__annotations__", "__dict__", "__weakref__"}

for _class in (Conversions, State, Bindings, Methods):
    for _name, _member in vars(_class).items():
        if _name not in _NOT_MEMBERS:
            setattr(Tensor, _name, _member)
