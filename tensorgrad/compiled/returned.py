"""How the tensors of a result are made, and what of the memory outside has been written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tensorgrad.autograd.order import reachable
from tensorgrad.base.callsite import here
from tensorgrad.base.watched import is_watched
from tensorgrad.engine.primitive import Primitive
from tensorgrad.engine.tensor import Node, Tensor, recorded, wrap
from tensorgrad.program.contents import Program

from .capture import Capture


class Returned(NamedTuple):
    """One tensor of a result: the one `given` with a number, one that is `held` anyway, a gradient, or a new one.

    A gradient is what then stands in `grad` of the tensor `of`, or of the one given with that number.

    One that stands in a result `again` is the same object there.

    A new one has the value `number`; `primitive` made it where it has a history, which is `live` if gradients can still
    be asked for through it.
    """

    given: int | None = None
    held: Tensor | None = None
    of: Tensor | int | None = None
    again: int | None = None
    number: int | None = None
    primitive: Primitive | None = None
    live: bool = False


def returned(found: list[Tensor], capture: Capture) -> list[Returned]:
    """Return how each tensor of a result is made."""
    first = {id(x): i for i, x in reversed(list(enumerate(found)))}
    return [_returned(x, capture) if first[id(x)] == i else Returned(again=first[id(x)]) for i, x in enumerate(found)]


def _returned(x: Tensor, capture: Capture) -> Returned:
    """Return how a tensor of the result is made."""
    for number, other in enumerate(capture.given):
        if other is x:
            return Returned(given=number)
    for other in capture.tensors:
        if other.kept_grad is x and id(other) not in capture.fillings:
            return Returned(of=capture.thing(other))
    if any(other is x for other in capture.tensors):
        if id(x) in capture.fillings:
            capture.unfit("a gradient that was there before is returned, and its tensor has another one: return a copy")
        return Returned(held=x)
    reference = capture.argument(x.array)
    value = capture.program.values[reference.number]
    if value.kind == "fetched":
        capture.unfit("a tensor that is returned shares the memory of one that was there before")
    if any(np.may_share_memory(capture.program.arrays[reference.number], a) for a in capture.reached.arrays):
        capture.unfit("a tensor that is returned shares the memory of a NumPy array")
    if value.kind == "constant":
        reference = capture.argument(capture.copy(reference.number))
    if type(x) is not Tensor:
        capture.unfit(f"a {type(x).__name__} is returned")
    if x.kept_grad is not None or x.retains_grad:
        capture.unfit(
            "a tensor that is returned keeps a gradient of its own (retain_grad): return its .grad in its place"
        )
    node = None if x.is_leaf else x.node
    live = x.tracked and node is not None and not _is_spent(node)
    if x.tracked and node is None:
        capture.unfit("a leaf that requires grad is made and returned")
    return Returned(number=reference.number, primitive=None if node is None else node.primitive, live=live)


def _is_spent(node: Node) -> bool:
    """Return whether a backward pass has freed what leads to `node`."""
    return any(n.saved is None for n in reachable([node]) if n.primitive is not None)


def delivered(outputs: list[Returned], given: list[Tensor], arrays: list[Any], live: list[Tensor]) -> Iterator[Tensor]:
    """Yield the tensors of a result, of new `arrays`, and of tensors with a history."""
    found: list[Tensor] = []
    new, recorded_ = iter(arrays), iter(live)
    for output in outputs:
        if output.given is not None:
            found.append(given[output.given])
        elif output.held is not None:
            found.append(output.held)
        elif output.of is not None:
            found.append(_gradient(given[output.of] if isinstance(output.of, int) else output.of))
        elif output.again is not None:
            found.append(found[output.again])
        else:
            array = next(new)
            found.append(next(recorded_) if output.live else _made(array, output.primitive))
    return iter(found)


def _gradient(x: Tensor) -> Tensor:
    assert x.kept_grad is not None, "a gradient that is returned has been left there"
    return x.kept_grad


def _made(array: Any, primitive: Primitive | None) -> Tensor:
    """Return a new tensor; with a history that nobody can use any more, if it has one."""
    if primitive is None:
        return wrap(array)
    y = recorded(array, primitive, (), {}, (), None)
    assert y.node is not None
    y.node.saved, y.node.freed = None, here(1)
    return y


class Written(NamedTuple):
    """A tensor that is written, the one given with a number or another one; or the gradient of it."""

    thing: Tensor | int
    gradient: bool

    def tensor(self, given: list[Tensor]) -> Tensor | None:
        """Return the tensor, or the gradient if there is one."""
        x = given[self.thing] if isinstance(self.thing, int) else self.thing
        return x.kept_grad if self.gradient else x


def written(capture: Capture) -> list[Written]:
    """Return what of the memory outside has been written: a graph that had saved it is refused from then on."""
    program = capture.program
    blocks = _written_outside(program)
    gradients = {id(x.kept_grad): x for x in capture.tensors if x.kept_grad is not None}
    found = []
    for x in capture.tensors:
        value: Any = x.array
        if is_watched(value) and program.values[value.number].block in blocks:
            thing = gradients.get(id(x), x)
            found.append(Written(capture.thing(thing), thing is not x))
    return found


def _written_outside(program: Program) -> set[int]:
    """Return the blocks that are written while they are memory outside; of what is still to be told no graph knows."""
    outside: set[int] = set()
    found: set[int] = set()
    for step in program.steps:
        if step.kind == "fetch" and step.out is not None:
            outside.add(program.values[step.out].block)
        found |= program.blocks_of(step.writes) & outside
    return found
