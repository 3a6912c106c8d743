"""One call of a function on inputs of its own: what every transform is made of.

A transform differentiates with respect to *its* inputs and to nothing else, though the same tensors may stand in the
graph of a transform around it, or be captured by the function. So each call works on fresh copies: a recorded identity
of an input that the outside follows, and of a leaf that nobody else knows where it does not. The sweeps keep their
values by node, hence the perturbations of two transforms never meet, and the copies are what in-place operations hit.

What comes out is as differentiable as what went in: a result keeps its history where a tensor outside that requires a
gradient can be reached from it, and has none otherwise. In that common case the sweeps run on plain arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tensorgrad import autograd, ops
from tensorgrad.autograd.order import ends
from tensorgrad.base.context import TRANSFORMED, context, within
from tensorgrad.engine.tensor import Node, Tensor, leaf, linked, tick, wrap
from tensorgrad.engine.tracedtensors import unasked
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.func.trees import Tree, filled, leaves, leaves_like, mapped, structure

Argnums = int | tuple[int, ...]


@dataclass(frozen=True)
class Recording:
    """The graph between `inputs` and the leaves of `output`, which it keeps for any number of sweeps."""

    inputs: list[Tensor]
    form: Tree
    output: Tree
    aux: Any
    start: float  # the serial before which nodes are outside

    @cached_property
    def outputs(self) -> list[Tensor]:
        """The leaves of the output."""
        return leaves(self.output)

    @cached_property
    def reaches_outside(self) -> bool:
        """Whether an output depends on something outside that requires a gradient."""
        return any(map(self._followed, self.outputs))

    def pullback(self, cotangents: Sequence[Tensor | None], retain_graph: bool = True) -> list[Tensor | None]:
        """Return ``J.T @ cotangents`` for each input, None for one that the outputs do not depend on.

        `cotangents` has an entry per output; None is zero. The results are differentiable where that means something.
        """
        pairs = [(y, _in_dtype(g, y)) for y, g in zip(self.outputs, cotangents, strict=True) if g is not None]
        pairs = [(y, g) for y, g in pairs if y.tracked]
        if not pairs:
            return [None] * len(self.inputs)
        ys, gs = zip(*pairs, strict=True)
        found = autograd.grad(
            ys,
            self.inputs,
            gs,
            create_graph=context().grad and (self.reaches_outside or any(g.tracked for g in gs)),
            retain_graph=retain_graph or self.reaches_outside,
            allow_unused=True,
        )
        return list(found)

    def pushforward(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        """Return ``J @ tangents`` for each output; `tangents` has an entry per input."""
        directions = [_in_dtype(t, x) for x, t in zip(self.inputs, tangents, strict=True)]
        again = context().grad and (self.reaches_outside or any(t.tracked for t in directions))
        return list(autograd.jvp(self.outputs, self.inputs, directions, create_graph=again))

    def filled(self, gradients: Iterable[Tensor | None]) -> Tree:
        """Return `gradients`, one per input, in the structure of the inputs; zeros in the place of None."""
        pairs = zip(self.inputs, gradients, strict=True)
        return filled(self.form, [wrap(np.zeros_like(x.array)) if g is None else g for x, g in pairs])

    def closed(self, tree: Tree) -> Tree:
        """Return `tree` as the outside sees it: tensors that depend on nothing out there have no history."""
        return mapped(lambda x: self._closed(x) if isinstance(x, Tensor) else x, tree)

    def _closed(self, x: Tensor) -> Tensor:
        return x if not x.tracked or (context().grad and self._followed(x)) else x.detach()

    def _followed(self, x: Tensor) -> bool:
        """Return whether `x` depends on something outside that requires a gradient.

        What is older than the call and still recorded does: no result of a transform is, unless it is followed.
        """
        return x.tracked and next(ends([x.node or leaf(x)], self.start), None) is not None


def record(
    where: str, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums, has_aux: bool
) -> Recording:
    """Return the recording of ``func(*args, **kwargs)`` with the arguments at `argnums` as inputs.

    Raises:
        AutogradError: `argnums` names no argument, or one twice; the function returns something else than tensors, or
            no pair with `has_aux`. `where` is the transform that the message names.
        TypeError: an input is not a Tensor.
        DTypeError: an input has an integer dtype.
    """
    positions = _positions(argnums, len(args))
    picked = args[positions[0]] if isinstance(argnums, int) else tuple([args[i] for i in positions])
    form = structure(picked)
    outside, start = context().grad, tick()
    hidden: list[Node] = []
    try:
        with within(grad=True, flags=context().flags | TRANSFORMED):
            inputs = [_fresh(x, outside, hidden) for x in leaves(picked)]
            own = filled(form, map(_twin, inputs))
            given = list(args)
            for i, value in zip(positions, (own,) if isinstance(argnums, int) else own, strict=True):
                given[i] = value
            result = func(*given, **kwargs)
    finally:
        for node in hidden:
            node.tracked = False  # from here on nobody asks for its gradient: it is a constant to everyone outside
    output, aux = _split(where, result) if has_aux else (result, None)
    for y in leaves(output):
        if not isinstance(y, Tensor):
            raise AutogradError(f"{where}: expected f(*args) to return only tensors, got unsupported type {type(y)}")
    return Recording(inputs, form, output, aux, start)


def _positions(argnums: Any, count: int) -> list[int]:
    if not isinstance(argnums, int | tuple):
        raise AutogradError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    given = argnums if isinstance(argnums, tuple) else (argnums,)
    if not given:
        raise AutogradError("argnums must be non-empty: say which arguments to differentiate with respect to")
    for i in given:
        if not isinstance(i, int):
            raise AutogradError(f"argnum must be int, got: {type(i)}")
        if not -count <= i < count:
            raise AutogradError(f"Got argnum={i}, but only {count} positional inputs")
    positions = [i % count for i in given]
    if len(set(positions)) < len(positions):
        raise AutogradError(f"argnums elements must be unique, got {argnums}")
    return positions


def _fresh(x: Any, outside: bool, hidden: list[Node]) -> Tensor:
    """Return a recorded copy of `x`, or of a leaf of its own, added to `hidden`, where nothing outside follows `x`."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"Thing passed to transform API must be Tensor, got {type(x)}: convert it with tensorgrad.tensor(), or "
            f"leave its argument out of argnums"
        )
    if not (x.tracked and outside):
        x = wrap(x.array)
        x.requires_grad = True
        hidden.append(leaf(x))
    return unasked(ops.astype(x, dtype=x.array.dtype))


