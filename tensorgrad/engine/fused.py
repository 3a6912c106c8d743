"""Fused forms: one recorded node in place of a composition, for the first-order reverse sweep only.

A composition of primitives is right at every order and draws itself, but on small arrays its many nodes cost more than
its arithmetic. A fused form computes the same value, and the same first-order cotangents, in fewer passes. It is never
what a derivative of higher order, a tangent or a drawing sees: there its node is replaced, in place, by the nodes of
the composition, recorded anew from the saved inputs. The tests hold each form equal to its composition.

Where a function has several results, one node stands for the computation, and has no value: its cotangent is those of
the results, flat, one after the other. Each result is a node that reads this one.
"""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Collection, Iterable
from typing import Any, final

import numpy as np

from tensorgrad.base.callsite import Place
from tensorgrad.base.context import BATCHING, UNFUSED, Context, context, within
from tensorgrad.base.numerics import room
from tensorgrad.base.switches import Kernel

from .batched import within_levels
from .explanations import explained
from .generalforms import asarray
from .primitive import Primitive, Rule, Signature, always, times
from .shared_memory import Exposed, check_unexposed, lasting
from .tensor import Node, Tensor, leaf, linked, node_of, recorded, tick, wrap
from .writes import check_unwritten, last_write

_PLAIN = (np.ndarray, Exposed)
_RESULT = "one of several results"


@final
class Saved(tuple[Any, ...]):  # noqa: SLOT001 - a tuple subclass cannot have slots, and needs attributes
    """The saved values of a fused node: ``(y, *inputs)``, with None for what its backward function does not read.

    Beside them stand the residuals, which it reads as well, and all inputs, which the composition reads.
    """

    residuals: tuple[Any, ...]
    inputs: tuple[Any, ...]
    results: tuple[weakref.ref[Node], ...] = ()  # the nodes of several results

    @classmethod
    def of(
        cls, arrays: tuple[Any, ...], residuals: tuple[Any, ...], y: Any = None, reads: Collection[int] | None = None
    ) -> Saved:
        """Return what is saved of the inputs, of which those in `reads` are read, the residuals, and `y` among them."""
        kept = arrays
        if reads is not None:
            kept = tuple([a if i in reads else None for i, a in enumerate(arrays)]) if reads else (None,) * len(arrays)
        for r in residuals:
            if r is y:
                break
        else:
            y = None
        self = cls((y, *kept))
        self.residuals, self.inputs = residuals, arrays
        return self


class Pullback:
    """In the place of rules: a function that gives the cotangents of all arguments at once."""

    def __init__(self, backward: Kernel) -> None:
        self.backward = backward

    def rules(self, g: Any, saved: Saved, node: Node) -> list[Rule]:  # noqa: ARG002 - what other rules need
        """Return a rule per argument, each of which knows its cotangent for `g` already, or how to compute it."""
        found = self.backward.run(g, saved.residuals, saved[1:])
        return [_computing(gx) if callable(gx) else always(gx) for gx in found]


def _by_slope(v: Any, s: Any, n: Any) -> Any:
    """The rule of a function that has kept its slope, which may be given out once `n` is freed: nobody reads it."""
    return times(v, s.residuals[0], s.residuals if n.saved is s else s.inputs)


def _computing(cotangent: Callable[[], Any]) -> Rule:
    return lambda v, s, n: cotangent()


def fused(
    name: str,
    composed: Callable[..., Tensor],
    forward: Callable[..., tuple[Any, tuple[Any, ...]]],
    backward: Callable[..., tuple[Any, ...]],
    reads: Collection[int] | None = None,
    compiles: bool = False,
) -> Callable[..., tuple[Tensor, tuple[Any, ...]]]:
    """Return the fused form of `composed`: a function of the same tensors that gives its value and the residuals.

    Args:
        name: what the node is called where it is seen at all.
        composed: the definition, tensors and keyword parameters -> tensor.
        forward: arrays and the same parameters -> (value, residuals), residuals being a tuple of arrays.
        backward: (g, residuals, arrays) -> one cotangent per array, or None where there is none; one that costs much
            may be a function without arguments, which is called only if it is wanted.
        reads: which of the arrays `backward` reads (None: all); the others may be written before it runs.
        compiles: whether the two may have compiled forms.
    """
    record = _record(name, composed, forward, Pullback(Kernel(backward, compiles=compiles)))
    return _recording(record, Kernel(forward, compiles=compiles), reads)


