"""Fused forms: one recorded node in place of a composition, for the first-order reverse sweep only.

A composition of primitives is right at every order and draws itself, but on small arrays its many nodes cost more than
its arithmetic. A fused form computes the same value, and the same first-order cotangents, in fewer passes. It is never
what a derivative of higher order, a tangent or a drawing sees: there its node is replaced, in place, by the nodes of
the composition, recorded anew from the saved inputs. The tests hold each form equal to its composition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from tensorgrad.base.context import context, within

from .explanations import explained
from .primitive import Primitive, Rule, Signature, always
from .shared_memory import Exposed, check_unexposed, lasting
from .tensor import Node, Tensor, leaf, linked, recorded, tick, wrap
from .writes import check_unwritten, last_write

_PLAIN = (np.ndarray, Exposed)


@final
class Saved(tuple[Any, ...]):  # noqa: SLOT001 - a tuple subclass cannot have slots, and needs an attribute
    """The saved values of a fused node: ``(None, *inputs)``, and what its backward function needs beside them."""

    residuals: tuple[Any, ...]


@dataclass(frozen=True)
class Pullback:
    """In the place of rules: a function that gives the cotangents of all arguments at once."""

    backward: Callable[..., tuple[Any, ...]]

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule]:  # noqa: ARG002 - what other rules need
        """Return a rule per argument, each of which knows its cotangent for `g` already."""
        return [always(known) for known in self.backward(g, saved.residuals, saved[1:])]


def fused(
    name: str,
    composed: Callable[..., Tensor],
    forward: Callable[..., tuple[Any, tuple[Any, ...]]],
    backward: Callable[..., tuple[Any, ...]],
) -> Callable[..., tuple[Tensor, tuple[Any, ...]]]:
    """Return the fused form of `composed`: a function of the same tensors that gives its value and the residuals.

    Args:
        name: what the node is called where it is seen at all.
        composed: the definition, tensors and keyword parameters -> tensor.
        forward: arrays and the same parameters -> (value, residuals), residuals being a tuple of arrays.
        backward: (g, residuals, arrays) -> one cotangent per array, or None where there is none.
    """
    count = composed.__code__.co_argcount  # the positional arguments are the tensors
    arguments = composed.__code__.co_varnames[:count]
    record = Primitive(
        name,
        "fused",
        forward,
        Signature(arguments, False, {}),
        Pullback(backward),
        (),
        lambda i: frozenset(),
        name,
        None,
        composed,
        together=True,
    )

    def op(*args: Tensor, **params: Any) -> tuple[Tensor, tuple[Any, ...]]:
        arrays = tuple([a.array if a.array.__class__ is np.ndarray else lasting(a) for a in args])
        try:
            out, residuals = forward(*arrays, **params)
        except ValueError as error:
            raise explained(record, list(arrays), error) from error
        mode = context()
        if not (mode.grad and True in [a.tracked for a in args]):
            return wrap(out), residuals
        saved = Saved((None, *arrays))
        saved.residuals = residuals
        inputs = tuple([a.node or leaf(a) for a in args])
        return recorded(out, record, inputs, params, saved, mode), residuals

    return op


def fusible(*args: Tensor | None) -> bool:
    """Return whether a fused form may stand for its composition here: no drawing is being traced, one float dtype."""
    first = args[0]
    assert first is not None
    dtype = first.array.dtype
    for a in args:
        if a is None or a.array.dtype is not dtype or a.array.__class__ not in _PLAIN:
            return False
    return dtype.kind == "f" and dtype.itemsize > 2 and not context().special


def expand(nodes: Iterable[Node]) -> bool:
    """Replace each fused node among `nodes` by the nodes of its composition; return whether there was any.

    So is one that stands for what a plan has computed, by the nodes of the function itself.

    A node whose saved values have been freed stays: a drawing can still show it, and a sweep refuses it.
    """
    found = False
    for node in nodes:
        if node.primitive is not None and node.primitive.composed is not None and node.saved is not None:
            _expand(node, node.primitive.composed)
            found = True
    return found


def _expand(node: Node, composed: Callable[..., Tensor]) -> None:
    saved = node.saved or ()
    if last_write[0] > node.serial:
        check_unwritten(node)
        check_unexposed(node)
    start = tick()
    with within(grad=True, scope=node.scope):
        if node.primitive is not None and node.primitive.kind == "compiled":
            last = composed(node).node
        else:
            inputs = [linked(x, i) for x, i in zip(saved[1:], node.inputs, strict=True)]
            last = composed(*inputs, **node.params).node
    assert last is not None
    pending, span = [last], tick() - start
    for new in pending:  # the new nodes take their place in creation order: between the fused node and the one before
        if new.serial > start:
            new.serial = node.serial - 1 + (new.serial - start) / span
            new.place = node.place
            pending.extend(i for i in new.inputs if isinstance(i, Node))
    node.primitive, node.params, node.saved, node.inputs = last.primitive, last.params, last.saved, last.inputs
