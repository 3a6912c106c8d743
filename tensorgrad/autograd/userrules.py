"""The rules of a node whose derivative the user wrote: from the functions `backward` and `jvp` of a `Function`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import count
from typing import Any, NoReturn, final

import numpy as np

from tensorgrad import ops
from tensorgrad.base.context import context
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.primitive import Primitive, Rule, Signature, always
from tensorgrad.engine.shared_memory import plain
from tensorgrad.engine.tensor import Node, Tensor, node_of, recorded, wrap
from tensorgrad.errors import AutogradError, ShapeError

from .careful import reverse
from .modes import enable_grad, no_grad


@final
class Saved(tuple[Any, ...]):  # noqa: SLOT001 - a tuple subclass cannot have slots, and needs attributes
    """The saved values of a function's node: arrays, for the check of writes, and the context."""

    ctx: Any
    shapes: list[tuple[int, ...]] | None  # of the outputs; None for a single one

    @classmethod
    def of(cls, arrays: Iterable[Any], ctx: Any, shapes: list[tuple[int, ...]] | None) -> Saved:
        """Return `arrays` with what stands beside them."""
        self = cls(arrays)
        self.ctx, self.shapes = ctx, shapes
        return self


def record_of(name: str, forward: Callable[..., Any], rules: Any) -> Primitive:
    """Return the record of an operation of which nothing is known but `rules`, as `Rules` has them."""
    return Primitive(
        name,
        "function",
        forward,
        Signature((), True, {}),
        rules,
        rules,
        lambda i: frozenset(),
        name,
        None,
        together=True,
        hides="any",
    )


class Rules:
    """The rules of a function's node: all cotangents at once from `backward`, tangents one argument at a time."""

    def __init__(self, name: str, backward: Callable[..., Any], jvp: Callable[..., Any] | None) -> None:
        self.name = name
        self.backward = backward
        self.jvp = jvp

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule | None]:
        """Return for each argument a rule that knows its cotangent already."""
        boxed = isinstance(g, Tensor)
        with nullcontext() if boxed else no_grad():
            found = self.cotangents(saved, node, g if boxed else wrap(np.array(g)))  # user code may write to it
        return [None if gx is None else always(gx if boxed else gx.array) for gx in found]

    def cotangents(self, saved: Saved, node: Node, g: Tensor) -> list[Tensor | None]:
        """Return what `backward` gives, checked."""
        name = f"function {self.name}Backward"
        result = self.backward(saved.ctx, *unpacked(g, saved.shapes))
        found = list(result) if isinstance(result, tuple | list) else [result]
        while len(found) > len(node.inputs) and found[-1] is None:
            found.pop()
        if len(found) != len(node.inputs):
            raise AutogradError(
                f"{name} returned an incorrect number of gradients (expected {len(node.inputs)}, got {len(found)}): "
                f"backward returns one for each argument of forward, None where there is none"
            )
        for i, (gx, parent) in enumerate(zip(found, node.inputs, strict=True)):
            if gx is None or not isinstance(parent, Node):
                found[i] = None
            elif not isinstance(gx, Tensor):
                raise TypeError(f"{name}: expected a Tensor or None as gradient {i}, got {type(gx).__name__}")
            elif np.broadcast_shapes(gx.array.shape, parent.shape) != gx.array.shape:
                raise ShapeError(
                    f"{name} returned an invalid gradient at index {i} - got {list(gx.array.shape)} but expected shape "
                    f"compatible with {list(parent.shape)}"
                )
        return found

    def __iter__(self) -> Iterator[Rule]:
        return (functools.partial(self.tangent, i) for i in count())

    def tangent(self, i: int, t: Any, saved: Saved, node: Node) -> Any:
        """Return what the tangent `t` of argument `i` does to the value of the node."""
        boxed = isinstance(t, Tensor)
        tangent = t if boxed else wrap(t)
        if self.jvp is None:
            y = self._transposed(i, tangent, saved, node, boxed)
        else:
            given = [tangent if j == i else None for j in range(len(node.inputs))]
            y = _packed(self.jvp(saved.ctx, *given), saved.shapes)
        return y if boxed else y.array

    def _transposed(self, i: int, t: Tensor, saved: Saved, node: Node, boxed: bool) -> Tensor:
        """Return the derivative of ``<backward(u), t>`` by u, at any u: `backward` is linear in it."""
        u = wrap(np.zeros(node.shape, node.dtype))
        u.requires_grad = True
        with enable_grad():
            gx = self.cotangents(saved, node, u)[i]
        if gx is None or not gx.tracked:
            return wrap(np.zeros(node.shape, node.dtype))
        assert u.node is not None
        assert gx.node is not None
        seed = {gx.node: t if boxed else t.array}
        y = reverse(seed, targets=[u.node], create_graph=boxed and context().grad)[u.node]
        return y if isinstance(y, Tensor) else wrap(y)


class _Unknown:
    """The rules of what forward has computed and saved: how it depends on the arguments was not recorded."""

    def __init__(self, name: str) -> None:
        self.name = name

    def rules(self, g: Any, saved: Any, node: Node) -> NoReturn:  # noqa: ARG002 - called as all rules are
        """Raise AutogradError: backward has been differentiated."""
        raise AutogradError(
            f"the backward of function {self.name} was differentiated through a tensor that its forward computed and "
            f"saved, whose derivative is not known: save the arguments and compute it from them in backward; or, if it "
            f"is constant, set it as an attribute of ctx"
        )

    def __iter__(self) -> Iterator[Rule]:
        return (lambda t, saved, node: self.rules(t, saved, node) for _ in count())


def computed_inside(name: str, array: Array, inputs: tuple[Any, ...]) -> Node:
    """Return a node for what the forward of function `name` computed from `inputs` without a record."""
    unknown = _Unknown(name)
    return node_of(recorded(array, record_of(name, unknown.rules, unknown), inputs, {}, (), context()))


def unpacked(g: Tensor, shapes: list[tuple[int, ...]] | None) -> list[Tensor]:
    """Return the parts of the flat cotangent `g` in the shapes of the outputs."""
    if shapes is None:
        return [g]
    parts, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        parts.append(ops.reshape(ops.getitem(g, index=slice(start, end)), shape=shape))
        start = end
    return parts


def joint(record: Primitive, inputs: tuple[Any, ...], outputs: list[Tensor]) -> tuple[Node, list[Node], Any]:
    """Return a node that gives all `outputs`, the node of each of them, and their shapes as `Saved` has them.

    A single output is the value of the node; several are cut out of their flat concatenation.
    """
    single = len(outputs) == 1
    flat = outputs[0].array if single else np.concatenate([y.array.ravel() for y in outputs])
    shapes = None if single else [y.array.shape for y in outputs]
    value = recorded(plain(flat), record, inputs, {}, (), context())
    return node_of(value), [node_of(part) for part in unpacked(value, shapes)], shapes


def _packed(tangents: Any, shapes: list[tuple[int, ...]] | None) -> Tensor:
    """Return the tangents of the outputs, flat, one after the other."""
    if shapes is None:
        y: Tensor = tangents[0] if isinstance(tangents, tuple | list) else tangents
        return y
    flat = [ops.reshape(wrap(np.zeros(s)) if t is None else t, shape=(math.prod(s),))
            for t, s in zip(tangents, shapes, strict=True)]  # fmt: skip
    return ops.concatenate(*flat, axis=0)
