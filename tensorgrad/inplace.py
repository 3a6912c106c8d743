"""Operations that change a tensor in place: each ``name_`` computes what ``name`` does and writes it over the tensor.

They are recorded where a gradient must flow through them; see `history`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.dtypes import Array
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError
from tensorgrad.history import before, check_writable, is_recorded, write
from tensorgrad.indexing import plain, whole
from tensorgrad.methods import Methods
from tensorgrad.random import Generator, generator_of
from tensorgrad.tensor import Tensor, as_array, renew, wrap
from tensorgrad.views import Position, position_of


def _in_place(name: str) -> Callable[..., Any]:
    """Return the method that writes what the method `name` returns over the tensor."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        recorded = is_recorded(self, (*args, *kwargs.values()))
        check_writable(self, recorded, f"{name}_")
        operation = getattr(Tensor, name)
        if not recorded:
            with no_grad():
                return write(self, ..., operation(self, *args, **kwargs), f"{name}_", (self,))
        old = before(self, self.array.copy())  # the operation may save it, and it is about to be overwritten
        args = tuple([old if a is self else a for a in args])
        kwargs = {k: old if a is self else a for k, a in kwargs.items()}
        return write(self, ..., operation(old, *args, **kwargs), f"{name}_", (old, *args))

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"Do what `{name}` does, in place, and return the tensor."
    return method


def _reshaping(name: str) -> Callable[..., Any]:
    """Return the method that gives the tensor itself the shape of the view which the method `name` returns."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        check_writable(self, is_recorded(self, ()), f"{name}_")
        return _replaced(self, getattr(Tensor, name)(self, *args, **kwargs))

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"Give the tensor itself the shape that `{name}` returns."
    return method


def _replaced(self: Tensor, view: Tensor) -> Tensor:
    """Return `self`, which is `view` from now on; tensors that were views of it keep their base, now without tensor."""
    position = position_of(self)
    if position is not None and not position.chain:
        position.base.ref = weakref.ref(view)  # the view is about to die
    self.array, self.node, self.tracked = view.array, view.node, view.tracked
    taken = position_of(view)
    if taken is not None:
        self.family = Position(taken.memory, taken.base, taken.chain, taken.without_history)
        taken.memory.add(self)
    return self


def _filled(
    self: Tensor, op: str, sample: Callable[[np.random.Generator], Array], generator: Generator | None
) -> Tensor:
    """Write independent random numbers over `self`."""
    drawn = sample(generator_of(generator))
    return write(self, ..., wrap(np.asarray(drawn).astype(self.array.dtype)), op)


class InPlace(Methods):
    """The part of Tensor's methods that changes the tensor."""

    __slots__ = ()

    add_, sub_, mul_, div_, pow_ = map(_in_place, ("add", "sub", "mul", "div", "pow"))
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    remainder_ = __imod__ = _in_place("remainder")
    neg_, abs_, sqrt_, exp_, log_, sin_, cos_ = map(_in_place, ("neg", "abs", "sqrt", "exp", "log", "sin", "cos"))
    relu_, sigmoid_, tanh_, clamp_, clip_ = map(_in_place, ("relu", "sigmoid", "tanh", "clamp", "clip"))
    floor_, ceil_, round_ = map(_in_place, ("floor", "ceil", "round"))

    t_, transpose_, squeeze_, unsqueeze_ = map(_reshaping, ("t", "transpose", "squeeze", "unsqueeze"))

    def zero_(self: Any) -> Tensor:
        """Fill with 0 in place."""
        return write(self, ..., 0, "zero_")

    def fill_(self: Any, value: Any) -> Tensor:
        """Fill with `value`, a number or a 0-d tensor, in place."""
        if isinstance(value, Tensor) and value.array.ndim:
            raise ShapeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.array.ndim} dimensions"
            )
        return write(self, ..., value, "fill_")

    def copy_(self: Any, src: Any, non_blocking: bool = False) -> Tensor:  # noqa: ARG002 - there is one device
        """Copy the elements of `src`, broadcast to this shape and converted to this dtype, into this memory."""
        source = src if isinstance(src, Tensor) else wrap(as_array(src))
        if source.array.dtype.kind in "fc" and self.array.dtype.kind not in "fc":
            source = source.to(self.array.dtype)
        return write(self, ..., source, "copy_")

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        index = whole(self.array.shape, plain(index))
        source = value if isinstance(value, Tensor | np.ndarray | bool | int | float | complex) else as_array(value)
        if isinstance(source, Tensor) and source.array.dtype.kind in "fc" and self.array.dtype.kind not in "fc":
            source = source.to(self.array.dtype)
        write(self, index, source, "__setitem__")

    def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers from the normal distribution, in place."""
        shape = self.array.shape
        return _filled(self, "normal_", lambda g: mean + std * g.standard_normal(shape), generator)

    def uniform_(self: Any, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers uniform in [from_, to), in place."""
        shape = self.array.shape
        return _filled(self, "uniform_", lambda g: from_ + (to - from_) * g.random(shape), generator)

    def bernoulli_(self: Any, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill with 1 with probability `p` and 0 otherwise, in place."""
        shape = self.array.shape
        return _filled(self, "bernoulli_", lambda g: g.random(shape) < p, generator)

    def exponential_(self: Any, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers from the exponential distribution of rate `lambd`, in place."""
        shape = self.array.shape
        return _filled(self, "exponential_", lambda g: g.standard_exponential(shape) / lambd, generator)

    def random_(self: Any, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Tensor:
        """Fill with whole numbers uniform in [from_, to), in place; `to` alone may be given first, as in PyTorch."""
        low, high = (0, from_) if to is None and from_ else (from_, to if to is not None else 2**24)
        shape = self.array.shape
        return _filled(self, "random_", lambda g: g.integers(low, high, shape), generator)

    def resize_(self: Any, *sizes: Any) -> Tensor:
        """Give the tensor another shape in place: the first elements stay, further ones hold anything."""
        shape = tuple(int(n) for n in (sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes))
        if self.tracked:
            raise AutogradError("cannot resize variables that require grad: use reshape, or detach() first")
        flat = self.array.ravel()
        if int(np.prod(shape)) != flat.size:
            flat = np.resize(flat, int(np.prod(shape))) if flat.size else np.zeros(int(np.prod(shape)), flat.dtype)
        return _replaced(self, wrap(flat.reshape(shape)))

    def detach_(self: Any) -> Tensor:
        """Take the tensor out of the graph, in place."""
        position = position_of(self)
        if position is not None and position.chain and self.tracked:
            raise InPlaceError("Can't detach views in-place: use detach() instead")
        self.tracked = False
        renew(self)
        return Tensor.requires_grad_(self, False)


for _name, _member in vars(InPlace).items():
    if _name not in {"__module__", "__doc__", "__slots__"}:
        setattr(Tensor, _name, _member)
