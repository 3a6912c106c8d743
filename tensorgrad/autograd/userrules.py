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
from tensorgrad.base.context import STRONG, context
from tensorgrad.base.dtypes import Array
from tensorgrad.engine.batched import is_batched
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
    shapes: list[tuple[int, ...]] | None  # of the outputs with a gradient; None for a single one
    outputs: list[Any]  # for each output: True if it has a gradient, else what stands for that

    @classmethod
    def of(cls, arrays: Iterable[Any], ctx: Any, shapes: list[tuple[int, ...]] | None, outputs: list[Any]) -> Saved:
        """Return `arrays` with what stands beside them."""
        self = cls(arrays)
        self.ctx, self.shapes, self.outputs = ctx, shapes, outputs
        return self

    def gradients(self, g: Tensor) -> list[Tensor | None]:
        """Return what `backward` is called with: a part of the flat cotangent `g` for each output that has one."""
        parts = iter(unpacked(g, self.shapes))
        return [next(parts) if given is True else None if given is None else given() for given in self.outputs]

    def flat(self, tangents: Any) -> Tensor:
        """Return the tangents of the outputs that have gradients, flat, one after the other."""
        found = list(tangents) if isinstance(tangents, tuple | list) else [tangents]
        return _packed([t for t, given in zip(found, self.outputs, strict=True) if given is True], self.shapes)


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
        if boxed and context().grad and not context().special & STRONG:
            found = self._recorded(g, saved, node)
        else:
            with nullcontext() if boxed else no_grad():
                found = self.cotangents(
                    saved, node, g if boxed else wrap(g.copy() if is_batched(g) else np.array(g))
                )  # user code may write to it
        return [None if gx is None else always(gx if boxed else gx.array) for gx in found]

    def cotangents(self, saved: Saved, node: Node, g: Tensor) -> list[Tensor | None]:
        """Return what `backward` gives, checked."""
        name = f"function {self.name}Backward"
        result = self.backward(saved.ctx, *saved.gradients(g))
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
            elif not _sums_down(gx.array.shape, parent.shape, node.shape):
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
            y = saved.flat(self.jvp(saved.ctx, *given))
        return y if boxed else y.array

    def _transposed(self, i: int, t: Tensor, saved: Saved, node: Node, boxed: bool) -> Tensor:
        """Return the derivative of ``<backward(u), t>`` by u: the same at any u, for `backward` is linear in it."""
        u = _irregular(node)
        start = node_of(u)
        try:
            with enable_grad():
                gx = self.cotangents(saved, node, u)[i]
        except AutogradError as error:  # as .numpy() raises
            raise AutogradError(
                f"the forward mode of function {self.name} is not known, define its jvp: {error}"
            ) from error
        if gx is None or not (gx.tracked or gx.array.any()):
            return wrap(np.zeros(node.shape, node.dtype))
        if gx.array.shape != t.array.shape:
            t = ops.broadcast_to(t, shape=gx.array.shape)  # the sweep sums what broadcasting has repeated
        seed = {node_of(gx): t if boxed else t.array}
        found = reverse(seed, targets=[start], create_graph=boxed and context().grad) if gx.tracked else {}
        y = found.get(start)
        if y is None:
            raise AutogradError(f"the forward mode of function {self.name} is not known: {_LEFT}, or define its jvp")
        y = y if isinstance(y, Tensor) else wrap(y)
        if not _is_transposed(u.array, y.array, gx.array, t.array):
            raise AutogradError(
                f"the forward mode of function {self.name} is not known: its backward is not linear in the gradient "
                f"that it is given, or leaves the graph in parts of it (NumPy, .detach(), .item()): define its jvp"
            )
        return y

    def _recorded(self, g: Tensor, saved: Saved, node: Node) -> list[Tensor | None]:
        """Return what `backward` gives; what left the graph refuses to be differentiated: it would pass for a constant.

        A constant gradient is given a place in the graph meanwhile: what is linear in it depends on it, or is zero.
        """
        watched = g if g.tracked else unknown("gradient", "", g.array, ())
        try:
            found = self.cotangents(saved, node, watched)
        except AutogradError:  # as .numpy() raises, though not of a constant
            if watched is g:
                raise
            found = self.cotangents(saved, node, g)
        text = f"the backward of function {self.name} cannot be differentiated: {_LEFT}"
        for i, gx in enumerate(found):
            if gx is None:
                continue
            if not gx.tracked:
                if gx.array.any() or (g.tracked and not g.array.all() and self._answers(i, saved, node)):
                    found[i] = unknown(self.name, text, gx.array, (*([node_of(g)] if g.tracked else []), *node.inputs))
            elif watched is not g and not _depends_on_more(gx, node_of(watched)):
                found[i] = wrap(gx.array)
        return found

    def _answers(self, i: int, saved: Saved, node: Node) -> bool:
        """Return whether the gradient of argument `i` is not always zero, as it was for a gradient with zeros."""
        gx = self.cotangents(saved, node, wrap(_irregular(node).array))[i]
        return gx is not None and bool(gx.array.any())


