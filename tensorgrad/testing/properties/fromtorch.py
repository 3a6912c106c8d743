"""PyTorch's functions, modules and `autograd.Function`s, seen as functions of arrays; nothing here imports PyTorch."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor
from tensorgrad.testing.report import written

from .foreign import Foreign, Run
from .point import Point

Call = Callable[[Point, Sequence[Any]], Any]


def pytorch() -> Any:
    """Return PyTorch."""
    return importlib.import_module("torch")


class FromTorch(Foreign):
    """A function of PyTorch tensors: `call` takes the point, and tensors for those in it."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def value(self, point: Point, arrays: Sequence[Array], wanted: Sequence[bool]) -> Run:
        """Return the outputs of a recorded run."""
        with pytorch().enable_grad():
            xs = [as_torch(x).requires_grad_(w) for x, w in zip(arrays, wanted, strict=True)]
            ys = parts(self.call(point, xs))
        left = [not y.requires_grad for y in ys]
        return (point, xs, [y for y in ys if y.requires_grad]), [as_array(y) for y in ys], left

    def pulled(self, tape: Any, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what PyTorch's sweep gives.

        Raises:
            GradcheckError: a backward writes to the cotangent, which others may read.
        """
        _, xs, ys = tape
        given = [g for g in cotangents if g.dtype.kind in "fc"][: len(ys)]
        asked = [x for x in xs if x.requires_grad]
        seeds = [as_torch(g) for g in given]
        found = iter(pytorch().autograd.grad(ys, asked, seeds, retain_graph=True, allow_unused=True))
        if not all(np.array_equal(g, as_array(s), equal_nan=True) for g, s in zip(given, seeds, strict=True)):
            raise written("gradients", 0, "a backward writes to the gradient that it is given")
        return [_given(next(found)) if x.requires_grad else None for x in xs]

    def pushed(self, tape: Any, tangents: Sequence[Array | None]) -> list[Array]:
        """Return what PyTorch's forward mode gives."""
        point, xs, _ = tape
        ad = pytorch().autograd.forward_ad
        with warnings.catch_warnings(), ad.dual_level():
            warnings.simplefilter("ignore")  # of what PyTorch itself calls deprecated, when it is first used
            moved = [
                x.detach() if t is None else ad.make_dual(x.detach(), as_torch(t))
                for x, t in zip(xs, tangents, strict=True)
            ]
            pairs = [ad.unpack_dual(y) for y in parts(self.call(point, moved))]
        zeros = pytorch().zeros_like
        return [as_array(zeros(pair.primal) if pair.tangent is None else pair.tangent) for pair in pairs]


class Gradient(FromTorch):
    """The gradients of a function, as a function of its tensors and of the cotangents behind them."""

    def __init__(self, call: Call, tensors: int) -> None:
        def gradients(point: Point, given: Sequence[Any]) -> list[Any]:
            xs, gs = given[:tensors], given[tensors:]
            with pytorch().enable_grad():
                inputs = [x if x.requires_grad or not x.is_floating_point() else x.requires_grad_() for x in xs]
                ys = [y for y in parts(call(point, inputs)) if y.requires_grad]
                asked = [x for x in inputs if x.requires_grad]
                found = pytorch().autograd.grad(ys, asked, gs, create_graph=True, allow_unused=True)
            return [pytorch().zeros_like(x) if g is None else g for g, x in zip(found, asked, strict=True)]

        super().__init__(gradients)

    def require_differentiable(self, point: Point, arrays: Sequence[Array], cotangents: Sequence[Array]) -> None:
        """Let PyTorch raise where the gradients refuse to be differentiated, which a sweep for some inputs passes by.

        Raises:
            RuntimeError: they do, as once_differentiable makes them.
        """
        given = [as_torch(x) for x in (*arrays, *cotangents)]
        with pytorch().enable_grad():
            found = self.call(point, [x.requires_grad_(x.is_floating_point()) for x in given])
            sum(g.sum() for g in found if g.requires_grad).backward()

    def value(self, point: Point, arrays: Sequence[Array], wanted: Sequence[bool]) -> Run:
        """Return a run on real numbers: PyTorch conjugates the gradients of complex ones, and no slope follows."""
        if any(x.dtype.kind == "c" for x in arrays):
            raise TypeError("a gradient is taken of real numbers")
        return super().value(point, arrays, wanted)

    def pushed(self, tape: Any, tangents: Sequence[Array | None]) -> list[Array]:
        """Return nothing: the forward mode is checked in first order."""
        raise NotImplementedError("the forward mode of a gradient is not asked for")


def parts(found: Any) -> list[Any]:
    """Return the tensors of a result, of lists and tuples also nested ones."""
    if isinstance(found, list | tuple):
        return [y for part in found for y in parts(part)]
    return [found]


def as_torch(x: Array) -> Any:
    """Return `x` as a tensor of PyTorch's on memory of its own, in the same layout where that has one of its kind."""
    copy = np.array(x, order="C") if any(s < 0 for s in x.strides) or not x.size else _kept(x)
    return pytorch().from_numpy(copy)


def _kept(x: Array) -> Array:
    if not x.ndim or x.flags.c_contiguous or x.flags.f_contiguous:
        return np.array(x, order="K")
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)  # gaps stay gaps
    wide[..., ::2] = x
    return wide[..., ::2]


def as_array(y: Any) -> Array:
    """Return the numbers of a tensor of PyTorch's."""
    return np.array(y.detach().resolve_conj().resolve_neg().cpu().numpy())


def _given(g: Any) -> Array | None:
    return None if g is None else as_array(g)


def as_argument(value: Any, given: Any) -> Any:
    """Return `value` with the tensors that `given` yields in the places of ours."""
    if isinstance(value, Tensor):
        return next(given)
    return type(value)(as_argument(part, given) for part in value) if type(value) in (list, tuple) else value