def _recording(
    record: Primitive, kernel: Kernel, reads: Collection[int] | None
) -> Callable[..., tuple[Tensor, tuple[Any, ...]]]:
    def op(*args: Tensor, **params: Any) -> tuple[Tensor, tuple[Any, ...]]:
        arrays, out, residuals, mode = _run(record, kernel, args, params)
        if mode is None:
            return wrap(out), residuals
        inputs = tuple([a.node or leaf(a) for a in args])
        return recorded(out, record, inputs, params, Saved.of(arrays, residuals, out, reads), mode), residuals

    return op


def fused_several(
    name: str,
    composed: Callable[..., tuple[Tensor, ...]],
    forward: Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]],
    backward: Callable[..., tuple[Any, ...]],
    hides: str = "",
) -> Callable[..., tuple[Tensor, ...]]:
    """Return the fused form of a function with several results of one dtype: what `fused` does, for a tuple of them.

    Args:
        name, composed, forward: as there; `composed` gives a tuple of tensors, `forward` one of arrays as the value.
        backward: as there, of the flat cotangent of all results.
        hides: which values of an argument may have no influence, as in `Primitive`.
    """
    kernel = Kernel(forward, compiles=False)
    record = _record(name, None, forward, Pullback(Kernel(backward, compiles=False)))
    result = record.changed(kind=_RESULT, vjps=(_beside,), together=False, hides=hides, composed=composed)

    def op(*args: Tensor, **params: Any) -> tuple[Tensor, ...]:
        arrays, outs, residuals, mode = _run(record, kernel, args, params)
        if mode is None:
            return tuple(map(wrap, outs))
        saved, inputs = Saved.of(arrays, residuals), tuple([a.node or leaf(a) for a in args])
        sizes = [math.prod(out.shape) for out in outs]
        nothing = np.empty(sum(sizes), outs[0].dtype)  # has the shape of the cotangent, and nobody reads it
        parent = (node_of(recorded(nothing, record, inputs, params, saved, mode)),)
        made, start = [], 0
        for out, size in zip(outs, sizes, strict=True):
            made.append(recorded(out, result, parent, {"start": start}, (None, *arrays), mode))
            start += size
        saved.results = tuple([weakref.ref(node_of(y)) for y in made])
        return tuple(made)

    return op


def sloped(name: str, composed: Callable[..., Tensor], kernel: Callable[..., tuple[Any, Any]]) -> Callable[..., Tensor]:
    """Return the fused form of a function of each element of one tensor, which keeps its slope for the way back.

    What a value and its slope have in common, an exponential mostly, is computed once.

    Args:
        name: what the node is called where it is seen at all.
        composed: the definition, tensor and keyword parameters -> tensor.
        kernel: array, whether the slope is wanted, and the same parameters -> (value, slope or None).
    """
    held, record = Kernel(kernel, each=True), _record(name, composed, composed, (_by_slope,), together=False)

    @functools.wraps(composed)
    def op(x: Any, **params: Any) -> Tensor:
        if not isinstance(x, Tensor) or not fusible(x):  # rules call operations with plain arrays
            return composed(x, **params)
        for v in params.values():
            if isinstance(v, Tensor):
                return composed(x, **params)
        mode = context()
        if not (x.tracked and mode.grad):
            return wrap(asarray(held.run(x.array, False, **params)[0]))
        a = x.array if x.array.__class__ is np.ndarray else lasting(x)
        y, slope = held.run(a, True, **params)
        saved = Saved((None, None))
        saved.residuals, saved.inputs = (slope,), (a,)
        if y.__class__ is not np.ndarray:
            y = asarray(y)
        return recorded(y, record, (x.node or leaf(x),), params, saved, mode)

    return op