def _depends_on_more(gx: Tensor, start: Node) -> bool:
    """Return whether `gx` was computed from anything that was recorded before `start`, or from another leaf."""
    reached, seen = [node_of(gx)], set()
    for node in reached:  # grows while it is walked
        if node.serial < start.serial or node.primitive is None:
            return True
        new = [i for i in node.inputs if isinstance(i, Node) and i.tracked and i not in seen]
        seen.update(new)
        reached += new
    return False


_LEFT = (
    "its backward does not depend on the gradient that it is given, as far as the graph tells; where it leaves the "
    "graph (NumPy, .detach(), .item()), write it with operations of tensorgrad"
)


def _irregular(node: Node) -> Tensor:
    """Return a leaf in the shape of the value of `node` that no sum or difference of neighbours makes zero."""
    steps = np.arange(1, math.prod(node.shape) + 1) * ((math.sqrt(5) - 1) / 2)
    return wrap((0.5 + (steps % 1.0) / 2).reshape(node.shape).astype(node.dtype)).requires_grad_()


def _sums_down(shape: tuple[int, ...], to: tuple[int, ...], output: tuple[int, ...]) -> bool:
    """Return whether a gradient of `shape` can be summed down to `to`; over nothing only where `output` is empty."""
    lead = len(shape) - len(to)
    fits = lead >= 0 and all(n in (1, m) for m, n in zip(shape[lead:], to, strict=True))
    return fits and (0 not in shape or 0 in to or 0 in output)


def _is_transposed(u: Array, y: Array, gx: Array, t: Array) -> bool:
    """Return whether ``<u, y> = <gx, t>`` but for rounding; so too where either is not finite."""
    with np.errstate(all="ignore"):
        left, right = (u * y).real, (gx.conj() * t).real
        size = float(np.abs(left).sum(dtype=np.float64) + np.abs(right).sum(dtype=np.float64))
        off = abs(float(left.sum(dtype=np.float64)) - float(right.sum(dtype=np.float64)))
    return not math.isfinite(size) or off <= math.sqrt(np.finfo(y.dtype).eps) * size


class _Unknown:
    """The rules of a value of which is not recorded how it depends on the arguments."""

    def __init__(self, text: str) -> None:
        self.text = text

    def rules(self, g: Any, saved: Any, node: Node) -> NoReturn:  # noqa: ARG002 - called as all rules are
        """Raise AutogradError: the value has been differentiated."""
        raise AutogradError(self.text)

    def __iter__(self) -> Iterator[Rule]:
        return (lambda t, saved, node: self.rules(t, saved, node) for _ in count())


def unknown(name: str, text: str, array: Array, inputs: tuple[Any, ...]) -> Tensor:
    """Return `array` as computed from `inputs` by function `name`; differentiating it raises an error of `text`."""
    rules = _Unknown(text)
    return recorded(array, record_of(name, rules.rules, rules), inputs, {}, (), context())


def computed_inside(name: str, array: Array, inputs: tuple[Any, ...]) -> Node:
    """Return a node for what the forward of function `name` computed from `inputs` without a record."""
    text = (
        f"the backward of function {name} was differentiated through a tensor that its forward computed and saved, "
        f"whose derivative is not known: save the arguments and compute it from them in backward; or, if it is "
        f"constant, set it as an attribute of ctx"
    )
    return node_of(unknown(name, text, array, inputs))


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


def _packed(tangents: list[Any], shapes: list[tuple[int, ...]] | None) -> Tensor:
    """Return `tangents`, of outputs of these shapes, flat, one after the other."""
    if shapes is None:
        y: Tensor = tangents[0]
        return y
    flat = [ops.reshape(wrap(np.zeros(s)) if t is None else t, shape=(math.prod(s),))
            for t, s in zip(tangents, shapes, strict=True)]  # fmt: skip
    return ops.concatenate(*flat, axis=0)
