"""The operators of Tensor, its gradient, and the methods of operations whose arguments stand in another order there."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tensorgrad import ops
from tensorgrad.base.caching import Later
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.fastpath import picking
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.subscripts import for_numpy, split
from tensorgrad.engine.tensor import Tensor, node_of
from tensorgrad.errors import AutogradError
from tensorgrad.functions.common import Operand

derivatives = Later("tensorgrad.autograd.derivatives")
arithmetic = Later("tensorgrad.functions.arithmetic")
elementwise = Later("tensorgrad.functions.elementwise")
indexing = Later("tensorgrad.functions.indexing")
products = Later("tensorgrad.functions.products")


class Operator(NamedTuple):
    """One of Python's binary operators: ``__add__``, ``__radd__`` and, where `inplace` names a method, ``__iadd__``."""

    name: str
    function: Callable[..., Tensor]
    inplace: str = ""


BINARY = (
    Operator("add", ops.add, "add_"),
    Operator("sub", ops.sub, "sub_"),
    Operator("mul", ops.mul, "mul_"),
    Operator("truediv", ops.div, "div_"),
    Operator("floordiv", ops.floor_divide, "floor_divide_"),
    Operator("mod", ops.remainder, "remainder_"),
    Operator("pow", ops.pow, "pow_"),
    Operator("matmul", products.multiplied),
    Operator("and", ops.bitwise_and, "bitwise_and_"),
    Operator("or", ops.bitwise_or, "bitwise_or_"),
    Operator("xor", ops.bitwise_xor, "bitwise_xor_"),
    Operator("lshift", arithmetic.left_shift, "bitwise_left_shift_"),
    Operator("rshift", arithmetic.right_shift, "bitwise_right_shift_"),
)

OTHERS = {
    "pos": elementwise.positive, "neg": ops.neg, "abs": ops.abs, "invert": ops.bitwise_not,
    "lt": ops.lt, "le": ops.le, "gt": ops.gt, "ge": ops.ge,
}  # fmt: skip
"""The operators of one operand, and the comparisons, which mirror one another."""


def reflected(name: str, function: Callable[..., Tensor]) -> Callable[[Tensor, Operand], Tensor]:
    """Return the method `name` that Python calls for ``other - self`` where `other` is no Tensor."""

    def method(self: Tensor, other: Operand, /) -> Tensor:
        return function(other, self)

    method.__name__ = method.__qualname__ = name
    return method


def where(self: Tensor, condition: Operand, other: Operand) -> Tensor:
    """Return the elements of this tensor where `condition` holds, of `other` elsewhere."""
    tensor: Tensor = indexing.where(condition, self, other)
    return tensor


def polygamma(self: Tensor, n: int) -> Tensor:
    """Return the `n`-th derivative of `digamma`, itself for n = 0."""
    tensor: Tensor = elementwise.polygamma(n, self)
    return tensor


_picked = picking(PRIMITIVES["getitem"])


class Operators(Tensor):
    """What a Tensor answers to Python's signs, and to what asks for its gradient."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:  # elementwise, but `x in [None, x]` must work
        return False if other is None else ops.eq(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else ops.ne(self, other)

    def __getitem__(self, index: Any) -> Tensor:
        if index.__class__ is int:
            return _picked(self, index)
        first, rest = split(for_numpy(index), self.array.ndim)
        return ops.getitem(self if first is None else ops.getitem(self, index=first), index=rest)

    def backward(
        self,
        gradient: Tensor | Array | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of the leaves behind it; see `autograd.backward`."""
        derivatives.fill(self, gradient, retain_graph, create_graph, inputs)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Make backward fill `.grad` of this tensor although it is not a leaf.

        Raises:
            AutogradError: the tensor requires no gradient.
        """
        if not self.tracked:
            raise AutogradError("can't retain_grad on Tensor that has requires_grad=False")
        node_of(self).owner = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        """Whether backward fills `.grad` of this tensor although it is not a leaf."""
        return not self.is_leaf and node_of(self).owner is not None