def _record(
    name: str,
    composed: Callable[..., Any] | None,
    forward: Callable[..., Any],
    vjps: Pullback | tuple[Rule],
    together: bool = True,
) -> Primitive:
    return Primitive(
        name, "fused", forward, Signature.of(forward), vjps, (), lambda i: frozenset(), name, None, composed, together
    )


def _run(
    record: Primitive, kernel: Kernel, args: tuple[Tensor, ...], params: dict[str, Any]
) -> tuple[tuple[Any, ...], Any, tuple[Any, ...], Context | None]:
    """Return the arrays of `args`, the value, the residuals, and the mode in which to record; None for not at all."""
    given, tracked = [], False
    for a in args:  # of a few, quicker than a comprehension
        given.append(a.array if a.array.__class__ is np.ndarray else lasting(a))
        tracked = tracked or a.tracked
    arrays = tuple(given)
    try:
        out, residuals = kernel.run(*arrays, **params)
    except ValueError as error:
        raise explained(record, given, error) from error
    mode = context()
    return arrays, out, residuals, mode if tracked and mode.grad else None


def _beside(g: Any, saved: Any, node: Node) -> Any:
    """Return the cotangent `g` of one of several results as that of all, in its place."""
    (parent,), start = node.inputs, node.params["start"]
    flat = room(np.zeros, parent.shape, parent.dtype, g)
    flat[start : start + math.prod(node.shape)].reshape(node.shape)[...] = g
    return flat


def cut(flat: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """Return the cotangents of results of these shapes, of which `flat` is that of all.

    >>> [g.tolist() for g in cut(np.arange(5), (2, 2), (1,))]
    [[[0, 1], [2, 3]], [4]]
    """
    found, start = [], 0
    for shape in shapes:
        end = start + math.prod(shape)
        found.append(flat[start:end].reshape(shape))
        start = end
    return found


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
            whole = node.inputs[0] if node.primitive.kind == _RESULT else node
            if whole.saved is not None:
                _expand(node, whole, node.primitive.composed)
                found = True
    return found


def _expand(node: Node, whole: Node, composed: Callable[..., Any]) -> None:
    """Replace `node`; with it the other results of `whole`, which stands for the computation.

    No fused form is recorded where examples are run at once: what replaces one has no part in the batch either.
    """
    saved = whole.saved
    given = saved.inputs if isinstance(saved, Saved) else (saved or ())[1:]
    if last_write[0] > whole.serial:
        check_unwritten(whole, given)
        check_unexposed(whole, given)
    start = tick()
    if whole.primitive is not None and whole.primitive.kind == "compiled":
        with within_levels(()), within(grad=True, scope=whole.scope, special=context().special & ~BATCHING):
            composed(node)
        return
    fresh = within(grad=True, scope=whole.scope, special=context().special & ~BATCHING | UNFUSED)
    with within_levels(()), fresh, np.errstate(all="ignore"):  # the fused form has warned of what is not finite
        inputs = [linked(x, i) for x, i in zip(given, whole.inputs, strict=True)]
        made = composed(*inputs, **whole.params)
    several = isinstance(saved, Saved) and saved.results
    results: list[Node | None] = [ref() for ref in several] if several else [node]
    take_places([node_of(y) for y in (made if several else (made,))], results, start, whole.serial, whole.place)


def take_places(
    made: list[Node], mine: list[Node | None], start: int, serial: float, place: Place | None = None
) -> None:
    """Let each of `mine`, if it lives, become what the one in `made` is, recorded after the moment `start`.

    All that was recorded since then takes its place in the order of creation just before `serial`; `place`, if given,
    is where the script stood.
    """
    span, instead = tick() - start, dict(zip(made, mine, strict=True))
    pending = list(made)
    for new in pending:  # grows while it is walked
        if new.serial > start:
            new.serial = serial - 1 + (new.serial - start) / span
            new.place = place or new.place
            pending.extend(i for i in new.inputs if isinstance(i, Node))
            new.inputs = tuple([instead.get(i) or i if isinstance(i, Node) else i for i in new.inputs])
    for new, old in zip(made, mine, strict=True):
        if old is not None:
            old.primitive, old.params, old.saved, old.inputs = new.primitive, new.params, new.saved, new.inputs
            old.serial = new.serial  # what reads it may be another of `mine`
