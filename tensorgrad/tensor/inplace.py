"""Operations that change a tensor in place: each ``name_`` computes what ``name`` does and writes it over the tensor.

They are recorded where a gradient must flow through them; see `history`.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from operator import index as whole_number
from typing import Any

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.autograd.history import before, check_alone, check_writable, is_recorded, write
from tensorgrad.base.dtypes import Array, can_cast, check_real
from tensorgrad.base.misfits import wrong_type
from tensorgrad.create.random import Generator, generator_of
from tensorgrad.create.sampling import check_bounds
from tensorgrad.engine.generalforms import asarray
from tensorgrad.engine.subscripts import for_numpy, whole
from tensorgrad.engine.tensor import Tensor, as_array, renew, wrap
from tensorgrad.engine.views import Position, enter, position_of
from tensorgrad.errors import ArgumentError, AutogradError, DTypeError, InPlaceError, ShapeError
from tensorgrad.functions.common import Operand, fitting

_VALUE = "__setitem__(): argument 'value'"
_REFUSALS = """

Raises:
    InPlaceError: a leaf that asks for a gradient, where the graph is recorded; memory that cannot be written.
    ShapeError, DTypeError: the result has no place in the tensor; and what the function itself raises."""


def written(name: str, operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the method `name` that writes what `operation` returns over the tensor."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        recorded = is_recorded(self, (*args, *kwargs.values()))
        check_writable(self, recorded, name)
        if not recorded:
            check_alone(self, self.array, name)
            with no_grad():
                return write(self, ..., _holdable(self, operation(self, *args, **kwargs), name), name, (self,))
        old = before(self, self.array.copy())  # the operation may save it, and it is about to be overwritten
        args = tuple([old if a is self else a for a in args])
        kwargs = {k: old if a is self else a for k, a in kwargs.items()}
        return write(self, ..., operation(old, *args, **kwargs), name, (old, *args))

    method.__doc__ = f"Do what `{name[:-1]}` does, in place, and return the tensor.{_REFUSALS}"
    return method


def _holdable(self: Tensor, y: Tensor, name: str) -> Tensor:
    """Return `y`, what is to be written over `self`; DTypeError where its kind of number is a higher one."""
    if y.array.dtype.kind != "c" and not can_cast(y.array.dtype, self.array.dtype):  # complex ones: see `write`
        raise DTypeError(
            f"{name}: result type {y.array.dtype} can't be cast to the desired output type {self.array.dtype}: convert "
            f"the tensor first, or keep what {name[:-1]}() returns"
        )
    return y


def reshaped(name: str, operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the method `name` that gives the tensor itself the shape of the view which `operation` returns."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, is_recorded(self, ()), name)
        return _replaced(self, operation(self, *args, **kwargs))

    method.__doc__ = f"Give the tensor itself the shape that `{name[:-1]}` returns.{_REFUSALS}"
    return method


def _replaced(self: Tensor, view: Tensor) -> Tensor:
    """Return `self`, which is `view` from now on; tensors that were views of it keep their base, now without tensor."""
    position = position_of(self)
    if position is not None and not position.chain:
        position.base.ref = weakref.ref(view)  # the view is about to die
    self.array, self.node, self.tracked = view.array, view.node, view.tracked
    taken = position_of(view)
    if taken is not None:
        enter(self, Position(self, taken.memory, taken.root, taken.chain, taken.without_history))
    return self


def _filled(
    self: Tensor,
    op: str,
    sample: Callable[[np.random.Generator, tuple[int, ...]], Array],
    generator: Generator | None,
    continuous: bool = True,
) -> Tensor:
    """Write independent random numbers over `self`: what `sample` draws from a generator in a shape."""
    check_real(op, self.array)
    if continuous and self.array.dtype.kind != "f":
        raise DTypeError(f"{op} draws floating point numbers, which {self.array.dtype} has no place for")
    drawn = asarray(sample(generator_of(generator), self.array.shape))
    return write(self, ..., wrap(drawn.astype(self.array.dtype)), op)


def _beyond(dtype: Any) -> int:
    """Return the whole number after the last one that `dtype` has with all before it."""
    if dtype.kind == "f":
        return int(2 ** (np.finfo(dtype).nmant + 1))
    return 2 if dtype.kind == "b" else int(np.iinfo(dtype).max) + 1


def _fitting(self: Tensor, source: Tensor) -> Tensor:
    """Return `source`, cut to the dtype of `self` where that holds integers and `source` floats."""
    cut = source.array.dtype.kind in "fc" and self.array.dtype.kind not in "fc"
    return source.to(self.array.dtype) if cut else source


class InPlace(Tensor):
    """What changes a Tensor and is no form of an operation; see `protocols` for why it is one."""

    __slots__ = ()

    def zero_(self) -> Tensor:
        """Fill with 0 in place."""
        return write(self, ..., 0, "zero_")

    def fill_(self, value: Operand) -> Tensor:
        """Fill with `value`, a number or a 0-d tensor, in place.

        Raises:
            ShapeError: `value` is a tensor with axes.
            TypeError: `value` is None.
        """
        if isinstance(value, Tensor) and value.array.ndim:
            raise ShapeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.array.ndim} dimensions"
            )
        if value is None:
            raise TypeError(wrong_type("fill_", "value", 1, value, Operand))
        return write(self, ..., fitting(value, self), "fill_")

    def fill_diagonal_(self, fill_value: float) -> Tensor:
        """Fill the main diagonal with a number in place.

        Raises:
            ShapeError: the tensor has fewer than two axes.
        """
        if self.array.ndim < 2:
            raise ShapeError(f"dimensions must larger than 1, found a tensor of shape {list(self.array.shape)}")
        positions = np.arange(min(self.array.shape))
        return write(self, (positions,) * self.array.ndim, fitting(fill_value, self), "fill_diagonal_")

    def copy_(self, src: Operand, non_blocking: bool = False) -> Tensor:  # noqa: ARG002 - there is one device
        """Copy the elements of `src`, broadcast to this shape and converted to this dtype, into this memory."""
        return write(self, ..., _fitting(self, src if isinstance(src, Tensor) else wrap(as_array(src))), "copy_")

    def __setitem__(self, index: Any, value: Any) -> None:
        index = whole(self.array.shape, for_numpy(index))
        source = (
            value
            if isinstance(value, Tensor | np.ndarray | bool | int | float | complex)
            else as_array(value, who=_VALUE)
        )
        write(self, index, _fitting(self, source) if isinstance(source, Tensor) else source, "__setitem__")

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers from the normal distribution, in place.

        Raises:
            ArgumentError: a negative `std`.
        """
        if not std >= 0:
            raise ArgumentError(f"normal_ expects std >= 0.0, but found std {std}")
        return _filled(self, "normal_", lambda g, shape: mean + std * g.standard_normal(shape), generator)

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers uniform in [from_, to), in place.

        Raises:
            ArgumentError: that is empty.
        """
        if not 0 <= to - from_ < math.inf:
            raise ArgumentError(
                f"uniform_ expects to return a [from, to) range, and a finite one, but found from={from_}, to={to}"
            )

        def sample(g: np.random.Generator, shape: tuple[int, ...]) -> Array:
            drawn = (from_ + (to - from_) * g.random(shape)).astype(self.array.dtype)
            return np.where(drawn < to, drawn, from_)  # rounded up, it would be none of them

        return _filled(self, "uniform_", sample, generator)

    def bernoulli_(self, p: Tensor | float = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill with 1 with probability `p` (a number, or one for each element) and 0 otherwise, in place.

        Raises:
            ArgumentError: `p` is outside of [0, 1].
        """
        chance = p.array if isinstance(p, Tensor) else np.asarray(p)
        if not ((chance >= 0) & (chance <= 1)).all():
            raise ArgumentError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return _filled(self, "bernoulli_", lambda g, shape: g.random(shape) < chance, generator, False)

    def exponential_(self, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers from the exponential distribution of rate `lambd`, in place.

        Raises:
            ArgumentError: it is not positive.
        """
        if not lambd > 0:
            raise ArgumentError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        return _filled(self, "exponential_", lambda g, shape: g.standard_exponential(shape) / lambd, generator)

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Generator | None = None) -> Tensor:
        """Fill with whole numbers uniform in [from_, to), in place; `to` alone may be given first, as in PyTorch.

        Without it, up to the largest below which the dtype has all.

        Raises:
            ArgumentError: there are none.
            DTypeError: the dtype has no place for them.
        """
        low, high = (0, from_) if to is None and from_ else (from_, _beyond(self.array.dtype) if to is None else to)
        check_bounds(low, high, self.array.dtype)
        return _filled(self, "random_", lambda g, shape: g.integers(low, high, shape), generator, False)

    def resize_(self, *sizes: Any) -> Tensor:
        """Give the tensor another shape in place: the first elements stay, further ones hold anything.

        Raises:
            AutogradError: the tensor requires a gradient.
        """
        shape = tuple(
            whole_number(n) for n in (sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes)
        )
        if self.tracked:
            raise AutogradError("cannot resize variables that require grad: use reshape, or detach() first")
        flat, size = self.array.ravel(), math.prod(shape)
        if size != flat.size:
            flat = np.resize(flat, size) if flat.size else np.zeros(size, flat.dtype)
        return _replaced(self, wrap(flat.reshape(shape)))

    def detach_(self) -> Tensor:
        """Take the tensor out of the graph, in place.

        Raises:
            InPlaceError: the tensor is a view with a history.
        """
        position = position_of(self)
        if position is not None and position.chain and self.tracked:
            raise InPlaceError("Can't detach views in-place: use detach() instead")
        self.tracked = False
        renew(self)
        return self.requires_grad_(False)