def _twin(x: Tensor) -> Tensor:
    """Return another tensor at the place of `x`: a write by the function moves that one on and leaves the input."""
    assert x.node is not None
    return linked(x.array, x.node)


def _split(where: str, result: Any) -> tuple[Any, Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise AutogradError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def _in_dtype(value: Tensor, like: Tensor) -> Tensor:
    """Return a cotangent or tangent in the dtype of the value it belongs to."""
    if value.array.shape != like.array.shape:
        raise ShapeError(
            f"Mismatch in shape: the cotangent or tangent has a shape of {value.array.shape} and the value that it "
            f"belongs to has a shape of {like.array.shape}"
        )
    return value if value.array.dtype == like.array.dtype else ops.astype(value, dtype=like.array.dtype)


def checked_like(what: str, given: Tree, of: str, form: Tree) -> list[Tensor]:
    """Return the leaves of `given`, Tensors in the structure `form` of `of`, or raise.

    Raises:
        AutogradError: `given` has another structure.
        TypeError: a leaf of it is not a Tensor.
    """
    found = leaves_like(form, given)
    if found is None:
        raise AutogradError(
            f"Expected pytree structure of {what} to be the same as pytree structure of {of}. "
            f"{what}: {structure(given)}, {of}: {form}"
        )
    for value in found:
        if not isinstance(value, Tensor):
            raise TypeError(f"Expected {what} to contain only Tensors, got {type(value)}")
    return found


def check_differentiable_outputs(where: str, outputs: Sequence[Tensor]) -> None:
    """Raise unless there are outputs and all are floating point.

    Raises:
        AutogradError: there is no output.
        DTypeError: an output that is not floating point or complex.
    """
    if not outputs:
        raise AutogradError(f"{where}: Expected f to be a function that has non-empty output (got output = [])")
    for y in outputs:
        if y.array.dtype.kind not in "fc":
            raise DTypeError(
                f"{where}: All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                f"{y.array.dtype}"
            )
