"""Functions of other libraries as one operation each, so that one checker serves all: NumPy's with a gradient by hand.

What such a function is asked for are arrays: its value, the gradients of one sweep back and, where it has a forward
mode, its tangents.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad.autograd.function import Function
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError

from .point import Point

Run = tuple[Any, list[Array], list[bool]]
"""What the sweeps need, the outputs, and which of these have left the graph."""


class GradientDTypeError(DTypeError):
    """A gradient has another dtype than what it is the gradient of."""


class Foreign:
    """A function of another library, of arrays."""

    def value(self, point: Point, arrays: Sequence[Array], wanted: Sequence[bool]) -> Run:
        """Return a run at `point`, with `arrays` in the places of its tensors; `wanted`: which are differentiated."""
        raise NotImplementedError

    def pulled(self, tape: Any, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradient of each array."""
        raise NotImplementedError

    def pushed(self, tape: Any, tangents: Sequence[Array | None]) -> list[Array]:
        """Return the tangent of each output."""
        raise NotImplementedError("this function has no forward mode")

    def __call__(self, point: Point, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the outputs as tensors, recorded."""
        found = Bridged.apply(self, point, *tensors)
        return list(found)


class Bridged(Function):
    """A function of another library as one operation."""

    @staticmethod
    def forward(ctx: Any, foreign: Foreign, point: Point, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return its outputs."""
        ctx.foreign = foreign
        arrays = [x.array for x in tensors]
        ctx.tape, outputs, left = foreign.value(point, arrays, ctx.needs_input_grad[2:])
        found = tuple(wrap(y) for y in outputs)
        ctx.mark_non_differentiable(*(y for y, cut in zip(found, left, strict=True) if cut))
        return found

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        """Return what its own sweep gives."""
        found = ctx.foreign.pulled(ctx.tape, [g.detach().array for g in cotangents])
        return (None, None, *(None if g is None else wrap(np.asarray(g)) for g in found))

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> tuple[Tensor, ...]:
        """Return what its forward mode gives."""
        moved = [None if t is None else t.detach().array for t in tangents[2:]]
        return tuple(wrap(np.asarray(t)) for t in ctx.foreign.pushed(ctx.tape, moved))


class Pair(Foreign):
    """A function of NumPy arrays, and the function that somebody wrote for its gradient.

    The gradient is called with the same arguments, and is that of the sum of all outputs; one that has a parameter more
    is given the cotangent by it. It returns an array for each argument, in a tuple where there are several.
    """

    def __init__(self, function: Callable[..., Any], gradient: Callable[..., Any], name: str) -> None:
        self.function, self.gradient, self.name = function, gradient, name
        own = _names(function)
        more = [parameter for parameter in _names(gradient) if parameter not in own]
        if len(more) > 1:
            raise ArgumentError(
                f"gradients(): {_called(gradient)} has parameters {', '.join(more)} that {name} has not: a gradient "
                f"takes the same arguments, and at most one more, the cotangent"
            )
        self.cotangent = more[0] if more else None

    def value(self, point: Point, arrays: Sequence[Array], wanted: Sequence[bool]) -> Run:
        """Return the outputs, or their sum where the gradient is that of the sum."""
        arguments = _arguments(point, arrays)
        found = self.function(**arguments)
        outputs = list(map(np.asarray, found if isinstance(found, list | tuple) else [found]))
        if self.cotangent is None:
            outputs = [np.asarray(sum(y.sum() for y in outputs))]
        narrow = [y.dtype for y in outputs if y.dtype.kind in "fc"]
        kept = bool(narrow) and all(kind == x.dtype for kind in narrow for x in arrays if x.dtype.kind == "f")
        return (point, list(arrays), list(wanted), kept), outputs, [False] * len(outputs)

    def pulled(self, tape: Any, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return what the gradient gives, if its shapes and dtypes are those of the arguments."""
        point, arrays, wanted, kept = tape
        arguments = _arguments(point, arrays)
        if self.cotangent is not None:
            arguments[self.cotangent] = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        given = self.gradient(**arguments)
        found = list(given) if isinstance(given, list | tuple) else [given]
        if len(found) == sum(wanted) < len(arrays):  # what has none need not be listed
            each = iter(found)
            found = [next(each) if w else None for w in wanted]
        if len(found) != len(arrays):
            raise ArgumentError(
                f"{_called(self.gradient)} returned {len(found)} gradients for {len(arrays)} arguments: return one for "
                f"each, in a tuple"
            )
        seed = cotangents[0] if self.cotangent is None else None
        return [
            self._fitting(g, x, name, kept, seed) if w and g is not None else None
            for g, x, w, name in zip(found, arrays, wanted, point.tensors, strict=True)
        ]

    def _fitting(self, given: Any, x: Array, name: str, kept: bool, seed: Array | None) -> Array:
        g = np.asarray(given)
        if g.shape != x.shape:
            raise ShapeError(
                f"the gradient of {name} has shape {g.shape}, and {name} has {x.shape}: sum it over the axes along "
                f"which {name} was broadcast"
            )
        if g.dtype != x.dtype and kept and type(given) not in (int, float):
            raise GradientDTypeError(
                f"the gradient of {name} is {g.dtype}, and {name} and the value are {x.dtype}; hint: an array of "
                f"another dtype came in on the way, or a conversion: compute it in {name}.dtype"
            )
        return np.asarray(g if seed is None else g * seed, x.dtype)


def _arguments(point: Point, arrays: Sequence[Array]) -> dict[str, Any]:
    """Return the arguments of `point` with `arrays` in the places of its tensors."""
    found = point.replaced([wrap(x) for x in arrays])
    return {name: _bare(value) for name, value in found.items()}


def _bare(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.array
    return type(value)(map(_bare, value)) if type(value) in (list, tuple) else value


def _names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _called(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
