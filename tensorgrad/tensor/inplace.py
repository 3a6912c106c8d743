"""Operations that change a tensor in place: each ``name_`` computes what ``name`` does and writes it over the tensor.

They are recorded where a gradient must flow through them; see `history`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.autograd import no_grad
from tensorgrad.autograd.history import before, check_writable, is_recorded, write
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator, generator_of
from tensorgrad.engine.subscripts import plain, whole
from tensorgrad.engine.tensor import Tensor, as_array, renew, wrap
from tensorgrad.engine.views import Position, position_of
from tensorgrad.errors import AutogradError, InPlaceError, ShapeError

from .operators import Methods


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
        self.family = Position(self, taken.memory, taken.root, taken.chain, taken.without_history)
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

    # arithmetic
    add_, sub_, subtract_, mul_, multiply_, div_, divide_, true_divide_ = map(
        _in_place, ("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide")
    )
    floor_divide_, fmod_, remainder_, pow_, float_power_, neg_, negative_, lerp_ = map(
        _in_place, ("floor_divide", "fmod", "remainder", "pow", "float_power", "neg", "negative", "lerp")
    )
    hypot_, addcmul_, addcdiv_, addmm_, addmv_, addr_, addbmm_, baddbmm_ = map(
        _in_place, ("hypot", "addcmul", "addcdiv", "addmm", "addmv", "addr", "addbmm", "baddbmm")
    )
    xlogy_, copysign_ = map(_in_place, ("xlogy", "copysign"))
    # of each element
    abs_, absolute_, square_, reciprocal_, sqrt_, rsqrt_, exp_, exp2_ = map(
        _in_place, ("abs", "absolute", "square", "reciprocal", "sqrt", "rsqrt", "exp", "exp2")
    )
    expm1_, log_, log2_, log10_, log1p_, erf_, erfc_, erfinv_ = map(
        _in_place, ("expm1", "log", "log2", "log10", "log1p", "erf", "erfc", "erfinv")
    )
    logit_, sigmoid_, relu_, sin_, cos_, tan_, asin_, acos_ = map(
        _in_place, ("logit", "sigmoid", "relu", "sin", "cos", "tan", "asin", "acos")
    )
    atan_, arcsin_, arccos_, arctan_, sinh_, cosh_, tanh_, asinh_ = map(
        _in_place, ("atan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "asinh")
    )
    acosh_, atanh_, arcsinh_, arccosh_, arctanh_, atan2_, arctan2_, deg2rad_ = map(
        _in_place, ("acosh", "atanh", "arcsinh", "arccosh", "arctanh", "atan2", "arctan2", "deg2rad")
    )
    rad2deg_, floor_, ceil_, round_, trunc_, fix_, frac_, sign_ = map(
        _in_place, ("rad2deg", "floor", "ceil", "round", "trunc", "fix", "frac", "sign")
    )
    sgn_, nan_to_num_, heaviside_ = map(_in_place, ("sgn", "nan_to_num", "heaviside"))
    # limits, cumulations, triangles
    clamp_, clip_, clamp_min_, clamp_max_, cumsum_, cumprod_, tril_, triu_ = map(
        _in_place, ("clamp", "clip", "clamp_min", "clamp_max", "cumsum", "cumprod", "tril", "triu")
    )
    # comparisons and bits
    eq_, ne_, not_equal_, lt_, less_, le_, less_equal_, gt_ = map(
        _in_place, ("eq", "ne", "not_equal", "lt", "less", "le", "less_equal", "gt")
    )
    greater_, ge_, greater_equal_, logical_and_, logical_or_, logical_xor_, logical_not_, bitwise_and_ = map(
        _in_place,
        ("greater", "ge", "greater_equal", "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and"),
    )
    bitwise_or_, bitwise_xor_, bitwise_not_ = map(_in_place, ("bitwise_or", "bitwise_xor", "bitwise_not"))
    # parts
    masked_fill_, masked_scatter_, index_fill_, index_copy_, index_add_, index_put_, scatter_, scatter_add_ = map(
        _in_place,
        (
            "masked_fill",
            "masked_scatter",
            "index_fill",
            "index_copy",
            "index_add",
            "index_put",
            "scatter",
            "scatter_add",
        ),
    )
    scatter_reduce_ = _in_place("scatter_reduce")
    # operators
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_
    __ifloordiv__, __imod__ = floor_divide_, remainder_
    __iand__, __ior__, __ixor__ = bitwise_and_, bitwise_or_, bitwise_xor_

    # the shape of the tensor itself
    t_, transpose_, swapaxes_, swapdims_, squeeze_, unsqueeze_ = map(
        _reshaping, ("t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze")
    )

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

    def fill_diagonal_(self: Any, fill_value: float) -> Tensor:
        """Fill the main diagonal with a number in place."""
        if self.array.ndim < 2:
            raise ShapeError(f"dimensions must larger than 1, found a tensor of shape {list(self.array.shape)}")
        positions = np.arange(min(self.array.shape))
        return write(self, (positions,) * self.array.ndim, fill_value, "fill_diagonal_")

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
